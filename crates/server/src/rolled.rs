//! Roll-ups as they concern one log, kept ready: evidence of all that one roll-up covers has it in common.
//!
//! What must hold: what is kept never changes. Roll-ups and published checkpoints are only appended, a log does not
//! shrink from one roll-up to the next, and of the roll-ups over one checkpoint the first one counts. Nothing of an
//! event is in them, so nothing has to be forgotten when one is erased.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use quick_cache::sync::Cache;
use witness_core::{
    evidence::RollUpProof,
    merkle::{LeafIndex, TreeSize},
    rollup::{Contract, RollUpTree},
};
use witness_ledger::{FirmStore, Log, ReadError, StoreError};

/// Roll-ups that are kept ready, a few thousand bytes each.
const ROLLED_KEPT: usize = 1024;
/// Ranges of entries, of each log, whose first roll-up is known.
const RANGES_KEPT: usize = 1024;

/// A roll-up as it concerns one log.
pub(crate) struct Rolled {
    pub(crate) proof: RollUpProof,
    /// Size of the log's checkpoint in it.
    pub(crate) size: TreeSize,
    /// The contracts that it names.
    pub(crate) contracts: Vec<Contract>,
}

/// The roll-ups of all logs, as far as they were asked for.
pub(crate) struct KnownRollUps {
    rolled: Cache<(usize, u64), Arc<Rolled>>,
    ranges: RwLock<Ranges>,
}

impl KnownRollUps {
    pub(crate) fn new() -> Self {
        Self { rolled: Cache::new(ROLLED_KEPT), ranges: RwLock::default() }
    }

    /// The first roll-up over an entry of a log, which has this number among the firm's logs.
    pub(crate) fn first_over(
        &self,
        store: &FirmStore,
        (number, log): (usize, &Log),
        index: LeafIndex,
    ) -> Result<Option<u64>, ReadError> {
        let known = self.ranges.read().unwrap_or_else(PoisonError::into_inner).first(number, index);
        if known.is_some() {
            return Ok(known);
        }
        let Some(first) = store.rollup_over(log.origin(), index)? else { return Ok(None) };
        if let Some(rolled) = self.rolled(store, (number, log), first)? {
            let mut ranges = self.ranges.write().unwrap_or_else(PoisonError::into_inner);
            ranges.learn((number, rolled.size), index, first);
        }
        Ok(Some(first))
    }

    /// A roll-up, with the way to this log's checkpoint; `None` if it does not cover the log.
    pub(crate) fn rolled(
        &self,
        store: &FirmStore,
        (number, log): (usize, &Log),
        sequence: u64,
    ) -> Result<Option<Arc<Rolled>>, ReadError> {
        if let Some(known) = self.rolled.get(&(number, sequence)) {
            return Ok(Some(known));
        }
        let rolled = read(store, log, sequence)?.map(Arc::new);
        if let Some(rolled) = &rolled {
            self.rolled.insert((number, sequence), Arc::clone(rolled));
        }
        Ok(rolled)
    }
}

fn read(store: &FirmStore, log: &Log, sequence: u64) -> Result<Option<Rolled>, ReadError> {
    let damaged = || StoreError::Damaged { what: "roll-up" };
    let cell = store.rollup(sequence)?.ok_or_else(damaged)?;
    let Some((index, checkpoint)) = cell.checkpoint_of(log.origin()) else {
        return Ok(None);
    };
    let contracts = cell.text().ok_or_else(damaged)?.contracts;
    let tree = RollUpTree::new(cell.checkpoints.iter().map(String::as_str));
    let path = tree.ok().and_then(|tree| tree.path(index)).ok_or_else(damaged)?;
    let signed = log.checkpoint(checkpoint.size)?;
    let signed = String::from_utf8(signed).map_err(|_why| damaged())?;
    let proof = RollUpProof { checkpoint: signed, index, note: cell.note, path };
    Ok(Some(Rolled { proof, size: checkpoint.size, contracts }))
}

/// Which roll-up is the first over an entry, by the log and the size of its checkpoint in it. It is so, too, for every
/// later entry that this checkpoint covers.
#[derive(Debug, Default)]
struct Ranges(BTreeMap<usize, BTreeMap<TreeSize, (LeafIndex, u64)>>);

impl Ranges {
    /// The first roll-up over an entry of a log, if that is known.
    fn first(&self, log: usize, index: LeafIndex) -> Option<u64> {
        let mut above = self.0.get(&log)?.range(TreeSize(index.0.saturating_add(1))..);
        let (_, (lowest, sequence)) = above.next()?;
        (*lowest <= index).then_some(*sequence)
    }

    /// That a roll-up, in which a log has a checkpoint of this size, is the first over an entry of it.
    fn learn(&mut self, (log, size): (usize, TreeSize), index: LeafIndex, sequence: u64) {
        let of_log = self.0.entry(log).or_default();
        let (lowest, _) = of_log.entry(size).or_insert((index, sequence));
        *lowest = index.min(*lowest);
        if of_log.len() > RANGES_KEPT {
            // The oldest: what is new is asked for more often.
            of_log.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes of two logs' checkpoints, with the numbers of the roll-ups over them.
    const SIZES: [&[(u64, u64)]; 2] = [&[(3, 0), (7, 2), (12, 3)], &[(1, 1), (9, 3)]];

    fn first(log: usize, index: u64) -> Option<(TreeSize, u64)> {
        let above = SIZES[log].iter().find(|(size, _)| *size > index);
        above.map(|(size, sequence)| (TreeSize(*size), *sequence))
    }

    #[test]
    fn what_is_known_is_what_would_be_found_whatever_was_asked_for_before() {
        let asked: Vec<(usize, u64)> =
            (0..2).flat_map(|log| (0..13).map(move |n| (log, n))).collect();
        for seed in 0..asked.len() {
            let (mut ranges, mut known) = (Ranges::default(), 0);
            for step in 0..asked.len() {
                let (log, index) = asked[(seed + step * 7) % asked.len()];
                let found = first(log, index);
                if let Some(sequence) = ranges.first(log, LeafIndex(index)) {
                    assert_eq!(
                        Some(sequence),
                        found.map(|(_, sequence)| sequence),
                        "{log} {index}"
                    );
                    known += 1;
                } else if let Some((size, sequence)) = found {
                    ranges.learn((log, size), LeafIndex(index), sequence);
                }
                for (log, index) in &asked {
                    let known = ranges.first(*log, LeafIndex(*index));
                    let found = first(*log, *index).map(|(_, sequence)| sequence);
                    assert!(known.is_none() || known == found, "{log} {index}: {known:?}");
                }
            }
            assert!(known > 0, "nothing was learnt");
            assert_eq!([0, 1].map(|log| ranges.0[&log].len()), SIZES.map(<[_]>::len));
        }
    }

    #[test]
    fn as_many_ranges_are_kept_as_are_allowed_and_they_are_the_newest() {
        let mut ranges = Ranges::default();
        for number in 0..3000 {
            ranges.learn((0, TreeSize(number * 10 + 10)), LeafIndex(number * 10), number);
            assert!(ranges.0[&0].len() <= RANGES_KEPT);
        }
        assert_eq!(ranges.first(0, LeafIndex(29_995)), Some(2999));
        assert_eq!(ranges.first(0, LeafIndex(5)), None);
        assert_eq!(ranges.first(1, LeafIndex(5)), None);
    }
}
