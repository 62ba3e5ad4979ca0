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

/// Whether statistics tell each day, or the totals alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Days {
    /// Each day.
    Told,
    /// The totals.
    Summed,
}

impl Days {
    /// Most days of all streams together, of some hundred bytes each: so many travel in one answer, or are read for it.
    #[must_use]
    pub fn most(self) -> usize {
        match self {
            Self::Told => 10_000,
            Self::Summed => 100_000,
        }
    }
}

/// What happened in one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStatistics {
    /// Whose.
    pub issuer: Domain,
    /// Its name.
    pub stream: Name,
    /// Who may inspect it.
    pub jurisdictions: Jurisdictions,
    /// What happened on all days that were asked for.
    pub total: Counts,
    /// Begins of the days on which something happened, UTC, with what it was; none if they are not to be told.
    pub days: Vec<(Timestamp, Counts)>,
    /// Time of receipt of its newest submission or heartbeat, whatever days were asked for.
    pub last_heard: Option<Timestamp>,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// Statistics of all that is asked for; nothing if something happened on more days than [`Days::most`], and no more
/// than so many are read.
pub(super) fn statistics(
    store: &Store,
    registry: &Registry,
    streams: &Streams,
    ((from, until), days): ((Option<Timestamp>, Option<Timestamp>), Days),
) -> Result<Option<Vec<StreamStatistics>>, StoreError> {
    let asked = from.map_or(0, day_of)..=until.map_or(u32::MAX, day_of);
    let mut all = Vec::new();
    let mut room = days.most();
    let streams_of = registry.issuers().flat_map(|(issuer, record)| {
        record.streams.iter().map(move |(name, stream)| (issuer, name, stream))
    });
    for (issuer, name, stream) in streams_of.filter(|(_, _, stream)| streams.has(stream.ordinal)) {
        let counted = days_of(store, stream.ordinal, &asked, room + 1)?;
        let Some(left) = room.checked_sub(counted.len()) else { return Ok(None) };
        room = left;
        let mut total = Counts::default();
        for (_, counts) in &counted {
            total.add(counts);
        }
        all.push(StreamStatistics {
            issuer: issuer.clone(),
            stream: name.clone(),
            jurisdictions: stream.jurisdictions.clone(),
            total,
            days: if days == Days::Told { counted } else { Vec::new() },
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
