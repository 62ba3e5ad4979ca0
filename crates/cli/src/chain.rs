//! Nodes of chains, as a command was given them: asked together, and none believed alone if there are several.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use witness_anchor::{
    deploy::DeployError,
    nodes::{Endpoint, Expected, Nodes, NodesError, Quorum},
    rpc::{Jitter, Limits, Node},
};

use crate::{
    files,
    outcome::{Failure, Outcome},
};

/// Nodes of chains.
#[derive(Debug, Args)]
pub(crate) struct RpcArgs {
    /// A node of the chain, by its address, or as NAME=ADDRESS to say who runs it; give several
    #[arg(
        long = "rpc",
        value_name = "URL",
        env = "WITNESS_RPC",
        hide_env_values = true,
        value_delimiter = ' '
    )]
    rpc: Vec<String>,
}

impl RpcArgs {
    /// The nodes. They are read here and not by the parser of the command line, which would repeat an address that
    /// it refuses.
    pub(crate) fn endpoints(&self) -> Result<Vec<Endpoint>, Failure> {
        let refused = |expected| Failure::cannot_tell(expected).next("correct --rpc");
        // A variable of the environment can be there and say nothing.
        let given = self.rpc.iter().filter(|text| !text.is_empty());
        given.map(|text| endpoint(text).map_err(refused)).collect()
    }
}

/// How long nodes are waited for.
pub(crate) fn limits() -> Limits {
    let random = || {
        let seed = files::seed().ok();
        seed.and_then(|seed| seed.first_chunk().copied()).map_or(0, u64::from_le_bytes)
    };
    Limits::new(Jitter::new(random))
}

/// Nodes by the number of their chain, and why some of them are not among them.
#[derive(Debug, Default)]
pub(crate) struct ByChain {
    /// Those that answer.
    pub(crate) chains: BTreeMap<u64, Vec<Endpoint>>,
    /// Why others do not.
    pub(crate) silent: Vec<String>,
}

/// Asks nodes of which chain they are.
pub(crate) async fn by_chain(endpoints: &[Endpoint]) -> ByChain {
    let mut found = ByChain::default();
    for endpoint in endpoints {
        let chain = match Node::new(&endpoint.url, limits()) {
            Ok(node) => node.chain_id().await,
            Err(error) => Err(error),
        };
        match chain {
            Ok(chain) => found.chains.entry(chain).or_default().push(endpoint.clone()),
            Err(error) => found.silent.push(error.to_string()),
        }
    }
    found
}

/// The one chain of which all these nodes must be.
pub(crate) async fn only_chain(endpoints: &[Endpoint]) -> Result<u64, Failure> {
    if endpoints.is_empty() {
        return Err(Failure::cannot_tell("no node of the chain was given")
            .next("give one with --rpc, or better three that different people run"));
    }
    let ByChain { chains, silent } = by_chain(endpoints).await;
    if let Some(why) = silent.into_iter().next() {
        return Err(Failure::cannot_tell(why).next("check the address, or leave this node out"));
    }
    let numbers: Vec<u64> = chains.into_keys().collect();
    match numbers.as_slice() {
        [chain] => Ok(*chain),
        others => {
            Err(Failure::cannot_tell(format!("the nodes are of different chains: {others:?}"))
                .next("give nodes of one chain only"))
        }
    }
}

/// Several nodes that decide together: more than half of them must say the same.
pub(crate) async fn connect(endpoints: &[Endpoint], expected: Expected) -> Result<Nodes, Failure> {
    let nodes = Nodes::new(endpoints.to_vec(), Quorum::Single, expected, &limits());
    let nodes = nodes.map_err(|error| failure(&error))?;
    nodes.connect().await.map_err(|error| failure(&error))?;
    Ok(nodes)
}

/// Whether these nodes would be enough for a service: three at least, of two operators.
pub(crate) fn is_enough(endpoints: &[Endpoint]) -> bool {
    let operators: BTreeSet<_> = endpoints.iter().map(|endpoint| &endpoint.operator).collect();
    let quorum = Quorum::TwoOperators;
    endpoints.len() >= quorum.nodes_min() && operators.len() >= quorum.operators_min()
}

