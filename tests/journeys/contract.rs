//! The contract on a real chain: its tree is an RFC 6962 tree, its checks take every true proof and no other,
//! nobody can do more than their part, and what it costs does not creep.

mod log;

use std::fs;

use serde_json::{Value, json};
use witness_anchor::{
    alloy::{Address, B256, SolCall as _, SolError as _, hex},
    contract::WitnessAnchorLog as Contract,
};
use witness_core::{
    hash::Hash,
    merkle::{LeafIndex, leaves_path, leaves_root},
};
use witness_tests::{Anvil, tell, variable};

use self::log::{AnchorLog, COMMIT_GAS, DEPLOY_GAS, rollup, seq};

const SIZE: u64 = 300;
/// Trees up to this size are tried exhaustively.
const SMALL: usize = 20;

#[test]
fn its_root_is_that_of_rfc_6962_for_every_size_to_300() {
    let anvil = Anvil::start();
    let log = AnchorLog::deploy(&anvil);
    assert_eq!(log.head(), (0, 0, Hash::EMPTY_ROOT));
    let mut leaves = Vec::new();
    for number in 0..SIZE {
        let leaf = log.commit(number, rollup(number)).unwrap();
        let (size, time, root) = log.head();
        // The leaf that the event names is the one over number, time and roll-up.
        let entry = [&number.to_be_bytes()[..], &time.to_be_bytes(), &rollup(number).0].concat();
        assert_eq!(leaf, Hash::leaf(&entry), "entry {number}");
        leaves.push(leaf);
        assert_eq!((size, root), (number + 1, leaves_root(&leaves)), "size {size}");
    }
}

#[test]
fn every_true_proof_is_accepted_and_every_altered_one_refused() {
    let anvil = Anvil::start();
    let log = AnchorLog::deploy(&anvil);
    let leaves: Vec<Hash> =
        (0..SMALL).map(|n| Hash::leaf(format!("leaf {n}").as_bytes())).collect();
    for size in 1..=SMALL {
        let tree = &leaves[..size];
        let root = leaves_root(tree);
        for (index, leaf) in tree.iter().enumerate() {
            let path = leaves_path(tree, LeafIndex(index.try_into().unwrap())).unwrap();
            let holds = |leaf: &Hash, index: usize, size: usize, root: &Hash, path: &[Hash]| {
                log.verifies((leaf, index, size), root, path)
            };
            assert!(holds(leaf, index, size, &root, &path), "{index} of {size}");
            let other = Hash::of(b"another");
            assert!(!holds(&other, index, size, &root, &path));
            assert!(!holds(leaf, index, size, &other, &path));
            assert!(!holds(leaf, size, size, &root, &path));
            for position in 0..path.len() {
                let mut altered = path.clone();
                altered[position] = other;
                assert!(!holds(leaf, index, size, &root, &altered));
                altered.remove(position);
                assert!(!holds(leaf, index, size, &root, &altered));
            }
            let longer = [path.as_slice(), &[other]].concat();
            assert!(!holds(leaf, index, size, &root, &longer));
            for another in (0..size).filter(|another| *another != index) {
                assert!(
                    !holds(leaf, another, size, &root, &path),
                    "{index} as {another} of {size}"
                );
            }
        }
    }
}

#[test]
fn what_was_anchored_is_proved_with_its_time_against_the_state_for_ever() {
    let anvil = Anvil::start();
    let log = AnchorLog::deploy(&anvil);
    let mut times = Vec::new();
    let mut leaves = Vec::new();
    for number in 0..u64::try_from(SMALL).unwrap() {
        leaves.push(log.commit(number, rollup(number)).unwrap());
        times.push(log.head().1);
        for (index, time) in (0..).zip(&times) {
            let path = leaves_path(&leaves, LeafIndex(index)).unwrap();
            assert!(log.is_anchored(index, *time, rollup(index), &path), "{index} of {number}");
            assert!(!log.is_anchored(index, time + 1, rollup(index), &path));
            assert!(!log.is_anchored(index, time - 1, rollup(index), &path));
            assert!(!log.is_anchored(index, *time, rollup(index + 1), &path));
            assert!(!log.is_anchored(index + 1, *time, rollup(index), &path));
        }
    }
}

