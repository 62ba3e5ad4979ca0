//! Tiles of a log over HTTP, as a source of nodes for proofs.
//!
//! What must hold: nothing here is believed. Whoever builds a proof from these hashes checks it against
//! signed roots.

use std::collections::BTreeMap;

use anyhow::Result;
use witness_core::{
    hash::Hash,
    merkle::TreeSize,
    tile::{TILE_WIDTH, Tile, TileId, TilePath, TileSource, read_bundle},
};

use crate::{http::PublicFiles, outcome::Failure};

const TILE_BYTES_MAX: u64 = 8192;
/// A bundle has up to 256 entries of up to 65,535 bytes, each behind a length of two bytes.
const BUNDLE_BYTES_MAX: u64 = 256 * (65_535 + 2);
const TILES_KEPT_MAX: usize = 2048;

/// The tiles of the tree of one size. Smaller trees are prefixes of it.
#[derive(Debug)]
pub(crate) struct HttpTiles<'a> {
    files: &'a PublicFiles,
    size: TreeSize,
    kept: BTreeMap<TileId, Tile>,
}

impl<'a> HttpTiles<'a> {
    /// The tiles of a tree of `size` leaves, for which there is a signed checkpoint.
    pub(crate) fn new(files: &'a PublicFiles, size: TreeSize) -> Self {
        Self { files, size, kept: BTreeMap::new() }
    }

    /// Number of leaves of the tree.
    pub(super) fn size(&self) -> TreeSize {
        self.size
    }

    fn fetch(&self, id: TileId) -> Result<Tile> {
        let width = id.width(self.size);
        let path = TilePath::Hashes { tile: id, width: narrow(width)? };
        let (bytes, served) = self.part(path, TILE_BYTES_MAX)?;
        let hashes = bytes.get(..usize::try_from(width * 32)?);
        let hashes = hashes.filter(|_| bytes.len() == usize::from(served) * 32);
        hashes.and_then(Tile::from_bytes).ok_or_else(|| unreadable(&path).into())
    }

    /// A partial tile, or the full one in its place (C2SP tlog-tiles: a log may drop partial ones); and the
    /// width of what came.
    fn part(&self, path: TilePath, limit: u64) -> Result<(Vec<u8>, u16)> {
        let (TilePath::Hashes { width, .. } | TilePath::Entries { width, .. }) = path;
        if let Some(bytes) = self.files.get(&format!("tile/{}", path.encode()), limit)? {
            return Ok((bytes, width));
        }
        let full = match path {
            TilePath::Hashes { tile, .. } => TilePath::Hashes { tile, width: 256 },
            TilePath::Entries { index, .. } => TilePath::Entries { index, width: 256 },
        };
        Ok((self.files.need(&format!("tile/{}", full.encode()), limit)?, 256))
    }

    /// The entries of a bundle, as far as the tree has them.
    pub(crate) fn bundle(&self, index: u64) -> Result<Vec<Vec<u8>>> {
        let width = self.size.0.saturating_sub(index * TILE_WIDTH).min(TILE_WIDTH);
        let path = TilePath::Entries { index, width: narrow(width)? };
        let (bytes, served) = self.part(path, BUNDLE_BYTES_MAX)?;
        let entries = read_bundle(&bytes).filter(|entries| entries.len() == usize::from(served));
        let entries = entries.ok_or_else(|| unreadable(&path))?;
        Ok(entries.iter().take(usize::try_from(width)?).map(|entry| entry.to_vec()).collect())
    }
}

impl TileSource for HttpTiles<'_> {
    type Error = anyhow::Error;

    fn tile_node(&mut self, id: TileId, height: usize, index: usize) -> Result<Hash> {
        if !self.kept.contains_key(&id) {
            if self.kept.len() >= TILES_KEPT_MAX {
                self.kept.clear();
            }
            let tile = self.fetch(id)?;
            self.kept.insert(id, tile);
        }
        let node = self.kept.get(&id).and_then(|tile| tile.node(height, index));
        let path = TilePath::Hashes { tile: id, width: 256 };
        node.ok_or_else(|| unreadable(&path).into())
    }
}

fn narrow(width: u64) -> Result<u16> {
    Ok(u16::try_from(width)?)
}

fn unreadable(path: &TilePath) -> Failure {
    Failure::cannot_tell(format!("tile/{} is not as long as the tree calls for", path.encode()))
        .next("try again; if it stays so, the log does not serve what it has signed")
}
