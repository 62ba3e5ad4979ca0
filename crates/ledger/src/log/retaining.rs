//! Retention: which events are due to be erased because the term of their claim type has ended. Found step by step,
//! each bounded; how far it came is kept, so that the past is not looked through again.

use std::collections::BTreeMap;

use witness_core::{
    entry::{Entry, EntryKind},
    erasure::{Range, Reason},
    event::Event,
    merkle::LeafIndex,
    name::{Domain, Name},
    registry::Registry,
    submission::{IssuerNote, Submission},
    time::Timestamp,
};

use super::Log;
use crate::{
    cells::{self, BODY_EVENTS, Cell, Reader, family},
    erasure::{self, Erasable},
    reader::ReadError,
    store::{DEFAULT, StoreError, Writes},
};

/// Entries and events that one step looks at, about.
const ENTRIES_MAX: usize = 1024;
const EVENTS_MAX: usize = 16_384;
const DAY_MICROS: u64 = 24 * 3600 * 1_000_000;

/// One step: events whose term has ended.
#[derive(Debug)]
pub struct Expired {
    /// What to erase, by issuer. Events under a legal hold are left out; once a hold is lifted, all is looked through
    /// again.
    pub erasable: Vec<Erasable>,
    claim_type: Name,
    reached: Reached,
}

/// How far the events of a claim type were looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reached {
    /// The entry to go on with.
    next: LeafIndex,
    /// Legal holds that had been lifted.
    lifted: u64,
}

impl Reached {
    fn encode(self) -> Vec<u8> {
        Cell::default().u64(self.next.0).u64(self.lifted).0
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let reached = Self { next: LeafIndex(reader.u64()?), lifted: reader.u64()? };
        reader.end(reached)
    }
}

impl Log {
    /// The next events whose term has ended by `now`; none once all of them were found. To be followed by
    /// [`Log::reached`] when they are erased; until then the same step is found again.
    pub fn expired(&self, now: Timestamp) -> Result<Option<Expired>, ReadError> {
        let overview = self.overview();
        let registry = &overview.registry;
        let lifted = registry.holds().filter(|(_, hold)| !hold.stands()).count();
        let lifted = u64::try_from(lifted).unwrap_or(u64::MAX);
        for (claim_type, record) in registry.claim_types() {
            let Some(retention) = record.retention else { continue };
            let term = u64::from(retention.days).saturating_mul(DAY_MICROS);
            let Some(until) = now.micros().checked_sub(term) else { continue };
            let from = self.retained_from(claim_type)?.filter(|reached| reached.lifted == lifted);
            let from = from.map_or(LeafIndex(0), |reached| reached.next);
            let mut step = Step { registry, claim_type, found: BTreeMap::new(), events: 0 };
            let next = self.look_through(from, Timestamp::from_micros(until), &mut step)?;
            if next == from {
                continue;
            }
            let erasable = step.found.into_iter().map(|(issuer, ranges)| Erasable {
                issuer,
                reason: Reason::Retention,
                pieces: erasure::pieces(ranges),
            });
            let (claim_type, reached) = (claim_type.clone(), Reached { next, lifted });
            return Ok(Some(Expired { erasable: erasable.collect(), claim_type, reached }));
        }
        Ok(None)
    }

    /// Keeps that the events of a step are erased. Must not run inside the runtime.
    pub fn reached(&self, step: &Expired) {
        let mut writes = Writes::default();
        let key = cells::retention_key(step.claim_type.as_str());
        writes.put(DEFAULT, key, step.reached.encode());
        self.keep(writes);
    }

    fn retained_from(&self, claim_type: &Name) -> Result<Option<Reached>, StoreError> {
        let key = cells::retention_key(claim_type.as_str());
        let Some(bytes) = self.reader.store.get(DEFAULT, &key)? else { return Ok(None) };
        let reached = Reached::decode(&bytes);
        reached.map(Some).ok_or(StoreError::Damaged { what: "place in the retention" })
    }

    /// Looks through entries that were received until a time; gives the first that it did not look at.
    fn look_through(
        &self,
        from: LeafIndex,
        until: Timestamp,
        step: &mut Step<'_>,
    ) -> Result<LeafIndex, StoreError> {
        let damaged = |what| StoreError::Damaged { what };
        let entries = self.reader.entries(from, self.overview().size, ENTRIES_MAX)?;
        let mut next = from;
        for (index, text) in (from.0..).map(LeafIndex).zip(entries) {
            let entry = Entry::parse(&text).ok().ok_or_else(|| damaged("entry"))?;
            if entry.received_at > until || step.events >= EVENTS_MAX {
                break;
            }
            if entry.kind == EntryKind::Submission {
                let note = IssuerNote::<Submission>::parse(entry.body.as_bytes());
                let submission = note.ok().ok_or_else(|| damaged("submission in an entry"))?.body;
                self.look_at(index, &submission, step)?;
            }
            next = LeafIndex(index.0 + 1);
        }
        Ok(next)
    }

    /// Looks at the events of a submission.
    fn look_at(
        &self,
        index: LeafIndex,
        submission: &Submission,
        step: &mut Step<'_>,
    ) -> Result<(), StoreError> {
        let events = usize::try_from(submission.events).unwrap_or(usize::MAX);
        step.events = step.events.saturating_add(events);
        let cells = u16::try_from(events.div_ceil(BODY_EVENTS)).unwrap_or(u16::MAX);
        let keys: Vec<Vec<u8>> = (0..cells).map(|cell| cells::body_key(index, cell)).collect();
        let bodies = self.reader.store.get_many(family::BODY, &keys)?;
        for (first, body) in (submission.first_sequence..).step_by(BODY_EVENTS).zip(bodies) {
            // All of a cell that is not there was erased.
            let Some(body) = body else { continue };
            let texts = cells::decode_bodies(&body);
            let texts = texts.ok_or(StoreError::Damaged { what: "body cell" })?;
            for (sequence, (event, _details)) in (first..).zip(texts) {
                step.judge(submission, sequence, &event);
            }
        }
        Ok(())
    }
}

/// What a step gathers.
struct Step<'a> {
    registry: &'a Registry,
    claim_type: &'a Name,
    found: BTreeMap<Domain, Vec<Range>>,
    events: usize,
}

impl Step<'_> {
    fn judge(&mut self, submission: &Submission, sequence: u64, text: &[u8]) {
        let Ok(event) = Event::parse(text) else { return };
        let range =
            Range { stream: submission.stream.clone(), first_sequence: sequence, events: 1 };
        let is_held = || self.registry.hold_over(&submission.issuer, &range).is_some();
        if event.claim_type != *self.claim_type || is_held() {
            return;
        }
        let ranges = self.found.entry(submission.issuer.clone()).or_default();
        match ranges.last_mut() {
            Some(last) if last.stream == range.stream && last.end() == sequence => last.events += 1,
            _ => ranges.push(range),
        }
    }
}
