//! Erased events: which entry says of an event, or of a whole document, that it was erased; and what is to be
//! erased, found before the one writer's turn.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    ops::Range as Sequences,
};

use witness_core::{
    admission::Refusal,
    erasure::{RANGES_MAX, Range, Reason},
    hash::{DocumentHash, Hash},
    merkle::LeafIndex,
    name::{Domain, Name},
    registry::IssuerRecord,
    time::Timestamp,
};

use crate::{
    cells::{self, Cell, Reader, family},
    conflicts, documents,
    reader::LogReader,
    store::{Store, StoreError, Writes},
};

/// Most events that one entry erases: it bounds how long the writer is held up.
pub(crate) const EVENTS_MAX: u64 = 4096;

/// The entry by which something was erased, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErasedBy {
    /// Index of the entry.
    pub index: LeafIndex,
    /// Its time.
    pub at: Timestamp,
}

impl ErasedBy {
    fn encode(self, cell: Cell) -> Vec<u8> {
        cell.u64(self.index.0).u64(self.at.micros()).0
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let index = LeafIndex(reader.u64()?);
        Some(Self { index, at: Timestamp::from_micros(reader.u64()?) })
    }
}

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRequest {
    /// Whose events.
    pub issuer: Domain,
    /// Which of them.
    pub what: What,
    /// Why.
    pub reason: Reason,
}

/// Which events are to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// By their places in streams, in any order.
    Ranges(Vec<Range>),
    /// All of a document's.
    Document(DocumentHash),
}

/// Events that are there and can be erased, in pieces that the writer takes one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasable {
    pub(crate) issuer: Domain,
    pub(crate) reason: Reason,
    /// Each sorted, its ranges apart from each other, at most [`RANGES_MAX`] of them and [`EVENTS_MAX`] events.
    pub(crate) pieces: Vec<Vec<Range>>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Events that were erased now; those that had been before do not count.
    pub events: u64,
    /// The last entry that says so; none if all had been erased before.
    pub by: Option<ErasedBy>,
}

/// By which entry an event was erased, if it was.
pub(crate) fn erased_by(
    store: &Store,
    stream: u32,
    sequence: u64,
) -> Result<Option<ErasedBy>, StoreError> {
    let found = mark_before(store, stream, sequence)?;
    Ok(found.filter(|mark| mark.sequences.contains(&sequence)).map(|mark| mark.by))
}

/// The parts of a range that were not erased yet, in order, at most `limit`.
pub(crate) fn not_erased(
    store: &Store,
    stream: u32,
    range: &Sequences<u64>,
    limit: usize,
) -> Result<Vec<Sequences<u64>>, StoreError> {
    let mut parts = Vec::new();
    let mut next = range.start;
    let mut mark = mark_before(store, stream, range.start)?;
    while next < range.end && parts.len() < limit {
        if let Some(found) = &mark
            && found.sequences.contains(&next)
        {
            next = found.sequences.end;
        }
        let after = mark_after(store, stream, next)?;
        let end = after.as_ref().map_or(range.end, |mark| mark.sequences.start.min(range.end));
        if next < end {
            parts.push(next..end);
        }
        next = end;
        mark = after;
    }
    Ok(parts)
}

/// That events of a stream, which follow each other, were erased.
struct Mark {
    sequences: Sequences<u64>,
    by: ErasedBy,
}

fn mark_before(store: &Store, stream: u32, sequence: u64) -> Result<Option<Mark>, StoreError> {
    let found = store.last_at(family::ERASURE, &events_key(stream, sequence))?;
    found.map_or(Ok(None), |pair| read_mark(stream, &pair))
}

fn mark_after(store: &Store, stream: u32, sequence: u64) -> Result<Option<Mark>, StoreError> {
    let found = store.scan(family::ERASURE, &events_key(stream, sequence), 1, |_any| true)?;
    found.first().map_or(Ok(None), |pair| read_mark(stream, pair))
}

/// None if it is of another stream, or no mark of a stream at all.
fn read_mark(stream: u32, (key, value): &(Vec<u8>, Vec<u8>)) -> Result<Option<Mark>, StoreError> {
    let mut key = Reader(key);
    if (key.u8(), key.u32()) != (Some(b's'), Some(stream)) {
        return Ok(None);
    }
    let mut value = Reader(value);
    let read = key.u64().zip(value.u64()).zip(ErasedBy::decode(&mut value));
    let ((first, events), by) = read.ok_or(StoreError::Damaged { what: "erasure mark" })?;
    Ok(Some(Mark { sequences: first..first.saturating_add(events), by }))
}

/// Writes that events of a stream are erased.
pub(crate) fn mark(writes: &mut Writes, stream: u32, sequences: &Sequences<u64>, by: ErasedBy) {
    let value = by.encode(Cell::default().u64(sequences.end - sequences.start));
    writes.put(family::ERASURE, events_key(stream, sequences.start), value);
}

fn events_key(stream: u32, first: u64) -> Vec<u8> {
    Cell::default().u8(b's').u32(stream).u64(first).0
}

/// Key of the mark of a document of which nothing is left: whoever presents its hash learns when it was erased.
fn document_key(issuer: u32, document: &Hash) -> Vec<u8> {
    Cell::default().u8(b'd').hash(&cells::digest("witness-erased/v1", issuer, document)).0
}

/// That all of a document was erased.
pub(crate) struct DocumentErased {
    by: ErasedBy,
    /// Streams that its events were in.
    streams: BTreeSet<u32>,
}

impl DocumentErased {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let by = ErasedBy::decode(&mut reader)?;
        let mut streams = BTreeSet::new();
        while !reader.0.is_empty() {
            streams.insert(reader.u32()?);
        }
        Some(Self { by, streams })
    }

    /// Streams that its events were in.
    pub(crate) fn streams(&self) -> impl Iterator<Item = u32> + '_ {
        self.streams.iter().copied()
    }
}

