//! The signed notes of firm, registrar and issuers: each change that does not fit is refused by name, and so
//! is every note in which a bit flipped.

use witness_core::{
    entry::{Entry, EntryKind},
    firm::{Firm, FirmError},
    hash::Hash,
    key::{KeyId, SigningKey, VerifyingKey},
    merkle::LeafIndex,
    name::{Domain, Jurisdictions, Name, Origin},
    note::{Ed25519, Note, NoteError, Strict},
    registry::{Change, Continuity, Registry, RegistryChange, RegistryError},
    submission::{Heartbeat, IssuerNote, IssuerNoteError, Submission},
    time::Timestamp,
};

use crate::world::{
    ISSUER, Memo, ORIGIN, World, issuer, issuer_key, key, registrar_key, root_key,
    second_issuer_key, signed,
};

fn note(world: &World, index: usize) -> Note {
    let entry = Entry::parse(world.entries[index].as_bytes()).unwrap();
    Note::parse(entry.body.as_bytes()).unwrap()
}

/// The firm, and the registry as it stands before the entry at `end`.
pub(crate) fn read(world: &World, end: usize) -> (Firm, Registry) {
    let mut firm = Firm::new(root_key().verifying_key().clone());
    let mut registry = Registry::new(Origin::parse(ORIGIN).unwrap());
    for (index, text) in (0..).zip(&world.entries[..end]) {
        let entry = Entry::parse(text.as_bytes()).unwrap();
        let note = Note::parse(entry.body.as_bytes()).unwrap();
        match entry.kind {
            EntryKind::Firm => firm.apply(&note, &Strict).unwrap(),
            EntryKind::Registry => {
                apply(&mut registry, &note, index, (&firm, &Strict)).unwrap();
            }
            EntryKind::Submission
            | EntryKind::Conflict
            | EntryKind::Heartbeat
            | EntryKind::Erasure
            | EntryKind::Observation
            | EntryKind::Unknown(_) => {}
        }
    }
    (firm, registry)
}

pub(crate) fn apply(
    registry: &mut Registry,
    note: &Note,
    index: u64,
    judge: (&Firm, &dyn Ed25519),
) -> Result<(), RegistryError> {
    registry.apply(note, LeafIndex(index), Continuity::Complete, judge).map(|_change| ())
}

/// Flips every bit of a note. What is refused with it must be named: by the note's own check, if the bit
/// is in a signature line.
fn flip_all<E: std::fmt::Debug>(
    note: &Note,
    judge: impl Fn(&[u8]) -> Result<(), E>,
    is_of_note: impl Fn(&E) -> bool,
) {
    let bytes = note.to_string().into_bytes();
    assert!(judge(&bytes).is_ok(), "{note}");
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let refusal = judge(&altered).unwrap_err();
        let is_text = bit / 8 < note.text().len();
        assert!(is_text || is_of_note(&refusal), "bit {bit}: {refusal:?}");
    }
}

#[test]
fn every_flipped_bit_of_a_firm_note_is_refused() {
    let judge = |bytes: &[u8]| {
        Firm::new(root_key().verifying_key().clone()).apply(&Note::parse(bytes)?, &Strict)
    };
    flip_all(&note(&World::founded(), 0), judge, |error: &FirmError| {
        matches!(error, FirmError::Note(_))
    });
}

#[test]
fn every_flipped_bit_of_a_registry_note_of_one_two_or_three_signatures_is_refused() {
    let mut world = World::founded();
    world.add_key(&second_issuer_key(), false, &[&issuer_key()]);
    let memo = Memo::default();
    for (index, signatures) in [(1, 1), (2, 2), (5, 3)] {
        let note = note(&world, index);
        assert_eq!(note.signatures().len(), signatures);
        let (firm, registry) = read(&world, index);
        let judge =
            |bytes: &[u8]| apply(&mut registry.clone(), &Note::parse(bytes)?, 9, (&firm, &memo));
        // Without the signature of the living key, the mark of a recovery is missing.
        flip_all(&note, judge, |error: &RegistryError| {
            matches!(error, RegistryError::Note(_))
                || (signatures == 3 && *error == RegistryError::RecoveryMark)
        });
    }
}

fn judge_by<T>(
    note: Result<IssuerNote<T>, IssuerNoteError>,
    key: &VerifyingKey,
) -> Result<(), IssuerNoteError> {
    Ok(note?.verify(key, &Strict)?)
}

fn is_of_note(error: &IssuerNoteError) -> bool {
    matches!(error, IssuerNoteError::Note(_) | IssuerNoteError::OneSignature)
}

