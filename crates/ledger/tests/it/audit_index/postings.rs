//! The index as it lies in the store, read and written by nobody's code but this.

use std::{collections::BTreeSet, path::Path};

use rocksdb::{DB, IteratorMode, Options};

const FAMILY: &str = "audit";

fn open(store: &Path) -> DB {
    let options = Options::default();
    let families = DB::list_cf(&options, store).unwrap();
    DB::open_cf(&options, store, families).unwrap()
}

/// Each list with each event that is in it: index and number.
pub(super) fn all(store: &Path) -> BTreeSet<(Vec<u8>, u64, u64)> {
    let db = open(store);
    let mut postings = BTreeSet::new();
    for pair in db.iterator_cf(db.cf_handle(FAMILY).unwrap(), IteratorMode::Start) {
        let (key, value) = pair.unwrap();
        let Some(key) = key.strip_prefix(b"t") else { continue };
        let (of_list, index) = key.split_at(17);
        let last = u64::from_be_bytes(index.try_into().unwrap());
        let mut numbers = numbers(&value).into_iter();
        while let Some(back) = numbers.next() {
            let mut event = 0;
            for _ in 0..numbers.next().unwrap() {
                event += numbers.next().unwrap();
                let end = event + numbers.next().unwrap() + 1;
                postings.extend((event..end).map(|event| (of_list.to_vec(), last - back, event)));
                event = end;
            }
        }
    }
    postings
}

/// Rows of submissions and spans of zones.
pub(super) fn times(store: &Path) -> Vec<[Box<[u8]>; 2]> {
    let db = open(store);
    let pairs = db.iterator_cf(db.cf_handle(FAMILY).unwrap(), IteratorMode::Start);
    let is_time = |key: &[u8]| key.starts_with(b"r") || key.starts_with(b"z");
    let pairs = pairs.map(Result::unwrap).filter(|(key, _)| is_time(key));
    pairs.map(|(key, value)| [key, value]).collect()
}

/// Numbers in groups of seven bits, the lowest first, all but the last with the high bit set (LEB128).
fn numbers(bytes: &[u8]) -> Vec<u64> {
    let (mut numbers, mut number, mut shift) = (Vec::new(), 0, 0);
    for byte in bytes {
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(number);
            (number, shift) = (0, 0);
        }
    }
    numbers
}

/// Puts one event on each of so many days, from the epoch on, of so many streams.
pub(super) fn put_days(store: &Path, streams: u32, days: u32) {
    let db = open(store);
    let audit = db.cf_handle(FAMILY).unwrap();
    let counts: Vec<u8> = (0..33).flat_map(|n: u64| u64::from(n == 0).to_be_bytes()).collect();
    for (stream, day) in (0..streams).flat_map(|stream| (0..days).map(move |day| (stream, day))) {
        let key = [&b"d"[..], &stream.to_be_bytes(), &day.to_be_bytes()].concat();
        db.put_cf(audit, key, &counts).unwrap();
    }
}

/// Deletes the whole index.
pub(super) fn delete(store: &Path) {
    let db = open(store);
    let audit = db.cf_handle(FAMILY).unwrap();
    for pair in db.iterator_cf(audit, IteratorMode::Start) {
        db.delete_cf(audit, pair.unwrap().0).unwrap();
    }
}
