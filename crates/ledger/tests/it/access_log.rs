//! The access log: records are chained and found again, and what was done to them behind our back is found.

use std::{path::Path, thread};

use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use witness_core::{
    access_record::{Access, AccessRecord, Chain, ChainError, Filter, Printable, Role},
    hash::Hash,
    key::{SignatureType, SigningKey},
    time::Timestamp,
};
use witness_ledger::{FirmStore, StoreError};

fn open(folder: &Path) -> FirmStore {
    let key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[9; 32]).unwrap();
    FirmStore::open(folder, key.verifying_key()).unwrap()
}

fn asked(results: u64) -> Access {
    Access {
        at: Timestamp::from_micros(results),
        caller: Printable::parse("operator").unwrap(),
        role: Role::Operator,
        method: Printable::parse("AdminService.GetRegistry").unwrap(),
        results: Some(results),
        filter: Filter::of("origin=witness.example/log1"),
    }
}

/// Reads all records, each going on from the one before.
fn read(store: &FirmStore) -> Result<Chain, ChainError> {
    let mut chain = Chain::new();
    for (_, text) in store.access_records(0, usize::MAX).unwrap() {
        chain.follow(&text)?;
    }
    Ok(chain)
}

#[test]
fn records_are_chained_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.access_head().unwrap(), (0, Hash::ZERO));
    assert_eq!(store.append_access(vec![asked(0)]).unwrap(), 0);
    assert_eq!(store.append_access(vec![asked(1), asked(2), asked(3)]).unwrap(), 1);
    assert_eq!(store.append_access(Vec::new()).unwrap(), 4);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.append_access(vec![asked(4)]).unwrap(), 4);
    let chain = read(&store).unwrap();
    assert_eq!(store.access_head().unwrap(), (5, chain.head()));
    let page = store.access_records(2, 2).unwrap();
    assert_eq!(page.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3]);
    let second = AccessRecord::parse(&page[0].1).unwrap();
    assert_eq!((second.number, second.access), (2, asked(2)));
    assert!(store.access_records(5, 9).unwrap().is_empty());
}

#[test]
fn callers_at_once_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..20 {
                    store.append_access(vec![asked(thread * 100 + number); 2]).unwrap();
                }
            });
        }
    });
    assert_eq!(read(&store).unwrap().records(), 320);
}

/// Five records, then something is done to the stored ones by who knows RocksDB.
fn tampered(tamper: impl FnOnce(&DB, &dyn Fn(u64) -> Vec<u8>)) -> FirmStore {
    let folder = tempfile::tempdir().unwrap().keep();
    let store = open(&folder);
    store.append_access((0..5).map(asked).collect()).unwrap();
    drop(store);
    let names = DB::list_cf(&Options::default(), &folder).unwrap();
    let families =
        names.into_iter().map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    let db = DB::open_cf_descriptors(&Options::default(), &folder, families).unwrap();
    let family = db.cf_handle("access").unwrap();
    tamper(&db, &|number| db.get_cf(family, number.to_be_bytes()).unwrap().unwrap());
    drop(db);
    let store = open(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    store
}

fn put(db: &DB, number: u64, text: &[u8]) {
    db.put_cf(db.cf_handle("access").unwrap(), number.to_be_bytes(), text).unwrap();
}

#[test]
fn a_record_that_was_changed_is_found_at_the_next_one() {
    let store = tampered(|db, text| {
        let changed = String::from_utf8(text(2)).unwrap().replace("GetRegistry 2", "GetRegistry 0");
        put(db, 2, changed.as_bytes());
    });
    assert_eq!(read(&store).unwrap_err(), ChainError::Previous { number: 3 });
}

#[test]
fn a_record_that_was_taken_out_or_put_in_is_found() {
    let store = tampered(|db, _| {
        db.delete_cf(db.cf_handle("access").unwrap(), 2_u64.to_be_bytes()).unwrap();
    });
    assert_eq!(read(&store).unwrap_err(), ChainError::Number { expected: 2, found: 3 });
    // All later ones moved up by one.
    let store = tampered(|db, text| {
        let moved: Vec<_> = (2..5).map(text).collect();
        put(db, 2, &Chain::new().append(asked(9)).into_bytes());
        (3..).zip(moved).for_each(|(number, text)| put(db, number, &text));
    });
    assert_eq!(read(&store).unwrap_err(), ChainError::Number { expected: 2, found: 0 });
}

#[test]
fn what_was_cut_off_at_the_end_reads_well_and_is_not_what_the_head_was() {
    let whole = tampered(|_, _| {}).access_head().unwrap();
    let store = tampered(|db, _| {
        db.delete_cf(db.cf_handle("access").unwrap(), 4_u64.to_be_bytes()).unwrap();
    });
    let cut = read(&store).unwrap();
    assert_eq!((cut.records(), whole.0), (4, 5));
    // Written over, it has the same length and another head.
    store.append_access(vec![asked(7)]).unwrap();
    let head = store.access_head().unwrap();
    assert!(head.0 == whole.0 && head.1 != whole.1);
}

#[test]
fn nothing_is_appended_after_an_end_that_does_not_read() {
    let store = tampered(|db, _| put(db, 4, b"no record"));
    let refused = store.append_access(vec![asked(5)]).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    assert_eq!(store.access_records(5, 1).unwrap().len(), 0);
}
