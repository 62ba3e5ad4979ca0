//! A log as the service sees it: submit, read, prove.

mod bodies;
mod erasing;
mod opening;
mod reading;
mod retaining;

pub use self::retaining::Expired;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use witness_core::{
    admission::{self, Admitted, Refusal},
    checkpoint::Checkpoint,
    firm::Firm,
    hash::Hash,
    key::VerifyingKey,
    merkle::TreeSize,
    name::Origin,
    note::{Ed25519, Note, SignatureLine},
    observation::Seen,
    receipt::Receipt,
    registry::Registry,
    submission::{Heartbeat, IssuerNote, Submission},
    time::Timestamp,
};

pub use self::bodies::Body;
use crate::{
    audit::Indexer,
    cells::{self, BODY_EVENTS},
    conflicts::{self, Conflict},
    plan::{Anomalous, Incoming, same_text},
    reader::LogReader,
    sequencer::{Answer, Request, Work, known_receipt},
    signers::Signers,
    store::StoreError,
};

/// Requests that may wait for the writer.
const QUEUE: usize = 2048;
/// Bytes of submissions that may be under way, in units of 1 KiB.
const UNDER_WAY_KIB: u32 = 64 * 1024;

/// What a log is opened with.
#[derive(Debug)]
pub struct LogOptions<C> {
    /// Folder of the store.
    pub path: PathBuf,
    /// Folder of the head copies, apart from the store.
    pub head_copies: PathBuf,
    /// The newest checkpoint of the log that was rolled up, with the roll-up's sequence, as the firm's store knows it:
    /// data that stands behind it takes no writes.
    pub rolled_up: Option<(u64, Checkpoint)>,
    /// Origin of the log.
    pub origin: Origin,
    /// The firm's root key.
    pub root: VerifyingKey,
    /// The firm's notes, from the first on; those that are not logged yet are.
    pub firm_notes: Vec<Note>,
    /// The online keys.
    pub signers: Signers,
    /// The clock.
    pub clock: C,
    /// Memory for blocks of the store, in bytes.
    pub cache_bytes: usize,
}

/// What a logged request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The proof.
    pub receipt: Receipt,
    /// What is odd, by event.
    pub anomalies: Vec<Anomalous>,
}

/// A published checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Size of the tree.
    pub size: TreeSize,
    /// Its root.
    pub root: Hash,
    /// When it was published.
    pub at: Timestamp,
    /// The signed note.
    pub note: Arc<str>,
}

/// What is durable now, as readers see it.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Number of entries.
    pub size: TreeSize,
    /// Time of receipt of the newest.
    pub received_at: Timestamp,
    /// The registry.
    pub registry: Arc<Registry>,
    /// The firm's keys.
    pub firm: Arc<Firm>,
    /// The newest published checkpoint.
    pub published: Option<Published>,
    /// Why the log takes no writes since it was opened, if it takes none.
    pub read_only: Option<String>,
    /// Why nothing more can be signed, if nothing can.
    pub unsigned: Option<String>,
}

impl Overview {
    /// Why the log takes no writes, if it takes none.
    #[must_use]
    pub fn why_no_writes(&self) -> Option<&str> {
        self.read_only.as_deref().or(self.unsigned.as_deref())
    }
}

/// One log.
pub struct Log {
    origin: Origin,
    reader: Arc<LogReader>,
    overview: watch::Receiver<Arc<Overview>>,
    queue: Mutex<Option<mpsc::Sender<Request>>>,
    under_way: Arc<Semaphore>,
    writer: Mutex<Option<thread::JoinHandle<()>>>,
    indexer: Indexer,
    /// Held while files are rewritten.
    letting_go: Mutex<()>,
    stopped: OnceLock<String>,
}

/// A submission that can be sequenced: verified, or logged already.
#[derive(Debug)]
pub enum Checked {
    /// The same text is logged; this is its receipt.
    Known(Box<Submitted>),
    /// It can be logged.
    New(Box<NewSubmission>),
}

/// A verified submission with its texts.
#[derive(Debug)]
pub struct NewSubmission(Incoming, Reservation);

