//! Receipts: what an issuer gets back, and how it checks that its submission is logged as it was sent.

use alloc::{string::ToString, vec::Vec};

use crate::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    firm::{Firm, Role},
    hash::Hash,
    merkle::{self, LeafIndex, ProofError},
    name::Origin,
    note::{Ed25519, Note, NoteError},
    text::Malformed,
    time::Timestamp,
};

/// Where and when something of an issuer's was logged, with the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Index of the entry.
    pub index: LeafIndex,
    /// Time of receipt.
    pub received_at: Timestamp,
    /// Number of registry changes before the entry.
    pub registry_sequence: u64,
    /// Checkpoint of the batch, a signed note.
    pub checkpoint: Note,
    /// Inclusion path of the entry.
    pub path: Vec<Hash>,
}

/// Why a receipt was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The checkpoint is not signed by the log's key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The checkpoint's text is not what it should be.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// The checkpoint is of another log.
    #[error("the checkpoint must be of the log {expected}")]
    OtherLog {
        /// The log's origin.
        expected: Origin,
    },
    /// The entry is not in the tree.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl Receipt {
    /// The entry around a note, as the receipt says it was logged.
    #[must_use]
    pub fn entry(&self, kind: EntryKind, note: &Note) -> Entry {
        let (received_at, registry_sequence) = (self.received_at, self.registry_sequence);
        Entry { kind, received_at, registry_sequence, body: note.to_string() }
    }

    /// Checks that the note is logged as the receipt says, under the log's signature.
    pub fn verify(
        &self,
        (kind, note): (EntryKind, &Note),
        origin: &Origin,
        (firm, ed25519): (&Firm, &dyn Ed25519),
    ) -> Result<(), ReceiptError> {
        let checkpoint = Checkpoint::parse(self.checkpoint.text())?;
        if checkpoint.origin != origin.as_str() {
            return Err(ReceiptError::OtherLog { expected: origin.clone() });
        }
        let role = (Role::Log, origin.as_str(), checkpoint.size.0);
        firm.verify(&self.checkpoint, role, ed25519)?;
        let leaf = self.entry(kind, note).leaf_hash();
        merkle::verify_inclusion(&leaf, self.index, checkpoint.size, &self.path, &checkpoint.root)?;
        Ok(())
    }
}
