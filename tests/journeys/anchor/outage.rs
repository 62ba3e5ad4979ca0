//! The chain is a non-party: without one, or while none of its nodes answers, the ledger works and rolls up, and
//! says no more than it can; afterwards it catches up without a gap.

use std::fs;

use serde_json::Value;
use witness_tests::{Fault, Rule};

use super::{
    proofs::{ALL, Proofs, ROLLED_UP, fact, requiring, write_policy},
    shown::{covered, finals, newest_rollup, published, rollups},
    site::{Site, TICKING, configure, start},
};
use crate::production::machine::{Machine, SCHOOL};

/// Times at which an anchor was due and none could be.
const MISSED: u64 = 10;

#[test]
fn a_chain_that_comes_back_after_ten_missed_anchors_gets_one_over_all() {
    let site = Site::new(TICKING);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "before");
    site.anchored(&server);
    Site::let_pass(2);
    let (entries, numbered) = (site.entries().len(), rollups(&server).len());
    site.all(&[Rule::always(Fault::Close)]);
    let name = |number: u64| format!("missed {number}");
    for number in 0..MISSED {
        site.machine.submit(&server, SCHOOL, &name(number));
        Site::let_pass(1);
    }
    // The ledger went on: each was logged, published and rolled up.
    assert!(rollups(&server).len() >= numbered + usize::try_from(MISSED).unwrap() / 2);
    site.machine.fetch(&server, SCHOOL, (&name(0), "early.json"));
    let policy = fs::read_to_string(site.machine.path("firm/policy.json")).unwrap();
    let rolled_up = requiring(&policy, ROLLED_UP);
    let rolled_up = write_policy(&site.machine, "rolled-up.json", &rolled_up);
    let proofs = Proofs { machine: &site.machine };
    let said = proofs.verify(&name(0), "early.json", &rolled_up).expect(0).json();
    assert_eq!(fact(&said, "anchored"), &Value::Null, "{said}");
    assert_eq!(site.entries().len(), entries);

    site.honest();
    site.anchored(&server);
    Site::let_pass(2);
    let after = site.entries().len() - entries;
    assert!((1..=2).contains(&after), "{after} anchors for what one covers");
    site.check_nonces();
    // What was rolled up in between has its anchor now, too.
    let blocks: Vec<_> = finals(&server).iter().map(|it| it.block_hash).collect();
    let anchored = site.policy("anchored.json", &blocks, ALL);
    for number in [0, MISSED - 1] {
        let file = format!("late {number}.json");
        site.machine.fetch(&server, SCHOOL, (&name(number), &file));
        let _proved = proofs.verify(&name(number), &file, &anchored).expect(0);
    }
    server.stop();
}

#[test]
fn a_service_that_comes_back_after_missed_anchors_makes_one() {
    let site = Site::new(TICKING);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "before");
    site.anchored(&server);
    site.machine.submit(&server, SCHOOL, "just before");
    server.kill();
    let entries = site.entries().len();
    Site::let_pass(MISSED / 2);
    let server = site.start();
    site.anchored(&server);
    Site::let_pass(2);
    assert!(site.entries().len() - entries <= 2, "{:?}", site.entries());
    site.check_nonces();
    server.stop();
}

#[test]
fn without_a_chain_evidence_says_rolled_up_and_not_anchored() {
    let machine = Machine::new();
    configure(&machine, "");
    let server = start(&machine);
    machine.submit(&server, SCHOOL, "course");
    Site::wait(&server, "a roll-up over all", || {
        let newest = newest_rollup(&server).map(|rollup| rollup.sequence);
        let published = published(&server);
        newest.is_some_and(|newest| Some(covered(&server, newest)) == published)
    });
    machine.fetch(&server, SCHOOL, ("course", "course.json"));
    assert!(server.found("/anchors").body.is_empty());
    assert!(rollups(&server).iter().all(|rollup| rollup.contracts.is_empty()));
    server.stop();
    let policy = fs::read_to_string(machine.path("firm/policy.json")).unwrap();
    let proofs = Proofs { machine: &machine };
    for (facts, code) in [(ROLLED_UP, 0), (ALL, 2)] {
        let policy = write_policy(&machine, "required.json", &requiring(&policy, facts));
        let said = proofs.verify("course", "course.json", &policy).expect(code).json();
        assert!(!fact(&said, "rolled_up").is_null(), "{said}");
        assert_eq!(fact(&said, "anchored"), &Value::Null, "{said}");
        let missing = said["missing"].as_array().unwrap();
        assert_eq!(missing.len(), usize::from(code == 2), "{said}");
        assert!(missing.iter().all(|missing| missing["fact"] == "anchored"), "{said}");
    }
}

#[test]
fn a_contract_that_is_added_later_gets_a_roll_up_that_names_it() {
    let site = Site::new(TICKING);
    configure(&site.machine, "");
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    Site::wait(&server, "a roll-up over all", || {
        let newest = newest_rollup(&server).map(|rollup| rollup.sequence);
        newest.is_some_and(|newest| Some(covered(&server, newest)) == published(&server))
    });
    server.stop();
    // Roll-ups are an hour apart from here on, and the last one names no contract.
    configure(&site.machine, &site.chain());
    let path = site.machine.path("etc/witnessd.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("rollup_every_s = 1\n", "rollup_every_s = 3600\n", 1)).unwrap();
    let server = site.start();
    let covering = site.anchored(&server);
    site.machine.fetch(&server, SCHOOL, ("course", "course.json"));
    let policy = site.policy("believing.json", &[covering.block_hash], ALL);
    server.stop();
    let proofs = Proofs { machine: &site.machine };
    let said = proofs.verify("course", "course.json", &policy).expect(0).json();
    assert!(!fact(&said, "anchored").is_null(), "{said}");
}
