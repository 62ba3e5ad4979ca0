//! Tiles: how the hashes of a log are cut for keeping and serving (C2SP tlog-tiles).
//!
//! A tile holds up to 256 hashes of one level; tile (level, n) holds the roots of the complete subtrees of
//! 256^level leaves numbered `n * 256` onward. A partial tile is a prefix of the full one.

mod bundle;

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

pub use bundle::{encode_bundle, read_bundle};

use crate::{
    hash::Hash,
    merkle::{NodeSource, TreeSize},
    text,
};

/// Hashes of a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Height of a tile: 256 = 2^8.
pub const TILE_HEIGHT: u32 = 8;
/// Highest level that a size below 2^63 can have.
pub const LEVEL_MAX: u8 = 7;

/// Place of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Level, 0 for leaf hashes.
    pub level: u8,
    /// Number within the level.
    pub index: u64,
}

/// Number of complete subtrees of 256^level leaves in a tree of `size` leaves: hashes at that level.
#[must_use]
pub fn hashes_at(level: u8, size: TreeSize) -> u64 {
    size.0.checked_shr(u32::from(level) * TILE_HEIGHT).unwrap_or(0)
}

impl TileId {
    /// Number of hashes that the tile has in a tree of `size` leaves: 256 if full, 0 if it is not there.
    #[must_use]
    pub fn width(self, size: TreeSize) -> u64 {
        let first = self.index.saturating_mul(TILE_WIDTH);
        hashes_at(self.level, size).saturating_sub(first).min(TILE_WIDTH)
    }
}

/// What a request path under a log's prefix names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TilePath {
    /// `tile/<L>/<N>[.p/<W>]`.
    Hashes {
        /// Which tile.
        tile: TileId,
        /// Number of hashes, 1 to 256.
        width: u16,
    },
    /// `tile/entries/<N>[.p/<W>]`.
    Entries {
        /// Number of the bundle.
        index: u64,
        /// Number of entries, 1 to 256.
        width: u16,
    },
}

impl TilePath {
    /// Parses what follows `<prefix>/tile/`; what does not re-encode to itself is refused.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            None => (rest, 256),
            Some((number, width)) => {
                (number, text::decimal(width).filter(|w| (1..256).contains(w))?)
            }
        };
        let (index, width) = (parse_index(number)?, u16::try_from(width).ok()?);
        let parsed = if level == "entries" {
            Self::Entries { index, width }
        } else {
            let level = u8::try_from(text::decimal(level)?).ok().filter(|level| *level <= 63)?;
            Self::Hashes { tile: TileId { level, index }, width }
        };
        (parsed.encode() == path).then_some(parsed)
    }

    /// The path after `<prefix>/tile/`.
    #[must_use]
    pub fn encode(&self) -> String {
        let (level, index, width) = match self {
            Self::Hashes { tile, width } => (format!("{}", tile.level), tile.index, *width),
            Self::Entries { index, width } => (String::from("entries"), *index, *width),
        };
        let suffix = if width == 256 { String::new() } else { format!(".p/{width}") };
        format!("{level}/{}{suffix}", encode_index(index))
    }
}

/// Three-digit groups, all but the last prefixed `x`: 1234067 is `x001/x234/067`.
pub(crate) fn encode_index(index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

pub(crate) fn parse_index(path: &str) -> Option<u64> {
    let mut groups = path.split('/').rev();
    let mut digits = vec![groups.next()?];
    for group in groups {
        digits.push(group.strip_prefix('x')?);
    }
    digits.iter().rev().try_fold(0u64, |number, group| {
        let valid = group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit());
        let group: u64 = valid.then(|| group.parse().ok())??;
        number.checked_mul(1000)?.checked_add(group)
    })
}

/// One tile with the inner nodes of its complete subtrees, so that a path costs look-ups and not hashing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tile {
    /// Per height within the tile, the nodes that are complete.
    rows: [Vec<Hash>; 9],
}

