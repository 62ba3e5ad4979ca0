//! Why an anchor was refused: one variant for each check. No message repeats what came.

use super::{
    header::HEADER_BYTES_MAX,
    members::KIND,
    proof::{INNER_NODE_BYTES_MAX, LAST_NODE_BYTES_MAX, NODES_MAX},
};
use crate::evm::ANCHOR_BYTES_MAX;

/// Why an anchor was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// Longer than [`ANCHOR_BYTES_MAX`].
    #[error("an anchor must be at most {ANCHOR_BYTES_MAX} bytes long, came with {size}")]
    TooLong {
        /// Length that came, in bytes.
        size: usize,
    },
    /// Of another kind or version.
    #[error("an anchor must be {KIND}, and is of another kind: a later version may know it")]
    Kind,
    /// Not the JSON that it should be.
    #[error("anchor, line {line}, column {column}: must be {expected}")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// It parses, but would be written otherwise.
    #[error("an anchor must be in RFC 8785 canonical form")]
    NotCanonical,
    /// Longer than [`HEADER_BYTES_MAX`].
    #[error("an anchor's header must be at most {HEADER_BYTES_MAX} bytes long, came with {size}")]
    HeaderSize {
        /// Length that came, in bytes.
        size: usize,
    },
    /// No header of a block.
    #[error("an anchor's header must be the RLP list of a block's header and nothing else")]
    Header,
    /// No nodes, too many or too long ones.
    #[error(
        "an anchor's receipt proof must have 1 to {NODES_MAX} nodes of at most {INNER_NODE_BYTES_MAX} bytes, the last one of {LAST_NODE_BYTES_MAX}"
    )]
    ProofSize,
    /// The nodes do not lead from the header's root of receipts to a value under the receipt's index.
    #[error(
        "an anchor's receipt proof must lead from its header's receipts root to the receipt of its index"
    )]
    ReceiptProof,
    /// What is proved is no receipt.
    #[error("what an anchor's receipt proof proves must be a receipt (EIP-2718)")]
    Receipt,
    /// The transaction failed.
    #[error("an anchor's transaction must have succeeded: the status in its receipt is not 1")]
    ReceiptStatus,
    /// No such log, or it is malformed.
    #[error("an anchor's receipt must have a log {log_index}, counted within the receipt")]
    Log {
        /// Its number within the receipt.
        log_index: u64,
    },
    /// The log was written by another contract.
    #[error("log {log_index} of an anchor's receipt must be of the contract that the anchor names")]
    LogContract {
        /// Its number within the receipt.
        log_index: u64,
    },
    /// The log is another event.
    #[error("log {log_index} of an anchor's receipt must be the event Anchored")]
    LogEvent {
        /// Its number within the receipt.
        log_index: u64,
    },
    /// The event has another sequence number.
    #[error("the event must have the sequence number that the anchor names")]
    LogSequence,
    /// The event is about another roll-up.
    #[error("the event must hold the value of the roll-up that the anchor is for")]
    LogRollup,
    /// The event's leaf hash is not that of its number, its roll-up and the time of the block.
    #[error("the event's leaf hash must be that of its number, the block's time and the roll-up")]
    Entry,
}

impl AnchorError {
    /// The check that failed, as a word for programs: it never changes.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "anchor-too-long",
            Self::Kind => "anchor-kind",
            Self::Shape { .. } => "anchor-shape",
            Self::NotCanonical => "anchor-not-canonical",
            Self::HeaderSize { .. } => "anchor-header-size",
            Self::Header => "anchor-header",
            Self::ProofSize => "anchor-proof-size",
            Self::ReceiptProof => "anchor-receipt-proof",
            Self::Receipt => "anchor-receipt",
            Self::ReceiptStatus => "anchor-receipt-status",
            Self::Log { .. } => "anchor-log",
            Self::LogContract { .. } => "anchor-contract",
            Self::LogEvent { .. } => "anchor-event",
            Self::LogSequence => "anchor-sequence",
            Self::LogRollup => "anchor-rollup",
            Self::Entry => "anchor-entry",
        }
    }
}
