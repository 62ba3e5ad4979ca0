//! The clock and its guard: no receipt is given on a clock known to be wrong.
//!
//! The wall clock is compared with the monotonic one, which nobody can set: once they part by more than a
//! second, the wall clock has jumped. Only what a clock is slewed by is followed, so that many small steps are
//! a jump too. A finalized block of a chain is a third clock: it cannot lie ahead of ours. (The writer itself
//! refuses a clock below the last entry.)

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use witness_core::{rollup::Contract, time::Timestamp};

/// How far the two clocks may part.
const DRIFT_MAX_US: u64 = 1_000_000;
/// The kernel slews a clock by at most 500 ppm (adjtimex(2)): one microsecond in so many.
const SLEW_DIVISOR: i128 = 2_000;
/// A jump is forgiven after the two clocks have gone side by side for so long: ours was set right.
const FORGIVEN_AFTER: Duration = Duration::from_mins(1);

/// How far a finalized block may lie ahead of the wall clock, in seconds: what miners and sequencers may be ahead of
/// it, and a little more.
const AHEAD_MAX_S: u64 = 60;

/// The time of the newest finalized block that each chain shows, in seconds since the epoch.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChainTime(Arc<Mutex<BTreeMap<Contract, u64>>>);

impl ChainTime {
    /// What a chain shows now. Nodes that lied about it are forgotten with the next look.
    pub(crate) fn saw(&self, contract: Contract, seconds: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(contract, seconds);
    }

    /// The time of the newest finalized block that any chain shows.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.values().copied().max().map(Timestamp::from_seconds)
    }

    /// The wall clock, if no finalized block lies too far ahead of it.
    fn check(&self, wall: Timestamp) -> Result<Timestamp, String> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = shown.values().copied().max().unwrap_or_default();
        let ahead_s = newest.saturating_sub(wall.seconds());
        if ahead_s <= AHEAD_MAX_S {
            return Ok(wall);
        }
        Err(format!("a finalized block of the chain lies {ahead_s} s ahead of the wall clock"))
    }
}

/// Two clocks read at about the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) wall: Timestamp,
    pub(crate) monotonic: Instant,
}

/// Compares each reading with the one that it trusts.
#[derive(Debug)]
pub(crate) struct Guard {
    trusted: Reading,
    /// Since when the wall clock has kept pace from a new base.
    suspect: Option<Reading>,
}

impl Guard {
    pub(crate) fn new(first: Reading) -> Self {
        Self { trusted: first, suspect: None }
    }

    /// The wall clock of a reading, if it is where the monotonic clock says it should be.
    pub(crate) fn check(&mut self, now: Reading) -> Result<Timestamp, String> {
        let parted = parted_us(self.trusted, now);
        if parted.unsigned_abs() <= u128::from(DRIFT_MAX_US) {
            self.trusted = self.trusted.slewed_to(now);
            self.suspect = None;
            return Ok(now.wall);
        }
        match self.suspect {
            Some(base) if parted_us(base, now).unsigned_abs() <= u128::from(DRIFT_MAX_US) => {
                if now.monotonic.duration_since(base.monotonic) >= FORGIVEN_AFTER {
                    *self = Self::new(now);
                    return Ok(now.wall);
                }
            }
            _ => self.suspect = Some(now),
        }
        Err(format!("the wall clock has jumped by {} ms against the monotonic one", parted / 1000))
    }
}

impl Reading {
    /// The base for readings after `now`: it keeps what the two clocks have parted by, less what a slew may
    /// have done meanwhile.
    fn slewed_to(self, now: Self) -> Self {
        // Over less than a second a slew is nothing that can be counted in microseconds.
        if elapsed_us(self, now) < 1_000_000 {
            return self;
        }
        let parted = parted_us(self, now);
        let slew = (elapsed_us(self, now) / SLEW_DIVISOR).min(parted.abs());
        let kept = parted - parted.signum() * slew;
        let wall = u64::try_from(i128::from(now.wall.micros()) - kept).unwrap_or_default();
        Self { wall: Timestamp::from_micros(wall), monotonic: now.monotonic }
    }
}

/// By how much more the wall clock has gone than the monotonic one.
fn parted_us(from: Reading, to: Reading) -> i128 {
    i128::from(to.wall.micros()) - i128::from(from.wall.micros()) - elapsed_us(from, to)
}

fn elapsed_us(from: Reading, to: Reading) -> i128 {
    let elapsed = to.monotonic.saturating_duration_since(from.monotonic).as_micros();
    i128::try_from(elapsed).unwrap_or(i128::MAX >> 1)
}

/// The machine's clocks.
#[derive(Debug)]
pub(crate) struct SystemClock {
    guard: Guard,
    chain_time: ChainTime,
    require_synchronised: bool,
}

