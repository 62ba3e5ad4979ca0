//! What each caller takes: calls, bytes, and how many at the same time.
//!
//! What must hold: who is within its limits is never refused for what somebody else does; strangers make no memory
//! grow; and bytes over the rate are waited for, never refused, so that a long call slows down and does not break.

use std::{
    borrow::Borrow,
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use prometheus_client::metrics::gauge::Gauge;

use super::{
    Caller, Role,
    meter::{Meter, Place, lock},
    over::Over,
    policy::Shape,
};
use crate::{config, places::Source};

/// Addresses that are told apart at a time; beyond so many, all others share one.
const SOURCES_MAX: usize = 16_384;
/// How often a full table is looked through for those who have not called for a while.
const SWEPT_EVERY: Duration = Duration::from_secs(1);

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
        Place::take(meter, shape, self.under_way.clone(), now)
    }

    /// Counts a call of who has a scope: its record is kept for ever.
    pub(super) fn audit(&self, place: &Place) -> Result<(), Over> {
        place.audit(self.config.audit.calls_per_s, (self.monotonic)())
    }
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
        let meter = Arc::new(self.rest.another(now));
        self.each.insert(key, Arc::clone(&meter));
        meter
    }
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

    use super::{super::over::Limited, *};

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
        let limit =
            config::Limit { calls_per_s: 10, calls: 4, streams: 2, ..config::Limit::default() };
        let config = config::Limits { anybody: limit, known: limit, ..config::Limits::default() };
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
