//! Whether the blocks of evidence are on their chains for good: nodes are asked, all that were given must agree.
//!
//! What must hold: a block is seen only if each node calls it final, has it under its number, and has the contract
//! with the code that the policy names. Nothing less is ever taken for it, and why not is said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use witness_anchor::{
    alloy::{Address, B256},
    nodes::Endpoint,
    rpc::{At, Node, NodeError},
};
use witness_core::{
    evidence::{AnchorBlock, Belief, SeenBlock},
    policy::Policy,
};

use crate::{
    chain::{self, ByChain},
    output::Output,
};

/// Blocks that nodes are asked about: evidence of a document with a hundred events on two chains has no more.
const BLOCKS_MAX: usize = 400;

/// A block of evidence, and what became of asking about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    block: AnchorBlock,
    seen: Result<(), Unseen>,
}

/// Why a block was not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Unseen {
    /// It is not final yet.
    NotYet(String),
    /// It cannot be told.
    Unknown(String),
    /// It is not what the evidence says.
    Refuted(String),
    /// It is not what somebody has attached says, which counts for nothing.
    Disregarded(String),
}

impl Unseen {
    fn why(&self) -> &str {
        match self {
            Self::NotYet(why)
            | Self::Unknown(why)
            | Self::Refuted(why)
            | Self::Disregarded(why) => why,
        }
    }
}

impl Sight {
    /// The block, if it was seen.
    pub(crate) fn block(&self) -> Option<SeenBlock> {
        let AnchorBlock { contract, hash, .. } = self.block;
        self.seen.is_ok().then_some(SeenBlock { chain: contract.chain, hash, by: Belief::Rpc })
    }

    /// Whether it is one of these blocks.
    pub(crate) fn is_of(&self, blocks: &BTreeSet<AnchorBlock>) -> bool {
        blocks.contains(&self.block)
    }

    /// That it was not seen changes nothing.
    pub(crate) fn disregard(&mut self) {
        if let Err(Unseen::Refuted(why) | Unseen::Unknown(why)) = &self.seen {
            self.seen = Err(Unseen::Disregarded(why.clone()));
        }
    }

    /// Whether the nodes could not tell.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.seen, Err(Unseen::Unknown(_)))
    }

    /// Whether the nodes say otherwise than the evidence.
    pub(crate) fn is_refuted(&self) -> bool {
        matches!(self.seen, Err(Unseen::Refuted(_)))
    }

    /// Says why it was not seen.
    pub(crate) fn show(&self, output: &mut Output) -> std::io::Result<()> {
        let AnchorBlock { contract, number, .. } = &self.block;
        let Err(unseen) = &self.seen else { return Ok(()) };
        let said = format!("block {number} of chain {}: {}", contract.chain, unseen.why());
        match unseen {
            Unseen::NotYet(_) => output.note(&said),
            Unseen::Unknown(_) | Unseen::Refuted(_) | Unseen::Disregarded(_) => output.warn(&said),
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let word = match &self.seen {
            Ok(()) => "seen",
            Err(Unseen::NotYet(_)) => "not-final",
            Err(Unseen::Unknown(_)) => "unknown",
            Err(Unseen::Refuted(_)) => "refuted",
            Err(Unseen::Disregarded(_)) => "disregarded",
        };
        json!({
            "contract": self.block.contract.to_string(),
            "number": self.block.number,
            "hash": self.block.hash.to_string(),
            "outcome": word,
            "reason": self.seen.as_ref().err().map(Unseen::why),
        })
    }
}

