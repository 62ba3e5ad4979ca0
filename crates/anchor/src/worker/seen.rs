//! What a quorum of nodes agreed on at one time: values alone. What they did not agree on, or did not say, is
//! missing, and the machine gets along without it.
//!
//! What must hold: each [`At`] is read at its own block, so that its parts belong together; an [`Anchored`] event
//! and a [`Receipt`] are what enough nodes gave alike.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use witness_core::{evm::Word, hash::Hash};

use super::record::Block;
use crate::fees::Bid;

/// What was seen at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The account whose key we have.
    pub account: Address,
    /// The state at the newest block.
    pub latest: Option<At>,
    /// The state at the newest final block.
    pub last_final: Option<At>,
    /// What a transaction costs now.
    pub fees: Option<Fees>,
    /// The events of the contract up to the newest block, by sequence, from the first entry of the window.
    pub anchored: BTreeMap<u64, Anchored>,
    /// What became of each attempt of the window, by hash. A hash that is missing here is one on which nodes did
    /// not agree.
    pub receipts: BTreeMap<Word, Option<Receipt>>,
    /// The hash that is served for a block, by number: for each block that the window, an event or a receipt
    /// names.
    pub canonical: BTreeMap<u64, Word>,
    /// The firm's newest roll-up: its own sequence and its value.
    pub newest: Option<(u64, Hash)>,
}

/// The contract and the account at one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The block.
    pub block: Block,
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// Who may append; zero if nobody.
    pub committer: Address,
    /// The contract that goes on after this one; zero if it is not retired.
    pub successor: Address,
    /// The account's nonce: how many transactions of it are mined.
    pub nonce: u64,
    /// The account's money in wei.
    pub balance: u128,
}

/// What a transaction costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// The first bid for a unit of gas.
    pub bid: Bid,
    /// What a layer 2 asks for the bytes of a commit on the chain below, in wei; zero elsewhere.
    pub l1_fee: u128,
}

/// An entry of the contract, as its event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored {
    /// What it holds.
    pub value: Hash,
    /// The sequence of the roll-up with this value, if it is ours.
    pub rollup: Option<u64>,
    /// The transaction.
    pub transaction: Word,
    /// Number of the transaction within the block.
    pub index: u64,
    /// The block.
    pub block: Block,
}

/// What became of a transaction that is in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The block.
    pub block: Block,
    /// Number of the transaction within the block.
    pub index: u64,
    /// The contract's event `Anchored` in it, sequence and value, if the transaction succeeded and has one.
    pub anchored: Option<(u64, Hash)>,
    /// What it cost in wei, with the data fee.
    pub cost: u128,
}

impl Seen {
    /// Whether the chain serves this very block under its number.
    #[must_use]
    pub fn is_canonical(&self, block: &Block) -> bool {
        self.canonical.get(&block.number) == Some(&block.hash)
    }

    /// Whether the chain serves another block in the place of this one.
    #[must_use]
    pub fn is_displaced(&self, block: &Block) -> bool {
        self.canonical.get(&block.number).is_some_and(|hash| *hash != block.hash)
    }

    /// The event of a sequence, if its block stands on the chain at `number` or below.
    #[must_use]
    pub fn event(&self, sequence: u64, number: u64) -> Option<&Anchored> {
        let event = self.anchored.get(&sequence)?;
        (event.block.number <= number && self.is_canonical(&event.block)).then_some(event)
    }
}
