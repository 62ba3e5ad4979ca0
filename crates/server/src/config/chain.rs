//! The chains of the configuration: where roll-ups go, whom to ask about it, and what it may cost.

use std::{collections::BTreeSet, fmt, net::IpAddr, path::PathBuf};

use anyhow::bail;
use serde::Deserialize;
use witness_core::{evm::Word, rollup::Contract};

/// Nodes that a chain must have in earnest, and how many must run them.
const NODES_MIN: usize = 3;
const OPERATORS_MIN: usize = 2;
const CHAINS_MAX: usize = 4;
/// Thirty days.
const TIME_MAX_S: u64 = 2_592_000;

/// A chain: one `[[chains]]` of the configuration, as `witness anchor deploy` writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chain {
    /// The contract, CAIP-10: `eip155:<chain>:0x<address>`.
    pub(crate) contract: String,
    /// Keccak-256 of its code.
    pub(crate) code_hash: String,
    /// The committer's key: an encrypted keystore (version 3).
    pub(crate) keystore: PathBuf,
    /// Its password, in a file of mode 0600.
    pub(crate) password_file: PathBuf,
    /// A block in which, or before which, the contract was made: no entry is looked for below.
    #[serde(default)]
    pub(crate) first_block: u64,
    /// Anchors are so far apart, and up to as much again at random.
    #[serde(default = "default_interval_s")]
    pub(crate) interval_s: u64,
    /// How often the chain is asked.
    #[serde(default = "default_poll_s")]
    pub(crate) poll_s: u64,
    /// How long a bid may wait before it is raised.
    #[serde(default = "default_bump_after_s")]
    pub(crate) bump_after_s: u64,
    /// The least tip that the chain takes, in wei.
    #[serde(default = "default_tip_min_wei")]
    pub(crate) tip_min_wei: u64,
    /// Most that one anchor may cost, in gwei.
    #[serde(default = "default_anchor_max_gwei")]
    pub(crate) anchor_max_gwei: u64,
    /// Most that may be spent in 24 hours, in gwei.
    #[serde(default = "default_day_max_gwei")]
    pub(crate) day_max_gwei: u64,
    /// Most that may be spent in 30 days, in gwei.
    #[serde(default = "default_month_max_gwei")]
    pub(crate) month_max_gwei: u64,
    /// The nodes.
    #[serde(default)]
    pub(crate) nodes: Vec<Node>,
}

/// A node that speaks JSON-RPC.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    /// Where.
    pub(crate) url: String,
    /// Who runs it: two nodes of one operator are one opinion.
    pub(crate) operator: String,
}

fn default_interval_s() -> u64 {
    600
}

fn default_poll_s() -> u64 {
    4
}

fn default_bump_after_s() -> u64 {
    60
}

fn default_tip_min_wei() -> u64 {
    1_000_000
}

/// About 0.05 USD, 3 USD and 60 USD at 2,500 USD for one ether.
fn default_anchor_max_gwei() -> u64 {
    20_000
}

fn default_day_max_gwei() -> u64 {
    1_200_000
}

fn default_month_max_gwei() -> u64 {
    24_000_000
}

impl Chain {
    /// The contract.
    pub(crate) fn contract(&self) -> anyhow::Result<Contract> {
        match Contract::parse_caip10(&self.contract) {
            Some(contract) => Ok(contract),
            None => bail!(
                "chains: contract = \"{}\" must be eip155:<chain>:0x<address in lower case>",
                self.contract
            ),
        }
    }

    /// The hash of its code.
    pub(crate) fn code_hash(&self) -> anyhow::Result<Word> {
        match Word::parse(&self.code_hash) {
            Some(hash) => Ok(hash),
            None => bail!("chains: code_hash must be 0x and 64 hexadecimal digits in lower case"),
        }
    }

