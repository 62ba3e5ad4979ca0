//! From what a node says about a block to an anchor that verifies: no I/O, and nothing is believed that does not
//! hash to what it should.
//!
//! The header and the receipts are encoded anew from JSON, or taken as raw bytes where a node offers them. Forks add
//! fields to headers and kinds of receipts; what is not known here either hashes to the block's hash and to its
//! receipts root all the same, or the chain is refused by name. What must hold: an anchor leaves here only through
//! `Anchor::verify`.

mod encode;
mod error;

use alloy_primitives::{B256, keccak256};
use alloy_rlp::Encodable as _;
use alloy_trie::root::adjust_index_for_rlp;
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, proof::ProofRetainer};
use serde::Deserialize as _;
use serde_json::Value;
use witness_core::{
    evm::{Anchor, AnchorError, AnchoredBlock},
    hash::Hash,
    rollup::Contract,
};

pub use self::error::CaptureError;
use self::{encode::encoded_receipts, error::kinds};

/// What a node says about the block in which a transaction was mined.
#[derive(Debug, Clone, Copy)]
pub struct Mined<'a> {
    /// The answer to `eth_getBlockByNumber` or `eth_getBlockByHash`.
    pub block: &'a Value,
    /// The answer to `debug_getRawHeader`, if the node offers it. It is only needed if the header has fields that
    /// are not known here.
    pub raw_header: Option<&'a Value>,
    /// The answer to `eth_getBlockReceipts`, or to `debug_getRawReceipts`.
    pub receipts: &'a Value,
}

/// The entry that is to be proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sought {
    /// The contract, and with it the chain.
    pub contract: Contract,
    /// Number of the entry in the contract's log.
    pub sequence: u64,
    /// Value of the roll-up.
    pub rollup: Hash,
    /// Number of the transaction in the block, from 0.
    pub transaction_index: u64,
}

/// An anchor, and what it says: it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The anchor.
    pub anchor: Anchor,
    /// What it says.
    pub block: AnchoredBlock,
}

/// Makes the anchor of an entry from the block in which it was mined. The block's hash is the node's word: compare
/// it with other nodes.
pub fn capture(mined: &Mined<'_>, sought: &Sought) -> Result<Captured, CaptureError> {
    let header = header(mined.block, mined.raw_header)?;
    let trie = Trie::build(mined.block, mined.receipts, Some(sought.transaction_index))?;
    let mut anchor = Anchor {
        contract: sought.contract,
        header,
        log_index: 0,
        receipt_index: sought.transaction_index,
        receipt_proof: trie.proof,
        sequence: sought.sequence,
    };
    let block = find_log(&mut anchor, &sought.rollup)?;
    Ok(Captured { anchor, block })
}

/// Whether the receipts root of a block can be rebuilt from its receipts: if it cannot, no entry on this chain can
/// be proved.
pub fn receipts_root_matches(block: &Value, receipts: &Value) -> Result<(), CaptureError> {
    Trie::build(block, receipts, None).map(drop)
}

/// Whether the header of a block can be rebuilt, or comes as raw bytes: if neither, no entry on this chain can be
/// proved.
pub fn header_matches(block: &Value, raw_header: Option<&Value>) -> Result<(), CaptureError> {
    header(block, raw_header).map(drop)
}

/// The header that has the hash of the block.
fn header(block: &Value, raw: Option<&Value>) -> Result<Vec<u8>, CaptureError> {
    let hash = word(block, "hash")?;
    if let Some(raw) = raw {
        let bytes = encode::bytes(raw).filter(|bytes| keccak256(bytes) == hash);
        return bytes.map(|bytes| bytes.to_vec()).ok_or(CaptureError::RawHeader);
    }
    let header = alloy_consensus::Header::deserialize(block).or(Err(CaptureError::Header))?;
    let bytes = alloy_rlp::encode(header);
    if keccak256(&bytes) == hash { Ok(bytes) } else { Err(CaptureError::Header) }
}

fn word(block: &Value, member: &'static str) -> Result<B256, CaptureError> {
    let text = block.get(member).and_then(Value::as_str);
    let word = text.and_then(|text| text.strip_prefix("0x")?.parse().ok());
    word.ok_or(CaptureError::Block { member })
}

/// The trie of a block's receipts, which has the root that the block says.
struct Trie {
    /// From the root to the receipt that was asked for.
    proof: Vec<Vec<u8>>,
}

impl Trie {
    fn build(block: &Value, receipts: &Value, proved: Option<u64>) -> Result<Self, CaptureError> {
        let said = word(block, "receiptsRoot")?;
        let receipts = encoded_receipts(receipts)?;
        let transactions = block.get("transactions").and_then(Value::as_array).map(Vec::len);
        let count = receipts.len();
        if let Some(transactions) = transactions.filter(|transactions| *transactions != count) {
            return Err(CaptureError::ReceiptCount { receipts: count, transactions });
        }
        let index = proved.map(|index| usize::try_from(index).ok().filter(|index| *index < count));
        let proved = match index {
            Some(None) => return Err(CaptureError::NoReceipt { receipts: count }),
            Some(Some(index)) => ProofRetainer::from_iter([key(index)]),
            None => ProofRetainer::default(),
        };
        let mut builder = HashBuilder::default().with_proof_retainer(proved);
        for position in 0..count {
            // The trie takes its keys in their order, which is not that of the numbers: 0 is 0x80, after 0x7f.
            let index = adjust_index_for_rlp(position, count);
            builder.add_leaf(key(index), receipts.get(index).map_or(&[], Vec::as_slice));
        }
        let root = if count == 0 { EMPTY_ROOT_HASH } else { builder.root() };
        if root != said {
            return Err(CaptureError::ReceiptsRoot { kinds: kinds(&receipts) });
        }
        let nodes = builder.take_proof_nodes().into_nodes_sorted();
        Ok(Self { proof: nodes.into_iter().map(|(_, node)| node.to_vec()).collect() })
    }
}

fn key(index: usize) -> Nibbles {
    let mut key = Vec::with_capacity(index.length());
    index.encode(&mut key);
    Nibbles::unpack(key)
}

/// Tries the logs of the receipt one after the other, and takes the first one that verifies.
fn find_log(anchor: &mut Anchor, rollup: &Hash) -> Result<AnchoredBlock, CaptureError> {
    loop {
        match anchor.verify(rollup) {
            Ok(block) => return Ok(block),
            Err(
                AnchorError::LogContract { .. }
                | AnchorError::LogEvent { .. }
                | AnchorError::LogSequence
                | AnchorError::LogRollup,
            ) => anchor.log_index += 1,
            Err(AnchorError::Log { .. }) => {
                return Err(CaptureError::NoEntry { transaction_index: anchor.receipt_index });
            }
            Err(error) => return Err(CaptureError::Anchor(error)),
        }
    }
}
