//! Values of the JSON-RPC interface: blocks, receipts and logs, read out of JSON or refused.
//!
//! What must hold: two nodes agree on a value if they agree on the members that are read here; `raw` is one
//! node's word, for whoever proves it.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, B256, Bytes, hex};
use serde_json::Value;

/// A block's header.
#[derive(Clone)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The hash of the one before.
    pub parent: B256,
    /// Its time, in seconds since the epoch.
    pub time: u64,
    /// The price of gas in it (EIP-1559); zero where a chain has none.
    pub base_fee: u128,
    /// Its JSON, as one node gave it.
    pub raw: Value,
}

/// What became of a transaction.
#[derive(Clone)]
pub struct Receipt {
    /// The transaction.
    pub tx: B256,
    /// Whether it did what it should: status 1.
    pub is_good: bool,
    /// Number of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Its position in the block.
    pub tx_index: u64,
    /// What it emitted.
    pub logs: Vec<Log>,
    /// Gas that it took.
    pub gas_used: u64,
    /// What it paid for each, in wei.
    pub gas_price: u128,
    /// What it paid besides for its bytes on the chain below (OP Stack), in wei.
    pub l1_fee: u128,
    /// The contract that it made.
    pub contract: Option<Address>,
    /// Its JSON, as one node gave it.
    pub raw: Value,
}

/// What a node knows of a transaction.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// It is in no block; a receipt that names none is a promise, not a receipt.
    NotMined,
    /// It is in a block.
    Mined(Box<Receipt>),
}

impl Found {
    pub(super) fn parse(raw: Value) -> Option<Self> {
        if raw.get("blockHash").is_none_or(Value::is_null) && (raw.is_null() || raw.is_object()) {
            return Some(Self::NotMined);
        }
        Receipt::parse(raw).map(Box::new).map(Self::Mined)
    }
}

/// What a contract emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// What it can be found by.
    pub topics: Vec<B256>,
    /// The rest.
    pub data: Bytes,
    /// The transaction.
    pub tx: B256,
    /// Number of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Its position among all logs of the block.
    pub index_in_block: u64,
}

impl Block {
    pub(super) fn parse(raw: Value) -> Option<Self> {
        Some(Self {
            number: quantity(raw.get("number")?)?,
            hash: hexed(raw.get("hash")?)?,
            parent: hexed(raw.get("parentHash")?)?,
            time: quantity(raw.get("timestamp")?)?,
            base_fee: raw.get("baseFeePerGas").map_or(Some(0), long_quantity)?,
            raw,
        })
    }

    /// The transactions in it, as one node gave them.
    #[must_use]
    pub fn transactions(&self) -> Option<Vec<B256>> {
        let transactions = self.raw.get("transactions")?.as_array()?;
        transactions.iter().map(|it| hexed(it.get("hash").unwrap_or(it))).collect()
    }

    fn read(&self) -> (u64, B256, B256, u64, u128) {
        (self.number, self.hash, self.parent, self.time, self.base_fee)
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        self.read() == other.read()
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "block {} {}", self.number, self.hash)
    }
}

impl Receipt {
    fn parse(raw: Value) -> Option<Self> {
        let logs = raw.get("logs")?.as_array()?.iter().map(Log::parse).collect::<Option<_>>()?;
        let price = |name: &str| match raw.get(name) {
            None | Some(Value::Null) => Some(0),
            Some(value) => long_quantity(value),
        };
        Some(Self {
            tx: hexed(raw.get("transactionHash")?)?,
            is_good: quantity(raw.get("status")?)? == 1,
            block_number: quantity(raw.get("blockNumber")?)?,
            block_hash: hexed(raw.get("blockHash")?)?,
            tx_index: quantity(raw.get("transactionIndex")?)?,
            logs,
            gas_used: quantity(raw.get("gasUsed")?)?,
            gas_price: price("effectiveGasPrice")?,
            l1_fee: price("l1Fee")?,
            contract: match raw.get("contractAddress") {
                None | Some(Value::Null) => None,
                Some(address) => Some(hexed(address)?),
            },
            raw,
        })
    }

