//! Callers in the firm's store: who was let in, by what they are known, and who was shut out again.
//!
//! One family holds both kinds of cells: `r` and the id has the text, `k` and the hash has the id.

use rocksdb::{Direction, IteratorMode, WriteBatch};
use witness_core::{
    caller::{CallerId, CallerRecord},
    hash::Hash,
    time::Timestamp,
};

use super::{FirmStore, family};
use crate::store::StoreError;

const RECORD: &[u8] = b"r";
const KNOWN: &[u8] = b"k";

/// What came of letting somebody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// It is let in, durably.
    Done,
    /// There is a caller of this id already.
    IdTaken,
    /// A caller is known by this already, or was.
    AlreadyKnown,
}

fn record_key(id: &CallerId) -> Vec<u8> {
    [RECORD, id.as_str().as_bytes()].concat()
}

fn known_key(hash: &Hash) -> Vec<u8> {
    [KNOWN, hash.as_bytes()].concat()
}

/// The record in a cell.
fn decode(value: &[u8]) -> Result<CallerRecord, StoreError> {
    let text = str::from_utf8(value).ok();
    let record = text.and_then(|text| CallerRecord::parse(text).ok());
    record.ok_or(StoreError::Damaged { what: "caller" })
}

impl FirmStore {
    /// Lets a caller in. The caller of this must keep others from it meanwhile.
    pub fn grant_caller(&self, record: &CallerRecord) -> Result<Granted, StoreError> {
        let (record_key, known_key) = (record_key(&record.id), known_key(record.known_by.hash()));
        if self.get(family::CALLER, &record_key)?.is_some() {
            return Ok(Granted::IdTaken);
        }
        if self.get(family::CALLER, &known_key)?.is_some() {
            return Ok(Granted::AlreadyKnown);
        }
        let family = self.family(family::CALLER)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(family, record_key, record.encode());
        batch.put_cf(family, known_key, record.id.as_str());
        self.write(batch)?;
        Ok(Granted::Done)
    }

    /// Shuts a caller out; `None` if there is none of this id. Who was shut out before stays so since then. The
    /// caller of this must keep others from it meanwhile.
    pub fn revoke_caller(
        &self,
        id: &CallerId,
        now: Timestamp,
    ) -> Result<Option<CallerRecord>, StoreError> {
        let Some(record) = self.caller(id)? else { return Ok(None) };
        if record.revoked_at.is_some() {
            return Ok(Some(record));
        }
        let record = CallerRecord { revoked_at: Some(now), ..record };
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(family::CALLER)?, record_key(id), record.encode());
        self.write(batch)?;
        Ok(Some(record))
    }

    /// One caller by its id.
    pub fn caller(&self, id: &CallerId) -> Result<Option<CallerRecord>, StoreError> {
        let value = self.get(family::CALLER, &record_key(id))?;
        value.map(|value| decode(&value)).transpose()
    }

    /// Every caller that was ever let in, by their ids.
    pub fn callers(&self) -> Result<Vec<CallerRecord>, StoreError> {
        let family = self.family(family::CALLER)?;
        let mut callers = Vec::new();
        for pair in self.db.iterator_cf(family, IteratorMode::From(RECORD, Direction::Forward)) {
            let (key, value) = pair?;
            if !key.starts_with(RECORD) {
                break;
            }
            callers.push(decode(&value)?);
        }
        Ok(callers)
    }
}

#[cfg(test)]
mod tests {
    use witness_core::{
        caller::{CallerRole, KnownBy, Token},
        key::{SignatureType, SigningKey},
        name::Jurisdictions,
    };

    use super::*;

    fn open(folder: &std::path::Path) -> FirmStore {
        let root = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[1; 32]);
        FirmStore::open(folder, root.unwrap().verifying_key()).unwrap()
    }

    fn regulator(id: u8, token: u8) -> CallerRecord {
        let at = Timestamp::from_micros;
        CallerRecord {
            id: CallerId::from_random([id; 4]),
            role: CallerRole::Regulator(Jurisdictions::parse("DE").unwrap()),
            from: at(10),
            until: at(20),
            known_by: KnownBy::Token(Token::from_random(&[token; 32]).hash()),
            granted_at: at(5),
            revoked_at: None,
            name: "BaFin".to_owned(),
        }
    }

    #[test]
    fn callers_are_found_by_id_and_stay_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (regulator(1, 1), regulator(2, 2));
        let store = open(folder.path());
        assert_eq!(store.grant_caller(&two).unwrap(), Granted::Done);
        assert_eq!(store.grant_caller(&one).unwrap(), Granted::Done);
        drop(store);
        let store = open(folder.path());
        assert_eq!(store.callers().unwrap(), [one.clone(), two.clone()]);
        assert_eq!(store.caller(&one.id).unwrap(), Some(one));
    }

    #[test]
    fn nothing_is_granted_twice_not_even_after_it_was_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let one = regulator(1, 1);
        store.grant_caller(&one).unwrap();
        assert_eq!(store.grant_caller(&regulator(1, 2)).unwrap(), Granted::IdTaken);
        assert_eq!(store.grant_caller(&regulator(2, 1)).unwrap(), Granted::AlreadyKnown);
        let at = Timestamp::from_micros;
        let revoked = store.revoke_caller(&one.id, at(15)).unwrap().unwrap();
        assert_eq!(revoked, CallerRecord { revoked_at: Some(at(15)), ..one.clone() });
        assert_eq!(store.revoke_caller(&one.id, at(16)).unwrap(), Some(revoked));
        assert_eq!(store.grant_caller(&regulator(2, 1)).unwrap(), Granted::AlreadyKnown);
        let nobody = CallerId::from_random([9; 4]);
        assert_eq!(store.revoke_caller(&nobody, at(15)).unwrap(), None);
    }
}
