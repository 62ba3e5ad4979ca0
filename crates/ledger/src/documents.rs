//! What is known of one document: its events, where they lie, and what proves them.

use std::collections::{BTreeMap, btree_map::Entry as Cells};

use witness_core::{
    anomaly::{Anomalies, Standing},
    entry::Entry,
    hash::{DocumentHash, Hash},
    merkle::{self, LeafIndex},
    name::Name,
    registry::Registry,
    submission::{IssuerNote, Submission},
};

use crate::{
    cells::{DocumentCell, PlaceCell, family},
    conflicts,
    erasure::{self, ErasedBy},
    reader::LogReader,
    store::{Store, StoreError},
};

/// About so many events are given of one document, the newest: whole pages, and those after them.
const EVENTS_MAX: usize = 1024;

/// Where an event of a document lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index of its submission's entry.
    pub index: LeafIndex,
    /// Its index in the submission.
    pub event: u16,
    /// What it made of the document.
    pub standing: Standing,
    /// What is odd about it.
    pub anomalies: Anomalies,
    /// Whether its text was erased.
    pub is_erased: bool,
}

/// One event of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentEvent {
    /// Where it lies.
    pub place: Place,
    /// Text of the submission's entry.
    pub entry: Vec<u8>,
    /// Its stream.
    pub stream: Name,
    /// Its sequence number there.
    pub sequence: u64,
    /// Text of the event; once it is erased, what says so.
    pub event: Result<Vec<u8>, ErasedBy>,
    /// Text of its details; empty if there are none.
    pub details: Vec<u8>,
}

/// The places of a document's newest events, in log order. If all of those were erased, all places are given: an older
/// one is left, else nothing would be known of the document.
pub(crate) fn places(
    reader: &LogReader,
    issuer: u32,
    document: &DocumentHash,
) -> Result<Vec<Place>, StoreError> {
    let pages = u32::try_from(EVENTS_MAX / DocumentCell::PAGE).unwrap_or(u32::MAX);
    let cells = pages_of(&reader.store, &DocumentCell::key(issuer, &document.0), pages)?;
    let places: Vec<Place> =
        cells.into_iter().flat_map(|(_, cell)| cell.places).map(Place::from).collect();
    if !places.is_empty() && places.iter().all(|place| place.is_erased) {
        return all_places(reader, issuer, document);
    }
    Ok(places)
}

/// The places of all of its events, however many.
pub(crate) fn all_places(
    reader: &LogReader,
    issuer: u32,
    document: &DocumentHash,
) -> Result<Vec<Place>, StoreError> {
    let cells = pages_of(&reader.store, &DocumentCell::key(issuer, &document.0), u32::MAX)?;
    Ok(cells.into_iter().flat_map(|(_, cell)| cell.places).map(Place::from).collect())
}

impl From<PlaceCell> for Place {
    fn from(cell: PlaceCell) -> Self {
        let PlaceCell { stream: _, index, event, standing, anomalies, is_erased } = cell;
        Self { index, event, standing, anomalies, is_erased }
    }
}

/// The newest cells of a document, each under its key, the newest of all last: at most so many older pages.
pub(crate) fn pages_of(
    store: &Store,
    document: &[u8],
    older_max: u32,
) -> Result<Vec<(Vec<u8>, DocumentCell)>, StoreError> {
    let damaged = || StoreError::Damaged { what: "document cell" };
    let Some(bytes) = store.get(family::DOCUMENT, document)? else { return Ok(Vec::new()) };
    let newest = DocumentCell::decode(&bytes).ok_or_else(damaged)?;
    let mut cells = Vec::new();
    for page in newest.older_pages.saturating_sub(older_max)..newest.older_pages {
        let key = DocumentCell::page_key(document, page);
        let bytes = store.get(family::DOCUMENT, &key)?.ok_or_else(damaged)?;
        cells.push((key, DocumentCell::decode(&bytes).ok_or_else(damaged)?));
    }
    cells.push((document.to_vec(), newest));
    Ok(cells)
}

/// The cells of a document, each read when it is asked for: the older pages by their numbers, and after them the newest.
pub(crate) struct Pages<'a> {
    store: &'a Store,
    document: &'a [u8],
    older: u32,
    read: BTreeMap<u32, DocumentCell>,
}

