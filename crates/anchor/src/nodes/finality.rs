//! What is final: said by more than half of all nodes, by operators of more than one name, and contradicted by none.
//!
//! What must hold: only `finalized` counts, never a number of blocks. Where it stalls, nothing becomes final. A node
//! that lags holds nobody up, and one that serves another block holds up everything.

use std::collections::BTreeSet;

use alloy_primitives::B256;

use crate::rpc::{At, Block, NodeError};

use super::{Answers, Discord, Nodes, NodesError, reached_by, unanimous};

/// A block that is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Final {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, in seconds since the epoch.
    pub time: u64,
    /// The operators whose nodes say so, sorted.
    pub observers: Vec<String>,
}

/// How far the chain is final, and by which nodes' word.
struct Reached {
    number: u64,
    /// Nodes that call it final.
    by: BTreeSet<usize>,
}

impl Nodes {
    /// The newest block that is final.
    pub async fn finalized(&self) -> Result<Final, NodesError> {
        let reached = self.reached_final().await?;
        self.same_block(reached.number, &reached.by).await
    }

    /// The block of a number, read by number from all nodes; `None` while it is not final.
    pub async fn final_block(&self, number: u64) -> Result<Option<Final>, NodesError> {
        let reached = self.reached_final().await?;
        if reached.number < number {
            return Ok(None);
        }
        self.same_block(number, &reached.by).await.map(Some)
    }

    /// The height that enough nodes call final.
    async fn reached_final(&self) -> Result<Reached, NodesError> {
        let heard = self.all(|node| async move { need(&node, At::Finalized).await }).await;
        let mut answers = Answers::default();
        let mut heights = Vec::new();
        for (index, block) in heard {
            match block {
                Ok(block) => {
                    answers.add(self.name_of(index), &block);
                    heights.push((index, block.number));
                }
                Err(error) => self.note(index, &error, &mut answers),
            }
        }
        let said: Vec<(&str, u64)> =
            heights.iter().map(|(index, number)| (self.operator_of(*index), *number)).collect();
        let operators = said.iter().map(|(operator, _)| *operator).collect::<BTreeSet<_>>().len();
        let operators_min = self.quorum.operators_min();
        let number = reached_by(&said, self.members.len(), operators_min);
        let too_few = NodesError::TooFewOperators { operators_min, operators, answers };
        let number = number.ok_or(too_few)?;
        let by = heights.into_iter().filter(|(_, own)| *own >= number).map(|(index, _)| index);
        Ok(Reached { number, by: by.collect() })
    }

    /// The block under a number that these nodes call final: they must all have it, and nobody another one.
    async fn same_block(
        &self,
        number: u64,
        callers: &BTreeSet<usize>,
    ) -> Result<Final, NodesError> {
        let at = At::Number(number);
        let heard = self.all(|node| async move { node.block(at).await }).await;
        let mut answers = Answers::default();
        let mut blocks: Vec<(&str, Option<Block>)> = Vec::new();
        let mut others = Vec::new();
        for (index, block) in heard {
            match block {
                Ok(block) => {
                    answers.add(self.name_of(index), &block);
                    if callers.contains(&index) {
                        blocks.push((self.operator_of(index), block));
                    } else {
                        // A node that lags vouches for nothing, and may object.
                        others.extend(block);
                    }
                }
                Err(error) => self.note(index, &error, &mut answers),
            }
        }
        let operators_min = self.quorum.operators_min();
        let agreed = unanimous(&blocks, operators_min);
        let objects = |block: &Block| agreed.is_ok_and(|own| own.as_ref() != Some(block));
        if others.iter().any(objects) {
            return Err(NodesError::Discord { number, answers });
        }
        match agreed {
            Ok(Some(block)) => {
                let observers: BTreeSet<String> =
                    blocks.iter().map(|(operator, _)| (*operator).to_owned()).collect();
                let Block { hash, time, .. } = *block;
                Ok(Final { number, hash, time, observers: observers.into_iter().collect() })
            }
            Ok(None) | Err(Discord::Different) => Err(NodesError::Discord { number, answers }),
            Err(Discord::TooFewOperators { operators }) => {
                Err(NodesError::TooFewOperators { operators_min, operators, answers })
            }
        }
    }
}

async fn need(node: &crate::rpc::Node, at: At) -> Result<Block, NodeError> {
    node.block(at).await?.ok_or_else(|| node.malformed("eth_getBlockByNumber"))
}
