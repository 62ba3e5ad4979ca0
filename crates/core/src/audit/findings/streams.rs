//! The streams of a log as an audit sees them: which are in the bundle, and what is said to be erased of them.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::Range;

use crate::{
    audit::BundleScope,
    name::{Domain, Name},
    registry::{Registry, StreamRecord},
};

/// A stream of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedStream {
    /// Its issuer.
    pub issuer: Domain,
    /// Number of the issuer in the registry.
    pub issuer_ordinal: u32,
    /// Its name.
    pub stream: Name,
    /// Whether it brings in the past.
    pub back_fill: bool,
    /// Whether its bodies are in the bundle.
    pub in_scope: bool,
    /// Whether all that its issuer said of its documents is in the bundle: none of its streams is out of the scope,
    /// and nothing was erased. Else nobody can tell from the bundle what a document was before.
    pub is_all: bool,
    /// What is said to be erased: first sequence number and the one after the last.
    erased: BTreeMap<u64, u64>,
}

impl AuditedStream {
    /// Whether an erasure that was logged after it names an event.
    #[must_use]
    pub fn is_erased(&self, sequence: u64) -> bool {
        let before = self.erased.range(..=sequence).next_back();
        before.is_some_and(|(_, end)| sequence < *end)
    }
}

/// All streams of a log, by their numbers in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditedStreams(Vec<AuditedStream>);

impl AuditedStreams {
    /// The streams of a registry, seen by a bundle of a scope, after erasures.
    #[must_use]
    pub fn new(registry: &Registry, scope: &BundleScope, mut erased: Erased) -> Self {
        let mut streams: BTreeMap<u32, AuditedStream> = BTreeMap::new();
        for (issuer, record) in registry.issuers() {
            let is_touched = |stream: &StreamRecord| erased.0.contains_key(&stream.ordinal);
            let mut own = record.streams.values();
            let all = own.all(|stream| scope.has(issuer, stream) && !is_touched(stream));
            for (name, stream) in &record.streams {
                let audited = AuditedStream {
                    issuer: issuer.clone(),
                    issuer_ordinal: record.ordinal,
                    stream: name.clone(),
                    back_fill: stream.back_fill,
                    in_scope: scope.has(issuer, stream),
                    is_all: all,
                    erased: BTreeMap::new(),
                };
                streams.insert(stream.ordinal, audited);
            }
        }
        for (ordinal, stream) in &mut streams {
            stream.erased = erased.0.remove(ordinal).unwrap_or_default();
        }
        Self(streams.into_values().collect())
    }

    /// One stream.
    #[must_use]
    pub fn get(&self, ordinal: u32) -> Option<&AuditedStream> {
        self.0.get(usize::try_from(ordinal).ok()?)
    }

    /// All streams, in the order of their opening.
    pub fn iter(&self) -> impl Iterator<Item = &AuditedStream> {
        self.0.iter()
    }
}

/// The events that erasures name, of those that were logged before each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased(BTreeMap<u32, BTreeMap<u64, u64>>);

impl Erased {
    /// Takes events of a stream. Ranges may touch or overlap; united at once, each event is in one at most.
    pub fn take(&mut self, stream: u32, events: Range<u64>) {
        let Range { mut start, mut end } = events;
        if start >= end {
            return;
        }
        let ranges = self.0.entry(stream).or_default();
        while let Some((first, last)) = ranges.range(..=end).next_back()
            && *last >= start
        {
            let first = *first;
            (start, end) = (start.min(first), end.max(*last));
            ranges.remove(&first);
        }
        ranges.insert(start, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn united(taken: &[Range<u64>]) -> Vec<(u64, u64)> {
        let mut erased = Erased::default();
        for events in taken {
            erased.take(7, events.clone());
        }
        erased.0.remove(&7).into_iter().flatten().collect()
    }

    #[test]
    fn erased_ranges_are_united_where_they_touch_or_overlap() {
        assert_eq!(united(&[5..8, 0..2, 10..11]), [(0, 2), (5, 8), (10, 11)]);
        assert_eq!(united(&[5..8, 0..2, 2..5]), [(0, 8)]);
        assert_eq!(united(&[0..2, 4..6, 8..9, 1..20]), [(0, 20)]);
        assert_eq!(united(&[0..20, 4..6]), [(0, 20)]);
        assert_eq!(united(&[4..6, 0..5, 9..9]), [(0, 6)]);
    }

    #[test]
    fn what_is_erased_twice_or_side_by_side_is_erased() {
        let mut erased = Erased::default();
        for events in [2..9, 3..4, 9..11, 20..21] {
            erased.take(7, events);
        }
        let stream = AuditedStream {
            issuer: Domain::parse("school.example").unwrap(),
            issuer_ordinal: 0,
            stream: Name::parse("main").unwrap(),
            back_fill: false,
            in_scope: true,
            is_all: false,
            erased: erased.0.remove(&7).unwrap(),
        };
        let erased: Vec<u64> = (0..30).filter(|sequence| stream.is_erased(*sequence)).collect();
        assert_eq!(erased, [2, 3, 4, 5, 6, 7, 8, 9, 10, 20]);
    }
}
