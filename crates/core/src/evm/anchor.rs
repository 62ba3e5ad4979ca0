//! An anchor: one entry of a contract, with its proof up to the header of a block.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use alloy_primitives::keccak256;
use serde::{Deserialize, Serialize};

use super::{
    error::AnchorError,
    header::{HEADER_BYTES_MAX, Header},
    members::{EXPECTED, KIND, Members},
    proof::{self, INNER_NODE_BYTES_MAX, LAST_NODE_BYTES_MAX, NODES_MAX},
    receipt::{self, Expected},
    word::Word,
};
use crate::{hash::Hash, rollup::Contract};

/// Longest anchor as JSON, in bytes: the longest header and proof, each byte as two digits, and 1 KiB for the
/// members around them.
pub const ANCHOR_BYTES_MAX: usize =
    2 * (HEADER_BYTES_MAX + (NODES_MAX - 1) * INNER_NODE_BYTES_MAX + LAST_NODE_BYTES_MAX) + 1024;

const EXPECTED_JSON: &str = "JSON with exactly the members of an anchor";

/// One entry of a contract `WitnessAnchorLog`, with its proof up to a block's header. As JSON it is in RFC 8785
/// canonical form: integers are decimal strings, bytes are `0x` and lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Members", from = "Members")]
pub struct Anchor {
    /// The contract, and with it the chain.
    pub contract: Contract,
    /// The block's header, RLP.
    pub header: Vec<u8>,
    /// Number of the event within its receipt, from 0; what nodes call `logIndex` counts within the block.
    pub log_index: u64,
    /// Number of the receipt within the block, from 0.
    pub receipt_index: u64,
    /// Nodes of the trie of receipts, from the root to the one that holds the receipt.
    pub receipt_proof: Vec<Vec<u8>>,
    /// Number of the entry in the contract's log, from 0.
    pub sequence: u64,
}

/// What a checked anchor says: an entry stands in this block. Whether the chain knows the block is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnchoredBlock {
    /// Number of the chain (EIP-155).
    pub chain: u64,
    /// Hash of the block: keccak-256 of its header.
    pub hash: Word,
    /// Number of the block.
    pub number: u64,
    /// Time of the block, in seconds since the epoch.
    pub time: u64,
}

impl Anchor {
    /// Parses an anchor of at most [`ANCHOR_BYTES_MAX`] bytes.
    pub fn parse(json: &str) -> Result<Self, AnchorError> {
        if json.len() > ANCHOR_BYTES_MAX {
            return Err(AnchorError::TooLong { size: json.len() });
        }
        let parsed: Self = serde_json::from_str(json).map_err(|error| shape(json, &error))?;
        if parsed.encode() == json { Ok(parsed) } else { Err(AnchorError::NotCanonical) }
    }

    /// The anchor, in canonical form.
    #[must_use]
    pub fn encode(&self) -> String {
        // Writing strings and lists into a string cannot fail; were it to, no parser takes an empty text.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks all that can be checked offline: that the contract's event with this sequence number, this roll-up
    /// and the leaf hash of both and the block's time is in the receipt of a transaction that succeeded, and that
    /// this receipt stands under the header's receipts root.
    pub fn verify(&self, rollup: &Hash) -> Result<AnchoredBlock, AnchorError> {
        let header = Header::read(&self.header)?;
        let receipt =
            proof::receipt(header.receipts_root, self.receipt_index, &self.receipt_proof)?;
        let entry = entry_leaf(self.sequence, header.time, rollup);
        let (contract, sequence) = (&self.contract, self.sequence);
        receipt::check(receipt, self.log_index, &Expected { contract, sequence, rollup, entry })?;
        Ok(AnchoredBlock {
            chain: self.contract.chain,
            hash: Word(keccak256(&self.header).0),
            number: header.number,
            time: header.time,
        })
    }
}

/// Leaf hash of an entry of the contract: SHA-256(0x00 ‖ be64 sequence ‖ be64 time ‖ roll-up), the time in seconds
/// since the epoch (RFC 6962 section 2.1).
#[must_use]
pub fn entry_leaf(sequence: u64, time: u64, rollup: &Hash) -> Hash {
    let (sequence, time) = (sequence.to_be_bytes(), time.to_be_bytes());
    Hash::leaf(&[&sequence, &time, rollup.as_bytes().as_slice()].concat())
}

fn shape(json: &str, error: &serde_json::Error) -> AnchorError {
    #[derive(Deserialize)]
    struct Version {
        kind: String,
    }
    if serde_json::from_str::<Version>(json).is_ok_and(|version| version.kind != KIND) {
        return AnchorError::Kind;
    }
    // Only what this module says itself is passed on; serde's own messages can repeat the input.
    let message = error.to_string();
    let expected = EXPECTED.into_iter().find(|expected| message.starts_with(expected));
    AnchorError::Shape {
        line: error.line(),
        column: error.column(),
        expected: expected.unwrap_or(EXPECTED_JSON),
    }
}
