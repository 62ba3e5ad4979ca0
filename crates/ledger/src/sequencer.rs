//! The one writer of a log: takes what waits, plans it as one batch, commits it, and only then answers.
//! While one batch is being synced, the next one gathers in the queue.
//!
//! A failed write is fatal: nobody knows then what is on disk. The thread ends the process, and opening
//! again finds out.

use std::{
    collections::VecDeque,
    panic::{self, AssertUnwindSafe},
    process,
    sync::Arc,
    thread,
};

use tokio::sync::{mpsc, oneshot, watch};
use witness_core::{
    admission::Refusal,
    checkpoint::Checkpoint,
    hash::Hash,
    merkle::verify_inclusion,
    note::{Note, SignatureLine},
    observation::Seen,
    receipt::Receipt,
    submission::{Heartbeat, IssuerNote},
    time::Timestamp,
};

use crate::{
    batch::Batch,
    cells::{self, Head, SubmissionCell, family},
    head_copy::HeadCopy,
    log::{Overview, Published, Reservation, Submitted},
    plan::{Decision, Erasing, Incoming, Plan, Planner, State, why_unsigned},
    reader::LogReader,
    signers::Signers,
    store::{StoreError, Writes},
};

/// Most requests and events of one batch: it bounds how long an answer waits for its neighbours.
const BATCH_REQUESTS_MAX: usize = 1024;
const BATCH_EVENTS_MAX: usize = 16_384;
/// At most one published checkpoint in this time.
const PUBLISH_INTERVAL_US: u64 = 1_000_000;
/// How far the wall clock may lie below the last entry.
const CLOCK_BEHIND_MAX_US: u64 = 1_000_000;

/// Tells the time. An error means that the clock is known to be wrong; no receipt is given then.
pub trait Clock: Send + 'static {
    /// The wall clock, if it can be trusted; else why not.
    fn now(&mut self) -> Result<Timestamp, String>;
}

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Work {
    Submit(Box<Incoming>),
    Register {
        text: String,
        signatures: Vec<SignatureLine>,
        /// What the change rests on: logged before it, or not at all.
        seen: Option<Seen>,
    },
    /// All that are new, in one batch: an earlier one need not name the keys that sign it here.
    FirmNotes(Vec<Note>),
    Heartbeat(IssuerNote<Heartbeat>),
    /// What the firm saw.
    Observe(Seen),
    /// Erase events; alone in its batch.
    Erase(Erasing),
    /// Write what moves no head, and say when it is durable.
    Keep(Writes, oneshot::Sender<()>),
    /// Publish a checkpoint if one is due.
    Publish,
}

/// What the caller gets.
pub(crate) type Answer = Result<Submitted, Refusal>;

/// One request, with the place of its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) work: Work,
    pub(crate) answer: Option<oneshot::Sender<Answer>>,
    /// Given back with the answer.
    pub(crate) reservation: Option<Reservation>,
}

/// The writer.
pub(crate) struct Sequencer<C> {
    pub(crate) reader: Arc<LogReader>,
    pub(crate) signers: Signers,
    pub(crate) clock: C,
    pub(crate) state: State,
    pub(crate) queue: mpsc::Receiver<Request>,
    pub(crate) overview: watch::Sender<Arc<Overview>>,
    pub(crate) head_copy: HeadCopy,
}

/// Why the writer cannot go on.
#[derive(Debug, thiserror::Error)]
enum Fatal {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the head copy {path} cannot be written: {why}")]
    HeadCopy { path: String, why: std::io::Error },
}

