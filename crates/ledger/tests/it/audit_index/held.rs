//! What was held of a document at a time: in scope and out of it, of very many events, erased.

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

use super::{
    scopes,
    world::{Plain, World},
};
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

#[test]
fn what_was_held_of_a_document_at_any_time_is_what_had_come_by_then_in_scope() {
    let mut world = World::new(11);
    world.fill(100);
    for _ in 0..20 {
        let events = u64::try_from(world.plain.len()).unwrap();
        let at = usize::try_from(world.dice.below(events)).unwrap();
        world.erase(at);
    }
    world.settle();
    let issuers = ["a.example", "b.example", "nobody.example"].map(|it| Domain::parse(it).unwrap());
    let mut found = 0;
    for scope in scopes() {
        for (issuer, number) in issuers.iter().flat_map(|it| (0..61).map(move |n| (it, n))) {
            let filter = Filter { issuer: Some(issuer.clone()), ..Filter::default() };
            let streams = Streams::of(&world.log.overview().registry, &scope, &filter);
            let document = document_hash(&format!("document {number}"));
            for at in world.plain.iter().map(|it| it.received_at).step_by(199) {
                let held = world.log.held(&streams, (issuer, &document, at)).unwrap();
                let is = |it: &&Plain| {
                    it.event.document == document && it.received_at <= at && it.issuer == *issuer
                };
                let own: Vec<&Plain> = world.plain.iter().filter(is).collect();
                // Of a document of which all is erased, no event is found any more.
                let all = world.plain.iter().filter(|it| it.event.document == document);
                let all: Vec<&Plain> = all.filter(|it| it.issuer == *issuer).collect();
                if !all.is_empty() && all.iter().all(|it| it.erased_at.is_some()) {
                    assert_eq!(held.events, []);
                    let is_seen = all.iter().any(|it| it.matches(&scope, &filter));
                    assert_eq!(held.standing, is_seen.then_some(Standing::Erased));
                    continue;
                }
                let own = own.into_iter().filter(|it| it.matches(&scope, &filter));
                let own: Vec<&Plain> = own.collect();
                assert_eq!(held.events.len(), own.len(), "{issuer} {number} {at:?}");
                assert!(own.iter().zip(&held.events).all(|(plain, event)| plain.is(event)));
                match (own.last(), &held.standing) {
                    (Some(last), Some(Standing::Told { change, .. })) => {
                        assert_eq!((*change, last.erased_at), (last.event.change.kind(), None));
                    }
                    (Some(last), Some(Standing::Erased)) => {
                        let is_restored = last.event.change.kind() == ChangeKind::Restored;
                        assert!(last.erased_at.is_some() || is_restored);
                    }
                    (last, standing) => {
                        assert_eq!((last.is_some(), standing.is_some()), (false, false));
                    }
                }
                found += usize::from(!own.is_empty());
            }
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn a_document_out_of_scope_costs_as_many_reads_as_one_that_is_not_there() {
    let mut world = World::new(12);
    world.fill(4);
    world.submit(3, 1); // b.example's world, which is INT's
    world.settle();
    let hidden = world.plain.last().unwrap().event.document;
    let alone = |it: &&Plain| it.event.document == hidden && it.stream.as_str() != "world";
    assert_eq!(
        world.plain.iter().filter(|it| it.issuer.as_str() == "b.example").filter(alone).count(),
        0
    );
    let issuer = Domain::parse("b.example").unwrap();
    let filter = Filter { issuer: Some(issuer.clone()), ..Filter::default() };
    let streams = Streams::of(&world.log.overview().registry, &scopes()[2], &filter);
    assert!(!streams.is_empty(), "DE sees another stream of b.example");
    let reads = |document| {
        let before = world.log.reads();
        let now = world.log.overview().received_at;
        let held = world.log.held(&streams, (&issuer, &document, now)).unwrap();
        assert_eq!(held.events.len(), 0);
        world.log.reads() - before
    };
    assert_eq!(reads(hidden), reads(document_hash("nothing")));
}
