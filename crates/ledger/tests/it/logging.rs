//! What is logged, and what an answer says about it.

use std::task::Poll;

use witness_core::{
    admission::Refusal,
    anomaly::Anomaly,
    drafting::What,
    entry::{Entry, EntryKind},
    event::Change,
    merkle::{self, LeafIndex, TreeSize},
    name::{Domain, Name, Origin},
    note::Strict,
    registry::Change as RegistryChange,
};
use witness_ledger::Checked;

use crate::bench_firm::{
    Bench, Client, ISSUER, ORIGIN, document_hash, firm, register, submit, wait,
};

#[test]
fn every_receipt_verifies_and_the_same_text_gets_the_same_one() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    let (origin, firm) = (Origin::parse(ORIGIN).unwrap(), firm());
    for events in [1, 2, 15, 16, 17, 300, 1] {
        let draft = client.fresh(events);
        let first = wait(submit(&log, &draft)).unwrap();
        let submission = (EntryKind::Submission, &draft.note);
        first.receipt.verify(submission, &origin, (&firm, &Strict)).unwrap();
        assert_eq!(wait(submit(&log, &draft)).unwrap(), first, "{events} events, sent again");
    }
}

#[test]
fn many_submissions_at_once_share_batches_and_keep_their_order() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    let drafts: Vec<_> = (0..600).map(|_| client.fresh(1)).collect();
    let before = log.syncs();
    let receipts = wait(async {
        let mut waiting = Vec::new();
        // All are polled once, in order, before any is waited for. Some are answered by then.
        for draft in &drafts {
            let mut future = Box::pin(submit(&log, draft));
            let polled = std::future::poll_fn(|context| {
                Poll::Ready(match future.as_mut().poll(context) {
                    Poll::Ready(answer) => Some(answer),
                    Poll::Pending => None,
                })
            });
            let answer = polled.await;
            waiting.push((future, answer));
        }
        let mut receipts = Vec::new();
        for (future, answer) in waiting {
            receipts.push(match answer {
                Some(answer) => answer.unwrap(),
                None => future.await.unwrap(),
            });
        }
        receipts
    });
    let indexes: Vec<u64> = receipts.iter().map(|answer| answer.receipt.index.0).collect();
    assert!(indexes.is_sorted_by(|a, b| a + 1 == *b), "the order is that of the calls");
    let sizes: std::collections::BTreeSet<_> =
        receipts.iter().map(|answer| answer.receipt.checkpoint.text().to_owned()).collect();
    let syncs = usize::try_from(log.syncs() - before).unwrap();
    // One for each batch, and at most two for checkpoints published meanwhile.
    let expected = sizes.len()..=sizes.len() + 2;
    assert!(expected.contains(&syncs), "{syncs} syncs for {} batches", sizes.len());
    assert!(sizes.len() < 600, "nothing was gathered");
}

#[test]
fn sequence_rules_name_what_they_expect() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    let (first, second, third) = (client.fresh(2), client.fresh(2), client.fresh(2));
    wait(submit(&log, &first)).unwrap();
    let refused = wait(submit(&log, &third)).unwrap_err();
    assert!(matches!(refused, Refusal::OutOfSequence { expected: 2, found: 4, .. }), "{refused}");
    let mut other = Client::new("main");
    other.fresh(2);
    let mut forged = other.fresh(2);
    forged.submission.previous = document_hash("x").0;
    let text = forged.submission.encode();
    let signature =
        crate::bench_firm::issuer_key().sign(&text, witness_core::time::Timestamp::EPOCH);
    forged.note = witness_core::note::Note::new(text, vec![signature]);
    let refused = wait(submit(&log, &forged)).unwrap_err();
    assert!(matches!(refused, Refusal::WrongPrevious { expected: 2, .. }), "{refused}");
    wait(submit(&log, &second)).unwrap();
    wait(submit(&log, &third)).unwrap();
    let position =
        log.position(&Domain::parse(ISSUER).unwrap(), &Name::parse("main").unwrap()).unwrap();
    assert_eq!(position.0, 6);
}

#[test]
fn nothing_of_an_offboarded_issuer_is_logged_in_log_order_and_its_receipts_stay() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    let (before, late, later) = (client.fresh(2), client.fresh(1), client.fresh(1));
    let receipt = wait(submit(&log, &before)).unwrap();
    let issuer = Domain::parse(ISSUER).unwrap();
    // Found good before, and logged after: what counts is log order.
    let checked = wait(async {
        let (note, reservation) = (late.note.to_string(), log.reserve(1024).await.unwrap());
        log.check(note.as_bytes(), (&late.events, &late.details), (reservation, &Strict))
    });
    let Ok(Checked::New(checked)) = checked else { panic!("it is good, and new") };
    register(&log, &RegistryChange::IssuerOffboarded { issuer: issuer.clone() }).unwrap();
    let size = log.overview().size;
    let refused = Err(Refusal::IssuerOffboarded { issuer });
    assert_eq!(wait(async { log.enqueue(*checked).await?.answer().await }), refused);
    assert_eq!(wait(submit(&log, &later)), refused);
    assert_eq!(wait(submit(&log, &before)), Ok(receipt), "the same text gets the same receipt");
    assert_eq!(log.overview().size, size);
    drop(log);
    assert_eq!(wait(submit(&bench.open(), &later)), refused, "opened again");
}

