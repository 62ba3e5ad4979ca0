//! Why no anchor can be made from what a node says: what to ask for, or why this chain will not do.

use std::collections::BTreeSet;

use witness_core::evm::AnchorError;

use super::encode::RECEIPTS_MAX;

/// Why no anchor can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// The block lacks what every mined block has.
    #[error("the node's block has no {member} of 32 bytes: ask for a mined block, or another node")]
    Block {
        /// The member.
        member: &'static str,
    },
    /// The header has fields that are not known here.
    #[error(
        "this chain's header cannot be rebuilt from its fields: a node must offer debug_getRawHeader"
    )]
    Header,
    /// The raw header is not that of the block.
    #[error(
        "what the node gives for debug_getRawHeader does not hash to the block's hash: ask again"
    )]
    RawHeader,
    /// Not a list, or too long.
    #[error("a block's receipts must be a list of at most {RECEIPTS_MAX}: ask another node")]
    Receipts,
    /// The node gave some of the receipts.
    #[error("the node gives {receipts} receipts for {transactions} transactions: ask again")]
    ReceiptCount {
        /// How many it gave.
        receipts: usize,
        /// How many transactions the block has.
        transactions: usize,
    },
    /// A receipt is neither bytes nor has the members of one.
    #[error("receipt {index} of the block is malformed: ask another node")]
    Receipt {
        /// Its number in the block.
        index: usize,
    },
    /// A receipt stands at another place than it says.
    #[error("receipt {index} of the block says that it has another number: ask another node")]
    ReceiptOrder {
        /// Its number in the block.
        index: usize,
    },
    /// A receipt is of a kind that cannot be.
    #[error("receipt {index} of the block has a type above 0x7f, which EIP-2718 does not know")]
    ReceiptType {
        /// Its number in the block.
        index: usize,
    },
    /// The receipts do not hash to the block's receipts root.
    #[error(
        "this chain's receipts root cannot be rebuilt: type {kinds}; a node must offer debug_getRawReceipts"
    )]
    ReceiptsRoot {
        /// The types of the block's receipts, without those of Ethereum if there are others.
        kinds: String,
    },
    /// No such transaction in the block.
    #[error("the block has {receipts} receipts and none for the transaction: it may have moved")]
    NoReceipt {
        /// How many it has.
        receipts: usize,
    },
    /// The transaction anchored something else or nothing.
    #[error("transaction {transaction_index} of the block did not log this entry in the contract")]
    NoEntry {
        /// Its number in the block.
        transaction_index: u64,
    },
    /// The anchor does not verify.
    #[error(transparent)]
    Anchor(AnchorError),
}

/// The types of encoded receipts, in words: those that Ethereum does not have, if there are any.
pub(super) fn kinds(receipts: &[Vec<u8>]) -> String {
    let first = receipts.iter().filter_map(|receipt| receipt.first());
    let all: BTreeSet<u8> = first.map(|byte| if *byte < 0x80 { *byte } else { 0 }).collect();
    let other: BTreeSet<u8> = all.iter().copied().filter(|kind| *kind > 4).collect();
    let named = if other.is_empty() { all } else { other };
    let words: Vec<String> = named.iter().map(|kind| format!("0x{kind:02x}")).collect();
    if words.is_empty() { "none at all".to_owned() } else { words.join(", ") }
}
