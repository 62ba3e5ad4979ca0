//! Several nodes of one chain, none of which is believed alone.
//!
//! What must hold: a node is asked only after it has shown the right chain and the right code at the contract's
//! address; what it says counts once, whatever it says; one that cannot be reached is no vote, and is tried again
//! later.

mod broadcast;
mod error;
mod finality;
mod observe;
mod quorum;
mod standing;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{Address, B256};
use tokio::task::JoinSet;
use witness_core::rollup::Contract;

pub use self::{
    broadcast::Broadcast,
    error::{Answers, NodesError},
    finality::Final,
    observe::Market,
    quorum::{Discord, Quorum, majority, middle, reached, reached_by, unanimous},
    standing::{NodeStatus, Standing},
};
use crate::rpc::{At, Limits, Node, NodeError};

/// Where a node is, and whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address; a secret, since it may hold a key.
    pub url: String,
    /// Who runs it. Nodes of one operator can lie together.
    pub operator: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Endpoint").field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// What every node must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The chain, and the contract on it.
    pub contract: Contract,
    /// keccak-256 of the contract's code; not checked if there is nothing here.
    pub code_hash: Option<B256>,
}

/// Several nodes of one chain.
#[derive(Debug)]
pub struct Nodes {
    members: Vec<Member>,
    quorum: Quorum,
    expected: Expected,
}

#[derive(Debug)]
struct Member {
    node: Node,
    operator: String,
    standing: Mutex<Standing>,
}

/// What one node said, and which one.
type Heard<T> = (usize, Result<T, NodeError>);

impl Nodes {
    /// The nodes of a configuration, if they are enough; nothing is asked yet, see [`Nodes::connect`].
    pub fn new(
        endpoints: Vec<Endpoint>,
        quorum: Quorum,
        expected: Expected,
        limits: &Limits,
    ) -> Result<Self, NodesError> {
        let operators: BTreeSet<&str> = endpoints.iter().map(|it| it.operator.as_str()).collect();
        let (nodes, operators) = (endpoints.len(), operators.len());
        let (nodes_min, operators_min) = (quorum.nodes_min(), quorum.operators_min());
        if nodes < nodes_min || operators < operators_min {
            return Err(NodesError::TooFew { nodes_min, operators_min, nodes, operators });
        }
        let mut urls = BTreeSet::new();
        let mut members = Vec::new();
        for Endpoint { url, operator } in endpoints {
            let node = Node::new(&url, limits.clone()).map_err(|source| NodesError::Node {
                operator: operator.clone(),
                source: Box::new(source),
            })?;
            if !urls.insert(url) {
                return Err(NodesError::Twice { node: node.name().to_owned(), operator });
            }
            members.push(Member { node, operator, standing: Mutex::new(Standing::Unchecked) });
        }
        Ok(Self { members, quorum, expected })
    }

    /// The same nodes, for another contract on their chain; all are to be checked again.
    #[must_use]
    pub fn with_contract(&self, contract: Address, code_hash: Option<B256>) -> Self {
        let contract = Contract { chain: self.chain(), address: *contract.0 };
        let unchecked = |member: &Member| Member {
            node: member.node.clone(),
            operator: member.operator.clone(),
            standing: Mutex::new(Standing::Unchecked),
        };
        let members = self.members.iter().map(unchecked).collect();
        Self { members, quorum: self.quorum, expected: Expected { contract, code_hash } }
    }

    /// Number of the chain.
    #[must_use]
    pub fn chain(&self) -> u64 {
        self.expected.contract.chain
    }

    /// Address of the contract.
    #[must_use]
    pub fn contract(&self) -> Address {
        Address::from(self.expected.contract.address)
    }

    /// Checks the nodes that were not checked yet, or could not be reached: each must be of the right chain, with
    /// the right code at the contract's address. To be called before each round of reads; while all is well it asks
    /// nothing.
    pub async fn connect(&self) -> Result<Vec<NodeStatus>, NodesError> {
        let is_short = self.good().count() * 2 <= self.members.len();
        let mut checks = JoinSet::new();
        for (index, member) in self.members.iter().enumerate() {
            if member.standing().is_to_be_checked(is_short) {
                let (node, expected) = (member.node.clone(), self.expected);
                checks.spawn(async move { (index, check(&node, &expected).await) });
            }
        }
        while let Some(checked) = checks.join_next().await {
            if let Some((member, found)) =
                checked.ok().and_then(|(index, found)| Some((self.members.get(index)?, found)))
            {
                member.standing().becomes(found);
            }
        }
        let statuses: Vec<NodeStatus> = self.members.iter().map(Member::status).collect();
        if self.good().next().is_some() {
            return Ok(statuses);
        }
        let answers = Answers(statuses.iter().map(ToString::to_string).collect());
        if statuses.iter().all(|status| status.standing.is_for_good()) {
            Err(NodesError::AllRefused { answers })
        } else {
            Err(NodesError::NoneReachable { answers })
        }
    }

