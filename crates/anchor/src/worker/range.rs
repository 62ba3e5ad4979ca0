//! The mirror: the contract's own log, built again from the anchors that are evidenced, so that what the nodes
//! say of its root can be held against what it must be.
//!
//! What must hold: its root at any size is the contract's root at that size (RFC 6962 section 2.1), else one of
//! the two is wrong and the worker stops.

use serde::{Deserialize, Serialize};
use witness_core::{
    evm::entry_leaf,
    hash::Hash,
    merkle::{CompactRange, TreeSize},
};

use super::record::written;

/// A compact range over the entries of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Peaks", into = "Peaks")]
pub struct Mirror {
    range: CompactRange,
}

impl Mirror {
    /// Number of entries, which is the sequence of the next one.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.range.size().0
    }

    /// Root over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.range.root()
    }

    /// Appends the next entry: a roll-up's value under the time of its block, in seconds.
    pub fn push(&mut self, time: u64, value: &Hash) {
        self.range.push(entry_leaf(self.size(), time, value));
    }
}

/// How it is written: a size, and one hash per bit of it that is 1.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peaks {
    #[serde(with = "written::each")]
    peaks: Vec<Hash>,
    size: u64,
}

impl TryFrom<Peaks> for Mirror {
    type Error = &'static str;

    fn try_from(peaks: Peaks) -> Result<Self, Self::Error> {
        let range = CompactRange::new(TreeSize(peaks.size), peaks.peaks);
        Ok(Self { range: range.ok_or("a mirror must have one peak per bit of its size")? })
    }
}

impl From<Mirror> for Peaks {
    fn from(mirror: Mirror) -> Self {
        Self { size: mirror.size(), peaks: mirror.range.peaks().to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use witness_core::merkle::leaves_root;

    use super::*;

    #[test]
    fn its_root_is_that_of_the_tree_over_all_entries_and_survives_being_written() {
        let (mut mirror, mut leaves) = (Mirror::default(), Vec::new());
        for sequence in 0..70_u64 {
            assert_eq!(mirror.root(), leaves_root(&leaves), "{sequence}");
            let (time, value) = (1_700_000_000 + sequence * 7, Hash::of(&sequence.to_be_bytes()));
            leaves.push(entry_leaf(sequence, time, &value));
            mirror.push(time, &value);
            let text = serde_json::to_string(&mirror).unwrap();
            assert_eq!(serde_json::from_str::<Mirror>(&text).unwrap(), mirror, "{text}");
        }
    }

    #[test]
    fn peaks_that_do_not_fit_the_size_are_refused() {
        let peak = format!("0x{}", Hash::ZERO.to_hex());
        for (size, peaks) in [(0, 1), (1, 0), (3, 1), (4, 2)] {
            let text = serde_json::json!({ "peaks": vec![&peak; peaks], "size": size }).to_string();
            assert!(serde_json::from_str::<Mirror>(&text).is_err(), "{text}");
        }
    }
}
