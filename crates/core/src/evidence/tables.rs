//! The tables of the file: every reference in range, every row referred to, every entry where it says it is.

use alloc::{collections::BTreeSet, vec, vec::Vec};

use super::{
    checkpoints::SignedCheckpoint,
    file::{Evidence, Reference},
    place::{ErasedPlace, Place, Referrer, Spot, Table},
    refusal::Refusal,
};
use crate::{
    entry::{Entry, EntryKind},
    hash::Hash,
    merkle,
};

/// Every reference is in range, and nothing lies in the file that is not referred to.
pub(super) fn check_references(evidence: &Evidence) -> Result<(), Refusal> {
    let mut checkpoints = Uses::new(Table::Checkpoints, evidence.checkpoints.len());
    for (position, entry) in evidence.entries.iter().enumerate() {
        checkpoints.mark(entry.checkpoint, Referrer::Row(Table::Entries, position))?;
    }
    for (position, rollup) in evidence.rollups.iter().enumerate() {
        checkpoints.mark(rollup.checkpoint, Referrer::Row(Table::Rollups, position))?;
    }
    // A roll-up stands for itself: whether an anchor refers to it or not, it is a fact.
    let mut rollups = Uses::new(Table::Rollups, evidence.rollups.len());
    for (position, anchor) in evidence.anchors.iter().enumerate() {
        rollups.mark(anchor.rollup, Referrer::Row(Table::Anchors, position))?;
    }
    let mut entries = Uses::new(Table::Entries, evidence.entries.len());
    for (table, list) in [(Table::Firm, &evidence.firm), (Table::Registry, &evidence.registry)] {
        for (position, reference) in list.iter().enumerate() {
            entries.mark(*reference, Referrer::Row(table, position))?;
        }
        let falls = list.windows(2).position(|pair| matches!(pair, [a, b] if a >= b));
        if let Some(before) = falls {
            return Err(Refusal::TableOrder { table, position: before + 1 });
        }
    }
    for (item, entry) in evidence.items.iter().enumerate() {
        for (event, proof) in entry.events.iter().enumerate() {
            entries.mark(proof.entry, Referrer::Event(Place { item, event }))?;
        }
        for (erased, proof) in entry.erased.iter().enumerate() {
            let from = Referrer::Erased(ErasedPlace { item, erased });
            entries.mark(proof.entry, from)?;
            entries.mark(proof.erasure, from)?;
        }
    }
    entries.check_all_used()?;
    checkpoints.check_all_used()
}

/// There are items, each with events and none twice.
pub(super) fn check_items(evidence: &Evidence) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for (item, entry) in evidence.items.iter().enumerate() {
        if entry.events.is_empty() {
            return Err(Refusal::NoEvents { item });
        }
        if !seen.insert((&entry.issuer, entry.document)) {
            return Err(Refusal::ItemRepeated { item });
        }
    }
    if seen.is_empty() { Err(Refusal::NoItems {}) } else { Ok(()) }
}

struct Uses {
    table: Table,
    used: Vec<bool>,
}

impl Uses {
    fn new(table: Table, size: usize) -> Self {
        Self { table, used: vec![false; size] }
    }

    fn mark(&mut self, reference: Reference, from: Referrer) -> Result<(), Refusal> {
        let beyond = Refusal::ReferenceOutOfRange { from, table: self.table };
        *self.used.get_mut(reference.0).ok_or(beyond)? = true;
        Ok(())
    }

    fn check_all_used(&self) -> Result<(), Refusal> {
        match self.used.iter().position(|used| !used) {
            Some(position) => Err(Refusal::Unreferenced { table: self.table, position }),
            None => Ok(()),
        }
    }
}

/// Reads the entries, and checks that each is of the kind for which it is referred to.
pub(super) fn read_entries(evidence: &Evidence) -> Result<Vec<Entry>, Refusal> {
    let mut entries = Vec::with_capacity(evidence.entries.len());
    for (position, row) in evidence.entries.iter().enumerate() {
        let entry = Entry::parse(row.text.as_bytes())
            .map_err(|source| Refusal::EntryText { entry: position, source })?;
        if matches!(entry.kind, EntryKind::Unknown(_)) {
            return Err(Refusal::EntryKindUnknown { entry: position });
        }
        entries.push(entry);
    }
    let events = evidence.items.iter().flat_map(|item| &item.events).map(|event| event.entry);
    check_kind(&entries, evidence.firm.iter().copied(), &EntryKind::Firm, "firm")?;
    check_kind(&entries, evidence.registry.iter().copied(), &EntryKind::Registry, "registry")?;
    let erased = || evidence.items.iter().flat_map(|item| &item.erased);
    let submissions = events.chain(erased().map(|event| event.entry));
    check_kind(&entries, submissions, &EntryKind::Submission, "submission")?;
    check_kind(&entries, erased().map(|event| event.erasure), &EntryKind::Erasure, "erasure")?;
    Ok(entries)
}

