//! The journal of `witness submit`, read as an issuer would read it who wants to prove something.

use std::{collections::VecDeque, fs, path::Path};

use serde_json::Value;
use witness_core::hash::Hash;
use witness_tests::Trust;
use witness_wire::{Bytes, v1};

fn number_in(record: &Value, member: &str) -> u64 {
    record[member].as_u64().unwrap_or_else(|| panic!("no {member}: {record}"))
}

fn text_in<'a>(record: &'a Value, member: &str) -> &'a str {
    record[member].as_str().unwrap_or_else(|| panic!("no {member}: {record}"))
}

fn receipt_in(record: &Value) -> v1::Receipt {
    let path = record["path"].as_array().unwrap().iter();
    let hash = |hash: &Value| Hash::from_base64(hash.as_str().unwrap()).unwrap();
    v1::Receipt {
        index: number_in(record, "index"),
        received_at_us: number_in(record, "received_at_us"),
        registry_sequence: number_in(record, "registry_sequence"),
        checkpoint: Bytes::from(text_in(record, "checkpoint").to_owned()),
        path: path.map(|it| Bytes::from(hash(it).as_bytes().to_vec())).collect(),
        ..v1::Receipt::default()
    }
}

/// Each submission of the journal has a receipt that verifies, in order. Gives where they end.
pub(super) fn check_journal(journal: &Path, trust: &Trust) -> u64 {
    let mut pending: VecDeque<(u64, u64, String)> = VecDeque::new();
    let mut next = 0;
    for line in fs::read_to_string(journal).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        match text_in(&record, "record") {
            "signed" => {
                let (first, events) = (number_in(&record, "first"), number_in(&record, "events"));
                pending.push_back((first, events, text_in(&record, "note").to_owned()));
            }
            "receipt" => {
                let (first, events, note) = pending.pop_front().unwrap();
                assert_eq!((first, first), (next, number_in(&record, "first")));
                let _checkpoint = trust.receipt(note.as_bytes(), &receipt_in(&record));
                next += events;
            }
            "refused" => {
                let first = number_in(&record, "first");
                pending.retain(|signed| signed.0 < first);
            }
            _ => {}
        }
    }
    assert!(pending.is_empty(), "without a receipt: {pending:?}");
    next
}
