//! What was held of one document, of very many events or erased.

use std::collections::BTreeSet;

use witness_core::{
    drafting::What,
    erasure::Reason,
    event::{Change, Status, StatusClass},
    name::{Domain, Jurisdictions},
    schema::ChangeKind,
    scope::Scope,
    time::Timestamp,
};
use witness_ledger::{ErasureRequest, Filter, Held, Log, Standing, Streams, What as Erasing};

use crate::bench_firm::{Bench, Client, ISSUER, document_hash, submit, wait};

fn issuer() -> Domain {
    Domain::parse(ISSUER).unwrap()
}

/// What is held of a document in a jurisdiction.
fn held(log: &Log, (document, codes): (&str, &str), at: Timestamp) -> Held {
    let scope = Scope::Jurisdictions(Jurisdictions::parse(codes).unwrap());
    let filter = Filter { issuer: Some(issuer()), ..Filter::default() };
    let streams = Streams::of(&log.overview().registry, &scope, &filter);
    log.held(&streams, (&issuer(), &document_hash(document), at)).unwrap()
}

fn erase(log: &Log, what: Erasing) {
    let request = ErasureRequest { issuer: issuer(), what, reason: Reason::Request };
    wait(log.erase(log.erasable(&request).unwrap())).unwrap();
}

fn status(word: &str) -> What {
    let status = Status::parse(word).unwrap();
    What::One(Change::Status { class: StatusClass::Affirming, status })
}

#[test]
fn of_a_document_of_very_many_events_the_newest_by_each_time_are_given() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    let mut times = Vec::new();
    for number in 0..40 {
        for event in 0..130 {
            client.push("busy", status(&format!("S-{number}-{event}")));
        }
        times.push(wait(submit(&log, &client.cut())).unwrap().receipt.received_at);
        bench.advance(1_000);
    }
    for (number, at) in times.into_iter().enumerate() {
        let held = held(&log, ("busy", "INT"), at);
        let had = (number + 1) * 130;
        assert_eq!(held.events.len(), had.min(1024));
        let sequences: BTreeSet<u64> = held.events.iter().map(|event| event.sequence).collect();
        let first = u64::try_from(had - held.events.len()).unwrap();
        assert_eq!(sequences.first(), Some(&first));
        assert!(held.events.is_sorted_by_key(|event| event.sequence));
        let status = Some((format!("S-{number}-129"), StatusClass::Affirming));
        assert_eq!(held.standing, Some(Standing::Told { change: ChangeKind::Status, status }));
    }
    assert_eq!(held(&log, ("busy", "INT"), Timestamp::EPOCH), Held::default());
}

#[test]
fn of_what_is_erased_it_is_said_that_it_is_and_nothing_else() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    for what in [What::One(Change::Issued), status("VALID")] {
        client.push("paper", what);
        wait(submit(&log, &client.cut())).unwrap();
    }
    let now = |log: &Log| log.overview().received_at;
    let stream = witness_core::name::Name::parse("main").unwrap();
    let range = witness_core::erasure::Range { stream, first_sequence: 1, events: 1 };
    erase(&log, Erasing::Ranges(vec![range]));
    let part = held(&log, ("paper", "INT"), now(&log));
    assert_eq!((part.events.len(), part.standing), (2, Some(Standing::Erased)));
    erase(&log, Erasing::Document(document_hash("paper")));
    let whole = held(&log, ("paper", "INT"), now(&log));
    assert_eq!((whole.events.len(), whole.standing), (0, Some(Standing::Erased)));
    assert_eq!(held(&log, ("nothing", "INT"), now(&log)), Held::default());
    assert_eq!(held(&log, ("paper", "DE"), now(&log)), Held::default(), "out of scope");
}
