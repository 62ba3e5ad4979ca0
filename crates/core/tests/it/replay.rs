//! What a log must not hold: erasures of what is not there yet or must be kept, and conflicts that are none.

use witness_core::{
    audit::{Fault, Played, Replay, Replayed},
    entry::{Entry, EntryKind},
    firm_keys::{KeySet, plan_keys},
    hash::Hash,
    key::{SignatureType, SigningKey},
    name::{Domain, Name, Origin},
    note::{Note, Strict},
    registry::Change,
    submission::Submission,
    time::Timestamp,
};

const ORIGIN: &str = "witness.example/log1";
const SCHOOL: &str = "school.example";

/// A log with one issuer, and one stream of it.
struct Story {
    replay: Replay,
    keys: KeySet,
    school: SigningKey,
    previous: Hash,
}

impl Story {
    fn found() -> Self {
        let (mut seed, log) = (0, Name::parse("log1").unwrap());
        let keys = plan_keys(&Domain::parse("witness.example").unwrap(), &[log], || {
            seed += 1;
            [seed; 32]
        });
        let keys = keys.unwrap();
        let school = SigningKey::from_seed(SCHOOL, SignatureType::Ed25519, &[9; 32]).unwrap();
        let root = keys.root.verifying_key().clone();
        let replay = Replay::new(Origin::parse(ORIGIN).unwrap(), root);
        let mut log = Self { replay, keys, school, previous: Hash::ZERO };
        let firm = log.keys.note.to_string();
        log.play(EntryKind::Firm, firm).unwrap();
        log.register("issuer-added school.example\n");
        let added = format!("key-added school.example {}\n", log.school.verifying_key());
        log.register(&added);
        log.register("stream-opened school.example main DE live\n");
        log
    }

    fn play(&mut self, kind: EntryKind, body: String) -> Result<Played, Fault> {
        let registry_sequence = self.replay.registry().next_sequence();
        let received_at = Timestamp::EPOCH;
        let entry = Entry { kind, received_at, registry_sequence, body };
        self.replay.play(entry.encode().as_bytes(), &Strict)
    }

    fn register(&mut self, change: &str) {
        let registrar = self.keys.files.iter().find(|(file, _)| file == "registrar.skey");
        let signers = [&registrar.unwrap().1, &self.school];
        let signers = if change.starts_with("key-added") { &signers[..] } else { &signers[..1] };
        let text = self.replay.registry().draft(Change::parse(change).unwrap()).encode();
        let lines = signers.iter().map(|key| key.sign(&text, Timestamp::EPOCH)).collect();
        let note = Note::new(text, lines).to_string();
        self.play(EntryKind::Registry, note).unwrap();
    }

    fn signed(&self, (first_sequence, events): (u64, u64), root: &str) -> (String, Hash) {
        let submission = Submission {
            origin: Origin::parse(ORIGIN).unwrap(),
            issuer: Domain::parse(SCHOOL).unwrap(),
            stream: Name::parse("main").unwrap(),
            first_sequence,
            events,
            root: Hash::of(root.as_bytes()),
            previous: self.previous,
        };
        let text = submission.encode();
        let hash = Hash::of(text.as_bytes());
        let line = self.school.sign(&text, Timestamp::EPOCH);
        (Note::new(text, vec![line]).to_string(), hash)
    }

    fn submit(&mut self, range: (u64, u64), root: &str) {
        let (note, hash) = self.signed(range, root);
        self.play(EntryKind::Submission, note).unwrap();
        self.previous = hash;
    }

    fn erase(&mut self, ranges: &str) -> Result<Replayed, Fault> {
        let text = format!("witness-erasure/v1\n{ORIGIN}\n{SCHOOL}\nrequest\n{ranges}");
        self.play(EntryKind::Erasure, text).map(|played| played.what)
    }
}

fn name(name: &str) -> Name {
    Name::parse(name).unwrap()
}

#[test]
fn an_erasure_of_what_is_not_logged_yet_is_not_good() {
    let mut log = Story::found();
    let early = |sequence| Err(Fault::ErasureEarly { stream: name("main"), sequence });
    assert_eq!(log.erase("main 100 1000000000\n"), early(100));
    log.submit((0, 5), "one");
    assert_eq!(log.erase("main 0 6\n"), early(5));
    assert_eq!(log.erase("main 0 1\nmain 5 1\n"), early(5));
    assert!(log.erase("main 3 2\n").is_ok());
    assert_eq!(log.erase("live 0 1\n"), Err(Fault::StreamNotOpen));
    log.submit((5, 1), "two");
    assert!(log.erase("main 0 6\n").is_ok());
}

#[test]
fn an_erasure_over_a_standing_legal_hold_is_not_good() {
    let mut log = Story::found();
    log.submit((0, 9), "one");
    log.register("legal-hold case-17 school.example main 4 2\n");
    let held = |sequence, hold| {
        Err(Fault::ErasureHeld { stream: name("main"), sequence, hold: name(hold) })
    };
    assert_eq!(log.erase("main 0 9\n"), held(4, "case-17"));
    assert_eq!(log.erase("main 5 3\n"), held(5, "case-17"));
    assert!(log.erase("main 0 4\nmain 6 1\n").is_ok());
    log.register("legal-hold-lifted case-17\n");
    assert!(log.erase("main 4 2\n").is_ok());
    log.register("legal-hold case-18 school.example\n");
    assert_eq!(log.erase("main 8 1\n"), held(8, "case-18"));
}

#[test]
fn a_conflict_that_contradicts_nothing_logged_before_it_is_not_good() {
    let mut log = Story::found();
    let conflict = |log: &mut Story, range, root| {
        let (note, _) = log.signed(range, root);
        log.play(EntryKind::Conflict, note).map(|_| ())
    };
    assert_eq!(conflict(&mut log, (0, 1), "one"), Err(Fault::NoConflict));
    let (same, _) = log.signed((0, 2), "one");
    log.submit((0, 2), "one");
    assert_eq!(log.play(EntryKind::Conflict, same).map(|_| ()), Err(Fault::NoConflict));
    assert_eq!(conflict(&mut log, (2, 1), "two"), Err(Fault::NoConflict));
    assert_eq!(conflict(&mut log, (1, 5), "two"), Ok(()));
    assert_eq!(conflict(&mut log, (0, 2), "two"), Ok(()));
}
