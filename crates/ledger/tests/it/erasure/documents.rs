//! Erasures of whole documents, and what is known of such a document afterwards.

use rocksdb::{DB, IteratorMode, Options};
use witness_core::{anomaly::Anomaly, drafting::What as Drafted, event::Change};
use witness_ledger::Erased;

use super::{erase, erase_document, issuer, open_coded, range};
use crate::bench_firm::{Bench, Client, document_hash, submit, wait};

#[test]
fn a_document_goes_with_all_its_events_and_begins_anew_when_it_is_issued_again() {
    let bench = Bench::new();
    let log = open_coded(&bench, &["main", "other"]);
    let mut clients = ["main", "other"].map(Client::new);
    // Some pages of places, in two streams, with another document in between.
    for round in 0..3 {
        for client in &mut clients {
            for event in 0..70 {
                client.push(
                    if event % 7 == 3 { "quiet" } else { "busy" },
                    Drafted::One(Change::Issued),
                );
            }
            wait(submit(&log, &client.cut())).unwrap();
        }
        assert_eq!(log.places(&issuer(), &document_hash("quiet")).unwrap().len(), (round + 1) * 20);
    }
    let quiet = log.places(&issuer(), &document_hash("quiet")).unwrap();
    let texts: Vec<_> = quiet.iter().map(|place| log.event(*place).unwrap()).collect();
    let erased = erase_document(&log, "busy").unwrap();
    assert_eq!(erased.events, 360);
    assert_eq!(log.places(&issuer(), &document_hash("busy")).unwrap(), []);
    let by = log.document_erased_by(&issuer(), &document_hash("busy")).unwrap();
    assert_eq!(by, erased.by);
    let left: Vec<_> = quiet.iter().map(|place| log.event(*place).unwrap()).collect();
    assert_eq!(left, texts, "its neighbours in every cell are intact");
    assert_eq!(erase_document(&log, "busy"), Ok(Erased { events: 0, by: None }));
    clients[0].push("busy", Drafted::One(Change::Issued));
    let again = wait(submit(&log, &clients[0].cut())).unwrap();
    assert_eq!(again.anomalies, [], "an ordinary new event");
    let places = log.places(&issuer(), &document_hash("busy")).unwrap();
    assert_eq!(places.len(), 1);
    assert!(log.event(places[0]).unwrap().event.is_ok());
    drop(log);
    assert_eq!(document_cells(&bench), 2, "one for each document that has events");
}

/// Cells of all documents, older pages included.
fn document_cells(bench: &Bench) -> usize {
    let path = bench.store();
    let families = DB::list_cf(&Options::default(), &path).unwrap();
    let db = DB::open_cf(&Options::default(), &path, families).unwrap();
    db.iterator_cf(db.cf_handle("document").unwrap(), IteratorMode::Start).count()
}

#[test]
fn what_comes_after_a_document_was_erased_is_not_called_never_issued() {
    let bench = Bench::new();
    let log = open_coded(&bench, &["main"]);
    let mut client = Client::new("main");
    let mut odd = |document: &str, change: Change| {
        client.push(document, Drafted::One(change));
        let submitted = wait(submit(&log, &client.cut())).unwrap();
        submitted.anomalies.iter().flat_map(|(_, odd)| odd.to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(odd("paper", Change::Issued), []);
    erase_document(&log, "paper").unwrap();
    assert_eq!(odd("paper", Change::Deleted), []);
    assert_eq!(odd("other", Change::Deleted), [Anomaly::NeverIssued]);
    // From there on it is judged as ever.
    assert_eq!(odd("paper", Change::Deleted), [Anomaly::AfterDeletion]);
}

/// Each piece of an erasure marks what it erases and nothing else, wherever the pages of the document begin and end.
#[test]
fn a_document_of_many_pages_is_erased_piece_by_piece() {
    let bench = Bench::new();
    let log = open_coded(&bench, &["main"]);
    let mut client = Client::new("main");
    for events in [100, 1, 64, 200, 35] {
        for _ in 0..events {
            client.push("busy", Drafted::One(Change::Issued));
        }
        wait(submit(&log, &client.cut())).unwrap();
    }
    let mut left: std::collections::BTreeSet<u64> = (0..400).collect();
    for (first, events) in [(390, 10), (0, 1), (63, 2), (100, 1), (127, 130), (320, 64), (1, 62)] {
        erase(&log, vec![range("main", first, events)]).unwrap();
        left.retain(|sequence| !(first..first + events).contains(sequence));
        let places = log.places(&issuer(), &document_hash("busy")).unwrap();
        assert_eq!(places.len(), 400);
        let found = (0..).zip(places).filter(|(_, place)| !place.is_erased);
        assert_eq!(
            found.map(|(sequence, _)| sequence).collect::<std::collections::BTreeSet<_>>(),
            left
        );
    }
    assert_eq!(usize::try_from(erase_document(&log, "busy").unwrap().events), Ok(left.len()));
    assert_eq!(log.places(&issuer(), &document_hash("busy")).unwrap(), []);
    drop(log);
    assert_eq!(document_cells(&bench), 0);
}
