//! What a verdict says of roll-ups and of the chain, and who believes in a block.

use serde::{Serialize, Serializer};

use super::verdict::{micros, shown};
use crate::{
    evm::Word, hash::Hash, merkle::TreeSize, rollup::Contract, text::decimal, time::Timestamp,
};

/// Who says that a block is on its chain for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Belief {
    /// The policy lists it.
    Policy,
    /// A node of the chain was asked.
    Rpc,
    /// The reader of the evidence named it.
    Reader,
}

/// A block that somebody knows to be on its chain for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenBlock {
    /// Number of the chain (EIP-155).
    pub chain: u64,
    /// Hash of the block.
    pub hash: Word,
    /// Who says so.
    pub by: Belief,
}

impl SeenBlock {
    /// Reads `eip155:<chain>:0x<hash>`, as somebody says it.
    #[must_use]
    pub fn parse(text: &str, by: Belief) -> Option<Self> {
        let (chain, hash) = text.strip_prefix("eip155:")?.split_once(':')?;
        Some(Self { chain: decimal(chain)?, hash: Word::parse(hash)?, by })
    }
}

/// That an entry stands under a roll-up of the firm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RolledUp {
    /// Number of the roll-up: the first one in the file that covers the entry.
    #[serde(serialize_with = "shown")]
    pub sequence: u64,
    /// Size of the log's checkpoint in it.
    #[serde(serialize_with = "shown")]
    pub size: TreeSize,
    /// What goes to the chain: SHA-256 of the roll-up's text.
    #[serde(serialize_with = "value")]
    pub value: Hash,
}

/// That an entry was committed on a chain: by the earliest block that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Anchored {
    /// Time of the block.
    #[serde(serialize_with = "micros")]
    pub at: Timestamp,
    /// Who says that the block is on the chain.
    pub believed_by: Belief,
    /// Hash of the block.
    #[serde(serialize_with = "shown")]
    pub block_hash: Word,
    /// Number of the block.
    #[serde(serialize_with = "shown")]
    pub block_number: u64,
    /// The contract, and with it the chain.
    #[serde(serialize_with = "shown")]
    pub contract: Contract,
    /// Whether the anchor came later than the policy's greatest delay after its checkpoint was signed.
    pub late: bool,
    /// The entry was received at this time at the latest: that of the block, and the policy's tolerance.
    #[serde(serialize_with = "micros")]
    pub not_after: Timestamp,
    /// The entry was received at this time at the earliest: an anchored checkpoint without it had been signed
    /// then, less the policy's tolerance. Nothing if there is no such checkpoint in the file.
    #[serde(serialize_with = "micros_if_any")]
    pub not_before: Option<Timestamp>,
    /// Number of the roll-up that was anchored.
    #[serde(serialize_with = "shown")]
    pub rollup: u64,
    /// Number of the anchor in the contract.
    #[serde(serialize_with = "shown")]
    pub sequence: u64,
    /// Size of the log's checkpoint that the anchor covers.
    #[serde(serialize_with = "shown")]
    pub size: TreeSize,
}

fn value<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hash.to_base64())
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
fn micros_if_any<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => micros(time, serializer),
        None => serializer.serialize_none(),
    }
}