#[test]
fn a_conflict_is_refused_and_logged_once_and_another_cut_is_none() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    wait(submit(&log, &client.fresh(4))).unwrap();
    let size = log.overview().size;
    let mut recut = Client::new("main");
    let refused = wait(submit(&log, &recut.fresh(2))).unwrap_err();
    assert!(matches!(refused, Refusal::AlreadyLogged { expected: 4, .. }), "{refused}");
    assert_eq!(log.overview().size, size, "another cut is not logged");
    let mut liar = Client::new("main");
    liar.push("document 0", What::One(Change::Issued));
    liar.push("another document", What::One(Change::Issued));
    let lie = liar.cut();
    for _ in 0..2 {
        let refused = wait(submit(&log, &lie)).unwrap_err();
        assert!(matches!(refused, Refusal::Conflict { sequence: 1, .. }), "{refused}");
    }
    assert_eq!(log.overview().size.0, size.0 + 1, "a conflict is logged once");
    let entry = Entry::parse(&log.entry(LeafIndex(size.0)).unwrap()).unwrap();
    assert_eq!((entry.kind, entry.body), (EntryKind::Conflict, lie.note.to_string()));
}

#[test]
fn oddities_are_judged_in_log_order_within_and_across_batches() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    client.push("a", What::One(Change::Deleted));
    client.push("b", What::One(Change::Issued));
    client.push("b", What::One(Change::Issued));
    client.push("b", What::One(Change::Deleted));
    let answer = wait(submit(&log, &client.cut())).unwrap();
    let found: Vec<_> =
        answer.anomalies.iter().map(|(event, set)| (*event, set.to_vec())).collect();
    let expected = [(0, vec![Anomaly::NeverIssued]), (2, vec![Anomaly::IssuedAgain])];
    assert_eq!(found, expected);
    client.push("b", What::One(Change::Restored));
    client.push("b", What::One(Change::Restored));
    let answer = wait(submit(&log, &client.cut())).unwrap();
    let found: Vec<_> =
        answer.anomalies.iter().map(|(event, set)| (*event, set.to_vec())).collect();
    assert_eq!(found, [(1, vec![Anomaly::NotDeleted])]);
}

#[test]
fn a_document_with_very_many_events_keeps_all_places_in_order() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    let mut expected = Vec::new();
    for events in [1, 63, 64, 65, 200, 1] {
        for _ in 0..events {
            client.push("busy", What::One(Change::Issued));
        }
        let index = wait(submit(&log, &client.cut())).unwrap().receipt.index;
        expected.extend((0..events).map(|event| (index, event)));
    }
    let issuer = Domain::parse(ISSUER).unwrap();
    let places = log.places(&issuer, &document_hash("busy")).unwrap();
    let found: Vec<_> = places.iter().map(|place| (place.index, place.event)).collect();
    assert_eq!(found, expected);
    assert!(log.places(&issuer, &document_hash("idle")).unwrap().is_empty());
}

#[test]
fn every_event_has_its_path_and_every_size_its_proofs() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    for events in [1, 2, 33, 70] {
        wait(submit(&log, &client.fresh(events))).unwrap();
    }
    for _ in 0..300 {
        wait(submit(&log, &client.fresh(1))).unwrap();
    }
    let size = bench.published(&log);
    let root = log.root(size).unwrap();
    for index in 0..size.0 {
        let entry = log.entry(LeafIndex(index)).unwrap();
        let leaf = witness_core::hash::Hash::leaf(&entry);
        let path = log.inclusion(LeafIndex(index), size).unwrap();
        merkle::verify_inclusion(&leaf, LeafIndex(index), size, &path, &root).unwrap();
    }
    for old in 0..=size.0 {
        let old = TreeSize(old);
        let path = log.consistency(old, size).unwrap();
        let old_root = log.root(old).unwrap();
        merkle::verify_consistency((old, &old_root), (size, &root), &path).unwrap();
    }
    assert!(log.consistency(TreeSize(0), TreeSize(size.0 + 1)).is_err());
    assert!(log.inclusion(LeafIndex(size.0), size).is_err());
    let issuer = Domain::parse(ISSUER).unwrap();
    for number in 0..106 {
        let document = document_hash(&format!("document {number}"));
        let place = log.places(&issuer, &document).unwrap()[0];
        let event = log.event(place).unwrap();
        let note = Entry::parse(&event.entry).unwrap().body;
        let submission =
            witness_core::submission::IssuerNote::<witness_core::submission::Submission>::parse(
                note.as_bytes(),
            );
        let submission = submission.unwrap().body;
        let leaf = witness_core::hash::Hash::leaf(&event.event.unwrap());
        let (index, events) = (LeafIndex(u64::from(place.event)), TreeSize(submission.events));
        merkle::verify_inclusion(
            &leaf,
            index,
            events,
            &log.event_path(place).unwrap().1,
            &submission.root,
        )
        .unwrap();
    }
}
