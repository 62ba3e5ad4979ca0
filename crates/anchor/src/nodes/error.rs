//! Why several nodes gave no answer that counts.

use std::fmt;

use crate::rpc::NodeError;

const ANSWER_CHARS_MAX: usize = 160;

/// Why several nodes gave no answer that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodesError {
    /// Too few nodes are configured, or of too few operators.
    #[error(
        "expected at least {nodes_min} nodes of at least {operators_min} operators for a chain, came {nodes} of \
         {operators}: add nodes that other people run"
    )]
    TooFew {
        /// How many there must be.
        nodes_min: usize,
        /// Of how many operators.
        operators_min: usize,
        /// How many there are.
        nodes: usize,
        /// Of how many operators.
        operators: usize,
    },
    /// One address stands there twice, and would have two votes.
    #[error("the node {node} of {operator} is configured twice: each node has one vote")]
    Twice {
        /// Scheme, host and port.
        node: String,
        /// Its operator.
        operator: String,
    },
    /// A node that cannot be asked.
    #[error("the node of {operator} cannot be used: {source}")]
    Node {
        /// Its operator.
        operator: String,
        /// Why.
        source: Box<NodeError>,
    },
    /// Every node was taken out: the chain, the contract or its code is not the one that is configured.
    #[error(
        "every node is of another chain or has another contract: {answers}; check the configuration"
    )]
    AllRefused {
        /// Why each was taken out.
        answers: Answers,
    },
    /// No node can be used now.
    #[error("no node of the chain can be used now: {answers}; they are tried again")]
    NoneReachable {
        /// Why, for each.
        answers: Answers,
    },
    /// Too few nodes said the same.
    #[error("the nodes do not agree on {what}: {answers}")]
    NoQuorum {
        /// What was asked.
        what: &'static str,
        /// What each said.
        answers: Answers,
    },
    /// Nodes say different things of a block that each of them calls final.
    #[error(
        "the nodes name different final blocks {number}: {answers}; one of them is wrong, or lies"
    )]
    Discord {
        /// Number of the block.
        number: u64,
        /// What each said.
        answers: Answers,
    },
    /// Too few operators answer for a block to count as final.
    #[error("finality must be said by {operators_min} operators, and {operators} do: {answers}")]
    TooFewOperators {
        /// How many must.
        operators_min: usize,
        /// How many do.
        operators: usize,
        /// What each said.
        answers: Answers,
    },
}

/// What each node said, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(pub Vec<String>);

impl Answers {
    pub(super) fn add(&mut self, node: &str, said: &dyn fmt::Debug) {
        let said = format!("{said:?}");
        let bounded: String = said.chars().take(ANSWER_CHARS_MAX).collect();
        self.0.push(format!("{node} says {bounded}"));
    }

    pub(super) fn fail(&mut self, error: &NodeError) {
        self.0.push(error.to_string());
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("no answer");
        }
        formatter.write_str(&self.0.join("; "))
    }
}
