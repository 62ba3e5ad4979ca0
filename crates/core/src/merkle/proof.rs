//! The one check of inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2; the algorithm is
//! that of RFC 9162 sections 2.1.3.2 and 2.1.4.2). Strict: a proof has exactly the hashes that index and
//! size call for.

use super::{LeafIndex, TreeSize};
use crate::hash::Hash;

/// Most hashes of an inclusion path: sizes stay below 2^63.
pub const PATH_HASHES_MAX: usize = 63;

/// Why a proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in a tree of that size.
    #[error("index {index} is not below the tree size {size}")]
    IndexBeyondSize {
        /// Index of the leaf.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("tree size {old} is above tree size {new}")]
    SizesReversed {
        /// The size that should be smaller.
        old: u64,
        /// The size that should be larger.
        new: u64,
    },
    /// Too few or too many hashes.
    #[error("the proof must have {expected} hashes and has {found}")]
    Length {
        /// As many as the index and sizes call for.
        expected: usize,
        /// As many as came.
        found: usize,
    },
    /// The path does not lead from the leaf, or the old root, to the root.
    #[error("the proof does not lead to the root")]
    Root,
}

/// Checks that the leaf with hash `leaf` is at `index` in the tree of `size` leaves under `root`.
pub fn verify_inclusion(
    leaf: &Hash,
    index: LeafIndex,
    size: TreeSize,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    let (index, size) = (index.0, size.0);
    if index >= size {
        return Err(ProofError::IndexBeyondSize { index, size });
    }
    let (inner, border) = shape(index, size);
    expect_length(path, inner + border)?;
    let mut hash = *leaf;
    for (level, sibling) in path.iter().enumerate() {
        let on_the_right = level < inner && index >> level & 1 == 0;
        hash = if on_the_right { Hash::node(&hash, sibling) } else { Hash::node(sibling, &hash) };
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `old` leaves under `old_root` is a prefix of the one of `new` under `new_root`.
pub fn verify_consistency(
    (old, old_root): (TreeSize, &Hash),
    (new, new_root): (TreeSize, &Hash),
    path: &[Hash],
) -> Result<(), ProofError> {
    let (old, new) = (old.0, new.0);
    if old > new {
        return Err(ProofError::SizesReversed { old, new });
    }
    if old == new || old == 0 {
        expect_length(path, 0)?;
        let expected = if old == 0 { &Hash::EMPTY_ROOT } else { new_root };
        return if old_root == expected && (old != new || old_root == new_root) {
            Ok(())
        } else {
            Err(ProofError::Root)
        };
    }
    let (inner, border) = shape(old - 1, new);
    let shift = to_usize(old.trailing_zeros());
    let inner = inner - shift;
    let is_power_of_two = old.is_power_of_two();
    expect_length(path, inner + border + usize::from(!is_power_of_two))?;
    let (seed, path) = match path.split_first() {
        Some((first, rest)) if !is_power_of_two => (*first, rest),
        _ => (*old_root, path),
    };
    let mask = (old - 1) >> shift;
    let (mut old_hash, mut new_hash) = (seed, seed);
    for (level, sibling) in path.iter().enumerate() {
        if level >= inner || mask >> level & 1 == 1 {
            old_hash = Hash::node(sibling, &old_hash);
            new_hash = Hash::node(sibling, &new_hash);
        } else {
            new_hash = Hash::node(&new_hash, sibling);
        }
    }
    if old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(ProofError::Root) }
}

/// Number of path hashes below the point where the leaf's path meets the right edge, and above it.
fn shape(index: u64, size: u64) -> (usize, usize) {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = if inner == u64::BITS { 0 } else { (index >> inner).count_ones() };
    (to_usize(inner), to_usize(border))
}

fn to_usize(bits: u32) -> usize {
    usize::try_from(bits).unwrap_or(usize::MAX)
}

fn expect_length(path: &[Hash], expected: usize) -> Result<(), ProofError> {
    if path.len() == expected {
        return Ok(());
    }
    Err(ProofError::Length { expected, found: path.len() })
}
