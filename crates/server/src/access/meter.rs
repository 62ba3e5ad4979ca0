//! What one caller has of its limits: the calls and bytes that it has taken, and what it gives back.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::metrics::gauge::Gauge;

use super::{
    over::{Limited, Over},
    policy::Shape,
};
use crate::config;

/// What may come at once after a pause: what a second allows.
const BURST: Duration = Duration::from_secs(1);
/// When to try again where it is not known when another call ends.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
const BYTES_PER_MIB: u32 = 1 << 20;

/// What one caller has taken.
#[derive(Debug)]
pub(super) struct Meter {
    limit: config::Limit,
    monotonic: fn() -> Instant,
    tally: Mutex<Tally>,
}

#[derive(Debug)]
struct Tally {
    /// Until when what was taken uses up the rate, if nothing more is taken: the generic cell rate algorithm (ITU-T
    /// I.371), so that a rate is one point in time.
    calls_until: Instant,
    audit_until: Instant,
    bytes_until: Instant,
    calls: u32,
    streams: u32,
    /// Bytes of messages that have not come to their end.
    unfinished: u64,
}

/// A call's place among those of its caller, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    meter: Arc<Meter>,
    shape: Shape,
    under_way: Gauge,
}

/// Bytes of a message that has not come to its end, until it has, or this is dropped.
#[derive(Debug)]
pub(super) struct Unfinished {
    meter: Arc<Meter>,
    bytes: u64,
}

impl Meter {
    /// One of which nothing is taken at a time.
    pub(super) fn new(limit: config::Limit, monotonic: fn() -> Instant, now: Instant) -> Self {
        let tally = Tally {
            calls_until: now,
            audit_until: now,
            bytes_until: now,
            calls: 0,
            streams: 0,
            unfinished: 0,
        };
        Self { limit, monotonic, tally: Mutex::new(tally) }
    }

    /// One of the same limits of which nothing is taken at a time.
    pub(super) fn another(&self, now: Instant) -> Self {
        Self::new(self.limit, self.monotonic, now)
    }

    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let tally = lock(&self.tally);
        let until = tally.calls_until.max(tally.audit_until).max(tally.bytes_until);
        tally.calls == 0 && until <= now
    }

    fn enter(&self, shape: Shape, now: Instant) -> Result<(), Over> {
        let over = |limit, most, retry_after| Err(Over { limit, most, retry_after });
        let mut tally = lock(&self.tally);
        let calls_until = match next_call(tally.calls_until, self.limit.calls_per_s, now) {
            Ok(until) => until,
            Err(after) => return over(Limited::CallsPerS, self.limit.calls_per_s, after),
        };
        if tally.calls >= self.limit.calls {
            return over(Limited::Calls, self.limit.calls, TRY_AGAIN_AFTER);
        }
        if is_stream(shape) && tally.streams >= self.limit.streams {
            return over(Limited::Streams, self.limit.streams, TRY_AGAIN_AFTER);
        }
        tally.calls_until = calls_until;
        tally.calls += 1;
        tally.streams += u32::from(is_stream(shape));
        Ok(())
    }

    /// Counts bytes that came; gives how long nothing more may be read.
    pub(super) fn bytes(&self, count: usize) -> Duration {
        let now = (self.monotonic)();
        let per_s = u64::from(self.limit.mib_per_s) * u64::from(BYTES_PER_MIB);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let cost = Duration::from_nanos(count.saturating_mul(1_000_000_000) / per_s);
        let mut tally = lock(&self.tally);
        tally.bytes_until = tally.bytes_until.max(now) + cost;
        tally.bytes_until.duration_since(now).saturating_sub(BURST)
    }
}

/// Until when the rate is used up once another call has begun; an error is when it may.
fn next_call(until: Instant, per_s: u32, now: Instant) -> Result<Instant, Duration> {
    let until = until.max(now) + BURST / per_s;
    let ahead = until.duration_since(now);
    if ahead > BURST { Err(ahead.saturating_sub(BURST)) } else { Ok(until) }
}

/// Whether a call counts among those of many messages.
fn is_stream(shape: Shape) -> bool {
    shape != Shape::Unary
}

