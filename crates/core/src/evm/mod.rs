//! What can be proved about an EVM chain without asking it: that an entry of a contract `WitnessAnchorLog` stands
//! under the hash of a block.
//!
//! An [`Anchor`] leads from the event `Anchored`, through its receipt and the trie of receipts, to the header of
//! the block; the hash of the block is keccak-256 of that header. What is *not* here: whether the chain knows such
//! a block and never gives it up. Somebody has to believe the hash, and the verdict says who.

mod anchor;
mod error;
mod header;
pub(crate) mod members;
mod proof;
mod receipt;
mod rlp;
mod word;

pub use self::{
    anchor::{ANCHOR_BYTES_MAX, Anchor, AnchoredBlock, entry_leaf},
    error::AnchorError,
    header::HEADER_BYTES_MAX,
    proof::{INNER_NODE_BYTES_MAX, LAST_NODE_BYTES_MAX, NODES_MAX},
    word::Word,
};
