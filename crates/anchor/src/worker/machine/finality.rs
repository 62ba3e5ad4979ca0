//! What is final becomes evidence, and nothing else does: no number of blocks stands in for the chain's own word.

use core::time::Duration;

use witness_core::{evm::AnchoredBlock, hash::Hash};

use super::{Action, Capture, Turn};
use crate::worker::{
    alarm::Alarm,
    halt::Halt,
    journal::Evidenced,
    record::{Entry, Place, Stand},
    seen::At,
    time::after,
};

/// Most proofs that one step asks for.
const CAPTURES_MAX: usize = 8;
/// A final entry without a proof for so long raises an alarm.
const CAPTURED_WITHIN: Duration = Duration::from_mins(5);

impl Turn<'_> {
    pub(super) fn conclude(&mut self) {
        if let Some(last) = self.last_final() {
            self.hold_against(last);
        } else if !self.record.window.is_empty() {
            self.alarms.push(Alarm::NoFinalSight);
        }
        self.watch_finality();
        self.capture();
    }

    /// Compares what the newest final block says with what must be so, then takes its word.
    fn hold_against(&mut self, last: &At) {
        let (seen, number) = (last.block.number, last.block.number);
        match self.record.newest_final {
            // Nodes lag, perhaps others than those that were asked before.
            Some(known) if known.number > seen => {
                let known = known.number;
                return self.alarms.push(Alarm::FinalWentBack { seen, known });
            }
            Some(known) if known.number == seen && known.hash != last.block.hash => {
                return self.halt(Halt::FinalChanged { number });
            }
            Some(_) | None => {}
        }
        let final_entries = self.record.window.iter().map_while(|it| it.place.as_ref()?.final_at);
        let held = (self.record.mirror.size()..).zip(final_entries).count();
        let held = self.record.mirror.size().saturating_add(u64::try_from(held).unwrap_or(0));
        if last.size < held {
            return self.halt(Halt::Shrunk { held, size: last.size });
        }
        let Some(ours) = self.root_at(last) else { return };
        if ours != last.root {
            let (size, theirs) = (last.size, last.root);
            return self.halt(Halt::RootDiffers { size, theirs, ours });
        }
        self.finalize(last);
        self.evidence(last);
    }

    /// The root that the contract must have at a block; unknown while an entry that it has is not found.
    fn root_at(&self, last: &At) -> Option<Hash> {
        let mut mirror = self.record.mirror.clone();
        for sequence in mirror.size()..last.size {
            if let Some(entry) = self.record.entry(sequence) {
                let block = entry.place.as_ref()?.block;
                let stands = self.seen.is_canonical(&block) && block.number <= last.block.number;
                mirror.push(stands.then_some(block.time)?, &entry.value);
            } else {
                let event = self.seen.event(sequence, last.block.number)?;
                mirror.push(event.block.time, &event.value);
            }
        }
        Some(mirror.root())
    }

    fn finalize(&mut self, last: &At) {
        let now = self.now.at;
        let entries = self.record.window.iter_mut().filter(|entry| entry.sequence < last.size);
        for place in entries.filter_map(|entry| entry.place.as_mut()) {
            if place.final_at.is_none() {
                place.final_at = Some(now);
                self.record.newest_final = Some(last.block);
            }
        }
    }

    /// Final entries with a proof leave the window, in order.
    fn evidence(&mut self, last: &At) {
        while let Some(entry) = self.record.window.first() {
            let Some(evidenced) = self.proved(entry, last) else { return };
            let entry = self.record.window.remove(0);
            self.record.mirror.push(evidenced.block.time, &entry.value);
            if let Some(cost) = &entry.cost {
                self.record.spent.book(cost, self.now.at);
            }
            if let Some(Place { block, .. }) = entry.place {
                let (rollup, sequence) = (entry.rollup, entry.sequence);
                self.record.newest_evidenced = Some(Stand { rollup, sequence, block });
            }
            self.evidenced.push(evidenced);
        }
    }

    fn proved(&self, entry: &Entry, last: &At) -> Option<Evidenced> {
        let place = entry.place.as_ref().filter(|place| place.final_at.is_some())?;
        let proof = place.proof.as_ref().filter(|it| *it.block() == place.block)?;
        // An attempt of ours that could still be mined must not be forgotten: its nonce is not free.
        let is_spent = entry.sending.as_ref().is_none_or(|sending| sending.nonce < last.nonce);
        if !is_spent && self.is_same_account() {
            return None;
        }
        let (chain, hash) = (self.record.contract.chain, place.block.hash);
        let block =
            AnchoredBlock { chain, hash, number: place.block.number, time: place.block.time };
        let (rollup, sequence) = (entry.rollup, entry.sequence);
        Some(Evidenced { rollup, sequence, block, anchor: proof.anchor().to_owned() })
    }

    fn watch_finality(&mut self) {
        let now = self.now.at;
        let mut places =
            self.record.window.iter().filter_map(|it| Some((it.sequence, it.place.as_ref()?)));
        let Some((sequence, place)) = places.next() else { return };
        match place.final_at {
            None if now > after(place.seen_at, self.limits.final_within) => {
                let since = place.seen_at;
                self.alarms.push(Alarm::FinalityStalls { sequence, since });
            }
            Some(since) if place.proof.is_none() && now > after(since, CAPTURED_WITHIN) => {
                self.alarms.push(Alarm::NotProved { sequence });
            }
            None | Some(_) => {}
        }
    }

    /// Asks for the proofs that are missing. They are captured when an entry is mined, since nodes forget.
    fn capture(&mut self) {
        let captures = self.record.window.iter().filter_map(|entry| {
            let place = entry.place.as_ref().filter(|place| place.proof.is_none())?;
            let (sequence, value, block) = (entry.sequence, entry.value, place.block);
            let (transaction, index) = (place.transaction, place.index);
            Some(Action::Capture(Capture { sequence, value, block, transaction, index }))
        });
        self.actions.extend(captures.take(CAPTURES_MAX));
    }
}
