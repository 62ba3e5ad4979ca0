//! The machine: from what is remembered and what is seen to what is to be done. Pure, so that every order of
//! events can be tried.
//!
//! What must hold: the record of a [`Step`] is written before any of its actions is taken, and a signature is
//! written before the first byte of it leaves the process. Then a crash at any place is only a step that is taken
//! again.

mod finality;
mod look;
mod plan;
mod runway;
mod send;

use core::time::Duration;

use alloy_primitives::Bytes;
use witness_core::{evm::Word, hash::Hash, time::Timestamp};

pub use self::runway::runway_days;
use super::{
    alarm::Alarm,
    halt::Halt,
    journal::Evidenced,
    limits::Limits,
    record::{Block, Record},
    seen::{At, Seen},
};
use crate::fees::Bid;

/// The time, and a draw of chance: both made outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The firm's time.
    pub at: Timestamp,
    /// Drawn evenly from zero to the interval between anchors, so that nobody can time itself by our anchors.
    pub jitter: Duration,
}

/// What is to be done: write the record with what is evidenced, then take the actions in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The record as it is now.
    pub record: Record,
    /// Anchors that are final and proved, to be written with it.
    pub evidenced: Vec<Evidenced>,
    /// What to do once they are written.
    pub actions: Vec<Action>,
    /// What an operator should know.
    pub alarms: Vec<Alarm>,
}

/// Work outside of the machine. None of it is lost for good if it is not done: the next step asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sign a transaction, and note it with [`Record::add_attempt`].
    Sign(Sign),
    /// Send these to every node, byte for byte, in this order. That a node knows one already is success.
    Broadcast(Vec<Bytes>),
    /// Capture a proof, and note it with [`Record::add_proof`].
    Capture(Capture),
}

/// A commit to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// The entry.
    pub sequence: u64,
    /// What it holds.
    pub value: Hash,
    /// The nonce, which belongs to this payload for ever.
    pub nonce: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// What it bids.
    pub bid: Bid,
    /// The most that it can cost, in wei.
    pub cost: u128,
    /// Number of the newest block.
    pub block: u64,
    /// Whether it is the first one of this entry, which is tried on a node before it is signed.
    pub is_first: bool,
}

/// An anchor to be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// The entry.
    pub sequence: u64,
    /// What it holds.
    pub value: Hash,
    /// The block.
    pub block: Block,
    /// The transaction.
    pub transaction: Word,
    /// Number of the transaction within the block.
    pub index: u64,
}

/// One step.
#[must_use]
pub fn step(record: &Record, seen: &Seen, now: Now, limits: &Limits) -> Step {
    let record = record.clone();
    let (evidenced, actions, alarms) = (Vec::new(), Vec::new(), Vec::new());
    let mut turn = Turn { record, seen, now, limits, evidenced, actions, alarms };
    if !turn.doubts_the_nodes() {
        turn.look();
    }
    if !turn.doubts_the_nodes() {
        turn.conclude();
    }
    match turn.record.halted.clone() {
        Some(halt) => turn.alarms.push(Alarm::Halted(halt)),
        None => turn.send(),
    }
    let Turn { record, evidenced, actions, alarms, .. } = turn;
    Step { record, evidenced, actions, alarms }
}

/// A step that is being made.
struct Turn<'a> {
    record: Record,
    seen: &'a Seen,
    now: Now,
    limits: &'a Limits,
    evidenced: Vec<Evidenced>,
    actions: Vec<Action>,
    alarms: Vec<Alarm>,
}

impl<'a> Turn<'a> {
    fn latest(&self) -> Option<&'a At> {
        self.seen.latest.as_ref()
    }

    fn last_final(&self) -> Option<&'a At> {
        self.seen.last_final.as_ref()
    }

    /// The first reason stays.
    fn halt(&mut self, halt: Halt) {
        self.record.halted.get_or_insert(halt);
    }

    fn doubts_the_nodes(&self) -> bool {
        self.record.halted.as_ref().is_some_and(Halt::doubts_the_nodes)
    }

    /// Whether the account of the record is the one that was looked at. Another one's nonces say nothing here.
    fn is_same_account(&self) -> bool {
        self.record.account == self.seen.account
    }
}
