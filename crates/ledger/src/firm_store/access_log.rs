//! The access log in the firm's store: records of who asked what, by number, each naming the hash of the one before.
//!
//! What must hold: a record goes on from the one that is the newest at that moment, and nothing that was written
//! is ever replaced. Reading gives what is there, as it is there: whoever reads follows the chain.

use std::sync::PoisonError;

use rocksdb::{Direction, IteratorMode, WriteBatch};
use witness_core::{
    access_record::{Access, Chain},
    hash::Hash,
};

use super::{FirmStore, family};
use crate::{cells::Reader, store::StoreError};

impl FirmStore {
    /// Appends records, all with one synced write: number of records before the first of them. An error means that
    /// the caller does not know whether they are there; reading tells.
    pub fn append_access(&self, asked: Vec<Access>) -> Result<u64, StoreError> {
        // What a panic of another caller left behind is not trusted: the end is read anew each time.
        let _turn = self.appending_access.lock().unwrap_or_else(PoisonError::into_inner);
        let family = self.family(family::ACCESS)?;
        let mut chain = self.access_chain()?;
        let first = chain.records();
        let mut batch = WriteBatch::default();
        for access in asked {
            let key = chain.records().to_be_bytes();
            batch.put_cf(family, key, chain.append(access));
        }
        if !batch.is_empty() {
            self.write(batch)?;
        }
        Ok(first)
    }

    /// The head of the access log: number of records, and the hash of the newest.
    pub fn access_head(&self) -> Result<(u64, Hash), StoreError> {
        self.access_chain().map(|chain| (chain.records(), chain.head()))
    }

    /// Up to `limit` records from a number on, as they are stored: the number, and the text.
    pub fn access_records(
        &self,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let from = from.to_be_bytes();
        let mode = IteratorMode::From(&from, Direction::Forward);
        let pairs = self.db.iterator_cf(self.family(family::ACCESS)?, mode).take(limit);
        let records = pairs.map(|pair| {
            let (key, text) = pair?;
            let number = Reader(&key).u64();
            let number = number.ok_or(StoreError::Damaged { what: "number of a record" })?;
            Ok((number, text.into_vec()))
        });
        records.collect()
    }

    fn access_chain(&self) -> Result<Chain, StoreError> {
        let newest = self.db.iterator_cf(self.family(family::ACCESS)?, IteratorMode::End).next();
        let Some((key, text)) = newest.transpose()? else { return Ok(Chain::new()) };
        let chain = Chain::after(&text).ok();
        let chain = chain.filter(|chain| *key == (chain.records() - 1).to_be_bytes());
        chain.ok_or(StoreError::Damaged { what: "newest record of the access log" })
    }
}
