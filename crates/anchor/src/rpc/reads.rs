//! What is read from one node.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde_json::{Value, json};

use super::{
    Node, NodeError,
    value::{Block, Found, Log, Receipt, hexed, long_quantity, quantity},
};

/// Blocks over which the tips of others are looked at.
const TIP_BLOCKS: &str = "0xa";
/// EIP-1474 gives reverts this code.
const REVERTED: i64 = 3;

/// Which state of the chain is meant. There is deliberately no `pending`: it is one node's fancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The newest block.
    Latest,
    /// The newest block that is final.
    Finalized,
    /// The block of this number.
    Number(u64),
}

impl At {
    fn word(self) -> String {
        match self {
            Self::Latest => "latest".to_owned(),
            Self::Finalized => "finalized".to_owned(),
            Self::Number(number) => format!("{number:#x}"),
        }
    }
}

/// What is asked of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who asks; nobody, if there is nothing here.
    pub from: Option<Address>,
    /// Who is asked.
    pub to: Address,
    /// What.
    pub data: Bytes,
}

/// What a contract answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// It returns this.
    Returned(Bytes),
    /// It reverts with this.
    Reverted(Bytes),
}

impl Node {
    /// Number of the chain (EIP-155).
    pub async fn chain_id(&self) -> Result<u64, NodeError> {
        self.typed("eth_chainId", json!([]), |value| quantity(&value)).await
    }

    /// As [`Node::chain_id`], but tried once: whether a node is there need not be known at any price.
    pub(crate) async fn knock(&self) -> Result<u64, NodeError> {
        let method = "eth_chainId";
        quantity(&self.once(method, &json!([])).await?).ok_or_else(|| self.malformed(method))
    }

    /// Hash of the code at an address; `None` if there is none.
    pub async fn code_hash(&self, address: Address, at: At) -> Result<Option<B256>, NodeError> {
        let hash = |code: Bytes| (!code.is_empty()).then(|| keccak256(&code));
        self.typed("eth_getCode", json!([address, at.word()]), |value| hexed(&value).map(hash))
            .await
    }

    /// A block's header; `None` if the node has no such block.
    pub async fn block(&self, at: At) -> Result<Option<Block>, NodeError> {
        let parse =
            |value: Value| if value.is_null() { Some(None) } else { Block::parse(value).map(Some) };
        let method = "eth_getBlockByNumber";
        let block = self.typed(method, json!([at.word(), false]), parse).await?;
        match (&block, at) {
            (Some(block), At::Number(number)) if block.number != number => {
                Err(self.malformed(method))
            }
            _ => Ok(block),
        }
    }

    /// What became of a transaction; `None` if it is in no block.
    pub async fn receipt(&self, tx: B256) -> Result<Option<Receipt>, NodeError> {
        let method = "eth_getTransactionReceipt";
        let receipt = self.typed(method, json!([tx]), Found::parse).await?;
        match receipt {
            Found::Mined(receipt) if receipt.tx == tx => Ok(Some(*receipt)),
            Found::Mined(_) => Err(self.malformed(method)),
            Found::NotMined => Ok(None),
        }
    }

    /// What an account has, in wei.
    pub async fn balance(&self, account: Address, at: At) -> Result<U256, NodeError> {
        self.typed("eth_getBalance", json!([account, at.word()]), |value| hexed(&value)).await
    }

    /// How many transactions an account has sent: its next nonce.
    pub async fn transaction_count(&self, account: Address, at: At) -> Result<u64, NodeError> {
        let method = "eth_getTransactionCount";
        self.typed(method, json!([account, at.word()]), |value| quantity(&value)).await
    }

    /// Asks a contract; nothing changes by it.
    pub async fn call(&self, call: &Call, at: At) -> Result<Called, NodeError> {
        let method = "eth_call";
        let mut asked = json!({ "to": call.to, "data": call.data });
        if let (Some(from), Some(members)) = (call.from, asked.as_object_mut()) {
            members.insert("from".to_owned(), json!(from));
        }
        match self.typed(method, json!([asked, at.word()]), |value| hexed(&value)).await {
            Ok(returned) => Ok(Called::Returned(returned)),
            Err(NodeError::Answered { data: Some(data), .. }) => Ok(Called::Reverted(data)),
            Err(NodeError::Answered { code, message, .. })
                if code == REVERTED || message.contains("revert") =>
            {
                Ok(Called::Reverted(Bytes::new()))
            }
            Err(error) => Err(error),
        }
    }

    /// How much gas a transaction takes; an answer in words if it would fail.
    pub async fn estimate_gas(
        &self,
        from: Address,
        to: Option<Address>,
        data: &Bytes,
    ) -> Result<u64, NodeError> {
        let mut asked = json!({ "from": from, "data": data });
        if let (Some(to), Some(members)) = (to, asked.as_object_mut()) {
            members.insert("to".to_owned(), json!(to));
        }
        self.typed("eth_estimateGas", json!([asked]), |value| quantity(&value)).await
    }

