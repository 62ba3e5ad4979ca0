//! The streams of a log as an audit sees them: which are in the bundle, and what is said to be erased of them.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::{
    audit::BundleScope,
    erasure::Erasure,
    merkle::LeafIndex,
    name::{Domain, Name},
    registry::Registry,
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
    /// Whether an erasure names an event.
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
    /// The streams of a registry, seen by a bundle of a scope, after erasures. Gives those erasures, too, that name
    /// what is not there.
    #[must_use]
    pub fn new(
        registry: &Registry,
        scope: &BundleScope,
        erasures: &[(LeafIndex, Erasure)],
    ) -> (Self, Vec<LeafIndex>) {
        let mut streams: BTreeMap<u32, AuditedStream> = BTreeMap::new();
        let touched: BTreeSet<&Domain> = erasures.iter().map(|(_, it)| &it.issuer).collect();
        for (issuer, record) in registry.issuers() {
            let all = record.streams.values().all(|stream| scope.has(issuer, stream));
            for (name, stream) in &record.streams {
                let audited = AuditedStream {
                    issuer: issuer.clone(),
                    issuer_ordinal: record.ordinal,
                    stream: name.clone(),
                    back_fill: stream.back_fill,
                    in_scope: scope.has(issuer, stream),
                    is_all: all && !touched.contains(issuer),
                    erased: BTreeMap::new(),
                };
                streams.insert(stream.ordinal, audited);
            }
        }
        let mut all = Self(streams.into_values().collect());
        let stray = erasures.iter().filter(|(_, erasure)| !all.erase(registry, erasure));
        let stray = stray.map(|(index, _)| *index).collect::<Vec<_>>();
        (all, stray)
    }

    fn erase(&mut self, registry: &Registry, erasure: &Erasure) -> bool {
        let issuer = registry.issuer(&erasure.issuer);
        let mut is_known = true;
        for range in &erasure.ranges {
            let record = issuer.and_then(|issuer| issuer.streams.get(&range.stream));
            let at = record.and_then(|record| usize::try_from(record.ordinal).ok());
            let Some(stream) = at.and_then(|at| self.0.get_mut(at)) else {
                is_known = false;
                continue;
            };
            let end = stream.erased.entry(range.first_sequence).or_insert(0);
            *end = range.end().max(*end);
        }
        for stream in self.0.iter_mut().filter(|it| it.issuer == erasure.issuer) {
            stream.unite();
        }
        is_known
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

impl AuditedStream {
    /// Ranges may touch or overlap; united, each event is in one at most.
    fn unite(&mut self) {
        let mut united: BTreeMap<u64, u64> = BTreeMap::new();
        for (first, end) in &self.erased {
            match united.last_entry() {
                Some(mut last) if *last.get() >= *first => {
                    let longer = (*last.get()).max(*end);
                    last.insert(longer);
                }
                _ => {
                    united.insert(*first, *end);
                }
            }
        }
        self.erased = united;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_erased_twice_or_side_by_side_is_erased() {
        let mut stream = AuditedStream {
            issuer: Domain::parse("school.example").unwrap(),
            issuer_ordinal: 0,
            stream: Name::parse("main").unwrap(),
            back_fill: false,
            in_scope: true,
            is_all: false,
            erased: BTreeMap::from([(2, 9), (3, 4), (9, 11), (20, 21)]),
        };
        stream.unite();
        assert_eq!(stream.erased, BTreeMap::from([(2, 11), (20, 21)]));
        let erased: Vec<u64> = (0..30).filter(|sequence| stream.is_erased(*sequence)).collect();
        assert_eq!(erased, [2, 3, 4, 5, 6, 7, 8, 9, 10, 20]);
    }
}
