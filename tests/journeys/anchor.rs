//! Roll-ups and anchors, from a document to a block and back: what is logged is rolled up, what is rolled up is
//! anchored, what is final is evidence, and evidence needs neither the service nor the chain.

mod dishonest;
mod exported;
mod faults;
mod kill;
mod outage;
mod proofs;
mod shown;
mod site;

use std::fs;

use serde_json::Value;
use witness_anchor::alloy::B256;
use witness_core::{
    firm::Role,
    hash::Hash,
    note::{Note, Strict},
    policy::Policy,
    rollup::RollUpTree,
};
use witness_tests::{Anvil, Data, Mining, Server, Trust};

use self::{
    proofs::{ALL, Proofs, fact, write_policy},
    shown::{bodies, finals, newest_rollup, rollups},
    site::{Site, TICKING, configure},
};
use crate::production::machine::{BANK, SCHOOL};

#[test]
fn what_is_logged_is_anchored_and_proved_after_service_and_chain_are_gone() {
    let site = Site::new(TICKING);
    let server = site.start();
    for (place, name) in [(SCHOOL, "course"), (BANK, "account")] {
        site.machine.submit(&server, place, name);
    }
    let covering = site.anchored(&server);
    let shown = server.found(&format!("/anchors/{}/{}", site.caip10(), covering.sequence));
    let shown: Value = serde_json::from_str(shown.text()).unwrap();
    assert_eq!(shown["contract"], site.caip10().as_str());
    for (place, name) in [(SCHOOL, "course"), (BANK, "account")] {
        site.machine.fetch(&server, place, (name, &format!("{name}.json")));
    }
    let blocks: Vec<B256> = finals(&server).iter().map(|it| it.block_hash).collect();
    let believing = site.policy("believing.json", &blocks, ALL);
    let doubting = site.policy("doubting.json", &[], ALL);
    server.stop();
    let Site { machine, anvil, nodes, .. } = site;
    drop((anvil, nodes));
    let proofs = Proofs { machine: &machine };
    for name in ["course", "account"] {
        let file = format!("{name}.json");
        let said = proofs.verify(name, &file, &believing).expect(0).json();
        assert_eq!(said["outcome"], "verified", "{said}");
        let anchored = fact(&said, "anchored");
        assert_eq!(anchored["believed_by"], "policy", "{said}");
        let hash = anchored["block_hash"].as_str().unwrap();
        assert!(blocks.iter().any(|block| block.to_string() == hash), "{said}");
        assert!(!fact(&said, "rolled_up").is_null(), "{said}");
        // A block that nobody believes makes no anchor, and is not silently left out.
        let said = proofs.verify(name, &file, &doubting).expect(2).json();
        assert_eq!(
            (&said["outcome"], fact(&said, "anchored")),
            (&"cannot-tell".into(), &Value::Null)
        );
        assert_eq!(said["missing"][0]["fact"], "anchored", "{said}");
        assert!(!said["verdict"]["unchecked"].as_array().unwrap().is_empty(), "{said}");
        // A policy that knows no chain, as the firm hands it out, asks for none.
        let said = proofs.verify(name, &file, "firm/policy.json").expect(0).json();
        assert_eq!(fact(&said, "anchored"), &Value::Null, "{said}");
    }
    check_tampered(&proofs, &believing);
}

/// Any digit of the covering anchor that is changed is noticed: the file is refused, or its block is one that nobody
/// has ever seen.
fn check_tampered(proofs: &Proofs<'_>, policy: &str) {
    let file = fs::read_to_string(proofs.machine.path("course.json")).unwrap();
    let begin = file.rfind("\"header\":\"0x").unwrap() + "\"header\":\"0x".len();
    for place in [begin, begin + 100, begin + 700] {
        let mut changed = file.clone().into_bytes();
        changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
        fs::write(proofs.machine.path("tampered.json"), changed).unwrap();
        let said = proofs.verify("course", "tampered.json", policy);
        assert!(matches!(said.code, Some(1 | 2)), "{place}: {said:?}");
    }
}

