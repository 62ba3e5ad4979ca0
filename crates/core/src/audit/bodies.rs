//! The bodies of an entry bundle, `witness-bodies/v1`: what lies beside the log of those submissions among its 256
//! entries that are in the scope.
//!
//! ```text
//! witness-bodies/v1
//! <origin>
//! <number of the entry bundle>
//! submission <index of the entry> <events>
//! event <bytes of the event> <bytes of the details>
//! <event><details>
//! erased <base64 leaf hash of the event>
//! ```
//!
//! What must hold: one form, so that every byte counts; and whoever reads holds one event at a time, however long
//! the file is. The reader takes bytes and gives items; it has no input of its own.

use alloc::{format, string::String, vec::Vec};

use crate::{
    details::DETAILS_SIZE_MAX,
    event::EVENT_BYTES_MAX,
    hash::Hash,
    merkle::LeafIndex,
    name::Origin,
    submission::SUBMISSION_EVENTS_MAX,
    text::{decimal, two_decimals},
    tile::TILE_WIDTH,
};

/// Name of the format.
pub const BODIES_FORMAT: &str = "witness-bodies/v1";
/// Longest item, in bytes: whoever has so many can read the next one.
pub const ITEM_BYTES_MAX: usize = LINE_BYTES_MAX + EVENT_BYTES_MAX + DETAILS_SIZE_MAX;
/// Longest line above an item's texts, with its newline.
const LINE_BYTES_MAX: usize = 64;

const A_SUBMISSION: &str =
    "submission <index> <events>, ascending, of this bundle's entries, 1 to 4096 events";
const AN_EVENT: &str = "event <1 to 1024 bytes> <0 to 4096 bytes>, or erased <32 bytes in base64>";

/// Why bodies were refused: where, and what should have come. Repeats nothing of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodiesError {
    /// Of another version of the format.
    #[error("must be {BODIES_FORMAT}, and is of another version; use a newer program")]
    OtherVersion,
    /// Something else came.
    #[error("at byte {position}: must be {expected}")]
    Shape {
        /// Where, from 0.
        position: u64,
        /// What was expected there.
        expected: &'static str,
    },
}

/// A part of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'b> {
    /// A submission begins, of which all events follow.
    Submission {
        /// Index of its entry in the log.
        index: LeafIndex,
        /// Number of its events.
        events: u64,
    },
    /// The next event.
    Event {
        /// Its text.
        event: &'b [u8],
        /// Its details; empty if it has none.
        details: &'b [u8],
    },
    /// The next event was erased.
    Erased {
        /// What stands for it in the tree of its submission.
        leaf: Hash,
    },
}

/// What came of reading on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'b> {
    /// The bytes end within an item: bring more, and begin at the same place.
    More,
    /// An item, and how many bytes it took; the next one begins after them.
    Item(Item<'b>, usize),
}

/// Reads bodies piece by piece.
#[derive(Debug, Clone)]
pub struct BodiesReader {
    head: String,
    first: u64,
    position: u64,
    last: Option<u64>,
    events_left: u64,
}

impl BodiesReader {
    /// A reader of the bodies of an entry bundle of a log, at their first byte.
    #[must_use]
    pub fn new(origin: &Origin, number: u64) -> Self {
        let first = number.saturating_mul(TILE_WIDTH);
        Self { head: head(origin, number), first, position: 0, last: None, events_left: 0 }
    }

