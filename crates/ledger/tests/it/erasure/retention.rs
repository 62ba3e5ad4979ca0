//! Retention and legal holds: what goes by itself, and what must not go.

use std::collections::BTreeMap;

use witness_core::{
    admission::Refusal,
    drafting::What as Drafted,
    entry::{Entry, EntryKind},
    erasure::{Erasure, Range, Reason},
    event::Change,
    merkle::LeafIndex,
    name::Name,
    registry::Change as Registration,
    time::Timestamp,
};
use witness_ledger::{ErasureRequest, Log, What};

use super::{CODED, Case, erase, erase_document, issuer, open_coded, range};
use crate::bench_firm::{Bench, Client, document_hash, register, submit, wait};

fn place_hold(log: &Log, name: &str, range: Option<Range>) {
    let (name, issuer) = (Name::parse(name).unwrap(), issuer());
    register(log, &Registration::LegalHold { name, issuer, range }).unwrap();
}

fn lift_hold(log: &Log, name: &str) {
    register(log, &Registration::LegalHoldLifted { name: Name::parse(name).unwrap() }).unwrap();
}

#[test]
fn a_legal_hold_stops_the_whole_request_until_it_is_lifted() {
    let bench = Bench::new();
    let log = open_coded(&bench, &["main"]);
    let case = Case::log(&log, "main");
    place_hold(&log, "case-17", Some(range("main", 2, 1)));
    let size = log.overview().size;
    let held = Err(Refusal::LegalHold { hold: Name::parse("case-17").unwrap() });
    assert_eq!(erase(&log, vec![range("main", 0, 1), range("main", 1, 3)]), held);
    assert_eq!(erase_document(&log, "main a"), held);
    // Found erasable before the hold was placed: the writer says no.
    let what = What::Ranges(vec![range("main", 4, 1)]);
    let request = ErasureRequest { issuer: issuer(), what, reason: Reason::Request };
    let found = log.erasable(&request).unwrap();
    place_hold(&log, "case-18", None);
    let held = Err(Refusal::LegalHold { hold: Name::parse("case-18").unwrap() });
    assert_eq!(wait(log.erase(found.clone())), held);
    assert_eq!(log.overview().size.0, size.0 + 1, "the hold alone was logged");
    case.check(&log, &BTreeMap::new());
    lift_hold(&log, "case-18");
    assert_eq!(wait(log.erase(found)).unwrap().events, 1);
    assert_eq!(erase_document(&log, "main b").unwrap().events, 1);
    lift_hold(&log, "case-17");
    assert_eq!(erase_document(&log, "main a").unwrap().events, 3);
}

/// Erases what is due now, step by step, as the service does.
fn retain(bench: &Bench, log: &Log) -> u64 {
    let now = bench.clock.0.load(std::sync::atomic::Ordering::SeqCst);
    let mut events = 0;
    while let Some(step) = log.expired(Timestamp::from_micros(now)).unwrap() {
        for erasable in step.erasable.clone() {
            events += wait(log.erase(erasable)).unwrap().events;
        }
        log.reached(&step);
    }
    events
}

#[test]
fn what_a_claim_types_retention_has_ended_for_is_erased_and_nothing_else() {
    const DAY: u64 = 24 * 3600 * 1_000_000;
    let bench = Bench::new();
    let log = open_coded(&bench, &["main"]);
    let retention = |days: Option<u32>| {
        let claim_type = Name::parse(CODED).unwrap();
        register(&log, &Registration::Retention { claim_type, days }).unwrap();
    };
    let mut client = Client::new("main");
    // One submission a day; in each, two events with a term and one without.
    let mut submit_day = || {
        let day = client.drafter.position().next_sequence / 3;
        client.push_with(&format!("first {day}"), CODED, "CODE-1");
        client.push(&format!("kept {day}"), Drafted::One(Change::Issued));
        client.push_with(&format!("second {day}"), CODED, "CODE-1");
        wait(submit(&log, &client.cut())).unwrap();
        bench.advance(DAY);
    };
    (0..5).for_each(|_| submit_day());
    assert_eq!(retain(&bench, &log), 0, "no term, and all is kept");
    retention(Some(3));
    // Day 0, 1 and 2 are three days old or more; of day 1 the second event is held.
    place_hold(&log, "case-17", Some(range("main", 5, 1)));
    let left = |log: &Log| -> Vec<String> {
        let documents =
            (0..7).flat_map(|day| ["first", "kept", "second"].map(|name| format!("{name} {day}")));
        let is_there = |document: &String| {
            !log.places(&issuer(), &document_hash(document)).unwrap().is_empty()
        };
        documents.filter(is_there).collect()
    };
    assert_eq!(retain(&bench, &log), 5);
    let expected = [
        "kept 0", "kept 1", "second 1", "kept 2", "first 3", "kept 3", "second 3", "first 4",
        "kept 4", "second 4",
    ];
    assert_eq!(left(&log), expected);
    assert_eq!(retain(&bench, &log), 0);
    lift_hold(&log, "case-17");
    assert_eq!(retain(&bench, &log), 1, "what a hold left is found once it is lifted");
    (5..7).for_each(|_| submit_day());
    assert_eq!(retain(&bench, &log), 4);
    retention(None);
    bench.advance(100 * DAY);
    assert_eq!(retain(&bench, &log), 0, "the term was taken back");
    retention(Some(1));
    assert_eq!(retain(&bench, &log), 4);
    assert_eq!(left(&log), (0..7).map(|day| format!("kept {day}")).collect::<Vec<_>>());
    // Each entry says why.
    let size = log.overview().size.0;
    let entries =
        (0..size).map(|index| Entry::parse(&log.entry(LeafIndex(index)).unwrap()).unwrap());
    let erasures: Vec<_> = entries.filter(|entry| entry.kind == EntryKind::Erasure).collect();
    assert!(!erasures.is_empty());
    for entry in erasures {
        assert_eq!(Erasure::parse(&entry.body).unwrap().reason, Reason::Retention);
    }
}
