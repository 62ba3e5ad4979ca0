//! Whether one signed tree grew out of another, by the log's own tiles.
//!
//! What must hold: a fork is said only where the tiles lead to a signed root. Tiles that lead nowhere are
//! damaged, and convict nobody.

use anyhow::Result;
use witness_core::{
    checkpoint::Checkpoint,
    hash::Hash,
    merkle::{NodeSource, consistency_path, root, verify_consistency},
};

use crate::outcome::Failure;

/// How a tree stands to a larger one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Growth {
    /// It is a prefix of the larger one.
    Prefix,
    /// Two roots are signed for one size.
    TwoRoots,
    /// It is no prefix of the larger one.
    Fork(Divergence),
}

/// What shows that a tree is no prefix of a larger one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Divergence {
    /// The root that the larger tree has at the smaller one's size.
    pub(super) prefix_root: Hash,
    /// RFC 6962 consistency proof from that root to the larger tree's.
    pub(super) path: Vec<Hash>,
}

/// Compares two trees; `nodes` are those of the larger one.
pub(super) fn growth(
    small: &Checkpoint,
    large: &Checkpoint,
    nodes: &mut impl NodeSource<Error = anyhow::Error>,
) -> Result<Growth> {
    if small.size == large.size {
        let is_same = small.root == large.root;
        return Ok(if is_same { Growth::Prefix } else { Growth::TwoRoots });
    }
    let path = consistency_path(nodes, small.size, large.size)?;
    let leads_from =
        |root| verify_consistency((small.size, root), (large.size, &large.root), &path).is_ok();
    if leads_from(&small.root) {
        return Ok(Growth::Prefix);
    }
    let prefix_root = root(nodes, small.size)?;
    if leads_from(&prefix_root) {
        return Ok(Growth::Fork(Divergence { prefix_root, path }));
    }
    let message =
        format!("the tiles do not make the tree of size {} that the log signed", large.size);
    let step = "look again; if it stays so, the log serves damaged tiles, and nothing can be proved \
                from them: ask the firm";
    Err(Failure::cannot_tell(message).next(step).into())
}

#[cfg(test)]
pub(super) mod tests {
    use witness_core::merkle::{CompactRange, TreeSize};

    use super::*;
    use crate::outcome::Outcome;

    /// A tree in memory.
    pub(in super::super) struct Leaves(Vec<Hash>);

    impl Leaves {
        pub(in super::super) fn new(texts: &[&str]) -> Self {
            Self(texts.iter().map(|text| Hash::leaf(text.as_bytes())).collect())
        }

        pub(in super::super) fn checkpoint(&self, size: usize) -> Checkpoint {
            let mut range = CompactRange::new(TreeSize(0), Vec::new()).unwrap();
            self.0.iter().take(size).for_each(|leaf| range.push(*leaf));
            Checkpoint {
                origin: "witness.example/log1".to_owned(),
                size: range.size(),
                root: range.root(),
            }
        }
    }

    impl NodeSource for Leaves {
        type Error = anyhow::Error;

        fn node(&mut self, height: u32, index: u64) -> Result<Hash> {
            if height == 0 {
                return Ok(self.0[usize::try_from(index)?]);
            }
            let (left, right) =
                (self.node(height - 1, 2 * index)?, self.node(height - 1, 2 * index + 1)?);
            Ok(Hash::node(&left, &right))
        }
    }

    #[test]
    fn a_tree_that_grew_is_a_prefix_at_every_size() {
        let mut leaves = Leaves::new(&["a", "b", "c", "d", "e", "f", "g"]);
        for small in 1..=7 {
            for large in small..=7 {
                let (small, large) = (leaves.checkpoint(small), leaves.checkpoint(large));
                assert_eq!(growth(&small, &large, &mut leaves).unwrap(), Growth::Prefix);
            }
        }
    }

    #[test]
    fn a_fork_is_proved_by_the_root_that_the_larger_tree_has_at_the_smaller_size() {
        let mut leaves = Leaves::new(&["a", "b", "c", "d", "e", "f", "g"]);
        let other = Leaves::new(&["a", "X", "c", "d", "e", "f"]);
        for size in 2..=6 {
            let (small, large) = (other.checkpoint(size), leaves.checkpoint(7));
            let Growth::Fork(shown) = growth(&small, &large, &mut leaves).unwrap() else {
                panic!("a fork at size {size} must show");
            };
            assert_eq!(shown.prefix_root, leaves.checkpoint(size).root);
            assert_ne!(shown.prefix_root, small.root);
        }
        let (one, two) = (other.checkpoint(6), leaves.checkpoint(6));
        assert_eq!(growth(&one, &two, &mut leaves).unwrap(), Growth::TwoRoots);
    }

    #[test]
    fn damaged_tiles_are_no_fork() {
        let leaves = Leaves::new(&["a", "b", "c", "d", "e", "f", "g"]);
        for damaged in [["X", "b", "c", "d", "e", "f", "g"], ["a", "b", "c", "d", "e", "f", "X"]] {
            let (small, large) = (leaves.checkpoint(3), leaves.checkpoint(7));
            let error = growth(&small, &large, &mut Leaves::new(&damaged)).unwrap_err();
            assert_eq!(Outcome::of(&error), Outcome::CannotTell);
        }
    }
}