impl<C: Clock> Sequencer<C> {
    /// Starts the writer's thread, which ends when nobody can send any more.
    pub(crate) fn spawn(mut self) -> std::io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("sequencer".to_owned()).spawn(move || {
            match panic::catch_unwind(AssertUnwindSafe(|| self.run())) {
                Ok(Ok(())) => return,
                Ok(Err(fatal)) => tracing::error!(%fatal, "the sequencer cannot go on; the process ends and recovers at its next start"),
                Err(_reported_by_the_panic_hook) => {}
            }
            process::abort()
        })
    }

    fn run(&mut self) -> Result<(), Fatal> {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match self.queue.blocking_recv() {
                    Some(request) => waiting.push_back(request),
                    None => return self.publish(0),
                }
            }
            while waiting.len() < BATCH_REQUESTS_MAX {
                match self.queue.try_recv() {
                    Ok(request) => waiting.push_back(request),
                    Err(_) => break,
                }
            }
            self.batch(&mut waiting)?;
            self.publish(PUBLISH_INTERVAL_US)?;
        }
    }

    fn batch(&mut self, waiting: &mut VecDeque<Request>) -> Result<(), Fatal> {
        let now = match self.trusted_time() {
            Ok(now) => now,
            Err(refusal) => {
                waiting.drain(..).for_each(|request| reply(request.answer, Err(refusal.clone())));
                return Ok(());
            }
        };
        let (reader, head) = (Arc::clone(&self.reader), self.state.head);
        // The planner works on the state itself; if it cannot end its batch, neither can this thread go on.
        let state = std::mem::replace(
            &mut self.state,
            State::between_batches(&head, &self.overview.borrow()),
        );
        let mut planner = Planner::new(&reader.store, &self.signers, state, now);
        let (mut decided, mut turn) = (Vec::new(), None);
        let mut events = 0;
        while let Some(mut request) = waiting.pop_front() {
            // A firm note may be what names the next key.
            if !matches!(request.work, Work::Publish | Work::Keep(..) | Work::FirmNotes(_))
                && let Some(refusal) = planner.why_unsigned()
            {
                decided.push((request, Decision::Refused(refusal)));
                continue;
            }
            let decision = match &mut request.work {
                Work::Submit(incoming) => {
                    events += incoming.admitted.events().len();
                    planner.submit(incoming)?
                }
                Work::Register { text, signatures, seen } => {
                    planner.register(text, signatures.clone(), seen.as_ref())
                }
                Work::FirmNotes(notes) => planner.firm_notes(notes),
                Work::Heartbeat(note) => planner.heartbeat(note),
                Work::Observe(seen) => planner.observe(seen),
                // The turn is held until it is committed: nothing is indexed meanwhile.
                Work::Erase(erasing) => planner.erase(erasing, (&reader.store, &mut turn))?,
                Work::Keep(..) => {
                    self.keep(request.work)?;
                    continue;
                }
                Work::Publish => continue,
            };
            if matches!(decision, Decision::Deferred) {
                waiting.push_front(request);
                break;
            }
            let is_alone = matches!(request.work, Work::Erase(_));
            decided.push((request, decision));
            if events >= BATCH_EVENTS_MAX || is_alone {
                break;
            }
        }
        if planner.is_empty() {
            self.state = planner.abandon();
            return self.reply_all(None, decided);
        }
        let plan = planner.finish()?;
        self.commit(head, plan, decided)
    }

    fn keep(&self, work: Work) -> Result<(), Fatal> {
        if let Work::Keep(writes, done) = work {
            self.reader.store.write(&writes)?;
            // Whoever asked may be gone.
            done.send(()).ok();
        }
        Ok(())
    }

    /// Writes the plan. Once it is written it is durable, and the answers may leave.
    fn commit(
        &mut self,
        previous: Head,
        plan: Plan,
        decided: Vec<(Request, Decision)>,
    ) -> Result<(), Fatal> {
        let Plan { writes, next, batch } = plan;
        self.reader.store.commit(&previous, &next.head, &writes)?;
        self.state = next;
        self.show(|_unchanged| {});
        self.reply_all(Some(batch), decided)
    }

    fn reply_all(
        &self,
        mut batch: Option<Batch>,
        decided: Vec<(Request, Decision)>,
    ) -> Result<(), Fatal> {
        for (request, decision) in decided {
            let answer = self.answer(decision, batch.as_mut())?;
            reply(request.answer, answer);
            drop(request.reservation);
        }
        Ok(())
    }

    fn answer(&self, decision: Decision, batch: Option<&mut Batch>) -> Result<Answer, StoreError> {
        match (decision, batch) {
            (Decision::Refused(refusal), _) => Ok(Err(refusal)),
            (Decision::Known(cell), _) => known_receipt(&self.reader, &cell).map(Ok),
            (
                Decision::Logged { index, received_at, registry_sequence, anomalies },
                Some(batch),
            ) => {
                let (checkpoint, path) = (batch.receipt.clone(), batch.path(index)?);
                let receipt = Receipt { index, received_at, registry_sequence, checkpoint, path };
                Ok(Ok(Submitted { receipt, anomalies }))
            }
            (Decision::Logged { .. } | Decision::Deferred, _) => {
                Err(StoreError::Damaged { what: "plan: a decision without its batch" })
            }
        }
    }

    /// Publishes a checkpoint if there is something new and the last one is old enough: copied apart first,
    /// so that nobody has seen what the copy does not know; then durable, then shown. What it covers is
    /// durable already, so a crash in between leaves a copy that the store agrees with.
    fn publish(&mut self, interval_us: u64) -> Result<(), Fatal> {
        let head = self.state.head;
        let last = self.overview.borrow().published.clone();
        let (last_size, last_at) = last.map_or((0, 0), |last| (last.size.0, last.at.micros()));
        let Ok(now) = self.trusted_time() else { return Ok(()) };
        let (firm, origin) = (&self.state.firm, self.state.registry.origin());
        if self.signers.first_unnamed_for(firm, origin, head.size.0).is_some() {
            // Keys were changed before this size was published; the next entry is signed with the new ones.
            return Ok(());
        }
        let at = now.max(head.received_at);
        if head.size.0 == last_size || at.micros() < last_at.saturating_add(interval_us) {
            return Ok(());
        }
        let at = at.max(Timestamp::from_micros(last_at + 1));
        let origin = self.state.registry.origin().to_string();
        let checkpoint = Checkpoint { origin, size: head.size, root: head.root };
        let note = self.signers.published_checkpoint(&checkpoint, at);
        let text = note.to_string();
        let mut writes = Writes::default();
        writes.put(family::CHECKPOINT, cells::published_key(head.size), text.clone().into_bytes());
        let size = head.size.0.to_be_bytes().to_vec();
        writes.put(family::CHECKPOINT, cells::published_at_key(at), size);
        self.head_copy.write(&note).map_err(|why| {
            let path = self.head_copy.path().display().to_string();
            Fatal::HeadCopy { path, why }
        })?;
        self.reader.store.write(&writes)?;
        let published = Published { size: head.size, root: head.root, at, note: text.into() };
        self.show(|overview| overview.published = Some(published));
        Ok(())
    }

    /// Shows readers what is durable now.
    fn show(&self, change: impl FnOnce(&mut Overview)) {
        let mut next = Overview::clone(&self.overview.borrow());
        next.size = self.state.head.size;
        next.received_at = self.state.head.received_at;
        next.registry = Arc::clone(&self.state.registry);
        next.firm = Arc::clone(&self.state.firm);
        next.unsigned = why_unsigned((&self.signers, &self.state), next.size.0 + 1);
        change(&mut next);
        self.overview.send_replace(Arc::new(next));
    }

    fn trusted_time(&mut self) -> Result<Timestamp, Refusal> {
        let now = self.clock.now().map_err(|why| Refusal::ClockSuspect { why })?;
        let last = self.state.head.received_at;
        if now.micros().saturating_add(CLOCK_BEHIND_MAX_US) < last.micros() {
            let behind = (last.micros() - now.micros()) / 1_000;
            let why = format!("the clock is {behind} ms below the last entry");
            return Err(Refusal::ClockSuspect { why });
        }
        Ok(now)
    }
}

