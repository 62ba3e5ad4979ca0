//! Answers that are made and not taken: the receiver decides when it takes what is sent to it (RFC 9113 section 5.2),
//! and until then it is held here.
//!
//! What must hold: a connection on which an answer is not taken in its time is closed, since nothing less frees what
//! HTTP/2 has taken over; all connections together hold no more than their bound; and who holds no more than an equal
//! part of that is not closed for what others hold.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;
use witness_wire::Bytes;

/// Answers must be taken at this rate at least, on the whole.
const TAKEN_BYTES_PER_S_MIN: u64 = 64 << 10;

/// How long so many bytes may wait to be taken: so long, and as much longer as they need.
pub(crate) fn to_be_taken_within(bytes: usize, stalled_after: Duration) -> Duration {
    stalled_after + Duration::from_secs(as_u64(bytes) / TAKEN_BYTES_PER_S_MIN)
}

/// What all connections together have not taken yet.
#[derive(Debug)]
pub(crate) struct AllUntaken {
    most: u64,
    bytes: AtomicU64,
    /// The same, to be seen.
    shown: Gauge,
    each: Mutex<Vec<Weak<Untaken>>>,
}

/// What one connection has not taken yet.
#[derive(Debug)]
pub(crate) struct Untaken {
    all: Arc<AllUntaken>,
    bytes: AtomicU64,
    /// Bytes among them that were handed over, and so are on their way.
    handed: AtomicUsize,
    /// Whether the connection is to be closed because it holds too much.
    is_shed: AtomicBool,
    pieces: Mutex<Pieces>,
}

#[derive(Debug, Default)]
struct Pieces {
    next: u64,
    /// Until when each is waited for.
    until: BTreeMap<u64, Instant>,
}

/// A piece of an answer, until it is dropped because it was taken or given up.
#[derive(Debug)]
pub(crate) struct Piece {
    untaken: Arc<Untaken>,
    number: u64,
    bytes: u64,
    handed: usize,
}

/// Bytes that are counted for as long as anybody holds them.
struct Counted {
    bytes: Bytes,
    _piece: Piece,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AllUntaken {
    /// So many bytes at most.
    pub(crate) fn new(most: u64, shown: Gauge) -> Arc<Self> {
        Arc::new(Self { most, bytes: AtomicU64::new(0), shown, each: Mutex::default() })
    }

    /// Another connection.
    pub(crate) fn connection(self: &Arc<Self>) -> Arc<Untaken> {
        let untaken = Arc::new(Untaken {
            all: Arc::clone(self),
            bytes: AtomicU64::new(0),
            handed: AtomicUsize::new(0),
            is_shed: AtomicBool::new(false),
            pieces: Mutex::default(),
        });
        let mut each = lock(&self.each);
        each.retain(|other| other.strong_count() > 0);
        each.push(Arc::downgrade(&untaken));
        untaken
    }

    fn add(&self, bytes: u64) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.show();
        if before + bytes > self.most {
            self.shed();
        }
    }

    fn remove(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.show();
    }

    fn show(&self) {
        let bytes = i64::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        self.shown.set(bytes);
    }

    /// Has those connections closed that hold most, until the rest is within the bound. So none is that holds no more
    /// than its part: where all hold as much as that at most, the bound is kept.
    fn shed(&self) {
        let each = lock(&self.each);
        let living = each.iter().filter_map(Weak::upgrade);
        let living = living.filter(|untaken| !untaken.is_shed.load(Ordering::Relaxed));
        let mut held: Vec<_> =
            living.map(|untaken| (untaken.bytes.load(Ordering::Relaxed), untaken)).collect();
        held.sort_by_key(|(bytes, _)| *bytes);
        let mut all: u64 = held.iter().map(|(bytes, _)| bytes).sum();
        while all > self.most
            && let Some((bytes, most)) = held.pop()
        {
            all -= bytes;
            most.is_shed.store(true, Ordering::Relaxed);
            tracing::warn!(
                bytes,
                "too many answers wait to be taken: the connection with most of them is closed"
            );
        }
    }
}

impl Untaken {
    /// Room for so many bytes that may have been made, and are not asked for, from now on.
    pub(crate) fn ahead(self: &Arc<Self>, bytes: usize, within: Duration) -> Piece {
        self.piece((bytes, 0), within)
    }

