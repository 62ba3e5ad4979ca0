//! Taking events out of the index that are erased: what it says of their texts goes in the commit that erases them:
//! postings, and when they occurred, out of the row of their submission, its zone and the state of their stream. What
//! their entries say stays: stream, time of receipt, anomalies, and all that was counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use witness_core::merkle::LeafIndex;

use super::{
    cells::{
        AFTER_ROWS, Area, List, Row, Span, StreamState, Term, ZONE_BITS, decode_zone, encode_zone,
        zone_key,
    },
    cursor::read_row,
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
/// of them can lie in one block. Gives besides the keys whose older values may tell when one occurred, whether they
/// change or not. The turn is held until that commit is done, so that the index does not take in
/// meanwhile what it erases; what it has not come to yet, it will find erased.
pub(crate) fn forget(
    writes: &mut Writes,
    store: &Store,
    _turn: &IndexTurn<'_>,
    events: &[Forgotten<'_>],
) -> Result<BTreeSet<Vec<u8>>, StoreError> {
    let mut submissions: BTreeMap<LeafIndex, Vec<Forgotten<'_>>> = BTreeMap::new();
    for forgotten in events {
        submissions.entry(forgotten.index).or_default().push(*forgotten);
    }
    let mut indexed = Vec::new();
    for (index, events) in submissions {
        // What is not indexed yet will be found erased.
        let Some(bytes) = store.get(family::AUDIT, &Row::key(index.0))? else { continue };
        let damaged = StoreError::Damaged { what: "row of a submission" };
        indexed.push((index, Row::decode(&bytes).ok_or(damaged)?, events));
    }
    forget_postings(writes, store, &indexed)?;
    forget_times(writes, store, &indexed)?;
    let older = indexed.iter().flat_map(|(index, row, _)| {
        let zones = row.areas.map(|area| zone_key(area, index.0 >> ZONE_BITS));
        zones.into_iter().chain([StreamState::key(row.stream)])
    });
    Ok(older.collect())
}

/// A submission that is indexed, with its events that are to be forgotten.
type Indexed<'a> = (LeafIndex, Row, Vec<Forgotten<'a>>);

/// Takes events out of all lists of postings that their texts can have brought them into.
fn forget_postings(
    writes: &mut Writes,
    store: &Store,
    submissions: &[Indexed<'_>],
) -> Result<(), StoreError> {
    let mut blocks: BTreeMap<Vec<u8>, (u64, Vec<Posting>)> = BTreeMap::new();
    let mut cursor = store.cursor(family::AUDIT, None)?;
    let all = submissions.iter().flat_map(|(index, row, events)| {
        events
            .iter()
            .flat_map(move |event| lists(row, event).map(move |list| (*index, event, list)))
    });
    for (index, forgotten, list) in all {
        let Some((key, value)) = cursor.seek(&list.key(index.0))? else { continue };
        // Blocks of other lists come after the last one of this.
        let Some(last) = list.index_in(key) else { continue };
        let damaged = || StoreError::Damaged { what: "block of postings" };
        if !blocks.contains_key(key) {
            let block = postings::decode(last, value).ok_or_else(damaged)?;
            blocks.insert(key.to_vec(), (last, block));
        }
        let Some((_, block)) = blocks.get_mut(key) else { continue };
        for posting in block.iter_mut().filter(|it| it.index == index.0) {
            posting.events.remove(forgotten.event);
        }
        block.retain(|posting| !posting.events.is_empty());
    }
    for (key, (last, block)) in blocks {
        if block.is_empty() {
            writes.remove(family::AUDIT, key);
        } else {
            writes.put(family::AUDIT, key, postings::encode(last, &block));
        }
    }
    Ok(())
}

/// Takes the times at which these events occurred out of rows, zones and states. A state without one takes the next
/// event of its stream for the first.
fn forget_times(
    writes: &mut Writes,
    store: &Store,
    submissions: &[Indexed<'_>],
) -> Result<(), StoreError> {
    let mut rows: BTreeMap<u64, (Row, BTreeSet<i64>)> = BTreeMap::new();
    let mut states: BTreeMap<u32, StreamState> = BTreeMap::new();
    for (index, row, events) in submissions {
        let texts = events.iter().filter_map(|event| read_texts((event.text, event.details)));
        let times: BTreeSet<i64> = texts.map(|texts| texts.0.occurred_at).collect();
        let state = match states.get(&row.stream) {
            Some(state) => *state,
            None => state_of(store, row.stream)?,
        };
        if state.last_occurred.is_some_and(|last| times.contains(&last)) {
            states.insert(row.stream, StreamState { last_occurred: None, ..state });
        }
        if times.contains(&row.occurred.earliest) || times.contains(&row.occurred.latest) {
            let gone: BTreeSet<u16> = events.iter().map(|event| event.event).collect();
            let occurred = span_without(store, (*index, row.events), &gone)?;
            rows.insert(index.0, (Row { occurred, ..*row }, times));
        }
    }
    forget_zones(writes, store, &rows)?;
    for (index, (row, _)) in rows {
        writes.put(family::AUDIT, Row::key(index), row.encode());
    }
    for (stream, state) in states {
        writes.put(family::AUDIT, StreamState::key(stream), state.encode());
    }
    Ok(())
}

/// Makes those spans of zones anew that end at a time which some submissions have no more.
fn forget_zones(
    writes: &mut Writes,
    store: &Store,
    changed: &BTreeMap<u64, (Row, BTreeSet<i64>)>,
) -> Result<(), StoreError> {
    let mut cursor = store.cursor(family::AUDIT, Some(AFTER_ROWS))?;
    let zones: BTreeSet<u64> = changed.keys().map(|index| index >> ZONE_BITS).collect();
    for zone in zones {
        let changed = changed.range(zone << ZONE_BITS..(zone + 1) << ZONE_BITS);
        let changed: BTreeMap<u64, &(Row, BTreeSet<i64>)> =
            changed.map(|(index, row)| (*index, row)).collect();
        let mut spans: BTreeMap<Area, Span> = BTreeMap::new();
        for (row, times) in changed.values() {
            for area in row.areas {
                let span = store.get(family::AUDIT, &zone_key(area, zone))?;
                let span = span.as_deref().and_then(decode_zone);
                let ends =
                    |span: Span| times.contains(&span.earliest) || times.contains(&span.latest);
                if span.is_none_or(ends) {
                    spans.insert(area, Span::NEVER);
                }
            }
        }
        if spans.is_empty() {
            continue;
        }
        let mut pair = cursor.seek(&Row::key(zone << ZONE_BITS))?;
        while let Some((index, row)) = pair.map(read_row).transpose()? {
            if index >> ZONE_BITS > zone {
                break;
            }
            let row = changed.get(&index).map_or(row, |(row, _)| *row);
            for area in row.areas {
                if let Some(span) = spans.get_mut(&area) {
                    span.add(row.occurred);
                }
            }
            pair = cursor.advance()?;
        }
        for (area, span) in spans {
            writes.put(family::AUDIT, zone_key(area, zone), encode_zone(span));
        }
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

/// All lists that the texts of an event can have brought it into, whatever its claim type said then.
fn lists(row: &Row, forgotten: &Forgotten<'_>) -> impl Iterator<Item = List> + use<> {
    let mut terms: Vec<Term> = Vec::new();
    if let Some(texts) = read_texts((forgotten.text, forgotten.details)) {
        terms_of_texts(&texts, |_any_field| true, |term| terms.push(term));
    }
    let areas = row.areas;
    terms.into_iter().flat_map(move |term| areas.map(|area| List { area, term }))
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
        time::Timestamp,
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
        let areas = [1, 2].map(Area::stream);
        let issued = Term::change(ChangeKind::Issued);
        let [a, b] = ["A", "B"].map(|serial| Term::field("serial", serial));
        let mut put = Vec::new();
        for (term, last, postings) in [
            (issued, 6, vec![posting(5, &[0, 1, 2]), posting(6, &[0, 3])]),
            (issued, 9, vec![posting(9, &[0])]),
            (a, 5, vec![posting(5, &[1])]),
            (b, 6, vec![posting(5, &[2]), posting(6, &[3])]),
        ] {
            let value = postings::encode(last, &postings);
            put.extend(areas.map(|area| (List { area, term }.key(last), value.clone())));
        }
        let received_at = Timestamp::from_micros(3);
        let occurred = Span { earliest: -9, latest: 9 };
        let row = Row { stream: 1, areas, events: 4, received_at, occurred };
        put.extend([5, 6].map(|index| (Row::key(index), row.encode())));
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
        let mut expected = Vec::new();
        for (term, last, postings) in [
            (issued, 6, vec![posting(5, &[0, 2]), posting(6, &[0])]),
            (issued, 9, vec![posting(9, &[0])]),
            (b, 6, vec![posting(5, &[2])]),
        ] {
            let value = postings::encode(last, &postings);
            expected.extend(areas.map(|area| (List { area, term }.key(last), value.clone())));
        }
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
        let received_at = Timestamp::from_micros(3);
        let occurred = Span { earliest: -70, latest: 90 };
        let [issuer, own, others] = [1, 2, 3].map(Area::stream);
        let row = Row { stream: 1, areas: [issuer, own], events: 3, received_at, occurred };
        let later = Span { earliest: 6, latest: 7 };
        let other = Row { stream: 2, areas: [issuer, others], occurred: later, ..row };
        let state = StreamState { last_heard: Some(received_at), last_occurred: Some(90) };
        let turn = store.index_turn();
        let mut put = vec![(Row::key(7), row.encode()), (StreamState::key(1), state.encode())];
        // Of which the last is in the next zone.
        put.extend([8, 300].map(|index| (Row::key(index), other.encode())));
        for area in [issuer, own, others] {
            put.push((zone_key(area, 0), encode_zone(occurred)));
        }
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
        for (area, span) in [
            (issuer, Span { latest: 7, ..occurred }),
            (own, Span { latest: 5, ..occurred }),
            (others, Span { latest: 90, ..occurred }),
        ] {
            let left = store.get(family::AUDIT, &zone_key(area, 0)).unwrap();
            assert_eq!(left, Some(encode_zone(span)));
        }
        let left = state_of(&store, 1).unwrap();
        assert_eq!(left, StreamState { last_occurred: None, ..state });
    }
}
