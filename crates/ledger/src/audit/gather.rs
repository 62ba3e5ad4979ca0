//! Gathering what the index says of some entries: the whole effect of a batch, as pairs to be written. Nothing
//! is written here.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};

use witness_core::{
    details::Details,
    entry::{Entry, EntryKind},
    erasure::Erasure,
    event::Event,
    merkle::LeafIndex,
    name::{Domain, Name},
    registry::{Registry, StreamRecord},
    submission::{Heartbeat, IssuerNote, Submission},
    time::Timestamp,
};

use super::{
    cells::{
        Area, List, MARK_KEY, Row, Span, StreamState, Term, ZONE_BITS, decode_zone, encode_mark,
        encode_zone, zone_key,
    },
    counts::{Counts, day_of},
    event,
    postings::{self, EventSet, Posting},
    statistics,
};
use crate::{
    bodies::{self, Texts},
    cells::family,
    store::{Cursor, Pair, Store, StoreError},
};

/// Gathers a batch.
pub(super) struct Gatherer<'a> {
    store: &'a Store,
    registry: Arc<Registry>,
    bodies: Cursor<'a>,
    indexed_to: u64,
    /// Of the streams of both areas, which are posted in each.
    postings: BTreeMap<[Area; 2], Postings>,
    zones: BTreeMap<(Area, u64), Span>,
    pairs: Vec<Pair>,
    streams: BTreeMap<u32, StreamState>,
    counts: BTreeMap<(u32, u32), Counts>,
    events: usize,
}

/// Postings by what they are of.
type Postings = BTreeMap<Term, Vec<Posting>>;

/// A batch to be written.
pub(super) struct Gathered {
    /// How far the index goes with it.
    pub(super) indexed_to: u64,
    pub(super) pairs: Vec<Pair>,
}

