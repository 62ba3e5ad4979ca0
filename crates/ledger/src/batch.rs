//! What a batch is proved by before it is signed, and answered with after it is durable.

use std::collections::BTreeMap;

use witness_core::{
    hash::Hash,
    merkle::{self, LeafIndex},
    note::Note,
    tile::{TileId, Tiled, TouchedTiles},
};

use crate::{
    cells::{self, Head, family},
    store::{StoreError, Writes},
};

/// What the answers of a batch are made from.
pub(crate) struct Batch {
    /// The receipt checkpoint.
    pub(crate) receipt: Note,
    /// Inclusion path of each entry of this batch under its receipt checkpoint, verified.
    paths: BTreeMap<LeafIndex, Vec<Hash>>,
}

impl Batch {
    /// Inclusion path of an entry of this batch.
    pub(crate) fn path(&mut self, index: LeafIndex) -> Result<Vec<Hash>, StoreError> {
        self.paths.remove(&index).ok_or(StoreError::Damaged { what: "path of a new entry" })
    }
}

/// A batch whose tree was proved and may be signed.
pub(crate) struct Proved(BTreeMap<LeafIndex, Vec<Hash>>);

impl Proved {
    /// The batch, once its checkpoint is signed.
    pub(crate) fn signed(self, receipt: Note) -> Batch {
        Batch { receipt, paths: self.0 }
    }
}

/// Proves a batch before it is signed: the tree before it is a prefix of the new one, and each new entry's
/// text is under the new root. A bit that flipped in memory is caught while it is still ours alone.
pub(crate) fn prove(
    touched: &mut TouchedTiles,
    (previous, head): (&Head, &Head),
    writes: &Writes,
) -> Result<Proved, StoreError> {
    let wrong = |what| StoreError::Damaged { what };
    let mut nodes = Tiled(touched);
    if merkle::root(&mut nodes, previous.size).map_err(untouched)? != previous.root {
        return Err(wrong("tree in memory that goes on from the last one"));
    }
    let mut paths = BTreeMap::new();
    for (key, text) in writes.of(family::ENTRY) {
        let index = cells::Reader(key).u64().map(LeafIndex).ok_or(wrong("index"))?;
        let path = merkle::inclusion_path(&mut nodes, index, head.size).map_err(untouched)?;
        merkle::verify_inclusion(&Hash::leaf(text), index, head.size, &path, &head.root)
            .map_err(|_refused| wrong("new entry that is in its tree"))?;
        paths.insert(index, path);
    }
    Ok(Proved(paths))
}

/// A node beyond the tiles that a batch touched.
pub(crate) fn untouched(_tile: TileId) -> StoreError {
    StoreError::Damaged { what: "right edge of tiles" }
}
