//! What is final: said by operators of more than one name, and by all that answer.
//!
//! What must hold: only `finalized` counts, never a number of blocks. Where it stalls, nothing becomes final.

use std::collections::BTreeSet;

use alloy_primitives::B256;

use crate::rpc::{At, Block, NodeError};

use super::{Answers, Discord, Nodes, NodesError, unanimous};

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

impl Nodes {
    /// The newest block that all nodes that answer call final.
    pub async fn finalized(&self) -> Result<Final, NodesError> {
        let number = self.lowest_final().await?;
        self.same_block(number).await
    }

    /// The block of a number, read by number from all nodes; `None` while not all of them call it final.
    pub async fn final_block(&self, number: u64) -> Result<Option<Final>, NodesError> {
        if self.lowest_final().await? < number {
            return Ok(None);
        }
        self.same_block(number).await.map(Some)
    }

    /// The lowest of the numbers that nodes call final: the one that holds for all of them.
    async fn lowest_final(&self) -> Result<u64, NodesError> {
        let heard = self.all(|node| async move { need(&node, At::Finalized).await }).await;
        let mut answers = Answers::default();
        let mut numbers = Vec::new();
        for (index, block) in heard {
            match block {
                Ok(block) => {
                    answers.add(self.name_of(index), &block);
                    numbers.push((self.operator_of(index), block.number));
                }
                Err(error) => self.note(index, &error, &mut answers),
            }
        }
        let operators =
            numbers.iter().map(|(operator, _)| *operator).collect::<BTreeSet<_>>().len();
        let operators_min = self.quorum.operators_min();
        let lowest = numbers.iter().map(|(_, number)| *number).min();
        lowest.filter(|_| operators >= operators_min).ok_or(NodesError::TooFewOperators {
            operators_min,
            operators,
            answers,
        })
    }

    /// The block that all nodes have under a number that all of them call final.
    async fn same_block(&self, number: u64) -> Result<Final, NodesError> {
        let at = At::Number(number);
        let heard = self.all(|node| async move { node.block(at).await }).await;
        let mut answers = Answers::default();
        let mut blocks: Vec<(&str, Option<Block>)> = Vec::new();
        for (index, block) in heard {
            match block {
                // None is an answer too: a node that calls the number final has to have the block.
                Ok(block) => {
                    answers.add(self.name_of(index), &block);
                    blocks.push((self.operator_of(index), block));
                }
                Err(error) => self.note(index, &error, &mut answers),
            }
        }
        let operators_min = self.quorum.operators_min();
        match unanimous(&blocks, operators_min) {
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
