//! How the keys and values of the index are laid out: all of one family, which can be made again.
//!
//! | key | value |
//! |---|---|
//! | `m` | entries below which all is indexed |
//! | `r` index | a submission: its stream with its areas, events, time of receipt, span of occurrence |
//! | `z` area, zone | span of occurrence of what 256 entries have in an area |
//! | `t` area, term, index | a block of postings ([`super::postings`]) |
//! | `s` stream | when it was last heard, when its last event occurred |
//! | `d` stream, day | counts |
//!
//! What must hold: whatever the text of an event says lies in areas of which a caller sees all or nothing, so that a
//! search reads nothing that depends on what the caller may not see.

use witness_core::{
    anomaly::Anomaly,
    event::StatusClass,
    hash::Hash,
    name::{Domain, Jurisdictions},
    schema::ChangeKind,
    time::Timestamp,
};

use crate::cells::{Cell, Reader};

/// Entries of a zone, as a power of two.
pub(super) const ZONE_BITS: u32 = 8;
/// Microseconds of a day.
pub(super) const DAY_MICROS: u64 = 24 * 3600 * 1_000_000;

pub(super) const MARK_KEY: &[u8] = b"m";

/// The first key after the rows of submissions.
pub(super) const AFTER_ROWS: &[u8] = b"s";

/// From the earliest to the latest occurrence of some events; earliest above latest where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) earliest: i64,
    pub(super) latest: i64,
}

impl Span {
    pub(super) const NEVER: Self = Self { earliest: i64::MAX, latest: i64::MIN };

    pub(super) fn add(&mut self, other: Self) {
        self.earliest = self.earliest.min(other.earliest);
        self.latest = self.latest.max(other.latest);
    }

    fn encode(self, cell: Cell) -> Cell {
        cell.u64(self.earliest.cast_unsigned()).u64(self.latest.cast_unsigned())
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let (earliest, latest) = (reader.u64()?.cast_signed(), reader.u64()?.cast_signed());
        Some(Self { earliest, latest })
    }
}

/// The mark: entries below are indexed.
pub(super) fn encode_mark(indexed_to: u64) -> Vec<u8> {
    Cell::default().u64(indexed_to).0
}

pub(super) fn decode_mark(bytes: &[u8]) -> Option<u64> {
    let mut reader = Reader(bytes);
    let indexed_to = reader.u64()?;
    reader.end(indexed_to)
}

/// What a search must know of a submission before it reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) stream: u32,
    /// Those of its stream.
    pub(super) areas: [Area; 2],
    pub(super) events: u16,
    pub(super) received_at: Timestamp,
    /// Of the events that are not erased.
    pub(super) occurred: Span,
}

impl Row {
    pub(super) fn key(index: u64) -> Vec<u8> {
        Cell::default().u8(b'r').u64(index).0
    }

    pub(super) fn index_of(key: &[u8]) -> Option<u64> {
        let mut reader = Reader(key.strip_prefix(b"r")?);
        let index = reader.u64()?;
        reader.end(index)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let [issuer, jurisdictions] = self.areas;
        let cell = Cell::default().u32(self.stream).u64(issuer.0).u64(jurisdictions.0);
        let cell = cell.u16(self.events);
        self.occurred.encode(cell.u64(self.received_at.micros())).0
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let row = Self {
            stream: reader.u32()?,
            areas: [Area(reader.u64()?), Area(reader.u64()?)],
            events: reader.u16()?,
            received_at: Timestamp::from_micros(reader.u64()?),
            occurred: Span::decode(&mut reader)?,
        };
        reader.end(row)
    }
}

/// Streams that are seen together: the begin of a hash of what they have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Area(u64);

impl Area {
    /// Streams of the same jurisdictions: a regulator sees all of them or none.
    pub(super) fn jurisdictions(codes: &[String]) -> Self {
        Self::hashed("jurisdictions", &codes.join(","))
    }

