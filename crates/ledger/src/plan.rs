//! Planning a batch: the whole effect of what came in, as one value. Nothing is written here.

mod erasure;
mod observation;
mod placing;

pub(crate) use self::erasure::Erasing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use witness_core::{
    admission::{self, Admitted, Refusal},
    anomaly::Anomalies,
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    firm::Firm,
    hash::Hash,
    merkle::{self, LeafIndex, TreeSize},
    note::{Note, SignatureLine, Strict},
    observation::Seen,
    registry::{Continuity, Registry},
    submission::{Heartbeat, IssuerNote},
    tile::{Edge, Tiled, TouchedTiles},
    time::Timestamp,
};

use crate::{
    batch::{Batch, prove, untouched},
    cells::{self, DocumentCell, Head, StreamHead, SubmissionCell, family},
    conflicts::{self, Conflict},
    log::Overview,
    signers::Signers,
    store::{DEFAULT, Store, StoreError, Writes},
};

/// One odd event of a submission: its index there, and what is odd.
pub type Anomalous = (u16, Anomalies);

/// All that the writer knows of its log in memory; it grows with issuers and streams, never with entries.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) head: Head,
    pub(crate) edge: Edge,
    pub(crate) registry: Arc<Registry>,
    pub(crate) firm: Arc<Firm>,
    /// By number of the stream.
    pub(crate) streams: BTreeMap<u32, StreamHead>,
}

impl State {
    /// What stands in the writer's place for the state while a batch is planned: nothing can be planned on.
    pub(crate) fn between_batches(head: &Head, overview: &Overview) -> Self {
        let (registry, firm) = (Arc::clone(&overview.registry), Arc::clone(&overview.firm));
        Self { head: *head, edge: Edge::default(), registry, firm, streams: BTreeMap::new() }
    }
}

/// A submission on its way into the log, with the texts that it came with.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) admitted: Admitted,
    /// Body cells as they will be stored: made before the writer's turn, on all cores.
    pub(crate) bodies: Vec<Vec<u8>>,
    /// What it contradicts, if that was found before the writer's turn. What is logged does not change.
    pub(crate) conflict: Option<Conflict>,
}

/// What becomes of one request.
#[derive(Debug)]
pub(crate) enum Decision {
    /// It is logged by this batch.
    Logged {
        index: LeafIndex,
        received_at: Timestamp,
        registry_sequence: u64,
        anomalies: Vec<Anomalous>,
    },
    /// The same text is logged already.
    Known(SubmissionCell),
    /// It is not logged.
    Refused(Refusal),
    /// It depends on what this batch writes: decide it in the next one.
    Deferred,
}

/// The effect of one batch.
pub(crate) struct Plan {
    pub(crate) writes: Writes,
    pub(crate) next: State,
    pub(crate) batch: Batch,
}