    fn check(&self, is_development: bool) -> anyhow::Result<()> {
        let contract = self.contract()?;
        self.code_hash()?;
        let operators: BTreeSet<&str> = self.nodes.iter().map(|it| it.operator.as_str()).collect();
        let are_enough = self.nodes.len() >= NODES_MIN && operators.len() >= OPERATORS_MIN;
        if self.nodes.is_empty() || !(are_enough || is_development) {
            bail!(
                "the chain of {contract} needs {NODES_MIN} nodes of {OPERATORS_MIN} operators, and has {} of {}: \
                 one node could lie unseen; add [[chains.nodes]]",
                self.nodes.len(),
                operators.len()
            );
        }
        if !self.nodes.iter().all(Node::is_safe) {
            bail!(
                "the nodes of {contract}: each url must begin with https://, or with http:// and an address of this \
                 machine: whoever is on the way could speak as the node"
            );
        }
        for node in &self.nodes {
            let place = node.place();
            let other =
                self.nodes.iter().find(|it| it.place() == place && it.operator != node.operator);
            if let Some(other) = other {
                bail!(
                    "the nodes of {contract}: {} and {} cannot both run the node at one address: it would have two votes",
                    node.operator,
                    other.operator
                );
            }
        }
        let times = [self.interval_s, self.poll_s, self.bump_after_s];
        if !times.iter().all(|seconds| (1..=TIME_MAX_S).contains(seconds)) {
            bail!(
                "the chain of {contract}: interval_s, poll_s and bump_after_s must be 1 to {TIME_MAX_S}"
            );
        }
        Ok(())
    }
}

impl Node {
    /// Host and port, for telling nodes apart.
    fn place(&self) -> String {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.to_ascii_lowercase().replacen("localhost", "127.0.0.1", 1)
    }

    /// Whether nobody on the way can read or change what is said.
    fn is_safe(&self) -> bool {
        let Some(rest) = self.url.strip_prefix("http://") else {
            return self.url.starts_with("https://");
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Hides the address, which may hold a key.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// Each chain by itself, and no contract twice.
pub(super) fn check(chains: &[Chain], is_development: bool) -> anyhow::Result<()> {
    if chains.len() > CHAINS_MAX {
        bail!("there can be at most {CHAINS_MAX} chains");
    }
    let mut seen = BTreeSet::new();
    for chain in chains {
        chain.check(is_development)?;
        if !seen.insert(chain.contract()?) {
            bail!("the contract {} is named twice", chain.contract);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = "contract = \"eip155:8453:0x0101010101010101010101010101010101010101\"\n\
        code_hash = \"0x0202020202020202020202020202020202020202020202020202020202020202\"\n\
        keystore = \"k\"\npassword_file = \"p\"\n";

    fn chain(operators: &[&str]) -> Chain {
        let node = |operator: &&str| {
            format!("[[nodes]]\nurl = \"https://{operator}.example\"\noperator = \"{operator}\"\n")
        };
        let nodes: String = operators.iter().map(node).collect();
        toml::from_str(&(CHAIN.to_owned() + &nodes)).unwrap()
    }

    #[test]
    fn one_node_or_one_operator_is_not_enough_in_earnest() {
        for (operators, in_earnest, in_development) in [
            (&[][..], false, false),
            (&["a"], false, true),
            (&["a", "b"], false, true),
            (&["a", "a", "a"], false, true),
            (&["a", "a", "b"], true, true),
        ] {
            let chains = [chain(operators)];
            assert_eq!(check(&chains, false).is_ok(), in_earnest, "{operators:?}");
            assert_eq!(check(&chains, true).is_ok(), in_development, "{operators:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_chain_is_said() {
        let good = || chain(&["a", "a", "b"]);
        let wrong = [
            (Chain { contract: "8453:0x01".to_owned(), ..good() }, "eip155:<chain>"),
            (Chain { code_hash: "0x01".to_owned(), ..good() }, "code_hash must be"),
            (Chain { interval_s: 0, ..good() }, "interval_s"),
        ];
        for (chain, said) in wrong {
            let error = check(&[chain], false).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let mut twice = good();
        twice.nodes[2].url = "https://A.example/other-key".to_owned();
        let error = check(&[twice], false).unwrap_err().to_string();
        assert!(error.contains("two votes"), "{error}");
        assert!(check(&[good(), good()], false).unwrap_err().to_string().contains("twice"));
        let with_url = |url: &str| {
            let mut chain = good();
            chain.nodes[0].url = url.to_owned();
            check(&[chain], false)
        };
        for safe in [
            "https://a.example/k",
            "http://127.0.0.1:8545",
            "http://[::1]/",
            "http://localhost:1/x",
        ] {
            assert!(with_url(safe).is_ok(), "{safe}");
        }
        for unsafe_ in [
            "ftp://a.example",
            "http://a.example",
            "http://127.0.0.1.a.example",
            "http://u@1.2.3.4:80",
        ] {
            let error = with_url(unsafe_).unwrap_err().to_string();
            assert!(error.contains("https://") && !error.contains("a.example"), "{error}");
        }
    }
}
