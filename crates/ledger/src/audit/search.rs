//! Searching: postings are walked together, each jumping to where the others are; what they have in common is
//! read from the log and believed only then.

use std::ops::ControlFlow;

use witness_core::{merkle::LeafIndex, registry::Registry};

use super::{
    cells::{List, Row, Term, ZONE_BITS},
    cursor::{CELL, Rows, Source, Spent, Zones},
    event::{AuditEvent, Logged},
    filter::{Filter, Streams},
    postings::EventSet,
};
use crate::{
    bodies,
    cells::{self, family},
    store::{Store, StoreError},
};

/// Bytes of a page: with all around it, it must fit the 4 MiB that clients of gRPC take.
const PAGE_BYTES_MAX: usize = 2 << 20;

/// Most lists of postings that are walked at the same time, and most areas whose zones are. Beyond, less is skipped, and
/// more is looked at: a list finds nothing that its rows would not.
const LISTS_MAX: usize = 1024;
const AREAS_MAX: usize = 256;

/// What a page may have, and what it may cost. It makes some progress whatever it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize {
    /// Events.
    pub events: usize,
    /// In units of about a microsecond: one that takes more ends there.
    pub micros: u64,
}

/// A place in the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Index of an entry.
    pub index: LeafIndex,
    /// Index of an event of it.
    pub event: u16,
}

impl Position {
    /// Before everything.
    pub const BEGIN: Self = Self { index: LeafIndex(0), event: 0 };
}

/// One page of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The events, in log order.
    pub events: Vec<AuditEvent>,
    /// Where to go on, unless this was all.
    pub next: Option<Position>,
}

/// Where a search stands.
enum Step {
    /// At a submission that all sources have.
    At(u64, Row),
    /// Enough was spent; it goes on from here another time.
    Enough(u64),
    /// Nothing more is there.
    End,
}

