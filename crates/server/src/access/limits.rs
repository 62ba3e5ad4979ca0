//! What each caller takes: calls, bytes, and how many at the same time.
//!
//! What must hold: who is within its limits is never refused for what somebody else does; strangers make no memory
//! grow; and bytes over the rate are waited for, never refused, so that a long call slows down and does not break.

use std::{
    borrow::Borrow,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::metrics::gauge::Gauge;
use tonic::{Code, Status};
use witness_wire::{refusal, v1};

use super::{Caller, Role, policy::Shape};
use crate::{config, places::Source};

/// Addresses that are told apart at a time; beyond so many, all others share one.
const SOURCES_MAX: usize = 16_384;
/// How often a full table is looked through for those who have not called for a while.
const SWEPT_EVERY: Duration = Duration::from_secs(1);
/// What may come at once after a pause: what a second allows.
const BURST: Duration = Duration::from_secs(1);
/// When to try again where it is not known when another call ends.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
const BYTES_PER_MIB: u32 = 1 << 20;

/// The meters of all who call.
#[derive(Debug)]
pub(crate) struct Limits {
    config: config::Limits,
    monotonic: fn() -> Instant,
    known: Mutex<Meters<Arc<str>>>,
    anybody: Mutex<Meters<Source>>,
    under_way: Gauge,
}

/// The meters of one kind of callers.
#[derive(Debug)]
struct Meters<K> {
    each: BTreeMap<K, Arc<Meter>>,
    /// For who finds no place among them.
    rest: Arc<Meter>,
    swept_at: Instant,
}

/// What one caller has taken.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: config::Limit,
    monotonic: fn() -> Instant,
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
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
pub(crate) struct Place {
    meter: Arc<Meter>,
    is_stream: bool,
    under_way: Gauge,
}

/// Which limit a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) limit: Limited,
    most: u32,
    pub(super) retry_after: Duration,
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limited {
    CallsPerS,
    Calls,
    Streams,
    UnfinishedMib,
    AuditCallsPerS,
}

impl Limited {
    /// The word in refusals and metrics.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::CallsPerS => "calls_per_s",
            Self::Calls => "calls",
            Self::Streams => "streams",
            Self::UnfinishedMib => "unfinished_mib",
            Self::AuditCallsPerS => "audit_calls_per_s",
        }
    }

    fn sentence(self, most: u32) -> String {
        let what = match self {
            Self::CallsPerS => format!("begin {most} calls in a second"),
            Self::Calls => format!("have {most} calls at the same time"),
            Self::Streams => format!("have {most} calls of many messages at the same time"),
            Self::UnfinishedMib => format!("have {most} MiB of unfinished requests"),
            Self::AuditCallsPerS => format!("begin {most} calls of AuditService in a second"),
        };
        format!("one caller may {what} at most; try again later")
    }
}

impl Limits {
    pub(crate) fn new(
        config: config::Limits,
        monotonic: fn() -> Instant,
        under_way: Gauge,
    ) -> Self {
        let known = Mutex::new(Meters::new(config.known, monotonic));
        let anybody = Mutex::new(Meters::new(config.anybody, monotonic));
        Self { config, monotonic, known, anybody, under_way }
    }

    /// After how long without progress a request is ended.
    pub(super) fn stalled_after(&self) -> Duration {
        Duration::from_secs(self.config.stalled_after_s)
    }

    /// After how long without anything a long call is ended.
    pub(super) fn idle_after(&self) -> Duration {
        Duration::from_secs(self.config.idle_after_s)
    }

    /// A place for a call.
    pub(super) fn enter(
        &self,
        caller: &Caller,
        source: Source,
        shape: Shape,
    ) -> Result<Place, Over> {
        let now = (self.monotonic)();
        let meter = match caller.role {
            Role::Anybody => lock(&self.anybody).of(&source, source, now),
            Role::Issuer(_) | Role::Regulator(_) | Role::Operator => {
                lock(&self.known).of(&*caller.id, Arc::clone(&caller.id), now)
            }
        };
        let is_stream = shape != Shape::Unary;
        meter.enter(is_stream, now)?;
        let under_way = self.under_way.clone();
        under_way.inc();
        Ok(Place { meter, is_stream, under_way })
    }

