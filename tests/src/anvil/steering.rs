//! What only a development chain lets one do: mine on command, forget, go back; and looking at it from outside.

use serde_json::{Value, json};
use witness_anchor::alloy::{Address, B256, Bytes, U256};

use super::{Anvil, Mined, bytes, number};

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// One for each transaction, as soon as it comes.
    AtOnce,
    /// One every so many seconds, with whatever has come.
    EverySeconds(u32),
    /// None but on command.
    OnCommand,
}

/// A block, by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, in seconds since the epoch.
    pub time: u64,
}

/// What a contract has logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Number of the block.
    pub block: u64,
    /// Hash of the block.
    pub block_hash: B256,
    /// Hash of the transaction.
    pub transaction: B256,
    /// Topics.
    pub topics: Vec<B256>,
    /// Data.
    pub data: Bytes,
}

impl Anvil {
    /// Says when blocks are made from now on. What waits for a block is mined as soon as they are made at once.
    pub fn set_mining(&self, mining: Mining) {
        let interval = if let Mining::EverySeconds(seconds) = mining { seconds } else { 0 };
        self.must("evm_setIntervalMining", &json!([interval]));
        if mining == Mining::AtOnce {
            self.must("evm_setAutomine", &json!([true]));
        }
    }

    /// Makes blocks. Each is at least a second later than the one before, so a chain that makes many runs ahead.
    pub fn mine(&self, blocks: u64) {
        self.must("anvil_mine", &json!([format!("{blocks:#x}")]));
    }

    /// Makes the blocks that are to come so much later.
    pub fn advance_time(&self, seconds: u64) {
        self.must("evm_increaseTime", &json!([seconds]));
    }

    /// Forgets a transaction that waits for a block.
    pub fn drop_transaction(&self, hash: B256) {
        self.must("anvil_dropTransaction", &json!([hash]));
    }

    /// Takes the newest blocks back. What was in them does not wait for a block again.
    pub fn rollback(&self, blocks: u64) {
        self.must("anvil_rollback", &json!([blocks]));
    }

    /// Gives an account so much.
    pub fn set_balance(&self, account: Address, wei: U256) {
        self.must("anvil_setBalance", &json!([account, wei]));
    }

    /// What an account has.
    #[must_use]
    pub fn balance(&self, account: Address) -> U256 {
        let balance = self.must("eth_getBalance", &json!([account, "latest"]));
        balance.as_str().unwrap().parse().unwrap()
    }

    /// Puts other code where a contract is.
    pub fn set_code(&self, contract: Address, code: &[u8]) {
        self.must("anvil_setCode", &json!([contract, Bytes::copy_from_slice(code)]));
    }

    /// Makes one block, in which a unit of gas costs so much. Each empty block after it asks an eighth less.
    pub fn mine_at_base_fee(&self, wei: U256) {
        self.must("anvil_setNextBlockBaseFeePerGas", &json!([wei]));
        self.mine(1);
    }

    /// Sends a transaction in the name of anybody, and waits until it is mined.
    #[must_use]
    pub fn send_as(&self, from: Address, to: Option<Address>, data: &[u8], gas: u64) -> Mined {
        self.must("anvil_impersonateAccount", &json!([from]));
        let mined = self.send(from, to, data, gas);
        self.must("anvil_stopImpersonatingAccount", &json!([from]));
        mined
    }

    /// Hands a signed transaction in, as any node takes it; the error, if it does not take it.
    pub fn send_raw(&self, raw: &[u8]) -> Result<B256, Value> {
        let raw = Bytes::copy_from_slice(raw);
        let hash = self.ask("eth_sendRawTransaction", &json!([raw]))?;
        Ok(hash.as_str().unwrap().parse().unwrap())
    }

    /// Hashes of the transactions of an account that wait for a block, in the order of their nonces.
    #[must_use]
    pub fn waiting(&self, account: Address) -> Vec<B256> {
        let pool = &self.must("txpool_content", &json!([]));
        let mut waiting = Vec::new();
        for part in ["pending", "queued"] {
            let accounts = pool[part].as_object().unwrap().iter();
            let own = accounts.filter(|(from, _)| from.parse::<Address>().unwrap() == account);
            for (nonce, transaction) in own.flat_map(|(_, by_nonce)| by_nonce.as_object().unwrap())
            {
                let hash: B256 = transaction["hash"].as_str().unwrap().parse().unwrap();
                waiting.push((nonce.parse::<u64>().unwrap(), hash));
            }
        }
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, hash)| hash).collect()
    }

    /// How many transactions of an account are in blocks.
    #[must_use]
    pub fn nonce(&self, account: Address) -> u64 {
        number(&self.must("eth_getTransactionCount", &json!([account, "latest"])))
    }

    /// A block by its number or tag; none if there is none.
    #[must_use]
    pub fn block(&self, which: impl Into<Value>) -> Option<Block> {
        let block = &self.must("eth_getBlockByNumber", &json!([which.into(), false]));
        let hash = block["hash"].as_str()?.parse().unwrap();
        let (number, time) = (number(&block["number"]), number(&block["timestamp"]));
        Some(Block { number, hash, time })
    }

    /// The newest block.
    #[must_use]
    pub fn latest(&self) -> Block {
        self.block("latest").unwrap()
    }

    /// The newest block that is final.
    #[must_use]
    pub fn finalized(&self) -> Block {
        self.block("finalized").unwrap()
    }

    /// All that a contract has logged, in order.
    #[must_use]
    pub fn logs(&self, contract: Address) -> Vec<Logged> {
        let filter = json!({ "address": contract, "fromBlock": "0x0", "toBlock": "latest" });
        let logs = self.must("eth_getLogs", &json!([filter]));
        let word = |value: &Value| -> B256 { value.as_str().unwrap().parse().unwrap() };
        let logged = |log: &Value| Logged {
            block: number(&log["blockNumber"]),
            block_hash: word(&log["blockHash"]),
            transaction: word(&log["transactionHash"]),
            topics: log["topics"].as_array().unwrap().iter().map(word).collect(),
            data: bytes(&log["data"]),
        };
        logs.as_array().unwrap().iter().map(logged).collect()
    }

    /// Remembers how all is, to be taken back to it once.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        self.must("evm_snapshot", &json!([]))
    }

    /// Takes all back to how it was.
    pub fn revert(&self, snapshot: &Value) {
        assert_eq!(self.must("evm_revert", &json!([snapshot])), true);
    }

    fn must(&self, method: &str, parameters: &Value) -> Value {
        self.ask(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}
