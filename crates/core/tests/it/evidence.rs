//! Evidence of an honest firm: what it proves.

use serde_json::Value;
use witness_core::{
    evidence::{FactKind, KnownRevocations, NotProved, Place, Verdict, verify},
    hash::Hash,
    note::Strict,
    registry::Recovery,
    tlog_policy::TlogPolicy,
};

use crate::world::{START, World, issuer_key, log_key, root_key};

fn good() -> (String, Verdict) {
    let evidence = World::eventful().evidence(&[1, 2, 3]);
    let verdict = verify(&evidence, &World::policy(), &[], &Strict).unwrap();
    (evidence.encode(), verdict)
}

#[test]
fn a_verdict_is_a_set_of_facts() {
    let (_, verdict) = good();
    assert_eq!(verdict.missing(&World::policy()), []);
    let [first, second, third] = verdict.items.as_slice() else { panic!("three documents") };
    assert_eq!(
        [first.events.len(), second.events.len(), third.events.len()].iter().sum::<usize>(),
        6
    );
    let deleted =
        verdict.items.iter().flat_map(|item| &item.events).max_by_key(|e| e.logged.index).unwrap();
    assert_eq!(deleted.change.kind().word(), "deleted");
    assert_eq!((deleted.sequence, deleted.logged.index.0, deleted.logged.size.0), (5, 10, 11));
    assert_eq!(deleted.logged.received_at.seconds(), START + 10);
    assert_eq!(deleted.published.unwrap().at.seconds(), START + 60);
    assert_eq!(deleted.signed.key, *issuer_key().verifying_key());
    assert_eq!((deleted.signed.added_sequence, deleted.signed.added_index.0), (1, 2));
    assert_eq!(deleted.signed.revocations, KnownRevocations::Complete);
    assert!(deleted.signed.recovery == Recovery::No && deleted.signed.revoked.is_none());
    let cosigned = deleted.cosigned.as_ref().unwrap();
    assert_eq!((cosigned.by.join(" ").as_str(), cosigned.of, cosigned.quorum), ("a b", 3, true));
    assert!(deleted.has(FactKind::Cosigned) && !deleted.has(FactKind::Anchored));
    assert_eq!(verdict.unchecked.len(), 1);
    let not_proved = [
        NotProved::Truth,
        NotProved::Occurrence,
        NotProved::Completeness,
        NotProved::FirmKeys,
        NotProved::LaterRevocation,
        NotProved::Times,
    ];
    assert_eq!(verdict.not_proved, not_proved);
    let suspect = verdict
        .items
        .iter()
        .flat_map(|item| &item.events)
        .filter(|e| e.signed.revoked.is_some_and(|revoked| revoked.suspect));
    assert_eq!(suspect.count(), 3);
}

#[test]
fn a_verdict_reads_as_plain_sentences_and_as_json() {
    let (text, verdict) = good();
    let lines = verdict.lines().join("\n");
    for part in [
        "school.example: deleted, the last of its 3 events in this file",
        "school.example: amended, its one event in this file",
        "2: status REVOKED (punitive), as skill-module",
        "index 10, received at 2026-02-02T02:40:10Z",
        "signature is suspect",
        "every registry change before it, by the log's own count, is in this file",
        "cosigned by 2 of 3 (a, b), from 2026-02-02T02:41:00Z to 2026-02-02T02:41:00Z: the quorum is met",
        "published under the checkpoint of size 11 at 2026-02-02T02:41:00Z",
        "its details are in this file",
        "not proved: that these are all events of the document",
        "not proved: that no later note of the firm had ended these keys",
        "not checked: checkpoints[0], signature line 5",
    ] {
        assert!(lines.contains(part), "{part}\n{lines}");
    }
    for line in text.split("\\n").filter_map(|line| line.strip_prefix("sha256 ")) {
        assert!(!lines.contains(line), "no sentence repeats a document hash");
    }
    let json: Value = serde_json::from_str(&verdict.to_json()).unwrap();
    assert_eq!(serde_json::to_string(&json).unwrap(), verdict.to_json(), "sorted");
    assert!(!has_number(&json), "integers are strings");
}

fn has_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(list) => list.iter().any(has_number),
        Value::Object(members) => members.values().any(has_number),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

#[test]
fn the_log_part_of_an_event_is_a_tlog_proof() {
    let evidence = World::eventful().evidence(&[1]);
    let proof = evidence.tlog_proof(Place { item: 0, event: 2 }).unwrap();
    let leaf = Hash::leaf(evidence.entries[evidence.items[0].events[2].entry.0].text.as_bytes());
    let policy = format!("log {}\nquorum none\n", log_key().verifying_key());
    let policy = TlogPolicy::parse(policy.as_bytes()).unwrap();
    let again = witness_core::tlog_proof::TlogProof::parse(proof.encode().as_bytes()).unwrap();
    assert_eq!(again, proof);
    assert_eq!(again.verify(&leaf, &policy, &Strict).unwrap().checkpoint.size.0, 11);
    assert_eq!(evidence.tlog_proof(Place { item: 0, event: 3 }), None);
}

#[test]
fn the_file_and_the_verdict_say_nothing_of_the_order_in_which_it_was_built() {
    let world = World::eventful();
    assert_eq!(world.evidence(&[3, 2, 1, 1]).encode(), world.evidence(&[1, 2, 3]).encode());
    let verdict = verify(&world.evidence(&[3]), &World::policy(), &[], &Strict).unwrap();
    assert_eq!(verdict.firm_root, *root_key().verifying_key());
}
