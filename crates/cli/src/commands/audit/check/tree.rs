//! The tree of the bundle: rebuilt from the entries alone, and held against the tiles that lie beside them.

use std::{collections::BTreeMap, num::NonZero};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    audit::{
        BundlePath,
        findings::{Finding, Found, Place, Rule},
    },
    hash::Hash,
    merkle::{CompactRange, LeafIndex, TreeSize},
    tile::{TILE_WIDTH, Tile, TileId, TilePath, hashes_at, read_bundle},
};

use super::{
    folder::{Folder, width},
    pipeline::{Worker, in_order},
    report::Report,
};

/// What the entries make.
#[derive(Debug)]
pub(super) struct Tree {
    /// The root of all of them; nothing if some are not there.
    pub(super) root: Option<Hash>,
    /// The roots of the trees of the sizes that were asked for.
    pub(super) roots: BTreeMap<TreeSize, Hash>,
    /// Hashes of the files of entries, in their order.
    pub(super) read: EntriesRead,
}

/// What the entries were made of: whoever reads them again must find the same.
#[derive(Debug, Default)]
pub(super) struct EntriesRead(Vec<Hash>);

impl EntriesRead {
    /// Reads a file of entries again.
    pub(super) fn again(&self, folder: &Folder, number: u64, size: TreeSize) -> Result<Vec<u8>> {
        let entries = folder.entries(number, width(number, size))?;
        let before = self.0.get(usize::try_from(number)?);
        let same = entries.filter(|bytes| before == Some(&Hash::of(bytes)));
        same.context("an entry bundle was changed or removed while it was checked")
    }
}

/// Hashes entry bundles.
struct Hasher<'a> {
    folder: &'a Folder,
    size: TreeSize,
}

struct Hashed {
    /// The leaf tile; nothing if there are no entries to make it of.
    tile: Option<Tile>,
    /// Hash of the file.
    read: Hash,
    findings: Vec<Finding>,
}

impl Worker for Hasher<'_> {
    type Done = Hashed;

    fn work(&mut self, number: u64) -> Result<Hashed> {
        let width = width(number, self.size);
        let path = BundlePath::Tile(TilePath::Entries { index: number, width });
        let mut findings = Vec::new();
        let (mut tile, mut read) = (None, Hash::ZERO);
        match self.folder.entries(number, width)? {
            None => findings.push(missing(path)),
            Some(bytes) => match read_bundle(&bytes) {
                Some(entries) if entries.len() == usize::from(width) => {
                    read = Hash::of(&bytes);
                    let mut leaves = Tile::default();
                    for entry in entries {
                        leaves.push(Hash::leaf(entry));
                    }
                    tile = Some(leaves);
                }
                Some(_) | None => {
                    let why = format!("{path} must hold exactly {width} entries to its last byte");
                    findings.push(broken(Rule::File, Place::File(path), why));
                }
            },
        }
        if let Some(tile) = &tile {
            let id = TileId { level: 0, index: number };
            findings.extend(compare(self.folder, (id, self.size), tile)?);
        }
        Ok(Hashed { tile, read, findings })
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

/// Rebuilds the tree. `wanted` are sizes whose roots are asked for, too.
pub(super) fn rebuild(
    (folder, size): (&Folder, TreeSize),
    wanted: &[TreeSize],
    (report, bar): (&mut Report<'_>, &ProgressBar),
    threads: NonZero<usize>,
) -> Result<Tree> {
    let mut upper = Upper { folder, size, tiles: Vec::new() };
    let mut range = Some(CompactRange::default());
    let (mut roots, mut read) = (BTreeMap::new(), EntriesRead::default());
    let bundles = size.0.div_ceil(TILE_WIDTH);
    let hasher = || Hasher { folder, size };
    in_order((bundles, threads), hasher, |number, done| {
        done.findings.into_iter().try_for_each(|finding| report.find(finding, None))?;
        read.0.push(done.read);
        let Some(tile) = done.tile else {
            range = None;
            return Ok(());
        };
        let full = tile.node(8, 0);
        if let Some(range) = &mut range {
            for leaf in tile.hashes() {
                range.push(*leaf);
                if wanted.binary_search(&range.size()).is_ok() {
                    roots.insert(range.size(), range.root());
                }
            }
            if let Some(root) = full {
                for finding in upper.push(root)? {
                    report.find(finding, None)?;
                }
            }
        }
        bar.set_position((number + 1) * TILE_WIDTH);
        Ok(())
    })?;
    if range.is_some() {
        for finding in upper.end()? {
            report.find(finding, None)?;
        }
    }
    Ok(Tree { root: range.map(|range| range.root()), roots, read })
}

/// The tiles above the leaves, as they fill up.
struct Upper<'a> {
    folder: &'a Folder,
    size: TreeSize,
    tiles: Vec<(u64, Tile)>,
}

impl Upper<'_> {
    fn push(&mut self, hash: Hash) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut rising = Some(hash);
        let mut level = 1;
        while let Some(hash) = rising.take() {
            let depth = usize::from(level) - 1;
            if self.tiles.len() <= depth {
                self.tiles.push((0, Tile::default()));
            }
            let Some((index, tile)) = self.tiles.get_mut(depth) else { break };
            rising = tile.push(hash);
            if rising.is_some() {
                let full = std::mem::take(tile);
                let id = TileId { level, index: *index };
                *index += 1;
                findings.extend(compare(self.folder, (id, self.size), &full)?);
            }
            level += 1;
        }
        Ok(findings)
    }

    fn end(&self) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for (level, (index, tile)) in (1..).zip(&self.tiles) {
            if tile.width() > 0 {
                let id = TileId { level, index: *index };
                findings.extend(compare(self.folder, (id, self.size), tile)?);
            }
        }
        Ok(findings)
    }
}