    /// Streams of one issuer: it sees all of them, other issuers none.
    pub(super) fn issuer(domain: &Domain) -> Self {
        Self::hashed("issuer", domain.as_str())
    }

    /// One stream.
    pub(super) fn stream(ordinal: u32) -> Self {
        Self::hashed("stream", &ordinal.to_string())
    }

    fn hashed(kind: &str, name: &str) -> Self {
        Self(begin_of_hash([kind, " ", name].concat().as_bytes()))
    }

    /// Areas in which an event's terms are found.
    pub(super) fn of(issuer: &Domain, jurisdictions: &Jurisdictions) -> [Self; 2] {
        [Self::issuer(issuer), Self::jurisdictions(jurisdictions.codes())]
    }
}

/// Span of occurrence of what a zone has in an area; none where it has nothing.
pub(super) fn zone_key(area: Area, zone: u64) -> Vec<u8> {
    Cell::default().u8(b'z').u64(area.0).u64(zone).0
}

/// The zone in the key of a span, if it is of this area.
pub(super) fn zone_in(area: Area, key: &[u8]) -> Option<u64> {
    let prefix = Cell::default().u8(b'z').u64(area.0).0;
    let mut reader = Reader(key.strip_prefix(prefix.as_slice())?);
    let zone = reader.u64()?;
    reader.end(zone)
}

pub(super) fn encode_zone(span: Span) -> Vec<u8> {
    span.encode(Cell::default()).0
}

pub(super) fn decode_zone(bytes: &[u8]) -> Option<Span> {
    let mut reader = Reader(bytes);
    let span = Span::decode(&mut reader)?;
    reader.end(span)
}

/// Something that an event has: a kind, and eight bytes that are the value or begin its hash. Two values can share
/// them, so what is found is read before it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Term {
    kind: u8,
    value: u64,
}

impl Term {
    /// What every event has.
    pub(super) const ANY: Self = Self { kind: 0, value: 0 };

    fn number(kind: u8, value: u64) -> Self {
        Self { kind, value }
    }

    fn hashed(kind: u8, value: &[u8]) -> Self {
        Self { kind, value: begin_of_hash(value) }
    }

    pub(super) fn claim_type(name: &str) -> Self {
        Self::hashed(b't', name.as_bytes())
    }

    pub(super) fn change(kind: ChangeKind) -> Self {
        let number = match kind {
            ChangeKind::Issued => 0,
            ChangeKind::Replaced => 1,
            ChangeKind::Amended => 2,
            ChangeKind::Status => 3,
            ChangeKind::Deleted => 4,
            ChangeKind::Restored => 5,
        };
        Self::number(b'k', number)
    }

    pub(super) fn status(status: &str) -> Self {
        Self::hashed(b'v', status.as_bytes())
    }

    pub(super) fn class(class: StatusClass) -> Self {
        Self::number(b'c', position(&StatusClass::ALL, &class))
    }

    pub(super) fn anomaly(anomaly: Anomaly) -> Self {
        Self::number(b'a', position(&Anomaly::ALL, &anomaly))
    }

    /// A field of the details with its value. No value has a line feed and no name has `=`, so no two fields
    /// are one text.
    pub(super) fn field(name: &str, value: &str) -> Self {
        Self::hashed(b'f', [name, "=", value].concat().as_bytes())
    }
}

/// A list of postings: what has a term, in an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct List {
    pub(super) area: Area,
    pub(super) term: Term,
}

impl List {
    fn prefix(self) -> Cell {
        Cell::default().u8(b't').u64(self.area.0).u8(self.term.kind).u64(self.term.value)
    }

    /// Key of a block whose last posting is at `index`, or before it.
    pub(super) fn key(self, index: u64) -> Vec<u8> {
        self.prefix().u64(index).0
    }

    /// Index in the key of a block, if it is of this list.
    pub(super) fn index_in(self, key: &[u8]) -> Option<u64> {
        let mut reader = Reader(key.strip_prefix(self.prefix().0.as_slice())?);
        let index = reader.u64()?;
        reader.end(index)
    }
}

