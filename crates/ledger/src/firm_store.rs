//! The firm's own store: what belongs to the firm and to no single log. It pins whose data this is; roll-ups,
//! the anchor journal and the access log join it.

use std::path::Path;

use rocksdb::{DB, Direction, IteratorMode, Options, WriteOptions};
use witness_core::{key::VerifyingKey, name::Origin};

use crate::store::StoreError;

const ROOT_KEY: &[u8] = b"root-vkey";
/// Before the origin of each log that was ever served from this data.
const LOG_PREFIX: &[u8] = b"log ";

/// The firm's store.
#[derive(Debug)]
pub struct FirmStore {
    db: DB,
}

impl FirmStore {
    /// Opens or creates the store; a store of another firm is refused.
    pub fn open(path: &Path, root: &VerifyingKey) -> Result<Self, FirmStoreError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_db_write_buffer_size(4 << 20);
        options.set_keep_log_file_num(4);
        let store = Self { db: DB::open(&options, path).map_err(StoreError::from)? };
        let expected = root.to_string();
        match store.db.get(ROOT_KEY).map_err(StoreError::from)? {
            Some(found) if found == expected.as_bytes() => {}
            Some(found) => {
                let found = String::from_utf8_lossy(&found).into_owned();
                return Err(FirmStoreError::OtherFirm { found, expected });
            }
            None => store.put(ROOT_KEY, expected.as_bytes())?,
        }
        Ok(store)
    }

    /// Remembers that a log was begun or served.
    pub fn record_log(&self, origin: &Origin) -> Result<(), StoreError> {
        self.put(&[LOG_PREFIX, origin.as_str().as_bytes()].concat(), b"")
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

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        Ok(self.db.put_opt(key, value, &synced)?)
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
