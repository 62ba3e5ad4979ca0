//! What the registry says at a point of the log: keys count by log order, never by clocks.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    Change, ClaimTypeRecord, HoldRecord, IssuerRecord, Logged, RegistryChange, RegistryError,
};
use crate::{
    erasure::Range,
    firm::{Firm, Role},
    hash::Hash,
    key::VerifyingKey,
    merkle::LeafIndex,
    name::{Domain, Name, Origin},
    note::{Ed25519, Note, NoteError},
};

/// How a note must follow the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// The very next one: for whoever has them all.
    Complete,
    /// A later one: for evidence, which carries only those that matter.
    Gaps,
}

/// What the registry notes say, as far as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    origin: Origin,
    next_sequence: u64,
    last_hash: Hash,
    complete: bool,
    pub(super) streams: u32,
    pub(super) issuers: BTreeMap<Domain, IssuerRecord>,
    pub(super) claim_types: BTreeMap<Name, ClaimTypeRecord>,
    pub(super) holds: BTreeMap<Name, HoldRecord>,
}

impl Registry {
    /// An empty registry of a log.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            next_sequence: 0,
            last_hash: Hash::ZERO,
            complete: true,
            streams: 0,
            issuers: BTreeMap::new(),
            claim_types: BTreeMap::new(),
            holds: BTreeMap::new(),
        }
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Number that the next change must have: the registry sequence in force.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Whether every change from the first to the last read was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The issuers.
    pub fn issuers(&self) -> impl Iterator<Item = (&Domain, &IssuerRecord)> {
        self.issuers.iter()
    }

    /// One issuer.
    #[must_use]
    pub fn issuer(&self, issuer: &Domain) -> Option<&IssuerRecord> {
        self.issuers.get(issuer)
    }

    /// The claim types.
    pub fn claim_types(&self) -> impl Iterator<Item = (&Name, &ClaimTypeRecord)> {
        self.claim_types.iter()
    }

    /// One claim type.
    #[must_use]
    pub fn claim_type(&self, name: &Name) -> Option<&ClaimTypeRecord> {
        self.claim_types.get(name)
    }

    /// The legal holds, those that were lifted included.
    pub fn holds(&self) -> impl Iterator<Item = (&Name, &HoldRecord)> {
        self.holds.iter()
    }

    /// One legal hold, whether it stands or not.
    #[must_use]
    pub fn hold(&self, name: &Name) -> Option<&HoldRecord> {
        self.holds.get(name)
    }

    /// A legal hold that stands on this event: it must not be erased.
    #[must_use]
    pub fn hold_on(&self, issuer: &Domain, stream: &Name, sequence: u64) -> Option<&Name> {
        self.hold_over(
            issuer,
            &Range { stream: stream.clone(), first_sequence: sequence, events: 1 },
        )
    }

    /// A legal hold that stands on any of these events.
    #[must_use]
    pub fn hold_over(&self, issuer: &Domain, events: &Range) -> Option<&Name> {
        let mut holds = self.holds.iter();
        let held = holds.find(|(_, it)| it.stands() && it.covers_any(issuer, events));
        held.map(|(name, _)| name)
    }

    /// The text of a change as the next one.
    #[must_use]
    pub fn draft(&self, change: Change) -> RegistryChange {
        let (origin, sequence) = (self.origin.clone(), self.next_sequence);
        RegistryChange { origin, sequence, previous: self.last_hash, change }
    }

    /// Takes a note, logged at `index`: verifies every signature that it needs, then what it says. On an
    /// error nothing has changed.
    pub fn apply(
        &mut self,
        note: &Note,
        index: LeafIndex,
        continuity: Continuity,
        (firm, ed25519): (&Firm, &dyn Ed25519),
    ) -> Result<RegistryChange, RegistryError> {
        let change = RegistryChange::parse(note.text())?;
        self.check_order(&change, continuity)?;
        self.check_signatures(note, &change, (firm, ed25519))?;
        note.verify_all(&self.possible_signers(&change, firm), ed25519)?;
        let logged = Logged { index, sequence: change.sequence };
        self.enact(&change.change, logged)?;
        self.complete &= change.sequence == self.next_sequence;
        self.next_sequence = change.sequence + 1;
        self.last_hash = Hash::of(note.text().as_bytes());
        Ok(change)
    }

    fn check_order(
        &self,
        change: &RegistryChange,
        continuity: Continuity,
    ) -> Result<(), RegistryError> {
        if change.origin != self.origin {
            return Err(RegistryError::OtherLog { expected: self.origin.clone() });
        }
        let expected = self.next_sequence;
        let is_next = change.sequence == expected && change.previous == self.last_hash;
        let is_later = continuity == Continuity::Gaps && change.sequence > expected;
        // After a gap the hash of the note before is not known, so it cannot be compared.
        let is_next_after_gap =
            continuity == Continuity::Gaps && change.sequence == expected && is_next;
        if is_next || is_later || is_next_after_gap {
            return Ok(());
        }
        Err(RegistryError::OutOfOrder { expected })
    }

    /// The registrar signs everything. A new key signs for itself, and a living key of the issuer for it;
    /// an issuer can revoke its own key with that key alone.
    fn check_signatures(
        &self,
        note: &Note,
        change: &RegistryChange,
        (firm, ed25519): (&Firm, &dyn Ed25519),
    ) -> Result<(), RegistryError> {
        let registrar = (Role::Registrar, firm.name(), change.sequence);
        match &change.change {
            Change::KeyAdded { issuer, key, recovery } => {
                firm.verify(note, registrar, ed25519)?;
                note.verify(key, ed25519)?;
                let record = self.issuer_record(issuer)?;
                let mut living = record.living_keys().filter(|old| old.key.id() != key.id());
                let vouched = living.any(|old| note.verify(&old.key, ed25519).is_ok());
                // Where changes were left out, a key with the mark is not the first because it looks so.
                let is_first =
                    record.keys.is_empty() && (!recovery || self.saw_all_before(change.sequence));
                if *recovery == (vouched || is_first) {
                    return Err(RegistryError::RecoveryMark);
                }
            }
            Change::KeyRevoked { issuer, key, .. } => {
                let record = self.issuer_record(issuer)?;
                let own = record.living_keys().find(|old| old.key.id() == *key);
                let own = own.ok_or(RegistryError::KeyUnknown { key: *key })?;
                match note.verify(&own.key, ed25519) {
                    Ok(_) => {}
                    Err(NoteError::Unsigned { .. }) => {
                        firm.verify(note, registrar, ed25519)?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Change::IssuerAdded { .. }
            | Change::IssuerOffboarded { .. }
            | Change::StreamOpened { .. }
            | Change::ClaimType { .. }
            | Change::Retention { .. }
            | Change::LegalHold { .. }
            | Change::LegalHoldLifted { .. } => {
                firm.verify(note, registrar, ed25519)?;
            }
        }
        Ok(())
    }

    /// Registrars in range, and the keys of the issuer that it is about: living, or coming with it.
    fn possible_signers<'a>(
        &'a self,
        change: &'a RegistryChange,
        firm: &'a Firm,
    ) -> Vec<&'a VerifyingKey> {
        let registrars = firm.keys_for(Role::Registrar, firm.name(), change.sequence);
        let issuer = change.change.issuer().and_then(|issuer| self.issuers.get(issuer));
        let living =
            issuer.into_iter().flat_map(IssuerRecord::living_keys).map(|record| &record.key);
        let own = if let Change::KeyAdded { key, .. } = &change.change { Some(key) } else { None };
        registrars.chain(living).chain(own).collect()
    }

    /// Whether every change before the one of this number was read.
    pub(super) fn saw_all_before(&self, sequence: u64) -> bool {
        self.complete && sequence == self.next_sequence
    }

    fn issuer_record(&self, issuer: &Domain) -> Result<&IssuerRecord, RegistryError> {
        self.issuers
            .get(issuer)
            .ok_or_else(|| RegistryError::IssuerUnknown { issuer: issuer.clone() })
    }
}
