//! What the registry says at a point of the log: keys count by log order, never by clocks.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    Change, ClaimTypeRecord, IssuerRecord, KeyRecord, Logged, Recovery, RegistryChange, Revocation,
    StreamRecord,
};
use crate::{
    firm::{Firm, Role},
    hash::Hash,
    key::{KeyId, VerifyingKey},
    merkle::LeafIndex,
    name::{Domain, Name, Origin},
    note::{Ed25519, Note, NoteError},
    text::Malformed,
};

/// Why a registry note was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Not signed by a registrar whose range covers it, or not by the keys that must.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not what it should be.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// For another log.
    #[error("the registry change must be for the log {expected}")]
    OtherLog {
        /// The log's origin.
        expected: Origin,
    },
    /// Not the next one in the chain.
    #[error("the registry change must have number {expected} and name the one before it")]
    OutOfOrder {
        /// The number that comes next.
        expected: u64,
    },
    /// An issuer is added twice.
    #[error("the issuer {issuer} is registered already")]
    IssuerExists {
        /// The issuer.
        issuer: Domain,
    },
    /// A change to an issuer that is not registered.
    #[error("the issuer {issuer} is not registered")]
    IssuerUnknown {
        /// The issuer.
        issuer: Domain,
    },
    /// A key is added twice, or shares its bytes with another.
    #[error("the key {key} is registered already")]
    KeyExists {
        /// The key.
        key: KeyId,
    },
    /// A key to revoke is not there, or was revoked before.
    #[error("the issuer has no living key {key}")]
    KeyUnknown {
        /// The key.
        key: KeyId,
    },
    /// The mark `recovery` must be there exactly if no living key of the issuer signed.
    #[error(
        "a key that no living key of the issuer signed for must be marked recovery, and no other"
    )]
    RecoveryMark,
    /// A stream is opened twice.
    #[error("the stream {stream} is open already")]
    StreamExists {
        /// The stream.
        stream: Name,
    },
}

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
    streams: u32,
    issuers: BTreeMap<Domain, IssuerRecord>,
    claim_types: BTreeMap<Name, ClaimTypeRecord>,
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
            Change::IssuerAdded { .. } | Change::StreamOpened { .. } | Change::ClaimType { .. } => {
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
        let own = match &change.change {
            Change::KeyAdded { key, .. } => Some(key),
            Change::IssuerAdded { .. }
            | Change::KeyRevoked { .. }
            | Change::StreamOpened { .. }
            | Change::ClaimType { .. } => None,
        };
        registrars.chain(living).chain(own).collect()
    }

    /// Whether every change before the one of this number was read.
    fn saw_all_before(&self, sequence: u64) -> bool {
        self.complete && sequence == self.next_sequence
    }

    /// What is known of a key that comes without the mark, its signatures found in order: it is the first,
    /// or a living key signed for it.
    fn unmarked(&self, issuer: &Domain, logged: Logged) -> Recovery {
        let looks_first = self.issuers.get(issuer).is_none_or(|record| record.keys.is_empty());
        if looks_first && !self.saw_all_before(logged.sequence) {
            Recovery::Unknown
        } else {
            Recovery::No
        }
    }

    fn issuer_record(&self, issuer: &Domain) -> Result<&IssuerRecord, RegistryError> {
        self.issuers
            .get(issuer)
            .ok_or_else(|| RegistryError::IssuerUnknown { issuer: issuer.clone() })
    }

    fn enact(&mut self, change: &Change, logged: Logged) -> Result<(), RegistryError> {
        match change {
            Change::IssuerAdded { issuer } => {
                if self.issuers.contains_key(issuer) {
                    return Err(RegistryError::IssuerExists { issuer: issuer.clone() });
                }
                let ordinal = u32::try_from(self.issuers.len()).unwrap_or(u32::MAX);
                let record = IssuerRecord {
                    ordinal,
                    added: logged,
                    keys: Vec::new(),
                    streams: BTreeMap::new(),
                };
                self.issuers.insert(issuer.clone(), record);
            }
            Change::KeyAdded { issuer, key, recovery } => {
                // The same bytes under two names, or two keys under one id, would speak for one another.
                let mut taken = self.issuers.values().flat_map(|record| &record.keys);
                let is_same = |old: &KeyRecord| {
                    old.key.public_key() == key.public_key()
                        || (old.key.name(), old.key.id()) == (key.name(), key.id())
                };
                if taken.any(is_same) {
                    return Err(RegistryError::KeyExists { key: key.id() });
                }
                let record = KeyRecord {
                    key: key.clone(),
                    added: logged,
                    recovery: if *recovery { Recovery::Yes } else { self.unmarked(issuer, logged) },
                    revoked: None,
                };
                self.issuer_mut(issuer)?.keys.push(record);
            }
            Change::KeyRevoked { issuer, key, as_of } => {
                let mut keys = self.issuer_mut(issuer)?.keys.iter_mut();
                let living = keys.find(|old| old.key.id() == *key && old.revoked.is_none());
                living.ok_or(RegistryError::KeyUnknown { key: *key })?.revoked =
                    Some(Revocation { logged, as_of: *as_of });
            }
            Change::StreamOpened { issuer, stream, jurisdictions, back_fill } => {
                let ordinal = self.streams;
                let record = self.issuer_mut(issuer)?;
                if record.streams.contains_key(stream) {
                    return Err(RegistryError::StreamExists { stream: stream.clone() });
                }
                let (jurisdictions, back_fill) = (jurisdictions.clone(), *back_fill);
                let opened = StreamRecord { ordinal, jurisdictions, back_fill, opened: logged };
                record.streams.insert(stream.clone(), opened);
                self.streams += 1;
            }
            Change::ClaimType { name, schema } => {
                let before = self.claim_types.remove(name).map(|record| record.registered);
                let mut registered = before.unwrap_or_default();
                registered.push(logged);
                let record = ClaimTypeRecord { schema: schema.clone(), registered };
                self.claim_types.insert(name.clone(), record);
            }
        }
        Ok(())
    }

    fn issuer_mut(&mut self, issuer: &Domain) -> Result<&mut IssuerRecord, RegistryError> {
        let unknown = || RegistryError::IssuerUnknown { issuer: issuer.clone() };
        self.issuers.get_mut(issuer).ok_or_else(unknown)
    }
}
