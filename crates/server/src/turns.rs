//! Turns for questions that read much: so many at a time for each caller, and so many for all.
//!
//! What must hold: who asks much waits for itself before it takes a place in the queue of all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns.
#[derive(Debug)]
pub(crate) struct Turns {
    of_one: usize,
    all: Arc<Semaphore>,
    /// Of callers who have a turn, or wait for one.
    each: Mutex<BTreeMap<Arc<str>, Arc<Semaphore>>>,
}

/// One turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl Turns {
    /// So many for each caller, and for all.
    pub(crate) fn new(of_one: u32, of_all: u32) -> Self {
        let count = |turns: u32| usize::try_from(turns).unwrap_or(Semaphore::MAX_PERMITS);
        let all = Arc::new(Semaphore::new(count(of_all)));
        Self { of_one: count(of_one), all, each: Mutex::default() }
    }

    /// Waits for a turn of a caller; nothing, where there are none any more.
    pub(crate) async fn take(&self, caller: &Arc<str>) -> Option<Turn> {
        let own = self.of(caller).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _of_all: of_all, _own: own })
    }

    fn of(&self, caller: &Arc<str>) -> Arc<Semaphore> {
        let mut each = self.lock();
        // Who has no turn and waits for none is as good as new.
        each.retain(|_, own| Arc::strong_count(own) > 1);
        let new = || Arc::new(Semaphore::new(self.of_one));
        Arc::clone(each.entry(Arc::clone(caller)).or_insert_with(new))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Semaphore>>> {
        self.each.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// A turn, if one is there at once.
    fn take(turns: &Turns, caller: &str) -> Option<Turn> {
        let caller = Arc::from(caller);
        match pin!(turns.take(&caller)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn one_caller_waits_for_its_own_turns_and_all_for_those_of_all() {
        let turns = Turns::new(2, 3);
        let own = [take(&turns, "one"), take(&turns, "one")].map(Option::unwrap);
        assert!(take(&turns, "one").is_none());
        let other = take(&turns, "other").unwrap();
        assert!(take(&turns, "third").is_none());
        drop(own);
        assert!(take(&turns, "third").is_some() && take(&turns, "one").is_some());
        drop(other);
        assert!(take(&turns, "one").is_some());
        assert_eq!(turns.lock().len(), 1, "who has no turn is forgotten");
    }
}
