//! The store of one log: the only files that talk to RocksDB about a log.
//!
//! Writing is a compare-and-swap on the head, in one atomic write that is synced before it returns. RocksDB
//! keeps an OS lock on the folder, so a second process cannot open it at all.

mod indexing;
mod settling;

use std::{path::Path, sync::Mutex};

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily,
    ColumnFamilyDescriptor, CompactOptions, DB, DBCompactionStyle, DBCompressionType,
    DBRecoveryMode, Direction, IteratorMode, Options, WriteBatch, WriteOptions,
    statistics::{StatsLevel, Ticker},
};
use witness_core::name::Origin;

pub(crate) use self::indexing::{Cursor, IndexTurn, PairRef};
use crate::cells::{self, Head, family};

/// Memory for unwritten data of one log, in bytes.
const WRITE_BUFFER_BYTES: usize = 128 << 20;

/// Why the store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// RocksDB says so: the disk is full, a file is damaged, the folder is in use.
    #[error("the store failed: {0}")]
    Rocks(#[from] rocksdb::Error),
    /// Something stored does not read back.
    #[error("the store holds a {what} that does not read back; run `witnessd` on an intact copy")]
    Damaged {
        /// What it should be.
        what: &'static str,
    },
    /// Old values are still in files after what should have removed them.
    #[error(
        "{files} files of the store still hold what was erased, because something reads them; it is tried again later"
    )]
    NotSettled {
        /// How many.
        files: usize,
    },
    /// The folder cannot be looked through.
    #[error("the folder of the store cannot be read: {0}")]
    Folder(std::io::Error),
    /// The head is not the one that the commit goes on from: another writer was here.
    #[error("the log's head has moved under its only writer; nothing was written")]
    HeadMoved,
    /// The folder was laid out by another version.
    #[error(
        "the folder holds a log in the layout {found:?}, which this version does not read; open it with the version that \
         made it, and begin in a new data folder only with a log that was never served"
    )]
    OtherLayout {
        /// What the store calls its layout.
        found: String,
    },
    /// The folder holds something else.
    #[error(
        "the folder holds the log {found}, not {expected}; point the configuration at the right one"
    )]
    OtherLog {
        /// What it holds.
        found: String,
        /// What was asked for.
        expected: Origin,
    },
}

/// What one commit writes.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    changes: Vec<KeyChange>,
}

