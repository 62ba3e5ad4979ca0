//! By which numbers the rules judge.

use crate::anomaly::{FUTURE_TOLERANCE_US, LATE_AFTER_US};

const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// The numbers that the rules judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// An event of a live stream is late if it occurred more than this before it was received.
    pub late_us: i64,
    /// It lies in the future if it occurred more than this after it was received.
    pub future_us: i64,
    /// It is back-dated if it occurred more than this before the event before it in its live stream.
    pub back_dated_us: i64,
    /// It is back-dated if it occurred more than this before the event before it of its document.
    pub document_back_dated_us: i64,
    /// A day has a burst only with so many revocations and deletions in a live stream.
    pub burst_minimum: u64,
    /// And with so many times as many as on an average day before.
    pub burst_factor: u64,
    /// How many days before are looked at, of which those count that have events.
    pub burst_days: u64,
    /// A live stream is silent only if nothing came for longer than this.
    pub silence_us: i64,
    /// And for longer than so many times its own average gap before.
    pub silence_factor: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            late_us: LATE_AFTER_US,
            future_us: FUTURE_TOLERANCE_US,
            back_dated_us: DAY_US,
            document_back_dated_us: 0,
            burst_minimum: 20,
            burst_factor: 5,
            burst_days: 28,
            silence_us: 7 * DAY_US,
            silence_factor: 5,
        }
    }
}
