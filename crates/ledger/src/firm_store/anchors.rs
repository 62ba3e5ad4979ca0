//! Anchors in the firm's store: what the worker of each contract must not forget, and what it has proved.

use rocksdb::{Direction, IteratorMode, WriteBatch};
use witness_core::rollup::Contract;

use super::{FirmStore, family};
use crate::{cells::Reader, store::StoreError};

/// An anchor as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorCell {
    /// Sequence of the roll-up.
    pub rollup: u64,
    /// The contract's sequence.
    pub sequence: u64,
    /// Number of the block.
    pub block: u64,
    /// Hash of the block.
    pub block_hash: [u8; 32],
    /// Time of the block, in seconds since the epoch.
    pub time: u64,
    /// The anchor with its proof, canonical JSON.
    pub anchor: String,
}

impl AnchorCell {
    fn encode(&self) -> Vec<u8> {
        let numbers = [self.rollup, self.block, self.time].map(u64::to_be_bytes);
        [numbers.as_flattened(), &self.block_hash, self.anchor.as_bytes()].concat()
    }

    fn decode(sequence: u64, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (rollup, block, time) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let (block_hash, anchor) = reader.0.split_first_chunk::<32>()?;
        let anchor = String::from_utf8(anchor.to_vec()).ok()?;
        Some(Self { rollup, sequence, block, block_hash: *block_hash, time, anchor })
    }
}

/// The anchors on one contract.
#[derive(Debug, Clone, Copy)]
pub struct AnchorsOf<'a> {
    store: &'a FirmStore,
    contract: Contract,
}

impl FirmStore {
    /// The anchors on a contract.
    #[must_use]
    pub fn anchors_of(&self, contract: Contract) -> AnchorsOf<'_> {
        AnchorsOf { store: self, contract }
    }
}

impl AnchorsOf<'_> {
    /// Before every key of the contract; all of them are equally long.
    fn prefix(&self) -> Vec<u8> {
        [self.contract.chain.to_be_bytes().as_slice(), &self.contract.address].concat()
    }

    fn key(&self, number: u64) -> Vec<u8> {
        [self.prefix().as_slice(), &number.to_be_bytes()].concat()
    }

    /// The worker's record, as last written.
    pub fn record(&self) -> Result<Option<String>, StoreError> {
        let record = self.store.get(family::RECORD, &self.prefix())?;
        let text = record.map(String::from_utf8).transpose();
        text.map_err(|_why| StoreError::Damaged { what: "record of an anchoring worker" })
    }

    /// Writes the worker's record, and with it what is proved now.
    pub fn write(&self, record: &str, proved: &[AnchorCell]) -> Result<(), StoreError> {
        let (anchors, by_rollup) =
            (self.store.family(family::ANCHOR)?, self.store.family(family::ANCHORED)?);
        let mut batch = WriteBatch::default();
        batch.put_cf(self.store.family(family::RECORD)?, self.prefix(), record);
        // Of two anchors of one roll-up the first counts: it is written last.
        for cell in proved.iter().rev() {
            batch.put_cf(anchors, self.key(cell.sequence), cell.encode());
            let key = self.key(cell.rollup);
            if self.store.get(family::ANCHORED, &key)?.is_none() {
                batch.put_cf(by_rollup, key, cell.sequence.to_be_bytes());
            }
        }
        self.store.write(batch)
    }

    /// One anchor by the contract's sequence.
    pub fn get(&self, sequence: u64) -> Result<Option<AnchorCell>, StoreError> {
        let Some(value) = self.store.get(family::ANCHOR, &self.key(sequence))? else {
            return Ok(None);
        };
        let cell = AnchorCell::decode(sequence, &value);
        cell.map(Some).ok_or(StoreError::Damaged { what: "anchor" })
    }

    /// Up to `limit` anchors from a sequence on.
    pub fn from(&self, sequence: u64, limit: usize) -> Result<Vec<AnchorCell>, StoreError> {
        let (from, prefix) = (self.key(sequence), self.prefix());
        let mode = IteratorMode::From(&from, Direction::Forward);
        let family = self.store.family(family::ANCHOR)?;
        let mut found = Vec::new();
        for pair in self.store.db.iterator_cf(family, mode).take(limit) {
            let (key, value) = pair?;
            let Some(number) = key.strip_prefix(prefix.as_slice()) else { break };
            let cell = Reader(number).u64().and_then(|number| AnchorCell::decode(number, &value));
            found.push(cell.ok_or(StoreError::Damaged { what: "anchor" })?);
        }
        Ok(found)
    }

    /// The first anchor of a roll-up or of a later one.
    pub fn at_or_after(&self, rollup: u64) -> Result<Option<AnchorCell>, StoreError> {
        self.by_rollup(rollup, Direction::Forward)
    }

    /// The last anchor of an earlier roll-up.
    pub fn before(&self, rollup: u64) -> Result<Option<AnchorCell>, StoreError> {
        match rollup.checked_sub(1) {
            Some(before) => self.by_rollup(before, Direction::Reverse),
            None => Ok(None),
        }
    }

    fn by_rollup(
        &self,
        rollup: u64,
        direction: Direction,
    ) -> Result<Option<AnchorCell>, StoreError> {
        let (from, prefix) = (self.key(rollup), self.prefix());
        let found = self.store.nearest(family::ANCHORED, (&from, &prefix), direction)?;
        let Some((_, value)) = found else { return Ok(None) };
        let damaged = || StoreError::Damaged { what: "number of an anchor" };
        self.get(Reader(&value).u64().ok_or_else(damaged)?)?.map(Some).ok_or_else(damaged)
    }
}
