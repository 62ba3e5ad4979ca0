//! Proofs from nodes: any one of them will do, since a proof is checked and not believed.

use serde_json::Value;
use witness_core::{evm::Word, rollup::Contract};

use crate::{
    capture::{self, CaptureError, Mined, Sought},
    nodes::Nodes,
    rpc::{At, Block, Node, NodeError},
    worker::{
        machine::Capture,
        record::{Proof, ProofFault},
    },
};

/// Why there is no proof yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProveError {
    /// No node can be asked.
    #[error("no node can be asked; it is tried again")]
    NoNode,
    /// A node gave no answer.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The block is another one now.
    #[error("the block is not there any more; it is looked for again")]
    Gone,
    /// What the node says does not fit.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// It fits, and proves something else.
    #[error(transparent)]
    Proof(#[from] ProofFault),
}

/// Captures a proof from the first node that can give one; else why the last one could not.
pub(super) async fn prove(
    nodes: &Nodes,
    contract: Contract,
    capture: &Capture,
) -> Result<Proof, ProveError> {
    let mut last = ProveError::NoNode;
    for node in nodes.usable() {
        match prove_from(&node, contract, capture).await {
            Ok(proof) => return Ok(proof),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn prove_from(
    node: &Node,
    contract: Contract,
    wanted: &Capture,
) -> Result<Proof, ProveError> {
    let number = wanted.block.number;
    let block = node.block(At::Number(number)).await?;
    let block = block.filter(|it| Word(it.hash.0) == wanted.block.hash).ok_or(ProveError::Gone)?;
    let (raw_header, receipts) = parts(node, &block).await?;
    let mined = Mined { block: &block.raw, raw_header: raw_header.as_ref(), receipts: &receipts };
    let (sequence, rollup) = (wanted.sequence, wanted.value);
    let sought = Sought { contract, sequence, rollup, transaction_index: wanted.index };
    let captured = capture::capture(&mined, &sought)?;
    Ok(Proof::check(&captured.anchor, &contract, (sequence, &rollup))?)
}

/// The header as bytes, where it cannot be encoded from JSON, and the receipts, as bytes where they cannot be.
async fn parts(node: &Node, block: &Block) -> Result<(Option<Value>, Value), ProveError> {
    let mut raw_header = None;
    if capture::header_matches(&block.raw, None).is_err() {
        raw_header = node.raw_header(block.number).await?;
    }
    let receipts = node.block_receipts(block).await?.ok_or(ProveError::Gone)?;
    if capture::receipts_root_matches(&block.raw, &receipts).is_ok() {
        return Ok((raw_header, receipts));
    }
    let raw_receipts = node.raw_receipts(block.number).await?;
    Ok((raw_header, raw_receipts.unwrap_or(receipts)))
}

/// Whether the newest block can be rebuilt from what a node says; `None` if no node says enough to tell.
pub(super) async fn is_provable(nodes: &Nodes) -> Option<Result<(), CaptureError>> {
    let mut answer = None;
    for node in nodes.usable() {
        let Ok(Some(block)) = node.block(At::Latest).await else { continue };
        let Ok((raw_header, receipts)) = parts(&node, &block).await else { continue };
        let rebuilt = capture::header_matches(&block.raw, raw_header.as_ref())
            .and_then(|()| capture::receipts_root_matches(&block.raw, &receipts));
        match rebuilt {
            Ok(()) => return Some(Ok(())),
            Err(error) => answer = Some(Err(error)),
        }
    }
    answer
}