#[test]
fn a_node_that_is_asked_takes_the_place_of_a_block_in_the_policy() {
    let site = Site::new(TICKING);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    site.anchored(&server);
    site.machine.fetch(&server, SCHOOL, ("course", "course.json"));
    server.stop();
    let policy = site.policy("asking.json", &[], ALL);
    let proofs = Proofs { machine: &site.machine };
    let said = proofs.verify_asking("course", "course.json", (&policy, site.anvil.url()));
    let said = said.expect(0).json();
    assert_eq!(fact(&said, "anchored")["believed_by"], "rpc", "{said}");
    // A node of another chain, or one that has never heard of the block, vouches for nothing.
    let other = Anvil::with_finality();
    let said = proofs.verify_asking("course", "course.json", (&policy, other.url()));
    assert_ne!(said.code, Some(0), "{said}");
}

#[test]
fn roll_ups_are_signed_chained_and_over_the_published_checkpoints() {
    let site = Site::new(TICKING);
    let server = site.start();
    for round in 0..3 {
        site.machine.submit(&server, SCHOOL, &format!("course {round}"));
        site.anchored(&server);
    }
    let policy = Policy::parse(&fs::read(site.machine.path("firm/policy.json")).unwrap()).unwrap();
    let firm = Note::parse(&fs::read(site.machine.path("etc/keys/firm.note")).unwrap()).unwrap();
    check_rollups(&server, &site, &Trust::new(policy, &firm));
    // They stay as they were.
    let before = server.found("/rollup/0").body;
    server.stop();
    let server = site.start();
    assert_eq!(server.found("/rollup/0").body, before);
    server.stop();
}

fn check_rollups(server: &Server, site: &Site, trust: &Trust) {
    let all = rollups(server);
    assert!(all.len() >= 3, "{all:?}");
    let mut previous = Hash::ZERO;
    for rollup in &all {
        let sequence = rollup.sequence;
        let note = Note::parse(&server.found(&format!("/rollup/{sequence}")).body).unwrap();
        let signer = (Role::RollUp, rollup.firm.as_str(), sequence);
        trust.firm.verify(&note, signer, &Strict).unwrap();
        assert_eq!(rollup.previous, previous, "{rollup:?}");
        previous = rollup.value();
        let bodies = bodies(server, sequence);
        let tree = RollUpTree::new(bodies.iter().map(String::as_str)).unwrap();
        assert_eq!((tree.logs(), tree.root()), (rollup.logs, rollup.root), "{rollup:?}");
        for body in &bodies {
            let mut lines = body.lines();
            let (log, covered) = (lines.next().unwrap(), lines.next().unwrap());
            let log = log.rsplit('/').next().unwrap();
            let published = server.found(&format!("/{log}/checkpoint/{covered}"));
            assert!(published.text().starts_with(body.as_str()), "{body} was not published");
        }
        let named = note.text().lines().filter(|line| line.starts_with("contract "));
        let named: Vec<&str> = named.collect();
        assert_eq!(named, [format!("contract {}", site.caip10())]);
    }
    assert_eq!(server.get(&format!("/rollup/{}", all.len() + 100)).status, 404);
}

#[test]
fn an_old_file_gets_the_anchor_that_came_later() {
    let site = Site::new(Mining::OnCommand);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    site.machine.fetch(&server, SCHOOL, ("course", "old.json"));
    let nowhere = site.policy("nowhere.json", &[], ALL);
    let attach = ["anchor", "attach", "old.json", "--policy", &nowhere, "--json", "--out"];
    let attach = |out: &str| {
        site.machine.witness().asking(&server).run(&[attach.as_slice(), &[out]].concat())
    };
    let said = attach("early.json").expect(2).json();
    assert!(said["message"].as_str().unwrap().contains("no anchor over this file"), "{said}");
    site.anvil.set_mining(TICKING);
    // Another submission, so that the anchor covers a tree that has grown.
    site.machine.submit(&server, SCHOOL, "another");
    site.anchored(&server);
    let said = attach("new.json").expect(0).json();
    assert_eq!(said["attached"].as_array().map(Vec::len), Some(1), "{said}");
    let blocks: Vec<B256> = finals(&server).iter().map(|it| it.block_hash).collect();
    let believing = site.policy("believing.json", &blocks, ALL);
    server.stop();
    let proofs = Proofs { machine: &site.machine };
    let said = proofs.verify("course", "old.json", &believing).expect(2).json();
    assert_eq!(fact(&said, "anchored"), &Value::Null, "{said}");
    let said = proofs.verify("course", "new.json", &believing).expect(0).json();
    assert_eq!(fact(&said, "anchored")["believed_by"], "policy", "{said}");
    // What was attached and altered counts for nothing, and refutes nothing.
    let new = fs::read_to_string(site.machine.path("new.json")).unwrap();
    let place = new.find("witness-rollup/v1").unwrap();
    let altered =
        new[..place].to_owned() + &new[place..].replacen("witness-rollup", "witness-rollin", 1);
    fs::write(site.machine.path("altered.json"), altered).unwrap();
    let said = proofs.verify("course", "altered.json", &believing).expect(2).json();
    assert_eq!(fact(&said, "anchored"), &Value::Null, "{said}");
    assert!(!said["verdict"]["unchecked"].as_array().unwrap().is_empty(), "{said}");
}

