//! One entry of the window: a roll-up on its way to the chain, and what is known of it.

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};
use witness_core::{
    evm::{Anchor, AnchorError, AnchoredBlock, Word},
    hash::Hash,
    rollup::Contract,
    time::Timestamp,
};

use super::written;
use crate::{fees::Bid, worker::spend::Cost};

/// A roll-up on its way to the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The sequence that the contract gives it.
    pub sequence: u64,
    /// The roll-up's own sequence.
    pub rollup: u64,
    /// What goes to the chain: SHA-256 of the roll-up's text.
    #[serde(with = "written")]
    pub value: Hash,
    /// When it was planned.
    #[serde(with = "written::time")]
    pub planned_at: Timestamp,
    /// What was signed for it.
    pub sending: Option<Sending>,
    /// Where it stands on the chain.
    pub place: Option<Place>,
    /// What it costs.
    pub cost: Option<Cost>,
}

/// What was signed for an entry. The payload is frozen: attempts differ in their fees alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sending {
    /// The nonce of all attempts.
    pub nonce: u64,
    /// The signed transactions, cheapest first. Any of them may be the one that is mined.
    pub attempts: Vec<Attempt>,
    /// When the first byte left the process, or was about to.
    #[serde(with = "written::maybe_time")]
    pub first_sent_at: Option<Timestamp>,
    /// Since when the newest attempt waits to be mined.
    #[serde(with = "written::time")]
    pub waits_since: Timestamp,
    /// Number of the newest block at that time.
    pub waits_since_block: u64,
}

impl Sending {
    /// Whether one of the attempts has this hash.
    #[must_use]
    pub fn has(&self, transaction: &Word) -> bool {
        self.attempts.iter().any(|attempt| attempt.hash == *transaction)
    }
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// What goes to the nodes, byte for byte (EIP-2718). Kept, since a signature need not come out the same twice.
    #[serde(with = "written")]
    pub raw: Bytes,
    /// Its hash.
    pub hash: Word,
    /// What it bids.
    #[serde(with = "written::bid")]
    pub bid: Bid,
}

/// Where an entry stands on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The block.
    pub block: Block,
    /// The transaction; not always one of ours.
    pub transaction: Word,
    /// Number of the transaction within the block.
    pub index: u64,
    /// When this was seen first.
    #[serde(with = "written::time")]
    pub seen_at: Timestamp,
    /// When it was first seen to be final.
    #[serde(with = "written::maybe_time")]
    pub final_at: Option<Timestamp>,
    /// The proof.
    pub proof: Option<Proof>,
}

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Word,
    /// Its time, in seconds since the epoch.
    pub time: u64,
}

/// A proof that was checked: whoever holds one knows that it verifies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    anchor: String,
    block: Block,
}

/// Why a proof is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// It does not prove what it should.
    #[error(
        "the proof does not verify ({0}): it is captured again; ask another node if this stays"
    )]
    Proof(#[from] AnchorError),
    /// It proves something else.
    #[error("the proof is about another contract or another entry: it is captured again")]
    Other,
}

impl Proof {
    /// Checks a proof for the entry `sequence` with this roll-up.
    pub fn check(
        anchor: &Anchor,
        contract: &Contract,
        (sequence, value): (u64, &Hash),
    ) -> Result<Self, ProofFault> {
        if anchor.contract != *contract || anchor.sequence != sequence {
            return Err(ProofFault::Other);
        }
        let AnchoredBlock { hash, number, time, .. } = anchor.verify(value)?;
        Ok(Self { anchor: anchor.encode(), block: Block { number, hash, time } })
    }

    /// Checks a proof that was written down.
    pub fn check_again(&self, contract: &Contract, entry: (u64, &Hash)) -> Result<(), ProofFault> {
        let checked = Self::check(&Anchor::parse(&self.anchor)?, contract, entry)?;
        if checked == *self { Ok(()) } else { Err(ProofFault::Other) }
    }

    /// The proof, as `witness_core::evm::Anchor` encodes it.
    #[must_use]
    pub fn anchor(&self) -> &str {
        &self.anchor
    }

    /// The block that it leads to.
    #[must_use]
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// A proof that nobody checked, for tests of what happens around it.
    #[cfg(test)]
    pub(in crate::worker) fn unchecked(block: Block) -> Self {
        Self { anchor: String::new(), block }
    }
}

/// How far an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing is signed.
    Planned,
    /// Signed, and not sent as far as we know.
    Signed,
    /// Sent, and not on the chain.
    Sent,
    /// On the chain, and not final.
    Mined,
    /// Final; what is missing is the proof.
    Finalized,
}

impl Entry {
    /// An entry of which nothing is signed.
    #[must_use]
    pub fn planned(sequence: u64, (rollup, value): (u64, Hash), now: Timestamp) -> Self {
        let (sending, place, cost) = (None, None, None);
        Self { sequence, rollup, value, planned_at: now, sending, place, cost }
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> State {
        match (&self.place, &self.sending) {
            (Some(place), _) if place.final_at.is_some() => State::Finalized,
            (Some(_), _) => State::Mined,
            (None, Some(sending)) if sending.first_sent_at.is_some() => State::Sent,
            (None, Some(_)) => State::Signed,
            (None, None) => State::Planned,
        }
    }

    /// Whether the transaction in which it stands on the chain is one of ours.
    #[must_use]
    pub fn is_sent_by_us(&self) -> bool {
        let place = self.place.as_ref();
        place.zip(self.sending.as_ref()).is_some_and(|(place, it)| it.has(&place.transaction))
    }

    /// It is on the chain no more: what was captured is worthless, and what it cost is open again.
    pub(in crate::worker) fn displace(&mut self, now: Timestamp, block: u64) {
        self.place = None;
        if let Some(sending) = &mut self.sending {
            sending.waits_since = now;
            sending.waits_since_block = block;
        }
        if self.sending.is_none() {
            self.cost = None;
        }
        if let Some(cost) = &mut self.cost {
            cost.settled = None;
        }
    }

    /// Gives up what was signed: none of it can be mined any more.
    pub(in crate::worker) fn unsign(&mut self) {
        self.sending = None;
        self.cost = None;
    }
}
