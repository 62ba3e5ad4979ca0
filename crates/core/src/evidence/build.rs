//! Putting an evidence file together: tables without repeats, and the references into them.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    file::{Evidence, Reference},
    rows::{AnchorRow, ErasedEvent, EvidenceEntry, EvidenceEvent, Item, RollUpRow},
};
use crate::{
    checkpoint::Checkpoint,
    evm::Anchor,
    hash::{DocumentHash, Hash},
    merkle::{LeafIndex, TreeSize},
    name::Domain,
    note::Note,
    rollup::{Contract, RollUp},
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

/// One event whose text was erased, with what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedProof {
    /// The entry that says that it was erased.
    pub erasure: LeafIndex,
    /// Its index in the submission.
    pub index: LeafIndex,
    /// Its leaf hash.
    pub leaf: Hash,
    /// Its inclusion path in the submission's tree.
    pub path: Vec<Hash>,
}

/// One roll-up, with the inclusion path of the log's checkpoint in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollUpProof {
    /// The checkpoint: the signed note, verbatim. It may be smaller than the one in which the entries are proved.
    pub checkpoint: String,
    /// Index of the checkpoint in the roll-up.
    pub index: LeafIndex,
    /// The roll-up: the signed note, verbatim.
    pub note: String,
    /// Inclusion path, from the leaf up.
    pub path: Vec<Hash>,
}

/// Gathers what a file shall hold, in any order and with repeats; all entries are proved in one checkpoint, the
/// newest of the file.
#[derive(Debug, Clone)]
pub struct EvidenceBuilder {
    size: Option<TreeSize>,
    checkpoints: BTreeMap<Option<TreeSize>, String>,
    consistency: BTreeMap<TreeSize, Vec<Hash>>,
    rollups: BTreeMap<Option<u64>, (Option<TreeSize>, RollUpProof)>,
    anchors: BTreeMap<(Contract, u64), (u64, Anchor)>,
    entries: BTreeMap<LeafIndex, (Vec<Hash>, String)>,
    firm: Vec<LeafIndex>,
    registry: Vec<LeafIndex>,
    items: BTreeMap<(Domain, DocumentHash), Gathered>,
}

/// The events of a document, by entry and index in the submission.
#[derive(Debug, Clone, Default)]
struct Gathered {
    events: BTreeMap<(LeafIndex, LeafIndex), EventProof>,
    erased: BTreeMap<(LeafIndex, LeafIndex), ErasedProof>,
}

