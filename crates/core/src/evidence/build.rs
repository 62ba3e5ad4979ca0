//! Putting an evidence file together: tables without repeats, and the references into them.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::file::{Evidence, EvidenceEntry, EvidenceEvent, Item, Reference};
use crate::{
    hash::{DocumentHash, Hash},
    merkle::LeafIndex,
    name::Domain,
};

/// One leaf of the log, with its inclusion path in the tree of the builder's checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedEntry {
    /// Its index in the log.
    pub index: LeafIndex,
    /// Its inclusion path.
    pub path: Vec<Hash>,
    /// Its text, `witness-entry/v1`.
    pub text: String,
}

/// One event, with its inclusion path in its submission's tree.
#[derive(Clone, PartialEq, Eq)]
pub struct EventProof {
    /// Its details, if the reader of the file may see them.
    pub details: Option<String>,
    /// Its index in the submission.
    pub index: LeafIndex,
    /// Its inclusion path in the submission's tree.
    pub path: Vec<Hash>,
    /// Its text, `witness-event/v1`.
    pub text: String,
}

/// Hides text and details.
impl core::fmt::Debug for EventProof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EventProof").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Gathers what a file shall hold, in any order and with repeats; all entries are proved in one checkpoint.
#[derive(Debug, Clone)]
pub struct EvidenceBuilder {
    checkpoint: String,
    entries: BTreeMap<LeafIndex, (Vec<Hash>, String)>,
    firm: Vec<LeafIndex>,
    registry: Vec<LeafIndex>,
    items: BTreeMap<(Domain, DocumentHash), BTreeMap<(LeafIndex, LeafIndex), EventProof>>,
}

impl EvidenceBuilder {
    /// Starts with a published checkpoint: the signed note, verbatim.
    #[must_use]
    pub fn new(checkpoint: String) -> Self {
        Self {
            checkpoint,
            entries: BTreeMap::new(),
            firm: Vec::new(),
            registry: Vec::new(),
            items: BTreeMap::new(),
        }
    }

    /// Adds an entry with a firm note.
    pub fn firm(&mut self, entry: ProvedEntry) {
        self.firm.push(entry.index);
        self.add(entry);
    }

    /// Adds an entry with a registry note.
    pub fn registry(&mut self, entry: ProvedEntry) {
        self.registry.push(entry.index);
        self.add(entry);
    }

    /// Adds an entry with a submission, for the events that follow.
    pub fn submission(&mut self, entry: ProvedEntry) {
        self.add(entry);
    }

    /// Whether an entry is there already, so that its text and path need not be fetched again.
    #[must_use]
    pub fn has_entry(&self, index: LeafIndex) -> bool {
        self.entries.contains_key(&index)
    }

    /// Adds an event of a document, whose submission is the entry at `entry`.
    pub fn event(
        &mut self,
        issuer: Domain,
        document: DocumentHash,
        entry: LeafIndex,
        event: EventProof,
    ) {
        let events = self.items.entry((issuer, document)).or_default();
        events.insert((entry, event.index), event);
    }

    fn add(&mut self, entry: ProvedEntry) {
        self.entries.entry(entry.index).or_insert((entry.path, entry.text));
    }

    /// The file. An event whose entry was not added refers past the table's end, which the verifier names.
    #[must_use]
    pub fn build(self) -> Evidence {
        let indexes: Vec<LeafIndex> = self.entries.keys().copied().collect();
        let position =
            |index: &LeafIndex| Reference(indexes.binary_search(index).unwrap_or(indexes.len()));
        let table = |mut list: Vec<LeafIndex>| {
            list.sort_unstable();
            list.dedup();
            list.iter().map(position).collect()
        };
        let event = |((entry, index), event): ((LeafIndex, LeafIndex), EventProof)| EvidenceEvent {
            details: event.details,
            entry: position(&entry),
            index,
            path: event.path,
            text: event.text,
        };
        let item = |((issuer, document), events): (_, BTreeMap<_, _>)| Item {
            document,
            events: events.into_iter().map(event).collect(),
            issuer,
        };
        let entry =
            |(index, (path, text))| EvidenceEntry { checkpoint: Reference(0), index, path, text };
        let mut evidence = Evidence::empty();
        evidence.checkpoints.push(self.checkpoint);
        evidence.firm = table(self.firm);
        evidence.registry = table(self.registry);
        evidence.items = self.items.into_iter().map(item).collect();
        evidence.entries = self.entries.into_iter().map(entry).collect();
        evidence
    }
}