    /// Counts a call of who has a scope: its record is kept for ever.
    pub(super) fn audit(&self, place: &Place) -> Result<(), Over> {
        let (now, most) = ((self.monotonic)(), self.config.audit.calls_per_s);
        let mut taken = lock(&place.meter.taken);
        let until = next_call(taken.audit_until, most, now);
        taken.audit_until = until.map_err(|retry_after| Over {
            limit: Limited::AuditCallsPerS,
            most,
            retry_after,
        })?;
        Ok(())
    }
}

/// Until when the rate is used up once another call has begun; an error is when it may.
fn next_call(until: Instant, per_s: u32, now: Instant) -> Result<Instant, Duration> {
    let until = until.max(now) + BURST / per_s;
    let ahead = until.duration_since(now);
    if ahead > BURST { Err(ahead.saturating_sub(BURST)) } else { Ok(until) }
}

impl<K: Ord> Meters<K> {
    fn new(limit: config::Limit, monotonic: fn() -> Instant) -> Self {
        let rest = Arc::new(Meter::new(limit, monotonic, monotonic()));
        Self { each: BTreeMap::new(), rest, swept_at: monotonic() }
    }

    fn of<Q: Ord + ?Sized>(&mut self, whose: &Q, key: K, now: Instant) -> Arc<Meter>
    where
        K: Borrow<Q>,
    {
        if let Some(meter) = self.each.get(whose) {
            return Arc::clone(meter);
        }
        if self.each.len() >= SOURCES_MAX && now.duration_since(self.swept_at) >= SWEPT_EVERY {
            self.swept_at = now;
            // One that takes nothing is as good as a new one.
            self.each.retain(|_, meter| Arc::strong_count(meter) > 1 || !meter.is_idle(now));
        }
        if self.each.len() >= SOURCES_MAX {
            return Arc::clone(&self.rest);
        }
        let meter = Arc::new(Meter::new(self.rest.limit, self.rest.monotonic, now));
        self.each.insert(key, Arc::clone(&meter));
        meter
    }
}

impl Meter {
    /// One of which nothing is taken at a time.
    fn new(limit: config::Limit, monotonic: fn() -> Instant, now: Instant) -> Self {
        let taken = Taken {
            calls_until: now,
            audit_until: now,
            bytes_until: now,
            calls: 0,
            streams: 0,
            unfinished: 0,
        };
        Self { limit, monotonic, taken: Mutex::new(taken) }
    }

    fn is_idle(&self, now: Instant) -> bool {
        let taken = lock(&self.taken);
        let until = taken.calls_until.max(taken.audit_until).max(taken.bytes_until);
        taken.calls == 0 && until <= now
    }

    fn enter(&self, is_stream: bool, now: Instant) -> Result<(), Over> {
        let over = |limit, most, retry_after| Err(Over { limit, most, retry_after });
        let mut taken = lock(&self.taken);
        let calls_until = match next_call(taken.calls_until, self.limit.calls_per_s, now) {
            Ok(until) => until,
            Err(after) => return over(Limited::CallsPerS, self.limit.calls_per_s, after),
        };
        if taken.calls >= self.limit.calls {
            return over(Limited::Calls, self.limit.calls, TRY_AGAIN_AFTER);
        }
        if is_stream && taken.streams >= self.limit.streams {
            return over(Limited::Streams, self.limit.streams, TRY_AGAIN_AFTER);
        }
        taken.calls_until = calls_until;
        taken.calls += 1;
        taken.streams += u32::from(is_stream);
        Ok(())
    }

    /// Counts bytes that came; gives how long nothing more may be read.
    pub(super) fn bytes(&self, count: usize) -> Duration {
        let now = (self.monotonic)();
        let per_s = u64::from(self.limit.mib_per_s) * u64::from(BYTES_PER_MIB);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let cost = Duration::from_nanos(count.saturating_mul(1_000_000_000) / per_s);
        let mut taken = lock(&self.taken);
        taken.bytes_until = taken.bytes_until.max(now) + cost;
        taken.bytes_until.duration_since(now).saturating_sub(BURST)
    }
}

