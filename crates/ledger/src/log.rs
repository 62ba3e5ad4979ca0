//! A log as the service sees it: submit, read, prove.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use rocksdb::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use witness_core::{
    admission::{self, Admitted, Refusal},
    checkpoint::Checkpoint,
    firm::{Firm, Role},
    hash::{DocumentHash, Hash},
    key::VerifyingKey,
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Name, Origin},
    note::{Ed25519, Note, SignatureLine, Strict},
    receipt::Receipt,
    registry::Registry,
    submission::{Heartbeat, IssuerNote, Submission},
    tile::TileId,
    time::Timestamp,
};

use crate::{
    cells::{self, StreamHead},
    documents::{self, DocumentEvent, Place},
    head_copy::HeadCopy,
    plan::{Anomalous, Incoming, same_text},
    reader::{LogReader, ReadError},
    recovery::{self, OpenError},
    sequencer::{Answer, Clock, Request, Sequencer, Work, known_receipt},
    signers::Signers,
    store::{DEFAULT, Store, StoreError},
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
    /// Why the log takes no writes, if it takes none.
    pub read_only: Option<String>,
}

/// One log.
pub struct Log {
    origin: Origin,
    reader: Arc<LogReader>,
    overview: watch::Receiver<Arc<Overview>>,
    queue: Mutex<Option<mpsc::Sender<Request>>>,
    under_way: Arc<Semaphore>,
    writer: Mutex<Option<thread::JoinHandle<()>>>,
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
    /// Opens or creates a log, verifies what is stored, starts its writer, and logs the firm's notes.
    pub fn open<C: Clock>(options: LogOptions<C>) -> Result<Self, OpenError> {
        let LogOptions { path, head_copies, origin, root, firm_notes, signers, clock, cache_bytes } =
            options;
        let store = Arc::new(Store::open(&path, &origin, &Cache::new_lru_cache(cache_bytes))?);
        let reader = Arc::new(LogReader::new(Arc::clone(&store)));
        let state = recovery::load(&store, &origin, &root)?;
        let head_copy = HeadCopy::new(&head_copies, origin.log());
        let read_only = recovery::read_only_reason(&reader, &state.head, &head_copy)?;
        let published = read_published(&store, (&state.firm, &origin))?;
        let overview = Overview {
            size: state.head.size,
            received_at: state.head.received_at,
            registry: Arc::clone(&state.registry),
            firm: Arc::clone(&state.firm),
            published,
            read_only,
        };
        let missing = check_firm(&state.firm, firm_notes, &overview, (&signers, &origin))?;
        let writes = overview.read_only.is_none();
        let (sender, receiver) = watch::channel(Arc::new(overview));
        let (queue, requests) = mpsc::channel(QUEUE);
        let sequencer = Sequencer {
            reader: Arc::clone(&reader),
            signers,
            clock,
            state,
            queue: requests,
            overview: sender,
            head_copy,
        };
        let thread = if writes { Some(sequencer.spawn()?) } else { None };
        let log = Self {
            origin,
            reader,
            overview: receiver,
            queue: Mutex::new(writes.then_some(queue)),
            under_way: Arc::new(Semaphore::new(
                usize::try_from(UNDER_WAY_KIB).unwrap_or(usize::MAX >> 3),
            )),
            writer: Mutex::new(thread),
        };
        if writes {
            log.log_firm_notes(missing)?;
        }
        Ok(log)
    }

    fn log_firm_notes(&self, notes: Vec<Note>) -> Result<(), OpenError> {
        for note in notes {
            let refused = |refusal: Refusal| OpenError::FirmNote { why: refusal.to_string() };
            let (answer, pending) = oneshot::channel();
            let request =
                Request { work: Work::FirmNote(note), answer: Some(answer), reservation: None };
            let queue = self.queue().map_err(refused)?;
            queue.blocking_send(request).or(Err(refused(Refusal::Stopping)))?;
            pending.blocking_recv().unwrap_or(Err(Refusal::Stopping)).map_err(refused)?;
        }
        Ok(())
    }

