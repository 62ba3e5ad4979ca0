//! Where entries stand now: displaced by a reorganisation, mined, adopted, or taken by somebody else.

use witness_core::{evm::Word, hash::Hash};

use super::Turn;
use crate::worker::{
    alarm::Alarm,
    halt::Halt,
    record::{Block, Entry, Place, WINDOW_MAX},
    seen::{Anchored, At, Receipt},
    spend::Cost,
};

/// Where an entry is that was not on the chain before.
enum Found {
    /// It stands there.
    Ours { transaction: Word, index: u64, block: Block },
    /// Something else stands there.
    Another(Anchored),
    /// Our transaction was mined, and failed.
    Failed(Word),
    /// It stands there, and nodes do not show where.
    Unseen,
    /// Not on the chain.
    Nowhere,
}

impl Turn<'_> {
    pub(super) fn look(&mut self) {
        let Some(latest) = self.latest() else {
            self.alarms.push(Alarm::NoSight);
            return;
        };
        self.displace(latest);
        if self.place_window(latest) {
            self.adopt_unplanned(latest);
        }
        if self.is_same_account() && self.record.halted.is_none() {
            self.watch_nonces(latest);
        }
    }

    /// Entries whose block is no more on the chain are sent again, and so are all later ones: a commit only fits
    /// after the one before it.
    fn displace(&mut self, latest: &At) {
        let is_displaced = |entry: &Entry| {
            entry.place.as_ref().is_some_and(|place| self.seen.is_displaced(&place.block))
        };
        let Some(first) = self.record.window.iter().position(is_displaced) else { return };
        let (now, number) = (self.now.at, latest.block.number);
        let places = self.record.window.iter().skip(first).filter_map(|it| it.place.as_ref());
        let was_final = places.filter(|place| place.final_at.is_some()).map(|it| it.block.number);
        if let Some(number) = was_final.min() {
            return self.halt(Halt::FinalChanged { number });
        }
        for entry in self.record.window.iter_mut().skip(first) {
            entry.displace(now, number);
        }
    }

    /// Finds the entries that wait to be mined, in order. Whether all of them stand on the chain now.
    fn place_window(&mut self, latest: &At) -> bool {
        for index in 0..self.record.window.len() {
            let Some(entry) = self.record.window.get(index) else { return true };
            if entry.place.is_some() {
                continue;
            }
            let sequence = entry.sequence;
            match self.find(entry, latest) {
                Found::Ours { transaction, index, block } => {
                    self.place(sequence, (transaction, index, block));
                }
                Found::Another(event) => {
                    // Before anything is signed a roll-up of ours that stands there is as good as the planned one.
                    let ours = event.rollup.filter(|_| entry.sending.is_none());
                    let Some(rollup) = ours else {
                        let Anchored { value, transaction, .. } = event;
                        self.halt(Halt::ForeignCommit { sequence, value, transaction });
                        return false;
                    };
                    self.rewrite(sequence, (rollup, event.value));
                    self.place(sequence, (event.transaction, event.index, event.block));
                }
                Found::Failed(transaction) => {
                    // Another key, or the end of the log, is reason enough to fail, and stops us anyway.
                    if latest.committer == self.record.account {
                        self.halt(Halt::Reverted { sequence, transaction });
                    }
                    return false;
                }
                Found::Unseen => {
                    self.alarms.push(Alarm::EventMissing { sequence });
                    return false;
                }
                Found::Nowhere => return false,
            }
        }
        true
    }

    fn find(&self, entry: &Entry, latest: &At) -> Found {
        let is_taken = latest.size > entry.sequence;
        if let Some(event) = self.seen.event(entry.sequence, latest.block.number)
            && is_taken
        {
            return if event.value == entry.value {
                let Anchored { transaction, index, block, .. } = *event;
                Found::Ours { transaction, index, block }
            } else {
                Found::Another(event.clone())
            };
        }
        // Any attempt may be the one that was mined.
        let attempts = entry.sending.iter().flat_map(|sending| &sending.attempts);
        for attempt in attempts {
            let Some(receipt) = self.receipt(&attempt.hash) else { continue };
            if receipt.anchored == Some((entry.sequence, entry.value)) {
                let (transaction, index, block) = (attempt.hash, receipt.index, receipt.block);
                return Found::Ours { transaction, index, block };
            }
            if !is_taken && receipt.block.number <= latest.block.number {
                return Found::Failed(attempt.hash);
            }
        }
        if is_taken { Found::Unseen } else { Found::Nowhere }
    }

    /// The receipt of a transaction, if the block that it names is the one that is served: some nodes give
    /// receipts of blocks that never come to be.
    fn receipt(&self, transaction: &Word) -> Option<&Receipt> {
        let receipt = self.seen.receipts.get(transaction)?.as_ref()?;
        self.seen.is_canonical(&receipt.block).then_some(receipt)
    }

    fn rewrite(&mut self, sequence: u64, (rollup, value): (u64, Hash)) {
        self.record.cadence.value = Some(value);
        if let Some(entry) = self.record.entry_mut(sequence) {
            (entry.rollup, entry.value) = (rollup, value);
        }
    }

    /// Notes where an entry stands. If it is the transaction of somebody else who has our key and our roll-up, say
    /// a second worker, it is adopted.
    fn place(&mut self, sequence: u64, (transaction, index, block): (Word, u64, Block)) {
        let settled = self.receipt(&transaction).map(|receipt| receipt.cost);
        let seen_at = self.now.at;
        let Some(entry) = self.record.entry_mut(sequence) else { return };
        let (final_at, proof) = (None, None);
        entry.place = Some(Place { block, transaction, index, seen_at, final_at, proof });
        match &mut entry.cost {
            Some(cost) => cost.settled = settled.or(cost.settled),
            None => {
                entry.cost = settled.map(|wei| Cost { at: seen_at, reserved: wei, settled });
            }
        }
        if !entry.is_sent_by_us() {
            self.record.nonces.adrift = true;
        }
    }

    /// Entries of the contract that were never planned here: roll-ups of ours are adopted, anything else halts.
    fn adopt_unplanned(&mut self, latest: &At) {
        while self.record.next_sequence() < latest.size && self.record.window.len() < WINDOW_MAX {
            let sequence = self.record.next_sequence();
            let Some(event) = self.seen.event(sequence, latest.block.number) else {
                self.alarms.push(Alarm::EventMissing { sequence });
                return;
            };
            let Some(rollup) = event.rollup else {
                let (value, transaction) = (event.value, event.transaction);
                return self.halt(Halt::ForeignCommit { sequence, value, transaction });
            };
            let (planned_at, value) = (self.now.at, event.value);
            self.record.window.push(Entry::planned(sequence, (rollup, value), planned_at));
            self.place(sequence, (event.transaction, event.index, event.block));
            self.record.cadence.value = Some(value);
            self.record.cadence.planned_at = Some(planned_at);
        }
    }

    /// Whether the account has sent what is not ours. Only what is final halts: at the newest block a
    /// reorganisation, or a node that lags, may look the same for a while.
    fn watch_nonces(&mut self, latest: &At) {
        self.settle_nonces(latest);
        let (ours, last) = (self.record.nonces.next, self.last_final());
        if !self.record.nonces.adrift {
            if let Some(last) = last.filter(|last| last.nonce > ours) {
                return self.halt(Halt::ForeignNonce { ours, chain: last.nonce });
            }
            if latest.nonce > ours {
                self.alarms.push(Alarm::NonceTaken { ours, chain: latest.nonce });
            }
        }
        let Some(entry) = self.record.first_unmined() else { return };
        let Some(sending) = &entry.sending else { return };
        let ours = sending.nonce;
        let is_nowhere = sending
            .attempts
            .iter()
            .all(|attempt| matches!(self.seen.receipts.get(&attempt.hash), Some(None)));
        let is_used = |at: &At| at.nonce > ours && at.size <= entry.sequence;
        match last.filter(|last| is_used(last) && is_nowhere) {
            Some(last) => self.halt(Halt::ForeignNonce { ours, chain: last.nonce }),
            None if is_used(latest) => {
                self.alarms.push(Alarm::NonceTaken { ours, chain: latest.nonce });
            }
            None => {}
        }
    }

    /// Learns the next nonce from the chain, where transactions that are not in the record were adopted.
    fn settle_nonces(&mut self, latest: &At) {
        if !self.record.nonces.adrift {
            return;
        }
        let is_final = self.last_final().is_some_and(|last| last.nonce == latest.nonce);
        let is_idle = self.record.first_unmined().is_none_or(|entry| entry.sending.is_none());
        if is_final && is_idle {
            self.record.nonces.next = self.record.nonces.next.max(latest.nonce);
        }
        let is_ours = |entry: &Entry| entry.place.is_none() || entry.is_sent_by_us();
        if self.record.nonces.next == latest.nonce && self.record.window.iter().all(is_ours) {
            self.record.nonces.adrift = false;
        }
    }
}
