//! What a chain is asked about a contract: only what is final there.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

use anyhow::Result;
use witness_core::{evm::Word, hash::Hash, rollup::Contract};

/// A block that is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FinalBlock {
    /// Its hash.
    pub(super) hash: Word,
    /// Its time, in seconds since the epoch.
    pub(super) time: u64,
}

/// How a contract stands at the newest block that is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Number of entries.
    pub(super) entries: u64,
    /// Time of the newest one, in seconds since the epoch.
    pub(super) last_time: u64,
    /// Number of that block.
    pub(super) block: u64,
}

/// An entry of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChainEntry {
    /// What was anchored.
    pub(super) value: Hash,
    /// Number of its block.
    pub(super) block: u64,
}

/// A contract on a chain that can be asked.
pub(super) trait OnChain: fmt::Debug {
    /// The block of a number; `None` while it is not final.
    fn final_block(&self, number: u64) -> Result<Option<FinalBlock>>;

    /// How the contract stands.
    fn head(&self) -> Result<Head>;

    /// The entry of a number, if it was made in one of these blocks.
    fn entry(&self, sequence: u64, blocks: RangeInclusive<u64>) -> Result<Option<ChainEntry>>;
}

/// The contracts that can be asked.
pub(super) type Chains = BTreeMap<Contract, Box<dyn OnChain>>;
