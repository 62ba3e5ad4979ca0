//! Who may speak: the firm's keys under its root, and the issuers' keys under its registrar.

use alloc::vec::Vec;

use super::{
    checkpoints::Trust,
    file::{Evidence, EvidenceEntry, Reference},
    refusal::{Referrer, Refusal, Table},
};
use crate::{
    entry::Entry,
    firm::{Firm, Role},
    key::VerifyingKey,
    merkle::LeafIndex,
    note::{Ed25519, Note},
    policy::Policy,
    registry::{Change, Continuity, Registry, RegistryChange},
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
        let wrong = |source| Refusal::FirmNote { position, source };
        let note = Note::parse(entry.body.as_bytes()).map_err(|error| wrong(error.into()))?;
        firm.apply(&note, ed25519).map_err(wrong)?;
        check_signatures(&note, Table::Firm, position, (&[firm.root()], ed25519))?;
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
        let wrong = |source| Refusal::RegistryNote { position, source };
        let note = Note::parse(entry.body.as_bytes()).map_err(|error| wrong(error.into()))?;
        let judge = (trust.firm, trust.ed25519);
        let change = registry.apply(&note, row.index, Continuity::Gaps, judge).map_err(wrong)?;
        // A registry note's own number is the number of the changes before it.
        if change.sequence != entry.registry_sequence {
            return Err(Refusal::RegistrySequence { entry: reference.0 });
        }
        let signers = signers(&registry, &change, row.index, trust.firm);
        check_signatures(&note, Table::Registry, position, (&signers, trust.ed25519))?;
        if !is_pinned(&note, &change, trust.policy) {
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

/// The keys that may sign a change: registrars in range, and the keys of the issuer that it is about as
/// they lived just before or came with it.
fn signers<'a>(
    registry: &'a Registry,
    change: &RegistryChange,
    index: LeafIndex,
    firm: &'a Firm,
) -> Vec<&'a VerifyingKey> {
    let registrars = firm.keys_for(Role::Registrar, firm.name(), change.sequence);
    let issuer = change.change.issuer().and_then(|issuer| registry.issuer(issuer));
    let lived = issuer
        .into_iter()
        .flat_map(|record| &record.keys)
        .filter(|record| record.revoked.is_none_or(|revocation| revocation.logged.index == index));
    registrars.chain(lived.map(|record| &record.key)).collect()
}

/// Every signature line is a good one of a key that may sign, and none stands there twice: so nothing in
/// the note is left that could be altered unseen.
fn check_signatures(
    note: &Note,
    table: Table,
    position: usize,
    (keys, ed25519): (&[&VerifyingKey], &dyn Ed25519),
) -> Result<(), Refusal> {
    let lines = note.signatures();
    for (before, line) in lines.iter().enumerate() {
        let named = |key: &&&VerifyingKey| key.name() == line.name && key.id() == line.id;
        let is_good = |key: &&VerifyingKey| note.verify(key, ed25519).is_ok();
        let earlier = lines.iter().take(before);
        let is_repeated = earlier.into_iter().any(|old| old.name == line.name && old.id == line.id);
        if is_repeated || !keys.iter().find(named).is_some_and(is_good) {
            return Err(Refusal::StraySignature { table, position, line: before + 1 });
        }
    }
    Ok(())
}

/// What a registrar signs must be signed by a pinned one, if any is pinned. An issuer may revoke its own
/// key without a registrar.
fn is_pinned(note: &Note, change: &RegistryChange, policy: &Policy) -> bool {
    let signed = |name: &str, id| note.signatures().iter().any(|l| l.name == name && l.id == id);
    let by_pinned = policy.registrar_keys.iter().any(|key| signed(key.name(), key.id()));
    let by_itself = match &change.change {
        Change::KeyRevoked { issuer, key, .. } => signed(issuer.as_str(), *key),
        Change::IssuerAdded { .. }
        | Change::KeyAdded { .. }
        | Change::StreamOpened { .. }
        | Change::ClaimType { .. } => false,
    };
    policy.registrar_keys.is_empty() || by_pinned || by_itself
}