impl Place {
    /// Takes one, if its caller may have it.
    pub(super) fn take(
        meter: Arc<Meter>,
        shape: Shape,
        under_way: Gauge,
        now: Instant,
    ) -> Result<Self, Over> {
        meter.enter(shape, now)?;
        under_way.inc();
        Ok(Self { meter, shape, under_way })
    }

    /// Counts the call among those of which so many may begin in a second, since each is recorded.
    pub(super) fn audit(&self, most: u32, now: Instant) -> Result<(), Over> {
        let mut tally = lock(&self.meter.tally);
        let until = next_call(tally.audit_until, most, now);
        tally.audit_until = until.map_err(|retry_after| Over {
            limit: Limited::AuditCallsPerS,
            most,
            retry_after,
        })?;
        Ok(())
    }

    /// Where the call's bytes are counted.
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tally = lock(&self.meter.tally);
        tally.calls -= 1;
        tally.streams -= u32::from(is_stream(self.shape));
        self.under_way.dec();
    }
}

impl Unfinished {
    pub(super) fn new(meter: Arc<Meter>) -> Self {
        Self { meter, bytes: 0 }
    }

    /// So many are unfinished from now on, if its caller may have as many.
    pub(super) fn set(&mut self, bytes: u64) -> Result<(), Over> {
        let most = self.meter.limit.unfinished_mib;
        let mut tally = lock(&self.meter.tally);
        let all = tally.unfinished - self.bytes + bytes;
        if bytes > self.bytes && all > u64::from(most) * u64::from(BYTES_PER_MIB) {
            let limit = Limited::UnfinishedMib;
            return Err(Over { limit, most, retry_after: TRY_AGAIN_AFTER });
        }
        tally.unfinished = all;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        lock(&self.meter.tally).unfinished -= self.bytes;
    }
}

/// Nothing is left half-changed where somebody panics.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    static START: LazyLock<Instant> = LazyLock::new(crate::clock::monotonic);
    /// Only the test of a rate of bytes turns it.
    static MILLIS: AtomicU64 = AtomicU64::new(0);

    fn clock() -> Instant {
        *START + Duration::from_millis(MILLIS.load(Ordering::Relaxed))
    }

    fn meter() -> Arc<Meter> {
        let limit = config::Limit { mib_per_s: 1, unfinished_mib: 2, ..config::Limit::default() };
        Arc::new(Meter::new(limit, clock, *START))
    }

    #[test]
    fn calls_that_are_recorded_have_a_rate_of_their_own() {
        let meter = meter();
        let enter =
            || Place::take(Arc::clone(&meter), Shape::Unary, Gauge::default(), *START).unwrap();
        let places: Vec<_> = (0..3).map(|_| enter()).collect();
        let audits: Vec<_> = places.iter().map(|place| place.audit(2, *START)).collect();
        let over = audits[2].unwrap_err();
        assert_eq!((audits[0], audits[1], over.limit), (Ok(()), Ok(()), Limited::AuditCallsPerS));
        drop(enter()); // What is public goes on.
        assert_eq!(places[0].audit(2, *START + over.retry_after), Ok(()));
        assert_eq!(over.retry_after, Duration::from_millis(500));
    }

    #[test]
    fn bytes_over_the_rate_are_waited_for() {
        let (meter, pass) = (meter(), |millis| MILLIS.fetch_add(millis, Ordering::Relaxed));
        assert_eq!(meter.bytes(1 << 20), Duration::ZERO, "a second's worth at once");
        assert_eq!(meter.bytes(1 << 19), Duration::from_millis(500));
        pass(250);
        assert_eq!(meter.bytes(0), Duration::from_millis(250));
        pass(60_000);
        assert_eq!(meter.bytes(1 << 20), Duration::ZERO);
    }

    #[test]
    fn unfinished_bytes_are_bounded_over_all_calls_of_a_caller() {
        let meter = meter();
        let [mut one, mut other] = [(); 2].map(|()| Unfinished::new(Arc::clone(&meter)));
        one.set(1 << 20).unwrap();
        other.set(1 << 20).unwrap();
        assert_eq!(one.set((1 << 20) + 1).map_err(|over| over.limit), Err(Limited::UnfinishedMib));
        // What was finished, or given up, is free again.
        one.set(0).unwrap();
        one.set(1 << 20).unwrap();
        drop(one);
        other.set(2 << 20).unwrap();
        drop(other);
        assert_eq!(lock(&meter.tally).unfinished, 0);
    }
}
