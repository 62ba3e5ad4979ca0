//! Who may speak: the firm's keys under its root, and the issuers' keys under its registrar. Notes with a
//! signature line that is not called for are refused, so that nothing in them can be altered unseen.

use super::{
    checkpoints::Trust,
    file::{Evidence, Reference},
    place::{Referrer, Spot, Table},
    refusal::Refusal,
    rows::EvidenceEntry,
};
use crate::{
    entry::Entry,
    firm::{Firm, FirmError},
    key::VerifyingKey,
    note::{Ed25519, Note, NoteError},
    policy::Policy,
    registry::{Change, Continuity, Registry, RegistryError},
};

/// Reads the firm's notes, number 0 first, under the root that the policy names.
pub(super) fn read_firm(
    (evidence, entries): (&Evidence, &[Entry]),
    policy: &Policy,
    ed25519: &dyn Ed25519,
) -> Result<Firm, Refusal> {
    let mut firm = Firm::new(policy.firm_root.clone());
    for (position, reference) in evidence.firm.iter().enumerate() {
        let (_, entry) = row((evidence, entries), Table::Firm, position, *reference)?;
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

/// Reads the registry notes of the file, in log order.
pub(super) fn read_registry(
    (evidence, entries): (&Evidence, &[Entry]),
    trust: Trust<'_>,
) -> Result<Registry, Refusal> {
    let mut registry = Registry::new(trust.origin.clone());
    for (position, reference) in evidence.registry.iter().enumerate() {
        let (row, entry) = row((evidence, entries), Table::Registry, position, *reference)?;
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

fn row<'a>(
    (evidence, entries): (&'a Evidence, &'a [Entry]),
    table: Table,
    position: usize,
    reference: Reference,
) -> Result<(&'a EvidenceEntry, &'a Entry), Refusal> {
    let from = Referrer::Row(table, position);
    let beyond = Refusal::ReferenceOutOfRange { from, table: Table::Entries };
    evidence.entries.get(reference.0).zip(entries.get(reference.0)).ok_or(beyond)
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
