//! What a verifier may remember from one file to the next: which keys the firm's notes named, and what the registry
//! notes said. Every file of an issuer's brings the same notes again.
//!
//! What must hold: what is remembered stands under a digest of all that it was read from, so that it is what reading
//! anew would give. No refusal is remembered. That the notes stand in the log is checked in each file anew.

use alloc::{string::ToString as _, sync::Arc};
use core::fmt;

use crate::{
    firm::Firm, hash::Hash, key::VerifyingKey, merkle::LeafIndex, name::Origin, policy::Policy,
    registry::Registry,
};

/// Where a verifier keeps what it has read. May forget anything at any time; must give under a digest nothing but
/// what was kept under it, by a verifier with the same rule for signatures.
pub trait Memory: fmt::Debug + Sync {
    /// The firm's keys that were kept under this digest.
    fn firm(&self, digest: &Hash) -> Option<Arc<Firm>>;

    /// Keeps the firm's keys, which were read from so many bytes.
    fn keep_firm(&self, digest: Hash, firm: &Arc<Firm>, size: usize);

    /// The registry that was kept under this digest.
    fn registry(&self, digest: &Hash) -> Option<Arc<Registry>>;

    /// Keeps a registry, which was read from so many bytes.
    fn keep_registry(&self, digest: Hash, registry: &Arc<Registry>, size: usize);
}

/// Remembers nothing: for whoever verifies one file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Memory for Forgetful {
    fn firm(&self, _digest: &Hash) -> Option<Arc<Firm>> {
        None
    }

    fn keep_firm(&self, _digest: Hash, _firm: &Arc<Firm>, _size: usize) {}

    fn registry(&self, _digest: &Hash) -> Option<Arc<Registry>> {
        None
    }

    fn keep_registry(&self, _digest: Hash, _registry: &Arc<Registry>, _size: usize) {}
}

/// Digest of all that the firm's keys are read from: the root, and the notes as leaves of the log, in order.
pub(super) fn of_firm<'a>(
    root: &VerifyingKey,
    notes: impl Iterator<Item = (LeafIndex, &'a Hash)>,
) -> Hash {
    let mut all = alloc::format!("firm\n{root}\n").into_bytes();
    notes.for_each(|(_, leaf)| all.extend_from_slice(leaf.as_bytes()));
    Hash::of(&all)
}

/// Digest of all that a registry is read from: the firm's keys by their digest, the log, the registrars that the
/// policy pins, and the notes as leaves of the log with their places. Words end in a newline, which none of them holds,
/// the list of keys in an empty line; all else is of fixed length.
pub(super) fn of_registry<'a>(
    (firm, origin, policy): (Hash, &Origin, &Policy),
    notes: impl Iterator<Item = (LeafIndex, &'a Hash)>,
) -> Hash {
    let mut all = b"registry\n".to_vec();
    all.extend_from_slice(firm.as_bytes());
    all.extend_from_slice(origin.as_str().as_bytes());
    all.push(b'\n');
    for key in &policy.registrar_keys {
        all.extend_from_slice(key.to_string().as_bytes());
        all.push(b'\n');
    }
    all.push(b'\n');
    for (index, leaf) in notes {
        all.extend_from_slice(&index.0.to_be_bytes());
        all.extend_from_slice(leaf.as_bytes());
    }
    Hash::of(&all)
}
