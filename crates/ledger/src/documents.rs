//! What is known of one document: its events, where they lie, and what proves them.

use witness_core::{
    anomaly::{Anomalies, Standing},
    hash::{DocumentHash, Hash},
    merkle::{self, LeafIndex},
};

use crate::{
    cells::{DocumentCell, Reader, family},
    conflicts,
    reader::LogReader,
    store::StoreError,
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
}

/// One event of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentEvent {
    /// Where it lies.
    pub place: Place,
    /// Text of the submission's entry.
    pub entry: Vec<u8>,
    /// Text of the event; `None` once erased.
    pub event: Option<Vec<u8>>,
    /// Text of its details; empty if there are none.
    pub details: Vec<u8>,
}

/// The places of a document's events, in log order.
pub(crate) fn places(
    reader: &LogReader,
    issuer: u32,
    document: &DocumentHash,
) -> Result<Vec<Place>, StoreError> {
    let damaged = || StoreError::Damaged { what: "document cell" };
    let Some(bytes) =
        reader.store.get(family::DOCUMENT, &DocumentCell::key(issuer, &document.0))?
    else {
        return Ok(Vec::new());
    };
    let newest = DocumentCell::decode(&bytes).ok_or_else(damaged)?;
    let mut cells = Vec::new();
    let pages = u32::try_from(EVENTS_MAX / DocumentCell::PAGE).unwrap_or(u32::MAX);
    for page in newest.older_pages.saturating_sub(pages)..newest.older_pages {
        let key = DocumentCell::page_key(issuer, &document.0, page);
        let bytes = reader.store.get(family::DOCUMENT, &key)?.ok_or_else(damaged)?;
        cells.extend(DocumentCell::decode(&bytes).ok_or_else(damaged)?.places);
    }
    cells.extend(newest.places);
    let place = |cell: crate::cells::PlaceCell| Place {
        index: cell.index,
        event: cell.event,
        standing: cell.standing,
        anomalies: cell.anomalies,
    };
    Ok(cells.into_iter().map(place).collect())
}

/// An event with its texts.
pub(crate) fn event(reader: &LogReader, place: Place) -> Result<DocumentEvent, StoreError> {
    let entry = reader.entry(place.index)?;
    let texts = conflicts::body(&reader.store, place.index, place.event)?;
    let (event, details) = match texts {
        Some((event, details)) => (Some(event), details),
        None => (None, Vec::new()),
    };
    Ok(DocumentEvent { place, entry, event, details })
}

/// Path of an event in its submission's tree; all leaves of the submission are hashed for it.
pub(crate) fn event_path(reader: &LogReader, place: Place) -> Result<Vec<Hash>, StoreError> {
    let damaged = StoreError::Damaged { what: "list of leaf hashes" };
    let key = crate::cells::index_key(place.index);
    // A submission of one event has no list: its root is the leaf.
    let Some(bytes) = reader.store.get(family::LEAVES, &key)? else { return Ok(Vec::new()) };
    let mut rest = Reader(&bytes);
    let mut leaves = Vec::with_capacity(bytes.len() / 32);
    while let Some(leaf) = rest.hash() {
        leaves.push(leaf);
    }
    merkle::leaves_path(&leaves, LeafIndex(u64::from(place.event))).ok_or(damaged)
}
