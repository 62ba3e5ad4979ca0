//! What is seen of a chain by quorum: blocks, receipts, accounts, the contract and its entries.

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::{
    contract::{self, Anchored, State},
    rpc::{At, Block, Call, Called, Node, NodeError, Receipt},
};

use super::{Answers, Nodes, NodesError, middle, reached};

/// Providers give logs of so many blocks at once, and some of no more.
const LOG_BLOCKS: u64 = 1000;

/// What gas costs now, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Market {
    /// The price in the newest block.
    pub base_fee: u128,
    /// What others tip; zero where nobody does.
    pub tip: u128,
}

impl Nodes {
    /// The newest block that more than half of all nodes have.
    pub async fn latest(&self) -> Result<Block, NodesError> {
        let heard = self.all(|node| async move { node.block(At::Latest).await }).await;
        let mut answers = Answers::default();
        let mut heights = Vec::new();
        for (index, block) in heard {
            match block {
                Ok(block) => {
                    answers.add(self.name_of(index), &block);
                    heights.extend(block.map(|block| block.number));
                }
                Err(error) => self.note(index, &error, &mut answers),
            }
        }
        let what = "the newest block";
        let number = reached(&heights, self.members.len());
        let number =
            number.ok_or_else(|| NodesError::NoQuorum { what, answers: answers.clone() })?;
        self.block(number).await?.ok_or(NodesError::NoQuorum { what, answers })
    }

    /// The block of a number; `None` if there is none.
    pub async fn block(&self, number: u64) -> Result<Option<Block>, NodesError> {
        let at = At::Number(number);
        self.agreed("a block", |node| async move { node.block(at).await }).await
    }

    /// What became of a transaction. A receipt counts as mined only if its block is the one that the same nodes
    /// have under that number: some give receipts of blocks that are only promised.
    pub async fn receipt(&self, tx: B256) -> Result<Option<Receipt>, NodesError> {
        self.agreed("a receipt", |node| async move { mined(&node, tx).await }).await
    }

    /// What an account has, in wei.
    pub async fn balance(&self, account: Address, at: At) -> Result<U256, NodesError> {
        self.agreed("a balance", |node| async move { node.balance(account, at).await }).await
    }

    /// The next nonce of an account.
    pub async fn transaction_count(&self, account: Address, at: At) -> Result<u64, NodesError> {
        let read = |node: Node| async move { node.transaction_count(account, at).await };
        self.agreed("a nonce", read).await
    }

    /// Asks the contract, as if `from` asked.
    pub async fn call(&self, from: Address, data: Bytes, at: At) -> Result<Called, NodesError> {
        let call = Call { from: Some(from), to: self.contract(), data };
        let read = |node: Node| {
            let call = call.clone();
            async move { node.call(&call, at).await }
        };
        self.agreed("a call of the contract", read).await
    }

    /// How the contract stands.
    pub async fn state(&self, at: At) -> Result<State, NodesError> {
        let contract = self.contract();
        let read = |node: Node| async move { contract::state(&node, contract, at).await };
        self.agreed("the state of the contract", read).await
    }

    /// The entry of a number in the contract's log, if it was made in one of these blocks; the newest are looked
    /// through first.
    pub async fn anchored(
        &self,
        sequence: u64,
        blocks: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<Anchored>, NodesError> {
        let (contract, first) = (self.contract(), *blocks.start());
        let mut last = *blocks.end();
        while last >= first {
            let part = (first.max(last.saturating_sub(LOG_BLOCKS - 1)), last);
            let read = |node: Node| async move {
                contract::anchored(&node, contract, sequence, part).await
            };
            let found = self.agreed("an entry of the contract", read).await?;
            if found.is_some() || part.0 == 0 {
                return Ok(found);
            }
            last = part.0 - 1;
        }
        Ok(None)
    }

    /// Who owns the contract.
    pub async fn owner(&self, at: At) -> Result<Address, NodesError> {
        let contract = self.contract();
        let read = |node: Node| async move { contract::owner(&node, contract, at).await };
        self.agreed("the owner of the contract", read).await
    }

    /// What gas costs now: the price by quorum, the tip as the middle of what is said.
    pub async fn market(&self) -> Result<Market, NodesError> {
        let base_fee = self.latest().await?.base_fee;
        let tip =
            self.middle_of("the tip of others", |node| async move { node.tip().await }).await?;
        Ok(Market { base_fee, tip })
    }

    /// What a transaction pays besides for its bytes on the chain below, in wei: the middle of what is said, and
    /// zero on chains without such a fee. It can rise until the transaction is mined.
    pub async fn l1_fee(&self, raw: &[u8]) -> Result<u128, NodesError> {
        let raw = Bytes::copy_from_slice(raw);
        let read = |node: Node| {
            let raw = raw.clone();
            async move { contract::l1_fee(&node, raw).await }
        };
        self.middle_of("the fee of the chain below", read).await
    }

    /// The gas that a single transaction of an operator's is given: a quarter more than the middle of what the nodes
    /// say that it takes.
    pub async fn gas_limit(
        &self,
        from: Address,
        to: Option<Address>,
        data: Bytes,
    ) -> Result<u64, NodesError> {
        let read = |node: Node| {
            let data = data.clone();
            async move { node.estimate_gas(from, to, &data).await.map(u128::from) }
        };
        let gas = self.middle_of("the gas of a transaction", read).await?;
        Ok(u64::try_from(gas.saturating_add(gas / 4)).unwrap_or(u64::MAX))
    }

    /// The middle of what all say, where nodes may differ a little.
    async fn middle_of<F>(
        &self,
        what: &'static str,
        read: impl Fn(Node) -> F,
    ) -> Result<u128, NodesError>
    where
        F: Future<Output = Result<u128, NodeError>> + Send + 'static,
    {
        let mut answers = Answers::default();
        let mut values = Vec::new();
        for (index, value) in self.all(read).await {
            match value {
                Ok(value) => {
                    answers.add(self.name_of(index), &value);
                    values.push(value);
                }
                Err(error) => self.note(index, &error, &mut answers),
            }
        }
        middle(&values, self.members.len()).ok_or(NodesError::NoQuorum { what, answers })
    }
}

async fn mined(node: &Node, tx: B256) -> Result<Option<Receipt>, NodeError> {
    let Some(receipt) = node.receipt(tx).await? else { return Ok(None) };
    let block = node.block(At::Number(receipt.block_number)).await?;
    Ok(block.filter(|block| block.hash == receipt.block_hash).map(|_| receipt))
}
