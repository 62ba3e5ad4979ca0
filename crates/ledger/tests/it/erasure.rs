//! Erasures: what goes, what stays, and that every proof holds.

use std::collections::{BTreeMap, BTreeSet};

use rocksdb::{DB, IteratorMode, Options};
use witness_core::{
    admission::Refusal,
    drafting::{Draft, What as Drafted},
    entry::{Entry, EntryKind},
    erasure::{Erasure, Range, Reason},
    event::Change,
    hash::Hash,
    merkle::{self, LeafIndex, TreeSize},
    name::{Domain, Name},
    registry::Change as Registration,
    schema::Schema,
    submission::{IssuerNote, Submission},
    time::Timestamp,
};
use witness_ledger::{Erased, ErasedBy, ErasureRequest, Log, Place, Submitted, What};

use crate::bench_firm::{Bench, Client, ISSUER, ORIGIN, document_hash, register, submit, wait};

const CODED: &str = "coded";

fn issuer() -> Domain {
    Domain::parse(ISSUER).unwrap()
}

fn range(stream: &str, first_sequence: u64, events: u64) -> Range {
    Range { stream: Name::parse(stream).unwrap(), first_sequence, events }
}

fn erase_what(log: &Log, what: What) -> Result<Erased, Refusal> {
    let request = ErasureRequest { issuer: issuer(), what, reason: Reason::Request };
    log.erasable(&request).and_then(|found| wait(log.erase(found)))
}

fn erase(log: &Log, ranges: Vec<Range>) -> Result<Erased, Refusal> {
    erase_what(log, What::Ranges(ranges))
}

fn erase_document(log: &Log, document: &str) -> Result<Erased, Refusal> {
    erase_what(log, What::Document(document_hash(document)))
}

fn open_coded(bench: &Bench, streams: &[&str]) -> Log {
    let log = bench.open_registered(streams);
    let schema = Schema::parse("field code issued - identifier [A-Z0-9-]{1,40}\n").unwrap();
    register(&log, &Registration::ClaimType { name: Name::parse(CODED).unwrap(), schema }).unwrap();
    log
}

/// Five events in two submissions, of three documents: twice in one and once in the other, once in each.
const EVENTS: [(u64, &str); 5] = [(0, "a"), (1, "b"), (2, "a"), (3, "a"), (4, "c")];
const FIRST_SUBMISSION: usize = 3;

/// A stream with these events, and what came of them.
struct Case {
    stream: String,
    drafts: Vec<Draft>,
    receipts: Vec<Submitted>,
}

impl Case {
    fn log(log: &Log, stream: &str) -> Self {
        let mut client = Client::new(stream);
        let (mut drafts, mut receipts) = (Vec::new(), Vec::new());
        let (first, second) = EVENTS.split_at(FIRST_SUBMISSION);
        for events in [first, second] {
            for (_, document) in events {
                client.push_with(&format!("{stream} {document}"), CODED, "CODE-1");
            }
            let draft = client.cut();
            receipts.push(wait(submit(log, &draft)).unwrap());
            drafts.push(draft);
        }
        Self { stream: stream.to_owned(), drafts, receipts }
    }

    /// Texts of an event and its details, as they were sent.
    fn texts(&self, sequence: u64) -> (&str, &str) {
        let events = self.drafts.iter().flat_map(|draft| draft.events.iter().zip(&draft.details));
        let ((event, details), _) = events.zip(0..).find(|(_, other)| *other == sequence).unwrap();
        (event, details)
    }

    /// Where an event lies.
    fn place(&self, sequence: u64) -> (LeafIndex, u16) {
        let [first, second] = self.receipts.as_slice() else { panic!("two submissions") };
        match u16::try_from(sequence).unwrap() {
            event @ 0..3 => (first.receipt.index, event),
            event => (second.receipt.index, event - 3),
        }
    }

    fn erase(&self, log: &Log, sequences: &BTreeSet<u64>) -> Option<ErasedBy> {
        let ranges = sequences.iter().map(|sequence| range(&self.stream, *sequence, 1));
        let erased = erase(log, ranges.collect()).unwrap();
        assert_eq!(usize::try_from(erased.events).unwrap(), sequences.len());
        erased.by
    }

    /// Everything that is left, and nothing else: texts, histories, proofs.
    fn check(&self, log: &Log, erased: &BTreeMap<u64, ErasedBy>) {
        for document in ["a", "b", "c"] {
            let own = EVENTS.iter().filter(|(_, other)| *other == document);
            let own: Vec<u64> = own.map(|(event, _)| *event).collect();
            let hash = document_hash(&format!("{} {document}", self.stream));
            let places = log.places(&issuer(), &hash).unwrap();
            let mark = log.document_erased_by(&issuer(), &hash).unwrap();
            if own.iter().all(|event| erased.contains_key(event)) {
                let last = own.iter().map(|event| erased[event]).max_by_key(|by| by.index).unwrap();
                assert_eq!((places.len(), mark), (0, Some(last)), "{document}");
                continue;
            }
            assert_eq!(mark, None);
            let expected: Vec<_> = own.iter().map(|event| self.place(*event)).collect();
            let found: Vec<_> = places.iter().map(|place| (place.index, place.event)).collect();
            assert_eq!(found, expected, "{document}");
            for (sequence, place) in own.into_iter().zip(places) {
                self.check_event(log, sequence, place, erased.get(&sequence));
            }
        }
    }

