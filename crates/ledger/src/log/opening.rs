//! Opening a log: what is stored is verified, the keys are those that the firm names, the writer starts.

use std::sync::{Arc, Mutex, OnceLock};

use rocksdb::Cache;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use witness_core::{
    admission::Refusal,
    checkpoint::Checkpoint,
    firm::{Firm, Role},
    name::Origin,
    note::{Note, Signed, Strict},
};

use super::{Log, LogOptions, Overview, Published, QUEUE, UNDER_WAY_KIB};
use crate::{
    audit::Indexer,
    head_copy::HeadCopy,
    reader::LogReader,
    recovery::{self, OpenError},
    sequencer::{Clock, Request, Sequencer, Work},
    signers::Signers,
    store::{Store, StoreError},
};

impl Log {
    /// Opens or creates a log, verifies what is stored, starts its writer, and logs the firm's notes.
    pub fn open<C: Clock>(options: LogOptions<C>) -> Result<Self, OpenError> {
        let LogOptions { path, head_copies, origin, rolled_up, .. } = options;
        let LogOptions { root, firm_notes, signers, clock, cache_bytes, .. } = options;
        let store = Arc::new(Store::open(&path, &origin, &Cache::new_lru_cache(cache_bytes))?);
        let reader = Arc::new(LogReader::new(Arc::clone(&store)));
        let state = recovery::load(&store, &origin, &root)?;
        let head_copy = HeadCopy::new(&head_copies, origin.log());
        let read_only = recovery::read_only_reason((&reader, &origin), &state.head, &head_copy)?;
        let read_only = match (read_only, &rolled_up) {
            (None, Some(rolled_up)) => recovery::behind_rollup(&reader, &state.head, rolled_up)?,
            (read_only, _) => read_only,
        };
        let published = read_published(&reader, (&state.firm, &origin))?;
        if let (Some(published), None) = (&published, &read_only) {
            head_copy.catch_up(published)?;
        }
        let overview = Overview {
            size: state.head.size,
            received_at: state.head.received_at,
            registry: Arc::clone(&state.registry),
            firm: Arc::clone(&state.firm),
            published,
            read_only,
            unsigned: None,
        };
        let writes = overview.read_only.is_none();
        // An older copy of the data may know other keys than today's: it can be read all the same.
        let missing = if writes {
            check_firm(&state.firm, firm_notes, &overview, (&signers, &origin))?
        } else {
            Vec::new()
        };
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
        let indexer = Indexer::spawn(Arc::clone(&reader.store), receiver.clone())?;
        let log = Self {
            origin,
            reader,
            overview: receiver,
            indexer,
            queue: Mutex::new(writes.then_some(queue)),
            under_way: Arc::new(Semaphore::new(
                usize::try_from(UNDER_WAY_KIB).unwrap_or(usize::MAX >> 3),
            )),
            writer: Mutex::new(thread),
            letting_go: Mutex::new(()),
            stopped: OnceLock::new(),
        };
        if writes {
            log.log_firm_notes(missing)?;
        }
        Ok(log)
    }

    fn log_firm_notes(&self, notes: Vec<Note>) -> Result<(), OpenError> {
        if notes.is_empty() {
            return Ok(());
        }
        let refused = |refusal: Refusal| OpenError::FirmNote { why: refusal.to_string() };
        let (answer, pending) = oneshot::channel();
        let work = Work::FirmNotes(notes);
        let request = Request { work, answer: Some(answer), reservation: None };
        let queue = self.queue().map_err(refused)?;
        queue.blocking_send(request).or(Err(refused(Refusal::Stopping)))?;
        pending.blocking_recv().unwrap_or(Err(Refusal::Stopping)).map(drop).map_err(refused)
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
    // From the first on: a note with the number of one that is logged must be that note.
    let mut firm = Firm::new(logged.root().clone());
    let mut missing = Vec::new();
    for note in given {
        let sequence = firm.next_sequence();
        let applied = firm.apply(&note, &Strict);
        applied.map_err(|error| refused(format!("number {sequence}: {error}")))?;
        if sequence + 1 == next && firm.latest_hash() != logged.latest_hash() {
            return Err(refused(format!("number {sequence} is another one than the log holds")));
        }
        if sequence >= next {
            missing.push(note);
        }
    }
    if firm.next_sequence() < next {
        let found = firm.next_sequence();
        return Err(refused(format!("the log holds {next} of them, the key folder only {found}")));
    }
    let (size, registry) = (overview.size.0 + 1, overview.registry.next_sequence());
    match signers.first_unnamed(&firm, origin, size, registry) {
        None => Ok(missing),
        Some(role) => Err(OpenError::UnnamedKey { role: role.word(), origin: origin.clone() }),
    }
}

/// The newest published checkpoint: of this log, signed by both its keys, over the stored tree.
fn read_published(
    reader: &LogReader,
    (firm, origin): (&Firm, &Origin),
) -> Result<Option<Published>, OpenError> {
    let Some((size, bytes)) = recovery::newest_published(&reader.store)? else { return Ok(None) };
    let damaged = || OpenError::Store(StoreError::Damaged { what: "published checkpoint" });
    let note = Note::parse(&bytes).map_err(|_refused| damaged())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|_refused| damaged())?;
    let root = reader.root(size)?;
    if checkpoint != (Checkpoint { origin: origin.to_string(), size, root }) {
        return Err(damaged());
    }
    firm.verify(&note, (Role::Log, origin.as_str(), size.0), &Strict)
        .map_err(|_refused| damaged())?;
    let role = (Role::Timestamp, origin.as_str(), size.0);
    let signed = firm.verify(&note, role, &Strict).map_err(|_refused| damaged())?;
    let at = match signed.1 {
        Signed::At(at) => at,
        Signed::Plain => return Err(damaged()),
    };
    Ok(Some(Published { size, root: checkpoint.root, at, note: note.to_string().into() }))
}