/// Gathers requests into a plan.
pub(crate) struct Planner<'a> {
    store: &'a Store,
    signers: &'a Signers,
    state: State,
    now: Timestamp,
    touched: TouchedTiles,
    writes: Writes,
    submissions: Vec<(Vec<u8>, SubmissionCell)>,
    documents: BTreeMap<Vec<u8>, DocumentCell>,
    changed_streams: BTreeSet<u32>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(
        store: &'a Store,
        signers: &'a Signers,
        state: State,
        now: Timestamp,
    ) -> Self {
        // Time of receipt never runs backwards.
        let now = now.max(state.head.received_at);
        Self {
            store,
            signers,
            state,
            now,
            touched: TouchedTiles::new(),
            writes: Writes::default(),
            submissions: Vec::new(),
            documents: BTreeMap::new(),
            changed_streams: BTreeSet::new(),
        }
    }

    /// Whether nothing is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.edge.size() == self.state.head.size
    }

    /// Why nothing more can be logged: the firm's notes name no key that may sign the next size.
    pub(crate) fn why_unsigned(&self) -> Option<Refusal> {
        let why = why_unsigned((self.signers, &self.state), self.next_index().0 + 1)?;
        Some(Refusal::ReadOnly { why })
    }

    /// The state as it was, of a batch that writes nothing.
    pub(crate) fn abandon(self) -> State {
        self.state
    }

    /// Decides on a submission: sameness first, then the key in log order, then the sequence.
    pub(crate) fn submit(&mut self, incoming: &mut Incoming) -> Result<Decision, StoreError> {
        let registry = Arc::clone(&self.state.registry);
        let submission = incoming.admitted.submission().clone();
        let (issuer, stream) = match admission::stream_of(&registry, &submission) {
            Ok(found) => found,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
        };
        let head = self.stream_head(stream.ordinal);
        let (first, expected) = (submission.first_sequence, head.next_sequence);
        if first < expected {
            if self.changed_streams.contains(&stream.ordinal) {
                return Ok(Decision::Deferred);
            }
            if let Some(cell) =
                same_text(self.store, stream.ordinal, first, incoming.admitted.note().text_hash)?
            {
                return Ok(Decision::Known(cell));
            }
        }
        let key = incoming.admitted.note().key_id();
        if let Err(refusal) = admission::check_living((&submission.issuer, issuer), key) {
            return Ok(Decision::Refused(refusal));
        }
        let previous = head.previous;
        if first < expected {
            return self.contradict(incoming, (issuer.ordinal, stream.ordinal), &head);
        }
        if first > expected {
            let refusal = Refusal::OutOfSequence { expected, found: first, previous };
            return Ok(Decision::Refused(refusal));
        }
        if submission.previous != previous {
            return Ok(Decision::Refused(Refusal::WrongPrevious { expected, previous }));
        }
        self.log_submission(incoming, issuer.ordinal, (stream.ordinal, stream.back_fill))
    }

    fn log_submission(
        &mut self,
        incoming: &mut Incoming,
        issuer: u32,
        (stream, back_fill): (u32, bool),
    ) -> Result<Decision, StoreError> {
        let index = self.append(EntryKind::Submission, incoming.admitted.note().note.to_string());
        self.write_bodies(index, incoming);
        let note = incoming.admitted.note();
        let anomalies =
            self.place_events(index, &incoming.admitted, issuer, (stream, back_fill))?;
        let events = u16::try_from(incoming.admitted.events().len()).unwrap_or(u16::MAX);
        let key = SubmissionCell::key(stream, note.body.first_sequence);
        let batch = TreeSize(0); // known when the batch is finished
        let cell = SubmissionCell {
            text_hash: note.text_hash,
            index,
            events,
            batch,
            anomalies: anomalies.clone(),
        };
        self.submissions.push((key, cell));
        let head = self.stream_head(stream);
        let next_sequence = note.body.next_sequence();
        self.set_stream(stream, StreamHead { next_sequence, previous: note.text_hash, ..head });
        Ok(self.logged(index, anomalies))
    }

    /// A valid submission over logged sequence numbers: a conflict if any event differs, else nothing new.
    fn contradict(
        &mut self,
        incoming: &mut Incoming,
        (issuer, stream): (u32, u32),
        head: &StreamHead,
    ) -> Result<Decision, StoreError> {
        let (expected, previous) = (head.next_sequence, head.previous);
        let found = match incoming.conflict.take() {
            Some(conflict) => Some(conflict),
            None => conflicts::find(self.store, stream, expected, &incoming.admitted)?,
        };
        let Some(conflict) = found else {
            return Ok(Decision::Refused(Refusal::AlreadyLogged { expected, previous }));
        };
        if conflicts::may_log(self.store, &conflict, self.now)? {
            let index = self.append(EntryKind::Conflict, incoming.admitted.note().note.to_string());
            let (from, at) = ((issuer, &*incoming), (index, self.now));
            conflicts::write(&mut self.writes, self.store, &conflict, from, at)?;
            // One conflict of a stream per batch: the next one must see what this one wrote.
            self.changed_streams.insert(stream);
        }
        let (sequence, logged) = (conflict.sequence, conflict.logged_note);
        Ok(Decision::Refused(Refusal::Conflict { sequence, expected, previous, logged }))
    }

    /// Decides on a registry change; the registrar's signature is added here. What it rests on is logged before it, and
    /// only with it.
    pub(crate) fn register(
        &mut self,
        text: &str,
        signatures: Vec<SignatureLine>,
        seen: Option<&Seen>,
    ) -> Decision {
        let refuse = |why: String| Decision::Refused(Refusal::Registry { why });
        if !text.ends_with('\n') {
            return refuse("the text of a registry change must end in a newline".to_owned());
        }
        let registrar = self.signers.registrar.sign(text, self.now);
        let note = Note::new(text.to_owned(), [vec![registrar], signatures].concat());
        // What cannot be read back as a note must not become one.
        if let Err(error) = Note::parse(note.to_string().as_bytes()) {
            return refuse(error.to_string());
        }
        let index = LeafIndex(self.next_index().0 + u64::from(seen.is_some()));
        if let Some(why) = why_unsigned((self.signers, &self.state), index.0 + 1) {
            return Decision::Refused(Refusal::ReadOnly { why });
        }
        let (sequence, firm) = (self.state.registry.next_sequence(), Arc::clone(&self.state.firm));
        let mut registry = (*self.state.registry).clone();
        if let Err(error) = registry.apply(&note, index, Continuity::Complete, (&firm, &Strict)) {
            return refuse(error.to_string());
        }
        if let Some(seen) = seen {
            self.observe(seen);
        }
        self.append(EntryKind::Registry, note.to_string());
        self.writes.put(DEFAULT, cells::registry_key(sequence), cells::index_key(index));
        let received_at = self.now;
        self.state.registry = Arc::new(registry);
        Decision::Logged { index, received_at, registry_sequence: sequence, anomalies: Vec::new() }
    }

    /// Decides on firm notes, which the root has signed: all of them or none.
    pub(crate) fn firm_notes(&mut self, notes: &[Note]) -> Decision {
        let mut firm = (*self.state.firm).clone();
        let first = firm.next_sequence();
        for note in notes {
            if let Err(error) = firm.apply(note, &Strict) {
                return Decision::Refused(Refusal::Registry { why: error.to_string() });
            }
        }
        let size = self.next_index().0 + u64::try_from(notes.len()).unwrap_or(u64::MAX);
        let before = std::mem::replace(&mut self.state.firm, Arc::new(firm));
        if let Some(why) = why_unsigned((self.signers, &self.state), size) {
            self.state.firm = before;
            return Decision::Refused(Refusal::ReadOnly { why });
        }
        let mut index = self.next_index();
        for (sequence, note) in (first..).zip(notes) {
            index = self.append(EntryKind::Firm, note.to_string());
            self.writes.put(DEFAULT, cells::firm_key(sequence), cells::index_key(index));
        }
        self.logged(index, Vec::new())
    }

    /// Decides on a heartbeat, whose signature was checked.
    pub(crate) fn heartbeat(&mut self, note: &IssuerNote<Heartbeat>) -> Decision {
        let registry = Arc::clone(&self.state.registry);
        let body = &note.body;
        let issuer = registry.issuer(&body.issuer);
        let stream = issuer.and_then(|issuer| issuer.streams.get(&body.stream));
        let Some((issuer, stream)) = issuer.zip(stream) else {
            return Decision::Refused(Refusal::UnknownStream { stream: body.stream.clone() });
        };
        if let Err(refusal) = admission::check_living((&body.issuer, issuer), note.key_id()) {
            return Decision::Refused(refusal);
        }
        let head = self.stream_head(stream.ordinal);
        let expected = head.next_sequence;
        if body.at <= head.heartbeat_at || body.next_sequence != expected {
            return Decision::Refused(Refusal::StaleHeartbeat { expected });
        }
        let index = self.append(EntryKind::Heartbeat, note.note.to_string());
        self.set_stream(stream.ordinal, StreamHead { heartbeat_at: body.at, ..head });
        self.logged(index, Vec::new())
    }

    /// Ends the batch: tiles, streams, documents, and the signed checkpoint over all of it.
    pub(crate) fn finish(mut self) -> Result<Plan, StoreError> {
        let size = self.state.edge.size();
        self.state.edge.close(&mut self.touched);
        let root = merkle::root(&mut Tiled(&mut self.touched), size).map_err(untouched)?;
        let head = Head { size, root, received_at: self.now };
        let proved = prove(&mut self.touched, (&self.state.head, &head), &self.writes)?;
        self.state.head = head;
        for (tile, hashes) in &self.touched {
            self.writes.put(family::TILE, cells::tile_key(*tile), hashes.to_bytes());
        }
        for (key, cell) in self.submissions {
            let cell = SubmissionCell { batch: size, ..cell };
            self.writes.put(family::SUBMISSION, key, cell.encode());
        }
        for (key, cell) in self.documents {
            self.writes.put(family::DOCUMENT, key, cell.encode());
        }
        for stream in self.changed_streams {
            if let Some(head) = self.state.streams.get(&stream) {
                self.writes.put(DEFAULT, StreamHead::key(stream), head.encode());
            }
        }
        let origin = self.state.registry.origin().to_string();
        let receipt = self.signers.receipt_checkpoint(&Checkpoint { origin, size, root });
        if receipt.verify(self.signers.log.verifying_key(), &Strict).is_err() {
            return Err(StoreError::Damaged { what: "checkpoint that verifies" });
        }
        self.writes.put(
            family::CHECKPOINT,
            cells::receipt_key(size),
            receipt.to_string().into_bytes(),
        );
        let batch = proved.signed(receipt);
        Ok(Plan { writes: self.writes, next: self.state, batch })
    }

    fn next_index(&self) -> LeafIndex {
        self.state.edge.size().next()
    }

    fn append(&mut self, kind: EntryKind, body: String) -> LeafIndex {
        let index = self.next_index();
        let registry_sequence = self.state.registry.next_sequence();
        let entry = Entry { kind, received_at: self.now, registry_sequence, body };
        let text = entry.encode().into_bytes();
        self.state.edge.push(Hash::leaf(&text), &mut self.touched);
        self.writes.put(family::ENTRY, cells::index_key(index), text);
        index
    }

    fn stream_head(&self, stream: u32) -> StreamHead {
        self.state.streams.get(&stream).copied().unwrap_or(StreamHead::EMPTY)
    }

    fn set_stream(&mut self, stream: u32, head: StreamHead) {
        self.state.streams.insert(stream, head);
        self.changed_streams.insert(stream);
    }

    fn logged(&self, index: LeafIndex, anomalies: Vec<Anomalous>) -> Decision {
        let registry_sequence = self.state.registry.next_sequence();
        Decision::Logged { index, received_at: self.now, registry_sequence, anomalies }
    }
}

/// Why no tree of this size can be signed: the firm's notes name none of our keys for it.
pub(crate) fn why_unsigned((signers, state): (&Signers, &State), size: u64) -> Option<String> {
    let role = signers.first_unnamed_for(&state.firm, state.registry.origin(), size)?.word();
    Some(format!(
        "the range of the {role} key has ended before size {size}: name a new one in a firm note"
    ))
}

/// The submission logged at a sequence number, if it has this very text.
pub(crate) fn same_text(
    store: &Store,
    stream: u32,
    first_sequence: u64,
    text_hash: Hash,
) -> Result<Option<SubmissionCell>, StoreError> {
    let Some(bytes) =
        store.get(family::SUBMISSION, &SubmissionCell::key(stream, first_sequence))?
    else {
        return Ok(None);
    };
    let cell =
        SubmissionCell::decode(&bytes).ok_or(StoreError::Damaged { what: "submission cell" })?;
    Ok((cell.text_hash == text_hash).then_some(cell))
}