/// Room for the bytes of a submission that is under way; given back when it is answered.
#[derive(Debug)]
pub struct Reservation {
    #[expect(dead_code, reason = "held for its drop")]
    permit: OwnedSemaphorePermit,
}

/// An answer that is on its way.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Answer>);

impl Pending {
    /// Waits for it. It comes after the batch is durable.
    pub async fn answer(self) -> Answer {
        self.0.await.unwrap_or(Err(Refusal::Stopping))
    }
}

impl Log {
    /// Origin of the log.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is durable now.
    #[must_use]
    pub fn overview(&self) -> Arc<Overview> {
        let overview = Arc::clone(&self.overview.borrow());
        match self.stopped.get() {
            Some(why) if overview.read_only.is_none() => {
                Arc::new(Overview { read_only: Some(why.clone()), ..(*overview).clone() })
            }
            _ => overview,
        }
    }

    /// Takes no more writes until it is opened again, and publishes nothing more: somebody else has seen more
    /// of this log than its data holds.
    pub fn stop_writes(&self, why: String) {
        // Whoever came first has said it.
        drop(self.stopped.set(why));
    }

    pub(crate) fn indexer(&self) -> &Indexer {
        &self.indexer
    }

    /// Follows what is durable.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Overview>> {
        self.overview.clone()
    }

    /// Waits for room for a submission of so many bytes. To be called in the order in which submissions
    /// are enqueued, else those behind could hold the room that the first one waits for.
    pub async fn reserve(&self, bytes: usize) -> Result<Reservation, Refusal> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.under_way).acquire_many_owned(kib.min(UNDER_WAY_KIB)).await;
        permit.map(|permit| Reservation { permit }).or(Err(Refusal::Stopping))
    }

    /// Reads a submission and looks whether it is logged; if not, verifies all of it. Costs processor time:
    /// about 50 µs for the signature and 3 µs for each event.
    pub fn check(
        &self,
        note: &[u8],
        (events, details): (&[impl AsRef<[u8]>], &[impl AsRef<[u8]>]),
        (reservation, ed25519): (Reservation, &dyn Ed25519),
    ) -> Result<Checked, Refusal> {
        let overview = self.overview();
        let note = admission::read(note, &overview.registry)?;
        if let Some(known) = self.known(&note, &overview)? {
            return Ok(Checked::Known(Box::new(known)));
        }
        let admitted: Admitted =
            admission::admit(note, events, details, (&overview.registry, ed25519))?;
        let conflict = match self.conflict(&admitted, &overview) {
            // It may have been logged while it was verified: then it is known, and not only repeated.
            Err(refusal @ Refusal::AlreadyLogged { .. }) => {
                let known = self.known(admitted.note(), &overview)?.ok_or(refusal)?;
                return Ok(Checked::Known(Box::new(known)));
            }
            conflict => conflict?,
        };
        let chunks = events.chunks(BODY_EVENTS).zip(details.chunks(BODY_EVENTS));
        let bodies = chunks.map(|(events, details)| {
            let events = events.iter().map(AsRef::as_ref);
            cells::encode_bodies(events.zip(details.iter().map(AsRef::as_ref)))
        });
        let incoming = Incoming { admitted, bodies: bodies.collect(), conflict };
        Ok(Checked::New(Box::new(NewSubmission(incoming, reservation))))
    }

    fn known(
        &self,
        note: &IssuerNote<Submission>,
        overview: &Overview,
    ) -> Result<Option<Submitted>, Refusal> {
        let (_issuer, stream) = admission::stream_of(&overview.registry, &note.body)?;
        let (stream, first) = (stream.ordinal, note.body.first_sequence);
        let unreadable = |error: StoreError| {
            tracing::error!(%error, "a stored submission cannot be read");
            Refusal::Unreadable
        };
        let cell =
            same_text(&self.reader.store, stream, first, note.text_hash).map_err(unreadable)?;
        cell.map(|cell| known_receipt(&self.reader, &cell).map_err(unreadable)).transpose()
    }

    /// What a submission over logged sequence numbers contradicts. Reading a long past is not for the one
    /// writer, so a submission that only repeats it in another cut is refused here.
    fn conflict(
        &self,
        admitted: &Admitted,
        overview: &Overview,
    ) -> Result<Option<Conflict>, Refusal> {
        let submission = admitted.submission();
        let (_issuer, stream) = admission::stream_of(&overview.registry, submission)?;
        let found = self.stream_head(stream.ordinal).and_then(|head| {
            if submission.first_sequence >= head.next_sequence {
                return Ok(None);
            }
            let next = head.next_sequence;
            let conflict = conflicts::find(&self.reader.store, stream.ordinal, next, admitted)?;
            Ok(Some((head, conflict)))
        });
        let found = found.map_err(|error| {
            tracing::error!(%error, "what is logged of a stream cannot be read");
            Refusal::Unreadable
        })?;
        match found {
            None => Ok(None),
            Some((_, Some(conflict))) => Ok(Some(conflict)),
            Some((head, None)) => {
                let (expected, previous) = (head.next_sequence, head.previous);
                Err(Refusal::AlreadyLogged { expected, previous })
            }
        }
    }

    /// Hands a verified submission to the writer, waiting for room. Submissions are logged in the order of
    /// these calls.
    pub async fn enqueue(&self, submission: NewSubmission) -> Result<Pending, Refusal> {
        let NewSubmission(incoming, reservation) = submission;
        self.send(Work::Submit(Box::new(incoming)), Some(reservation)).await
    }

    /// Logs a registry change: the drafted text, with the issuer's signatures if it needs any.
    pub async fn register(&self, text: String, signatures: Vec<SignatureLine>) -> Answer {
        let work = Work::Register { text, signatures, seen: None };
        self.send(work, None).await?.answer().await
    }

    /// The same, and right before it what the firm saw that it rests on: both are logged, or neither.
    pub async fn register_seen(
        &self,
        text: String,
        signatures: Vec<SignatureLine>,
        seen: Seen,
    ) -> Answer {
        let work = Work::Register { text, signatures, seen: Some(seen) };
        self.send(work, None).await?.answer().await
    }

    /// Logs an issuer's sign of life.
    pub async fn heartbeat(&self, note: &[u8], ed25519: &dyn Ed25519) -> Answer {
        let note: IssuerNote<Heartbeat> =
            admission::admit_heartbeat(note, (&self.overview().registry, ed25519))?;
        self.send(Work::Heartbeat(note), None).await?.answer().await
    }

    /// Logs what the firm saw, bound to this log.
    pub async fn observe(&self, seen: Seen) -> Answer {
        self.send(Work::Observe(seen), None).await?.answer().await
    }

    /// Publishes a checkpoint if one is due; to be called several times a second.
    pub fn publish_if_due(&self) {
        let overview = self.overview();
        let is_new =
            overview.published.as_ref().is_none_or(|published| published.size < overview.size);
        if is_new && let Ok(queue) = self.queue() {
            // A full queue means that the writer is at work, and publishes by itself.
            drop(queue.try_send(Request { work: Work::Publish, answer: None, reservation: None }));
        }
    }

    async fn send(&self, work: Work, reservation: Option<Reservation>) -> Result<Pending, Refusal> {
        let (answer, pending) = oneshot::channel();
        let queue = self.queue()?;
        let request = Request { work, answer: Some(answer), reservation };
        queue.send(request).await.or(Err(Refusal::Stopping))?;
        Ok(Pending(pending))
    }

    fn queue(&self) -> Result<mpsc::Sender<Request>, Refusal> {
        if let Some(why) = &self.overview().read_only {
            return Err(Refusal::ReadOnly { why: why.clone() });
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.clone().ok_or(Refusal::Stopping)
    }

    /// Takes no more requests, finishes those that wait, publishes, and ends the writer; the index goes on from
    /// where it is when the log is opened again.
    pub fn close(&self) {
        let lock_failed = PoisonError::into_inner;
        self.queue.lock().unwrap_or_else(lock_failed).take();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic of the writer has ended the process already.
            drop(writer.join());
        }
        self.indexer.stop();
        // Rewriting files can take long, and is begun again at the next start.
        if self.letting_go.try_lock().is_err() {
            self.reader.store.stop_rewriting();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("origin", &self.origin).finish_non_exhaustive()
    }
}