/// What nodes say that gave no answer which counts.
pub(crate) fn failure(error: &NodesError) -> Failure {
    let message = error.to_string();
    match error {
        NodesError::AllRefused { .. } => Failure::refused(message)
            .next("check the contract, and that --rpc names nodes of its chain"),
        NodesError::Discord { .. } => Failure::refused(message)
            .next("ask nodes that other people run, and find out which one is right"),
        NodesError::TooFew { .. }
        | NodesError::Twice { .. }
        | NodesError::Node { .. }
        | NodesError::NoneReachable { .. }
        | NodesError::NoQuorum { .. }
        | NodesError::TooFewOperators { .. } => {
            Failure::cannot_tell(message).next("try again, or give other nodes with --rpc")
        }
    }
}

/// Why a transaction did not do what it should.
pub(crate) fn not_done(error: &DeployError) -> Failure {
    let message = error.to_string();
    let fail = |outcome| match outcome {
        Outcome::Refused => Failure::refused(message.clone()),
        Outcome::Done | Outcome::CannotTell => Failure::cannot_tell(message.clone()),
    };
    match error {
        DeployError::Nodes(error) => failure(error),
        DeployError::Fees(_) => fail(Outcome::CannotTell).next("ask nodes that other people run"),
        DeployError::Wallet(_) => fail(Outcome::CannotTell).next("check the keystore"),
        DeployError::SameKey(_) => {
            fail(Outcome::Refused).next("make another key, as in: cast wallet new .")
        }
        DeployError::Refused(_) => fail(Outcome::Refused)
            .next("look at the contract: witness anchor status --contract … --rpc …"),
        DeployError::NotTaken(_) => {
            fail(Outcome::CannotTell).next("see that the account has money, then run it again")
        }
        DeployError::NotMined { .. } => fail(Outcome::CannotTell)
            .next("look the transaction up in an explorer; run this again only if it was dropped"),
        DeployError::Failed { .. } => {
            fail(Outcome::Refused).next("look the transaction up in an explorer")
        }
        DeployError::Unexpected { .. } => {
            fail(Outcome::Refused).next("find out which node is wrong, or who else uses this key")
        }
    }
}

/// Wei in the chain's own coin, as in 0.00125.
pub(crate) fn coins(wei: u128) -> String {
    const WEI: u128 = 1_000_000_000_000_000_000;
    let decimals = format!("{:018}", wei % WEI);
    match decimals.trim_end_matches('0') {
        "" => (wei / WEI).to_string(),
        decimals => format!("{}.{decimals}", wei / WEI),
    }
}

/// Reads a node of a chain: its address, or who runs it, an equals sign and its address.
fn endpoint(text: &str) -> Result<Endpoint, &'static str> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let named = text.split_once('=').filter(|(name, _)| is_name(name));
    let url = named.map_or(text, |(_, url)| url);
    let node = Node::new(url, limits()).map_err(|_not_an_address| {
        "expected the address of a node, https://host/… or NAME=https://host/…, where NAME is who runs it"
    })?;
    let host = node.name().split_once("://").map_or(node.name(), |(_, host)| host);
    let operator = named.map_or(host, |(name, _)| name).to_owned();
    Ok(Endpoint { url: url.to_owned(), operator })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wei_are_shown_in_coins_and_not_rounded() {
        assert_eq!(coins(0), "0");
        assert_eq!(coins(1), "0.000000000000000001");
        assert_eq!(coins(1_250_000_000_000_000), "0.00125");
        assert_eq!(coins(12_000_000_000_000_000_000), "12");
    }

    #[test]
    fn a_node_is_run_by_whom_is_named_or_else_by_its_host() {
        let operator = |text: &str| endpoint(text).map(|it| (it.operator, it.url));
        let of = |operator: &str, url: &str| Ok((operator.to_owned(), url.to_owned()));
        let url = "https://rpc.example/v2/key?a=b";
        assert_eq!(operator(url), of("rpc.example", url));
        assert_eq!(operator(&format!("us={url}")), of("us", url));
        assert_eq!(
            operator("http://127.0.0.1:8545"),
            of("127.0.0.1:8545", "http://127.0.0.1:8545")
        );
        assert!(operator("rpc.example").is_err());
        assert!(operator("us=ws://rpc.example").is_err());
    }

    #[test]
    fn a_service_needs_three_nodes_of_two_operators() {
        let of = |operators: &[&str]| {
            let endpoint =
                |operator: &&str| Endpoint { url: String::new(), operator: (*operator).to_owned() };
            is_enough(&operators.iter().map(endpoint).collect::<Vec<_>>())
        };
        assert!(of(&["a", "a", "b"]));
        assert!(!of(&["a", "a", "a"]));
        assert!(!of(&["a", "b"]));
    }
}
