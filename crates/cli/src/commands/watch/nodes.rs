//! The nodes of chains that were given, by the contracts that they can be asked about.
//!
//! What must hold: all nodes that answer agree on what is final, and none has other code at the contract's address
//! than the policy names. Where they disagree, nobody is convicted.

use std::{collections::BTreeSet, ops::RangeInclusive, rc::Rc};

use anyhow::{Context as _, Result};
use tokio::runtime::{Builder, Runtime};
use witness_anchor::{
    alloy::B256,
    nodes::{Endpoint, Expected, Nodes, NodesError, Quorum, Standing},
    rpc::At,
};
use witness_core::{evm::Word, policy::TrustedChain};

use super::on_chain::{ChainEntry, Chains, FinalBlock, Head, OnChain};
use crate::{
    chain,
    outcome::{Failure, Outcome},
};

/// The nodes that were given.
#[derive(Debug)]
pub(super) struct GivenNodes<'a> {
    endpoints: &'a [Endpoint],
    runtime: Rc<Runtime>,
    /// What can be asked, once it is known of which chains they are.
    chains: Option<Chains>,
}

impl<'a> GivenNodes<'a> {
    /// Nothing is asked yet.
    pub(super) fn new(endpoints: &'a [Endpoint]) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = Rc::new(runtime.context("cannot start the runtime for calls")?);
        Ok(Self { endpoints, runtime, chains: None })
    }

    /// The contracts that can be asked. The first time the nodes are asked of which chains they are; `unused` hears
    /// of those whose contracts the policy does not name.
    pub(super) fn chains(
        &mut self,
        trusted: &[TrustedChain],
        unused: impl FnMut(u64) -> Result<()>,
    ) -> Result<&Chains> {
        let chains = match self.chains.take() {
            Some(chains) => chains,
            None => self.connect(trusted, unused)?,
        };
        Ok(self.chains.insert(chains))
    }

    fn connect(
        &self,
        trusted: &[TrustedChain],
        unused: impl FnMut(u64) -> Result<()>,
    ) -> Result<Chains> {
        let found = self.runtime.block_on(chain::by_chain(self.endpoints));
        if let Some(why) = found.silent.into_iter().next() {
            return Err(Failure::cannot_tell(why)
                .next("check the address, or leave this node out")
                .into());
        }
        let named: BTreeSet<u64> = trusted.iter().map(|trusted| trusted.contract.chain).collect();
        found.chains.keys().filter(|chain| !named.contains(chain)).copied().try_for_each(unused)?;
        let mut chains = Chains::new();
        for TrustedChain { contract, code_hash, .. } in trusted {
            let Some(endpoints) = found.chains.get(&contract.chain) else { continue };
            let code_hash = Some(B256::from(code_hash.0));
            let expected = Expected { contract: *contract, code_hash };
            let nodes = Nodes::new(endpoints.clone(), Quorum::Single, expected, &chain::limits());
            let nodes = nodes.map_err(|error| failure(&error))?;
            let asked = ContractNodes { nodes, runtime: Rc::clone(&self.runtime) };
            chains.insert(*contract, Box::new(asked));
        }
        Ok(chains)
    }
}

/// The nodes of a chain, to be asked about one contract.
#[derive(Debug)]
struct ContractNodes {
    nodes: Nodes,
    runtime: Rc<Runtime>,
}

impl ContractNodes {
    fn ask<T>(&self, question: impl Future<Output = Result<T, NodesError>>) -> Result<T> {
        let answer = self.runtime.block_on(async {
            let statuses = self.nodes.connect().await?;
            let is_other = |standing: &Standing| matches!(standing, Standing::WrongCode { .. });
            match statuses.into_iter().find(|status| is_other(&status.standing)) {
                Some(status) => Ok(Err(status)),
                None => question.await.map(Ok),
            }
        });
        answer.map_err(|error| failure(&error))?.map_err(|status| {
            let step =
                "check that the policy names the contract that the firm uses, and ask other nodes";
            Failure::refused(format!("a node does not have the contract: {status}"))
                .next(step)
                .into()
        })
    }
}

impl OnChain for ContractNodes {
    fn final_block(&self, number: u64) -> Result<Option<FinalBlock>> {
        let block = self.ask(self.nodes.final_block(number))?;
        Ok(block.map(|block| FinalBlock { hash: Word(block.hash.0), time: block.time }))
    }

    fn head(&self) -> Result<Head> {
        self.ask(async {
            let block = self.nodes.finalized().await?.number;
            let state = self.nodes.state(At::Number(block)).await?;
            Ok(Head { entries: state.size, last_time: state.last_time, block })
        })
    }

    fn entry(&self, sequence: u64, blocks: RangeInclusive<u64>) -> Result<Option<ChainEntry>> {
        let entry = self.ask(self.nodes.anchored(sequence, blocks))?;
        Ok(entry.map(|entry| ChainEntry { value: entry.rollup, block: entry.block_number }))
    }
}

/// Nodes that contradict each other say nothing about the firm.
fn failure(error: &NodesError) -> Failure {
    let failure = chain::failure(error);
    match error {
        NodesError::Discord { .. } => Failure { outcome: Outcome::CannotTell, ..failure },
        NodesError::AllRefused { .. }
        | NodesError::TooFew { .. }
        | NodesError::Twice { .. }
        | NodesError::Node { .. }
        | NodesError::NoneReachable { .. }
        | NodesError::NoQuorum { .. }
        | NodesError::TooFewOperators { .. } => failure,
    }
}