impl<'a> Pages<'a> {
    /// None if the document has none.
    pub(crate) fn open(store: &'a Store, document: &'a [u8]) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = store.get(family::DOCUMENT, document)? else { return Ok(None) };
        let newest = DocumentCell::decode(&bytes);
        let newest = newest.ok_or(StoreError::Damaged { what: "document cell" })?;
        let older = newest.older_pages;
        Ok(Some(Self { store, document, older, read: BTreeMap::from([(older, newest)]) }))
    }

    /// Number of older pages; that of the newest cell.
    pub(crate) fn older(&self) -> u32 {
        self.older
    }

    pub(crate) fn key(&self, number: u32) -> Vec<u8> {
        if number == self.older {
            return self.document.to_vec();
        }
        DocumentCell::page_key(self.document, number)
    }

    pub(crate) fn cell(&mut self, number: u32) -> Result<&mut DocumentCell, StoreError> {
        let key = self.key(number);
        match self.read.entry(number) {
            Cells::Occupied(read) => Ok(read.into_mut()),
            Cells::Vacant(place) => {
                let bytes = self.store.get(family::DOCUMENT, &key)?;
                let cell = bytes.and_then(|bytes| DocumentCell::decode(&bytes));
                Ok(place.insert(cell.ok_or(StoreError::Damaged { what: "document cell" })?))
            }
        }
    }

    /// The cell that an event is in, if it is of the document at all: places are in log order.
    pub(crate) fn find(&mut self, event: (LeafIndex, u16)) -> Result<u32, StoreError> {
        let (mut low, mut high) = (0, self.older);
        while low < high {
            let middle = high - (high - low) / 2;
            let first = self.cell(middle)?.places.first();
            if first.is_some_and(|first| (first.index, first.event) <= event) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }

    /// Whether an event is not erased; looked for from the newest on.
    pub(crate) fn is_any_left(&mut self) -> Result<bool, StoreError> {
        for number in (0..=self.older).rev() {
            if self.cell(number)?.places.iter().any(|place| !place.is_erased) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// An event with its texts.
pub(crate) fn event(
    reader: &LogReader,
    registry: &Registry,
    place: Place,
) -> Result<DocumentEvent, StoreError> {
    let damaged = |what| StoreError::Damaged { what };
    let entry = reader.entry(place.index)?;
    let note = Entry::parse(&entry).ok();
    let note = note.and_then(|entry| IssuerNote::<Submission>::parse(entry.body.as_bytes()).ok());
    let submission = note.ok_or_else(|| damaged("submission in an entry"))?.body;
    let sequence = submission.first_sequence + u64::from(place.event);
    let texts = conflicts::body(&reader.store, place.index, place.event)?;
    let (event, details) = match texts {
        Some((event, details)) => (Ok(event), details),
        // A text that is gone without an entry that says so was lost, and not erased.
        None => (Err(erased(reader, registry, &submission, sequence)?), Vec::new()),
    };
    Ok(DocumentEvent { place, entry, stream: submission.stream, sequence, event, details })
}

/// By which entry an event was erased whose text is not there; one without such an entry was lost.
pub(crate) fn erased(
    reader: &LogReader,
    registry: &Registry,
    submission: &Submission,
    sequence: u64,
) -> Result<ErasedBy, StoreError> {
    let record = registry.issuer(&submission.issuer);
    let record = record.and_then(|record| record.streams.get(&submission.stream));
    let stream = record.ok_or(StoreError::Damaged { what: "stream of a submission" })?.ordinal;
    let found = erasure::erased_by(&reader.store, stream, sequence)?;
    found.ok_or(StoreError::Damaged { what: "body cell" })
}

/// Leaf hash and path of an event in its submission's tree; all leaves of the submission are hashed for it, unless the
/// roots of its subtrees are known.
pub(crate) fn event_path(
    reader: &LogReader,
    place: Place,
) -> Result<(Hash, Vec<Hash>), StoreError> {
    let damaged = || StoreError::Damaged { what: "list of leaf hashes" };
    let key = crate::cells::index_key(place.index);
    // A submission of one event has no list: its root is the leaf.
    let Some(bytes) = reader.store.get(family::LEAVES, &key)? else {
        return Ok((conflicts::submission_at(&reader.store, place.index)?.body.root, Vec::new()));
    };
    let (leaves, _) = bytes.as_chunks::<32>();
    let event = usize::from(place.event);
    let (subtree, within) = (event / merkle::SUBTREE_LEAVES, event % merkle::SUBTREE_LEAVES);
    let subtree = leaves.chunks(merkle::SUBTREE_LEAVES).nth(subtree).ok_or_else(damaged)?;
    let subtree: Vec<Hash> = subtree.iter().copied().map(Hash::new).collect();
    let leaf = subtree.get(within).copied().ok_or_else(damaged)?;
    let index = LeafIndex(u64::from(place.event));
    let path = if leaves.len() <= merkle::SUBTREE_LEAVES {
        merkle::leaves_path(&subtree, index)
    } else {
        merkle::subtree_path(&reader.subtree_roots(place.index, leaves), &subtree, index)
    };
    Ok((leaf, path.ok_or_else(damaged)?))
}