/// Bytes of a message that has not come to its end, until it has, or this is dropped.
#[derive(Debug)]
pub(super) struct Unfinished {
    meter: Arc<Meter>,
    bytes: u64,
}

impl Unfinished {
    pub(super) fn new(meter: Arc<Meter>) -> Self {
        Self { meter, bytes: 0 }
    }

    /// So many are unfinished from now on, if its caller may have as many.
    pub(super) fn set(&mut self, bytes: u64) -> Result<(), Over> {
        let most = self.meter.limit.unfinished_mib;
        let mut taken = lock(&self.meter.taken);
        let all = taken.unfinished - self.bytes + bytes;
        if bytes > self.bytes && all > u64::from(most) * u64::from(BYTES_PER_MIB) {
            let limit = Limited::UnfinishedMib;
            return Err(Over { limit, most, retry_after: TRY_AGAIN_AFTER });
        }
        taken.unfinished = all;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        lock(&self.meter.taken).unfinished -= self.bytes;
    }
}

impl Place {
    /// Where the call's bytes are counted.
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.meter.taken);
        taken.calls -= 1;
        taken.streams -= u32::from(self.is_stream);
        self.under_way.dec();
    }
}

impl Over {
    /// The refusal, with when to try again.
    pub(super) fn status(&self) -> Status {
        let Self { limit, most, retry_after } = *self;
        let code = u32::try_from(i32::from(Code::ResourceExhausted)).unwrap_or(2);
        let metadata = [("limit", limit.word().to_owned()), ("most", most.to_string())];
        let refused = v1::Refusal {
            code,
            reason: "OVER_LIMIT".to_owned(),
            message: limit.sentence(most),
            metadata: metadata.map(|(name, value)| (name.to_owned(), value)).into(),
        };
        refusal::to_status_later(&refused, retry_after)
    }
}

