//! Tiles of a log over HTTP, as a source of nodes for proofs.
//!
//! What must hold: nothing here is believed. Whoever builds a proof from these hashes checks it against
//! signed roots.

use std::collections::BTreeMap;

use anyhow::Result;
use witness_core::{
    hash::Hash,
    merkle::TreeSize,
    tile::{TILE_WIDTH, Tile, TileId, TilePath, TileSource},
};

use crate::{http::LogFiles, outcome::Failure};

const TILE_BYTES_MAX: u64 = 8192;
/// A bundle has up to 256 entries of up to 65,535 bytes, each behind a length of two bytes.
const BUNDLE_BYTES_MAX: u64 = 256 * (65_535 + 2);
const TILES_KEPT_MAX: usize = 2048;

/// The tiles of the tree of one size. Smaller trees are prefixes of it.
#[derive(Debug)]
pub(super) struct HttpTiles<'a> {
    files: &'a LogFiles,
    size: TreeSize,
    kept: BTreeMap<TileId, Tile>,
}

impl<'a> HttpTiles<'a> {
    /// The tiles of a tree of `size` leaves, for which there is a signed checkpoint.
    pub(super) fn new(files: &'a LogFiles, size: TreeSize) -> Self {
        Self { files, size, kept: BTreeMap::new() }
    }

    fn fetch(&self, id: TileId) -> Result<Tile> {
        let width = id.width(self.size);
        let bytes =
            self.part(TilePath::Hashes { tile: id, width: narrow(width)? }, TILE_BYTES_MAX)?;
        let length = usize::try_from(width * 32)?;
        let hashes = bytes.get(..length);
        let tile = hashes.and_then(Tile::from_bytes);
        tile.ok_or_else(|| unreadable(&TilePath::Hashes { tile: id, width: 256 }).into())
    }

    /// A partial tile, or the full one in its place (C2SP tlog-tiles: a log may drop partial ones).
    fn part(&self, path: TilePath, limit: u64) -> Result<Vec<u8>> {
        if let Some(bytes) = self.files.get(&format!("tile/{}", path.encode()), limit)? {
            return Ok(bytes);
        }
        let full = match path {
            TilePath::Hashes { tile, .. } => TilePath::Hashes { tile, width: 256 },
            TilePath::Entries { index, .. } => TilePath::Entries { index, width: 256 },
        };
        Ok(self.files.need(&format!("tile/{}", full.encode()), limit)?)
    }

    /// The entries of a bundle, as far as the tree has them.
    pub(super) fn bundle(&self, index: u64) -> Result<Vec<Vec<u8>>> {
        let width = self.size.0.saturating_sub(index * TILE_WIDTH).min(TILE_WIDTH);
        let path = TilePath::Entries { index, width: narrow(width)? };
        let bytes = self.part(path, BUNDLE_BYTES_MAX)?;
        let entries = split(&bytes, usize::try_from(width)?);
        entries.ok_or_else(|| unreadable(&path).into())
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

/// Cuts a bundle into its first `count` entries (C2SP tlog-tiles, "Log Entries").
fn split(bytes: &[u8], count: usize) -> Option<Vec<Vec<u8>>> {
    let mut rest = bytes;
    let mut entries = Vec::with_capacity(count);
    while entries.len() < count {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry.to_vec());
        rest = after;
    }
    Some(entries)
}

fn narrow(width: u64) -> Result<u16> {
    Ok(u16::try_from(width)?)
}

fn unreadable(path: &TilePath) -> Failure {
    Failure::cannot_tell(format!("tile/{} is not as long as the tree calls for", path.encode()))
        .next("try again; if it stays so, the log does not serve what it has signed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_cut_by_its_lengths() {
        let bundle = [0, 2, b'a', b'b', 0, 0, 0, 1, b'c'];
        let entries = |count| split(&bundle, count);
        assert_eq!(entries(2), Some(vec![b"ab".to_vec(), Vec::new()]));
        assert_eq!(entries(3), Some(vec![b"ab".to_vec(), Vec::new(), b"c".to_vec()]));
        assert_eq!(entries(4), None);
    }
}
