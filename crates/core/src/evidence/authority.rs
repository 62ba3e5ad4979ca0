//! Who may speak: the firm's keys under its root, and the issuers' keys under its registrar. Notes with a
//! signature line that is not called for are refused, so that nothing in them can be altered unseen.

use alloc::sync::Arc;

use super::{
    checkpoints::Trust,
    file::{Evidence, Reference},
    memory::{self, Memory},
    place::{Referrer, Spot, Table},
    refusal::Refusal,
    rows::EvidenceEntry,
};
use crate::{
    entry::Entry,
    firm::{Firm, FirmError},
    hash::Hash,
    key::VerifyingKey,
    merkle::LeafIndex,
    note::{Ed25519, Note, NoteError},
    policy::Policy,
    registry::{Change, Continuity, Registry, RegistryError},
};

/// The entries of a file: the table, what was read of it, and the hashes of the leaves.
#[derive(Clone, Copy)]
pub(super) struct Leaves<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) entries: &'a [Entry],
    pub(super) hashes: &'a [Hash],
}

impl<'a> Leaves<'a> {
    /// What is referred to, as far as it is there: places and hashes.
    fn of(self, list: &'a [Reference]) -> impl Iterator<Item = (LeafIndex, &'a Hash)> {
        let leaf = move |at: &Reference| {
            Some((self.evidence.entries.get(at.0)?.index, self.hashes.get(at.0)?))
        };
        list.iter().filter_map(leaf)
    }

    /// How many bytes there are of them.
    fn size_of(self, list: &[Reference]) -> usize {
        let text = |at: &Reference| self.evidence.entries.get(at.0);
        list.iter().filter_map(text).map(|row| row.text.len()).sum()
    }
}

/// Reads the firm's notes, number 0 first, under the root that the policy names; unless they are remembered. Also gives
/// the digest of what was read.
pub(super) fn read_firm(
    leaves: Leaves<'_>,
    policy: &Policy,
    (ed25519, memory): (&dyn Ed25519, &dyn Memory),
) -> Result<(Arc<Firm>, Hash), Refusal> {
    let list = &leaves.evidence.firm;
    let digest = memory::of_firm(&policy.firm_root, leaves.of(list));
    if let Some(known) = memory.firm(&digest) {
        return Ok((known, digest));
    }
    let firm = Arc::new(read_firm_anew(leaves, policy, ed25519)?);
    memory.keep_firm(digest, &firm, leaves.size_of(list));
    Ok((firm, digest))
}

fn read_firm_anew(
    leaves: Leaves<'_>,
    policy: &Policy,
    ed25519: &dyn Ed25519,
) -> Result<Firm, Refusal> {
    let mut firm = Firm::new(policy.firm_root.clone());
    for (position, reference) in leaves.evidence.firm.iter().enumerate() {
        let (_, entry) = row(leaves, Table::Firm, position, *reference)?;
        let wrong = |source| {
            if let FirmError::Note(NoteError::Stray { line }) = source {
                return Refusal::StraySignature { note: Spot::Row(Table::Firm, position), line };
            }
            Refusal::FirmNote { position, source }
        };
        let note = Note::parse(entry.body.as_bytes()).map_err(|error| wrong(error.into()))?;
        firm.apply(&note, ed25519).map_err(wrong)?;
    }
    Ok(firm)
}

/// Reads the registry notes of the file, in log order; unless they are remembered. The digest is that of the firm's
/// keys.
pub(super) fn read_registry(
    leaves: Leaves<'_>,
    trust: Trust<'_>,
    (firm, memory): (Hash, &dyn Memory),
) -> Result<Arc<Registry>, Refusal> {
    let list = &leaves.evidence.registry;
    let digest = memory::of_registry((firm, trust.origin, trust.policy), leaves.of(list));
    if let Some(known) = memory.registry(&digest) {
        return Ok(known);
    }
    let registry = Arc::new(read_registry_anew(leaves, trust)?);
    memory.keep_registry(digest, &registry, leaves.size_of(list));
    Ok(registry)
}

fn read_registry_anew(leaves: Leaves<'_>, trust: Trust<'_>) -> Result<Registry, Refusal> {
    let mut registry = Registry::new(trust.origin.clone());
    for (position, reference) in leaves.evidence.registry.iter().enumerate() {
        let (row, entry) = row(leaves, Table::Registry, position, *reference)?;
        let wrong = |source| {
            if let RegistryError::Note(NoteError::Stray { line }) = source {
                return Refusal::StraySignature {
                    note: Spot::Row(Table::Registry, position),
                    line,
                };
            }
            Refusal::RegistryNote { position, source }
        };
        let note = Note::parse(entry.body.as_bytes()).map_err(|error| wrong(error.into()))?;
        let judge = (trust.firm, trust.ed25519);
        let change = registry.apply(&note, row.index, Continuity::Gaps, judge).map_err(wrong)?;
        // A registry note's own number is the number of the changes before it.
        if change.sequence != entry.registry_sequence {
            return Err(Refusal::RegistrySequence { entry: reference.0 });
        }
        if !is_pinned(&note, &change.change, &registry, (trust.policy, trust.ed25519)) {
            return Err(Refusal::RegistrarNotPinned { position });
        }
    }
    Ok(registry)
}

fn row(
    leaves: Leaves<'_>,
    table: Table,
    position: usize,
    reference: Reference,
) -> Result<(&EvidenceEntry, &Entry), Refusal> {
    let from = Referrer::Row(table, position);
    let beyond = Refusal::ReferenceOutOfRange { from, table: Table::Entries };
    let read = leaves.entries.get(reference.0);
    leaves.evidence.entries.get(reference.0).zip(read).ok_or(beyond)
}

/// What a registrar signs must be signed by a pinned one, if any is pinned. An issuer may revoke its own
/// key without a registrar. Who signed is told by the keys themselves: an id of four bytes can be made to
/// fit another key.
pub(crate) fn is_pinned(
    note: &Note,
    change: &Change,
    registry: &Registry,
    (policy, ed25519): (&Policy, &dyn Ed25519),
) -> bool {
    let signed = |key: &VerifyingKey| note.verify(key, ed25519).is_ok();
    let revoked = match change {
        Change::KeyRevoked { issuer, key, .. } => registry.issuer(issuer).and_then(|i| i.key(*key)),
        Change::IssuerAdded { .. }
        | Change::IssuerOffboarded { .. }
        | Change::KeyAdded { .. }
        | Change::StreamOpened { .. }
        | Change::ClaimType { .. }
        | Change::Retention { .. }
        | Change::LegalHold { .. }
        | Change::LegalHoldLifted { .. } => None,
    };
    policy.registrar_keys.is_empty()
        || policy.registrar_keys.iter().any(signed)
        || revoked.is_some_and(|record| signed(&record.key))
}
