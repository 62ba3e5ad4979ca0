//! For how long the account's money lasts.

use witness_core::time::Timestamp;

use crate::worker::{limits::Limits, record::Record, seen::Seen};

const SECONDS_OF_A_DAY: u128 = 24 * 60 * 60;

/// For how many days the account's money lasts, by what the anchors of the last thirty days cost or else by the
/// most that one can cost; `None` if neither is known.
#[must_use]
pub fn runway_days(record: &Record, seen: &Seen, now: Timestamp, limits: &Limits) -> Option<u64> {
    let balance = seen.latest.as_ref()?.balance;
    let highest = || seen.fees.and_then(|it| it.bid.ceiling(limits.gas_limit, it.l1_fee).ok());
    let anchor = record.mean_cost(now).or_else(highest)?;
    // On average the jitter adds half an interval.
    let between = u128::from(limits.interval.as_secs().saturating_mul(3) / 2).max(1);
    let lasts = balance.checked_div(anchor)?.saturating_mul(between) / SECONDS_OF_A_DAY;
    Some(u64::try_from(lasts).unwrap_or(u64::MAX))
}
