//! What anchors have cost, by the hour, so that a rolling day and thirty days can be summed and a budget kept.
//!
//! What must hold: a cost is counted from the moment it is signed, at its highest, and never falls out of a sum
//! early: an hour counts while any part of it lies in the span. Only thirty days are kept.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use witness_core::time::Timestamp;

use super::{
    limits::Limits,
    record::{Record, written},
    time::before,
};

/// A rolling day.
pub const DAY: Duration = Duration::from_hours(24);
/// A rolling month, always thirty days.
pub const MONTH: Duration = Duration::from_hours(24 * 30);
const HOUR_MICROS: u64 = 3_600_000_000;
/// Thirty days and the hour under way.
const HOURS_MAX: usize = 30 * 24 + 1;

/// What one anchor costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// When it was signed last, or mined if somebody else sent it.
    #[serde(with = "written::time")]
    pub at: Timestamp,
    /// The most that any attempt of it can cost, in wei.
    #[serde(with = "written")]
    pub reserved: u128,
    /// What it did cost, once it is mined and the receipt says so.
    #[serde(with = "written::maybe")]
    pub settled: Option<u128>,
}

impl Cost {
    /// What a budget must count, in wei.
    #[must_use]
    pub fn wei(&self) -> u128 {
        self.settled.unwrap_or(self.reserved)
    }
}

/// The cost of anchors that need no watching any more, by the hour of their signature.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    hours: Vec<Hour>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hour {
    anchors: u64,
    /// Since the epoch.
    number: u64,
    #[serde(with = "written")]
    wei: u128,
}

impl Hour {
    fn end(&self) -> Timestamp {
        Timestamp::from_micros((self.number + 1).saturating_mul(HOUR_MICROS))
    }
}

impl Spent {
    /// Books what an anchor cost, and forgets what is older than thirty days.
    pub fn book(&mut self, cost: &Cost, now: Timestamp) {
        let hour = cost.at.micros() / HOUR_MICROS;
        let place = self.hours.partition_point(|it| it.number < hour);
        match self.hours.get_mut(place).filter(|it| it.number == hour) {
            Some(it) => {
                it.wei = it.wei.saturating_add(cost.wei());
                it.anchors += 1;
            }
            None => self.hours.insert(place, Hour { anchors: 1, number: hour, wei: cost.wei() }),
        }
        self.hours.retain(|it| it.end() > before(now, MONTH));
        let surplus = self.hours.len().saturating_sub(HOURS_MAX);
        self.hours.drain(..surplus);
    }

    /// Whether it is in order and no longer than it can become.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let ascends = |pair: &[Hour]| matches!(pair, [one, next] if one.number < next.number);
        let sane = |it: &Hour| it.number < u64::MAX / HOUR_MICROS;
        self.hours.len() <= HOURS_MAX
            && self.hours.windows(2).all(ascends)
            && self.hours.iter().all(sane)
    }

    fn since(&self, from: Timestamp) -> u128 {
        let counted = self.hours.iter().filter(|it| it.end() > from);
        counted.fold(0, |sum, it| sum.saturating_add(it.wei))
    }
}

/// Which limit on money would be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// One anchor would cost more than an anchor may.
    Anchor,
    /// The last 24 hours and this anchor would cost more than a day may.
    Day,
    /// The last thirty days and this anchor would cost more than they may.
    Month,
}

impl Record {
    /// What the span before `now` cost, with what is reserved; the entry `without` left out.
    #[must_use]
    pub fn spent(&self, now: Timestamp, span: Duration, without: Option<u64>) -> u128 {
        let from = before(now, span);
        let open = self.window.iter().filter(|entry| Some(entry.sequence) != without);
        let open = open.filter_map(|entry| entry.cost.as_ref()).filter(|cost| cost.at > from);
        open.fold(self.spent.since(from), |sum, cost| sum.saturating_add(cost.wei()))
    }

    /// The first limit that `wei` for the entry `sequence` would break, and by how far: limit and need in wei.
    #[must_use]
    pub fn over_budget(
        &self,
        (sequence, wei): (u64, u128),
        now: Timestamp,
        limits: &Limits,
    ) -> Option<(Budget, u128, u128)> {
        let with = |span| self.spent(now, span, Some(sequence)).saturating_add(wei);
        let checks = [
            (Budget::Anchor, limits.anchor_wei_max, wei),
            (Budget::Day, limits.day_wei_max, with(DAY)),
            (Budget::Month, limits.month_wei_max, with(MONTH)),
        ];
        checks.into_iter().find(|(_, limit, need)| need > limit)
    }

    /// What an anchor of the last thirty days cost on average, in wei; `None` if there was none.
    #[must_use]
    pub fn mean_cost(&self, now: Timestamp) -> Option<u128> {
        let from = before(now, MONTH);
        let open = self.window.iter().filter_map(|entry| entry.cost.as_ref());
        let open = open.filter(|cost| cost.at > from).count();
        let hours = self.spent.hours.iter().filter(|it| it.end() > from);
        let anchors: u64 = hours.map(|it| it.anchors).sum();
        let anchors = u128::from(anchors) + u128::try_from(open).unwrap_or(u128::MAX);
        self.spent(now, MONTH, None).checked_div(anchors)
    }
}
