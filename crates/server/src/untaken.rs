//! Answers that are made and not taken: the receiver decides when it takes what is sent to it (RFC 9113 section 5.2),
//! and until then it is held here.
//!
//! What must hold: a connection on which an answer is not taken in its time is closed, since nothing less frees what
//! HTTP/2 has taken over.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// An answer must be taken at this rate at least, on the whole.
const BYTES_PER_S_MIN: u64 = 64 << 10;

/// How long so many bytes may wait to be taken: so long, and as much longer as they need.
pub(crate) fn patience(bytes: usize, stalled_after: Duration) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    stalled_after + Duration::from_secs(bytes / BYTES_PER_S_MIN)
}

/// What one connection has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Untaken(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    next: u64,
    /// Until when each is waited for.
    until: BTreeMap<u64, Instant>,
}

/// A piece of an answer, until it is dropped because it was taken or given up.
#[derive(Debug)]
pub(crate) struct Piece {
    untaken: Arc<Untaken>,
    number: u64,
}

impl Untaken {
    /// A piece of so many bytes that waits from now on, for so long and as much longer as they need.
    pub(crate) fn piece(self: &Arc<Self>, bytes: usize, stalled_after: Duration) -> Piece {
        let until = Instant::now() + patience(bytes, stalled_after);
        let mut answers = self.lock();
        let number = answers.next;
        answers.next += 1;
        answers.until.insert(number, until);
        Piece { untaken: Arc::clone(self), number }
    }

    /// Whether something waits for too long.
    pub(crate) fn is_overdue(&self) -> bool {
        let answers = self.lock();
        // Most of the time there is nothing, and the clock need not be read.
        !answers.until.is_empty() && {
            let now = Instant::now();
            answers.until.values().any(|until| *until <= now)
        }
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.untaken.lock().until.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_too_long_is_overdue_until_it_is_taken_and_more_may_wait_longer() {
        let untaken = Arc::new(Untaken::default());
        assert!(!untaken.is_overdue());
        let large = untaken.piece(1 << 30, Duration::ZERO);
        let patient = untaken.piece(0, Duration::from_hours(1));
        assert!(!untaken.is_overdue());
        let late = untaken.piece(0, Duration::ZERO);
        assert!(untaken.is_overdue());
        drop(late);
        assert!(!untaken.is_overdue());
        drop((large, patient));
        assert!(untaken.lock().until.is_empty());
    }
}
