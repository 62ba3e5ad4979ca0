//! Taking events out of the index that are erased: what it says of their texts goes in the commit that erases them:
//! postings, and when they occurred, out of the row of their submission and the state of their stream. What their
//! entries say stays: stream, time of receipt, anomalies, and all that was counted. What also stays is the span of
//! occurrence of each zone of 256 entries: its bounds are two times, and not said to be any event's.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use witness_core::merkle::LeafIndex;

use super::{
    cells::{Row, Span, StreamState, Term},
    gather::{read_texts, terms_of_texts},
    postings::{self, Posting},
    statistics::state_of,
};
use crate::{
    bodies,
    cells::family,
    store::{IndexTurn, Store, StoreError, Writes},
};

/// An event whose texts are to be erased.
#[derive(Clone, Copy)]
pub(crate) struct Forgotten<'a> {
    pub(crate) index: LeafIndex,
    pub(crate) event: u16,
    pub(crate) text: &'a [u8],
    pub(crate) details: &'a [u8],
}

/// Writes what changes in the index with the erasure of these events: all that one commit erases, because several
/// of them can lie in one block. The turn is held until that commit is done, so that the index does not take in
/// meanwhile what it erases; what it has not come to yet, it will find erased.
pub(crate) fn forget(
    writes: &mut Writes,
    store: &Store,
    _turn: &IndexTurn<'_>,
    events: &[Forgotten<'_>],
) -> Result<(), StoreError> {
    let mut blocks: BTreeMap<Vec<u8>, (u64, Vec<Posting>)> = BTreeMap::new();
    let mut cursor = store.cursor(family::AUDIT, None)?;
    for forgotten in events {
        for term in terms(forgotten) {
            let Some((key, value)) = cursor.seek(&term.key(forgotten.index.0))? else { continue };
            // Blocks of other terms come after the last one of this.
            let Some(last) = term.index_in(key) else { continue };
            let damaged = || StoreError::Damaged { what: "block of postings" };
            if !blocks.contains_key(key) {
                let block = postings::decode(last, value).ok_or_else(damaged)?;
                blocks.insert(key.to_vec(), (last, block));
            }
            let Some((_, block)) = blocks.get_mut(key) else { continue };
            for posting in block.iter_mut().filter(|it| it.index == forgotten.index.0) {
                posting.events.remove(forgotten.event);
            }
            block.retain(|posting| !posting.events.is_empty());
        }
    }
    for (key, (last, block)) in blocks {
        if block.is_empty() {
            writes.remove(family::AUDIT, key);
        } else {
            writes.put(family::AUDIT, key, postings::encode(last, &block));
        }
    }
    forget_times(writes, store, events)
}

/// Takes the times out of rows and states at which these events occurred. A state without one takes the next event
/// of its stream for the first.
fn forget_times(
    writes: &mut Writes,
    store: &Store,
    events: &[Forgotten<'_>],
) -> Result<(), StoreError> {
    let mut submissions: BTreeMap<LeafIndex, (BTreeSet<u16>, BTreeSet<i64>)> = BTreeMap::new();
    for forgotten in events {
        let (numbers, times) = submissions.entry(forgotten.index).or_default();
        numbers.insert(forgotten.event);
        times.extend(read_texts((forgotten.text, forgotten.details)).map(|it| it.0.occurred_at));
    }
    let mut states: BTreeMap<u32, StreamState> = BTreeMap::new();
    for (index, (numbers, times)) in submissions {
        let key = Row::key(index.0);
        // What is not indexed yet will be found erased.
        let Some(bytes) = store.get(family::AUDIT, &key)? else { continue };
        let damaged = StoreError::Damaged { what: "row of a submission" };
        let row = Row::decode(&bytes).ok_or(damaged)?;
        if times.contains(&row.occurred.earliest) || times.contains(&row.occurred.latest) {
            let occurred = span_without(store, (index, row.events), &numbers)?;
            writes.put(family::AUDIT, key, Row { occurred, ..row }.encode());
        }
        let state = match states.get(&row.stream) {
            Some(state) => *state,
            None => state_of(store, row.stream)?,
        };
        if state.last_occurred.is_some_and(|last| times.contains(&last)) {
            states.insert(row.stream, StreamState { last_occurred: None, ..state });
        }
    }
    for (stream, state) in states {
        writes.put(family::AUDIT, StreamState::key(stream), state.encode());
    }
    Ok(())
}

/// Span of occurrence of a submission's events but some.
fn span_without(
    store: &Store,
    (index, events): (LeafIndex, u16),
    gone: &BTreeSet<u16>,
) -> Result<Span, StoreError> {
    let mut span = Span::NEVER;
    let mut cursor = store.cursor(family::BODY, None)?;
    let read: ControlFlow<()> = bodies::each(&mut cursor, (index, 0..events), |event, texts| {
        if let Some((event, _)) = texts.filter(|_| !gone.contains(&event)).and_then(read_texts) {
            span.add(Span { earliest: event.occurred_at, latest: event.occurred_at });
        }
        ControlFlow::Continue(())
    })?;
    debug_assert!(read.is_continue());
    Ok(span)
}

/// All terms that the texts of an event can have been indexed under, whatever its claim type said then.
fn terms(forgotten: &Forgotten<'_>) -> Vec<Term> {
    let mut terms = Vec::new();
    if let Some(texts) = read_texts((forgotten.text, forgotten.details)) {
        terms_of_texts(&texts, |_any_field| true, |term| terms.push(term));
    }
    terms
}

#[cfg(test)]
mod tests {
    use rocksdb::Cache;
    use witness_core::{
        details::Details,
        event::{Change as EventChange, Event, Salt},
        hash::{DocumentHash, Hash},
        name::{Name, Origin},
        schema::ChangeKind,
    };

    use super::*;
    use crate::audit::postings::EventSet;

    fn texts(serial: &str) -> (String, String) {
        let details = Details::encode([7; 16], &[("serial", serial)]).unwrap();
        let event = Event {
            salt: Salt([7; 16]),
            document: DocumentHash(Hash::of(serial.as_bytes())),
            change: EventChange::Issued,
            claim_type: Name::parse("module").unwrap(),
            occurred_at: 0,
            details: Some(Hash::of(details.as_bytes())),
        };
        (event.encode(), details)
    }

    fn posting(index: u64, numbers: &[u16]) -> Posting {
        let mut events = EventSet::default();
        for event in numbers {
            events.push(*event);
        }
        Posting { index, events }
    }

    #[test]
    fn events_that_are_erased_together_are_taken_out_of_blocks_that_they_share() {
        let folder = tempfile::TempDir::new().unwrap();
        let origin = Origin::parse("witness.example/log1").unwrap();
        let store = Store::open(folder.path(), &origin, &Cache::new_lru_cache(1 << 20)).unwrap();
        let issued = Term::change(ChangeKind::Issued);
        let [a, b] = ["A", "B"].map(|serial| Term::field("serial", serial));
        let mut put = Vec::new();
        for (term, last, postings) in [
            (issued, 6, vec![posting(5, &[0, 1, 2]), posting(6, &[0, 3])]),
            (issued, 9, vec![posting(9, &[0])]),
            (a, 5, vec![posting(5, &[1])]),
            (b, 6, vec![posting(5, &[2]), posting(6, &[3])]),
        ] {
            put.push((term.key(last), postings::encode(last, &postings)));
        }
        let turn = store.index_turn();
        store.write_index(&turn, &put).unwrap();
        let (of_a, of_b) = (texts("A"), texts("B"));
        let erased = [(5, 1, &of_a), (6, 3, &of_b), (77, 0, &of_a)];
        let erased = erased.map(|(index, event, (text, details))| Forgotten {
            index: LeafIndex(index),
            event,
            text: text.as_bytes(),
            details: details.as_bytes(),
        });
        let mut writes = Writes::default();
        forget(&mut writes, &store, &turn, &erased).unwrap();
        store.write(&writes).unwrap();
        let left = store.scan(family::AUDIT, b"t", 100, |_any| true).unwrap();
        let value = |term: Term, last, postings: &[Posting]| {
            (term.key(last), postings::encode(last, postings))
        };
        let mut expected = vec![
            value(issued, 6, &[posting(5, &[0, 2]), posting(6, &[0])]),
            value(issued, 9, &[posting(9, &[0])]),
            value(b, 6, &[posting(5, &[2])]),
        ];
        expected.sort();
        assert_eq!(left, expected);
    }

    #[test]
    fn when_an_erased_event_occurred_goes_out_of_its_row_and_its_stream() {
        let folder = tempfile::TempDir::new().unwrap();
        let origin = Origin::parse("witness.example/log1").unwrap();
        let store = Store::open(folder.path(), &origin, &Cache::new_lru_cache(1 << 20)).unwrap();
        let of = |occurred_at: i64| {
            let (text, details) = texts("A");
            let event = Event::parse(text.as_bytes()).unwrap();
            (Event { occurred_at, ..event }.encode(), details)
        };
        let all = [of(-70), of(5), of(90)];
        let mut writes = Writes::default();
        let cell = crate::cells::encode_bodies(
            all.iter().map(|(text, details)| (text.as_bytes(), details.as_bytes())),
        );
        writes.put(family::BODY, crate::cells::body_key(LeafIndex(7), 0), cell);
        store.write(&writes).unwrap();
        let received_at = witness_core::time::Timestamp::from_micros(3);
        let occurred = Span { earliest: -70, latest: 90 };
        let row = Row { stream: 1, events: 3, received_at, occurred };
        let state = StreamState { last_heard: Some(received_at), last_occurred: Some(90) };
        let turn = store.index_turn();
        let put = [(Row::key(7), row.encode()), (StreamState::key(1), state.encode())];
        store.write_index(&turn, &put).unwrap();
        let (text, details) = &all[2];
        let (text, details) = (text.as_bytes(), details.as_bytes());
        let mut writes = Writes::default();
        let gone = Forgotten { index: LeafIndex(7), event: 2, text, details };
        forget(&mut writes, &store, &turn, &[gone]).unwrap();
        store.write(&writes).unwrap();
        let left = store.get(family::AUDIT, &Row::key(7)).unwrap().unwrap();
        let occurred = Span { earliest: -70, latest: 5 };
        assert_eq!(Row::decode(&left), Some(Row { occurred, ..row }));
        let left = state_of(&store, 1).unwrap();
        assert_eq!(left, StreamState { last_occurred: None, ..state });
    }
}
