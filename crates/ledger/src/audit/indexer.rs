//! The thread that indexes a log: it follows what is durable, a batch at a time, and remembers in the same write
//! how far it is. It makes nothing that cannot be made again, so whatever stops it stops nobody else.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tokio::sync::watch;
use witness_core::merkle::LeafIndex;

use super::{
    cells::{MARK_KEY, decode_mark},
    gather::Gatherer,
};
use crate::{
    cells::{self, family},
    log::Overview,
    store::{Store, StoreError},
};

/// A batch ends where it has so many events or entries: it bounds memory, and how long the log's writer can wait
/// for the write.
const BATCH_EVENTS_MAX: usize = 8192;
const BATCH_ENTRIES_MAX: u64 = 512;

/// The indexing of one log.
#[derive(Debug)]
pub(crate) struct Indexer {
    thread: Option<thread::JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    indexed: watch::Receiver<u64>,
}

impl Indexer {
    /// Reads how far the index goes, and goes on from there.
    pub(crate) fn spawn(
        store: Arc<Store>,
        overviews: watch::Receiver<Arc<Overview>>,
    ) -> Result<Self, crate::recovery::OpenError> {
        let indexed_to = read_mark(&store)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, indexed) = watch::channel(indexed_to);
        let mut run =
            Run { store, overviews, indexed_to, stop: Arc::clone(&stop), indexed: sender };
        let thread = thread::Builder::new().name("indexer".to_owned()).spawn(move || {
            if let Err(error) = run.run() {
                tracing::error!(%error, indexed_to = run.indexed_to, "the log is not indexed any further");
            }
        })?;
        Ok(Self { thread: Some(thread), stop, indexed })
    }

    /// Entries below are indexed.
    pub(crate) fn indexed_to(&self) -> u64 {
        *self.indexed.borrow()
    }

    /// Follows how far the index goes.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.indexed.clone()
    }

    /// Asks the thread to end after its batch.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // Its panic was reported, and concerns nobody else.
            drop(thread.join());
        }
    }
}

fn read_mark(store: &Store) -> Result<u64, StoreError> {
    match store.get(family::AUDIT, MARK_KEY)? {
        None => Ok(0),
        Some(bytes) => decode_mark(&bytes).ok_or(StoreError::Damaged { what: "mark of the index" }),
    }
}

struct Run {
    store: Arc<Store>,
    overviews: watch::Receiver<Arc<Overview>>,
    indexed_to: u64,
    stop: Arc<AtomicBool>,
    indexed: watch::Sender<u64>,
}

impl Run {
    fn run(&mut self) -> Result<(), StoreError> {
        loop {
            let overview = Arc::clone(&self.overviews.borrow_and_update());
            while self.indexed_to < overview.size.0 {
                if self.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                self.batch(&overview)?;
            }
            if !self.wait() {
                return Ok(());
            }
        }
    }

    /// Indexes some entries. Bodies are read and what they say is written in one turn, so that what is erased
    /// before is not read, and what is erased after is found.
    fn batch(&mut self, overview: &Overview) -> Result<(), StoreError> {
        let turn = self.store.index_turn();
        let begin = self.indexed_to;
        let end = overview.size.0.min(begin.saturating_add(BATCH_ENTRIES_MAX));
        let key = |index| cells::index_key(LeafIndex(index));
        let mut entries = self.store.cursor(family::ENTRY, Some(&key(end)))?;
        let bodies = self.store.cursor(family::BODY, None)?;
        let registry = Arc::clone(&overview.registry);
        let mut batch = Gatherer::new(&self.store, registry, bodies, begin);
        let mut pair = entries.seek(&key(begin))?;
        for index in begin..end {
            let text = pair.filter(|(found, _)| *found == key(index)).map(|(_, text)| text);
            batch.entry(text.ok_or(StoreError::Damaged { what: "entry" })?)?;
            if batch.events() >= BATCH_EVENTS_MAX {
                break;
            }
            pair = entries.advance()?;
        }
        let gathered = batch.finish()?;
        self.store.write_index(&turn, &gathered.pairs)?;
        self.indexed_to = gathered.indexed_to;
        self.indexed.send_replace(self.indexed_to);
        Ok(())
    }

    /// Waits for something new; false where nothing can come any more, or the thread is to end.
    fn wait(&mut self) -> bool {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut changed = pin!(self.overviews.changed());
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            match changed.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(changed) => return changed.is_ok(),
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