/// A submission on its way into the index.
struct Submitted<'r> {
    index: LeafIndex,
    stream: &'r StreamRecord,
    received_at: Timestamp,
    body: Submission,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(
        store: &'a Store,
        registry: Arc<Registry>,
        bodies: Cursor<'a>,
        indexed_to: u64,
    ) -> Self {
        Self {
            store,
            registry,
            bodies,
            indexed_to,
            postings: BTreeMap::new(),
            zones: BTreeMap::new(),
            pairs: Vec::new(),
            streams: BTreeMap::new(),
            counts: BTreeMap::new(),
            events: 0,
        }
    }

    /// Events so far.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Takes the next entry.
    pub(super) fn entry(&mut self, text: &[u8]) -> Result<(), StoreError> {
        let index = LeafIndex(self.indexed_to);
        let entry = Entry::parse(text).or(Err(StoreError::Damaged { what: "entry" }))?;
        let (registry, body) = (Arc::clone(&self.registry), entry.body.as_bytes());
        let stream_of = |issuer: &Domain, stream: &Name| {
            registry.issuer(issuer).and_then(|issuer| issuer.streams.get(stream))
        };
        let day = day_of(entry.received_at);
        match entry.kind {
            EntryKind::Submission => {
                let wrong = StoreError::Damaged { what: "submission in an entry" };
                let body = IssuerNote::<Submission>::parse(body).ok().map(|note| note.body);
                let stream = body.as_ref().and_then(|body| stream_of(&body.issuer, &body.stream));
                let (body, stream) = body.zip(stream).ok_or(wrong)?;
                let received_at = entry.received_at;
                self.submission(&Submitted { index, stream, received_at, body })?;
            }
            EntryKind::Conflict => {
                let note = IssuerNote::<Submission>::parse(body).ok();
                let stream = note.and_then(|note| stream_of(&note.body.issuer, &note.body.stream));
                if let Some(stream) = stream {
                    self.counts(stream.ordinal, day)?.conflicts += 1;
                }
            }
            EntryKind::Heartbeat => {
                let note = IssuerNote::<Heartbeat>::parse(body).ok();
                let stream = note.and_then(|note| stream_of(&note.body.issuer, &note.body.stream));
                if let Some(stream) = stream {
                    self.counts(stream.ordinal, day)?.heartbeats += 1;
                    self.state(stream.ordinal)?.last_heard = Some(entry.received_at);
                }
            }
            EntryKind::Erasure => {
                let erasure = Erasure::parse(&entry.body).ok();
                for (issuer, ranges) in erasure.iter().map(|it| (&it.issuer, &it.ranges)) {
                    for range in ranges {
                        if let Some(stream) = stream_of(issuer, &range.stream) {
                            self.counts(stream.ordinal, day)?.erased += range.events;
                        }
                    }
                }
            }
            EntryKind::Registry
            | EntryKind::Firm
            | EntryKind::Observation
            | EntryKind::Unknown(_) => {}
        }
        self.indexed_to = index.0 + 1;
        Ok(())
    }

    /// All that is to be written.
    pub(super) fn finish(mut self) -> Result<Gathered, StoreError> {
        self.pairs.extend(blocks(&self.postings));
        for ((area, zone), mut span) in self.zones {
            let key = zone_key(area, zone);
            // An earlier batch can have ended within the zone.
            if let Some(before) = self.store.get(family::AUDIT, &key)? {
                span.add(decode_zone(&before).ok_or(StoreError::Damaged { what: "zone" })?);
            }
            self.pairs.push((key, encode_zone(span)));
        }
        let states = self.streams.iter();
        self.pairs
            .extend(states.map(|(stream, state)| (StreamState::key(*stream), state.encode())));
        let counts = self.counts.iter();
        self.pairs.extend(
            counts.map(|((stream, day), counts)| (Counts::key(*stream, *day), counts.encode())),
        );
        self.pairs.push((MARK_KEY.to_vec(), encode_mark(self.indexed_to)));
        Ok(Gathered { indexed_to: self.indexed_to, pairs: self.pairs })
    }

    fn submission(&mut self, submitted: &Submitted<'_>) -> Result<(), StoreError> {
        let (stream, index) = (submitted.stream, submitted.index);
        let day = day_of(submitted.received_at);
        let events = u16::try_from(submitted.body.events).unwrap_or(u16::MAX);
        let areas = Area::of(&submitted.body.issuer, &stream.jurisdictions);
        let mut reading = Reading {
            index: index.0,
            registry: Arc::clone(&self.registry),
            postings: self.postings.remove(&areas).unwrap_or_default(),
            counts: std::mem::take(self.counts(stream.ordinal, day)?),
            state: *self.state(stream.ordinal)?,
            occurred: Span::NEVER,
        };
        let all = EventSet::first(events);
        let own = Posting { index: index.0, events: all };
        let of_stream = self.postings.entry([Area::stream(stream.ordinal); 2]).or_default();
        of_stream.entry(Term::ANY).or_default().push(own.clone());
        reading.postings.entry(Term::ANY).or_default().push(own);
        let odd = event::anomalies(self.store, stream.ordinal, &submitted.body)?;
        for (event, anomalies) in odd {
            reading.counts.add_anomalies(anomalies);
            for anomaly in anomalies.to_vec() {
                reading.post_event(Term::anomaly(anomaly), event);
            }
        }
        let read: ControlFlow<()> =
            bodies::each(&mut self.bodies, (index, 0..events), |event, texts| {
                reading.event(event, texts);
                ControlFlow::Continue(())
            })?;
        debug_assert!(read.is_continue());
        let Reading { postings, mut counts, mut state, occurred, .. } = reading;
        counts.submissions += 1;
        counts.events += u64::from(events);
        state.last_heard = Some(submitted.received_at);
        self.postings.insert(areas, postings);
        *self.counts(stream.ordinal, day)? = counts;
        *self.state(stream.ordinal)? = state;
        let received_at = submitted.received_at;
        let row = Row { stream: stream.ordinal, areas, events, received_at, occurred };
        self.pairs.push((Row::key(index.0), row.encode()));
        for area in areas {
            let zone = self.zones.entry((area, index.0 >> ZONE_BITS)).or_insert(Span::NEVER);
            zone.add(occurred);
        }
        self.events += usize::from(events);
        Ok(())
    }

    fn state(&mut self, stream: u32) -> Result<&mut StreamState, StoreError> {
        if !self.streams.contains_key(&stream) {
            self.streams.insert(stream, statistics::state_of(self.store, stream)?);
        }
        Ok(self.streams.entry(stream).or_default())
    }

    fn counts(&mut self, stream: u32, day: u32) -> Result<&mut Counts, StoreError> {
        let key = (stream, day);
        if !self.counts.contains_key(&key) {
            self.counts.insert(key, statistics::counts_of(self.store, stream, day)?);
        }
        Ok(self.counts.entry(key).or_default())
    }
}