impl SystemClock {
    pub(crate) fn new(require_synchronised: bool, chain_time: ChainTime) -> Self {
        Self { guard: Guard::new(read()), chain_time, require_synchronised }
    }
}

impl witness_ledger::Clock for SystemClock {
    fn now(&mut self) -> Result<Timestamp, String> {
        if self.require_synchronised && !is_synchronised() {
            return Err(
                "the kernel's clock is not synchronised; see timedatectl; only systemd-timesyncd is asked".to_owned()
            );
        }
        self.chain_time.check(self.guard.check(read())?)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "here, in `wall` and in `monotonic`, the clocks are read"
)]
fn read() -> Reading {
    Reading { wall: wall(), monotonic: Instant::now() }
}

/// The wall clock, for what is no receipt.
#[expect(
    clippy::disallowed_methods,
    reason = "here, in `read` and in `monotonic`, the clocks are read"
)]
pub(crate) fn wall() -> Timestamp {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_micros(u64::try_from(wall.as_micros()).unwrap_or(u64::MAX))
}

/// The monotonic clock, for what is counted by the second.
#[expect(
    clippy::disallowed_methods,
    reason = "here, and in `read` and `wall`, the clocks are read"
)]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// Whether time synchronisation says so: systemd-timesyncd keeps this file for others to ask.
fn is_synchronised() -> bool {
    std::path::Path::new("/run/systemd/timesync/synchronized").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: Instant, wall_ms: u64, monotonic_ms: u64) -> Reading {
        let wall = Timestamp::from_micros(1_000_000_000 + wall_ms * 1000);
        Reading { wall, monotonic: base + Duration::from_millis(monotonic_ms) }
    }

    #[test]
    fn a_jump_either_way_is_refused_and_a_drift_is_followed() {
        let base = read().monotonic;
        let mut guard = Guard::new(at(base, 0, 0));
        assert!(guard.check(at(base, 1_900, 1_000)).is_ok());
        assert!(guard.check(at(base, 4_000, 2_100)).is_err(), "forward");
        assert!(guard.check(at(base, 100, 2_200)).is_err(), "backward");
        assert!(guard.check(at(base, 2_900, 2_300)).is_ok(), "back in place");
        // A slew of 400 ppm for an hour is 1.4 s in all.
        let slewed = (1..=3_600)
            .map(|s| guard.check(at(base, 2_900 + s * 1_000 + s * 2 / 5, 2_300 + s * 1_000)));
        assert!(slewed.into_iter().all(|reading| reading.is_ok()));
    }

    #[test]
    fn a_clock_behind_a_finalized_block_is_refused_until_it_is_set_right() {
        let (chain, at_s) = (ChainTime::default(), Timestamp::from_seconds);
        assert!(chain.check(at_s(0)).is_ok());
        let [one, other] = [1, 2].map(|chain| Contract { chain, address: [0; 20] });
        chain.saw(one, 1_000);
        chain.saw(other, 900);
        assert!(chain.check(at_s(1_000 - AHEAD_MAX_S)).is_ok());
        let refused = chain.check(at_s(999 - AHEAD_MAX_S)).unwrap_err();
        assert!(refused.contains("61 s ahead"), "{refused}");
        assert!(chain.check(at_s(5_000)).is_ok(), "a chain may stand still");
        chain.saw(one, 100);
        assert!(chain.check(at_s(999 - AHEAD_MAX_S)).is_ok(), "what was a lie is forgotten");
    }

    #[test]
    fn a_slew_is_followed_however_often_the_clock_is_read() {
        let base = read().monotonic;
        let mut guard = Guard::new(at(base, 0, 0));
        // Half a second off, and back to nothing within the 1,000 s that a slew takes for it.
        assert!((0..1_100_000).all(|ms| guard.check(at(base, 500 + ms, ms)).is_ok()));
        assert!(guard.check(at(base, 1_100_000 + 500 + 900, 1_100_000)).is_ok());
    }

    #[test]
    fn many_small_steps_are_a_jump_too() {
        let base = read().monotonic;
        let mut guard = Guard::new(at(base, 0, 0));
        let steps: Vec<bool> =
            (1..=5).map(|step| guard.check(at(base, step * 400, step)).is_ok()).collect();
        assert_eq!(steps, [true, true, false, false, false]);
    }

    #[test]
    fn a_clock_that_was_set_right_is_trusted_after_a_while() {
        let base = read().monotonic;
        let mut guard = Guard::new(at(base, 0, 0));
        assert!(guard.check(at(base, 3_600_000, 10)).is_err());
        assert!(guard.check(at(base, 3_630_000, 30_010)).is_err());
        assert!(guard.check(at(base, 3_660_010, 60_020)).is_ok());
    }
}