/// Writes that nothing is left of a document, whose events were in these streams.
pub(crate) fn mark_document(
    (writes, store): (&mut Writes, &Store),
    (issuer, document): (u32, &Hash),
    by: ErasedBy,
    streams: &BTreeSet<u32>,
) -> Result<(), StoreError> {
    // It can have been erased before, and issued again.
    let before = document_erased(store, issuer, document)?;
    let all = before.iter().flat_map(DocumentErased::streams).chain(streams.iter().copied());
    let all: BTreeSet<u32> = all.collect();
    let value = all.into_iter().fold(Cell(by.encode(Cell::default())), Cell::u32).0;
    writes.put(family::ERASURE, document_key(issuer, document), value);
    Ok(())
}

/// That all that was known of a document was erased, if it was.
pub(crate) fn document_erased(
    store: &Store,
    issuer: u32,
    document: &Hash,
) -> Result<Option<DocumentErased>, StoreError> {
    let Some(value) = store.get(family::ERASURE, &document_key(issuer, document))? else {
        return Ok(None);
    };
    DocumentErased::decode(&value).map(Some).ok_or(StoreError::Damaged { what: "erasure mark" })
}

/// When all that was known of a document was erased, if it was.
pub(crate) fn document_erased_by(
    store: &Store,
    issuer: u32,
    document: &Hash,
) -> Result<Option<ErasedBy>, StoreError> {
    Ok(document_erased(store, issuer, document)?.map(|erased| erased.by))
}

/// Remembers that old values of these submissions' bodies may still be in files.
pub(crate) fn mark_unsettled(
    writes: &mut Writes,
    by: ErasedBy,
    submissions: impl Iterator<Item = LeafIndex>,
) {
    let value = submissions.fold(Cell::default(), |cell, index| cell.u64(index.0)).0;
    writes.put(family::ERASURE, unsettled_key(by.index), value);
}

/// An erasure of which old values may still be in files.
pub(crate) struct Unsettled {
    /// Key of its mark.
    pub(crate) key: Vec<u8>,
    /// The entry that says so.
    pub(crate) by: LeafIndex,
    /// The submissions of which texts went.
    pub(crate) submissions: Vec<LeafIndex>,
}

/// All erasures of which old values may still be in files.
pub(crate) fn unsettled(store: &Store) -> Result<Vec<Unsettled>, StoreError> {
    let from = unsettled_key(LeafIndex(0));
    let found = store.scan(family::ERASURE, &from, usize::MAX, |key| key.starts_with(b"u"))?;
    let read = |(key, value): (Vec<u8>, Vec<u8>)| {
        let (mut reader, mut submissions) = (Reader(&value), Vec::new());
        while let Some(index) = reader.u64() {
            submissions.push(LeafIndex(index));
        }
        let by = key.strip_prefix(b"u").and_then(|index| Reader(index).u64()).map(LeafIndex);
        let by = by.ok_or(StoreError::Damaged { what: "mark of an erasure" })?;
        Ok(Unsettled { key, by, submissions })
    };
    found.into_iter().map(read).collect()
}

fn unsettled_key(erasure: LeafIndex) -> Vec<u8> {
    Cell::default().u8(b'u').u64(erasure.0).0
}

/// The ranges of a request, cut into pieces for the writer.
pub(crate) fn pieces(ranges: Vec<Range>) -> Vec<Vec<Range>> {
    let mut pieces: Vec<Vec<Range>> = vec![Vec::new()];
    let mut room = EVENTS_MAX;
    for mut range in joined(ranges) {
        while range.events > 0 {
            let is_full = pieces.last().is_some_and(|piece| piece.len() == RANGES_MAX);
            if room == 0 || is_full {
                pieces.push(Vec::new());
                room = EVENTS_MAX;
            }
            let events = range.events.min(room);
            let part = Range { events, ..range.clone() };
            range = Range { first_sequence: part.end(), events: range.events - events, ..range };
            room -= events;
            pieces.last_mut().into_iter().for_each(|piece| piece.push(part.clone()));
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Ranges in order; those that touch or overlap are one.
pub(crate) fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut joined: Vec<Range> = Vec::new();
    for range in ranges.into_iter().filter(|range| range.events > 0) {
        match joined.last_mut() {
            Some(last) if last.stream == range.stream && last.end() >= range.first_sequence => {
                last.events = last.end().max(range.end()) - last.first_sequence;
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// The places in streams of a document's events that are not erased.
pub(crate) fn ranges_of(
    reader: &LogReader,
    issuer: &IssuerRecord,
    document: &DocumentHash,
) -> Result<Result<Vec<Range>, Refusal>, StoreError> {
    let places = documents::all_places(reader, issuer.ordinal, document)?;
    if places.is_empty() {
        let erased = document_erased_by(&reader.store, issuer.ordinal, &document.0)?;
        return Ok(erased.map(|_| Vec::new()).ok_or(Refusal::UnknownDocument));
    }
    let mut submissions: BTreeMap<LeafIndex, (Name, u64)> = BTreeMap::new();
    let mut ranges = Vec::new();
    for place in places.iter().filter(|place| !place.is_erased) {
        let (stream, first) = match submissions.entry(place.index) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => {
                let submission = conflicts::submission_at(&reader.store, *place.key())?.body;
                place.insert((submission.stream, submission.first_sequence))
            }
        };
        let first_sequence = *first + u64::from(place.event);
        ranges.push(Range { stream: stream.clone(), first_sequence, events: 1 });
    }
    Ok(Ok(ranges))
}
