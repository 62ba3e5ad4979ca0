//! Receipts: what an issuer is told must be what was logged.

use witness_core::{
    entry::{Entry, EntryKind},
    firm::Firm,
    hash::Hash,
    merkle::ProofError,
    name::Origin,
    note::{Note, NoteError, Strict},
    receipt::{Receipt, ReceiptError},
    time::Timestamp,
};

use crate::{
    evidence_dishonest::plain,
    world::{ORIGIN, World, issuer_key, key, root_key, signed},
};

struct Logged {
    firm: Firm,
    note: Note,
    receipt: Receipt,
}

/// The submission of a small log, under a log key that signs alone.
fn logged() -> Logged {
    let mut world: World = plain();
    world.is_published = false;
    let body = |index: usize| {
        let entry = Entry::parse(world.entries[index].as_bytes()).unwrap();
        (Note::parse(entry.body.as_bytes()).unwrap(), entry)
    };
    let mut firm = Firm::new(root_key().verifying_key().clone());
    firm.apply(&body(0).0, &Strict).unwrap();
    let (note, Entry { received_at, registry_sequence, .. }) = body(5);
    let proved = world.proved(5);
    let (index, path, checkpoint) = (proved.index, proved.path, world.checkpoint());
    let receipt = Receipt { index, received_at, registry_sequence, checkpoint, path };
    Logged { firm, note, receipt }
}

impl Logged {
    fn verify(&self) -> Result<(), ReceiptError> {
        self.verify_as(EntryKind::Submission, ORIGIN)
    }

    fn verify_as(&self, kind: EntryKind, origin: &str) -> Result<(), ReceiptError> {
        let origin = Origin::parse(origin).unwrap();
        self.receipt.verify((kind, &self.note), &origin, (&self.firm, &Strict))
    }

    fn altered(alter: impl FnOnce(&mut Self)) -> Result<(), ReceiptError> {
        let mut logged = logged();
        alter(&mut logged);
        logged.verify()
    }
}

#[test]
fn every_number_of_a_receipt_is_proved() {
    assert_eq!(logged().verify(), Ok(()));
    let wrong = |alter: &dyn Fn(&mut Receipt)| Logged::altered(|logged| alter(&mut logged.receipt));
    let root = Err(ReceiptError::Proof(ProofError::Root));
    assert_eq!(wrong(&|receipt| receipt.index.0 = 4), root);
    let later = |receipt: &mut Receipt| {
        receipt.received_at = Timestamp::from_micros(receipt.received_at.micros() + 1);
    };
    assert_eq!(wrong(&later), root);
    assert_eq!(wrong(&|receipt| receipt.registry_sequence += 1), root);
    let beyond = ProofError::IndexBeyondSize { index: 6, size: 6 };
    assert_eq!(wrong(&|receipt| receipt.index.0 = 6), Err(ReceiptError::Proof(beyond)));
    for at in 0..logged().receipt.path.len() {
        assert_eq!(wrong(&|receipt| receipt.path[at] = Hash::ZERO), root, "hash {at}");
    }
    let other = Logged::altered(|logged| {
        logged.note = signed("another text\n".to_owned(), &[&issuer_key()]);
    });
    assert_eq!(other, root);
    assert_eq!(logged().verify_as(EntryKind::Heartbeat, ORIGIN), root);
}

#[test]
fn the_path_of_a_receipt_has_the_hashes_that_its_place_calls_for() {
    let expected = logged().receipt.path.len();
    let length = |found| Err(ReceiptError::Proof(ProofError::Length { expected, found }));
    let longer = Logged::altered(|logged| logged.receipt.path.push(Hash::ZERO));
    assert_eq!(longer, length(expected + 1));
    let shorter = Logged::altered(|logged| logged.receipt.path.truncate(expected - 1));
    assert_eq!(shorter, length(expected - 1));
    assert_eq!(Logged::altered(|logged| logged.receipt.path.clear()), length(0));
}

#[test]
fn the_checkpoint_of_a_receipt_is_the_logs() {
    let other = "witness.example/log2";
    let expected = Origin::parse(other).unwrap();
    let refused = logged().verify_as(EntryKind::Submission, other);
    assert_eq!(refused, Err(ReceiptError::OtherLog { expected }));
    let by = |name: &str, seed| {
        Logged::altered(|logged| {
            let text = logged.receipt.checkpoint.text().to_owned();
            logged.receipt.checkpoint = signed(text, &[&key(name, seed)]);
        })
    };
    assert_eq!(by(ORIGIN, 2), Ok(()));
    for (name, seed) in [(ORIGIN, 9), ("witness.example", 2)] {
        let refused = by(name, seed);
        assert!(matches!(refused, Err(ReceiptError::Note(NoteError::Unsigned { .. }))), "{name}");
    }
    let text = Logged::altered(|logged| {
        logged.receipt.checkpoint = signed("no checkpoint\n".to_owned(), &[&issuer_key()]);
    });
    assert!(matches!(text, Err(ReceiptError::Text(_))));
    let flipped = Logged::altered(|logged| {
        let mut lines = logged.receipt.checkpoint.signatures().to_vec();
        lines[0].signature[0] ^= 1;
        logged.receipt.checkpoint = Note::new(logged.receipt.checkpoint.text().to_owned(), lines);
    });
    assert!(matches!(flipped, Err(ReceiptError::Note(NoteError::BadSignature { .. }))));
}
