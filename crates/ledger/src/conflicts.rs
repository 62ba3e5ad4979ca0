//! Conflicts: a valid submission under which a logged sequence number has another event. The two notes
//! convict the issuer, so both event texts are kept with all that their paths need.

use witness_core::{
    admission::Admitted,
    entry::Entry,
    event::Event,
    hash::{DocumentHash, Hash},
    merkle::LeafIndex,
    submission::{IssuerNote, Submission},
    time::Timestamp,
};

use crate::{
    bodies::place_of,
    cells::{self, BODY_EVENTS, Cell, Reader, SubmissionCell, Texts, family},
    erasure::document_erased_by,
    plan::Incoming,
    store::{DEFAULT, Pair, Store, StoreError, Writes},
};

/// Most conflicts that are logged of one stream in one day: an issuer must not fill the log with them.
const CONFLICTS_PER_DAY_MAX: u32 = 16;
const DAY_MICROS: u64 = 24 * 3600 * 1_000_000;
/// Bytes of both places at the front of a conflict's value.
const PLACES_BYTES: usize = 20;

/// A contradiction between a submission and what is logged.
#[derive(Debug)]
pub(crate) struct Conflict {
    stream: u32,
    /// The first sequence number that has two events.
    pub(crate) sequence: u64,
    /// The note of the submission that is logged there.
    pub(crate) logged_note: String,
    text_hash: Hash,
    logged: (LeafIndex, u16),
    submitted_event: usize,
}

/// The first sequence number below `next` under which the submission has another event than the log.
pub(crate) fn find(
    store: &Store,
    stream: u32,
    next: u64,
    admitted: &Admitted,
) -> Result<Option<Conflict>, StoreError> {
    let submission = admitted.submission();
    let end = submission.next_sequence().min(next);
    let mut sequence = submission.first_sequence;
    while sequence < end {
        let (first, cell) = covering(store, stream, sequence)?;
        let leaves = logged_leaves(store, &cell)?;
        let cell_end = (first + u64::from(cell.events)).min(end);
        while sequence < cell_end {
            let submitted_event = small(sequence - submission.first_sequence);
            let logged_event = small(sequence - first);
            let (ours, theirs) = (leaves.get(logged_event), admitted.leaves().get(submitted_event));
            if ours != theirs {
                let logged_event = u16::try_from(logged_event).unwrap_or(u16::MAX);
                return Ok(Some(Conflict {
                    stream,
                    sequence,
                    logged_note: note_of(store, cell.index)?,
                    text_hash: admitted.note().text_hash,
                    logged: (cell.index, logged_event),
                    submitted_event,
                }));
            }
            sequence += 1;
        }
    }
    Ok(None)
}

/// Whether this conflict is new, and its stream below its bound for the day.
pub(crate) fn may_log(
    store: &Store,
    conflict: &Conflict,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let is_known = store.get(family::CONFLICT, &conflict_key(conflict))?.is_some();
    Ok(!is_known && logged_today(store, conflict.stream, now)? < CONFLICTS_PER_DAY_MAX)
}

/// Keeps what the two notes contradict each other in: both events, and the leaf hashes of both trees.
pub(crate) fn write(
    writes: &mut Writes,
    store: &Store,
    conflict: &Conflict,
    (issuer, incoming): (u32, &Incoming),
    (index, now): (LeafIndex, Timestamp),
) -> Result<(), StoreError> {
    let cell = incoming.bodies.get(conflict.submitted_event / BODY_EVENTS);
    let position = conflict.submitted_event % BODY_EVENTS;
    let submitted = cell.and_then(|cell| cells::decode_body(cell, position));
    // Of an event or a document that was erased, no text comes back by way of a contradiction: the leaf hashes
    // convict as well.
    let logged = body(store, conflict.logged.0, conflict.logged.1)?;
    let event = incoming.admitted.events().get(conflict.submitted_event);
    let erased = event.map(|event| document_erased_by(store, issuer, &event.document.0));
    let is_erased = erased.transpose()?.flatten().is_some();
    let texts = submitted.zip(logged).filter(|_texts| !is_erased);
    let (submitted, logged) = texts.unwrap_or_default();
    let number = u16::try_from(conflict.submitted_event).unwrap_or(u16::MAX);
    let place = Cell::default().u64(index.0).u16(number);
    let place = place.u64(conflict.logged.0.0).u16(conflict.logged.1);
    let texts = [(submitted.0.as_slice(), submitted.1.as_slice()), (&logged.0, &logged.1)];
    let events = cells::encode_bodies(texts.into_iter());
    let length = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let leaves: Vec<u8> =
        incoming.admitted.leaves().iter().flat_map(|leaf| *leaf.as_bytes()).collect();
    let value = place.u32(length).bytes(&events).bytes(&leaves).0;
    writes.put(family::CONFLICT, conflict_key(conflict), value);
    let count = logged_today(store, conflict.stream, now)? + 1;
    writes.put(DEFAULT, day_key(conflict.stream, now), Cell::default().u32(count).0);
    Ok(())
}

