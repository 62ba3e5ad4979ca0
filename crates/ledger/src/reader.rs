//! Reading a log: entries, tiles, checkpoints and proofs, all from the store, with a bounded cache of tiles.

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};
use witness_core::{
    hash::Hash,
    merkle::{self, LeafIndex, TreeSize},
    tile::{Tile, TileId, TileSource, Tiled},
    time::Timestamp,
};

use crate::{
    cells::{self, Reader as CellReader, family},
    store::{Store, StoreError},
};

/// Tiles kept in memory, with their inner nodes 16 KiB each.
const TILES_CACHED: usize = 1024;
/// What subtrees of submissions are kept may weigh, in bytes: those of some 40,000 submissions of 256 events.
const SUBTREES_WEIGHT_MAX: u64 = 16 << 20;
/// What each submission weighs beside its hashes.
const SUBTREES_WEIGHT: usize = 128;
/// The table for them begins with so many places.
const SUBTREES_EXPECTED: usize = 4096;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Beyond what is published, or never there.
    #[error("{what} {number} is not there; the newest published size is {size}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
        /// Its number.
        number: u64,
        /// The newest published size.
        size: u64,
    },
    /// Sizes or indexes in an impossible order.
    #[error("{what} {number} must be at most {limit}")]
    OutOfRange {
        /// What was asked for.
        what: &'static str,
        /// Its number.
        number: u64,
        /// The most it can be.
        limit: u64,
    },
}

/// Reads one log.
#[derive(Debug)]
pub(crate) struct LogReader {
    pub(crate) store: Arc<Store>,
    tiles: Cache<TileId, Arc<Tile>>,
    /// Roots of the subtrees of submissions. Leaf hashes stay, whatever is erased, and with them these.
    subtrees: Cache<LeafIndex, Arc<[Hash]>, SubtreesWeight>,
}

#[derive(Debug, Clone)]
struct SubtreesWeight;

impl Weighter<LeafIndex, Arc<[Hash]>> for SubtreesWeight {
    fn weight(&self, _index: &LeafIndex, roots: &Arc<[Hash]>) -> u64 {
        u64::try_from(SUBTREES_WEIGHT + size_of_val::<[Hash]>(roots)).unwrap_or(u64::MAX)
    }
}

impl LogReader {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        let subtrees = Cache::with_weighter(SUBTREES_EXPECTED, SUBTREES_WEIGHT_MAX, SubtreesWeight);
        Self { store, tiles: Cache::new(TILES_CACHED), subtrees }
    }

    /// Text of an entry.
    pub(crate) fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, StoreError> {
        let text = self.store.get(family::ENTRY, &cells::index_key(index))?;
        text.ok_or(StoreError::Damaged { what: "entry" })
    }

    /// The roots of the subtrees of the submission in an entry, which has these leaf hashes.
    pub(crate) fn subtree_roots(&self, index: LeafIndex, leaves: &[[u8; 32]]) -> Arc<[Hash]> {
        if let Some(known) = self.subtrees.get(&index) {
            return known;
        }
        let leaves: Vec<Hash> = leaves.iter().copied().map(Hash::new).collect();
        let roots: Arc<[Hash]> = merkle::subtree_roots(&leaves).into();
        self.subtrees.insert(index, Arc::clone(&roots));
        roots
    }

    /// Texts of up to `limit` entries from `from` on, below `end`.
    pub(crate) fn entries(
        &self,
        from: LeafIndex,
        end: TreeSize,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let last = cells::index_key(end.next());
        let pairs = self
            .store
            .scan(family::ENTRY, &cells::index_key(from), limit, |key| key < last.as_slice())?;
        Ok(pairs.into_iter().map(|(_, text)| text).collect())
    }

    /// The first `width` hashes of a tile.
    pub(crate) fn tile_bytes(&self, tile: TileId, width: usize) -> Result<Vec<u8>, StoreError> {
        let bytes = self.store.get(family::TILE, &cells::tile_key(tile))?;
        let prefix = bytes.and_then(|bytes| bytes.get(..width * 32).map(<[u8]>::to_vec));
        prefix.ok_or(StoreError::Damaged { what: "tile" })
    }

    /// Inclusion path of an entry in the tree of `size`.
    pub(crate) fn inclusion(
        &self,
        index: LeafIndex,
        size: TreeSize,
    ) -> Result<Vec<Hash>, StoreError> {
        merkle::inclusion_path(&mut Tiled(&mut &*self), index, size)
    }

    /// Consistency proof between two sizes.
    pub(crate) fn consistency(
        &self,
        old: TreeSize,
        new: TreeSize,
    ) -> Result<Vec<Hash>, StoreError> {
        merkle::consistency_path(&mut Tiled(&mut &*self), old, new)
    }

    /// Root of the tree of `size`.
    pub(crate) fn root(&self, size: TreeSize) -> Result<Hash, StoreError> {
        merkle::root(&mut Tiled(&mut &*self), size)
    }

    /// The signed receipt checkpoint of a batch.
    pub(crate) fn receipt_checkpoint(&self, size: TreeSize) -> Result<Vec<u8>, StoreError> {
        let note = self.store.get(family::CHECKPOINT, &cells::receipt_key(size))?;
        note.ok_or(StoreError::Damaged { what: "receipt checkpoint" })
    }

    /// The published checkpoint of a size.
    pub(crate) fn published(&self, size: TreeSize) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(family::CHECKPOINT, &cells::published_key(size))
    }

    /// Size of the newest checkpoint published at or before a time.
    pub(crate) fn published_at(&self, at: Timestamp) -> Result<Option<TreeSize>, StoreError> {
        let found = self.store.last_at(family::CHECKPOINT, &cells::published_at_key(at))?;
        let is_time = |(key, value): (Vec<u8>, Vec<u8>)| key.starts_with(b"t").then_some(value);
        Ok(found.and_then(is_time).and_then(|value| CellReader(&value).u64()).map(TreeSize))
    }

    /// Up to `limit` published sizes from `from` on.
    pub(crate) fn published_sizes(
        &self,
        from: TreeSize,
        limit: usize,
    ) -> Result<Vec<TreeSize>, StoreError> {
        let is_published = |key: &[u8]| key.starts_with(b"p");
        let pairs = self.store.scan(
            family::CHECKPOINT,
            &cells::published_key(from),
            limit,
            is_published,
        )?;
        let size = |key: &[u8]| key.get(1..).and_then(|number| CellReader(number).u64());
        Ok(pairs.iter().filter_map(|(key, _)| size(key)).map(TreeSize).collect())
    }
}

