//! Counts of streams by day, as the index has them.

use std::ops::RangeInclusive;

use witness_core::{
    entry::Entry,
    merkle::LeafIndex,
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

/// Most days that are given of all streams together.
pub const DAYS_MAX: usize = 100_000;

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

/// Statistics of all that is asked for; nothing if that is more than [`DAYS_MAX`] days.
pub(super) fn statistics(
    store: &Store,
    registry: &Registry,
    streams: &Streams,
    (from, until): (Option<Timestamp>, Option<Timestamp>),
) -> Result<Option<Vec<StreamStatistics>>, StoreError> {
    let asked = from.map_or(0, day_of)..=until.map_or(u32::MAX, day_of);
    let mut all = Vec::new();
    let mut room = DAYS_MAX;
    let streams_of = registry.issuers().flat_map(|(issuer, record)| {
        record.streams.iter().map(move |(name, stream)| (issuer, name, stream))
    });
    for (issuer, name, stream) in streams_of.filter(|(_, _, stream)| streams.has(stream.ordinal)) {
        let days = days_of(store, stream.ordinal, &asked, room + 1)?;
        let Some(left) = room.checked_sub(days.len()) else { return Ok(None) };
        room = left;
        all.push(StreamStatistics {
            issuer: issuer.clone(),
            stream: name.clone(),
            jurisdictions: stream.jurisdictions.clone(),
            days,
            last_heard: state_of(store, stream.ordinal)?.last_heard,
            opened_at: received_at(store, stream.opened.index)?,
        });
    }
    Ok(Some(all))
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
    limit: usize,
) -> Result<Vec<(Timestamp, Counts)>, StoreError> {
    let is_asked = |key: &[u8]| Counts::day_in(key, stream).is_some_and(|day| asked.contains(&day));
    let from = Counts::key(stream, *asked.start());
    let mut days = Vec::new();
    for (key, value) in store.scan(family::AUDIT, &from, limit, is_asked)? {
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
