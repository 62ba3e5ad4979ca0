//! Building trees: a log's right edge as a compact range, and small one-shot trees.

use alloc::vec::Vec;

use rs_merkle::{Hasher, MerkleTree};

use super::{LeafIndex, TreeSize};
use crate::hash::Hash;

/// The roots of the complete subtrees that make up a tree of any size: all that is needed to append to
/// it and to know its root. One hash per bit of the size that is 1, the largest subtree first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The range of a tree of `size` leaves from its peaks, if there are as many as the size calls for.
    #[must_use]
    pub fn new(size: TreeSize, peaks: Vec<Hash>) -> Option<Self> {
        let expected = usize::try_from(size.0.count_ones()).ok()?;
        (peaks.len() == expected).then_some(Self { size: size.0, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// The roots of the complete subtrees, the largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends one leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = Hash::node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let rising = self.peaks.iter().rev().copied();
        rising.reduce(|right, left| Hash::node(&left, &right)).unwrap_or(Hash::EMPTY_ROOT)
    }
}

/// RFC 6962 hashing for `rs_merkle`: leaves come hashed already, an odd node rises as it is.
#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        *Hash::leaf(data).as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        let node = |right: &[u8; 32]| *Hash::node(&Hash::new(*left), &Hash::new(*right)).as_bytes();
        right.map_or(*left, node)
    }
}

fn tree(leaves: &[Hash]) -> MerkleTree<Rfc6962> {
    let leaves: Vec<[u8; 32]> = leaves.iter().map(|leaf| *leaf.as_bytes()).collect();
    MerkleTree::from_leaves(&leaves)
}

/// Root of a small tree over its leaf hashes: the events of a submission, the logs of a roll-up.
#[must_use]
pub fn leaves_root(leaves: &[Hash]) -> Hash {
    let mut range = CompactRange::default();
    for leaf in leaves {
        range.push(*leaf);
    }
    range.root()
}

/// Inclusion path of one leaf in a small tree; `None` if there is no such leaf.
#[must_use]
pub fn leaves_path(leaves: &[Hash], index: LeafIndex) -> Option<Vec<Hash>> {
    let index = usize::try_from(index.0).ok().filter(|index| *index < leaves.len())?;
    let proof = tree(leaves).proof(&[index]);
    Some(proof.proof_hashes().iter().map(|hash| Hash::new(*hash)).collect())
}

/// Leaves of one subtree: a power of two, so that the subtrees are subtrees of the whole.
pub const SUBTREE_LEAVES: usize = 32;

/// The roots of a small tree's subtrees, each over [`SUBTREE_LEAVES`] leaves, the last one over what is left: with them
/// a path takes the leaves of one subtree alone.
#[must_use]
pub fn subtree_roots(leaves: &[Hash]) -> Vec<Hash> {
    leaves.chunks(SUBTREE_LEAVES).map(leaves_root).collect()
}

/// What [`leaves_path`] gives, from the roots of all subtrees and the leaves of the one that the leaf is in.
#[must_use]
pub fn subtree_path(roots: &[Hash], subtree: &[Hash], index: LeafIndex) -> Option<Vec<Hash>> {
    let leaves = u64::try_from(SUBTREE_LEAVES).ok()?;
    let mut path = leaves_path(subtree, LeafIndex(index.0 % leaves))?;
    path.extend(leaves_path(roots, LeafIndex(index.0 / leaves))?);
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_by_subtrees_is_the_path_in_the_whole_tree() {
        let all: Vec<Hash> = (0..260_u16).map(|leaf| Hash::leaf(&leaf.to_be_bytes())).collect();
        for size in (1..=130).chain([159, 160, 161, 255, 256, 257, 260]) {
            let leaves = &all[..size];
            let roots = subtree_roots(leaves);
            for (number, subtree) in leaves.chunks(SUBTREE_LEAVES).enumerate() {
                for within in 0..subtree.len() {
                    let index = u64::try_from(number * SUBTREE_LEAVES + within).unwrap();
                    let index = LeafIndex(index);
                    let path = subtree_path(&roots, subtree, index);
                    assert_eq!(path, leaves_path(leaves, index), "{index} of {size}");
                    assert!(path.is_some());
                }
            }
            let beyond = u64::try_from(roots.len() * SUBTREE_LEAVES).unwrap();
            assert_eq!(subtree_path(&roots, leaves, LeafIndex(beyond)), None);
        }
    }
}