/// Blocks of postings, each under its key in each of its areas.
fn blocks(postings: &BTreeMap<[Area; 2], Postings>) -> Vec<Pair> {
    let mut sources: BTreeMap<Area, usize> = BTreeMap::new();
    for areas in postings.keys() {
        for area in BTreeSet::from(*areas) {
            *sources.entry(area).or_default() += 1;
        }
    }
    let is_shared = |area: &Area| sources.get(area).is_some_and(|sources| *sources > 1);
    let mut pairs = Vec::new();
    let mut shared: BTreeMap<List, Vec<Posting>> = BTreeMap::new();
    for (areas, postings) in postings {
        let areas = BTreeSet::from(*areas);
        for (term, postings) in postings {
            let last = postings.last().map_or(0, |posting| posting.index);
            let value = postings::encode(last, postings);
            for list in areas.iter().map(|area| List { area: *area, term: *term }) {
                if is_shared(&list.area) {
                    shared.entry(list).or_default().extend_from_slice(postings);
                } else {
                    pairs.push((list.key(last), value.clone()));
                }
            }
        }
    }
    for (list, mut postings) in shared {
        postings.sort_unstable_by_key(|posting| posting.index);
        let last = postings.last().map_or(0, |posting| posting.index);
        pairs.push((list.key(last), postings::encode(last, &postings)));
    }
    pairs
}

/// The texts of an event, read; none if they do not read.
pub(super) fn read_texts<'t>(
    (event, details): (&[u8], &'t [u8]),
) -> Option<(Event, Option<Details<'t>>)> {
    let details = match details {
        [] => None,
        text => Some(Details::parse(text).ok()?),
    };
    Some((Event::parse(event).ok()?, details))
}

/// The terms of an event's texts.
pub(super) fn terms_of_texts(
    (event, details): &(Event, Option<Details<'_>>),
    is_indexed: impl Fn(&str) -> bool,
    mut post: impl FnMut(Term),
) {
    post(Term::change(event.change.kind()));
    post(Term::claim_type(event.claim_type.as_str()));
    if let Some((class, status)) = event.change.status() {
        post(Term::class(class));
        post(Term::status(status.as_str()));
    }
    for (name, value) in details.iter().flat_map(Details::fields) {
        if is_indexed(name) {
            post(Term::field(name, value));
        }
    }
}

/// The events of one submission, as they are read.
struct Reading {
    index: u64,
    registry: Arc<Registry>,
    postings: Postings,
    counts: Counts,
    state: StreamState,
    occurred: Span,
}

impl Reading {
    fn event(&mut self, number: u16, texts: Texts<'_>) {
        // Of what was erased, no more is known than its entry says.
        let Some(texts) = texts else { return };
        let Some(texts) = read_texts(texts) else {
            tracing::error!(
                index = self.index,
                event = number,
                "the texts of an event do not read"
            );
            return;
        };
        let event = &texts.0;
        self.counts.add_change(&event.change);
        let before = self.state.last_occurred.replace(event.occurred_at);
        self.counts.back_dated +=
            u64::from(before.is_some_and(|before| event.occurred_at < before));
        self.occurred.add(Span { earliest: event.occurred_at, latest: event.occurred_at });
        let registry = Arc::clone(&self.registry);
        let schema = registry.claim_type(&event.claim_type).map(|record| &record.schema);
        let is_indexed = |field: &str| {
            schema.is_some_and(|schema| schema.identifying_fields().any(|name| name == field))
        };
        terms_of_texts(&texts, is_indexed, |term| self.post_event(term, number));
    }

    fn post_event(&mut self, term: Term, event: u16) {
        let postings = self.postings.entry(term).or_default();
        match postings.last_mut() {
            Some(posting) if posting.index == self.index => posting.events.push(event),
            _ => {
                let mut events = EventSet::default();
                events.push(event);
                postings.push(Posting { index: self.index, events });
            }
        }
    }
}
