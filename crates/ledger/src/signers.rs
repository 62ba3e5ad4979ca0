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
    /// The role of the first key that the firm's notes do not name for this log as it stands.
    pub(crate) fn first_unnamed(
        &self,
        firm: &Firm,
        origin: &Origin,
        size: u64,
        registry: u64,
    ) -> Option<Role> {
        let registrar = self.registrar.verifying_key();
        let is_named = || is_named(firm, (Role::Registrar, firm.name(), registry), registrar);
        let of_log = self.first_unnamed_for(firm, origin, size);
        of_log.or_else(|| (!is_named()).then_some(Role::Registrar))
    }

    /// The role of the first key that may not sign a tree of this size.
    pub(crate) fn first_unnamed_for(
        &self,
        firm: &Firm,
        origin: &Origin,
        size: u64,
    ) -> Option<Role> {
        [(Role::Log, &self.log), (Role::Timestamp, &self.timestamp)].into_iter().find_map(
            |(role, key)| {
                let place = (role, origin.as_str(), size);
                (!is_named(firm, place, key.verifying_key())).then_some(role)
            },
        )
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

fn is_named(firm: &Firm, (role, name, at): (Role, &str, u64), key: &VerifyingKey) -> bool {
    firm.keys_for(role, name, at).any(|named| named == key)
}
