//! What the firm saw is logged as what it is, and the newest head of its access log is found again.

use witness_core::{
    entry::{Entry, EntryKind},
    hash::Hash,
    merkle::{self, LeafIndex},
    name::Domain,
    observation::{Method, Observation, Seen},
    receipt::Receipt,
    registry::Change,
};
use witness_ledger::Log;

use crate::bench_firm::{Bench, ISSUER, ORIGIN, wait};

/// The entry of a receipt, which must be in the tree that the receipt names.
fn logged(log: &Log, receipt: &Receipt) -> Entry {
    let text = log.entry(receipt.index).unwrap();
    let checkpoint = witness_core::checkpoint::Checkpoint::parse(receipt.checkpoint.text());
    let (leaf, checkpoint) = (Hash::leaf(&text), checkpoint.unwrap());
    let (size, root) = (checkpoint.size, checkpoint.root);
    merkle::verify_inclusion(&leaf, receipt.index, size, &receipt.path, &root).unwrap();
    Entry::parse(&text).unwrap()
}

#[test]
fn an_observation_is_logged_and_bound_to_its_log() {
    let bench = Bench::new();
    let log = bench.open();
    let issuer = Domain::parse(ISSUER).unwrap();
    let seen = Seen::Domain { issuer, method: Method::Dns, challenge: Hash::of(b"challenge") };
    let receipt = wait(log.observe(seen.clone())).unwrap().receipt;
    let entry = logged(&log, &receipt);
    assert_eq!(entry.kind, EntryKind::Observation);
    let observation = Observation::parse(&entry.body).unwrap();
    assert_eq!((observation.origin.as_str(), observation.seen), (ORIGIN, seen));
    assert_eq!(log.newest_access_head().unwrap(), None);
}

#[test]
fn what_a_registry_change_rests_on_is_logged_right_before_it_and_not_without_it() {
    let bench = Bench::new();
    let log = bench.open();
    let add = |domain: &str, seen: &Seen| {
        let issuer = Domain::parse(domain).unwrap();
        let change = log.overview().registry.draft(Change::IssuerAdded { issuer });
        wait(log.register_seen(change.encode(), Vec::new(), seen.clone()))
    };
    let seen = |domain| Seen::Domain {
        issuer: Domain::parse(domain).unwrap(),
        method: Method::Https,
        challenge: Hash::of(b"challenge"),
    };
    let size = log.overview().size.0;
    let receipt = add("new.example", &seen("new.example")).unwrap().receipt;
    assert_eq!((receipt.index.0, log.overview().size.0), (size + 1, size + 2));
    assert_eq!(logged(&log, &receipt).kind, EntryKind::Registry);
    let before = Entry::parse(&log.entry(LeafIndex(size)).unwrap()).unwrap();
    assert_eq!(Observation::parse(&before.body).unwrap().seen, seen("new.example"));
    // The name is taken by now: nothing is said about the second one.
    let refused = add("new.example", &seen("new.example")).unwrap_err();
    assert_eq!((refused.reason(), log.overview().size.0), ("REGISTRY_REFUSED", size + 2));
}

#[test]
fn the_newest_head_of_the_access_log_is_found_again_after_a_restart() {
    let bench = Bench::new();
    let log = bench.open();
    let mut last = None;
    for records in [3, 7] {
        let head = Hash::of(&[u8::try_from(records).unwrap()]);
        let receipt = wait(log.observe(Seen::AccessLog { records, head })).unwrap().receipt;
        last = Some((receipt.received_at, records, head));
        assert_eq!(log.newest_access_head().unwrap(), last);
    }
    drop(log);
    assert_eq!(bench.open().newest_access_head().unwrap(), last);
}
