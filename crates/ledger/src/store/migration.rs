//! From the layout before: documents lay under their hashes in clear, and RocksDB copies keys into files of its
//! own, where no erasure reaches them. Done at opening; begun again after a crash, it goes on where it stopped.

use rocksdb::{IteratorMode, WriteBatch};
use witness_core::hash::Hash;

use super::{Store, StoreError, synced};
use crate::cells::{self, DocumentCell, Reader, family};

/// Cells of one write.
const BATCH: usize = 10_000;

impl Store {
    /// Moves every document to a key that does not hold its hash, and lets nothing of the old keys stay.
    pub(super) fn hide_document_hashes(&self) -> Result<(), StoreError> {
        tracing::info!(
            "documents are moved to keys that do not hold their hashes; this is done once"
        );
        let document = self.family(family::DOCUMENT)?;
        let mut batch = WriteBatch::default();
        for pair in self.db.iterator_cf(document, IteratorMode::Start) {
            let (key, value) = pair?;
            // Keys of this layout are shorter: they were moved before a crash.
            let Some(moved) = moved_key(&key) else { continue };
            batch.put_cf(document, moved, value);
            batch.delete_cf(document, key);
            if batch.len() >= 2 * BATCH {
                self.db.write(std::mem::take(&mut batch))?;
            }
        }
        batch.put(cells::LAYOUT_KEY, cells::LAYOUT);
        self.db.write_opt(batch, &synced())?;
        self.rewrite_all(family::DOCUMENT)
    }
}

fn moved_key(key: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(key);
    let (issuer, document): (u32, Hash) = (reader.u32()?, reader.hash()?);
    let newest = DocumentCell::key(issuer, &document);
    match reader.0.len() {
        0 => Some(newest),
        4 => Some(DocumentCell::page_key(&newest, reader.u32()?)),
        _ => None,
    }
}