impl TileSource for &LogReader {
    type Error = StoreError;

    fn tile_node(&mut self, tile: TileId, height: usize, index: usize) -> Result<Hash, StoreError> {
        // A cached tile may have been partial when it was read; then it is read again.
        if let Some(node) = self.tiles.get(&tile).and_then(|tile| tile.node(height, index)) {
            return Ok(node);
        }
        let bytes = self.store.get(family::TILE, &cells::tile_key(tile))?;
        let read = bytes.as_deref().and_then(Tile::from_bytes);
        let read = Arc::new(read.ok_or(StoreError::Damaged { what: "tile" })?);
        let node = read.node(height, index).ok_or(StoreError::Damaged { what: "tile" })?;
        self.tiles.insert(tile, read);
        Ok(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rocksdb::Cache as BlockCache;
    use witness_core::name::Origin;

    #[test]
    fn the_subtrees_of_each_submission_are_its_own_and_no_more_are_kept_than_are_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let origin = Origin::parse("witness.example/log1").unwrap();
        let store = Store::open(folder.path(), &origin, &BlockCache::new_lru_cache(1 << 20));
        let reader = LogReader::new(Arc::new(store.unwrap()));
        let leaves = |index: u64| -> Vec<[u8; 32]> {
            let leaf = |event: u64| {
                *Hash::leaf(&[index.to_be_bytes(), event.to_be_bytes()].concat()).as_bytes()
            };
            (0..33 + index % 3 * 32).map(leaf).collect()
        };
        let roots = |index| {
            let leaves: Vec<Hash> = leaves(index).into_iter().map(Hash::new).collect();
            merkle::subtree_roots(&leaves)
        };
        for _ in 0..2 {
            for index in 0..100 {
                let found = reader.subtree_roots(LeafIndex(index), &leaves(index));
                assert_eq!(*found, *roots(index));
            }
            assert_eq!(reader.subtrees.len(), 100, "each is kept once");
        }
        let long: Arc<[Hash]> = vec![Hash::ZERO; 2048].into();
        for index in 1000..1400 {
            reader.subtrees.insert(LeafIndex(index), Arc::clone(&long));
            assert!(reader.subtrees.weight() <= SUBTREES_WEIGHT_MAX);
        }
        assert!(reader.subtrees.len() < 400, "{}", reader.subtrees.len());
    }
}