#[test]
fn two_chains_stand_side_by_side() {
    let site = Site::new(TICKING);
    let arguments = ["--slots-in-an-epoch", "1", "--chain-id", "31338"];
    let dear = Site::on(Anvil::with(&arguments), TICKING);
    let renamed = |text: &str| text.replace("eip155:31337:", "eip155:31338:");
    configure(&site.machine, &(site.chain() + &renamed(&dear.chain())));
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    let covering = site.anchored(&server);
    let second = format!("/anchors/{}?from=0", renamed(&dear.caip10()));
    let block_over = |rollup: u64| {
        let page = server.found(&second);
        let words = page.text().lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let over = words.filter(|words| words[2].parse::<u64>().unwrap() >= rollup);
        over.map(|words| words[4].to_owned()).next()
    };
    Site::wait(&server, "the other chain", || block_over(covering.rollup).is_some());
    let block: B256 = block_over(covering.rollup).unwrap().parse().unwrap();
    site.machine.fetch(&server, SCHOOL, ("course", "course.json"));
    assert_eq!(server.found("/anchors").text().lines().count(), 2);
    let first = site.policy("first.json", &[covering.block_hash], ALL);
    let policy = dear.policy("second.json", &[block], ALL);
    let policy = fs::read_to_string(dear.machine.path(&policy)).unwrap();
    let own = fs::read_to_string(site.machine.path("firm/policy.json")).unwrap();
    let root = |policy: &str| {
        policy.split("\"firm_root\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let policy = renamed(&policy).replace(&root(&policy), &root(&own));
    let second = write_policy(&site.machine, "second.json", &policy);
    server.stop();
    // Whoever believes in one of the chains alone needs no more.
    let proofs = Proofs { machine: &site.machine };
    for (policy, contract) in [(first, site.caip10()), (second, renamed(&dear.caip10()))] {
        let said = proofs.verify("course", "course.json", &policy).expect(0).json();
        assert_eq!(fact(&said, "anchored")["contract"], contract.as_str(), "{said}");
    }
}

#[test]
fn a_chain_of_the_op_stack_is_anchored_on_all_the_same() {
    let site = Site::on(Anvil::optimism(), TICKING);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    let covering = site.anchored(&server);
    site.machine.fetch(&server, SCHOOL, ("course", "course.json"));
    let policy = site.policy("believing.json", &[covering.block_hash], ALL);
    server.stop();
    let proofs = Proofs { machine: &site.machine };
    let said = proofs.verify("course", "course.json", &policy).expect(0).json();
    assert!(!fact(&said, "anchored").is_null(), "{said}");
}

#[test]
fn a_quiet_firm_anchors_nothing_new() {
    let site = Site::new(TICKING);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    site.anchored(&server);
    // What is under way may still come.
    Site::let_pass(2);
    let entries = site.entries().len();
    Site::let_pass(3);
    assert_eq!(site.entries().len(), entries, "{:?}", site.entries());
    site.check_nonces();
    server.stop();
}

#[test]
fn development_mode_anchors_on_one_node() {
    let site = Site::new(TICKING);
    let data = Data::new();
    let file = site.machine.path("chains.toml");
    let config = fs::read_to_string(site.machine.path("etc/witnessd.toml")).unwrap();
    let chains = config.split_once("\n[[chains]]").unwrap().1;
    let nodes: Vec<&str> = chains.split("[[chains.nodes]]").collect();
    fs::write(&file, format!("[[chains]]{}[[chains.nodes]]{}", nodes[0], nodes[1])).unwrap();
    let server = data.start_with(&["--chains", file.to_str().unwrap()]);
    Site::wait(&server, "an anchor", || !finals(&server).is_empty());
    let entry = &site.entries()[0];
    assert!(rollups(&server).iter().any(|rollup| rollup.value() == entry.value));
    assert!(newest_rollup(&server).is_some());
    server.stop();
}
