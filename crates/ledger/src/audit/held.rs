//! What was held of a document at a past time.

use witness_core::{
    anomaly::State,
    event::{Change, Event},
    hash::DocumentHash,
    merkle::LeafIndex,
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
    cells::{self, family},
    conflicts,
    documents::{self, Place},
    reader::LogReader,
    store::{Store, StoreError},
};

/// Most events that are given, the newest by then.
const EVENTS_MAX: usize = 1024;
/// Entries that are read at once. What is not in scope costs as much as what is not there: a whole number of these.
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
pub struct Standing {
    /// The change.
    pub change: ChangeKind,
    /// The status with its class; after a restoration, those from before the deletion. The status is empty where its
    /// event was erased.
    pub status: Option<(String, witness_core::event::StatusClass)>,
}

/// What was received of a document at or before a time, in some streams of its issuer.
pub(super) fn held(
    reader: &LogReader,
    registry: &Registry,
    streams: &Streams,
    (issuer, document, at): (&Domain, &DocumentHash, Timestamp),
) -> Result<Held, StoreError> {
    let Some(issuer) = registry.issuer(issuer) else { return Ok(Held::default()) };
    let store = &*reader.store;
    let places = documents::all_places(reader, issuer.ordinal, document)?;
    let mut found: Vec<(Place, AuditEvent)> = Vec::new();
    let wanted = |stream, received_at| streams.has(stream) && received_at <= at;
    let mut rest = places.as_slice();
    loop {
        let (now, later) = rest.split_at(rest.len().min(ENTRIES_AT_ONCE));
        for (place, entry) in now.iter().zip(entries(store, now)?) {
            let entry = entry.ok_or(StoreError::Damaged { what: "entry" })?;
            let logged = Logged::read(store, registry, (place.index, &entry), wanted)?;
            let Some(logged) = logged else { continue };
            let texts = conflicts::body(store, place.index, place.event)?;
            let texts = texts.as_ref().map(|(event, details)| (&**event, &**details));
            found.push((*place, logged.event(store, (place.event, texts))?));
        }
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    let older = found.len().saturating_sub(EVENTS_MAX);
    let standing = standing(&found);
    Ok(Held { events: found.into_iter().skip(older).map(|(_, event)| event).collect(), standing })
}

/// Entries of so many places, and besides them looks for some that are not there.
fn entries(store: &Store, places: &[Place]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    let nowhere = (0..).map(|n: u64| LeafIndex(u64::MAX - 64 + n));
    let own = places.iter().map(|place| place.index);
    let keys: Vec<Vec<u8>> =
        own.chain(nowhere).take(ENTRIES_AT_ONCE).map(cells::index_key).collect();
    store.get_many(family::ENTRY, &keys)
}

/// What the last of some events says.
fn standing(found: &[(Place, AuditEvent)]) -> Option<Standing> {
    let (last, event) = found.last()?;
    let (change, status) = told(last, event);
    let status = match change {
        ChangeKind::Restored => {
            let kept = |(place, _): &&(Place, AuditEvent)| {
                !matches!(place.standing.state(), State::Deleted | State::Restored)
            };
            found.iter().rev().find(kept).and_then(|(place, event)| told(place, event).1)
        }
        ChangeKind::Issued
        | ChangeKind::Replaced
        | ChangeKind::Amended
        | ChangeKind::Status
        | ChangeKind::Deleted => status,
    };
    Some(Standing { change, status })
}

/// What one event says; of one that was erased, what is still known.
fn told(
    place: &Place,
    event: &AuditEvent,
) -> (ChangeKind, Option<(String, witness_core::event::StatusClass)>) {
    let text = event.texts.as_ref().and_then(|(text, _)| Event::parse(text).ok());
    match text.map(|text| text.change) {
        Some(Change::Status { class, status }) => {
            (ChangeKind::Status, Some((status.as_str().to_owned(), class)))
        }
        Some(change) => (change.kind(), None),
        None => match place.standing.state() {
            State::Issued => (ChangeKind::Issued, None),
            State::Replaced => (ChangeKind::Replaced, None),
            State::Deleted => (ChangeKind::Deleted, None),
            State::Restored => (ChangeKind::Restored, None),
            State::Status(class) => (ChangeKind::Status, Some((String::new(), class))),
        },
    }
}
