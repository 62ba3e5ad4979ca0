//! The chain takes blocks back: what stood in them is sent again, in order, and nothing of the lost block is ever
//! evidence.

use serde_json::Value;
use witness_tests::{Anvil, Mining, Server};

use super::super::{
    shown::finals,
    site::{Entry, Site, TICKING},
};
use crate::production::machine::SCHOOL;

/// A block is final when 16 follow it: none of the first ones is.
fn slow() -> Site {
    Site::on(Anvil::with(&["--slots-in-an-epoch", "8"]), Mining::AtOnce)
}

/// Waits until the chain has so many entries and the service has seen them.
fn mined(site: &Site, server: &Server, count: usize) -> Vec<Entry> {
    Site::wait(server, "mined entries", || site.entries().len() >= count);
    Site::let_pass(1);
    assert!(finals(server).is_empty());
    site.entries()
}

/// Takes back the newest entries, and all after them, between two looks of the service; other blocks come.
fn take_back(site: &Site, first: &Entry) {
    let height = site.anvil.latest().number;
    let blocks = height - first.block + 1;
    site.anvil.rollback(blocks);
    site.anvil.mine(blocks + 1);
    assert!(site.anvil.latest().number > height);
}

#[test]
fn an_entry_whose_block_is_taken_back_is_sent_again_and_proved_in_its_new_block() {
    let site = slow();
    let server = site.start();
    let lost = mined(&site, &server, 1);
    take_back(&site, &lost[0]);
    Site::wait(&server, "the entry again", || !site.entries().is_empty());
    let found = site.entries();
    assert_eq!((found[0].sequence, found[0].value), (lost[0].sequence, lost[0].value));
    assert_ne!(found[0].block_hash, lost[0].block_hash);
    site.anvil.set_mining(TICKING);
    site.anchored(&server);
    // The proof is of the block that is there.
    let shown = server.found(&format!("/anchors/{}/0", site.caip10()));
    let shown: Value = serde_json::from_str(shown.text()).unwrap();
    assert_eq!(site.keccak(&shown["header"]), site.entries()[0].block_hash.to_string());
    let finals = finals(&server);
    assert!(finals.iter().all(|it| lost.iter().all(|lost| lost.block_hash != it.block_hash)));
    site.check_nonces();
    server.stop();
}

#[test]
fn entries_that_are_taken_back_together_come_back_in_order() {
    let site = slow();
    let server = site.start();
    mined(&site, &server, 1);
    site.machine.submit(&server, SCHOOL, "course");
    let lost = mined(&site, &server, 2);
    take_back(&site, &lost[0]);
    Site::wait(&server, "the entries again", || site.entries().len() >= lost.len());
    for (lost, found) in lost.iter().zip(site.entries()) {
        assert_eq!((found.sequence, found.value), (lost.sequence, lost.value));
    }
    site.anvil.set_mining(TICKING);
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}

#[test]
fn only_the_later_of_two_entries_is_taken_back() {
    let site = slow();
    let server = site.start();
    mined(&site, &server, 1);
    site.machine.submit(&server, SCHOOL, "course");
    let lost = mined(&site, &server, 2);
    take_back(&site, lost.last().unwrap());
    Site::wait(&server, "the entry again", || site.entries().len() >= lost.len());
    let found = site.entries();
    assert_eq!(found[..lost.len() - 1], lost[..lost.len() - 1]);
    assert_eq!(found[lost.len() - 1].value, lost[lost.len() - 1].value);
    site.anvil.set_mining(TICKING);
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}