/// Nothing is left half-changed where somebody panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };

    use super::*;

    static START: LazyLock<Instant> = LazyLock::new(crate::clock::monotonic);
    /// Only the test that has the lock turns it.
    static MILLIS: AtomicU64 = AtomicU64::new(0);
    static TURN: Mutex<()> = Mutex::new(());

    fn clock() -> Instant {
        *START + Duration::from_millis(MILLIS.load(Ordering::Relaxed))
    }

    fn pass(millis: u64) {
        MILLIS.fetch_add(millis, Ordering::Relaxed);
    }

    fn limits() -> Limits {
        let limit = config::Limit {
            calls_per_s: 10,
            mib_per_s: 1,
            unfinished_mib: 2,
            calls: 4,
            streams: 2,
        };
        let audit = config::AuditLimit { calls_per_s: 2, ..config::AuditLimit::default() };
        let config =
            config::Limits { anybody: limit, known: limit, audit, ..config::Limits::default() };
        Limits::new(config, clock, Gauge::default())
    }

    fn stranger(number: u32) -> Source {
        Source::V4(Ipv4Addr::from_bits(number))
    }

    fn call(limits: &Limits, number: u32, shape: Shape) -> Result<Place, &'static str> {
        let entered = limits.enter(&Caller::anybody(), stranger(number), shape);
        entered.map_err(|over| over.limit.word())
    }

    #[test]
    fn calls_beyond_a_rate_are_refused_until_their_time_and_nobody_elses_are() {
        let _turn = lock(&TURN);
        let limits = limits();
        let unary = |number| call(&limits, number, Shape::Unary).map(drop);
        assert!((0..10).all(|_| unary(1).is_ok()));
        let over = limits.enter(&Caller::anybody(), stranger(1), Shape::Unary).unwrap_err();
        assert_eq!(
            (over.limit, over.retry_after),
            (Limited::CallsPerS, Duration::from_millis(100))
        );
        assert_eq!(unary(2), Ok(()));
        let known = Caller { id: "c-0badcafe".into(), role: Role::Operator };
        assert!(limits.enter(&known, stranger(1), Shape::Unary).is_ok());
        pass(100);
        assert_eq!((unary(1), unary(1)), (Ok(()), Err("calls_per_s")));
        pass(5_000);
        assert!((0..10).all(|_| unary(1).is_ok()));
        assert_eq!(unary(1), Err("calls_per_s"));
    }

    /// Each look at this clock takes time.
    fn ticking() -> Instant {
        pass(1);
        clock()
    }

    #[test]
    fn the_first_call_of_a_caller_is_let_in_however_low_the_rate() {
        let _turn = lock(&TURN);
        let limit = config::Limit { calls_per_s: 1, ..config::Limit::default() };
        let config = config::Limits { anybody: limit, ..config::Limits::default() };
        let limits = Limits::new(config, ticking, Gauge::default());
        assert!(call(&limits, 1, Shape::Unary).is_ok());
    }

    #[test]
    fn calls_that_are_recorded_have_a_rate_of_their_own() {
        let _turn = lock(&TURN);
        let limits = limits();
        let places: Vec<_> = (0..3).map(|_| call(&limits, 1, Shape::Unary).unwrap()).collect();
        let audits: Vec<_> = places.iter().map(|place| limits.audit(place)).collect();
        let over = audits[2].unwrap_err();
        assert_eq!((audits[0], audits[1], over.limit), (Ok(()), Ok(()), Limited::AuditCallsPerS));
        assert!(call(&limits, 1, Shape::Unary).is_ok(), "what is public goes on");
        pass(500);
        assert_eq!(limits.audit(&places[0]), Ok(()));
    }

    #[test]
    fn calls_at_the_same_time_are_bounded_until_one_ends() {
        let _turn = lock(&TURN);
        let limits = limits();
        let streams: Vec<_> = (0..2).map(|_| call(&limits, 1, Shape::Stream).unwrap()).collect();
        assert_eq!(call(&limits, 1, Shape::Answers).map(drop), Err("streams"));
        let calls: Vec<_> = (0..2).map(|_| call(&limits, 1, Shape::Unary).unwrap()).collect();
        assert_eq!(call(&limits, 1, Shape::Unary).map(drop), Err("calls"));
        assert_eq!(limits.under_way.get(), 4);
        drop((streams, calls));
        assert_eq!(limits.under_way.get(), 0);
        assert!(call(&limits, 1, Shape::Answers).is_ok());
    }

    #[test]
    fn bytes_over_the_rate_are_waited_for() {
        let _turn = lock(&TURN);
        let limits = limits();
        let meter = call(&limits, 1, Shape::Stream).unwrap().meter();
        assert_eq!(meter.bytes(1 << 20), Duration::ZERO, "a second's worth at once");
        assert_eq!(meter.bytes(1 << 19), Duration::from_millis(500));
        pass(250);
        assert_eq!(meter.bytes(0), Duration::from_millis(250));
        pass(60_000);
        assert_eq!(meter.bytes(1 << 20), Duration::ZERO);
    }

    #[test]
    fn unfinished_bytes_are_bounded_over_all_calls_of_a_caller() {
        let _turn = lock(&TURN);
        let limits = limits();
        let meter = call(&limits, 1, Shape::Unary).unwrap().meter();
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
        assert_eq!(lock(&meter.taken).unfinished, 0);
    }

    #[test]
    fn any_number_of_strangers_takes_bounded_memory_and_each_is_told_apart_again() {
        let _turn = lock(&TURN);
        let limits = limits();
        let most = u32::try_from(SOURCES_MAX).unwrap();
        let stays = call(&limits, 0, Shape::Unary).unwrap();
        for number in 1..most + 9 {
            call(&limits, number, Shape::Unary).unwrap();
        }
        // Those that found no place share one meter.
        assert!(call(&limits, most + 9, Shape::Unary).is_ok());
        assert!(call(&limits, most + 9, Shape::Unary).is_err());
        assert_eq!(lock(&limits.anybody).each.len(), SOURCES_MAX);
        pass(2_000);
        assert!((0..10).all(|_| call(&limits, most + 9, Shape::Unary).is_ok()));
        // Who calls still is not forgotten.
        assert_eq!(lock(&limits.anybody).each.len(), 2);
        drop(stays);
    }
}
