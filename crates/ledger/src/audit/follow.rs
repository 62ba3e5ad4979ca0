//! Following a log: events as they were logged, read from the log itself and not from the index.

use std::ops::ControlFlow;

use witness_core::{merkle::LeafIndex, registry::Registry};

use super::{
    Position,
    event::{AuditEvent, Logged},
    filter::{Filter, Streams},
};
use crate::{
    bodies,
    cells::{self, Reader, family},
    store::{Cursor, Store, StoreError},
};

/// What is told at once: events, bytes of them, and entries and events that were looked at.
const EVENTS_MAX: usize = 2048;
const BYTES_MAX: usize = 1 << 20;
const ENTRIES_MAX: u64 = 2048;
const LOOKS_MAX: usize = 16_384;

/// Some events that follow each other, as far as they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The events.
    pub events: Vec<AuditEvent>,
    /// Where to go on.
    pub next: Position,
}

/// Tells what is asked for from a place on, below `end`.
pub(super) fn follow(
    store: &Store,
    registry: &Registry,
    (streams, filter): (&Streams, &Filter),
    (from, end): (Position, u64),
) -> Result<Told, StoreError> {
    let last = end.min(from.index.0.saturating_add(ENTRIES_MAX));
    let mut told = Telling { store, registry, filter, events: Vec::new(), bytes: 0, looks: 0 };
    let mut entries = store.cursor(family::ENTRY, Some(&cells::index_key(LeafIndex(last))))?;
    let mut bodies = store.cursor(family::BODY, None)?;
    let wanted = |stream, at| streams.has(stream) && filter.takes_receipt(at);
    let mut next = from;
    let mut pair = entries.seek(&cells::index_key(from.index))?;
    while let Some((key, text)) = pair {
        let index = Reader(key).u64().ok_or(StoreError::Damaged { what: "index" })?;
        let index = LeafIndex(index);
        let first = if index == from.index { from.event } else { 0 };
        if let Some(logged) = Logged::read(store, registry, (index, text), wanted)?
            && let Some(event) = told.submission(&mut bodies, (index, &logged), first)?
        {
            return Ok(Told { events: told.events, next: Position { index, event } });
        }
        next = Position { index: LeafIndex(index.0 + 1), event: 0 };
        if told.is_enough() {
            break;
        }
        pair = entries.advance()?;
    }
    Ok(Told { events: told.events, next })
}

/// What is told so far.
struct Telling<'a> {
    store: &'a Store,
    registry: &'a Registry,
    filter: &'a Filter,
    events: Vec<AuditEvent>,
    bytes: usize,
    /// Events that were looked at.
    looks: usize,
}

impl Telling<'_> {
    fn is_enough(&self) -> bool {
        let is_told = self.events.len() >= EVENTS_MAX || self.bytes >= BYTES_MAX;
        is_told || self.looks >= LOOKS_MAX
    }

    /// Takes the events of a submission from `first` on; gives the event to go on with, if it was enough before
    /// the last one.
    fn submission(
        &mut self,
        cursor: &mut Cursor<'_>,
        (index, logged): (LeafIndex, &Logged),
        first: u16,
    ) -> Result<Option<u16>, StoreError> {
        let events = first..logged.events();
        let broken = bodies::each(cursor, (index, events), |event, texts| {
            if self.is_enough() {
                return ControlFlow::Break(Ok(event));
            }
            self.looks += 1;
            let is_asked = self.filter.takes_texts(self.registry, texts)
                && self.filter.takes_anomalies(logged.anomalies(event));
            if is_asked {
                match logged.event(self.store, (event, texts)) {
                    Ok(event) => self.push(event),
                    Err(error) => return ControlFlow::Break(Err(error)),
                }
            }
            ControlFlow::Continue(())
        })?;
        broken.break_value().transpose()
    }

    fn push(&mut self, event: AuditEvent) {
        self.bytes += event.size();
        self.events.push(event);
    }
}
