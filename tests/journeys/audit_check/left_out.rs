//! What a firm might leave out of a bundle: each submission, each event, each stream is missed by name.

use std::{fs, path::Path};

use tempfile::TempDir;
use witness_core::{
    audit::{self, BodiesReader, Bundle, Item, Step},
    event::Change,
    hash::Hash,
    merkle::LeafIndex,
    name::Origin,
};
use witness_tests::{Audited, MadeBundle};

use super::{START_US, event};

/// A part of bodies, apart from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Submission(u64, u64),
    Event(Vec<u8>, Vec<u8>),
    Erased(Hash),
}

/// Two submissions in each of three streams, two of them in the scope, with three events each.
fn made() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut made = MadeBundle::found(folder.path(), "DE", START_US);
    let streams = [
        ("school.example", "main", "DE"),
        ("bank.example", "live", "DE-BY"),
        ("bank.example", "island", "GB"),
    ];
    made.issuer("school.example");
    made.issuer("bank.example");
    for (issuer, stream, codes) in streams {
        made.open(issuer, stream, codes);
    }
    for round in 0..2 {
        for (number, (issuer, stream, _)) in (0..).zip(streams) {
            made.now_us += 1_000_000;
            let first = round * 100 + number * 10;
            let events: Vec<_> =
                (first..first + 3).map(|n| event(&made, n, Change::Issued)).collect();
            made.submit(issuer, stream, &events);
        }
    }
    made.finish();
    folder
}

fn origin() -> Origin {
    Origin::parse("witness.example/log1").unwrap()
}

pub(crate) fn read(folder: &Path) -> Vec<Part> {
    let bytes = fs::read(folder.join("bundle/bodies/000")).unwrap();
    let mut reader = BodiesReader::new(&origin(), 0);
    let (mut at, mut parts) = (0, Vec::new());
    while let Step::Item(item, used) = reader.next(&bytes[at..]).unwrap() {
        at += used;
        parts.push(match item {
            Item::Submission { index, events } => Part::Submission(index.0, events),
            Item::Event { event, details } => Part::Event(event.to_vec(), details.to_vec()),
            Item::Erased { leaf } => Part::Erased(leaf),
        });
    }
    parts
}

pub(crate) fn write(folder: &Path, parts: &[Part]) {
    let mut bytes = Vec::new();
    audit::write_head(&mut bytes, &origin(), 0);
    for part in parts {
        match part {
            Part::Submission(index, events) => {
                audit::write_submission(&mut bytes, LeafIndex(*index), *events);
            }
            Part::Event(event, details) => audit::write_event(&mut bytes, event, details),
            Part::Erased(leaf) => audit::write_erased(&mut bytes, leaf),
        }
    }
    fs::write(folder.join("bundle/bodies/000"), bytes).unwrap();
}

/// Where the submissions begin in the parts: position, index of the entry, stream, first sequence number.
fn submissions(parts: &[Part]) -> Vec<(usize, u64, &'static str, u64)> {
    let places = [("main", 0), ("live", 0), ("main", 3), ("live", 3)];
    let begins = parts.iter().enumerate().filter_map(|(at, part)| match part {
        Part::Submission(index, _) => Some((at, *index)),
        Part::Event(..) | Part::Erased(_) => None,
    });
    begins.zip(places).map(|((at, index), (stream, first))| (at, index, stream, first)).collect()
}

fn refused(folder: &Path, parts: &[Part], what: &str) -> Audited {
    write(folder, parts);
    let audited = Audited::of(folder, &[]);
    assert_eq!(audited.said.code, Some(1), "{what}: {}", audited.said);
    audited
}

#[test]
fn each_submission_and_each_event_that_is_left_out_is_missed_by_name() {
    let folder = made();
    let folder = folder.path();
    let good = read(folder);
    assert_eq!(good.len(), 16, "four of the six submissions are in the scope");
    assert_eq!(Audited::of(folder, &["--strict"]).said.code, Some(0));
    for (at, index, stream, first) in submissions(&good) {
        let mut parts = good.clone();
        parts.drain(at..at + 4);
        let audited = refused(folder, &parts, "a submission");
        assert!(audited.names("bodies", stream, first, index), "{}", audited.said);

        for number in 1..4 {
            let sequence = first + u64::try_from(number).unwrap() - 1;
            let mut parts = good.clone();
            parts.remove(at + number);
            let audited = refused(folder, &parts, "an event");
            assert!(audited.names("bodies", stream, first, index), "{}", audited.said);

            parts[at] = Part::Submission(index, 2);
            let audited = refused(folder, &parts, "an event that is not counted");
            assert!(audited.names("bodies", stream, first, index), "{}", audited.said);

            let mut parts = good.clone();
            let Part::Event(event, details) = parts[at + number].clone() else { panic!() };
            parts[at + number] = Part::Erased(Hash::leaf(&event));
            let audited = refused(folder, &parts, "an event said to be erased");
            assert!(audited.names("erased", stream, sequence, index), "{}", audited.said);

            parts[at + number] = Part::Event(event.clone(), Vec::new());
            if !details.is_empty() {
                let audited = refused(folder, &parts, "details");
                assert!(audited.names("bodies", stream, sequence, index), "{}", audited.said);
            }
            parts[at + number] = Part::Event(event, [details.as_slice(), b"x=1\n"].concat());
            let audited = refused(folder, &parts, "other details");
            assert!(audited.names("bodies", stream, sequence, index), "{}", audited.said);
        }
        let mut parts = good.clone();
        parts.swap(at + 1, at + 2);
        let audited = refused(folder, &parts, "two events that changed places");
        assert!(audited.names("bodies", stream, first, index), "{}", audited.said);
    }
    // The bodies of two submissions under each other's index.
    let mut parts = good.clone();
    let all = submissions(&good);
    let ((one, ..), (other, ..)) = (all[0], all[1]);
    (1..4).for_each(|number| parts.swap(one + number, other + number));
    let audited = refused(folder, &parts, "two submissions that changed places");
    assert!(
        audited.names("bodies", "main", 0, all[0].1)
            && audited.names("bodies", "live", 0, all[1].1)
    );
    write(folder, &good);
    assert_eq!(Audited::of(folder, &["--strict"]).said.code, Some(0));
}

#[test]
fn a_stream_cannot_be_left_out_by_leaving_it_out_everywhere() {
    let folder = made();
    let folder = folder.path();
    let path = folder.join("bundle/bundle.json");
    let good = Bundle::parse(&fs::read(&path).unwrap()).unwrap();
    let mut bundle = good.clone();
    bundle.streams.retain(|stream| stream.stream.as_str() != "live");
    fs::write(&path, bundle.encode()).unwrap();
    let mut parts = read(folder);
    for (at, _, stream, _) in submissions(&parts.clone()).into_iter().rev() {
        if stream == "live" {
            parts.drain(at..at + 4);
        }
    }
    let audited = refused(folder, &parts, "a stream");
    assert!(audited.names("bodies", "live", 0, 10), "{}", audited.said);
    let says = |it: &serde_json::Value| {
        it["says"].as_str().unwrap().contains("leaves out bank.example live")
    };
    assert!(audited.findings.iter().any(says), "{}", audited.said);
}