/// Family, key, and value; no value where the key is removed.
type KeyChange = (&'static str, Vec<u8>, Option<Vec<u8>>);

impl Writes {
    pub(crate) fn put(&mut self, family: &'static str, key: Vec<u8>, value: Vec<u8>) {
        self.changes.push((family, key, Some(value)));
    }

    pub(crate) fn remove(&mut self, family: &'static str, key: Vec<u8>) {
        self.changes.push((family, key, None));
    }

    /// What is put into one family, in order.
    pub(crate) fn of(&self, family: &str) -> impl Iterator<Item = (&[u8], &[u8])> {
        let own = self.changes.iter().filter(move |(name, _, _)| *name == family);
        own.filter_map(|(_, key, value)| Some((key.as_slice(), value.as_deref()?)))
    }

    /// Keys of one family that are put or removed.
    pub(crate) fn keys_of(&self, family: &str) -> impl Iterator<Item = &[u8]> {
        let own = self.changes.iter().filter(move |(name, _, _)| *name == family);
        own.map(|(_, key, _)| key.as_slice())
    }
}

/// Name of RocksDB's own family, for the few cells that are not many of a kind.
pub(crate) const DEFAULT: &str = "default";

/// A key with its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// The store of one log.
pub(crate) struct Store {
    db: DB,
    options: Options,
    indexing: Mutex<()>,
    /// Held by who waits for `indexing`, and no longer.
    next_to_index: Mutex<()>,
    overwritten: settling::Overwritten,
}

impl Store {
    /// Opens or creates the store of a log.
    pub(crate) fn open(path: &Path, origin: &Origin, cache: &Cache) -> Result<Self, StoreError> {
        let options = database_options();
        let families = family::ALL
            .into_iter()
            .map(|name| ColumnFamilyDescriptor::new(name, family_options(name, cache)));
        let own = ColumnFamilyDescriptor::new(DEFAULT, family_options(DEFAULT, cache));
        let db = DB::open_cf_descriptors(&options, path, families.chain([own]))?;
        let (indexing, next_to_index) = (Mutex::default(), Mutex::default());
        let overwritten = settling::Overwritten::default();
        let store = Self { db, options, indexing, next_to_index, overwritten };
        store.check_identity(origin)?;
        Ok(store)
    }

    fn check_identity(&self, origin: &Origin) -> Result<(), StoreError> {
        let Some(found) = self.get(DEFAULT, cells::ORIGIN_KEY)? else {
            let mut batch = WriteBatch::default();
            batch.put(cells::LAYOUT_KEY, cells::LAYOUT);
            batch.put(cells::ORIGIN_KEY, origin.as_str());
            return Ok(self.db.write_opt(batch, &synced())?);
        };
        if found != origin.as_str().as_bytes() {
            let found = String::from_utf8_lossy(&found).into_owned();
            return Err(StoreError::OtherLog { found, expected: origin.clone() });
        }
        match self.get(DEFAULT, cells::LAYOUT_KEY)? {
            Some(layout) if layout == cells::LAYOUT => Ok(()),
            found => {
                let found = String::from_utf8_lossy(&found.unwrap_or_default()).into_owned();
                Err(StoreError::OtherLayout { found })
            }
        }
    }

    fn family(&self, name: &str) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(name).ok_or(StoreError::Damaged { what: "column family" })
    }

    /// One value.
    pub(crate) fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.family(family)?, key)?)
    }

    /// Many values of one family at once, in the order of the keys, which must be ascending.
    pub(crate) fn get_many(
        &self,
        family: &str,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let values = self.db.batched_multi_get_cf(self.family(family)?, keys, true);
        values.into_iter().map(|value| Ok(value?.map(|bytes| bytes.to_vec()))).collect()
    }

    /// Up to `limit` pairs from `from` on, as long as `keep` likes the key.
    pub(crate) fn scan(
        &self,
        family: &str,
        from: &[u8],
        limit: usize,
        keep: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<Pair>, StoreError> {
        let mode = IteratorMode::From(from, Direction::Forward);
        let mut found = Vec::new();
        for pair in self.db.iterator_cf(self.family(family)?, mode).take(limit) {
            let (key, value) = pair?;
            if !keep(&key) {
                break;
            }
            found.push((key.into_vec(), value.into_vec()));
        }
        Ok(found)
    }

    /// The last pair at or before `key`.
    pub(crate) fn last_at(&self, family: &str, key: &[u8]) -> Result<Option<Pair>, StoreError> {
        let mode = IteratorMode::From(key, Direction::Reverse);
        let pair = self.db.iterator_cf(self.family(family)?, mode).next().transpose()?;
        Ok(pair.map(|(key, value)| (key.into_vec(), value.into_vec())))
    }

    /// The head as it is stored.
    pub(crate) fn head(&self) -> Result<Head, StoreError> {
        match self.get(DEFAULT, cells::HEAD_KEY)? {
            None => Ok(Head::EMPTY),
            Some(bytes) => Head::decode(&bytes).ok_or(StoreError::Damaged { what: "head" }),
        }
    }

    /// Writes all or nothing, synced, if the head is still `previous`. A crash before the return means that
    /// the caller does not know: opening again tells.
    pub(crate) fn commit(
        &self,
        previous: &Head,
        next: &Head,
        writes: &Writes,
    ) -> Result<(), StoreError> {
        if self.head()? != *previous {
            return Err(StoreError::HeadMoved);
        }
        let mut batch = self.batch(writes)?;
        batch.put(cells::HEAD_KEY, next.encode());
        Ok(self.db.write_opt(batch, &synced())?)
    }

    /// Writes what does not move the head, synced: published checkpoints.
    pub(crate) fn write(&self, writes: &Writes) -> Result<(), StoreError> {
        Ok(self.db.write_opt(self.batch(writes)?, &synced())?)
    }

    fn batch(&self, writes: &Writes) -> Result<WriteBatch, StoreError> {
        let mut batch = WriteBatch::default();
        // Puts of one family come in runs.
        let mut last = (DEFAULT, self.family(DEFAULT)?);
        for (family, key, value) in &writes.changes {
            if last.0 != *family {
                last = (family, self.family(family)?);
            }
            match value {
                Some(value) => batch.put_cf(last.1, key, value),
                None => batch.delete_cf(last.1, key),
            }
        }
        Ok(batch)
    }

    /// How often the write-ahead log was synced since opening.
    pub(crate) fn syncs(&self) -> u64 {
        self.options.get_ticker_count(Ticker::WalFileSynced)
    }

    /// Settles the store's files; for benchmarks and maintenance.
    pub(crate) fn compact(&self) -> Result<(), StoreError> {
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Skip);
        for name in family::ALL {
            let family = self.family(name)?;
            self.db.flush_cf(family)?;
            self.db.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &options);
        }
        Ok(())
    }
}

fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // Two kinds of damage must not be taken for a clean end: a hole in the middle of the write-ahead log,
    // and an unfinished last record of a batch that was answered. Answers leave after the sync, so an
    // unfinished tail was never answered.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_db_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_total_wal_size(256 << 20);
    options.set_max_background_jobs(2);
    options.set_bytes_per_sync(1 << 20);
    options.set_keep_log_file_num(4);
    options.set_max_open_files(512);
    options.enable_statistics();
    options.set_statistics_level(StatsLevel::ExceptHistogramOrTimers);
    options
}

fn family_options(name: &str, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_format_version(6);
    blocks.set_block_size(8 << 10);
    let mut options = Options::default();
    options.set_write_buffer_size(32 << 20);
    options.set_max_write_buffer_number(3);
    options.set_level_compaction_dynamic_level_bytes(true);
    match name {
        family::DOCUMENT => {
            // Most documents are new: the filter says so without reading. It is cut into small blocks like
            // the rest, because one block per file would be larger than a shard of the cache and be read
            // from the file at every look-up.
            blocks.set_bloom_filter(10.0, false);
            blocks.set_partition_filters(true);
            blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
            blocks.set_metadata_block_size(8 << 10);
            blocks.set_pin_top_level_index_and_filter(true);
            options.set_memtable_whole_key_filtering(true);
            options.set_memtable_prefix_bloom_ratio(0.05);
            options.set_compression_type(DBCompressionType::None);
            // Documents come in no order, so merging them is most of the store's work: with fewer, larger
            // merges each is rewritten some four times instead of ten.
            options.set_compaction_style(DBCompactionStyle::Universal);
            options.set_write_buffer_size(64 << 20);
        }
        family::LEAVES | family::TILE => options.set_compression_type(DBCompressionType::None),
        _ => options.set_compression_type(DBCompressionType::Lz4),
    }
    options.set_block_based_table_factory(&blocks);
    options
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.db.path()).finish_non_exhaustive()
    }
}
