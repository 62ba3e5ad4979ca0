//! SIGKILL in each state of an anchor, and at random moments: afterwards there is one entry for each sequence, no
//! second nonce was used, and nothing that was logged is left out.

use std::{thread, time::Duration};

use witness_tests::{Fault, Mining, Rng, Rule, Server, scaled, tell};

use super::site::{SEND, Site, TICKING};
use crate::production::machine::SCHOOL;

/// How much there was before the service was held.
struct Before {
    entries: usize,
    sent: usize,
    looks: u64,
}

impl Before {
    fn of(site: &Site) -> Self {
        let (entries, sent) = (site.entries().len(), site.sent());
        Self { entries, sent, looks: site.calls("eth_chainId") }
    }
}

/// Holds the service in a state, kills it there, lets something happen meanwhile, and starts it again.
fn survives(
    hold: impl Fn(&Site),
    is_held: impl Fn(&Site, &Before) -> bool,
    meanwhile: impl Fn(&Site),
) {
    // The first anchor, and in the long run a later one.
    for anchored in 0..scaled(1, 3) {
        let site = Site::new(TICKING);
        for number in 0..anchored {
            let server = site.start();
            site.machine.submit(&server, SCHOOL, &format!("before {number}"));
            site.anchored(&server);
            Site::let_pass(2);
            server.stop();
        }
        let before = Before::of(&site);
        hold(&site);
        let server = site.start();
        site.machine.submit(&server, SCHOOL, "course");
        Site::wait(&server, "the state", || is_held(&site, &before));
        server.kill();
        meanwhile(&site);
        goes_on(&site);
    }
}

/// All are honest again: what was logged is anchored, and what comes after it.
fn goes_on(site: &Site) {
    site.honest();
    site.anvil.set_mining(TICKING);
    let server = site.start();
    site.anchored(&server);
    site.machine.submit(&server, SCHOOL, "afterwards");
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}

fn nothing(_: &Site) {}

fn on_command(site: &Site) {
    site.anvil.set_mining(Mining::OnCommand);
}

fn has_entry(site: &Site, before: &Before) -> bool {
    site.entries().len() > before.entries
}

/// It is on its way to the nodes, so it was written down.
fn is_signed(site: &Site, before: &Before) -> bool {
    site.sent() > before.sent
}

/// The transaction waits for a block.
fn is_sent(site: &Site, _: &Before) -> bool {
    !site.anvil.waiting(site.committer.address).is_empty()
}

fn no_byte_has_left(site: &Site) {
    assert!(site.anvil.waiting(site.committer.address).is_empty(), "a byte has left");
}

#[test]
fn killed_before_it_could_look_at_the_chain() {
    let has_tried = |site: &Site, before: &Before| site.calls("eth_chainId") > before.looks + 3;
    survives(|site| site.all(&[Rule::always(Fault::Close)]), has_tried, nothing);
}

#[test]
fn killed_when_signed_and_before_a_byte_has_left() {
    let hold = |site: &Site| {
        site.all(&[Rule::on(SEND, Fault::Close)]);
        on_command(site);
    };
    survives(hold, is_signed, no_byte_has_left);
}

#[test]
fn killed_while_it_sends() {
    let hold = |site: &Site| {
        site.all(&[Rule::on(SEND, Fault::DelayMs(60_000))]);
        on_command(site);
    };
    survives(hold, is_signed, no_byte_has_left);
}

#[test]
fn killed_when_sent_and_without_an_answer() {
    let hold = |site: &Site| {
        site.all(&[Rule::on(SEND, Fault::DropAnswer)]);
        on_command(site);
    };
    survives(hold, is_sent, nothing);
}

#[test]
fn killed_when_sent_and_mined_before_it_is_back() {
    survives(on_command, is_sent, |site| site.anvil.mine(1));
}

#[test]
fn killed_when_sent_and_final_before_it_is_back() {
    survives(on_command, is_sent, |site| site.anvil.mine(4));
}

#[test]
fn killed_when_sent_and_forgotten_by_the_nodes_before_it_is_back() {
    survives(on_command, is_sent, |site| {
        for transaction in site.anvil.waiting(site.committer.address) {
            site.anvil.drop_transaction(transaction);
        }
    });
}

#[test]
fn killed_when_mined_and_not_final() {
    survives(|site| site.anvil.set_mining(Mining::AtOnce), has_entry, nothing);
}

#[test]
fn killed_when_mined_and_taken_back_before_it_is_there_again() {
    // No block follows it: it is in the newest one.
    survives(
        |site| site.anvil.set_mining(Mining::AtOnce),
        has_entry,
        |site| {
            site.anvil.rollback(1);
            site.anvil.mine(2);
        },
    );
}

#[test]
fn killed_when_final_and_before_it_is_evidence() {
    // The receipts of the block, from which the proof is made, do not come. Without any nothing would be sent at all,
    // so they stop when it is.
    let is_final = |site: &Site, before: &Before| {
        if is_sent(site, before) {
            site.all(&[Rule::on("eth_getBlockReceipts", Fault::Close)]);
            site.anvil.mine(3);
        }
        let finalized = site.anvil.finalized().number;
        site.entries().get(before.entries).is_some_and(|entry| entry.block < finalized)
    };
    survives(on_command, is_final, nothing);
}

/// One round of a service that is killed while it anchors.
fn round(site: &Site, server: Server, (number, rng): (u64, &mut Rng)) {
    site.machine.submit(&server, SCHOOL, &format!("round {number}"));
    thread::sleep(Duration::from_millis(rng.between(0, 4_000)));
    site.check(&server);
    server.kill();
}

#[test]
fn killed_at_random_moments() {
    let rounds = scaled(8, 60);
    let mut rng = Rng::from_environment();
    tell(&format!("anchor kill: {rng}, {rounds} rounds"));
    let site = Site::new(TICKING);
    for number in 0..rounds {
        round(&site, site.start(), (number, &mut rng));
    }
    goes_on(&site);
    tell(&format!("anchor kill: {rng}: {} entries after {rounds} kills", site.entries().len()));
}