/// Asks about the blocks of those contracts that the policy names; of others an anchor never counts.
pub(crate) async fn look(
    endpoints: &[Endpoint],
    policy: &Policy,
    blocks: BTreeSet<AnchorBlock>,
) -> Vec<Sight> {
    let ByChain { chains, silent } = chain::by_chain(endpoints).await;
    let mut nodes: BTreeMap<u64, Vec<View>> = BTreeMap::new();
    for (chain, endpoints) in chains {
        nodes.insert(chain, endpoints.iter().filter_map(View::of).collect());
    }
    let mut sights = Vec::new();
    for (asked, block) in blocks.into_iter().enumerate() {
        if asked >= BLOCKS_MAX {
            let why = format!("not asked about: there are more than {BLOCKS_MAX} blocks");
            sights.push(Sight { block, seen: Err(Unseen::Unknown(why)) });
            continue;
        }
        let trusted = policy.chains.iter().find(|trusted| trusted.contract == block.contract);
        let Some(trusted) = trusted else { continue };
        let code_hash = B256::from(trusted.code_hash.0);
        let views = nodes.get_mut(&block.contract.chain).map_or(&mut [][..], Vec::as_mut_slice);
        let mut answers = Vec::new();
        for view in views {
            answers.push(view.look(&block, code_hash).await);
        }
        let seen = match silent.first() {
            Some(why) => {
                Err(Unseen::Unknown(format!("{why}; all nodes must agree, or leave it out")))
            }
            None => together(answers, block.contract.chain),
        };
        sights.push(Sight { block, seen });
    }
    sights
}

/// What one node says, remembered as far as it holds for several blocks.
struct View {
    node: Node,
    last_final: Option<u64>,
    codes: BTreeMap<[u8; 20], Option<B256>>,
}

impl View {
    fn of(endpoint: &Endpoint) -> Option<Self> {
        let node = Node::new(&endpoint.url, chain::limits()).ok()?;
        Some(Self { node, last_final: None, codes: BTreeMap::new() })
    }

    async fn look(&mut self, block: &AnchorBlock, code_hash: B256) -> Result<(), Unseen> {
        let unknown = |error: NodeError| Unseen::Unknown(error.to_string());
        let name = self.node.name().to_owned();
        let last_final = self.last_final().await.map_err(unknown)?;
        if last_final < block.number {
            let why = format!(
                "{name} does not call it final yet, only blocks up to {last_final}; ask again later"
            );
            return Err(Unseen::NotYet(why));
        }
        let found = self.node.block(At::Number(block.number)).await.map_err(unknown)?;
        let hash = B256::from(block.hash.0);
        match found {
            Some(found) if found.hash == hash => {}
            Some(found) => {
                let why = format!("{name} has another one, {}, and calls it final", found.hash);
                return Err(Unseen::Refuted(why));
            }
            None => return Err(Unseen::Unknown(format!("{name} does not keep it any more"))),
        }
        match self.code_hash(block.contract.address).await.map_err(unknown)? {
            Some(found) if found == code_hash => Ok(()),
            found => {
                let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
                let why = format!(
                    "the contract has other code at {name} than the policy says: {found}, expected {code_hash}"
                );
                Err(Unseen::Refuted(why))
            }
        }
    }

    async fn last_final(&mut self) -> Result<u64, NodeError> {
        if let Some(known) = self.last_final {
            return Ok(known);
        }
        // A node without any final block calls none of them final.
        let block = self.node.block(At::Finalized).await?;
        let number = block.map_or(0, |block| block.number);
        self.last_final = Some(number);
        Ok(number)
    }

    async fn code_hash(&mut self, address: [u8; 20]) -> Result<Option<B256>, NodeError> {
        if let Some(known) = self.codes.get(&address) {
            return Ok(*known);
        }
        let hash = self.node.code_hash(Address::from(address), At::Finalized).await?;
        self.codes.insert(address, hash);
        Ok(hash)
    }
}

/// What all nodes of a chain say together.
fn together(answers: Vec<Result<(), Unseen>>, chain: u64) -> Result<(), Unseen> {
    if answers.is_empty() {
        return Err(Unseen::Unknown(format!("no node of chain {chain} was given")));
    }
    let is_refuted = |answer: &Result<(), Unseen>| matches!(answer, Err(Unseen::Refuted(_)));
    let refuted = answers.iter().filter(|answer| is_refuted(answer)).count();
    if refuted > 0 && refuted < answers.len() {
        let whys: Vec<&str> =
            answers.iter().filter_map(|it| it.as_ref().err()).map(Unseen::why).collect();
        let why = format!("the nodes do not agree: {}", whys.join("; "));
        return Err(Unseen::Unknown(why));
    }
    answers.into_iter().collect()
}

#[cfg(test)]
mod tests;
