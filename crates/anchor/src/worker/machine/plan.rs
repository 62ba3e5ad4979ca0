//! When the next anchor is due, and what it carries.

use witness_core::hash::Hash;

use super::Turn;
use crate::worker::{
    alarm::Alarm,
    limits::Limits,
    record::{Cadence, Entry, WINDOW_MAX},
    seen::At,
    time::after,
};

impl Turn<'_> {
    /// Plans an entry and signs it at once, or does neither: what cannot be signed now will be planned later, with
    /// the roll-up that is newest then.
    pub(super) fn plan(&mut self, latest: &At) {
        let Some((rollup, value)) = self.seen.newest.filter(|newest| self.is_due(newest.1)) else {
            return;
        };
        if self.record.window.len() >= WINDOW_MAX {
            return self.alarms.push(Alarm::WindowFull(WINDOW_MAX));
        }
        let sequence = self.record.next_sequence();
        let Some((nonce, bid, cost)) = self.ready(sequence, latest) else { return };
        let now = self.now.at;
        let entry = Entry::planned(sequence, (rollup, value), now);
        self.record.window.push(entry.clone());
        let next_at = Some(after(after(now, self.limits.interval), self.now.jitter));
        self.record.cadence = Cadence { next_at, planned_at: Some(now), value: Some(value) };
        self.sign(&entry, nonce, (bid, cost), latest);
    }

    fn is_due(&self, newest: Hash) -> bool {
        let Cadence { next_at, planned_at, value } = self.record.cadence;
        let Limits { heartbeat, interval, .. } = self.limits;
        let now = self.now.at;
        // What was planned by a clock that ran ahead must not hold up anything.
        let farthest = after(after(now, *interval), *interval);
        let is_new = value != Some(newest);
        let is_silent =
            planned_at.is_none_or(|planned| now >= after(planned, *heartbeat) || planned > now);
        next_at.is_none_or(|next| now >= next || next > farthest) && (is_new || is_silent)
    }
}