#[test]
fn each_does_their_part_and_no_other() {
    let anvil = Anvil::start();
    let log = AnchorLog::deploy(&anvil);
    let [owner, committer, stranger, next] = log.parties;
    let commit = |number| Contract::commitCall { seq: seq(number), rollup: rollup(number) };
    for other in [owner, stranger] {
        assert_eq!(log.reverts(other, &commit(0)), Contract::NotCommitter {}.abi_encode());
    }
    log.commit(0, rollup(0)).unwrap();
    for wrong in [0, 2] {
        let stale = Contract::Stale { size: seq(1) }.abi_encode();
        assert_eq!(log.reverts(committer, &commit(wrong)), stale);
    }
    let nothing = Contract::commitCall { seq: seq(1), rollup: B256::ZERO };
    assert_eq!(log.reverts(committer, &nothing), Contract::Zero {}.abi_encode());

    let not_owner = Contract::NotOwner {}.abi_encode();
    let rotate = Contract::setCommitterCall { to: next };
    for other in [committer, stranger] {
        assert_eq!(log.reverts(other, &rotate), not_owner);
        assert_eq!(log.reverts(other, &Contract::retireCall { successor_: next }), not_owner);
        assert_eq!(log.reverts(other, &Contract::offerOwnershipCall { to: next }), not_owner);
        assert_eq!(log.reverts(other, &Contract::acceptOwnershipCall {}), not_owner);
    }
    // A hot key that may have leaked gives its right up at once; the cold one names another.
    log.does(committer, &Contract::renounceCommitterCall {});
    assert_eq!(log.reverts(committer, &commit(1)), Contract::NotCommitter {}.abi_encode());
    log.does(owner, &rotate);
    log.does(next, &commit(1));
    // Ownership takes two steps.
    log.does(owner, &Contract::offerOwnershipCall { to: stranger });
    assert_eq!(log.reverts(stranger, &rotate), not_owner);
    log.does(stranger, &Contract::acceptOwnershipCall {});
    assert_eq!(log.reverts(owner, &rotate), not_owner);
    check_retirement(&log, [owner, stranger, next]);
}

/// The end: nobody appends any more, and what was anchored stays.
fn check_retirement(log: &AnchorLog<'_>, [owner, stranger, next]: [Address; 3]) {
    let nobody = Contract::retireCall { successor_: Address::ZERO };
    assert_eq!(log.reverts(stranger, &nobody), Contract::Zero {}.abi_encode());
    let head = log.head();
    log.does(stranger, &Contract::retireCall { successor_: owner });
    let is_retired = Contract::IsRetired {}.abi_encode();
    assert_eq!(log.reverts(stranger, &Contract::retireCall { successor_: next }), is_retired);
    assert_eq!(log.reverts(stranger, &Contract::setCommitterCall { to: next }), is_retired);
    let commit = Contract::commitCall { seq: seq(2), rollup: rollup(2) };
    assert_eq!(log.reverts(next, &commit), Contract::NotCommitter {}.abi_encode());
    assert_eq!(log.head(), head);
}

#[test]
fn it_is_not_deployed_without_an_owner() {
    let anvil = Anvil::start();
    let sender = anvil.accounts()[0];
    let code = witness_anchor::contract::deployment(Address::ZERO, sender, B256::ZERO);
    assert!(!anvil.send(sender, None, &code, DEPLOY_GAS).is_good);
}

/// Gas of a call itself, without what a transaction costs for its bytes.
fn execution_gas(anvil: &Anvil, log: &AnchorLog<'_>, data: &[u8]) -> u64 {
    let call = json!({ "to": log.address, "data": hex::encode_prefixed(data), "gas": "0x7a1200" });
    let options = json!({ "disableStorage": true, "disableStack": true, "enableMemory": false });
    let trace = anvil.ask("debug_traceCall", &json!([call, "latest", options])).unwrap();
    let steps = trace["structLogs"].as_array().unwrap();
    let gas = |step: &Value, member: &str| step[member].as_u64().unwrap();
    let (first, last) = (steps.first().unwrap(), steps.last().unwrap());
    gas(first, "gas") - gas(last, "gas") + gas(last, "gasCost")
}

#[test]
fn gas_is_what_the_snapshot_says() {
    let anvil = Anvil::start();
    let log = AnchorLog::deploy(&anvil);
    let commits: Vec<u64> = (0..1_000).map(|number| log.commit_gas(number)).collect();
    let average = commits.iter().sum::<u64>() / 1_000;
    let path = vec![B256::repeat_byte(0xcd); 20];
    let verify = Contract::verifyInclusionCall {
        leaf: B256::repeat_byte(1),
        index: "5".parse().unwrap(),
        size: (1_u64 << 20).to_string().parse().unwrap(),
        root_: B256::repeat_byte(9),
        proof: path,
    };
    let measured = json!({
        "commit_avg": average,
        "commit_first": commits[0],
        "commit_max": commits.iter().max(),
        "deploy": log.deploy_gas,
        "verify_depth20": execution_gas(&anvil, &log, &verify.abi_encode()),
    });
    tell(&format!("gas: {measured}"));
    if let Some(path) = variable("WITNESS_GAS_REPORT") {
        fs::write(path, format!("{measured:#}\n")).unwrap();
    }
    let number = |of: &Value, name: &str| of[name].as_u64().unwrap();
    assert!(number(&measured, "commit_avg") < 40_000);
    assert!(number(&measured, "commit_max") < COMMIT_GAS);
    assert!(number(&measured, "verify_depth20") < 16_000);
    let snapshot: Value =
        serde_json::from_str(include_str!("../../deploy/contracts/gas.json")).unwrap();
    for name in measured.as_object().unwrap().keys() {
        let (now, then) = (number(&measured, name), number(&snapshot, name));
        let change = now.abs_diff(then) * 100;
        assert!(change <= then, "{name}: {now}, was {then}; see `cargo xtask gas`");
    }
}
