//! What was held of a document at a past time.

use std::collections::VecDeque;

use witness_core::{
    anomaly::State,
    entry::Entry,
    event::{Event, StatusClass},
    hash::DocumentHash,
    merkle::{LeafIndex, TreeSize},
    name::Domain,
    registry::Registry,
    schema::ChangeKind,
    time::Timestamp,
};

use super::{
    event::{AuditEvent, Logged},
    filter::Streams,
};
use crate::{
    cells::{self, DocumentCell, PlaceCell, family},
    conflicts,
    erasure::document_erased,
    reader::LogReader,
    store::{Store, StoreError},
};

/// Most events that are given, the newest by then.
const EVENTS_MAX: usize = 1024;
/// Most events of a document that are looked at in its streams, the newest by then.
const PLACES_MAX: usize = 256 * DocumentCell::PAGE;
/// Most pages that they are looked for on.
const PAGES_MAX: usize = 4096;
/// Entries that are read at once.
const ENTRIES_AT_ONCE: usize = 16;

/// What was held of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// Its events, in log order.
    pub events: Vec<AuditEvent>,
    /// What the last of them says; none if there are none.
    pub standing: Option<Standing>,
}

/// What a document was after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As its event says.
    Told {
        /// The change.
        change: ChangeKind,
        /// The status with its class; after a restoration, those from before the deletion.
        status: Option<(String, StatusClass)>,
    },
    /// The text that says so was erased: not even the kind of change is told.
    Erased,
}

/// What was received of a document at or before a time, in some streams of its issuer, of a log of so many entries.
pub(super) fn held(
    reader: &LogReader,
    (registry, size): (&Registry, TreeSize),
    streams: &Streams,
    (issuer, document, at): (&Domain, &DocumentHash, Timestamp),
) -> Result<Held, StoreError> {
    let Some(issuer) = registry.issuer(issuer) else { return Ok(Held::default()) };
    let store = &*reader.store;
    let end = received_by(reader, size, at)?;
    let places = newest_places(store, (issuer.ordinal, document), streams, end)?;
    let mut events = VecDeque::new();
    let mut standing: Option<Looking> = None;
    let mut rest = places.as_slice();
    loop {
        let (now, older) = rest.split_at(rest.len().min(ENTRIES_AT_ONCE));
        rest = older;
        for (place, entry) in now.iter().zip(entries(store, now)?) {
            let entry = entry.ok_or(StoreError::Damaged { what: "entry" })?;
            let any = |_stream, _received_at| true;
            let logged = Logged::read(store, registry, (place.index, &entry), any)?;
            let logged = logged.ok_or(StoreError::Damaged { what: "entry" })?;
            let texts = conflicts::body(store, place.index, place.event)?;
            let texts = texts.as_ref().map(|(event, details)| (&**event, &**details));
            let event = logged.event(store, (place.event, texts))?;
            standing = Some(match standing {
                None => Looking::begin(&event),
                Some(looking) => looking.back(*place, &event),
            });
            if events.len() < EVENTS_MAX {
                events.push_front(event);
            }
        }
        let is_enough = events.len() == EVENTS_MAX && matches!(standing, Some(Looking::Found(_)));
        if rest.is_empty() || is_enough {
            break;
        }
    }
    let mut standing = standing.map(Looking::end);
    if events.is_empty() && was_erased(store, streams, (issuer.ordinal, document))? {
        standing = Some(Standing::Erased);
    }
    Ok(Held { events: events.into(), standing })
}