    /// What others tip, in wei: the median of recent blocks; zero where nobody tips.
    pub async fn tip(&self) -> Result<u128, NodeError> {
        let median = |history: Value| {
            let rewards = match history.get("reward") {
                None | Some(Value::Null) => return Some(0),
                Some(rewards) => rewards.as_array()?,
            };
            let mut tips: Vec<u128> =
                rewards.iter().map(|block| long_quantity(block.get(0)?)).collect::<Option<_>>()?;
            // An empty block says nothing.
            tips.retain(|tip| *tip > 0);
            tips.sort_unstable();
            Some(tips.get(tips.len() / 2).copied().unwrap_or_default())
        };
        self.typed("eth_feeHistory", json!([TIP_BLOCKS, "latest", [50]]), median).await
    }

    /// The entries of one number in an anchor log, from one block to another. Only a real log of the contract's
    /// comes back; which blocks are asked for is bounded by what the node takes.
    pub async fn logs(
        &self,
        contract: Address,
        topics: [B256; 2],
        blocks: (u64, u64),
    ) -> Result<Vec<Log>, NodeError> {
        let method = "eth_getLogs";
        let (from, to) = (At::Number(blocks.0).word(), At::Number(blocks.1).word());
        let filter =
            json!({ "address": contract, "topics": topics, "fromBlock": from, "toBlock": to });
        let parse = |value: Value| value.as_array()?.iter().map(Log::parse).collect();
        let logs: Vec<Log> = self.typed(method, json!([filter]), parse).await?;
        let is_asked_for = |log: &Log| {
            let in_range = (blocks.0..=blocks.1).contains(&log.block_number);
            log.address == contract && log.topics.starts_with(&topics) && in_range
        };
        if logs.iter().all(is_asked_for) { Ok(logs) } else { Err(self.malformed(method)) }
    }

    /// The receipts of a block's transactions, in order, as a JSON array: in one call, or one by one where a provider
    /// does not offer that. `None` if the block is gone meanwhile.
    pub async fn block_receipts(&self, block: &Block) -> Result<Option<Value>, NodeError> {
        let method = "eth_getBlockReceipts";
        // By hash: after a reorganisation the number would give those of another block.
        let receipts = match self.read(method, json!([block.hash])).await {
            Ok(Value::Null) => return Ok(None),
            Ok(Value::Array(receipts)) => receipts,
            Ok(_) => return Err(self.malformed(method)),
            Err(error) if error.is_refusal() => match self.receipts_one_by_one(block).await? {
                Some(receipts) => receipts,
                None => return Ok(None),
            },
            Err(error) => return Err(error),
        };
        let position = |receipt: &Value| quantity(receipt.get("transactionIndex")?);
        let is_in_place = |(index, receipt): (u64, &Value)| {
            let hash = receipt.get("blockHash").and_then(hexed::<B256>);
            position(receipt) == Some(index) && hash == Some(block.hash)
        };
        if (0..).zip(&receipts).all(is_in_place) {
            Ok(Some(Value::Array(receipts)))
        } else {
            Err(self.malformed(method))
        }
    }

    async fn receipts_one_by_one(&self, block: &Block) -> Result<Option<Vec<Value>>, NodeError> {
        let transactions = block.transactions();
        let transactions = transactions.ok_or_else(|| self.malformed("eth_getBlockByNumber"))?;
        let mut receipts = Vec::new();
        for tx in transactions {
            let receipt = self.read("eth_getTransactionReceipt", json!([tx])).await?;
            if receipt.is_null() {
                return Ok(None);
            }
            receipts.push(receipt);
        }
        Ok(Some(receipts))
    }

    /// A block's header as it is hashed, as hex; `None` if the node does not offer that.
    pub async fn raw_header(&self, number: u64) -> Result<Option<Value>, NodeError> {
        optional(self.read("debug_getRawHeader", json!([At::Number(number).word()])).await)
    }

    /// A block's receipts as they are hashed, in order, as hex in a JSON array; `None` if the node does not offer
    /// that.
    pub async fn raw_receipts(&self, number: u64) -> Result<Option<Value>, NodeError> {
        optional(self.read("debug_getRawReceipts", json!([At::Number(number).word()])).await)
    }

    async fn typed<T>(
        &self,
        method: &'static str,
        params: Value,
        parse: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, NodeError> {
        let value = self.read(method, params).await?;
        parse(value).ok_or_else(|| self.malformed(method))
    }
}

fn optional<T>(read: Result<T, NodeError>) -> Result<Option<T>, NodeError> {
    match read {
        Err(error) if error.is_refusal() => Ok(None),
        read => read.map(Some),
    }
}
