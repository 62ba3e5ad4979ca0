//! Erasures and conflicts: no text of what was erased stays with a contradiction.

use rocksdb::{DB, IteratorMode, Options};
use witness_core::{admission::Refusal, drafting::Draft};
use witness_ledger::Log;

use super::{CODED, Case, erase, erase_document, open_coded, range};
use crate::bench_firm::{Bench, Client, document_hash, submit, wait};

#[test]
fn a_conflict_is_found_against_what_was_erased_and_brings_no_text_back() {
    let bench = Bench::new();
    let log = open_coded(&bench, &["main"]);
    let case = Case::log(&log, "main");
    let lie = |code: &str| {
        let mut liar = Client::new("main");
        liar.push_with("main a", CODED, "CODE-1");
        liar.push_with("main b", CODED, code);
        liar.cut()
    };
    let convicted = |draft: &Draft| match wait(submit(&log, draft)) {
        Err(Refusal::Conflict { sequence: 1, .. }) => {}
        other => panic!("{other:?}"),
    };
    let (before, after) = (lie("BEFORE-1"), lie("AFTER-1"));
    convicted(&before);
    erase(&log, vec![range("main", 1, 1)]).unwrap();
    convicted(&before);
    convicted(&after);
    // The same events in another cut repeat what is logged, erased or not.
    let mut recut = Client::new("main");
    for document in ["a", "b"] {
        recut.push_with(&format!("main {document}"), CODED, "CODE-1");
    }
    let refused = wait(submit(&log, &recut.cut())).unwrap_err();
    assert!(matches!(refused, Refusal::AlreadyLogged { expected: 5, .. }), "{refused}");
    log.let_go().unwrap();
    drop((case, log));
    let values = stored(&bench);
    assert_eq!(values.len(), 2);
    for value in values {
        // Two places, no text of either event, and the leaf hashes of the refused submission.
        assert_eq!(value.len(), 20 + 4 + 8 + 2 * 32);
    }
}

/// Values of all conflicts.
fn stored(bench: &Bench) -> Vec<Box<[u8]>> {
    let path = bench.store();
    let families = DB::list_cf(&Options::default(), &path).unwrap();
    let db = DB::open_cf(&Options::default(), &path, families).unwrap();
    let cells = db.iterator_cf(db.cf_handle("conflict").unwrap(), IteratorMode::Start);
    cells.map(|pair| pair.unwrap().1).collect()
}

#[test]
fn a_document_that_was_refused_elsewhere_goes_out_of_that_conflict_too() {
    let bench = Bench::new();
    let log = open_coded(&bench, &["main", "other"]);
    let holds = |document: &str| {
        let hash = document_hash(document).0.to_hex();
        let is_in = move |value: &[u8]| value.windows(hash.len()).any(|it| it == hash.as_bytes());
        move |values: &[Box<[u8]>]| values.iter().filter(|value| is_in(value)).count()
    };
    let convicted = |log: &Log, stream: &str, document: &str| {
        let mut liar = Client::new(stream);
        liar.push_with(document, CODED, "CODE-1");
        let refused = wait(submit(log, &liar.cut())).unwrap_err();
        assert!(matches!(refused, Refusal::Conflict { sequence: 0, .. }), "{refused}");
    };
    let mut clients = ["main", "other"].map(Client::new);
    for client in &mut clients {
        client.push_with("first", CODED, "CODE-1");
        wait(submit(&log, &client.cut())).unwrap();
    }
    convicted(&log, "main", "wanted");
    convicted(&log, "other", "wanted");
    convicted(&log, "other", "another");
    clients[0].push_with("wanted", CODED, "CODE-1");
    wait(submit(&log, &clients[0].cut())).unwrap();
    drop(log);
    let (wanted, another) = (holds("wanted"), holds("another"));
    let values = stored(&bench);
    assert_eq!((values.len(), wanted(&values), another(&values)), (3, 2, 1));
    let log = bench.open();
    assert_eq!(erase_document(&log, "wanted").unwrap().events, 1);
    // Nor does it come back with a new contradiction.
    clients[1].push_with("second", CODED, "CODE-1");
    wait(submit(&log, &clients[1].cut())).unwrap();
    let mut liar = Client::new("other");
    liar.push_with("first", CODED, "CODE-1");
    liar.push_with("wanted", CODED, "CODE-1");
    let refused = wait(submit(&log, &liar.cut())).unwrap_err();
    assert!(matches!(refused, Refusal::Conflict { sequence: 1, .. }), "{refused}");
    drop(log);
    let values = stored(&bench);
    assert_eq!((values.len(), wanted(&values), another(&values)), (4, 0, 1));
}
