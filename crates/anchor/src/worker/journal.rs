//! Where the worker's memory is kept: a trait, since this crate knows no storage.

use witness_core::{evm::AnchoredBlock, hash::Hash};

/// The worker's memory for one contract. Calls block; every write is one atomic synced write before it returns,
/// so that after a crash the record is the last one that was written, and nothing was done that it does not know.
pub trait Journal: Send + Sync {
    /// Why the memory cannot be read or written.
    type Error: core::error::Error + Send + Sync + 'static;

    /// The contract's record, as last written; `None` the first time.
    fn record(&self) -> Result<Option<String>, Self::Error>;

    /// Writes the record and, in the same write, anchors that are evidenced now.
    fn write(&self, record: &str, evidenced: &[Evidenced]) -> Result<(), Self::Error>;

    /// The newest roll-up: its own sequence and its value, the SHA-256 of its text; `None` if there is none yet.
    fn newest_rollup(&self) -> Result<Option<(u64, Hash)>, Self::Error>;

    /// The sequence of the roll-up with this value, if it is ours.
    fn rollup_of(&self, value: &Hash) -> Result<Option<u64>, Self::Error>;
}

/// An anchor that is final and proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidenced {
    /// The roll-up's own sequence.
    pub rollup: u64,
    /// The sequence that the contract gave it.
    pub sequence: u64,
    /// The block that holds it.
    pub block: AnchoredBlock,
    /// The proof, as `witness_core::evm::Anchor` encodes it.
    pub anchor: String,
}
