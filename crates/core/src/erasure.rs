//! Erasures as texts, `witness-erasure/v1`: that what was kept beside the log of some events is gone. It names
//! places, never a document hash.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::{
    name::{Domain, Name, Origin},
    text::{Lines, Malformed, decimal, words},
};

const FORMAT: &str = "witness-erasure/v1";
/// Most ranges of one text.
pub const RANGES_MAX: usize = 256;
/// Longest text: the longest names, and so many ranges.
const TEXT_BYTES_MAX: usize = 32_768;

const RANGE: &str =
    "<stream> <first sequence> <count>, sorted, ranges that do not touch, 1 to 256 of them";

/// Why something was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Somebody with a right to it asked.
    Request,
    /// A court or an authority ordered it.
    Order,
    /// The term of its claim type has ended.
    Retention,
    /// It should never have come.
    Mistake,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Request, Self::Order, Self::Retention, Self::Mistake];

    /// The word in texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Order => "order",
            Self::Retention => "retention",
            Self::Mistake => "mistake",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// Events of a stream that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The stream.
    pub stream: Name,
    /// Sequence number of the first.
    pub first_sequence: u64,
    /// How many, one at least.
    pub events: u64,
}

impl Range {
    /// Sequence number after the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first_sequence.saturating_add(self.events)
    }

    /// Whether it holds the event of this sequence number.
    #[must_use]
    pub fn contains(&self, stream: &Name, sequence: u64) -> bool {
        self.stream == *stream && (self.first_sequence..self.end()).contains(&sequence)
    }

    /// Whether there is an event that both hold.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.stream == other.stream
            && self.first_sequence < other.end()
            && other.first_sequence < self.end()
    }

    /// Reads `<stream> <first sequence> <count>`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let [stream, first, events] = words(line)?;
        let (first_sequence, events) = (decimal(first)?, decimal(events)?);
        let fits = events > 0 && first_sequence.checked_add(events).is_some();
        fits.then_some(Self { stream: Name::parse(stream)?, first_sequence, events })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.stream, self.first_sequence, self.events)
    }
}

/// That events of an issuer were erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The log.
    pub origin: Origin,
    /// Whose events.
    pub issuer: Domain,
    /// Why.
    pub reason: Reason,
    /// Which: 1 to 256 ranges, sorted, apart from each other.
    pub ranges: Vec<Range>,
}

impl Erasure {
    /// Parses the text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, text.as_bytes(), TEXT_BYTES_MAX)?;
        let origin = lines.parse("the origin of a log, <firm>/<log>", Origin::parse)?;
        let issuer = lines.parse("an issuer's domain", Domain::parse)?;
        let reason = lines.parse("request, order, retention or mistake", Reason::parse)?;
        let mut ranges: Vec<Range> = Vec::new();
        while ranges.is_empty() || !lines.is_at_end() {
            let range = lines.parse(RANGE, Range::parse)?;
            let follows = ranges.last().is_none_or(|last| {
                last.stream < range.stream
                    || (last.stream == range.stream && last.end() < range.first_sequence)
            });
            if !follows || ranges.len() == RANGES_MAX {
                return Err(lines.refuse(RANGE));
            }
            ranges.push(range);
        }
        Ok(Self { origin, issuer, reason, ranges })
    }

    /// Whether it erases the event of this sequence number.
    #[must_use]
    pub fn covers(&self, stream: &Name, sequence: u64) -> bool {
        self.ranges.iter().any(|range| range.contains(stream, sequence))
    }

    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        let head = [self.origin.as_str(), self.issuer.as_str(), self.reason.word()].join("\n");
        let line = |range: &Range| [range.to_string().as_str(), "\n"].concat();
        let ranges: String = self.ranges.iter().map(line).collect();
        [FORMAT.to_string(), head, ranges].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const HEAD: &str = "witness-erasure/v1\nwitness.example/log1\nschool.example\nrequest\n";

    #[test]
    fn an_erasure_reads_back() {
        let text = format!("{HEAD}live 7 2\nlive 10 1\nmain 0 1\n");
        let erasure = Erasure::parse(&text).unwrap();
        assert_eq!((erasure.encode(), erasure.ranges.len()), (text, 3));
    }

    #[test]
    fn an_erasure_covers_its_ranges_to_the_edge() {
        let erasure = Erasure::parse(&format!("{HEAD}live 7 2\nmain 0 1\n")).unwrap();
        let covers =
            |stream: &str, sequence| erasure.covers(&Name::parse(stream).unwrap(), sequence);
        assert_eq!(
            [6, 7, 8, 9].map(|sequence| covers("live", sequence)),
            [false, true, true, false]
        );
        assert_eq!([0, 1, 7].map(|sequence| covers("main", sequence)), [true, false, false]);
    }

    #[test]
    fn ranges_overlap_where_they_share_an_event() {
        let range = |line: &str| Range::parse(line).unwrap();
        for other in ["main 3 4", "main 0 4", "main 6 1", "main 0 99", "main 4 1"] {
            assert!(range("main 3 4").overlaps(&range(other)), "{other}");
        }
        for other in ["main 0 3", "main 7 1", "live 3 4"] {
            assert!(!range("main 3 4").overlaps(&range(other)), "{other}");
        }
    }

    #[test]
    fn ranges_are_sorted_and_apart_and_none_is_empty() {
        for wrong in ["", "live 7 0\n", "main 0 1\nlive 0 1\n", "live 7 2\nlive 9 1\n", "live 7 1"]
        {
            assert!(Erasure::parse(&format!("{HEAD}{wrong}")).is_err(), "{wrong}");
        }
        let many = |count: u64| {
            let lines: Vec<String> = (0..count)
                .map(|n| {
                    format!(
                        "live {} 1
",
                        n * 2
                    )
                })
                .collect();
            lines.concat()
        };
        assert!(Erasure::parse(&format!("{HEAD}{}", many(256))).is_ok());
        assert!(Erasure::parse(&format!("{HEAD}{}", many(257))).is_err());
    }
}
