//! A dishonest firm: it rewrites what it has anchored, or its clock is wrong. Whoever holds evidence, or has
//! watched, can tell.

use std::fs;

use serde_json::Value;
use witness_tests::{Anvil, Said, Server};

use super::{
    proofs::{ALL, Proofs, fact, write_policy},
    shown::finals,
    site::{Site, TICKING},
};
use crate::production::machine::{Machine, SCHOOL};

/// A look at the first log by whoever has watched it from this folder.
fn look(machine: &Machine, server: &Server, state: &str) -> Said {
    let watch = ["watch", "--once", "--full", "--json", "--origin", SCHOOL.origin];
    let options = ["--policy", "firm/policy.json", "--state", state];
    machine.witness().asking(server).run(&[watch.as_slice(), &options].concat())
}

#[test]
fn a_firm_that_rewrites_what_it_has_anchored_is_caught() {
    let site = Site::new(TICKING);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "of both");
    site.anchored(&server);
    Site::let_pass(2);
    server.stop();
    // Before the deed: with keys, head copies and the memory of the worker.
    let before = site.machine.copy();
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "denied");
    site.anchored(&server);
    site.machine.fetch(&server, SCHOOL, ("denied", "denied.json"));
    let _seen = look(&site.machine, &server, "watched").expect(0);
    let entries = site.entries();
    let blocks: Vec<_> = finals(&server).iter().map(|it| it.block_hash).collect();
    let policy = site.policy("anchored.json", &blocks, ALL);
    server.stop();

    // The firm goes on from before, as if nothing had happened: its contract knows better.
    let server = super::site::start(&before);
    Site::is_told(&server, "and the newest is no roll-up of it");
    let refused = before.try_submit(&server, SCHOOL, "instead");
    assert!(refused.to_string().contains("READ_ONLY"), "{refused}");
    Site::let_pass(3);
    assert_eq!(site.entries(), entries, "another history was anchored");
    server.stop();
    // So it keeps the chain from its service.
    super::site::configure(&before, "");
    let server = super::site::start(&before);
    before.submit(&server, SCHOOL, "instead");
    // Whoever holds evidence of what is denied still proves it.
    let proofs = Proofs { machine: &site.machine };
    let said = proofs.verify("denied", "denied.json", &policy).expect(0).json();
    assert!(!fact(&said, "anchored").is_null(), "{said}");
    // What stands there instead has no anchor, and never gets one.
    before.fetch(&server, SCHOOL, ("instead", "instead.json"));
    fs::copy(site.machine.path(&policy), before.path(&policy)).unwrap();
    let said = Proofs { machine: &before }.verify("instead", "instead.json", &policy);
    let said = said.expect(2).json();
    assert_eq!(fact(&said, "anchored"), &Value::Null, "{said}");
    // And whoever has watched sees another history.
    let said = look(&site.machine, &server, "watched").expect(1).json();
    let message = said["message"].as_str().unwrap();
    assert!(
        message.contains("THE LOG HAS FORKED") || message.contains("THE LOG HAS SHRUNK"),
        "{said}"
    );
    server.stop();
}

/// A policy that forgives clocks and anchors no more than a few seconds.
fn strict(site: &Site, server: &Server) -> String {
    let blocks: Vec<_> = finals(server).iter().map(|it| it.block_hash).collect();
    let policy = site.policy("strict.json", &blocks, ALL);
    let path = site.machine.path(&policy);
    let text = fs::read_to_string(&path).unwrap();
    let strict = text
        .replace("\"max_anchor_delay_s\":\"86400\"", "\"max_anchor_delay_s\":\"15\"")
        .replace("\"time_tolerance_s\":\"300\"", "\"time_tolerance_s\":\"5\"");
    assert_ne!(strict, text);
    write_policy(&site.machine, &policy, &strict)
}

/// Evidence of a document from a firm whose clock is apart from the chain's.
fn from_wrong_clock(site: &Site) -> Said {
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    site.anchored(&server);
    site.machine.fetch(&server, SCHOOL, ("course", "course.json"));
    let policy = strict(site, &server);
    server.stop();
    Proofs { machine: &site.machine }.verify("course", "course.json", &policy)
}

#[test]
fn a_clock_that_is_set_back_shows_as_an_anchor_that_came_late() {
    let site = Site::new(TICKING);
    // Less than what the service itself would stop at.
    site.anvil.advance_time(50);
    site.anvil.mine(1);
    let said = from_wrong_clock(&site).expect(0).json();
    assert_eq!(fact(&said, "anchored")["late"], true, "{said}");
}

#[test]
fn a_clock_that_is_set_ahead_is_refuted_by_the_chain() {
    let now_s = witness_tests::now_us() / 1_000_000;
    let genesis = (now_s - 100).to_string();
    let arguments = ["--slots-in-an-epoch", "1", "--timestamp", &genesis];
    let site = Site::on(Anvil::with(&arguments), TICKING);
    let said = from_wrong_clock(&site).expect(1).json();
    let reason = said["reason"].as_str().unwrap();
    assert!(reason.starts_with("anchored-before-"), "{said}");
}

#[test]
fn a_service_whose_clock_is_far_behind_the_chain_gives_no_receipts() {
    let site = Site::new(TICKING);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    site.anchored(&server);
    site.anvil.advance_time(3_600);
    site.anvil.mine(4);
    let tries = std::cell::Cell::new(0);
    let refused = |site: &Site| {
        // Another document each time: what is logged already gets its receipt on any clock.
        tries.set(tries.get() + 1);
        let said = site.machine.try_submit(&server, SCHOOL, &format!("early {}", tries.get()));
        said.to_string().contains("CLOCK_SUSPECT")
    };
    Site::wait(&server, "a refusal for want of a clock", || refused(&site));
    server.stop();
}