fn begin_of_hash(text: &[u8]) -> u64 {
    Hash::of(text).as_bytes().first_chunk().map_or(0, |begin| u64::from_be_bytes(*begin))
}

fn position<T: PartialEq>(all: &[T], one: &T) -> u64 {
    let position = all.iter().position(|other| other == one);
    position.and_then(|position| u64::try_from(position).ok()).unwrap_or(u64::MAX)
}

/// What the index must remember of a stream to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StreamState {
    /// Time of receipt of its newest submission or heartbeat.
    pub(super) last_heard: Option<Timestamp>,
    /// When its last event occurred; none once that one is erased.
    pub(super) last_occurred: Option<i64>,
}

impl StreamState {
    pub(super) fn key(stream: u32) -> Vec<u8> {
        Cell::default().u8(b's').u32(stream).0
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let heard = self.last_heard.map_or(0, Timestamp::micros);
        let cell = Cell::default().u64(heard).u8(u8::from(self.last_occurred.is_some()));
        cell.u64(self.last_occurred.unwrap_or(0).cast_unsigned()).0
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let heard = Some(reader.u64()?).filter(|heard| *heard > 0);
        let (has_occurred, occurred) = (reader.u8()? == 1, reader.u64()?.cast_signed());
        let last_occurred = has_occurred.then_some(occurred);
        reader.end(Self { last_heard: heard.map(Timestamp::from_micros), last_occurred })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_read_back() {
        let occurred = Span { earliest: -7, latest: i64::MAX };
        assert_eq!(decode_mark(&encode_mark(9)), Some(9));
        let received_at = Timestamp::from_micros(3);
        let row =
            Row { stream: 1, areas: [1, 2].map(Area::stream), events: 2, received_at, occurred };
        assert_eq!(Row::decode(&row.encode()), Some(row));
        assert_eq!(Row::index_of(&Row::key(77)), Some(77));
        assert_eq!(decode_zone(&encode_zone(Span::NEVER)), Some(Span::NEVER));
        let [one, other] = [1, 2].map(Area::stream);
        assert_eq!(zone_in(one, &zone_key(one, 7)), Some(7));
        assert_eq!(zone_in(one, &zone_key(other, 7)), None);
        for last_heard in [None, Some(received_at)] {
            for last_occurred in [None, Some(0), Some(-1)] {
                let state = StreamState { last_heard, last_occurred };
                assert_eq!(StreamState::decode(&state.encode()), Some(state));
            }
        }
    }

    #[test]
    fn a_key_tells_its_list_and_no_two_lists_are_one() {
        let mut terms = vec![
            Term::ANY,
            Term::claim_type("deleted"),
            Term::status("deleted"),
            Term::field("a", "b=c"),
            Term::field("a-b", "c"),
        ];
        terms.extend(StatusClass::ALL.map(Term::class));
        terms.extend(Anomaly::ALL.map(Term::anomaly));
        terms.extend(
            ["issued", "replaced", "amended", "status", "deleted", "restored"]
                .map(|word| Term::change(ChangeKind::from_word(word).unwrap())),
        );
        let [issuer, other] = ["a.example", "b.example"].map(|it| Domain::parse(it).unwrap());
        let [de, by] = ["DE", "DE,DE-BY"].map(|it| Jurisdictions::parse(it).unwrap());
        let [a, b] = [Area::of(&issuer, &de), Area::of(&other, &by)];
        let areas = [a, b].into_iter().flatten().chain([0, 1].map(Area::stream));
        let lists: Vec<List> = areas
            .flat_map(|area| terms.iter().map(move |term| List { area, term: *term }))
            .collect();
        for (n, list) in lists.iter().enumerate() {
            for (m, other) in lists.iter().enumerate() {
                let index = other.index_in(&list.key(5));
                assert_eq!(index, (n == m).then_some(5), "{n} {m}");
            }
        }
    }
}