impl Tile {
    /// A tile from its hashes, at most 256 times 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() > 256 {
            return None;
        }
        let mut tile = Self::default();
        for hash in hashes {
            tile.push(Hash::new(*hash));
        }
        Some(tile)
    }

    /// Appends a hash, and every node that it completes. Gives the tile's root when it becomes full.
    pub fn push(&mut self, hash: Hash) -> Option<Hash> {
        let mut rising = hash;
        for row in &mut self.rows {
            row.push(rising);
            match row.as_slice() {
                [.., left, right] if row.len() % 2 == 0 => rising = Hash::node(left, right),
                _ => break,
            }
        }
        self.rows.last().and_then(|top| top.first()).copied().filter(|_| self.width() == 256)
    }

    /// Number of hashes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.hashes().len()
    }

    /// The hashes of the tile itself.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        let [hashes, ..] = &self.rows;
        hashes
    }

    /// The hashes as they are kept and served.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes().iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// The `index`-th node at a height within the tile, if complete.
    #[must_use]
    pub fn node(&self, height: usize, index: usize) -> Option<Hash> {
        self.rows.get(height)?.get(index).copied()
    }
}

/// The tiles at the right edge of a log: all that appending needs, and where proofs of new entries come
/// from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    /// Per level, the tile that is being filled; never full.
    open: Vec<Tile>,
}

/// The tiles that an append touched, full ones included.
pub type TouchedTiles = BTreeMap<TileId, Tile>;

impl Edge {
    /// The edge of a log of `size` leaves, from its partial tiles, one per level that has any hashes.
    #[must_use]
    pub fn new(size: TreeSize, open: Vec<Tile>) -> Option<Self> {
        let levels = (0..=LEVEL_MAX).take_while(|level| hashes_at(*level, size) > 0).count();
        let fits = |(level, tile): (u8, &Tile)| {
            u64::try_from(tile.width()).ok() == Some(hashes_at(level, size) % TILE_WIDTH)
        };
        (open.len() == levels && (0..).zip(&open).all(fits)).then_some(Self { size: size.0, open })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// Appends one leaf by its hash, and keeps every touched tile in `touched`.
    pub fn push(&mut self, leaf: Hash, touched: &mut TouchedTiles) {
        let mut rising = Some(leaf);
        let mut level = 0;
        while let Some(hash) = rising.take() {
            let number = hashes_at(level, TreeSize(self.size));
            let depth = usize::from(level);
            if self.open.len() <= depth {
                self.open.push(Tile::default());
            }
            let Some(tile) = self.open.get_mut(depth) else { break };
            rising = tile.push(hash);
            if rising.is_some() {
                let full = core::mem::take(tile);
                touched.insert(TileId { level, index: number / TILE_WIDTH }, full);
                level += 1;
            }
        }
        self.size += 1;
    }

    /// Adds the partial tiles as they stand to the touched ones; done once, after the last push.
    pub fn close(&self, touched: &mut TouchedTiles) {
        for (level, tile) in (0..).zip(&self.open) {
            if tile.width() > 0 {
                let index = hashes_at(level, self.size()) / TILE_WIDTH;
                touched.insert(TileId { level, index }, tile.clone());
            }
        }
    }
}

/// Gives tiles of a tree of a known size.
pub trait TileSource {
    /// Why a tile could not be had.
    type Error;

    /// A node at a height within a tile. The tile is asked for only where the tree has it.
    fn tile_node(&mut self, tile: TileId, height: usize, index: usize)
    -> Result<Hash, Self::Error>;
}

/// Nodes out of tiles.
#[derive(Debug)]
pub struct Tiled<'a, T>(pub &'a mut T);

impl<T: TileSource> NodeSource for Tiled<'_, T> {
    type Error = T::Error;

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, T::Error> {
        // A node of height 8k is also hash number `index` at level k, which exists as soon as it is complete.
        let level = height / TILE_HEIGHT;
        let within = height % TILE_HEIGHT;
        let first = index << within;
        let tile =
            TileId { level: u8::try_from(level).unwrap_or(u8::MAX), index: first / TILE_WIDTH };
        let position = (first % TILE_WIDTH) >> within;
        let small = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        self.0.tile_node(tile, small(u64::from(within)), small(position))
    }
}

/// Tiles held in memory.
impl TileSource for TouchedTiles {
    type Error = TileId;