#[test]
fn every_flipped_bit_of_a_submission_or_heartbeat_is_refused() {
    let signing = issuer_key();
    let key = signing.verifying_key();
    let submission = note(&World::short(), 5);
    let judge = |bytes: &[u8]| judge_by(IssuerNote::<Submission>::parse(bytes), key);
    flip_all(&submission, judge, is_of_note);
    let heartbeat = Heartbeat {
        origin: Origin::parse(ORIGIN).unwrap(),
        issuer: issuer(),
        stream: Name::parse("main").unwrap(),
        next_sequence: 1,
        at: Timestamp::from_seconds(5),
    };
    let heartbeat = signed(heartbeat.encode(), &[&signing]);
    let judge = |bytes: &[u8]| judge_by(IssuerNote::<Heartbeat>::parse(bytes), key);
    flip_all(&heartbeat, judge, is_of_note);
}

fn added(key: &SigningKey, recovery: bool) -> Change {
    let issuer = Domain::parse(key.verifying_key().name()).unwrap();
    Change::KeyAdded { issuer, key: key.verifying_key().clone(), recovery }
}

fn revoked(key: KeyId) -> Change {
    Change::KeyRevoked { issuer: issuer(), key, as_of: Timestamp::EPOCH }
}

fn opened(issuer: &str) -> Change {
    Change::StreamOpened {
        issuer: Domain::parse(issuer).unwrap(),
        stream: Name::parse("main").unwrap(),
        jurisdictions: Jurisdictions::parse("DE").unwrap(),
        back_fill: false,
    }
}

#[test]
fn each_registry_change_that_does_not_fit_is_refused_by_name() {
    let (firm, before) = read(&World::founded(), 5);
    let (registrar, first, second) = (registrar_key(), issuer_key(), second_issuer_key());
    let bank = key("bank.example", 40);
    let id = |key: &SigningKey| key.verifying_key().id();
    let unknown =
        || RegistryError::IssuerUnknown { issuer: Domain::parse("bank.example").unwrap() };
    let by_all: &[&SigningKey] = &[&registrar, &second, &first];
    let cases: [(Change, &[&SigningKey], RegistryError); 10] = [
        (
            Change::IssuerAdded { issuer: issuer() },
            &[&registrar],
            RegistryError::IssuerExists { issuer: issuer() },
        ),
        (added(&bank, false), &[&registrar, &bank], unknown()),
        (opened("bank.example"), &[&registrar], unknown()),
        (added(&first, true), &[&registrar, &first], RegistryError::KeyExists { key: id(&first) }),
        (added(&second, false), &[&registrar, &second], RegistryError::RecoveryMark),
        (added(&second, true), by_all, RegistryError::RecoveryMark),
        (revoked(id(&second)), &[&registrar], RegistryError::KeyUnknown { key: id(&second) }),
        (
            opened(ISSUER),
            &[&registrar],
            RegistryError::StreamExists { stream: Name::parse("main").unwrap() },
        ),
        (opened(ISSUER), &[&registrar, &bank], RegistryError::Note(NoteError::Stray { line: 2 })),
        (
            added(&second, false),
            &[&registrar, &first],
            RegistryError::Note(NoteError::Unsigned { name: ISSUER.to_owned(), id: id(&second) }),
        ),
    ];
    for (change, signers, expected) in cases {
        let mut registry = before.clone();
        let note = signed(registry.draft(change).encode(), signers);
        assert_eq!(apply(&mut registry, &note, 5, (&firm, &Strict)), Err(expected), "{note}");
        assert_eq!(registry, before, "nothing has changed");
    }
}

#[test]
fn a_registry_change_is_the_next_one_of_its_log_under_the_registrar() {
    let (firm, before) = read(&World::founded(), 5);
    let judge = |change: &RegistryChange, signer: &SigningKey| {
        let mut registry = before.clone();
        let refused =
            apply(&mut registry, &signed(change.encode(), &[signer]), 5, (&firm, &Strict));
        assert!(refused.is_ok() || registry == before);
        refused
    };
    let bank = || Change::IssuerAdded { issuer: Domain::parse("bank.example").unwrap() };
    let next = before.draft(bank());
    assert_eq!(judge(&next, &registrar_key()), Ok(()));
    let other =
        RegistryChange { origin: Origin::parse("witness.example/log2").unwrap(), ..next.clone() };
    let expected = Origin::parse(ORIGIN).unwrap();
    assert_eq!(judge(&other, &registrar_key()), Err(RegistryError::OtherLog { expected }));
    for (sequence, previous) in [(3, next.previous), (5, next.previous), (4, Hash::ZERO)] {
        let change = RegistryChange { sequence, previous, ..next.clone() };
        let out_of_order = Err(RegistryError::OutOfOrder { expected: 4 });
        assert_eq!(judge(&change, &registrar_key()), out_of_order, "{sequence}");
    }
    for stranger in [key("witness.example", 41), issuer_key()] {
        let refused = judge(&next, &stranger);
        assert!(matches!(refused, Err(RegistryError::Note(NoteError::Unsigned { .. }))));
    }
    let text = signed("witness-registry/v1\n".to_owned(), &[&registrar_key()]);
    let refused = apply(&mut before.clone(), &text, 5, (&firm, &Strict));
    assert!(matches!(refused, Err(RegistryError::Text(_))));
}
