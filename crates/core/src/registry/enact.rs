//! What a change does to the registry, once its signatures were found good. What does not fit changes nothing.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    Change, ClaimTypeRecord, HoldRecord, IssuerRecord, KeyRecord, Logged, Recovery, Registry,
    RegistryError, Retention, Revocation, StreamRecord,
};
use crate::{
    erasure::Range,
    key::{KeyId, VerifyingKey},
    name::{Domain, Name},
    schema::Schema,
};

impl Registry {
    pub(super) fn enact(&mut self, change: &Change, logged: Logged) -> Result<(), RegistryError> {
        match change {
            Change::IssuerAdded { issuer } => self.add_issuer(issuer, logged),
            Change::IssuerOffboarded { issuer } => {
                self.living_issuer(issuer)?.offboarded = Some(logged);
                Ok(())
            }
            Change::KeyAdded { issuer, key, recovery } => {
                let recovery =
                    if *recovery { Recovery::Yes } else { self.unmarked(issuer, logged) };
                self.add_key(issuer, (key, recovery), logged)
            }
            Change::KeyRevoked { issuer, key, as_of } => {
                self.revoke_key(issuer, *key, Revocation { logged, as_of: *as_of })
            }
            Change::StreamOpened { issuer, stream, jurisdictions, back_fill } => {
                let (jurisdictions, back_fill) = (jurisdictions.clone(), *back_fill);
                let ordinal = self.streams;
                let opened = StreamRecord { ordinal, jurisdictions, back_fill, opened: logged };
                self.open_stream(issuer, stream, opened)
            }
            Change::ClaimType { name, schema } => {
                self.register_claim_type(name, schema, logged);
                Ok(())
            }
            Change::Retention { claim_type, days } => {
                let unknown = || RegistryError::ClaimTypeUnknown { claim_type: claim_type.clone() };
                let record = self.claim_types.get_mut(claim_type).ok_or_else(unknown)?;
                record.retention = days.map(|days| Retention { days, logged });
                Ok(())
            }
            Change::LegalHold { name, issuer, range } => {
                let (issuer, range) = (issuer.clone(), range.clone());
                self.hold_events(name, HoldRecord { issuer, range, placed: logged, lifted: None })
            }
            Change::LegalHoldLifted { name } => {
                let standing = self.holds.get_mut(name).filter(|hold| hold.stands());
                let unknown = || RegistryError::HoldUnknown { name: name.clone() };
                standing.ok_or_else(unknown)?.lifted = Some(logged);
                Ok(())
            }
        }
    }

    /// A domain is added once: what is logged under it is one issuer's.
    fn add_issuer(&mut self, issuer: &Domain, logged: Logged) -> Result<(), RegistryError> {
        if let Some(known) = self.issuers.get(issuer) {
            let issuer = issuer.clone();
            return Err(match known.offboarded {
                Some(_) => RegistryError::IssuerOffboarded { issuer },
                None => RegistryError::IssuerExists { issuer },
            });
        }
        let record = IssuerRecord {
            ordinal: u32::try_from(self.issuers.len()).unwrap_or(u32::MAX),
            added: logged,
            keys: Vec::new(),
            streams: BTreeMap::new(),
            offboarded: None,
        };
        self.issuers.insert(issuer.clone(), record);
        Ok(())
    }

    fn add_key(
        &mut self,
        issuer: &Domain,
        (key, recovery): (&VerifyingKey, Recovery),
        added: Logged,
    ) -> Result<(), RegistryError> {
        // The same bytes under two names, or two keys under one id, would speak for one another.
        let mut taken = self.issuers.values().flat_map(|record| &record.keys);
        let is_same = |old: &KeyRecord| {
            old.key.public_key() == key.public_key()
                || (old.key.name(), old.key.id()) == (key.name(), key.id())
        };
        if taken.any(is_same) {
            return Err(RegistryError::KeyExists { key: key.id() });
        }
        let record = KeyRecord { key: key.clone(), added, recovery, revoked: None };
        self.living_issuer(issuer)?.keys.push(record);
        Ok(())
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

    /// Of an offboarded issuer too: that a key was stolen can come to light later.
    fn revoke_key(
        &mut self,
        issuer: &Domain,
        key: KeyId,
        revocation: Revocation,
    ) -> Result<(), RegistryError> {
        let mut keys = self.issuer_mut(issuer)?.keys.iter_mut();
        let living = keys.find(|old| old.key.id() == key && old.revoked.is_none());
        living.ok_or(RegistryError::KeyUnknown { key })?.revoked = Some(revocation);
        Ok(())
    }

    fn open_stream(
        &mut self,
        issuer: &Domain,
        stream: &Name,
        opened: StreamRecord,
    ) -> Result<(), RegistryError> {
        let record = self.living_issuer(issuer)?;
        if record.streams.contains_key(stream) {
            return Err(RegistryError::StreamExists { stream: stream.clone() });
        }
        record.streams.insert(stream.clone(), opened);
        self.streams += 1;
        Ok(())
    }

    fn register_claim_type(&mut self, name: &Name, schema: &Schema, logged: Logged) {
        let before = self.claim_types.remove(name);
        let (mut registered, retention) =
            before.map(|record| (record.registered, record.retention)).unwrap_or_default();
        registered.push(logged);
        let record = ClaimTypeRecord { schema: schema.clone(), registered, retention };
        self.claim_types.insert(name.clone(), record);
    }

    /// Of an offboarded issuer too: what it had logged is still there.
    fn hold_events(&mut self, name: &Name, hold: HoldRecord) -> Result<(), RegistryError> {
        if self.holds.contains_key(name) {
            return Err(RegistryError::HoldExists { name: name.clone() });
        }
        let streams = &self.issuer_mut(&hold.issuer)?.streams;
        let is_unknown = |range: &&Range| !streams.contains_key(&range.stream);
        if let Some(Range { stream, .. }) = hold.range.as_ref().filter(is_unknown) {
            return Err(RegistryError::StreamUnknown { stream: stream.clone() });
        }
        self.holds.insert(name.clone(), hold);
        Ok(())
    }

    fn issuer_mut(&mut self, issuer: &Domain) -> Result<&mut IssuerRecord, RegistryError> {
        let unknown = || RegistryError::IssuerUnknown { issuer: issuer.clone() };
        self.issuers.get_mut(issuer).ok_or_else(unknown)
    }

    fn living_issuer(&mut self, issuer: &Domain) -> Result<&mut IssuerRecord, RegistryError> {
        let offboarded = || RegistryError::IssuerOffboarded { issuer: issuer.clone() };
        let record = self.issuer_mut(issuer)?;
        if record.offboarded.is_some() { Err(offboarded()) } else { Ok(record) }
    }
}
