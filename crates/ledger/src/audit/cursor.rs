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

/// What a search has spent, in units of about a microsecond, and when that is enough.
#[derive(Debug)]
pub(super) struct Spent {
    pub(super) micros: u64,
    pub(super) most: u64,
}

impl Spent {
    pub(super) fn is_enough(&self) -> bool {
        self.micros > self.most
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
            spent.micros += STEP;
            let rest = self.block.get(self.at..).unwrap_or_default();
            self.at += rest.partition_point(|posting| posting.index < target);
            if let Some(posting) = self.current() {
                return Ok(Some(posting.index));
            }
            if self.is_at_end {
                return Ok(None);
            }
            spent.micros += SEEK;
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

/// The zones in which some areas have something, walked together.
pub(super) struct Zones<'a>(Vec<ZonesOf<'a>>);

/// Those of one area.
struct ZonesOf<'a> {
    cursor: Cursor<'a>,
    area: Area,
    current: Option<(u64, Span)>,
    is_at_end: bool,
}

impl<'a> Zones<'a> {
    pub(super) fn of(store: &'a Store, areas: &[Area]) -> Result<Self, StoreError> {
        let of_area = |area: &Area| {
            let cursor = store.cursor(family::AUDIT, Some(&zone_key(*area, u64::MAX)))?;
            Ok(ZonesOf { cursor, area: *area, current: None, is_at_end: false })
        };
        areas.iter().map(of_area).collect::<Result<_, StoreError>>().map(Self)
    }

    /// The first zone at or after `target` in which one of the spans is as it should be; or one before it, if it was
    /// enough to spend to come there.
    pub(super) fn seek(
        &mut self,
        mut target: u64,
        is_right: impl Fn(Span) -> bool,
        spent: &mut Spent,
    ) -> Result<Option<u64>, StoreError> {
        loop {
            let mut first: Option<u64> = None;
            for zones in &mut self.0 {
                first = first.into_iter().chain(zones.seek(target, spent)?).min();
            }
            let Some(zone) = first else { return Ok(None) };
            let spans = self.0.iter().filter_map(|zones| zones.current);
            let fits = spans.filter(|(of, _)| *of == zone).any(|(_, span)| is_right(span));
            if fits || spent.is_enough() {
                return Ok(Some(zone));
            }
            target = zone + 1;
        }
    }
}

impl ZonesOf<'_> {
    fn seek(&mut self, target: u64, spent: &mut Spent) -> Result<Option<u64>, StoreError> {
        spent.micros += STEP;
        let at = self.current.map(|(zone, _)| zone);
        if self.is_at_end || at.is_some_and(|zone| zone >= target) {
            return Ok(at);
        }
        self.current = if at.is_some_and(|zone| zone + 1 == target) {
            zone(self.area, self.cursor.advance()?)?
        } else {
            spent.micros += SEEK;
            zone(self.area, self.cursor.seek(&zone_key(self.area, target))?)?
        };
        self.is_at_end = self.current.is_none();
        Ok(self.current.map(|(zone, _)| zone))
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
            spent.micros += SEEK;
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

#[cfg(test)]
mod tests {
    use rocksdb::Cache;
    use witness_core::name::Origin;

    use super::*;
    use crate::audit::cells::encode_zone;

    #[test]
    fn zones_of_several_areas_are_walked_together_and_none_that_fits_is_passed_by() {
        let folder = tempfile::TempDir::new().unwrap();
        let origin = Origin::parse("witness.example/log1").unwrap();
        let store = Store::open(folder.path(), &origin, &Cache::new_lru_cache(1 << 20)).unwrap();
        let areas = [1, 2, 3].map(Area::stream);
        // When each area's zones have something: in the year of the number.
        let years = [vec![(0, 7), (1, 5), (4, 5), (6, 7)], vec![(2, 7), (4, 7), (5, 5)], vec![]];
        let mut put = Vec::new();
        for (area, years) in areas.iter().zip(&years) {
            for (zone, year) in years {
                let span = Span { earliest: *year, latest: *year };
                put.push((zone_key(*area, *zone), encode_zone(span)));
            }
        }
        store.write_index(&store.index_turn(), &put).unwrap();
        for (year, target, most) in [5, 6, 7]
            .into_iter()
            .flat_map(|year| (0..8).map(move |target| (year, target)))
            .flat_map(|(year, target)| [(year, target, u64::MAX), (year, target, 0)])
        {
            let mut spent = Spent { micros: 0, most };
            let mut zones = Zones::of(&store, &areas).unwrap();
            let is_right = |span: Span| span.earliest == year;
            let mut found = zones.seek(target, is_right, &mut spent).unwrap();
            let all = || years.iter().flatten().filter(|(zone, _)| *zone >= target);
            let fits = all().filter(|(_, of)| *of == year).map(|(zone, _)| *zone).min();
            if most == 0 {
                // It is enough at the first zone, whatever it has.
                assert_eq!(found, all().map(|(zone, _)| *zone).min());
                spent.most = u64::MAX;
                found = zones.seek(target, is_right, &mut spent).unwrap();
            }
            assert_eq!(found, fits, "{year} {target}");
        }
    }
}
