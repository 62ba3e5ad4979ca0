//! When an entry was received, as the chain tells: not after the first block that covers it, and not before a
//! checkpoint below it that was anchored in time.

use alloc::vec::Vec;

use super::{
    anchored::{Anchored, RolledUp},
    anchors::CountingAnchor,
    refusal::Refusal,
    rollups::ProvedRollUp,
};
use crate::{merkle::LeafIndex, policy::Policy, time::Timestamp};

/// What the file tells of roll-ups, and of anchors that count. All checkpoints are of one history, so each covers
/// every entry below its size.
pub(super) struct Chain {
    rollups: Vec<ProvedRollUp>,
    anchors: Vec<CountingAnchor>,
    /// How far clocks may lie apart.
    tolerance_us: u64,
    /// Longest time from the signing of a checkpoint to its anchor.
    delay_us: u64,
}

/// An entry, by its place in the log and in the file.
#[derive(Clone, Copy)]
pub(super) struct Received {
    /// Position in `entries`.
    pub(super) entry: usize,
    pub(super) index: LeafIndex,
    pub(super) at: Timestamp,
}

impl Chain {
    /// From roll-ups by ascending numbers.
    pub(super) fn new(
        rollups: Vec<ProvedRollUp>,
        anchors: Vec<CountingAnchor>,
        policy: &Policy,
    ) -> Self {
        let micros = |seconds| Timestamp::from_seconds(seconds).micros();
        let tolerance_us = micros(policy.time_tolerance_s);
        Self { rollups, anchors, tolerance_us, delay_us: micros(policy.max_anchor_delay_s) }
    }

    /// The first roll-up that covers an entry.
    pub(super) fn rolled_up(&self, index: LeafIndex) -> Option<RolledUp> {
        let first = self.rollups.iter().find(|rollup| rollup.size.0 > index.0)?;
        Some(RolledUp { sequence: first.text.sequence, size: first.size, value: first.value })
    }

    /// The first block that covers an entry. A time of receipt that does not fit between the blocks is refused.
    pub(super) fn anchored(&self, received: Received) -> Result<Option<Anchored>, Refusal> {
        let Received { entry, index, at } = received;
        let not_before = self.not_before(index);
        if not_before.is_some_and(|not_before| at < not_before) {
            return Err(Refusal::BackDated { entry });
        }
        let covering = || self.anchors.iter().filter(|anchor| anchor.size.0 > index.0);
        let is_ahead =
            |anchor: &&CountingAnchor| anchor.published.is_some_and(|at| at > self.latest(anchor));
        if let Some(ahead) = covering().find(is_ahead) {
            return Err(Refusal::AnchoredBeforePublished { anchor: ahead.spot });
        }
        let Some(first) = covering().min_by_key(|anchor| anchor.at) else { return Ok(None) };
        let not_after = self.latest(first);
        if at > not_after {
            return Err(Refusal::AnchoredBeforeReceived { entry });
        }
        Ok(Some(Anchored {
            at: first.at,
            believed_by: first.believed_by,
            block_hash: first.block.hash,
            block_number: first.block.number,
            contract: first.contract,
            // From the receipt, or from the signature if that bears an earlier time.
            late: self.is_late(first, first.published.map_or(at, |published| published.min(at))),
            not_after,
            not_before,
            rollup: first.rollup,
            sequence: first.sequence,
            size: first.size,
        }))
    }

    /// The latest time that anything can bear which an anchor covers.
    fn latest(&self, anchor: &CountingAnchor) -> Timestamp {
        Timestamp::from_micros(anchor.at.micros() + self.tolerance_us)
    }

    fn is_late(&self, anchor: &CountingAnchor, signed: Timestamp) -> bool {
        let most = signed.micros().saturating_add(self.delay_us).saturating_add(self.tolerance_us);
        anchor.at.micros() > most
    }

    /// The earliest time that an entry can bear: a checkpoint without it had been signed by then. Its own anchor
    /// must bear its time out: a block neither before it nor long after it.
    fn not_before(&self, index: LeafIndex) -> Option<Timestamp> {
        let below = self.anchors.iter().filter(|anchor| anchor.size.0 <= index.0);
        let borne_out = below.filter_map(|anchor| {
            let (signed, at) = (anchor.published?.micros(), anchor.at.micros());
            let is_borne_out = at <= signed + self.delay_us && at + self.tolerance_us >= signed;
            is_borne_out.then_some(signed)
        });
        let newest = borne_out.max()?;
        Some(Timestamp::from_micros(newest.saturating_sub(self.tolerance_us)))
    }
}
