//! Challenges in the firm's store: what the holder of a domain was asked to publish, and that it was found.

use rocksdb::WriteBatch;
use witness_core::{name::Domain, observation::Method, time::Timestamp};

use super::{FirmStore, family};
use crate::{cells::Reader, store::StoreError};

/// That a challenge was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeProof {
    /// Where.
    pub method: Method,
    /// When.
    pub found_at: Timestamp,
}

/// A challenge as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeCell {
    /// The line to publish.
    pub line: String,
    /// Until when it is looked for.
    pub expires_at: Timestamp,
    /// That it was found, the last time.
    pub proof: Option<ChallengeProof>,
}

impl ChallengeCell {
    /// When it expires, where and when it was found (`0` for nowhere), the line.
    fn encode(&self) -> Vec<u8> {
        let (method, found_at) = match self.proof {
            None => (0, Timestamp::EPOCH),
            Some(ChallengeProof { method: Method::Https, found_at }) => (1, found_at),
            Some(ChallengeProof { method: Method::Dns, found_at }) => (2, found_at),
        };
        let mut bytes = self.expires_at.micros().to_be_bytes().to_vec();
        bytes.push(method);
        bytes.extend(found_at.micros().to_be_bytes());
        bytes.extend(self.line.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let expires_at = Timestamp::from_micros(reader.u64()?);
        let method = match reader.u8()? {
            0 => None,
            1 => Some(Method::Https),
            2 => Some(Method::Dns),
            _ => return None,
        };
        let found_at = Timestamp::from_micros(reader.u64()?);
        let proof = method.map(|method| ChallengeProof { method, found_at });
        let line = str::from_utf8(reader.0).ok()?.to_owned();
        Some(Self { line, expires_at, proof })
    }
}

impl FirmStore {
    /// The challenge of a domain, if it was ever given one that was not used yet.
    pub fn challenge(&self, domain: &Domain) -> Result<Option<ChallengeCell>, StoreError> {
        let Some(value) = self.get(family::CHALLENGE, domain.as_str().as_bytes())? else {
            return Ok(None);
        };
        let damaged = StoreError::Damaged { what: "challenge" };
        ChallengeCell::decode(&value).map(Some).ok_or(damaged)
    }

    /// Keeps the challenge of a domain, over the one before it.
    pub fn put_challenge(&self, domain: &Domain, cell: &ChallengeCell) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let family = self.family(family::CHALLENGE)?;
        batch.put_cf(family, domain.as_str().as_bytes(), cell.encode());
        self.write(batch)
    }

    /// Forgets the challenge of a domain, once it was used.
    pub fn remove_challenge(&self, domain: &Domain) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.family(family::CHALLENGE)?, domain.as_str().as_bytes());
        self.write(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_reads_back_and_half_of_one_does_not() {
        let cell = ChallengeCell {
            line: "witness-ledger-challenge=witness.example/abc".to_owned(),
            expires_at: Timestamp::from_micros(7),
            proof: None,
        };
        let proofs = [Method::Https, Method::Dns]
            .map(|method| Some(ChallengeProof { method, found_at: Timestamp::from_micros(3) }));
        for proof in [None].into_iter().chain(proofs) {
            let cell = ChallengeCell { proof, ..cell.clone() };
            assert_eq!(ChallengeCell::decode(&cell.encode()), Some(cell));
        }
        assert_eq!(ChallengeCell::decode(&cell.encode()[..16]), None);
        let mut unknown = cell.encode();
        unknown[8] = 3;
        assert_eq!(ChallengeCell::decode(&unknown), None);
    }
}