    /// What it cost altogether, in wei.
    #[must_use]
    pub fn cost(&self) -> Option<u128> {
        u128::from(self.gas_used).checked_mul(self.gas_price)?.checked_add(self.l1_fee)
    }
}

impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        let place = |it: &Self| (it.tx, it.is_good, it.block_number, it.block_hash, it.tx_index);
        let cost = |it: &Self| (it.gas_used, it.gas_price, it.l1_fee, it.contract);
        place(self) == place(other) && cost(self) == cost(other) && self.logs == other.logs
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = u8::from(self.is_good);
        write!(formatter, "status {status} in block {} {}", self.block_number, self.block_hash)
    }
}

impl Log {
    pub(super) fn parse(raw: &Value) -> Option<Self> {
        Some(Self {
            address: hexed(raw.get("address")?)?,
            topics: raw.get("topics")?.as_array()?.iter().map(hexed).collect::<Option<_>>()?,
            data: hexed(raw.get("data")?)?,
            tx: hexed(raw.get("transactionHash")?)?,
            block_number: quantity(raw.get("blockNumber")?)?,
            block_hash: hexed(raw.get("blockHash")?)?,
            index_in_block: quantity(raw.get("logIndex")?)?,
        })
    }
}

/// A number: `0x` and hexadecimal digits.
pub(super) fn quantity(value: &Value) -> Option<u64> {
    u64::try_from(long_quantity(value)?).ok()
}

/// A number of up to 128 bits.
pub(super) fn long_quantity(value: &Value) -> Option<u128> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_number.then(|| u128::from_str_radix(digits, 16).ok())?
}

/// A hash, an address or bytes: `0x` and hexadecimal digits.
pub(super) fn hexed<T: FromStr>(value: &Value) -> Option<T> {
    let text = value.as_str()?;
    text.starts_with("0x").then(|| text.parse().ok())?
}

/// What a contract reverted with: geth, reth and anvil say it as hex, Nethermind behind a word, others inside
/// an object.
pub(super) fn revert_data(value: &Value) -> Option<Bytes> {
    let text = value.as_str().or_else(|| value.get("data")?.as_str())?;
    let digits = text.strip_prefix("Reverted ").unwrap_or(text).strip_prefix("0x")?;
    hex::decode(digits).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_hexadecimal_and_fit() {
        assert_eq!(quantity(&json!("0x10")), Some(16));
        assert_eq!(quantity(&json!("0xffffffffffffffff")), Some(u64::MAX));
        for bad in
            [json!("0x10000000000000000"), json!("16"), json!(16), json!("0x"), json!("0x+1")]
        {
            assert_eq!(quantity(&bad), None, "{bad}");
        }
        assert_eq!(long_quantity(&json!("0x10000000000000000")), Some(1 << 64));
    }

    #[test]
    fn a_receipt_without_a_block_is_none_yet() {
        assert_eq!(Found::parse(Value::Null), Some(Found::NotMined));
        let promised = json!({ "status": "0x1", "blockHash": null });
        assert_eq!(Found::parse(promised), Some(Found::NotMined));
        assert_eq!(Found::parse(json!({ "blockHash": "0x1" })), None);
        assert_eq!(Found::parse(json!("0x1")), None);
    }

    #[test]
    fn what_a_contract_reverts_with_is_found_as_all_clients_say_it() {
        let stale = Bytes::from_static(&[0xab, 0xcd]);
        for said in [json!("0xabcd"), json!("Reverted 0xabcd"), json!({ "data": "0xabcd" })] {
            assert_eq!(revert_data(&said), Some(stale.clone()), "{said}");
        }
        assert_eq!(revert_data(&json!("out of gas")), None);
    }
}