    /// Where the next item begins, in bytes from the first one.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads the next item at the beginning of `bytes`, which are those at [`BodiesReader::position`].
    pub fn next<'b>(&mut self, bytes: &'b [u8]) -> Result<Step<'b>, BodiesError> {
        let head = self.head_left();
        let Some(bytes) = self.skip_head(bytes, head)? else { return Ok(Step::More) };
        if bytes.is_empty() {
            return Ok(Step::More);
        }
        let step = if self.events_left == 0 { self.submission(bytes)? } else { self.event(bytes)? };
        let Step::Item(item, used) = step else { return Ok(step) };
        match item {
            Item::Submission { index, events } => {
                self.last = Some(index.0);
                self.events_left = events;
            }
            Item::Event { .. } | Item::Erased { .. } => self.events_left -= 1,
        }
        let used = used + head;
        self.position += u64::try_from(used).unwrap_or(u64::MAX);
        Ok(Step::Item(item, used))
    }

    /// Checks that the bodies may end where the last item ended, with `rest` after it.
    pub fn end(&self, rest: &[u8]) -> Result<(), BodiesError> {
        if self.events_left > 0 {
            return Err(self.refuse(AN_EVENT));
        }
        if rest.is_empty() && self.last.is_some() { Ok(()) } else { Err(self.refuse(A_SUBMISSION)) }
    }

    /// The head is read with the first item.
    fn head_left(&self) -> usize {
        if self.position == 0 { self.head.len() } else { 0 }
    }

    fn skip_head<'b>(&self, bytes: &'b [u8], head: usize) -> Result<Option<&'b [u8]>, BodiesError> {
        if head == 0 {
            return Ok(Some(bytes));
        }
        if let Some(rest) = bytes.strip_prefix(self.head.as_bytes()) {
            return Ok(Some(rest));
        }
        let parted = bytes.iter().zip(self.head.as_bytes()).position(|(came, own)| came != own);
        let Some(parted) = parted else { return Ok(None) };
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let version = str::from_utf8(first).ok().and_then(|it| it.strip_prefix("witness-bodies/v"));
        if version.is_some_and(|version| decimal(version).is_some() && version != "1") {
            return Err(BodiesError::OtherVersion);
        }
        let position = u64::try_from(parted).unwrap_or(u64::MAX);
        let expected = "the format, this log's origin and this bundle's number, a line each";
        Err(BodiesError::Shape { position, expected })
    }

    fn submission<'b>(&self, bytes: &'b [u8]) -> Result<Step<'b>, BodiesError> {
        let Some((line, rest)) = self.line(bytes, A_SUBMISSION)? else { return Ok(Step::More) };
        let least = self.last.map_or(self.first, |last| last + 1);
        let indexes = least..self.first.saturating_add(TILE_WIDTH);
        let numbers = line.strip_prefix("submission ").and_then(two_decimals);
        let numbers = numbers.filter(|(index, events)| {
            indexes.contains(index) && (1..=SUBMISSION_EVENTS_MAX).contains(events)
        });
        let (index, events) = numbers.ok_or_else(|| self.refuse(A_SUBMISSION))?;
        let item = Item::Submission { index: LeafIndex(index), events };
        Ok(Step::Item(item, bytes.len() - rest.len()))
    }

    fn event<'b>(&self, bytes: &'b [u8]) -> Result<Step<'b>, BodiesError> {
        let Some((line, rest)) = self.line(bytes, AN_EVENT)? else { return Ok(Step::More) };
        if let Some(leaf) = line.strip_prefix("erased ") {
            let leaf = Hash::from_base64(leaf).ok_or_else(|| self.refuse(AN_EVENT))?;
            return Ok(Step::Item(Item::Erased { leaf }, bytes.len() - rest.len()));
        }
        let sizes =
            line.strip_prefix("event ").and_then(two_decimals).and_then(|(event, details)| {
                let (event, details) =
                    (usize::try_from(event).ok()?, usize::try_from(details).ok()?);
                let fits = (1..=EVENT_BYTES_MAX).contains(&event) && details <= DETAILS_SIZE_MAX;
                fits.then_some((event, details))
            });
        let (event, details) = sizes.ok_or_else(|| self.refuse(AN_EVENT))?;
        let Some((event, rest)) = rest.split_at_checked(event) else { return Ok(Step::More) };
        let Some((details, rest)) = rest.split_at_checked(details) else { return Ok(Step::More) };
        Ok(Step::Item(Item::Event { event, details }, bytes.len() - rest.len()))
    }

    /// The first line and what follows it; nothing if the bytes end before the line does.
    fn line<'b>(
        &self,
        bytes: &'b [u8],
        expected: &'static str,
    ) -> Result<Option<(&'b str, &'b [u8])>, BodiesError> {
        let within = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
        let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
            let is_long = within.len() == LINE_BYTES_MAX;
            return if is_long { Err(self.refuse(expected)) } else { Ok(None) };
        };
        let (line, rest) = bytes.split_at(end);
        let line = str::from_utf8(line).or(Err(self.refuse(expected)))?;
        Ok(Some((line, rest.get(1..).unwrap_or_default())))
    }

    fn refuse(&self, expected: &'static str) -> BodiesError {
        let position = self.position + u64::try_from(self.head_left()).unwrap_or(u64::MAX);
        BodiesError::Shape { position, expected }
    }
}

fn head(origin: &Origin, number: u64) -> String {
    format!("{BODIES_FORMAT}\n{origin}\n{number}\n")
}

/// Begins the bodies of an entry bundle. There are none where none of its submissions is in the scope.
pub fn write_head(out: &mut Vec<u8>, origin: &Origin, number: u64) {
    out.extend_from_slice(head(origin, number).as_bytes());
}

/// Begins a submission; as many events must follow.
pub fn write_submission(out: &mut Vec<u8>, index: LeafIndex, events: u64) {
    out.extend_from_slice(format!("submission {index} {events}\n").as_bytes());
}

/// Writes an event with its details, which are empty if it has none.
pub fn write_event(out: &mut Vec<u8>, event: &[u8], details: &[u8]) {
    out.extend_from_slice(format!("event {} {}\n", event.len(), details.len()).as_bytes());
    out.extend_from_slice(event);
    out.extend_from_slice(details);
}

