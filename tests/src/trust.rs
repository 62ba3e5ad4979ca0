//! What a client of the firm believes beforehand, and what it checks with that.

use std::fs;

use witness_core::{
    checkpoint::Checkpoint,
    entry::EntryKind,
    firm::{Firm, Role},
    hash::Hash,
    merkle::LeafIndex,
    name::Origin,
    note::{Note, Strict},
    policy::Policy,
    receipt::Receipt,
    time::Timestamp,
};
use witness_wire::{Bytes, v1};

use crate::{Data, Issuer};

/// The firm's keys, through its root.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The trust policy.
    pub policy: Policy,
    /// The firm's keys.
    pub firm: Firm,
    origin: Origin,
}

impl Trust {
    /// From the root in the development policy, and the firm's note.
    #[must_use]
    pub fn of_dev(data: &Data) -> Self {
        let policy = fs::read(data.path().join("policy.json")).unwrap();
        let note = fs::read(data.path().join("keys/firm.note")).unwrap();
        Self::new(Policy::parse(&policy).unwrap(), &Note::parse(&note).unwrap())
    }

    /// From a policy, and a note that the policy's root must have signed.
    #[must_use]
    pub fn new(policy: Policy, note: &Note) -> Self {
        let mut firm = Firm::new(policy.firm_root.clone());
        firm.apply(note, &Strict).unwrap();
        Self { policy, firm, origin: Origin::parse(Issuer::ORIGIN).unwrap() }
    }

    /// Reads a checkpoint that the log's key must have signed.
    #[must_use]
    pub fn checkpoint(&self, note: &[u8]) -> Checkpoint {
        self.signed(note, Role::Log)
    }

    /// Reads a checkpoint that the log's key and its timestamp key must have signed.
    #[must_use]
    pub fn published(&self, note: &[u8]) -> Checkpoint {
        let _with_time = self.signed(note, Role::Timestamp);
        self.signed(note, Role::Log)
    }

    fn signed(&self, note: &[u8], role: Role) -> Checkpoint {
        let note = Note::parse(note).unwrap();
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        assert_eq!(checkpoint.origin, self.origin.as_str());
        self.firm.verify(&note, (role, self.origin.as_str(), checkpoint.size.0), &Strict).unwrap();
        checkpoint
    }

    /// Checks a receipt for a submission's note, and gives the checkpoint that it shows.
    #[must_use]
    pub fn receipt(&self, submission: &[u8], receipt: &v1::Receipt) -> Checkpoint {
        self.receipt_of(EntryKind::Submission, submission, receipt)
    }

    /// Checks a receipt for any kind of note, and gives the checkpoint that it shows.
    #[must_use]
    pub fn receipt_of(&self, kind: EntryKind, note: &[u8], receipt: &v1::Receipt) -> Checkpoint {
        let hash = |hash: &Bytes| Hash::from_slice(hash).unwrap();
        let read = Receipt {
            index: LeafIndex(receipt.index),
            received_at: Timestamp::from_micros(receipt.received_at_us),
            registry_sequence: receipt.registry_sequence,
            checkpoint: Note::parse(&receipt.checkpoint).unwrap(),
            path: receipt.path.iter().map(hash).collect(),
        };
        let note = Note::parse(note).unwrap();
        read.verify((kind, &note), &self.origin, (&self.firm, &Strict)).unwrap();
        self.checkpoint(&receipt.checkpoint)
    }
}