/// The keys of the conflicts over sequence numbers of a stream, each with what is kept without any text: where both
/// events are, and the leaf hashes.
pub(crate) fn without_texts(
    store: &Store,
    stream: u32,
    sequences: std::ops::Range<u64>,
) -> Result<Vec<Pair>, StoreError> {
    let [from, end] = [sequences.start, sequences.end].map(|n| SubmissionCell::key(stream, n));
    blanked(store, (&from, &end), |_texts| true)
}

/// The same of all conflicts of a stream in which one of the texts is of some documents: a text that was refused lies
/// at the sequence number that it contradicts, and its document perhaps at another one. Reads all of the stream's.
pub(crate) fn without_documents(
    store: &Store,
    stream: u32,
    is_gone: impl Fn(&DocumentHash) -> bool,
) -> Result<Vec<Pair>, StoreError> {
    let [from, end] = [Some(stream), stream.checked_add(1)]
        .map(|stream| stream.map_or_else(|| vec![u8::MAX; 5], |it| Cell::default().u32(it).0));
    blanked(store, (&from, &end), |texts| {
        let mut texts = cells::bodies(texts).flatten();
        texts.any(|(text, _)| Event::parse(text).is_ok_and(|event| is_gone(&event.document)))
    })
}

/// Conflicts between two keys, of which the texts are to go, without them. One at a time is in memory.
fn blanked(
    store: &Store,
    (from, end): (&[u8], &[u8]),
    is_to_go: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Pair>, StoreError> {
    let mut cursor = store.cursor(family::CONFLICT, Some(end))?;
    let mut blanked = Vec::new();
    let mut pair = cursor.seek(from)?;
    while let Some((key, value)) = pair {
        let read = |reader: &mut Reader<'_>| {
            let place = reader.bytes(PLACES_BYTES)?.to_vec();
            let length = usize::try_from(reader.u32()?).ok()?;
            Some((place, reader.bytes(length)?.to_vec()))
        };
        let mut reader = Reader(value);
        let read = read(&mut reader);
        let (place, texts) = read.ok_or(StoreError::Damaged { what: "conflict" })?;
        if is_to_go(&texts) {
            let none = cells::encode_bodies([(&[][..], &[][..]); 2].into_iter());
            let length = u32::try_from(none.len()).unwrap_or(u32::MAX);
            let value = Cell::default().bytes(&place).u32(length).bytes(&none).bytes(reader.0).0;
            blanked.push((key.to_vec(), value));
        }
        pair = cursor.advance()?;
    }
    Ok(blanked)
}

/// Leaf hashes of a logged submission's events.
pub(crate) fn logged_leaves(store: &Store, cell: &SubmissionCell) -> Result<Vec<Hash>, StoreError> {
    if cell.events == 1 {
        return Ok(vec![submission_at(store, cell.index)?.body.root]);
    }
    listed_leaves(store, cell.index, u64::from(cell.events))
}

/// The same, where the submission has been read.
pub(crate) fn leaves_at(
    store: &Store,
    index: LeafIndex,
    submission: &Submission,
) -> Result<Vec<Hash>, StoreError> {
    // The root over one event is its leaf hash.
    if submission.events == 1 {
        return Ok(vec![submission.root]);
    }
    listed_leaves(store, index, submission.events)
}

