//! What the worker may spend and how long it waits: settings of the operator, as values.

use core::time::Duration;

use crate::fees::GAS_LIMIT;

/// Limits for one contract. Money is in wei.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Time between anchors, to which jitter of up to the same is added.
    pub interval: Duration,
    /// After this time without an anchor the newest roll-up is anchored even if it was anchored before: that the
    /// firm lives is evidence too.
    pub heartbeat: Duration,
    /// The tip at least: some chains refuse low ones.
    pub tip_wei_min: u128,
    /// Gas limit of a commit. Fixed, since the most that a commit takes is known.
    pub gas_limit: u64,
    /// An attempt that is not mined after this time, and after [`bump_after_blocks`](Self::bump_after_blocks),
    /// is followed by one with higher fees.
    pub bump_after: Duration,
    /// See [`bump_after`](Self::bump_after).
    pub bump_after_blocks: u64,
    /// Most attempts with higher fees, after the first.
    pub bumps_max: usize,
    /// Most that one anchor may cost.
    pub anchor_wei_max: u128,
    /// Most that 24 hours may cost.
    pub day_wei_max: u128,
    /// Most that thirty days may cost.
    pub month_wei_max: u128,
    /// Money for fewer days than this raises an alarm.
    pub runway_days_min: u64,
    /// An anchor that is mined and not final after this time raises an alarm.
    pub final_within: Duration,
}

impl Limits {
    /// Limits that suit a layer 2 such as Base, but for the money, which the caller knows.
    #[must_use]
    pub fn layer2(anchor_wei_max: u128, day_wei_max: u128, month_wei_max: u128) -> Self {
        Self {
            interval: Duration::from_mins(10),
            heartbeat: Duration::from_hours(24),
            tip_wei_min: 1,
            gas_limit: GAS_LIMIT,
            bump_after: Duration::from_mins(1),
            bump_after_blocks: 3,
            bumps_max: 8,
            anchor_wei_max,
            day_wei_max,
            month_wei_max,
            runway_days_min: 14,
            final_within: Duration::from_hours(2),
        }
    }

    /// Limits that suit Ethereum itself, but for the money.
    #[must_use]
    pub fn layer1(anchor_wei_max: u128, day_wei_max: u128, month_wei_max: u128) -> Self {
        Self {
            interval: Duration::from_hours(24),
            bump_after: Duration::from_mins(6),
            ..Self::layer2(anchor_wei_max, day_wei_max, month_wei_max)
        }
    }
}