/// Writes what stands for an event that was erased.
pub fn write_erased(out: &mut Vec<u8>, leaf: &Hash) {
    out.extend_from_slice(format!("erased {}\n", leaf.to_base64()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Length of the head in these tests.
    const HEAD: u64 = 41;

    fn origin() -> Origin {
        Origin::parse("witness.example/log1").unwrap()
    }

    fn written() -> Vec<u8> {
        let mut out = Vec::new();
        write_head(&mut out, &origin(), 3);
        write_submission(&mut out, LeafIndex(768), 2);
        write_event(&mut out, b"an event\n", b"");
        write_erased(&mut out, &Hash::of(b"leaf"));
        write_submission(&mut out, LeafIndex(1023), 1);
        write_event(&mut out, b"another\n", b"with details\n");
        out
    }

    /// Reads all, a window of so many bytes at a time, and writes it again.
    fn rewritten(bytes: &[u8], window: usize) -> Result<Vec<u8>, BodiesError> {
        let mut reader = BodiesReader::new(&origin(), 3);
        let mut out = Vec::new();
        write_head(&mut out, &origin(), 3);
        let (mut at, mut given) = (0, 0);
        loop {
            match reader.next(&bytes[at..given])? {
                Step::More if given == bytes.len() => {
                    reader.end(&bytes[at..])?;
                    return Ok(out);
                }
                Step::More => given = bytes.len().min(given + window),
                Step::Item(item, used) => {
                    at += used;
                    assert_eq!(u64::try_from(at), Ok(reader.position()));
                    match item {
                        Item::Submission { index, events } => {
                            write_submission(&mut out, index, events);
                        }
                        Item::Event { event, details } => write_event(&mut out, event, details),
                        Item::Erased { leaf } => write_erased(&mut out, &leaf),
                    }
                }
            }
        }
    }

    #[test]
    fn bodies_read_back_in_pieces_of_any_size() {
        for window in 1..=written().len() {
            assert_eq!(rewritten(&written(), window), Ok(written()), "{window}");
        }
    }

    #[test]
    fn bodies_that_end_early_or_go_on_are_refused() {
        let all = written();
        for end in 0..all.len() {
            let is_between = all[end..].starts_with(b"submission 1023");
            assert_eq!(rewritten(&all[..end], 7).is_ok(), is_between, "{end}");
        }
        assert!(rewritten(&[all.as_slice(), b"\n"].concat(), 7).is_err());
    }

    #[test]
    fn what_is_out_of_order_is_refused_where_it_stands() {
        let refused = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write_head(&mut out, &origin(), 3);
            write(&mut out);
            let Err(BodiesError::Shape { position, .. }) = rewritten(&out, 1000) else {
                panic!("it must be refused");
            };
            position
        };
        let one = |out: &mut Vec<u8>, index| {
            write_submission(out, LeafIndex(index), 1);
            write_event(out, b"e", b"");
        };
        assert_eq!(refused(&|out| one(out, 767)), HEAD);
        assert_eq!(refused(&|out| one(out, 1024)), HEAD);
        let after_one = HEAD + 17 + 10 + 1;
        assert_eq!(refused(&|out| [769, 768].iter().for_each(|at| one(out, *at))), after_one);
        assert_eq!(refused(&|out| [769, 769].iter().for_each(|at| one(out, *at))), after_one);
        assert_eq!(refused(&|out| write_submission(out, LeafIndex(768), 0)), HEAD);
        assert_eq!(refused(&|out| write_submission(out, LeafIndex(768), 4097)), HEAD);
        assert_eq!(refused(&|out| write_event(out, b"e", b"")), HEAD);
        let begun = HEAD + 17;
        let long = vec![b'e'; EVENT_BYTES_MAX + 1];
        assert_eq!(
            refused(&|out| {
                write_submission(out, LeafIndex(768), 1);
                write_event(out, &long, b"");
            }),
            begun
        );
        assert_eq!(refused(&|_| {}), HEAD, "bodies of nothing are not written");
    }

    #[test]
    fn the_head_is_that_of_the_log_and_the_bundle() {
        let text = |head: &str| [head, "submission 768 1\nevent 1 0\ne"].concat();
        let read = |head: &str| rewritten(text(head).as_bytes(), 1000);
        assert!(read("witness-bodies/v1\nwitness.example/log1\n3\n").is_ok());
        let other = read("witness-bodies/v2\nwitness.example/log1\n3\n");
        assert_eq!(other, Err(BodiesError::OtherVersion));
        for wrong in [
            "witness-bodies/v1\nwitness.example/log2\n3\n",
            "witness-bodies/v1\nwitness.example/log1\n4\n",
            "witness-bodies/v01\nwitness.example/log1\n3\n",
            "",
        ] {
            assert!(matches!(read(wrong), Err(BodiesError::Shape { .. })), "{wrong}");
        }
    }
}
