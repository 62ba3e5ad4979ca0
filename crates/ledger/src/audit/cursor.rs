//! Walking the index: postings of a term, of any of some terms, and the rows of submissions, all in log order,
//! each going straight to the first index at or after another one.

use super::{
    cells::{AFTER_ROWS, Row, Term},
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

/// What a search has spent.
#[derive(Debug, Default)]
pub(super) struct Spent {
    /// In units of about a microsecond.
    pub(super) micros: u64,
    /// How often it went to a key.
    pub(super) seeks: usize,
}

impl Spent {
    pub(super) fn seek(&mut self) {
        self.micros += SEEK;
        self.seeks += 1;
    }
}

/// Submissions that have a term, or any of some.
pub(super) enum Source<'a> {
    Term(Postings<'a>),
    /// Terms of whole submissions: all their events have them.
    AnyOf(Vec<Postings<'a>>),
}

impl<'a> Source<'a> {
    pub(super) fn term(store: &'a Store, term: Term) -> Result<Self, StoreError> {
        Postings::of(store, term).map(Self::Term)
    }

    pub(super) fn any_of(store: &'a Store, terms: &[Term]) -> Result<Self, StoreError> {
        terms
            .iter()
            .map(|term| Postings::of(store, *term))
            .collect::<Result<_, _>>()
            .map(Self::AnyOf)
    }

    /// How many lists of postings it walks.
    pub(super) fn lists(&self) -> usize {
        match self {
            Self::Term(_) => 1,
            Self::AnyOf(all) => all.len(),
        }
    }

    /// The first index at or after `target`.
    pub(super) fn seek(
        &mut self,
        target: u64,
        spent: &mut Spent,
    ) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Term(postings) => postings.seek(target, spent),
            Self::AnyOf(all) => {
                let mut first: Option<u64> = None;
                for postings in all {
                    let found = postings.seek(target, spent)?;
                    first = first.into_iter().chain(found).min();
                }
                Ok(first)
            }
        }
    }

    /// Which events of the submission that was found have the term; none if all have it.
    pub(super) fn events(&self) -> Option<&EventSet> {
        match self {
            Self::Term(postings) => postings.current().map(|posting| &posting.events),
            Self::AnyOf(_) => None,
        }
    }
}

/// The postings of one term.
pub(super) struct Postings<'a> {
    cursor: Cursor<'a>,
    term: Term,
    block: Vec<Posting>,
    at: usize,
    is_at_end: bool,
}

impl<'a> Postings<'a> {
    fn of(store: &'a Store, term: Term) -> Result<Self, StoreError> {
        let end = term.key(u64::MAX);
        let cursor = store.cursor(family::AUDIT, Some(&end))?;
        Ok(Self { cursor, term, block: Vec::new(), at: 0, is_at_end: false })
    }

    fn current(&self) -> Option<&Posting> {
        self.block.get(self.at)
    }

    fn seek(&mut self, target: u64, spent: &mut Spent) -> Result<Option<u64>, StoreError> {
        let mut target_key = target;
        loop {
            spent.micros += STEP;
            let rest = self.block.get(self.at..).unwrap_or_default();
            self.at += rest.partition_point(|posting| posting.index < target);
            if let Some(posting) = self.current() {
                return Ok(Some(posting.index));
            }
            if self.is_at_end {
                return Ok(None);
            }
            spent.seek();
            let damaged = || StoreError::Damaged { what: "block of postings" };
            self.block.clear();
            self.at = 0;
            match self.cursor.seek(&self.term.key(target_key))? {
                None => self.is_at_end = true,
                Some((key, value)) => {
                    let last = self.term.index_in(key).ok_or_else(damaged)?;
                    self.block = postings::decode(last, value).ok_or_else(damaged)?;
                    // What was erased at the end of a block is gone from it, and its key stays.
                    target_key = last + 1;
                }
            }
        }
    }
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
        spent.micros += STEP;
        match self.current {
            Some((index, _)) if index >= target => return Ok(self.current),
            // Most often it is the next one.
            Some((index, _)) if index + 1 == target => {
                self.current = row(self.cursor.advance()?)?;
            }
            _ => {}
        }
        if self.current.is_none_or(|(index, _)| index < target) {
            spent.seek();
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
    let Some((key, value)) = pair else { return Ok(None) };
    let row = Row::index_of(key).zip(Row::decode(value));
    row.map(Some).ok_or(StoreError::Damaged { what: "row of a submission" })
}
