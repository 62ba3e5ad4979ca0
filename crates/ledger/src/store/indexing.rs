//! What the index of audits needs of a store: walks over keys, and writes that may be lost, because they can be made
//! again.

use std::sync::{MutexGuard, PoisonError};

use rocksdb::{DBRawIterator, ReadOptions, WriteBatch, WriteOptions, statistics::Ticker};

use super::{Pair, Store, StoreError};
use crate::cells::family;

/// A key with its value, for as long as the walk stands there.
pub(crate) type PairRef<'a> = (&'a [u8], &'a [u8]);

/// Who holds it reads bodies and writes what the index says of them, or erases both: one after the other, so
/// that nothing is indexed that was erased meanwhile.
#[derive(Debug)]
pub(crate) struct IndexTurn<'a> {
    #[expect(dead_code, reason = "held for its drop")]
    guard: MutexGuard<'a, ()>,
}

/// Walks the pairs of one family in the order of their keys, as they were when the walk began.
pub(crate) struct Cursor<'a>(DBRawIterator<'a>);

impl Cursor<'_> {
    /// The first pair at or after `key`.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<Option<PairRef<'_>>, StoreError> {
        self.0.seek(key);
        self.pair()
    }

    /// The pair after the last one that was given.
    pub(crate) fn advance(&mut self) -> Result<Option<PairRef<'_>>, StoreError> {
        self.0.next();
        self.pair()
    }

    fn pair(&self) -> Result<Option<PairRef<'_>>, StoreError> {
        match self.0.item() {
            Some(pair) => Ok(Some(pair)),
            None => Ok(self.0.status().map(|()| None)?),
        }
    }
}

impl Store {
    /// Walks one family as it is now, up to the keys from `end` on.
    pub(crate) fn cursor(
        &self,
        family: &str,
        end: Option<&[u8]>,
    ) -> Result<Cursor<'_>, StoreError> {
        let mut options = ReadOptions::default();
        if let Some(end) = end {
            options.set_iterate_upper_bound(end);
        }
        Ok(Cursor(self.db.raw_iterator_cf_opt(self.family(family)?, options)))
    }

    /// Waits until nobody else reads bodies for the index, or erases. One after the other: who has just had a turn does
    /// not get the next one while somebody waits, who holds the place of the next.
    pub(crate) fn index_turn(&self) -> IndexTurn<'_> {
        let _next = self.next_to_index.lock().unwrap_or_else(PoisonError::into_inner);
        IndexTurn { guard: self.indexing.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Takes the turn to change what the index says of texts that go. What it says already is made durable before:
    /// a crash must not lose the block that an erasure has changed, and keep the change.
    pub(crate) fn turn_to_erase(&self) -> Result<IndexTurn<'_>, StoreError> {
        let turn = self.index_turn();
        self.db.flush_cf(self.family(family::AUDIT)?)?;
        Ok(turn)
    }

    /// Writes a part of the index, with how far it goes: all or nothing, and past the write-ahead log. What a
    /// crash takes is made again, because the mark that says how far lies in the same family, and so is lost
    /// with it.
    pub(crate) fn write_index(
        &self,
        _turn: &IndexTurn<'_>,
        pairs: &[Pair],
    ) -> Result<(), StoreError> {
        let audit = self.family(family::AUDIT)?;
        let mut batch = WriteBatch::default();
        for (key, value) in pairs {
            batch.put_cf(audit, key, value);
        }
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        Ok(self.db.write_opt(batch, &options)?)
    }

    /// How many keys were read since opening, and how often a walk began.
    pub(crate) fn reads(&self) -> u64 {
        let counted =
            [Ticker::NumberKeysRead, Ticker::NumberMultigetKeysRead, Ticker::NumberDbSeek];
        counted.into_iter().map(|ticker| self.options.get_ticker_count(ticker)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use rocksdb::Cache;
    use witness_core::name::Origin;

    use super::*;

    #[test]
    fn who_waits_for_a_turn_comes_before_who_asks_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let origin = Origin::parse("witness.example/log1").unwrap();
        let store = Store::open(folder.path(), &origin, &Cache::new_lru_cache(1 << 20)).unwrap();
        let (store, order) = (Arc::new(store), Arc::default());
        let spawn = |name: &'static str, take: fn(&Store) -> IndexTurn<'_>| {
            let (store, order): (_, Arc<std::sync::Mutex<Vec<_>>>) =
                (Arc::clone(&store), Arc::clone(&order));
            thread::spawn(move || {
                let _turn = take(&store);
                order.lock().unwrap().push(name);
            })
        };
        let turn = store.index_turn();
        let eraser = spawn("erase", |store| store.turn_to_erase().unwrap());
        while store.next_to_index.try_lock().is_ok() {
            thread::yield_now();
        }
        let indexer = spawn("index", Store::index_turn);
        drop(turn);
        eraser.join().unwrap();
        indexer.join().unwrap();
        assert_eq!(*order.lock().unwrap(), ["erase", "index"]);
    }
}
