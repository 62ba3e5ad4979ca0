//! Walking the index: lists of postings, zones, and the rows of submissions, all in log order, each going straight
//! to the first at or after another one.

use super::{
    cells::{AFTER_ROWS, Area, List, Row, Span, decode_zone, zone_in, zone_key},
    postings::{self, EventSet, Posting},
};
use crate::{
    cells::family,
    store::{Cursor, PairRef, Store, StoreError},
};

/// What it costs to look at something in memory, to go to a key, and to read a body cell, in units of about a
/// microsecond.
pub(super) const STEP: u64 = 1;
const SEEK: u64 = 8;
pub(super) const CELL: u64 = 24;

/// What a search has spent, in units of about a microsecond.
#[derive(Debug, Default)]
pub(super) struct Spent(pub(super) u64);

impl Spent {
    /// What one call may spend: a page that takes more ends there.
    const MAX: u64 = 30_000;

    pub(super) fn is_enough(&self) -> bool {
        self.0 > Self::MAX
    }
}

/// Submissions that are in any of some lists of postings. What is in two of them is the same in both.
pub(super) struct Source<'a>(Vec<Postings<'a>>);

impl<'a> Source<'a> {
    pub(super) fn any_of(store: &'a Store, lists: &[List]) -> Result<Self, StoreError> {
        lists.iter().map(|list| Postings::of(store, *list)).collect::<Result<_, _>>().map(Self)
    }

    /// The first index at or after `target`.
    pub(super) fn seek(
        &mut self,
        target: u64,
        spent: &mut Spent,
    ) -> Result<Option<u64>, StoreError> {
        let mut first: Option<u64> = None;
        for postings in &mut self.0 {
            let found = postings.seek(target, spent)?;
            first = first.into_iter().chain(found).min();
        }
        Ok(first)
    }

    /// Which events of the submission that was found are in the lists.
    pub(super) fn events(&self, index: u64) -> Option<&EventSet> {
        let current = self.0.iter().filter_map(Postings::current);
        current.filter(|posting| posting.index == index).map(|posting| &posting.events).next()
    }
}

/// The postings of one list.
pub(super) struct Postings<'a> {
    cursor: Cursor<'a>,
    list: List,
    block: Vec<Posting>,
    at: usize,
    is_at_end: bool,
}

impl<'a> Postings<'a> {
    fn of(store: &'a Store, list: List) -> Result<Self, StoreError> {
        let end = list.key(u64::MAX);
        let cursor = store.cursor(family::AUDIT, Some(&end))?;
        Ok(Self { cursor, list, block: Vec::new(), at: 0, is_at_end: false })
    }

    fn current(&self) -> Option<&Posting> {
        self.block.get(self.at)
    }

    fn seek(&mut self, target: u64, spent: &mut Spent) -> Result<Option<u64>, StoreError> {
        let mut target_key = target;
        loop {
            spent.0 += STEP;
            let rest = self.block.get(self.at..).unwrap_or_default();
            self.at += rest.partition_point(|posting| posting.index < target);
            if let Some(posting) = self.current() {
                return Ok(Some(posting.index));
            }
            if self.is_at_end {
                return Ok(None);
            }
            spent.0 += SEEK;
            let damaged = || StoreError::Damaged { what: "block of postings" };
            self.block.clear();
            self.at = 0;
            match self.cursor.seek(&self.list.key(target_key))? {
                None => self.is_at_end = true,
                Some((key, value)) => {
                    let last = self.list.index_in(key).ok_or_else(damaged)?;
                    self.block = postings::decode(last, value).ok_or_else(damaged)?;
                    // What was erased at the end of a block is gone from it, and its key stays.
                    target_key = last + 1;
                }
            }
        }
    }
}

/// The zones in which an area has something.
pub(super) struct Zones<'a> {
    cursor: Cursor<'a>,
    area: Area,
    current: Option<(u64, Span)>,
}

impl<'a> Zones<'a> {
    pub(super) fn of(store: &'a Store, area: Area) -> Result<Self, StoreError> {
        let cursor = store.cursor(family::AUDIT, Some(&zone_key(area, u64::MAX)))?;
        Ok(Self { cursor, area, current: None })
    }

    /// The first zone at or after `target`, which must not be below the one that was found last, whose span is as it
    /// should be; or one before it, if that was enough to spend.
    pub(super) fn seek(
        &mut self,
        target: u64,
        is_right: impl Fn(Span) -> bool,
        spent: &mut Spent,
    ) -> Result<Option<u64>, StoreError> {
        if self.current.is_none_or(|(zone, _)| zone < target) {
            spent.0 += SEEK;
            self.current = zone(self.area, self.cursor.seek(&zone_key(self.area, target))?)?;
        }
        while let Some((found, span)) = self.current {
            if is_right(span) || spent.is_enough() {
                return Ok(Some(found));
            }
            spent.0 += STEP;
            self.current = zone(self.area, self.cursor.advance()?)?;
        }
        Ok(None)
    }
}

fn zone(area: Area, pair: Option<PairRef<'_>>) -> Result<Option<(u64, Span)>, StoreError> {
    let Some((key, value)) = pair else { return Ok(None) };
    let zone = zone_in(area, key).zip(decode_zone(value));
    zone.map(Some).ok_or(StoreError::Damaged { what: "zone" })
}

/// The rows of submissions.
pub(super) struct Rows<'a> {
    cursor: Cursor<'a>,
    current: Option<(u64, Row)>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(store: &'a Store) -> Result<Self, StoreError> {
        let cursor = store.cursor(family::AUDIT, Some(AFTER_ROWS))?;
        Ok(Self { cursor, current: None })
    }

    /// The first submission at or after an index, which must not be below the one that was found last.
    pub(super) fn seek(
        &mut self,
        target: u64,
        spent: &mut Spent,
    ) -> Result<Option<(u64, Row)>, StoreError> {
        spent.0 += STEP;
        match self.current {
            Some((index, _)) if index >= target => return Ok(self.current),
            // Most often it is the next one.
            Some((index, _)) if index + 1 == target => {
                self.current = row(self.cursor.advance()?)?;
            }
            _ => {}
        }
        if self.current.is_none_or(|(index, _)| index < target) {
            spent.0 += SEEK;
            self.current = row(self.cursor.seek(&Row::key(target))?)?;
        }
        Ok(self.current)
    }

    /// The first index below `end` of a submission that was received at or after a time; `end` if there is none.
    pub(super) fn first_received(
        &mut self,
        end: u64,
        is_before: impl Fn(&Row) -> bool,
    ) -> Result<u64, StoreError> {
        let (mut low, mut high) = (0, end);
        while low < high {
            let middle = low + (high - low) / 2;
            match row(self.cursor.seek(&Row::key(middle))?)? {
                Some((index, row)) if index < high && is_before(&row) => low = index + 1,
                _ => high = middle,
            }
        }
        self.current = None;
        Ok(low)
    }
}

fn row(pair: Option<PairRef<'_>>) -> Result<Option<(u64, Row)>, StoreError> {
    pair.map(read_row).transpose()
}

/// Index and row of a submission.
pub(super) fn read_row((key, value): PairRef<'_>) -> Result<(u64, Row), StoreError> {
    let row = Row::index_of(key).zip(Row::decode(value));
    row.ok_or(StoreError::Damaged { what: "row of a submission" })
}