fn listed_leaves(store: &Store, index: LeafIndex, events: u64) -> Result<Vec<Hash>, StoreError> {
    let damaged = StoreError::Damaged { what: "list of leaf hashes" };
    let bytes = store.get(family::LEAVES, &cells::index_key(index))?;
    let leaves = bytes.and_then(|bytes| {
        let (chunks, rest) = bytes.as_chunks::<32>();
        rest.is_empty().then(|| chunks.iter().map(|chunk| Hash::new(*chunk)).collect::<Vec<_>>())
    });
    leaves.filter(|leaves| u64::try_from(leaves.len()) == Ok(events)).ok_or(damaged)
}

/// The submission that is logged at an index.
pub(crate) fn submission_at(
    store: &Store,
    index: LeafIndex,
) -> Result<IssuerNote<Submission>, StoreError> {
    let note = note_of(store, index)?;
    IssuerNote::<Submission>::parse(note.as_bytes())
        .or(Err(StoreError::Damaged { what: "submission in an entry" }))
}

/// Event and details texts of one event; `None` once erased.
pub(crate) fn body(
    store: &Store,
    index: LeafIndex,
    event: u16,
) -> Result<Option<Texts>, StoreError> {
    let (number, place) = place_of(event);
    let Some(bytes) = store.get(family::BODY, &cells::body_key(index, number))? else {
        return Ok(None);
    };
    let texts = cells::decode_body(&bytes, place);
    let (event, details) = texts.ok_or(StoreError::Damaged { what: "body cell" })?;
    Ok((!event.is_empty()).then_some((event, details)))
}

fn note_of(store: &Store, index: LeafIndex) -> Result<String, StoreError> {
    let damaged = || StoreError::Damaged { what: "entry" };
    let bytes = store.get(family::ENTRY, &cells::index_key(index))?.ok_or_else(damaged)?;
    Entry::parse(&bytes).map(|entry| entry.body).map_err(|_refused| damaged())
}

/// The logged submission that covers a sequence number, with its first one.
pub(crate) fn covering(
    store: &Store,
    stream: u32,
    sequence: u64,
) -> Result<(u64, SubmissionCell), StoreError> {
    let found = submission_before(store, stream, sequence)?;
    let covers = |(first, cell): &(u64, SubmissionCell)| sequence < first + u64::from(cell.events);
    found.filter(covers).ok_or(StoreError::Damaged { what: "submission cell" })
}

/// The last submission of a stream, with its first sequence number.
pub(crate) fn last_submission(
    store: &Store,
    stream: u32,
) -> Result<Option<(u64, SubmissionCell)>, StoreError> {
    submission_before(store, stream, u64::MAX)
}

/// The last submission of a stream that begins at or before a sequence number.
fn submission_before(
    store: &Store,
    stream: u32,
    sequence: u64,
) -> Result<Option<(u64, SubmissionCell)>, StoreError> {
    let damaged = || StoreError::Damaged { what: "submission cell" };
    let key = SubmissionCell::key(stream, sequence);
    let Some((key, value)) = store.last_at(family::SUBMISSION, &key)? else { return Ok(None) };
    let mut reader = Reader(&key);
    let (found, first) = reader.u32().zip(reader.u64()).ok_or_else(damaged)?;
    if found != stream {
        return Ok(None);
    }
    Ok(Some((first, SubmissionCell::decode(&value).ok_or_else(damaged)?)))
}

fn conflict_key(conflict: &Conflict) -> Vec<u8> {
    Cell::default().u32(conflict.stream).u64(conflict.sequence).hash(&conflict.text_hash).0
}

fn day_key(stream: u32, now: Timestamp) -> Vec<u8> {
    Cell::default().bytes(b"conflicts").u32(stream).u64(now.micros() / DAY_MICROS).0
}

fn logged_today(store: &Store, stream: u32, now: Timestamp) -> Result<u32, StoreError> {
    let bytes = store.get(DEFAULT, &day_key(stream, now))?;
    Ok(bytes.and_then(|bytes| Reader(&bytes).u32()).unwrap_or(0))
}

fn small(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
