//! An erasure, planned: the entry that says so, and in the same write all that goes with it. Leaf hashes stay, and
//! with them every proof.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    ops::Range as Sequences,
};

use witness_core::{
    admission::Refusal,
    entry::EntryKind,
    erasure::{Erasure, RANGES_MAX, Range, Reason},
    event::Event,
    hash::DocumentHash,
    merkle::LeafIndex,
    name::{Domain, Name},
    registry::IssuerRecord,
};

use super::{Decision, Planner};
use crate::{
    audit::{self, Forgotten},
    bodies::place_of,
    cells::{self, DocumentCell, Texts, family},
    conflicts,
    documents::Pages,
    erasure::{self, ErasedBy},
    store::{IndexTurn, Store, StoreError},
};

/// What the writer is asked to erase: a piece of a request.
#[derive(Debug, Clone)]
pub(crate) struct Erasing {
    pub(crate) issuer: Domain,
    pub(crate) reason: Reason,
    pub(crate) ranges: Vec<Range>,
}

/// Events of a stream that follow each other, none erased yet.
struct Stretch {
    name: Name,
    stream: u32,
    sequences: Sequences<u64>,
}

/// What an erasure takes away, gathered before anything is written.
#[derive(Default)]
struct Gone {
    /// Body cells without the texts that go, by submission and number.
    bodies: BTreeMap<(LeafIndex, u16), Vec<Texts>>,
    /// All texts that go, by submission and event.
    texts: Vec<(LeafIndex, u16, Texts)>,
    /// The events whose texts go, by document.
    documents: BTreeMap<DocumentHash, BTreeSet<(LeafIndex, u16)>>,
}

