//! RFC 6962 Merkle trees: strict proofs, roots, and where in the tiles their hashes lie.

mod build;
mod proof;
mod source;

pub use build::{
    CompactRange, SUBTREE_LEAVES, leaves_path, leaves_root, subtree_path, subtree_roots,
};
pub use proof::{PATH_HASHES_MAX, ProofError, verify_consistency, verify_inclusion};
pub use source::{NodeSource, consistency_path, inclusion_path, root};

/// Number of an entry or leaf, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(pub u64);

/// Number of leaves of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeSize(pub u64);

impl TreeSize {
    /// The index that the next leaf will have.
    #[must_use]
    pub fn next(self) -> LeafIndex {
        LeafIndex(self.0)
    }
}

impl core::fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl core::fmt::Display for TreeSize {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}