fn check_kind(
    entries: &[Entry],
    mut references: impl Iterator<Item = Reference>,
    kind: &EntryKind,
    expected: &'static str,
) -> Result<(), Refusal> {
    let is_other = |r: &Reference| entries.get(r.0).is_none_or(|entry| entry.kind != *kind);
    match references.find(is_other) {
        Some(Reference(entry)) => Err(Refusal::EntryKind { entry, expected }),
        None => Ok(()),
    }
}

/// The hash of each entry's leaf.
pub(super) fn hash_entries(evidence: &Evidence) -> Vec<Hash> {
    evidence.entries.iter().map(|row| Hash::leaf(row.text.as_bytes())).collect()
}

/// Every entry, with the hash of its leaf, stands in the tree of its checkpoint (RFC 6962 section 2.1.1).
pub(super) fn prove_entries(
    evidence: &Evidence,
    hashes: &[Hash],
    checkpoints: &[SignedCheckpoint],
) -> Result<(), Refusal> {
    for (entry, (row, leaf)) in evidence.entries.iter().zip(hashes).enumerate() {
        let from = Referrer::Row(Table::Entries, entry);
        let beyond = Refusal::ReferenceOutOfRange { from, table: Table::Checkpoints };
        let tree = &checkpoints.get(row.checkpoint.0).ok_or(beyond)?.checkpoint;
        merkle::verify_inclusion(leaf, row.index, tree.size, &row.path, &tree.root)
            .map_err(|source| Refusal::EntryProof { entry, source })?;
    }
    Ok(())
}

/// Each checkpoint is a prefix of the next one: all are of one history (RFC 6962 section 2.1.2).
pub(super) fn prove_history(
    evidence: &Evidence,
    checkpoints: &[SignedCheckpoint],
) -> Result<(), Refusal> {
    let (expected, found) = (checkpoints.len().saturating_sub(1), evidence.consistency.len());
    if expected != found {
        return Err(Refusal::ConsistencyCount { expected, found });
    }
    let pairs = checkpoints.iter().zip(checkpoints.iter().skip(1));
    for (position, ((old, new), path)) in pairs.zip(&evidence.consistency).enumerate() {
        let proof = Spot::Row(Table::Consistency, position);
        let (old, new) = (&old.checkpoint, &new.checkpoint);
        merkle::verify_consistency((old.size, &old.root), (new.size, &new.root), path)
            .map_err(|source| Refusal::ConsistencyProof { proof, source })?;
    }
    Ok(())
}

/// Indexes rise, times of receipt do not fall, and the registry sequence counts the registry changes before.
pub(super) fn check_order(evidence: &Evidence, entries: &[Entry]) -> Result<(), Refusal> {
    let mut before: Option<(u64, &Entry)> = None;
    for (position, (row, entry)) in evidence.entries.iter().zip(entries).enumerate() {
        let index = row.index.0;
        // Between two entries there can be no more registry changes than places.
        let (floor, most) = match before {
            None => (0, index),
            Some((last, old)) if index <= last => {
                let is_fork = index == last && old != entry;
                return Err(if is_fork {
                    Refusal::EntryFork { entry: position }
                } else {
                    Refusal::TableOrder { table: Table::Entries, position }
                });
            }
            Some((last, old)) => {
                let counted = u64::from(old.kind == EntryKind::Registry);
                let floor = old.registry_sequence + counted;
                (floor, floor + (index - last - 1))
            }
        };
        if before.is_some_and(|(_, old)| entry.received_at < old.received_at) {
            return Err(Refusal::ReceivedBackwards { entry: position });
        }
        if !(floor..=most).contains(&entry.registry_sequence) {
            return Err(Refusal::RegistrySequence { entry: position });
        }
        before = Some((index, entry));
    }
    Ok(())
}