    fn check_event(&self, log: &Log, sequence: u64, place: Place, erased: Option<&ErasedBy>) {
        let event = log.event(place).unwrap();
        let (text, details) = self.texts(sequence);
        assert_eq!(place.is_erased, erased.is_some());
        assert_eq!((event.stream.as_str(), event.sequence), (&*self.stream, sequence));
        if let Some(by) = erased {
            assert_eq!((event.event, event.details), (Err(*by), Vec::new()));
        } else {
            assert_eq!((event.event.unwrap(), event.details), (text.into(), details.into()));
        }
        // The text as its issuer has it is under the logged root, whether we still have it or not.
        let note = Entry::parse(&event.entry).unwrap().body;
        let submission = IssuerNote::<Submission>::parse(note.as_bytes()).unwrap().body;
        let (leaf, path) = log.event_path(place).unwrap();
        assert_eq!(leaf, Hash::leaf(text.as_bytes()));
        let (index, events) = (LeafIndex(u64::from(place.event)), TreeSize(submission.events));
        merkle::verify_inclusion(&leaf, index, events, &path, &submission.root).unwrap();
    }
}

/// Every way to erase some of five events in a first step and some of the others in a second one.
const WAYS: u64 = 3 * 3 * 3 * 3 * 3;

/// In which step an event is erased; 0 if it never is.
fn step(way: u64, event: u64) -> u64 {
    (0..event).fold(way, |way, _| way / 3) % 3
}

#[test]
fn whatever_is_erased_the_rest_is_intact_and_every_proof_holds() {
    let bench = Bench::new();
    let names: Vec<String> = (0..WAYS).map(|way| format!("way-{way}")).collect();
    let log = open_coded(&bench, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut cases = Vec::new();
    for (name, way) in names.iter().zip(0..) {
        let case = Case::log(&log, name);
        let mut erased = BTreeMap::new();
        for now in 1..=2 {
            let now: BTreeSet<u64> = (0..5).filter(|event| step(way, *event) == now).collect();
            let size = log.overview().size;
            let by = case.erase(&log, &now);
            assert_eq!(by.is_some(), !now.is_empty(), "nothing is logged if nothing is erased");
            assert_eq!(log.overview().size.0, size.0 + u64::from(by.is_some()));
            erased.extend(now.into_iter().filter_map(|event| Some((event, by?))));
            case.check(&log, &erased);
        }
        cases.push((case, erased));
    }
    log.let_go().unwrap();
    drop(log);
    let log = bench.open();
    for (case, erased) in &cases {
        case.check(&log, erased);
        // The same text gets its receipt, and brings nothing back.
        for (draft, receipt) in case.drafts.iter().zip(&case.receipts) {
            assert_eq!(&wait(submit(&log, draft)).unwrap(), receipt);
        }
        case.check(&log, erased);
    }
    check_tree(&bench, &log);
}

/// Each entry is under the root, and each erasure says what its marks say.
fn check_tree(bench: &Bench, log: &Log) {
    let size = bench.published(log);
    let root = log.root(size).unwrap();
    for index in (0..size.0).map(LeafIndex) {
        let entry = log.entry(index).unwrap();
        let path = log.inclusion(index, size).unwrap();
        merkle::verify_inclusion(&Hash::leaf(&entry), index, size, &path, &root).unwrap();
        let entry = Entry::parse(&entry).unwrap();
        if entry.kind == EntryKind::Erasure {
            let erasure = Erasure::parse(&entry.body).unwrap();
            assert_eq!((erasure.origin.as_str(), erasure.issuer), (ORIGIN, issuer()));
        }
    }
}

#[test]
fn what_was_erased_cannot_be_erased_again_nor_what_was_never_there() {
    let bench = Bench::new();
    let log = open_coded(&bench, &["main", "idle"]);
    let case = Case::log(&log, "main");
    let first = erase(&log, vec![range("main", 1, 2)]).unwrap();
    assert_eq!(first.events, 2);
    // What is new of a request is erased and logged, and no more.
    let second = erase(&log, vec![range("main", 3, 1), range("main", 0, 3)]).unwrap();
    assert_eq!(second.events, 2);
    let entry = Entry::parse(&log.entry(second.by.unwrap().index).unwrap()).unwrap();
    let erasure = Erasure::parse(&entry.body).unwrap();
    assert_eq!(erasure.ranges, [range("main", 0, 1), range("main", 3, 1)]);
    let size = log.overview().size;
    assert_eq!(erase(&log, vec![range("main", 0, 4)]), Ok(Erased { events: 0, by: None }));
    let beyond = Err(Refusal::BeyondEnd { expected: 5 });
    assert_eq!(erase(&log, vec![range("main", 4, 2)]), beyond);
    assert_eq!(
        erase(&log, vec![range("main", 0, 1), range("idle", 0, 1)]).unwrap_err().reason(),
        "BEYOND_END"
    );
    assert_eq!(erase(&log, vec![range("other", 0, 1)]).unwrap_err().reason(), "UNKNOWN_STREAM");
    assert_eq!(erase_document(&log, "never seen"), Err(Refusal::UnknownDocument));
    let stranger = Domain::parse("stranger.example").unwrap();
    let what = What::Ranges(vec![range("main", 0, 1)]);
    let request = ErasureRequest { issuer: stranger, what, reason: Reason::Mistake };
    assert_eq!(log.erasable(&request).unwrap_err().reason(), "UNKNOWN_ISSUER");
    assert_eq!(log.overview().size, size, "nothing of this was logged");
    drop(case);
}

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
fn an_erasure_larger_than_an_entry_is_several_and_each_is_within_its_bounds() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    for _ in 0..3 {
        wait(submit(&log, &client.fresh(2000))).unwrap();
    }
    let size = log.overview().size.0;
    // Every other event of 700: more ranges than an entry takes.
    let odd = (0..350).map(|n| range("main", 2 * n + 1, 1)).collect();
    assert_eq!(erase(&log, odd).unwrap().events, 350);
    assert_eq!(log.overview().size.0, size + 2);
    // All of it: what is left is more events than an entry takes, and again more ranges.
    assert_eq!(erase(&log, vec![range("main", 0, 6000)]).unwrap().events, 6000 - 350);
    let mut erased = BTreeSet::new();
    for index in size..log.overview().size.0 {
        let entry = Entry::parse(&log.entry(LeafIndex(index)).unwrap()).unwrap();
        let ranges = Erasure::parse(&entry.body).unwrap().ranges;
        assert!(
            ranges.len() <= 256 && ranges.iter().map(|range| range.events).sum::<u64>() <= 4096
        );
        for sequence in ranges.iter().flat_map(|range| range.first_sequence..range.end()) {
            assert!(erased.insert(sequence), "{sequence} was erased twice");
        }
    }
    assert_eq!(erased.len(), 6000);
}

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
    let path = bench.store();
    let families = DB::list_cf(&Options::default(), &path).unwrap();
    let db = DB::open_cf(&Options::default(), &path, families).unwrap();
    let cells = db.iterator_cf(db.cf_handle("conflict").unwrap(), IteratorMode::Start);
    let values: Vec<_> = cells.map(|pair| pair.unwrap().1).collect();
    assert_eq!(values.len(), 2);
    for value in values {
        // Two places, no text of either event, and the leaf hashes of the refused submission.
        assert_eq!(value.len(), 20 + 4 + 8 + 2 * 32);
    }
}

