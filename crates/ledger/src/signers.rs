//! The online keys that a log's writer signs with, each for one role.

use witness_core::{
    checkpoint::Checkpoint,
    firm::{Firm, Role},
    key::{SigningKey, VerifyingKey},
    name::Origin,
    note::Note,
    time::Timestamp,
};

/// The keys of one log's writer.
#[derive(Debug)]
pub struct Signers {
    /// Signs every checkpoint.
    pub log: SigningKey,
    /// Puts a signed time on published ones.
    pub timestamp: SigningKey,
    /// Signs registry changes.
    pub registrar: SigningKey,
}

impl Signers {
    /// The name and role of the first key that the firm's notes do not name for this log as it stands.
    pub(crate) fn first_unnamed(
        &self,
        firm: &Firm,
        origin: &Origin,
        size: u64,
        registry: u64,
    ) -> Option<Role> {
        let named = |role, name: &str, at, key: &VerifyingKey| {
            firm.keys_for(role, name, at).any(|k| k == key)
        };
        let origin = origin.as_str();
        if !named(Role::Log, origin, size, self.log.verifying_key()) {
            return Some(Role::Log);
        }
        if !named(Role::Timestamp, origin, size, self.timestamp.verifying_key()) {
            return Some(Role::Timestamp);
        }
        let registrar = self.registrar.verifying_key();
        (!named(Role::Registrar, firm.name(), registry, registrar)).then_some(Role::Registrar)
    }

    /// The checkpoint of a batch.
    pub(crate) fn receipt_checkpoint(&self, checkpoint: &Checkpoint) -> Note {
        let text = checkpoint.encode();
        let signature = self.log.sign(&text, Timestamp::EPOCH);
        Note::new(text, vec![signature])
    }

    /// A checkpoint for the world, with our signed time.
    pub(crate) fn published_checkpoint(&self, checkpoint: &Checkpoint, at: Timestamp) -> Note {
        let mut note = self.receipt_checkpoint(checkpoint);
        let signature = self.timestamp.sign(note.text(), at);
        note.push(signature);
        note
    }
}
