//! How the keys and values of the index are laid out: all of one family, which can be made again.
//!
//! | key | value |
//! |---|---|
//! | `m` | entries below which all is indexed, the open zone's span of time |
//! | `r` index | a submission: its stream, events, time of receipt, span of occurrence |
//! | `z` zone | span of occurrence of 256 entries |
//! | `t` term, index | a block of postings ([`super::postings`]) |
//! | `s` stream | when it was last heard, when its last event occurred |
//! | `d` stream, day | counts |

use witness_core::{
    anomaly::Anomaly, event::StatusClass, hash::Hash, schema::ChangeKind, time::Timestamp,
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

/// How far the index goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Entries below are indexed.
    pub(super) indexed_to: u64,
    /// Span of the zone that the next entry is in, as far as it was indexed.
    pub(super) open_zone: Span,
}

impl Mark {
    pub(super) const BEGIN: Self = Self { indexed_to: 0, open_zone: Span::NEVER };

    pub(super) fn encode(&self) -> Vec<u8> {
        self.open_zone.encode(Cell::default().u64(self.indexed_to)).0
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mark = Self { indexed_to: reader.u64()?, open_zone: Span::decode(&mut reader)? };
        reader.end(mark)
    }
}

/// What a search must know of a submission before it reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) stream: u32,
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
        let cell = Cell::default().u32(self.stream).u16(self.events);
        self.occurred.encode(cell.u64(self.received_at.micros())).0
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let row = Self {
            stream: reader.u32()?,
            events: reader.u16()?,
            received_at: Timestamp::from_micros(reader.u64()?),
            occurred: Span::decode(&mut reader)?,
        };
        reader.end(row)
    }
}

/// Span of a zone that is complete.
pub(super) fn zone_key(zone: u64) -> Vec<u8> {
    Cell::default().u8(b'z').u64(zone).0
}

pub(super) fn encode_zone(span: Span) -> Vec<u8> {
    span.encode(Cell::default()).0
}

pub(super) fn decode_zone(bytes: &[u8]) -> Option<Span> {
    let mut reader = Reader(bytes);
    let span = Span::decode(&mut reader)?;
    reader.end(span)
}

/// Something that an event, or its submission, has: a kind, and eight bytes that are the value or begin its
/// hash. Two values can share them, so what is found is read before it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Term {
    kind: u8,
    value: u64,
}

impl Term {
    fn number(kind: u8, value: u64) -> Self {
        Self { kind, value }
    }

    fn hashed(kind: u8, value: &[u8]) -> Self {
        let begin =
            Hash::of(value).as_bytes().first_chunk().map_or(0, |it| u64::from_be_bytes(*it));
        Self { kind, value: begin }
    }

    pub(super) fn stream(ordinal: u32) -> Self {
        Self::number(b's', u64::from(ordinal))
    }

    pub(super) fn jurisdiction(code: &str) -> Self {
        Self::hashed(b'j', code.as_bytes())
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

    fn prefix(self) -> Cell {
        Cell::default().u8(b't').u8(self.kind).u64(self.value)
    }

    /// Key of a block whose last posting is at `index`, or before it.
    pub(super) fn key(self, index: u64) -> Vec<u8> {
        self.prefix().u64(index).0
    }

    /// Index in the key of a block, if it is of this term.
    pub(super) fn index_in(self, key: &[u8]) -> Option<u64> {
        let mut reader = Reader(key.strip_prefix(self.prefix().0.as_slice())?);
        let index = reader.u64()?;
        reader.end(index)
    }
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
        let mark = Mark { indexed_to: 9, open_zone: occurred };
        assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        let received_at = Timestamp::from_micros(3);
        let row = Row { stream: 1, events: 2, received_at, occurred };
        assert_eq!(Row::decode(&row.encode()), Some(row));
        assert_eq!(Row::index_of(&Row::key(77)), Some(77));
        assert_eq!(decode_zone(&encode_zone(Span::NEVER)), Some(Span::NEVER));
        for last_heard in [None, Some(received_at)] {
            for last_occurred in [None, Some(0), Some(-1)] {
                let state = StreamState { last_heard, last_occurred };
                assert_eq!(StreamState::decode(&state.encode()), Some(state));
            }
        }
    }

    #[test]
    fn a_key_tells_its_term_and_no_two_terms_are_one() {
        let mut terms = vec![
            Term::stream(0),
            Term::stream(1),
            Term::jurisdiction("DE"),
            Term::jurisdiction("DE-BY"),
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
        for (n, term) in terms.iter().enumerate() {
            for (m, other) in terms.iter().enumerate() {
                let index = other.index_in(&term.key(5));
                assert_eq!(index, (n == m).then_some(5), "{n} {m}");
            }
        }
    }
}