    /// How the nodes stand.
    #[must_use]
    pub fn statuses(&self) -> Vec<NodeStatus> {
        self.members.iter().map(Member::status).collect()
    }

    /// The nodes that passed their check, for what a proof decides and no vote: blocks and receipts to prove from.
    #[must_use]
    pub fn usable(&self) -> Vec<Node> {
        self.good().map(|(_, member)| member.node.clone()).collect()
    }

    /// Asks all usable nodes at once, and answers as soon as more than half of all nodes say the same.
    pub async fn agreed<T, F>(
        &self,
        what: &'static str,
        read: impl Fn(Node) -> F,
    ) -> Result<T, NodesError>
    where
        T: PartialEq + fmt::Debug + Send + 'static,
        F: Future<Output = Result<T, NodeError>> + Send + 'static,
    {
        let mut calls = self.ask(read);
        let mut values = Vec::new();
        let mut answers = Answers::default();
        while let Some(heard) = calls.join_next().await {
            let Ok((index, heard)) = heard else { continue };
            match heard {
                Ok(value) => {
                    answers.add(self.name_of(index), &value);
                    values.push(value);
                }
                Err(error) => self.note(index, &error, &mut answers),
            }
            let agreed = majority(&values, self.members.len());
            if let Some(position) = agreed.and_then(|it| values.iter().position(|own| own == it)) {
                return Ok(values.swap_remove(position));
            }
        }
        Err(NodesError::NoQuorum { what, answers })
    }

    /// Asks all usable nodes at once, and waits for all of them.
    async fn all<T, F>(&self, read: impl Fn(Node) -> F) -> Vec<Heard<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, NodeError>> + Send + 'static,
    {
        let mut calls = self.ask(read);
        let mut all = Vec::new();
        while let Some(heard) = calls.join_next().await {
            all.extend(heard.ok());
        }
        all.sort_by_key(|(index, _)| *index);
        all
    }

    fn ask<T, F>(&self, read: impl Fn(Node) -> F) -> JoinSet<Heard<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, NodeError>> + Send + 'static,
    {
        let mut calls = JoinSet::new();
        for (index, member) in self.good() {
            let answer = read(member.node.clone());
            calls.spawn(async move { (index, answer.await) });
        }
        calls
    }

    fn good(&self) -> impl Iterator<Item = (usize, &Member)> {
        let members = self.members.iter().enumerate();
        members.filter(|(_, member)| *member.standing() == Standing::Good)
    }

    fn name_of(&self, index: usize) -> &str {
        self.members.get(index).map_or("a node", |member| member.node.name())
    }

    fn operator_of(&self, index: usize) -> &str {
        self.members.get(index).map_or("nobody", |member| member.operator.as_str())
    }

    /// A node that did not answer is checked again before it is asked again.
    fn note(&self, index: usize, error: &NodeError, answers: &mut Answers) {
        answers.fail(error);
        if let (Some(member), NodeError::Unreachable { .. }) = (self.members.get(index), error) {
            *member.standing() = Standing::Unchecked;
        }
    }
}

impl Member {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> NodeStatus {
        NodeStatus {
            node: self.node.name().to_owned(),
            operator: self.operator.clone(),
            standing: self.standing().clone(),
        }
    }
}

async fn check(node: &Node, expected: &Expected) -> Standing {
    let Contract { chain, address } = expected.contract;
    match node.knock().await {
        Ok(found) if found == chain => {}
        Ok(found) => return Standing::WrongChain { expected: chain, found },
        Err(error) => return Standing::unreachable(&error),
    }
    let Some(expected) = expected.code_hash else { return Standing::Good };
    match node.code_hash(Address::from(address), At::Latest).await {
        Ok(Some(found)) if found == expected => Standing::Good,
        Ok(Some(found)) => Standing::WrongCode { expected, found },
        Ok(None) => Standing::no_code(),
        Err(error) => Standing::unreachable(&error),
    }
}