/// Holds a tile against the one that lies in the folder.
fn compare(
    folder: &Folder,
    (id, size): (TileId, TreeSize),
    tile: &Tile,
) -> Result<Option<Finding>> {
    let width = u16::try_from(id.width(size)).unwrap_or(256);
    let path = TilePath::Hashes { tile: id, width };
    let (place, path) = (Place::File(BundlePath::Tile(path)), path);
    let Some(bytes) = folder.tile(path)? else {
        return Ok(Some(missing(BundlePath::Tile(path))));
    };
    if bytes == tile.to_bytes() {
        return Ok(None);
    }
    let parted = tile.hashes().iter().zip(bytes.chunks(32)).position(|(a, b)| a.as_bytes() != b);
    let first = u64::try_from(parted.unwrap_or(tile.width()))?;
    let span = 256_u64.saturating_pow(u32::from(id.level));
    let index = LeafIndex((id.index * TILE_WIDTH + first) * span);
    let entries = BundlePath::Tile(TilePath::Entries {
        index: index.0 / TILE_WIDTH,
        width: self::width(index.0 / TILE_WIDTH, size),
    });
    let why = format!(
        "{} is not made of the entries: they part at entry {index}, in {entries}",
        BundlePath::Tile(path)
    );
    Ok(Some(broken(Rule::Tree, place, why)))
}

/// Whether a tree of a size has a tile, with exactly so many hashes.
pub(super) fn has_tile(path: TilePath, size: TreeSize) -> bool {
    match path {
        TilePath::Hashes { tile, width } => {
            hashes_at(tile.level, size) > 0 && tile.width(size) == u64::from(width)
        }
        TilePath::Entries { index, width } => {
            index < size.0.div_ceil(TILE_WIDTH) && self::width(index, size) == width
        }
    }
}

pub(super) fn missing(path: BundlePath) -> Finding {
    let why = format!(
        "{path} is missing or is no plain file, though the bundle says that it is complete"
    );
    broken(Rule::File, Place::File(path), why)
}

pub(super) fn broken(rule: Rule, place: Place, why: String) -> Finding {
    Finding { place, found: Found::Broken { rule, why } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_changed_since_they_were_hashed_are_not_read_again() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("tile/entries/000.p/1");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, b"\x00\x03one").unwrap();
        let (folder, size) = (Folder::new(temp.path()), TreeSize(1));
        let read = EntriesRead(vec![Hash::of(b"\x00\x03one")]);
        assert_eq!(read.again(&folder, 0, size).unwrap(), b"\x00\x03one");
        std::fs::write(&file, b"\x00\x03two").unwrap();
        assert!(read.again(&folder, 0, size).is_err());
        std::fs::remove_file(&file).unwrap();
        assert!(read.again(&folder, 0, size).is_err());
        assert!(EntriesRead::default().again(&folder, 0, size).is_err());
    }
}
