//! The firm's own store: what belongs to the firm and to no single log. It pins whose data this is, keeps every
//! roll-up with its leaves, is the memory of whoever anchors them on a chain, knows who was let in, and holds the
//! access log.
//!
//! What must hold: each write is atomic and synced before it returns, and nothing that was written is ever
//! removed or replaced, but for the record of an anchoring worker, that of a caller once it is shut out, and the
//! challenges of domains.

mod access_log;
mod anchors;
mod callers;
mod challenges;
mod rollups;

use std::{path::Path, sync::Mutex};

use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DB, Direction, IteratorMode, Options, WriteBatch,
    WriteOptions,
};
use witness_core::{key::VerifyingKey, name::Origin};

pub use self::anchors::{AnchorCell, AnchorsOf};
pub use self::callers::Granted;
pub use self::challenges::{ChallengeCell, ChallengeProof};
pub use self::rollups::RollUpCell;
use crate::{
    cells::Reader,
    store::{Pair, StoreError},
};

const ROOT_KEY: &[u8] = b"root-vkey";
/// Before the origin of each log that was ever served from this data.
const LOG_PREFIX: &[u8] = b"log ";

/// The families, each of one kind of cells; see the layout in `crates/README.md`.
mod family {
    /// Roll-ups by their own sequence.
    pub(super) const ROLL_UP: &str = "roll-up";
    /// Sequence of a roll-up by its value.
    pub(super) const VALUE: &str = "value";
    /// Sequence of the first roll-up over a checkpoint, by origin and size.
    pub(super) const COVERS: &str = "covers";
    /// Records of anchoring workers by contract.
    pub(super) const RECORD: &str = "record";
    /// Anchors by contract and the contract's sequence.
    pub(super) const ANCHOR: &str = "anchor";
    /// The contract's sequence by contract and roll-up.
    pub(super) const ANCHORED: &str = "anchored";
    /// Who was let in, by id and by hash.
    pub(super) const CALLER: &str = "caller";
    /// Records of the access log by number.
    pub(super) const ACCESS: &str = "access";
    /// Challenges by domain.
    pub(super) const CHALLENGE: &str = "challenge";
    pub(super) const ALL: [&str; 9] =
        [ROLL_UP, VALUE, COVERS, RECORD, ANCHOR, ANCHORED, CALLER, ACCESS, CHALLENGE];
}

/// The firm's store.
#[derive(Debug)]
pub struct FirmStore {
    db: DB,
    /// Held while the end of the access log is read and gone on from.
    appending_access: Mutex<()>,
}

impl FirmStore {
    /// Opens or creates the store; a store of another firm is refused.
    pub fn open(path: &Path, root: &VerifyingKey) -> Result<Self, FirmStoreError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_paranoid_checks(true);
        options.set_db_write_buffer_size(4 << 20);
        options.set_keep_log_file_num(4);
        let families = family::ALL.iter().chain([&rocksdb::DEFAULT_COLUMN_FAMILY_NAME]);
        let families = families.map(|name| ColumnFamilyDescriptor::new(*name, Options::default()));
        let db = DB::open_cf_descriptors(&options, path, families).map_err(StoreError::from)?;
        let store = Self { db, appending_access: Mutex::default() };
        let expected = root.to_string();
        match store.db.get(ROOT_KEY).map_err(StoreError::from)? {
            Some(found) if found == expected.as_bytes() => {}
            Some(found) => {
                let found = String::from_utf8_lossy(&found).into_owned();
                return Err(FirmStoreError::OtherFirm { found, expected });
            }
            None => {
                let mut batch = WriteBatch::default();
                batch.put(ROOT_KEY, expected.as_bytes());
                store.write(batch)?;
            }
        }
        Ok(store)
    }

    /// Remembers that a log was begun or served.
    pub fn record_log(&self, origin: &Origin) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put([LOG_PREFIX, origin.as_str().as_bytes()].concat(), b"");
        self.write(batch)
    }

    /// Origins of the logs that were ever served from this data.
    pub fn recorded_logs(&self) -> Result<Vec<String>, StoreError> {
        let mut origins = Vec::new();
        for pair in self.db.iterator(IteratorMode::From(LOG_PREFIX, Direction::Forward)) {
            let (key, _) = pair?;
            let Some(origin) = key.strip_prefix(LOG_PREFIX) else { break };
            origins.push(String::from_utf8_lossy(origin).into_owned());
        }
        Ok(origins)
    }

    fn family(&self, name: &str) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(name).ok_or(StoreError::Damaged { what: "column family" })
    }

    fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(self.family(family)?, key)?)
    }

    /// A number that is kept under a key.
    fn number(&self, family: &str, key: &[u8]) -> Result<Option<u64>, StoreError> {
        let Some(value) = self.get(family, key)? else { return Ok(None) };
        Reader(&value).u64().map(Some).ok_or(StoreError::Damaged { what: "number of a roll-up" })
    }

    /// The first pair whose key is at or after `from`, or the last at or before it, if it has the prefix.
    fn nearest(
        &self,
        family: &str,
        (from, prefix): (&[u8], &[u8]),
        direction: Direction,
    ) -> Result<Option<Pair>, StoreError> {
        let mode = IteratorMode::From(from, direction);
        let pair = self.db.iterator_cf(self.family(family)?, mode).next().transpose()?;
        let pair = pair.filter(|(key, _)| key.starts_with(prefix));
        Ok(pair.map(|(key, value)| (key.into_vec(), value.into_vec())))
    }

    /// All or nothing, and synced.
    fn write(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        Ok(self.db.write_opt(batch, &synced)?)
    }
}

/// Why the firm's store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum FirmStoreError {
    /// RocksDB says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data is another firm's.
    #[error(
        "the data belongs to the firm with root key {found}, the keys to {expected}; point both at the same firm"
    )]
    OtherFirm {
        /// Root vkey of the data.
        found: String,
        /// Root vkey of the keys.
        expected: String,
    },
}