    /// Origin of the log.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is durable now.
    #[must_use]
    pub fn overview(&self) -> Arc<Overview> {
        Arc::clone(&self.overview.borrow())
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
        bodies: Vec<(Vec<u8>, Vec<u8>)>,
        (reservation, ed25519): (Reservation, &dyn Ed25519),
    ) -> Result<Checked, Refusal> {
        let overview = self.overview();
        let note = admission::read(note, &overview.registry)?;
        if let Some(known) = self.known(&note, &overview)? {
            return Ok(Checked::Known(Box::new(known)));
        }
        let (events, details): (Vec<&[u8]>, Vec<&[u8]>) =
            bodies.iter().map(|(event, details)| (event.as_slice(), details.as_slice())).unzip();
        let admitted: Admitted =
            admission::admit(note, &events, &details, (&overview.registry, ed25519))?;
        Ok(Checked::New(Box::new(NewSubmission(Incoming { admitted, bodies }, reservation))))
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
            Refusal::Overloaded
        };
        let cell =
            same_text(&self.reader.store, stream, first, note.text_hash).map_err(unreadable)?;
        cell.map(|cell| known_receipt(&self.reader, &cell).map_err(unreadable)).transpose()
    }

    /// Hands a verified submission to the writer, waiting for room. Submissions are logged in the order of
    /// these calls.
    pub async fn enqueue(&self, submission: NewSubmission) -> Result<Pending, Refusal> {
        let NewSubmission(incoming, reservation) = submission;
        self.send(Work::Submit(Box::new(incoming)), Some(reservation)).await
    }

    /// Logs a registry change: the drafted text, with the issuer's signatures if it needs any.
    pub async fn register(&self, text: String, signatures: Vec<SignatureLine>) -> Answer {
        self.send(Work::Register { text, signatures }, None).await?.answer().await
    }

    /// Logs an issuer's sign of life.
    pub async fn heartbeat(&self, note: &[u8], ed25519: &dyn Ed25519) -> Answer {
        let note: IssuerNote<Heartbeat> =
            admission::admit_heartbeat(note, (&self.overview().registry, ed25519))?;
        self.send(Work::Heartbeat(note), None).await?.answer().await
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
        if let Some(why) = &self.overview.borrow().read_only {
            return Err(Refusal::ReadOnly { why: why.clone() });
        }
        let queue = self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        queue.clone().ok_or(Refusal::Stopping)
    }

    /// Where a stream stands: its next sequence number, and the hash to chain to.
    pub fn position(&self, issuer: &Domain, stream: &Name) -> Result<(u64, Hash), Refusal> {
        let overview = self.overview();
        let record = overview.registry.issuer(issuer);
        let record = record.ok_or_else(|| Refusal::UnknownIssuer { issuer: issuer.clone() })?;
        let record = record.streams.get(stream);
        let record = record.ok_or_else(|| Refusal::UnknownStream { stream: stream.clone() })?;
        let head = self.stream_head(record.ordinal).or(Err(Refusal::Overloaded))?;
        Ok((head.next_sequence, head.previous))
    }

    fn stream_head(&self, stream: u32) -> Result<StreamHead, StoreError> {
        match self.reader.store.get(DEFAULT, &StreamHead::key(stream))? {
            None => Ok(StreamHead::EMPTY),
            Some(bytes) => {
                StreamHead::decode(&bytes).ok_or(StoreError::Damaged { what: "stream head" })
            }
        }
    }

    fn published_size(&self) -> TreeSize {
        self.overview().published.as_ref().map_or(TreeSize(0), |published| published.size)
    }

    fn within(&self, what: &'static str, number: u64, limit: u64) -> Result<(), ReadError> {
        let size = self.published_size().0;
        if number > size {
            return Err(ReadError::NotFound { what, number, size });
        }
        if number > limit { Err(ReadError::OutOfRange { what, number, limit }) } else { Ok(()) }
    }

    /// Texts of published entries from `from` on, at most `limit`.
    pub fn entries(&self, from: LeafIndex, limit: usize) -> Result<Vec<Vec<u8>>, ReadError> {
        self.within("entry", from.0, u64::MAX)?;
        Ok(self.reader.entries(from, self.published_size(), limit)?)
    }

    /// The first `width` hashes of a tile, if the published tree has them.
    pub fn tile(&self, tile: TileId, width: usize) -> Result<Vec<u8>, ReadError> {
        let published = tile.width(self.published_size());
        if u64::try_from(width).is_ok_and(|width| width > published) || width == 0 {
            let size = self.published_size().0;
            return Err(ReadError::NotFound { what: "tile", number: tile.index, size });
        }
        Ok(self.reader.tile_bytes(tile, width)?)
    }

    /// Inclusion path of an entry in any tree up to the published one.
    pub fn inclusion(&self, index: LeafIndex, size: TreeSize) -> Result<Vec<Hash>, ReadError> {
        self.within("tree size", size.0, u64::MAX)?;
        if index.0 >= size.0 {
            let limit = size.0.saturating_sub(1);
            return Err(ReadError::OutOfRange { what: "index", number: index.0, limit });
        }
        Ok(self.reader.inclusion(index, size)?)
    }

    /// Consistency proof between any two sizes up to the published one.
    pub fn consistency(&self, old: TreeSize, new: TreeSize) -> Result<Vec<Hash>, ReadError> {
        self.within("tree size", new.0, u64::MAX)?;
        self.within("tree size", old.0, new.0)?;
        Ok(self.reader.consistency(old, new)?)
    }

    /// Root of any tree up to the published one.
    pub fn root(&self, size: TreeSize) -> Result<Hash, ReadError> {
        self.within("tree size", size.0, u64::MAX)?;
        Ok(self.reader.root(size)?)
    }

    /// The published checkpoint of a size.
    pub fn checkpoint(&self, size: TreeSize) -> Result<Vec<u8>, ReadError> {
        let published = self.published_size().0;
        let missing =
            ReadError::NotFound { what: "checkpoint of size", number: size.0, size: published };
        self.reader.published(size)?.ok_or(missing)
    }

    /// The newest checkpoint published at or before a time.
    pub fn checkpoint_at(&self, at: Timestamp) -> Result<Vec<u8>, ReadError> {
        let size = self.published_size().0;
        let missing =
            ReadError::NotFound { what: "checkpoint at microsecond", number: at.micros(), size };
        let found = self.reader.published_at(at)?.ok_or(missing)?;
        self.checkpoint(found)
    }

    /// Sizes that have a published checkpoint, ascending from `from`, at most `limit`.
    pub fn published_sizes(
        &self,
        from: TreeSize,
        limit: usize,
    ) -> Result<Vec<TreeSize>, ReadError> {
        let mut sizes = self.reader.published_sizes(from, limit)?;
        // A checkpoint is durable a moment before it is shown.
        sizes.retain(|size| *size <= self.published_size());
        Ok(sizes)
    }

    /// Where the events of a document lie, in log order; empty if there are none.
    pub fn places(
        &self,
        issuer: &Domain,
        document: &DocumentHash,
    ) -> Result<Vec<Place>, ReadError> {
        let overview = self.overview();
        let Some(record) = overview.registry.issuer(issuer) else { return Ok(Vec::new()) };
        Ok(documents::places(&self.reader, record.ordinal, document)?)
    }

    /// An event with its texts and its path.
    pub fn event(&self, place: Place) -> Result<DocumentEvent, ReadError> {
        Ok(documents::event(&self.reader, place)?)
    }

    /// Index of the entry of a firm note.
    pub fn firm_note_index(&self, sequence: u64) -> Result<Option<LeafIndex>, ReadError> {
        self.numbered(&cells::firm_key(sequence))
    }

    /// Index of the entry of a registry change.
    pub fn registry_change_index(&self, sequence: u64) -> Result<Option<LeafIndex>, ReadError> {
        self.numbered(&cells::registry_key(sequence))
    }

    fn numbered(&self, key: &[u8]) -> Result<Option<LeafIndex>, ReadError> {
        let value = self.reader.store.get(DEFAULT, key)?;
        Ok(value.and_then(|value| cells::Reader(&value).u64()).map(LeafIndex))
    }

    /// Text of one entry, published or not.
    pub fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError> {
        Ok(self.reader.entry(index)?)
    }

    /// How often the write-ahead log was synced since opening.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.reader.store.syncs()
    }

    /// Settles the store's files; takes long on a large log.
    pub fn compact(&self) -> Result<(), ReadError> {
        Ok(self.reader.store.compact()?)
    }

    /// Takes no more requests, finishes those that wait, publishes, and ends the writer.
    pub fn close(&self) {
        let lock_failed = std::sync::PoisonError::into_inner;
        self.queue.lock().unwrap_or_else(lock_failed).take();
        let writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic of the writer has ended the process already.
            drop(writer.join());
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

/// Firm notes that are still to be logged. The keys must be those that the notes name.
fn check_firm(
    logged: &Firm,
    given: Vec<Note>,
    overview: &Overview,
    (signers, origin): (&Signers, &Origin),
) -> Result<Vec<Note>, OpenError> {
    let refused = |why: String| OpenError::FirmNote { why };
    let next = logged.next_sequence();
    let mut missing = Vec::new();
    for note in given {
        let text = witness_core::firm::FirmText::parse(note.text());
        if text.map_err(|error| refused(error.to_string()))?.sequence >= next {
            missing.push(note);
        }
    }
    let mut firm = logged.clone();
    for note in &missing {
        firm.apply(note, &Strict).map_err(|error| refused(error.to_string()))?;
    }
    let (size, registry) = (overview.size.0 + 1, overview.registry.next_sequence());
    match signers.first_unnamed(&firm, origin, size, registry) {
        None => Ok(missing),
        Some(role) => Err(OpenError::UnnamedKey { role: role.word(), origin: origin.clone() }),
    }
}

fn read_published(
    store: &Store,
    (firm, origin): (&Firm, &Origin),
) -> Result<Option<Published>, OpenError> {
    let Some((size, bytes)) = recovery::newest_published(store)? else { return Ok(None) };
    let damaged = || OpenError::Store(StoreError::Damaged { what: "published checkpoint" });
    let note = Note::parse(&bytes).map_err(|_refused| damaged())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|_refused| damaged())?;
    let role = (Role::Timestamp, origin.as_str(), size.0);
    let signed = firm.verify(&note, role, &Strict).map_err(|_refused| damaged())?;
    let at = match signed.1 {
        witness_core::note::Signed::At(at) => at,
        witness_core::note::Signed::Plain => return Err(damaged()),
    };
    Ok(Some(Published { size, root: checkpoint.root, at, note: note.to_string().into() }))
}