#[test]
fn documents_of_the_layout_before_are_moved_and_found() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    for events in [1, 63, 64, 65, 200, 1] {
        for _ in 0..events {
            client.push("busy", Drafted::One(Change::Issued));
        }
        wait(submit(&log, &client.cut())).unwrap();
    }
    wait(submit(&log, &client.fresh(3))).unwrap();
    let documents =
        ["busy".to_owned()].into_iter().chain((394..397).map(|n| format!("document {n}")));
    let documents: Vec<_> = documents.map(|document| document_hash(&document)).collect();
    let places = |log: &Log| -> Vec<_> {
        documents.iter().map(|document| log.places(&issuer(), document).unwrap()).collect()
    };
    let before = places(&log);
    assert_eq!(before.iter().map(Vec::len).collect::<Vec<_>>(), [394, 1, 1, 1]);
    drop(log);
    // As it lay before: under the hashes themselves.
    let path = bench.store();
    let families = DB::list_cf(&Options::default(), &path).unwrap();
    let db = DB::open_cf(&Options::default(), &path, families).unwrap();
    let family = db.cf_handle("document").unwrap();
    let cells: Vec<_> =
        db.iterator_cf(family, IteratorMode::Start).map(|pair| pair.unwrap()).collect();
    for (key, value) in cells {
        let (issuer, page) = (&key[..4], &key[28..]);
        let is_of = |document: &Hash| {
            let named = [b"witness-document/v1\0", issuer, document.as_bytes()].concat();
            Hash::of(&named).as_bytes()[..24] == key[4..28]
        };
        let document = documents.iter().find(|document| is_of(&document.0)).unwrap();
        db.put_cf(family, [issuer, document.0.as_bytes(), page].concat(), value).unwrap();
        db.delete_cf(family, &key).unwrap();
    }
    db.put(b"layout", b"witness-log-store/1").unwrap();
    drop(db);
    let log = bench.open();
    assert_eq!(places(&log), before);
    client.push("busy", Drafted::One(Change::Issued));
    wait(submit(&log, &client.cut())).unwrap();
    assert_eq!(places(&log)[0].len(), 395);
    drop(log);
    assert_eq!(places(&bench.open())[0].len(), 395, "it is moved once");
}

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
