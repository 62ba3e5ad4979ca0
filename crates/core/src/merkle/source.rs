//! Roots and proofs of any size, from the nodes of complete subtrees. Where those come from (memory, tiles
//! of a store, tiles over HTTP) is the caller's business.

use alloc::vec::Vec;

use super::{LeafIndex, TreeSize};
use crate::hash::Hash;

/// Gives the hashes of complete subtrees.
pub trait NodeSource {
    /// Why a hash could not be had.
    type Error;

    /// Hash of the `index`-th complete subtree of 2^`height` leaves. Asked only for what lies in the tree.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Root of the tree of the first `size` leaves.
pub fn root<S: NodeSource>(source: &mut S, size: TreeSize) -> Result<Hash, S::Error> {
    range(source, 0, size.0)
}

/// Inclusion path of a leaf, which must be below `size` (RFC 6962 section 2.1.1).
pub fn inclusion_path<S: NodeSource>(
    source: &mut S,
    index: LeafIndex,
    size: TreeSize,
) -> Result<Vec<Hash>, S::Error> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size.0);
    // From the root down: keep the side with the leaf, note the other side's hash.
    while end - start > 1 {
        let split = start + split(end - start);
        if index.0 < split {
            path.push(range(source, split, end)?);
            end = split;
        } else {
            path.push(range(source, start, split)?);
            start = split;
        }
    }
    path.reverse();
    Ok(path)
}

/// Consistency proof between two sizes, `old` at most `new` (RFC 6962 section 2.1.2).
pub fn consistency_path<S: NodeSource>(
    source: &mut S,
    old: TreeSize,
    new: TreeSize,
) -> Result<Vec<Hash>, S::Error> {
    let mut path = Vec::new();
    if old.0 == 0 || old == new {
        return Ok(path);
    }
    let (mut start, mut end) = (0, new.0);
    while end != old.0 {
        let split = start + split(end - start);
        if old.0 <= split {
            path.push(range(source, split, end)?);
            end = split;
        } else {
            path.push(range(source, start, split)?);
            start = split;
        }
    }
    if start != 0 {
        path.push(range(source, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Hash of the leaves `start..end`, where `start` is a multiple of the range's top subtree.
fn range<S: NodeSource>(source: &mut S, start: u64, end: u64) -> Result<Hash, S::Error> {
    let mut right = None;
    let mut end = end;
    // Complete subtrees from the right edge leftwards, each rising under its left neighbour.
    while end > start {
        let height = (end - start).trailing_zeros().min(end.trailing_zeros());
        let width = 1u64 << height;
        let left = source.node(height, (end - width) >> height)?;
        right = Some(right.map_or(left, |hash| Hash::node(&left, &hash)));
        end -= width;
    }
    Ok(right.unwrap_or(Hash::EMPTY_ROOT))
}

/// Largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}
