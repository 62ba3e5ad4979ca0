//! The record: all that the worker remembers of one contract, as one JSON text.
//!
//! What must hold: the window's entries follow the mirror without a gap, what is mined lies before what is not,
//! and the payload of a nonce never changes: an attempt is only ever added, with higher fees.

mod change;
mod entry;
mod parse;
pub(super) mod written;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use witness_core::{hash::Hash, rollup::Contract, time::Timestamp};

pub use self::{
    change::RecordError,
    entry::{Attempt, Block, Entry, Place, Proof, ProofFault, Sending, State},
    parse::{RECORD_BYTES_MAX, RecordFault},
};
use super::{halt::Halt, range::Mirror, spend::Spent};

/// Most entries that wait for evidence: with an anchor every ten minutes, almost two days without finality.
pub const WINDOW_MAX: usize = 256;

const FORMAT: &str = "witness-anchor-record/v1";

/// All that the worker remembers of one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    format: Format,
    /// The contract.
    #[serde(with = "written")]
    pub contract: Contract,
    /// The account that signs; the nonces are its.
    #[serde(with = "written")]
    pub account: Address,
    /// The entries that are evidenced.
    pub mirror: Mirror,
    /// The entries after them, in order.
    pub window: Vec<Entry>,
    /// Which nonces were used.
    pub nonces: Nonces,
    /// When to anchor next.
    pub cadence: Cadence,
    /// What evidenced anchors cost.
    pub spent: Spent,
    /// The newest final block under which entries were held as final. No final block may lie below it.
    pub newest_final: Option<Block>,
    /// The newest anchor that is evidenced.
    pub newest_evidenced: Option<Stand>,
    /// Why nothing is sent any more, until an operator says otherwise.
    pub halted: Option<Halt>,
}

/// The version of the record; another one does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "witness-anchor-record/v1")]
    V1,
}

/// Where a roll-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stand {
    /// The roll-up's own sequence.
    pub rollup: u64,
    /// The sequence that the contract gave it.
    pub sequence: u64,
    /// The block.
    pub block: Block,
}

/// Which nonces of the account were used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nonces {
    /// One above the highest that was signed.
    pub next: u64,
    /// Whether the account has sent, or may have sent, what this record does not hold: before the first start, or
    /// where the transaction of a second worker was adopted. Then the chain says which nonce is next, once it is
    /// final.
    pub adrift: bool,
}

/// When to anchor next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cadence {
    /// Not before this time; at once if there is none.
    #[serde(with = "written::maybe_time")]
    pub next_at: Option<Timestamp>,
    /// When the newest anchor was planned.
    #[serde(with = "written::maybe_time")]
    pub planned_at: Option<Timestamp>,
    /// The roll-up that it carries.
    #[serde(with = "written::maybe")]
    pub value: Option<Hash>,
}

impl Record {
    /// The record of a contract to which nothing was anchored yet.
    #[must_use]
    pub fn new(contract: Contract, account: Address) -> Self {
        Self {
            format: Format::V1,
            contract,
            account,
            mirror: Mirror::default(),
            window: Vec::new(),
            nonces: Nonces { next: 0, adrift: true },
            cadence: Cadence { next_at: None, planned_at: None, value: None },
            spent: Spent::default(),
            newest_final: None,
            newest_evidenced: None,
            halted: None,
        }
    }

    /// The entry with this sequence, if it is in the window.
    #[must_use]
    pub fn entry(&self, sequence: u64) -> Option<&Entry> {
        self.window.iter().find(|entry| entry.sequence == sequence)
    }

    pub(super) fn entry_mut(&mut self, sequence: u64) -> Option<&mut Entry> {
        self.window.iter_mut().find(|entry| entry.sequence == sequence)
    }

    /// The sequence that the next planned entry gets.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.window.last().map_or(self.mirror.size(), |entry| entry.sequence + 1)
    }

    /// The first entry that is not on the chain.
    #[must_use]
    pub fn first_unmined(&self) -> Option<&Entry> {
        self.window.iter().find(|entry| entry.place.is_none())
    }

    /// Whether a transaction with this nonce was signed for an entry of the window.
    #[must_use]
    pub fn holds_nonce(&self, nonce: u64) -> bool {
        self.window.iter().filter_map(|entry| entry.sending.as_ref()).any(|it| it.nonce == nonce)
    }
}