impl Planner<'_> {
    /// Decides on an erasure, which is alone in its batch: it reads what others would write. If anything is to be
    /// erased, the turn to do so is taken, and left to who commits it.
    pub(crate) fn erase<'s>(
        &mut self,
        erasing: &Erasing,
        (store, turn): (&'s Store, &mut Option<IndexTurn<'s>>),
    ) -> Result<Decision, StoreError> {
        if !self.is_empty() {
            return Ok(Decision::Deferred);
        }
        let registry = std::sync::Arc::clone(&self.state.registry);
        let Some(issuer) = registry.issuer(&erasing.issuer) else {
            let issuer = erasing.issuer.clone();
            return Ok(Decision::Refused(Refusal::UnknownIssuer { issuer }));
        };
        let stretches = match self.stretches(issuer, erasing)? {
            Ok(stretches) if stretches.is_empty() => {
                return Ok(Decision::Refused(Refusal::AlreadyErased));
            }
            Ok(stretches) => stretches,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
        };
        let range = |stretch: &Stretch| Range {
            stream: stretch.name.clone(),
            first_sequence: stretch.sequences.start,
            events: stretch.sequences.end - stretch.sequences.start,
        };
        let erasure = Erasure {
            origin: registry.origin().clone(),
            issuer: erasing.issuer.clone(),
            reason: erasing.reason,
            ranges: stretches.iter().map(range).collect(),
        };
        let turn = match turn {
            Some(turn) => turn,
            none => none.insert(store.turn_to_erase()?),
        };
        let index = self.append(EntryKind::Erasure, erasure.encode());
        self.remove(issuer, &stretches, (ErasedBy { index, at: self.now }, turn))?;
        Ok(self.logged(index, Vec::new()))
    }

    /// What of the request is not erased yet, at most what one entry can name; or why nothing of it may be.
    fn stretches(
        &self,
        issuer: &IssuerRecord,
        erasing: &Erasing,
    ) -> Result<Result<Vec<Stretch>, Refusal>, StoreError> {
        let mut stretches = Vec::new();
        for range in erasure::joined(erasing.ranges.clone()) {
            let Some(record) = issuer.streams.get(&range.stream) else {
                return Ok(Err(Refusal::UnknownStream { stream: range.stream }));
            };
            let expected = self.stream_head(record.ordinal).next_sequence;
            if range.end() > expected {
                return Ok(Err(Refusal::BeyondEnd { expected }));
            }
            if let Some(hold) = self.state.registry.hold_over(&erasing.issuer, &range) {
                return Ok(Err(Refusal::LegalHold { hold: hold.clone() }));
            }
            let (sequences, room) =
                (range.first_sequence..range.end(), RANGES_MAX - stretches.len());
            let parts = erasure::not_erased(self.store, record.ordinal, &sequences, room)?;
            stretches.extend(parts.into_iter().map(|sequences| Stretch {
                name: range.stream.clone(),
                stream: record.ordinal,
                sequences,
            }));
        }
        Ok(Ok(stretches))
    }

    fn remove(
        &mut self,
        issuer: &IssuerRecord,
        stretches: &[Stretch],
        (by, turn): (ErasedBy, &IndexTurn<'_>),
    ) -> Result<(), StoreError> {
        let mut gone = Gone::default();
        for Stretch { stream, sequences, .. } in stretches {
            erasure::mark(&mut self.writes, *stream, sequences, by);
            self.gather(*stream, sequences, &mut gone)?;
            for (key, value) in conflicts::without_texts(self.store, *stream, sequences.clone())? {
                self.writes.put(family::CONFLICT, key, value);
            }
        }
        let is_gone = |document: &DocumentHash| gone.documents.contains_key(document);
        for record in issuer.streams.values() {
            for (key, value) in conflicts::without_documents(self.store, record.ordinal, is_gone)? {
                self.writes.put(family::CONFLICT, key, value);
            }
        }
        let forgotten: Vec<Forgotten<'_>> = gone
            .texts
            .iter()
            .map(|(index, event, (text, details))| {
                let (index, event) = (*index, *event);
                Forgotten { index, event, text, details }
            })
            .collect();
        let older = audit::forget(&mut self.writes, self.store, turn, &forgotten)?;
        self.store.remember_overwritten(by.index, &self.writes, older);
        let submissions: BTreeSet<LeafIndex> =
            gone.bodies.keys().map(|(index, _)| *index).collect();
        erasure::mark_unsettled(&mut self.writes, by, submissions.into_iter());
        for ((index, number), texts) in gone.bodies {
            let key = cells::body_key(index, number);
            if texts.iter().all(|(event, _)| event.is_empty()) {
                self.writes.remove(family::BODY, key);
            } else {
                let texts = texts.iter().map(|(event, details)| (&**event, &**details));
                self.writes.put(family::BODY, key, cells::encode_bodies(texts));
            }
        }
        for (document, events) in gone.documents {
            self.forget_document(issuer.ordinal, &document, (&events, by))?;
        }
        Ok(())
    }

    /// Takes the texts of events out of the body cells of their submissions.
    fn gather(
        &self,
        stream: u32,
        sequences: &Sequences<u64>,
        gone: &mut Gone,
    ) -> Result<(), StoreError> {
        let mut sequence = sequences.start;
        while sequence < sequences.end {
            let (first, cell) = conflicts::covering(self.store, stream, sequence)?;
            let end = (first + u64::from(cell.events)).min(sequences.end);
            for event in sequence - first..end - first {
                let event = u16::try_from(event).unwrap_or(u16::MAX);
                self.take(cell.index, event, gone)?;
            }
            sequence = end;
        }
        Ok(())
    }

    /// Takes the texts of one event.
    fn take(&self, index: LeafIndex, event: u16, gone: &mut Gone) -> Result<(), StoreError> {
        let (number, place) = place_of(event);
        let cell = match gone.bodies.entry((index, number)) {
            Entry::Occupied(taken) => taken.into_mut(),
            Entry::Vacant(free) => {
                let bytes = self.store.get(family::BODY, &cells::body_key(index, number))?;
                let Some(bytes) = bytes else { return Ok(()) };
                let texts = cells::decode_bodies(&bytes);
                free.insert(texts.ok_or(StoreError::Damaged { what: "body cell" })?)
            }
        };
        let Some(texts) = cell.get_mut(place) else { return Ok(()) };
        let texts = std::mem::take(texts);
        // A text that does not read goes as well; which document it was of, nobody can say then.
        if let Ok(text) = Event::parse(&texts.0) {
            gone.documents.entry(text.document).or_default().insert((index, event));
        }
        gone.texts.push((index, event, texts));
        Ok(())
    }

    /// Marks the places of a document's events as erased; if none is left that is not, all of it goes but a mark
    /// that only somebody finds who knows the hash.
    fn forget_document(
        &mut self,
        issuer: u32,
        document: &DocumentHash,
        (events, by): (&BTreeSet<(LeafIndex, u16)>, ErasedBy),
    ) -> Result<(), StoreError> {
        let key = DocumentCell::key(issuer, &document.0);
        let Some(mut pages) = Pages::open(self.store, &key)? else { return Ok(()) };
        let mut changed = BTreeSet::new();
        for event in events {
            let number = pages.find(*event)?;
            let mut places = pages.cell(number)?.places.iter_mut();
            if let Some(place) = places.find(|place| (place.index, place.event) == *event) {
                place.is_erased = true;
                changed.insert(number);
            }
        }
        if pages.is_any_left()? {
            for number in changed {
                let cell = pages.cell(number)?.encode();
                self.writes.put(family::DOCUMENT, pages.key(number), cell);
            }
            return Ok(());
        }
        for number in 0..=pages.older() {
            self.writes.remove(family::DOCUMENT, pages.key(number));
        }
        let streams = &pages.cell(pages.older())?.streams;
        erasure::mark_document((&mut self.writes, self.store), (issuer, &document.0), by, streams)
    }
}
