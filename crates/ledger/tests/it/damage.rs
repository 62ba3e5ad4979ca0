//! Damage to what is stored: opening finds it at the right edge, and nothing is served over it.

use rocksdb::{DB, Options};
use witness_ledger::OpenError;

use crate::bench_firm::{Bench, Client, submit, wait};

/// Changes one stored value under the closed log; `change` gets key and value.
fn alter(bench: &Bench, family: &str, change: impl Fn(&[u8], &mut Vec<u8>) -> bool) {
    let path = bench.store();
    let families = DB::list_cf(&Options::default(), &path).unwrap();
    let db = DB::open_cf(&Options::default(), &path, families).unwrap();
    let handle = db.cf_handle(family).unwrap();
    let mut altered = 0;
    for pair in db.iterator_cf(handle, rocksdb::IteratorMode::Start) {
        let (key, value) = pair.unwrap();
        let mut value = value.into_vec();
        if change(&key, &mut value) {
            db.put_cf(handle, key, value).unwrap();
            altered += 1;
        }
    }
    assert_eq!(altered, 1, "the test must alter one value");
}

fn bench_of(entries: u64) -> Bench {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    for _ in 0..entries {
        wait(submit(&log, &client.fresh(1))).unwrap();
    }
    drop(log);
    bench
}

fn assert_refused(bench: &Bench, what: &str) {
    match bench.try_open_at(&bench.store()) {
        Err(OpenError::Unverified { .. } | OpenError::Store(_)) => {}
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what}: opened as if nothing were wrong"),
    }
}

#[test]
fn every_flipped_bit_of_the_tile_at_the_edge_is_found() {
    let bench = bench_of(2);
    for bit in (0..7 * 256).step_by(37) {
        let flip = |value: &mut Vec<u8>| value[bit / 8] ^= 1 << (bit % 8);
        let is_edge = |key: &[u8]| key == [0; 9];
        alter(&bench, "tile", |key, value| {
            flip(value);
            is_edge(key)
        });
        assert_refused(&bench, &format!("bit {bit}"));
        alter(&bench, "tile", |key, value| {
            flip(value);
            is_edge(key)
        });
    }
    drop(bench.open());
}

#[test]
fn an_altered_entry_is_found_and_so_is_an_altered_checkpoint_or_head() {
    let last = |key: &[u8]| key == 6u64.to_be_bytes();
    let bench = bench_of(2);
    alter(&bench, "entry", |key, value| {
        value.push(b'\n');
        last(key)
    });
    assert_refused(&bench, "entry");
    let bench = bench_of(2);
    alter(&bench, "checkpoint", |key, value| {
        let end = value.len() - 8;
        value[end] ^= 1;
        key.first() == Some(&b'r') && key.ends_with(&7u64.to_be_bytes())
    });
    assert_refused(&bench, "receipt checkpoint");
    let bench = bench_of(2);
    alter(&bench, "default", |key, value| {
        value[7] ^= 1;
        key == b"head"
    });
    assert_refused(&bench, "head");
}

#[test]
fn a_full_tile_that_does_not_carry_its_parent_is_found() {
    let bench = bench_of(270);
    alter(&bench, "tile", |key, value| {
        value[20] ^= 1;
        key == [0; 9]
    });
    assert_refused(&bench, "full tile");
}
