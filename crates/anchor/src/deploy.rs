//! Single transactions of an operator's, waited for: the contract put on a chain, and another committer named.
//!
//! What must hold: what a transaction should have done is read back from the chain by quorum before it is called
//! done. Nothing is sent that a node says would revert.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use witness_core::rollup::Contract;

use crate::{
    contract::{self, Revert, State},
    fees::{Bid, FeeError},
    nodes::{Nodes, NodesError},
    rpc::{At, Called, NodeError, Receipt, Sent},
    wallet::{Transaction, Wallet, WalletError},
};

/// Who can do what with a contract, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The cold key: it can rotate the committer and retire the contract, never append.
    pub owner: Address,
    /// The hot key: it alone can append.
    pub committer: Address,
    /// Whose it is, see [`contract::origin`].
    pub origin: B256,
}

/// What a transaction may cost, and how long it is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The tip at least, in wei.
    pub tip_min: u128,
    /// The pause between two looks.
    pub pause: Duration,
    /// How many looks.
    pub looks: u32,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It was sent.
    Sent {
        /// Its hash.
        tx: B256,
        /// What it costs at most, in wei.
        ceiling: u128,
    },
    /// It is not mined yet.
    Waiting {
        /// How many times it was looked for.
        looks: u32,
    },
}

/// A contract on a chain, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    /// Where it is.
    pub contract: Contract,
    /// keccak-256 of its code.
    pub code_hash: B256,
    /// What became of the transaction.
    pub receipt: Receipt,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The nodes gave no answer that counts.
    #[error(transparent)]
    Nodes(#[from] NodesError),
    /// No bid.
    #[error(transparent)]
    Fees(#[from] FeeError),
    /// No signature.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// Owner and committer are one.
    #[error(
        "owner and committer are the same account {0}: keep the owner's key apart, and offline"
    )]
    SameKey(Address),
    /// The transaction would revert, so it was not sent.
    #[error("the contract would refuse: {0}; nothing was sent")]
    Refused(Revert),
    /// The nodes did not take it.
    #[error("no node took the transaction: {0}")]
    NotTaken(String),
    /// It was not mined in time; it may be yet.
    #[error("the transaction {tx} is not mined yet: look for it before anything is sent again")]
    NotMined {
        /// Its hash.
        tx: B256,
    },
    /// It was mined and failed.
    #[error("the transaction {tx} failed: it took gas and did nothing")]
    Failed {
        /// Its hash.
        tx: B256,
    },
    /// What the chain has is not what it should have.
    #[error(
        "after the transaction {tx} the chain has {found}, expected {expected}: do not use this contract"
    )]
    Unexpected {
        /// Its hash.
        tx: B256,
        /// What it should have.
        expected: String,
        /// What it has.
        found: String,
    },
}

/// Puts the contract on the chain of these nodes, which need not know it yet.
pub async fn deploy(
    nodes: &Nodes,
    wallet: &Wallet,
    plan: &Plan,
    patience: &Patience,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Deployed, DeployError> {
    let data = contract::deployment(plan.owner, plan.committer, plan.origin);
    let receipt = send(nodes, wallet, (None, data), patience, progress).await?;
    let tx = receipt.tx;
    let unexpected = |expected: &dyn ToString, found: &dyn ToString| {
        let (expected, found) = (expected.to_string(), found.to_string());
        DeployError::Unexpected { tx, expected, found }
    };
    let Some(address) = receipt.contract else {
        return Err(unexpected(&"a contract", &"none"));
    };
    let contract = Contract { chain: nodes.chain(), address: *address.0 };
    let code_hash = contract::code_hash(plan.origin);
    let made = nodes.with_contract(address, Some(code_hash));
    // The code holds the origin.
    made.connect().await?;
    let at = At::Number(receipt.block_number);
    let State { size, committer, .. } = made.state(at).await?;
    let owner = made.owner(at).await?;
    if (size, owner, committer) != (0, plan.owner, plan.committer) {
        let shown = |size, owner, committer| {
            format!("{size} entries, owner {owner}, committer {committer}")
        };
        return Err(unexpected(
            &shown(0, plan.owner, plan.committer),
            &shown(size, owner, committer),
        ));
    }
    Ok(Deployed { contract, code_hash, receipt })
}

/// Lets another key append, by the owner's key; the one before can no more, as of that block.
pub async fn rotate(
    nodes: &Nodes,
    owner: &Wallet,
    committer: Address,
    patience: &Patience,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Receipt, DeployError> {
    if owner.address() == committer {
        return Err(DeployError::SameKey(committer));
    }
    let data = contract::set_committer(committer);
    if let Called::Reverted(data) = nodes.call(owner.address(), data.clone(), At::Latest).await? {
        return Err(DeployError::Refused(Revert::parse(&data)));
    }
    let receipt = send(nodes, owner, (Some(nodes.contract()), data), patience, progress).await?;
    let found = nodes.state(At::Number(receipt.block_number)).await?.committer;
    if found == committer {
        return Ok(receipt);
    }
    let (expected, found) = (format!("committer {committer}"), format!("committer {found}"));
    Err(DeployError::Unexpected { tx: receipt.tx, expected, found })
}

/// Signs, sends and waits.
async fn send(
    nodes: &Nodes,
    wallet: &Wallet,
    (to, data): (Option<Address>, Bytes),
    patience: &Patience,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Receipt, DeployError> {
    let gas_limit = nodes.gas_limit(wallet.address(), to, data.clone()).await?;
    let bid = Bid::first(&nodes.market().await?, patience.tip_min)?;
    let nonce = nodes.transaction_count(wallet.address(), At::Latest).await?;
    let chain = nodes.chain();
    let signed = wallet.sign(Transaction { chain, nonce, gas_limit, bid, to, data })?;
    let broadcast = nodes.broadcast(&signed.raw).await?;
    match broadcast.outcome() {
        Ok(Sent::Accepted | Sent::NonceTooLow) => {}
        Ok(Sent::Underpriced) => {
            let message =
                "it bids too little; if another transaction of this account waits, wait for it";
            return Err(DeployError::NotTaken(message.to_owned()));
        }
        Ok(Sent::InsufficientFunds) => {
            let (account, needed) = (wallet.address(), bid.ceiling(gas_limit, 0)?);
            let message = format!("{account} needs {needed} wei on chain {chain}");
            return Err(DeployError::NotTaken(message));
        }
        Err(error) => {
            let message = error.map_or_else(|| "no answer".to_owned(), NodeError::to_string);
            return Err(DeployError::NotTaken(message));
        }
    }
    progress(Progress::Sent { tx: signed.hash, ceiling: bid.ceiling(gas_limit, 0)? });
    for looks in 1..=patience.looks {
        match nodes.receipt(signed.hash).await {
            Ok(Some(receipt)) if receipt.is_good => return Ok(receipt),
            Ok(Some(_)) => return Err(DeployError::Failed { tx: signed.hash }),
            // It is under way, whatever the nodes say now.
            Ok(None) | Err(_) => progress(Progress::Waiting { looks }),
        }
        tokio::time::sleep(patience.pause).await;
        nodes.connect().await.ok();
    }
    Err(DeployError::NotMined { tx: signed.hash })
}
