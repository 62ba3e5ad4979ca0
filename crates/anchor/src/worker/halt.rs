//! Why the worker sends nothing any more: written down, so that a restart does not forget it.

use serde::{Deserialize, Serialize};
use witness_core::{evm::Word, hash::Hash};

use super::record::written;

/// Something happened that the worker must not go on from by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "reason")]
pub enum Halt {
    /// The contract has something else where our roll-up should stand.
    #[error(
        "somebody else anchors with our key: entry {sequence} of the contract is not the roll-up that was planned \
         there. Renounce the committer or set another one with the cold key, find out who has the key, and deploy a \
         new contract"
    )]
    ForeignCommit {
        /// The entry.
        sequence: u64,
        /// What it holds.
        #[serde(with = "written")]
        value: Hash,
        /// The transaction that did it.
        transaction: Word,
    },
    /// The account has sent what we did not sign.
    #[error(
        "somebody else sends with our key: the account's nonce is {chain} where the journal knows {ours}. Set another \
         committer with the cold key, find out who has the key, then resume"
    )]
    ForeignNonce {
        /// The nonce that the journal expects.
        ours: u64,
        /// The nonce of the account at the newest final block.
        chain: u64,
    },
    /// A transaction of ours was mined and failed.
    #[error(
        "the transaction {transaction} of entry {sequence} failed on the chain: look why (out of gas? committer \
         changed?), then resume, which signs the entry anew"
    )]
    Reverted {
        /// The entry.
        sequence: u64,
        /// The transaction.
        transaction: Word,
    },
    /// An entry was held as final, and another block stands there now.
    #[error(
        "block {number} was final, and nodes now serve another one in its place: this is another chain, or nodes \
         lie. Compare with independent nodes, then resume"
    )]
    FinalChanged {
        /// Number of the block.
        number: u64,
    },
    /// The contract has fewer entries than are final.
    #[error(
        "the contract has {size} entries at the newest final block, and {held} were final before: this is another \
         chain, or nodes lie. Compare with independent nodes, then resume"
    )]
    Shrunk {
        /// Entries that were final.
        held: u64,
        /// Entries of the contract.
        size: u64,
    },
    /// The contract's root is not that over the entries that it should hold.
    #[error(
        "the root of the contract over {size} entries is not the one over the entries that we know: nodes lie, or \
         the contract is another one. Compare with independent nodes, then resume"
    )]
    RootDiffers {
        /// Number of entries.
        size: u64,
        /// The contract's root.
        #[serde(with = "written")]
        theirs: Hash,
        /// Our root.
        #[serde(with = "written")]
        ours: Hash,
    },
}

impl Halt {
    /// Whether the nodes themselves are in doubt, so that nothing that they say makes evidence.
    #[must_use]
    pub fn doubts_the_nodes(&self) -> bool {
        match self {
            Self::FinalChanged { .. } | Self::Shrunk { .. } | Self::RootDiffers { .. } => true,
            Self::ForeignCommit { .. } | Self::ForeignNonce { .. } | Self::Reverted { .. } => false,
        }
    }
}
