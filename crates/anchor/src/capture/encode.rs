//! Receipts as they stand in the trie (EIP-2718), from the JSON of a node or as raw bytes.

use alloy_consensus::{Eip658Value, Receipt, ReceiptWithBloom};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, U64};
use op_alloy_consensus::OpDepositReceipt;
use serde::Deserialize;
use serde_json::Value;

use super::error::CaptureError;

/// Most receipts of a block. A transaction costs at least 21,000 gas: a block of 1.3 thousand million.
pub(super) const RECEIPTS_MAX: usize = 65_536;

/// A deposit on a chain of the OP Stack, which begins each of its blocks.
const DEPOSIT: u8 = 0x7e;

/// The receipts of a block, encoded.
pub(super) fn encoded_receipts(receipts: &Value) -> Result<Vec<Vec<u8>>, CaptureError> {
    let receipts = receipts.as_array().filter(|receipts| receipts.len() <= RECEIPTS_MAX);
    let receipts = receipts.ok_or(CaptureError::Receipts)?.iter().enumerate();
    receipts.map(|(index, receipt)| encoded(index, receipt)).collect()
}

fn encoded(index: usize, receipt: &Value) -> Result<Vec<u8>, CaptureError> {
    let malformed = CaptureError::Receipt { index };
    if receipt.is_string() {
        let raw = bytes(receipt).filter(|raw| !raw.is_empty());
        return raw.map(|raw| raw.to_vec()).ok_or(malformed);
    }
    let members = Members::deserialize(receipt).or(Err(malformed))?;
    if members.transaction_index.to::<u64>() == index_of(index) {
        members.encode(index)
    } else {
        Err(CaptureError::ReceiptOrder { index })
    }
}

fn index_of(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}

/// Bytes that a node writes as `0x` and hexadecimal digits.
pub(super) fn bytes(text: &Value) -> Option<Bytes> {
    text.as_str().filter(|text| text.starts_with("0x"))?.parse().ok()
}

/// What of a receipt's members stands in the trie. What is there already is used as it is given: neither the bloom
/// filter nor the sum of gas is computed anew.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    /// Some nodes leave it out in receipts of the oldest kind.
    #[serde(default, rename = "type")]
    kind: U64,
    status: U64,
    cumulative_gas_used: U64,
    logs_bloom: Bloom,
    logs: Vec<LogMembers>,
    transaction_index: U64,
    deposit_nonce: Option<U64>,
    deposit_receipt_version: Option<U64>,
}

#[derive(Deserialize)]
struct LogMembers {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

impl Members {
    /// Kinds that later forks or other chains add have the form of those that are known, as far as is known; if one
    /// has not, the root tells.
    fn encode(self, index: usize) -> Result<Vec<u8>, CaptureError> {
        let kind: u64 = self.kind.to();
        let kind = u8::try_from(kind).ok().filter(|kind| *kind < 0x80);
        let kind = kind.ok_or(CaptureError::ReceiptType { index })?;
        let (nonce, version) = (self.deposit_nonce, self.deposit_receipt_version);
        let (receipt, bloom) = self.receipt(index)?;
        let fields = match kind {
            0x00 => return Ok(alloy_rlp::encode(ReceiptWithBloom::new(receipt, bloom))),
            DEPOSIT => {
                // Before the fork Canyon, which brought the version, the nonce did not stand in the trie.
                let deposit = OpDepositReceipt {
                    inner: receipt,
                    deposit_nonce: version.and(nonce).map(|nonce| nonce.to()),
                    deposit_receipt_version: version.map(|version| version.to()),
                };
                alloy_rlp::encode(ReceiptWithBloom::new(deposit, bloom))
            }
            _ => alloy_rlp::encode(ReceiptWithBloom::new(receipt, bloom)),
        };
        Ok([&[kind], fields.as_slice()].concat())
    }

    fn receipt(self, index: usize) -> Result<(Receipt, Bloom), CaptureError> {
        let status = match self.status.to::<u64>() {
            0 => false,
            1 => true,
            _ => return Err(CaptureError::Receipt { index }),
        };
        let log = |log: LogMembers| Log::new(log.address, log.topics, log.data);
        let logs: Option<Vec<Log>> = self.logs.into_iter().map(log).collect();
        let receipt = Receipt {
            status: Eip658Value::Eip658(status),
            cumulative_gas_used: self.cumulative_gas_used.to(),
            logs: logs.ok_or(CaptureError::Receipt { index })?,
        };
        Ok((receipt, self.logs_bloom))
    }
}