    fn tile_node(&mut self, tile: TileId, height: usize, index: usize) -> Result<Hash, TileId> {
        self.get(&tile).and_then(|t| t.node(height, index)).ok_or(tile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{self, CompactRange, LeafIndex};

    fn leaf(index: u64) -> Hash {
        Hash::leaf(format!("leaf {index}").as_bytes())
    }

    fn tiles_of(size: u64) -> TouchedTiles {
        let (mut edge, mut touched) = (Edge::default(), TouchedTiles::new());
        (0..size).for_each(|index| edge.push(leaf(index), &mut touched));
        edge.close(&mut touched);
        touched
    }

    #[test]
    fn tile_paths_have_one_form() {
        let cases = [
            ("0/000", 0, 0, 256),
            ("0/x001/000", 0, 1000, 256),
            ("2/x001/x234/067.p/7", 2, 1_234_067, 7),
        ];
        for (path, level, index, width) in cases {
            let parsed = TilePath::parse(path).unwrap();
            assert_eq!(parsed, TilePath::Hashes { tile: TileId { level, index }, width });
            assert_eq!(parsed.encode(), path);
        }
        assert_eq!(
            TilePath::parse("entries/255.p/1"),
            Some(TilePath::Entries { index: 255, width: 1 })
        );
        for wrong in [
            "0/0",
            "0/0000",
            "00/000",
            "64/000",
            "0/x000/001",
            "0/001/x002",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000/",
            "0/",
            "",
            "-1/000",
            "0/x018/x446/x744/x073/x709/x551/616",
            "entries/000.p/300",
            "data/000",
        ] {
            assert_eq!(TilePath::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn widths_at_70_000_leaves_are_as_the_specification_counts_them() {
        let size = TreeSize(70_000);
        let width = |level, index| TileId { level, index }.width(size);
        assert_eq!([width(0, 272), width(0, 273), width(0, 274)], [256, 112, 0]);
        assert_eq!([width(1, 0), width(1, 1), width(2, 0), width(3, 0)], [256, 17, 1, 0]);
    }

    #[test]
    fn the_tile_of_seven_leaves_is_the_published_one() {
        let tiles = tiles_of(7);
        let bytes = tiles[&TileId { level: 0, index: 0 }].to_bytes();
        assert_eq!(bytes.len(), 224);
        let expected = "132755e4210b4e035874170d2fb149fb4e38014537871959817459f15494df79";
        assert_eq!(Hash::of(&bytes).to_hex(), expected);
    }

    #[test]
    fn published_roots_and_proofs_come_out_of_tiles() {
        let mut tiles = tiles_of(70_000);
        let mut source = Tiled(&mut tiles);
        let root = merkle::root(&mut source, TreeSize(70_000)).unwrap();
        assert_eq!(root.to_base64(), "2gUy/3su5W9AZxEPyWTp8ntZWflSe//z+lAap1hN6vM=");
        let roots = [
            (256, "z17/2xHQknou31Ow5zx4N/ZZQU4AU32l2Q61xMSf8nQ="),
            (257, "hVuTaqAMuYtRFEhCSa0514pr6TYj4mwB6OSH3AIYSlo="),
            (7, "WmH8K1T5z6cXdPJDIUPdQMbLKxGUf69lp9PaXLZRmcg="),
            (0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ];
        for (size, expected) in roots {
            assert_eq!(merkle::root(&mut source, TreeSize(size)).unwrap().to_base64(), expected);
        }
        let path = merkle::inclusion_path(&mut source, LeafIndex(6), TreeSize(7)).unwrap();
        assert_eq!(path[0].to_base64(), "dauSgmjIb0TaXUJBGI7XHkqrLU131tUBF9rZSoQu3gM=");
        let proof = merkle::consistency_path(&mut source, TreeSize(3), TreeSize(7)).unwrap();
        assert_eq!(proof[0].to_base64(), "qze6NNHf4pAV3nF6bVdkqPsCnDp6D1tkuTtUNRiFv3w=");
        assert_eq!(proof.len(), 4);
    }

    #[test]
    fn an_edge_continues_where_another_stopped() {
        for size in [0, 1, 255, 256, 257, 600, 65_536, 65_537] {
            let (mut edge, mut touched) = (Edge::default(), TouchedTiles::new());
            (0..size).for_each(|index| edge.push(leaf(index), &mut touched));
            let again = Edge::new(TreeSize(size), edge.open.clone()).unwrap();
            assert_eq!(again, edge, "{size}");
            let mut range = CompactRange::default();
            (0..size).for_each(|index| range.push(leaf(index)));
            edge.close(&mut touched);
            let root = merkle::root(&mut Tiled(&mut touched), TreeSize(size)).unwrap();
            assert_eq!(root, range.root(), "{size}");
        }
    }
}
