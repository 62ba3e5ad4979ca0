//! Erasures: what goes, what stays, and that every proof holds.

mod conflicts;
mod documents;
mod retention;

use std::collections::{BTreeMap, BTreeSet};

use witness_core::{
    admission::Refusal,
    drafting::Draft,
    entry::{Entry, EntryKind},
    erasure::{Erasure, Range, Reason},
    hash::Hash,
    merkle::{self, LeafIndex, TreeSize},
    name::{Domain, Name},
    registry::Change as Registration,
    schema::Schema,
    submission::{IssuerNote, Submission},
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