/// The receipt of a submission that is logged: the same as it got the first time, byte for byte.
pub(crate) fn known_receipt(
    reader: &LogReader,
    cell: &SubmissionCell,
) -> Result<Submitted, StoreError> {
    let damaged = |what| StoreError::Damaged { what };
    let entry = witness_core::entry::Entry::parse(&reader.entry(cell.index)?);
    let entry = entry.or(Err(damaged("entry")))?;
    let note = Note::parse(&reader.receipt_checkpoint(cell.batch)?);
    let note = note.or(Err(damaged("receipt checkpoint")))?;
    let checkpoint = Checkpoint::parse(note.text()).or(Err(damaged("receipt checkpoint")))?;
    let path = reader.inclusion(cell.index, cell.batch)?;
    let leaf = Hash::leaf(entry.encode().as_bytes());
    verify_inclusion(&leaf, cell.index, checkpoint.size, &path, &checkpoint.root)
        .or(Err(damaged("receipt that verifies")))?;
    let (received_at, registry_sequence) = (entry.received_at, entry.registry_sequence);
    let index = cell.index;
    let receipt = Receipt { index, received_at, registry_sequence, checkpoint: note, path };
    Ok(Submitted { receipt, anomalies: cell.anomalies.clone() })
}

/// An answer that nobody waits for any more is dropped: what was logged stays logged.
fn reply(to: Option<oneshot::Sender<Answer>>, answer: Answer) {
    if let Some(to) = to {
        drop(to.send(answer));
    }
}