/// How many entries had been received at or before a time.
fn received_by(reader: &LogReader, size: TreeSize, at: Timestamp) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, size.0);
    while low < high {
        let middle = low.midpoint(high);
        let entry = Entry::parse(&reader.entry(LeafIndex(middle))?);
        if entry.or(Err(StoreError::Damaged { what: "entry" }))?.received_at <= at {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The newest places of a document in streams, below an entry, newest first: at most [`PLACES_MAX`], and a page. None if
/// the document is in none of them, after as many reads as if it were not there.
fn newest_places(
    store: &Store,
    (issuer, document): (u32, &DocumentHash),
    streams: &Streams,
    end: u64,
) -> Result<Vec<PlaceCell>, StoreError> {
    let document = &DocumentCell::key(issuer, &document.0);
    let damaged = || StoreError::Damaged { what: "document cell" };
    let read = |key: &[u8]| match store.get(family::DOCUMENT, key)? {
        Some(bytes) => DocumentCell::decode(&bytes).ok_or_else(damaged).map(Some),
        None => Ok(None),
    };
    let is_seen = |cell: &DocumentCell| cell.streams.iter().any(|stream| streams.has(*stream));
    let Some(newest) = read(document)?.filter(is_seen) else { return Ok(Vec::new()) };
    let page = |number| read(&DocumentCell::page_key(document, number))?.ok_or_else(damaged);
    // Pages from here on begin with what came later.
    let (mut low, mut high) = (0, newest.older_pages);
    while low < high {
        let middle = low.midpoint(high);
        if page(middle)?.places.first().is_some_and(|place| place.index.0 < end) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let by_then = |cell: DocumentCell| {
        let places = cell.places.into_iter().rev();
        places.filter(move |place| place.index.0 < end && streams.has(place.stream))
    };
    let mut places: Vec<PlaceCell> = by_then(newest).collect();
    for number in (0..low).rev().take(PAGES_MAX) {
        if places.len() >= PLACES_MAX {
            break;
        }
        places.extend(by_then(page(number)?));
    }
    Ok(places)
}

/// Entries of places, newest first.
fn entries(store: &Store, places: &[PlaceCell]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    // Ascending, as the store wants them; two places can share an entry.
    let keys: Vec<_> = places.iter().rev().map(|place| cells::index_key(place.index)).collect();
    let mut found = store.get_many(family::ENTRY, &keys)?;
    found.reverse();
    Ok(found)
}

/// Whether all of a document was erased, of which the caller may have seen something. As many reads whatever is there.
fn was_erased(
    store: &Store,
    streams: &Streams,
    (issuer, document): (u32, &DocumentHash),
) -> Result<bool, StoreError> {
    let erased = document_erased(store, issuer, &document.0)?;
    Ok(erased.is_some_and(|erased| erased.streams().any(|stream| streams.has(stream))))
}

/// The look back for what a document was.
enum Looking {
    Found(Standing),
    /// It was restored last: what counts is what it was before its deletion.
    BeforeDeletion,
}

impl Looking {
    /// Begins at the last event.
    fn begin(last: &AuditEvent) -> Self {
        match told(last) {
            Standing::Told { change: ChangeKind::Restored, .. } => Self::BeforeDeletion,
            told @ (Standing::Told { .. } | Standing::Erased) => Self::Found(told),
        }
    }

    /// Goes back by one event.
    fn back(self, place: PlaceCell, event: &AuditEvent) -> Self {
        match (self, place.standing.state()) {
            (Self::Found(found), _) => Self::Found(found),
            (Self::BeforeDeletion, State::Deleted | State::Restored) => Self::BeforeDeletion,
            (Self::BeforeDeletion, State::Issued | State::Replaced | State::Status(_)) => {
                Self::Found(match told(event) {
                    Standing::Told { status, .. } => {
                        Standing::Told { change: ChangeKind::Restored, status }
                    }
                    Standing::Erased => Standing::Erased,
                })
            }
        }
    }

    fn end(self) -> Standing {
        match self {
            Self::Found(found) => found,
            Self::BeforeDeletion => Standing::Told { change: ChangeKind::Restored, status: None },
        }
    }
}

/// What one event says.
fn told(event: &AuditEvent) -> Standing {
    let text = event.texts.as_ref().and_then(|(text, _)| Event::parse(text).ok());
    let Some(change) = text.map(|text| text.change) else { return Standing::Erased };
    let status = change.status().map(|(class, status)| (status.as_str().to_owned(), class));
    Standing::Told { change: change.kind(), status }
}
