//! Counts of streams by day, as the index has them.

use std::ops::RangeInclusive;

use witness_core::{
    entry::Entry,
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Jurisdictions, Name},
    registry::Registry,
    time::Timestamp,
};

use super::{
    cells::{DAY_MICROS, StreamState},
    counts::{Counts, day_of},
    filter::Streams,
};
use crate::{
    cells::{self, family},
    store::{Store, StoreError},
};

/// Most days that are looked at of all streams together: of some hundred bytes each, so that an answer stays far below
/// what a client takes.
pub const DAYS_MAX: u64 = 10_000;

/// What happened in one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStatistics {
    /// Whose.
    pub issuer: Domain,
    /// Its name.
    pub stream: Name,
    /// Who may inspect it.
    pub jurisdictions: Jurisdictions,
    /// Begins of the days on which something happened, UTC, with what it was.
    pub days: Vec<(Timestamp, Counts)>,
    /// Time of receipt of its newest submission or heartbeat, whatever days were asked for.
    pub last_heard: Option<Timestamp>,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// Statistics of all that is asked for; nothing if that is more than [`DAYS_MAX`] days, which is decided before any is
/// counted. A stream has days from its opening to the newest entry.
pub(super) fn statistics(
    store: &Store,
    (registry, size): (&Registry, TreeSize),
    streams: &Streams,
    (from, until): (Option<Timestamp>, Option<Timestamp>),
) -> Result<Option<Vec<StreamStatistics>>, StoreError> {
    let Some(newest) = size.0.checked_sub(1).filter(|_| !streams.is_empty()) else {
        return Ok(Some(Vec::new()));
    };
    let newest = received_at(store, LeafIndex(newest))?;
    let end = until.map_or(newest, |until| until.min(newest));
    let mut all = Vec::new();
    let mut room = DAYS_MAX;
    let streams_of = registry.issuers().flat_map(|(issuer, record)| {
        record.streams.iter().map(move |(name, stream)| (issuer, name, stream))
    });
    for (issuer, name, stream) in streams_of.filter(|(_, _, stream)| streams.has(stream.ordinal)) {
        let opened_at = received_at(store, stream.opened.index)?;
        let begin = from.map_or(opened_at, |from| from.max(opened_at));
        let asked = day_of(begin)..=day_of(end);
        let days = (u64::from(*asked.end()) + 1).saturating_sub(u64::from(*asked.start()));
        let Some(left) = room.checked_sub(days) else { return Ok(None) };
        room = left;
        let counted = StreamStatistics {
            issuer: issuer.clone(),
            stream: name.clone(),
            jurisdictions: stream.jurisdictions.clone(),
            days: Vec::new(),
            last_heard: None,
            opened_at,
        };
        all.push((stream.ordinal, asked, counted));
    }
    let counted = all.into_iter().map(|(stream, asked, mut counted)| {
        counted.days = days_of(store, stream, &asked)?;
        counted.last_heard = state_of(store, stream)?.last_heard;
        Ok(counted)
    });
    counted.collect::<Result<_, StoreError>>().map(Some)
}

/// What the index remembers of a stream.
pub(super) fn state_of(store: &Store, stream: u32) -> Result<StreamState, StoreError> {
    match store.get(family::AUDIT, &StreamState::key(stream))? {
        None => Ok(StreamState::default()),
        Some(bytes) => StreamState::decode(&bytes)
            .ok_or(StoreError::Damaged { what: "state of a stream in the index" }),
    }
}

/// What was counted of a stream on a day.
pub(super) fn counts_of(store: &Store, stream: u32, day: u32) -> Result<Counts, StoreError> {
    match store.get(family::AUDIT, &Counts::key(stream, day))? {
        None => Ok(Counts::default()),
        Some(bytes) => Counts::decode(&bytes).ok_or_else(damaged),
    }
}

fn days_of(
    store: &Store,
    stream: u32,
    asked: &RangeInclusive<u32>,
) -> Result<Vec<(Timestamp, Counts)>, StoreError> {
    let is_asked = |key: &[u8]| Counts::day_in(key, stream).is_some_and(|day| asked.contains(&day));
    let from = Counts::key(stream, *asked.start());
    let mut days = Vec::new();
    for (key, value) in store.scan(family::AUDIT, &from, usize::MAX, is_asked)? {
        let day = Counts::day_in(&key, stream).ok_or_else(damaged)?;
        let begin = Timestamp::from_micros(u64::from(day) * DAY_MICROS);
        days.push((begin, Counts::decode(&value).ok_or_else(damaged)?));
    }
    Ok(days)
}

fn received_at(store: &Store, index: LeafIndex) -> Result<Timestamp, StoreError> {
    let text = store.get(family::ENTRY, &cells::index_key(index))?;
    let entry = text.and_then(|text| Entry::parse(&text).ok());
    entry.map(|entry| entry.received_at).ok_or(StoreError::Damaged { what: "entry" })
}

fn damaged() -> StoreError {
    StoreError::Damaged { what: "counts of a stream" }
}