/// One search under way.
pub(super) struct Search<'a> {
    store: &'a Store,
    registry: &'a Registry,
    streams: &'a Streams,
    filter: &'a Filter,
    sources: Vec<Source<'a>>,
    rows: Rows<'a>,
    /// If it is asked when something occurred.
    zones: Option<Zones<'a>>,
    /// The last zone that may have what the filter asks for.
    zone: Option<u64>,
    spent: Spent,
    /// Where the page begins.
    from: Position,
    /// Events that were looked at.
    looks: usize,
    limit: usize,
    bytes: usize,
    found: Vec<AuditEvent>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        store: &'a Store,
        registry: &'a Registry,
        (streams, filter): (&'a Streams, &'a Filter),
        (from, page): (Position, PageSize),
    ) -> Result<Self, StoreError> {
        let lists = lists(streams, filter);
        let sources = lists.iter().map(|lists| Source::any_of(store, lists));
        let has_zones = filter.asks_when_it_occurred() && streams.areas().len() <= AREAS_MAX;
        let zones = has_zones.then(|| Zones::of(store, streams.areas()));
        Ok(Self {
            store,
            registry,
            streams,
            filter,
            sources: sources.collect::<Result<_, _>>()?,
            rows: Rows::of(store)?,
            zones: zones.transpose()?,
            zone: None,
            spent: Spent { micros: 0, most: page.micros },
            from,
            looks: 0,
            limit: page.events,
            bytes: 0,
            found: Vec::new(),
        })
    }

    /// The page, of entries below `end`.
    pub(super) fn run(mut self, end: u64) -> Result<Found, StoreError> {
        let next = self.walk(end)?;
        Ok(Found { events: self.found, next })
    }

    /// Finds the events of a page; gives where to go on, unless that was all.
    fn walk(&mut self, end: u64) -> Result<Option<Position>, StoreError> {
        let from = self.from;
        let (begin, end) = self.received(end)?;
        let mut target = from.index.0.max(begin);
        loop {
            let (index, row) = match self.next_submission(target, end)? {
                Step::At(index, row) => (index, row),
                Step::End => return Ok(None),
                Step::Enough(target) => {
                    let event = event_at(from, target);
                    return Ok(Some(Position { index: LeafIndex(target), event }));
                }
            };
            if let Some(after) = self.after_zones_without(index)? {
                target = after;
                continue;
            }
            let events = self.events(index, &row);
            let first = event_at(from, index);
            if let ControlFlow::Break(next) = self.take_events((index, &row), &events, first)? {
                return Ok(Some(next));
            }
            target = index + 1;
        }
    }

    /// The indexes between which everything was received when it is asked for.
    fn received(&mut self, end: u64) -> Result<(u64, u64), StoreError> {
        let (from, until) = (self.filter.received_from, self.filter.received_until);
        let end = match until {
            Some(until) => self.rows.first_received(end, |row| row.received_at < until)?,
            None => end,
        };
        let begin = match from {
            Some(from) => self.rows.first_received(end, |row| row.received_at < from)?,
            None => 0,
        };
        Ok((begin, end))
    }

    /// The first submission from `target` on that all sources have.
    fn next_submission(&mut self, mut target: u64, end: u64) -> Result<Step, StoreError> {
        'again: while target < end {
            if self.spent.is_enough() && target > self.from.index.0 {
                return Ok(Step::Enough(target));
            }
            for source in &mut self.sources {
                match source.seek(target, &mut self.spent)? {
                    None => return Ok(Step::End),
                    Some(found) if found > target => {
                        target = found;
                        continue 'again;
                    }
                    Some(_) => {}
                }
            }
            match self.rows.seek(target, &mut self.spent)? {
                None => return Ok(Step::End),
                Some((index, _)) if index > target => target = index,
                Some((index, row)) => return Ok(Step::At(index, row)),
            }
        }
        Ok(Step::End)
    }

    /// Where the next zone begins in which something can have occurred when it is asked for, if it is not that of
    /// `index`.
    fn after_zones_without(&mut self, index: u64) -> Result<Option<u64>, StoreError> {
        let zone = index >> ZONE_BITS;
        let Some(zones) = self.zones.as_mut().filter(|_| self.zone != Some(zone)) else {
            return Ok(None);
        };
        let next = zones.seek(zone, |span| self.filter.takes_span(span), &mut self.spent)?;
        // After the last one nothing comes at all.
        let next = next.unwrap_or(u64::MAX >> ZONE_BITS);
        self.zone = Some(next);
        Ok((next > zone).then_some(next << ZONE_BITS))
    }

    /// Events of a submission that all sources have.
    fn events(&self, index: u64, row: &Row) -> EventSet {
        let is_asked = self.streams.has(row.stream)
            && (!self.filter.asks_when_it_occurred() || self.filter.takes_span(row.occurred));
        if !is_asked {
            return EventSet::default();
        }
        let sets = self.sources.iter().filter_map(|source| source.events(index));
        sets.fold(EventSet::first(row.events), |all, set| all.and(set))
    }

    /// Reads events of a submission, from `first` on, and takes those that are as asked; breaks where the page is
    /// full.
    fn take_events(
        &mut self,
        (index, row): (u64, &Row),
        events: &EventSet,
        first: u16,
    ) -> Result<ControlFlow<Position>, StoreError> {
        let index = LeafIndex(index);
        let (mut logged, mut cell) = (None, (u16::MAX, Vec::new()));
        for event in events.iter().filter(|event| *event >= first) {
            let is_full = self.found.len() >= self.limit || self.bytes > PAGE_BYTES_MAX;
            if is_full || self.spent.is_enough() && self.looks > 0 {
                return Ok(ControlFlow::Break(Position { index, event }));
            }
            self.looks += 1;
            let (number, place) = bodies::place_of(event);
            if cell.0 != number {
                self.spent.micros += CELL;
                let key = cells::body_key(index, number);
                cell = (number, self.store.get(family::BODY, &key)?.unwrap_or_default());
            }
            let texts = bodies::texts_of(&cell.1).nth(place).transpose()?.flatten();
            if !self.filter.takes_texts(self.registry, texts) {
                continue;
            }
            let logged = match &logged {
                Some(logged) => logged,
                None => logged.insert(self.read(index, row)?),
            };
            if self.filter.takes_anomalies(logged.anomalies(event)) {
                let event = logged.event(self.store, (event, texts))?;
                self.bytes += event.size();
                self.found.push(event);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn read(&mut self, index: LeafIndex, row: &Row) -> Result<Logged, StoreError> {
        self.spent.micros += 2 * CELL;
        let damaged = StoreError::Damaged { what: "row of a submission" };
        let text = self.store.get(family::ENTRY, &cells::index_key(index))?;
        let text = text.ok_or(StoreError::Damaged { what: "entry" })?;
        let wanted = |stream, _| stream == row.stream;
        Logged::read(self.store, self.registry, (index, &text), wanted)?.ok_or(damaged)
    }
}

/// Lists of postings of which each event that is asked for is in one of each.
fn lists(streams: &Streams, filter: &Filter) -> Vec<Vec<List>> {
    let mut candidates: Vec<Vec<List>> =
        filter.terms().into_iter().map(|term| streams.lists(term)).collect();
    candidates.extend(streams.own_lists());
    if candidates.is_empty() {
        candidates.push(streams.lists(Term::ANY));
    }
    let mut room = LISTS_MAX;
    candidates.retain(|lists| {
        let left = room.checked_sub(lists.len());
        room = left.unwrap_or(room);
        left.is_some()
    });
    candidates
}

/// The first event that counts at an index.
fn event_at(from: Position, index: u64) -> u16 {
    if from.index.0 == index { from.event } else { 0 }
}
