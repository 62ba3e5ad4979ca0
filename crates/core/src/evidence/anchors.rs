//! The anchors of the file: each proved up to a block, of which somebody must know that it is on the chain.

use alloc::{format, string::String, vec::Vec};

use super::{
    anchored::{Belief, SeenBlock},
    file::Evidence,
    place::{Referrer, Spot, Table},
    refusal::Refusal,
    rollups::ProvedRollUp,
    verdict::Unchecked,
};
use crate::{
    evm::{Anchor, AnchoredBlock, Word},
    hash::Hash,
    merkle::TreeSize,
    note::Note,
    policy::Policy,
    rollup::Contract,
    time::Timestamp,
};

/// An anchor that was proved, and whose block is believed to be on its chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CountingAnchor {
    pub(crate) spot: Spot,
    pub(crate) contract: Contract,
    pub(crate) sequence: u64,
    pub(crate) block: AnchoredBlock,
    /// The block's time.
    pub(crate) at: Timestamp,
    pub(crate) believed_by: Belief,
    /// Number of its roll-up.
    pub(crate) rollup: u64,
    /// Size of the log's checkpoint in that.
    pub(crate) size: TreeSize,
    /// The time that this checkpoint bears.
    pub(crate) published: Option<Timestamp>,
}

/// Whom to believe about blocks.
#[derive(Clone, Copy)]
pub(crate) struct Beliefs<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) seen: &'a [SeenBlock],
}

/// Checks the anchors of the file, and gives those that count. All others are named in `unchecked`.
pub(crate) fn verify(
    evidence: &Evidence,
    rollups: &[ProvedRollUp],
    beliefs: Beliefs<'_>,
    unchecked: &mut Vec<Unchecked>,
) -> Result<Vec<CountingAnchor>, Refusal> {
    let mut counting = Vec::new();
    let mut last: Option<(Contract, u64)> = None;
    for (position, row) in evidence.anchors.iter().enumerate() {
        let place = (row.anchor.contract, row.anchor.sequence);
        if last.is_some_and(|last| last >= place) {
            return Err(Refusal::TableOrder { table: Table::Anchors, position });
        }
        last = Some(place);
        let from = Referrer::Row(Table::Anchors, position);
        let beyond = Refusal::ReferenceOutOfRange { from, table: Table::Rollups };
        let rollup = rollups.get(row.rollup.0).ok_or(beyond)?;
        let spot = Spot::Row(Table::Anchors, position);
        match verify_one(spot, &row.anchor, rollup, beliefs)? {
            Judged::Counts(anchor) => counting.push(anchor),
            Judged::NotBelieved(why) => unchecked.push(Unchecked {
                digest: Hash::of(row.anchor.encode().as_bytes()),
                what: format!("{spot}, {why}"),
            }),
        }
    }
    Ok(counting)
}

/// An anchor that is borne out by its proof.
pub(crate) enum Judged {
    Counts(CountingAnchor),
    /// Which one it is, why it does not count, and what to do about it.
    NotBelieved(String),
}

/// Checks one anchor.
pub(crate) fn verify_one(
    spot: Spot,
    anchor: &Anchor,
    rollup: &ProvedRollUp,
    beliefs: Beliefs<'_>,
) -> Result<Judged, Refusal> {
    let contract = anchor.contract;
    if !rollup.text.contracts.contains(&contract) {
        return Err(Refusal::RollUpContract { anchor: spot });
    }
    let block =
        anchor.verify(&rollup.value).map_err(|source| Refusal::Anchor { anchor: spot, source })?;
    let at = Timestamp::read_seconds(block.time).ok_or(Refusal::AnchorTime { anchor: spot })?;
    let sequence = anchor.sequence;
    Ok(match beliefs.believes(contract, block.hash) {
        Err(why) => Judged::NotBelieved(format!("number {sequence} of {contract}: {why}")),
        Ok(believed_by) => Judged::Counts(CountingAnchor {
            spot,
            contract,
            sequence,
            block,
            at,
            believed_by,
            rollup: rollup.text.sequence,
            size: rollup.size,
            published: rollup.published,
        }),
    })
}

impl Beliefs<'_> {
    /// Who says that the block is on the contract's chain, or what to do about it.
    fn believes(self, contract: Contract, block: Word) -> Result<Belief, String> {
        let of_chain = self.policy.chains.iter().filter(|it| it.contract.chain == contract.chain);
        if !of_chain.clone().any(|trusted| trusted.contract == contract) {
            return Err(
                "the policy does not name this contract, so it proves nothing; if you know \
                        it to be the firm's, name it in the policy"
                    .into(),
            );
        }
        if of_chain.clone().any(|trusted| trusted.blocks.contains(&block)) {
            return Ok(Belief::Policy);
        }
        let shown = |seen: &&SeenBlock| seen.chain == contract.chain && seen.hash == block;
        let by = self.seen.iter().filter(shown).map(|seen| seen.by).min();
        by.ok_or_else(|| {
            let chain = contract.chain;
            format!(
                "nobody says that its block {block} is on the chain; ask a node of it (--rpc), or \
                 look it up yourself and give it (--block eip155:{chain}:{block})"
            )
        })
    }
}

/// A block in which an anchor of a file stands, if it is on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnchorBlock {
    /// The contract, and with it the chain.
    pub contract: Contract,
    /// Number of the block.
    pub number: u64,
    /// Hash of the block.
    pub hash: Word,
}

impl AnchorBlock {
    /// The block of an anchor, if the anchor is borne out by its proof for the roll-up in a note.
    pub(crate) fn of(anchor: &Anchor, note: &str) -> Option<Self> {
        let note = Note::parse(note.as_bytes()).ok()?;
        let block = anchor.verify(&Hash::of(note.text().as_bytes())).ok()?;
        Some(Self { contract: anchor.contract, number: block.number, hash: block.hash })
    }
}
