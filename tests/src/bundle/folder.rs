//! The folder of a bundle, as it is written: an entry bundle at a time.

use std::{fs, path::PathBuf};

use witness_core::{
    audit::{self, BundlePath},
    hash::Hash,
    merkle::{CompactRange, LeafIndex, TreeSize},
    name::Origin,
    tile::{Edge, TILE_WIDTH, TilePath, TouchedTiles, encode_bundle},
};

/// Writes entries, their tiles and bodies.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    origin: Origin,
    entries: Vec<String>,
    bodies: Vec<u8>,
    edge: Edge,
    range: CompactRange,
}

impl Folder {
    pub(super) fn new(root: PathBuf, origin: Origin) -> Self {
        let (edge, range) = (Edge::default(), CompactRange::default());
        Self { root, origin, entries: Vec::new(), bodies: Vec::new(), edge, range }
    }

    pub(super) fn size(&self) -> TreeSize {
        self.range.size()
    }

    pub(super) fn root_hash(&self) -> Hash {
        self.range.root()
    }

    pub(super) fn put(&self, path: BundlePath, bytes: &[u8]) {
        let path = self.root.join(path.encode());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, text: String) -> LeafIndex {
        let index = self.size().next();
        let leaf = Hash::leaf(text.as_bytes());
        self.range.push(leaf);
        let mut touched = TouchedTiles::new();
        self.edge.push(leaf, &mut touched);
        self.tiles(&touched);
        self.entries.push(text);
        if self.size().0.is_multiple_of(TILE_WIDTH) {
            self.flush();
        }
        index
    }

    /// The bodies of the next entry, to which they must be given before it.
    pub(super) fn bodies(&mut self) -> &mut Vec<u8> {
        if self.bodies.is_empty() {
            let number = self.size().0 / TILE_WIDTH;
            audit::write_head(&mut self.bodies, &self.origin, number);
        }
        &mut self.bodies
    }

    fn tiles(&self, touched: &TouchedTiles) {
        for (tile, hashes) in touched {
            let width = u16::try_from(hashes.width()).unwrap();
            let path = TilePath::Hashes { tile: *tile, width };
            self.put(BundlePath::Tile(path), &hashes.to_bytes());
        }
    }

    fn flush(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        if entries.is_empty() {
            return;
        }
        let index = (self.size().0 - 1) / TILE_WIDTH;
        let width = u16::try_from(entries.len()).unwrap();
        let path = BundlePath::Tile(TilePath::Entries { index, width });
        self.put(path, &encode_bundle(&entries).unwrap());
        let bodies = std::mem::take(&mut self.bodies);
        if !bodies.is_empty() {
            self.put(BundlePath::Bodies(index), &bodies);
        }
    }

    /// Writes what is left.
    pub(super) fn end(&mut self) {
        self.flush();
        let mut touched = TouchedTiles::new();
        self.edge.close(&mut touched);
        self.tiles(&touched);
    }
}