impl EvidenceBuilder {
    /// Starts with a published checkpoint: the signed note, verbatim.
    #[must_use]
    pub fn new(checkpoint: String) -> Self {
        let size = size_of(&checkpoint);
        Self {
            size,
            checkpoints: BTreeMap::from([(size, checkpoint)]),
            consistency: BTreeMap::new(),
            rollups: BTreeMap::new(),
            anchors: BTreeMap::new(),
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
        let gathered = self.items.entry((issuer, document)).or_default();
        gathered.events.insert((entry, event.index), event);
    }

    /// Adds an entry with an erasure, for the erased events that follow.
    pub fn erasure(&mut self, entry: ProvedEntry) {
        self.add(entry);
    }

    /// Adds an event of a document whose text was erased, and whose submission is the entry at `entry`. A document of
    /// which no other event is left cannot be named: its evidence is refused for want of events.
    pub fn erased(
        &mut self,
        issuer: Domain,
        document: DocumentHash,
        entry: LeafIndex,
        erased: ErasedProof,
    ) {
        let gathered = self.items.entry((issuer, document)).or_default();
        gathered.erased.insert((entry, erased.index), erased);
    }

    /// Adds a roll-up, and its checkpoint, of which the first one of a size is kept.
    pub fn rollup(&mut self, proof: RollUpProof) {
        let size = size_of(&proof.checkpoint);
        self.checkpoints.entry(size).or_insert_with(|| proof.checkpoint.clone());
        let note = Note::parse(proof.note.as_bytes()).ok();
        let text = note.and_then(|note| RollUp::parse(note.text()).ok());
        self.rollups.entry(text.map(|text| text.sequence)).or_insert((size, proof));
    }

    /// Adds an anchor of the roll-up with this number.
    pub fn anchor(&mut self, rollup: u64, anchor: Anchor) {
        self.anchors.entry((anchor.contract, anchor.sequence)).or_insert((rollup, anchor));
    }

    /// Sizes of the checkpoints that are there, ascending: each but the last one needs a consistency proof to the
    /// next one.
    #[must_use]
    pub fn sizes(&self) -> Vec<TreeSize> {
        self.checkpoints.keys().copied().flatten().collect()
    }

    /// Adds a consistency proof from the checkpoint of a size to the next one.
    pub fn consistency(&mut self, from: TreeSize, path: Vec<Hash>) {
        self.consistency.insert(from, path);
    }

    fn add(&mut self, entry: ProvedEntry) {
        self.entries.entry(entry.index).or_insert((entry.path, entry.text));
    }

    /// The file. What refers to something that was not added refers past the end of its table, and a proof that was
    /// not added is empty; the verifier names both.
    #[must_use]
    pub fn build(self) -> Evidence {
        let indexes: Vec<LeafIndex> = self.entries.keys().copied().collect();
        let position = |index: &LeafIndex| reference(&indexes, index);
        let sizes: Vec<Option<TreeSize>> = self.checkpoints.keys().copied().collect();
        let checkpoint = reference(&sizes, &self.size);
        let sequences: Vec<Option<u64>> = self.rollups.keys().copied().collect();
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
        let erased =
            |((entry, index), erased): ((LeafIndex, LeafIndex), ErasedProof)| ErasedEvent {
                entry: position(&entry),
                erasure: position(&erased.erasure),
                index,
                leaf: erased.leaf,
                path: erased.path,
            };
        let item = |((issuer, document), gathered): (_, Gathered)| Item {
            document,
            erased: gathered.erased.into_iter().map(erased).collect(),
            events: gathered.events.into_iter().map(event).collect(),
            issuer,
        };
        let entry = |(index, (path, text))| EvidenceEntry { checkpoint, index, path, text };
        let rollup = |(size, proof): (Option<TreeSize>, RollUpProof)| RollUpRow {
            checkpoint: reference(&sizes, &size),
            index: proof.index,
            note: proof.note,
            path: proof.path,
        };
        let anchor = |(rollup, anchor): (u64, Anchor)| AnchorRow {
            anchor,
            rollup: reference(&sequences, &Some(rollup)),
        };
        let older = sizes.split_last().map_or(&[][..], |(_, older)| older);
        let proof = |size: &Option<TreeSize>| self.consistency.get(&(*size)?).cloned();
        let mut evidence = Evidence::empty();
        evidence.consistency = older.iter().map(|size| proof(size).unwrap_or_default()).collect();
        evidence.checkpoints = self.checkpoints.into_values().collect();
        evidence.firm = table(self.firm);
        evidence.registry = table(self.registry);
        evidence.items = self.items.into_iter().map(item).collect();
        evidence.entries = self.entries.into_iter().map(entry).collect();
        evidence.rollups = self.rollups.into_values().map(rollup).collect();
        evidence.anchors = self.anchors.into_values().map(anchor).collect();
        evidence
    }
}

/// Position in a sorted list; past its end for what is not there.
fn reference<T: Ord>(sorted: &[T], one: &T) -> Reference {
    Reference(sorted.binary_search(one).unwrap_or(sorted.len()))
}

/// Size of a signed checkpoint; nothing if it is none, which the verifier names.
fn size_of(checkpoint: &str) -> Option<TreeSize> {
    let note = Note::parse(checkpoint.as_bytes()).ok()?;
    Checkpoint::parse(note.text()).ok().map(|checkpoint| checkpoint.size)
}
