//! Tiles and proofs that were altered: a bit that flips, a hash too few or too many.

use witness_core::{
    hash::Hash,
    merkle::{
        LeafIndex, ProofError, TreeSize, inclusion_path, leaves_path, leaves_root, root,
        verify_inclusion,
    },
    tile::{Edge, Tile, TileId, Tiled, TouchedTiles},
};

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| Hash::leaf(format!("leaf {index}").as_bytes())).collect()
}

fn tiles(leaves: &[Hash]) -> TouchedTiles {
    let (mut edge, mut tiles) = (Edge::default(), TouchedTiles::new());
    for leaf in leaves {
        edge.push(*leaf, &mut tiles);
    }
    edge.close(&mut tiles);
    tiles
}

/// The tile with one bit of its bytes flipped.
fn flipped(tile: &Tile, bit: usize) -> Tile {
    let mut bytes = tile.to_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Tile::from_bytes(&bytes).unwrap()
}

fn bits(tile: &Tile) -> std::ops::Range<usize> {
    0..tile.width() * 32 * 8
}

#[test]
fn every_flipped_bit_of_a_partial_tile_changes_the_root() {
    let id = TileId { level: 0, index: 0 };
    for size in [1, 5, 7, 8] {
        let leaves = leaves(size);
        let tiles = tiles(&leaves);
        for bit in bits(&tiles[&id]) {
            let mut altered = tiles.clone();
            altered.insert(id, flipped(&tiles[&id], bit));
            let found = root(&mut Tiled(&mut altered), TreeSize(size)).unwrap();
            assert_ne!(found, leaves_root(&leaves), "bit {bit} at size {size}");
        }
    }
}

#[test]
fn every_flipped_bit_of_a_full_tile_contradicts_its_parent_and_breaks_a_proof() {
    let (leaves, size) = (leaves(260), TreeSize(260));
    let expected = leaves_root(&leaves);
    let mut tiles = tiles(&leaves);
    let (child, parent) = (TileId { level: 0, index: 0 }, TileId { level: 1, index: 0 });
    let above = tiles[&parent].hashes()[0];
    let good = tiles[&child].clone();
    assert_eq!(good.node(8, 0), Some(above));
    for bit in bits(&good) {
        let altered = flipped(&good, bit);
        assert_ne!(altered.node(8, 0), Some(above), "bit {bit}");
        tiles.insert(child, altered);
        // The hash that flipped is the sibling of its neighbour.
        let neighbour = (bit / 256) ^ 1;
        let index = LeafIndex(u64::try_from(neighbour).unwrap());
        let path = inclusion_path(&mut Tiled(&mut tiles), index, size).unwrap();
        let proof = verify_inclusion(&leaves[neighbour], index, size, &path, &expected);
        assert_eq!(proof, Err(ProofError::Root), "bit {bit}");
    }
    tiles.insert(child, good);
    let good = tiles[&parent].clone();
    for bit in bits(&good) {
        tiles.insert(parent, flipped(&good, bit));
        assert_ne!(root(&mut Tiled(&mut tiles), size).unwrap(), expected, "bit {bit}");
    }
}

#[test]
fn an_inclusion_proof_that_is_longer_or_shorter_is_refused_at_every_size() {
    for size in 1..=70 {
        let leaves = leaves(size);
        let root = leaves_root(&leaves);
        for (index, leaf) in (0..).map(LeafIndex).zip(&leaves) {
            let path = leaves_path(&leaves, index).unwrap();
            let check = |path: &[Hash]| verify_inclusion(leaf, index, TreeSize(size), path, &root);
            assert_eq!(check(&path), Ok(()), "{index} of {size}");
            let mut wrong: Vec<Vec<Hash>> =
                (0..path.len()).map(|end| path[..end].to_vec()).collect();
            wrong.extend((1..=path.len()).map(|start| path[start..].to_vec()));
            for more in [*leaf, root, Hash::ZERO] {
                wrong.push([path.as_slice(), &[more]].concat());
                wrong.push([&[more], path.as_slice()].concat());
            }
            for path in wrong {
                let refusal = check(&path);
                assert!(matches!(refusal, Err(ProofError::Length { .. })), "{index} of {size}");
            }
            let beyond = verify_inclusion(leaf, LeafIndex(size), TreeSize(size), &path, &root);
            assert_eq!(beyond, Err(ProofError::IndexBeyondSize { index: size, size }));
        }
    }
}
