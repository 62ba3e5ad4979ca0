//! The one writer of the access log: what waits is written with one synced write, and only then told so.
//!
//! A record costs a sync of the disk. While one is under way the next ones gather, so that many calls at once wait
//! for two syncs and not for as many as they are.

use std::{
    io,
    sync::{Mutex, PoisonError},
    thread,
};

use tokio::sync::{mpsc, oneshot};
use witness_core::access_record::Access;
use witness_ledger::StoreError;

/// Records that may wait for the writer; whoever comes then waits for room.
const WAITING_MAX: usize = 1024;

/// The access log, to be appended to.
#[derive(Debug)]
pub(crate) struct AccessLog {
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    writer: Mutex<Option<thread::JoinHandle<()>>>,
}

/// A record could not be written; the operator's log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access log cannot be written")]
pub(crate) struct Unwritten;

#[derive(Debug)]
struct Waiting {
    access: Access,
    written: oneshot::Sender<Result<(), Unwritten>>,
}

impl AccessLog {
    /// Starts the writer's thread. `append` is durable when it returns.
    pub(crate) fn start(
        append: impl FnMut(Vec<Access>) -> Result<u64, StoreError> + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let writer = thread::Builder::new().name("access-log".to_owned());
        let writer = writer.spawn(move || write(waiting, append))?;
        Ok(Self { queue: Mutex::new(Some(queue)), writer: Mutex::new(Some(writer)) })
    }

    /// Appends a record; when this returns it is durable.
    pub(crate) async fn append(&self, access: Access) -> Result<(), Unwritten> {
        let (written, answer) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // It is let go before the answer is waited for, so that closing waits for the queue alone.
        let sent = queue.ok_or(Unwritten)?.send(Waiting { access, written }).await;
        sent.or(Err(Unwritten))?;
        answer.await.unwrap_or(Err(Unwritten))
    }

    /// Takes nothing more, writes what waits, and ends the writer, which must not outlive what it writes to.
    pub(crate) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // Whoever waited for a writer that panicked was told that nothing was written.
            drop(writer.join());
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.close();
    }
}

fn write(
    mut queue: mpsc::Receiver<Waiting>,
    mut append: impl FnMut(Vec<Access>) -> Result<u64, StoreError>,
) {
    let mut waiting = Vec::new();
    while queue.blocking_recv_many(&mut waiting, WAITING_MAX) > 0 {
        let (asked, told): (Vec<_>, Vec<_>) =
            waiting.drain(..).map(|Waiting { access, written }| (access, written)).unzip();
        let done = append(asked).map(|_first| ()).map_err(|error| {
            tracing::error!(%error, "the access log cannot be written: what was asked is not answered");
            Unwritten
        });
        // Whoever hung up is recorded all the same.
        for written in told {
            written.send(done).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc::channel};

    use witness_core::{
        access_record::{AccessRecord, Filter, Printable, Role},
        key::{SignatureType, SigningKey},
        time::Timestamp,
    };
    use witness_ledger::FirmStore;

    use super::*;

    fn asked(results: u64) -> Access {
        Access {
            at: Timestamp::from_micros(results),
            caller: Printable::parse("operator").unwrap(),
            role: Role::Operator,
            method: Printable::parse("AdminService.GetRegistry").unwrap(),
            results: Some(results),
            filter: Filter::default(),
        }
    }

    #[tokio::test]
    async fn those_who_wait_share_a_write_and_keep_their_order() {
        let (go, gone) = channel();
        let writes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&writes);
        let log = AccessLog::start(move |asked| {
            gone.recv().unwrap();
            kept.lock().unwrap().push(asked.iter().map(|asked| asked.results).collect::<Vec<_>>());
            Ok(0)
        });
        let log = log.unwrap();
        let all = async {
            tokio::join!(log.append(asked(0)), log.append(asked(1)), log.append(asked(2)))
        };
        let release = async {
            // All three are in the queue, or with the writer: none has been answered.
            (0..3).for_each(|_| go.send(()).unwrap());
        };
        let ((one, two, three), ()) = tokio::join!(all, release);
        assert_eq!((one, two, three), (Ok(()), Ok(()), Ok(())));
        let writes = writes.lock().unwrap();
        assert!(writes.len() < 3, "nothing was gathered: {writes:?}");
        assert_eq!(writes.concat(), [Some(0), Some(1), Some(2)]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_told_and_the_next_is_tried_again() {
        let mut tries = 0;
        let log = AccessLog::start(move |_| {
            tries += 1;
            if tries == 1 { Err(StoreError::HeadMoved) } else { Ok(0) }
        });
        let log = log.unwrap();
        assert_eq!(log.append(asked(0)).await, Err(Unwritten));
        assert_eq!(log.append(asked(1)).await, Ok(()));
        log.close();
        assert_eq!(log.append(asked(2)).await, Err(Unwritten));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_at_once_are_all_durable_when_they_are_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[9; 32]);
        let store = FirmStore::open(folder.path(), key.unwrap().verifying_key()).unwrap();
        let store = Arc::new(store);
        let (append, writes) = (Arc::clone(&store), Arc::new(Mutex::new(0_u64)));
        let counted = Arc::clone(&writes);
        let log = AccessLog::start(move |asked| {
            *counted.lock().unwrap() += 1;
            append.append_access(asked)
        });
        let log = Arc::new(log.unwrap());
        let mut calls = tokio::task::JoinSet::new();
        for call in 0..64 {
            let (log, store) = (Arc::clone(&log), Arc::clone(&store));
            calls.spawn(async move {
                for number in 0..20 {
                    log.append(asked(call * 100 + number)).await.unwrap();
                    assert!(store.access_head().unwrap().0 > number);
                }
            });
        }
        calls.join_all().await;
        let records = store.access_records(0, usize::MAX).unwrap();
        assert_eq!(records.len(), 64 * 20);
        assert!(records.iter().all(|(_, text)| AccessRecord::parse(text).is_ok()));
        assert!(*writes.lock().unwrap() < 64 * 20, "nothing was gathered");
    }
}
