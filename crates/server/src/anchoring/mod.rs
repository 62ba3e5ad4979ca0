//! Anchoring: one worker for each chain of the configuration, tied to the firm's store.

use witness_core::rollup::Contract;

use crate::config::Chain;

/// The chains that roll-ups go to.
#[derive(Debug)]
pub(crate) struct Anchoring {
    chains: Vec<(Contract, Chain)>,
}

impl Anchoring {
    /// The chains of the configuration.
    pub(crate) fn new(chains: &[Chain]) -> anyhow::Result<Self> {
        let mut named = Vec::new();
        for chain in chains {
            named.push((chain.contract()?, chain.clone()));
        }
        named.sort_by_key(|(contract, _)| *contract);
        Ok(Self { chains: named })
    }

    /// The contracts, sorted.
    pub(crate) fn contracts(&self) -> Vec<Contract> {
        self.chains.iter().map(|(contract, _)| *contract).collect()
    }

    /// How each contract stands, one line for each.
    pub(crate) fn lines(&self) -> String {
        self.chains.iter().map(|(contract, _)| format!("{contract}\n")).collect()
    }
}