    /// The same bytes, as a piece that waits until they are written, or given up with their connection.
    pub(crate) fn hold(self: &Arc<Self>, bytes: Bytes, within: Duration) -> Bytes {
        let size = bytes.len();
        let piece = self.piece((size, size), within);
        Bytes::from_owner(Counted { bytes, _piece: piece })
    }

    /// A piece waits for so long, and as much longer as what was handed over needs.
    fn piece(self: &Arc<Self>, (bytes, handed): (usize, usize), within: Duration) -> Piece {
        let bytes = as_u64(bytes);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let waiting = self.handed.fetch_add(handed, Ordering::Relaxed) + handed;
        let until = Instant::now() + to_be_taken_within(waiting, within);
        let mut pieces = lock(&self.pieces);
        let number = pieces.next;
        pieces.next += 1;
        pieces.until.insert(number, until);
        drop(pieces);
        self.all.add(bytes);
        Piece { untaken: Arc::clone(self), number, bytes, handed }
    }

    /// Whether something waits for too long, or too much does.
    pub(crate) fn is_overdue(&self) -> bool {
        if self.is_shed.load(Ordering::Relaxed) {
            return true;
        }
        let pieces = lock(&self.pieces);
        // Most of the time there is nothing, and the clock need not be read.
        !pieces.until.is_empty() && {
            let now = Instant::now();
            pieces.until.values().any(|until| *until <= now)
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        lock(&self.untaken.pieces).until.remove(&self.number);
        self.untaken.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.untaken.handed.fetch_sub(self.handed, Ordering::Relaxed);
        self.untaken.all.remove(self.bytes);
    }
}

fn as_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// Nothing is left half-changed where somebody panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn all(most: u64) -> Arc<AllUntaken> {
        AllUntaken::new(most, Gauge::default())
    }

    #[test]
    fn what_waits_too_long_is_overdue_until_it_is_taken_and_more_may_wait_longer() {
        let untaken = all(u64::MAX).connection();
        assert!(!untaken.is_overdue());
        let late = untaken.ahead(1 << 30, Duration::ZERO);
        assert!(untaken.is_overdue());
        drop(late);
        assert!(!untaken.is_overdue());
        let large = untaken.hold(Bytes::from(vec![0; 1 << 20]), Duration::ZERO);
        let behind = untaken.ahead(0, Duration::ZERO);
        assert!(!untaken.is_overdue(), "it waits for what is before it");
        drop((large, behind));
        assert!(lock(&untaken.pieces).until.is_empty());
    }

    #[test]
    fn bytes_are_counted_until_nobody_holds_any_of_them() {
        let all = all(100);
        let untaken = all.connection();
        let mut bytes = untaken.hold(Bytes::from_static(b"abcdef"), HOUR);
        assert_eq!(&*bytes, b"abcdef");
        let begin = bytes.split_to(2);
        drop(bytes);
        assert_eq!((all.bytes.load(Ordering::Relaxed), all.shown.get()), (6, 6));
        drop(begin);
        assert_eq!((all.bytes.load(Ordering::Relaxed), all.shown.get()), (0, 0));
        assert_eq!(untaken.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn beyond_the_bound_of_all_the_connection_with_most_is_closed_and_no_other() {
        let all = all(100);
        let [one, two, three] = [(); 3].map(|()| all.connection());
        let modest = one.ahead(30, HOUR);
        let many: Vec<_> = (0..5).map(|_| two.ahead(10, HOUR)).collect();
        let overdue = || [&one, &two, &three].map(|untaken| untaken.is_overdue());
        let within = three.ahead(20, HOUR);
        assert_eq!(overdue(), [false; 3], "all that may");
        let beyond = three.ahead(1, HOUR);
        assert_eq!(overdue(), [false, true, false]);
        // What is about to be closed counts for nothing, but not for less.
        let more = three.ahead(9, HOUR);
        assert_eq!(overdue(), [false, true, false]);
        let most = three.ahead(41, HOUR);
        assert_eq!(overdue(), [false, true, true]);
        drop((modest, many, within, beyond, more, most));
        assert_eq!(all.bytes.load(Ordering::Relaxed), 0);
    }
}
