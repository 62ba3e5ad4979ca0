//! Faults of nodes and of the chain, one journey for each: what is anchored stays one log without a gap, nothing
//! is called final that is not, and whatever can mend itself does.

mod foreign;
mod money;
mod nodes;
mod reorganised;

use serde_json::Value;
use witness_tests::{Fault, Mining, Rule, is_long};

use super::{
    shown::finals,
    site::{SEND, Site, TICKING},
};
use crate::production::machine::{BANK, Machine, SCHOOL};

/// A part of a result that is another one.
fn falsify(pointer: &str, value: impl Into<Value>) -> Fault {
    Fault::Falsify { pointer: pointer.to_owned(), value: value.into() }
}

#[test]
fn the_same_bytes_sent_twice_make_one_entry() {
    let site = Site::new(TICKING);
    site.all(&[Rule::on(SEND, Fault::Repeat)]);
    let server = site.start();
    for name in ["one", "two"] {
        site.machine.submit(&server, SCHOOL, name);
        site.anchored(&server);
    }
    site.check_nonces();
    server.stop();
}

/// The same firm with the same memory on another machine, where it talks to the same nodes.
fn twin(site: &Site) -> Machine {
    let server = site.start();
    // Nothing is anchored yet, and something waits for it.
    site.machine.submit(&server, SCHOOL, "course");
    Site::let_pass(1);
    server.stop();
    site.machine.copy()
}

#[test]
fn of_two_workers_the_second_adopts_what_the_first_has_anchored() {
    let site = Site::new(TICKING);
    // The service is held where it has planned and not signed: it sees no node.
    site.all(&[Rule::always(Fault::Close)]);
    let other = twin(&site);
    site.honest();
    let server = site.start();
    site.anchored(&server);
    Site::let_pass(2);
    server.stop();
    let (entries, sent) = (site.entries(), site.sent());
    let server = super::site::start(&other);
    Site::wait(&server, "adoption", || finals(&server).len() >= entries.len());
    assert_eq!(site.entries(), entries);
    assert_eq!(site.sent(), sent, "it sent what was there already");
    site.check(&server);
    // It goes on where the other one stopped.
    other.submit(&server, BANK, "account");
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}

#[test]
fn two_workers_at_the_same_time_make_one_log() {
    let site = Site::new(TICKING);
    site.all(&[Rule::on(SEND, Fault::Close)]);
    let other = twin(&site);
    site.honest();
    let servers = [site.start(), super::site::start(&other)];
    for server in &servers {
        site.anchored(server);
    }
    site.check_nonces();
    for server in servers {
        server.stop();
    }
}

#[test]
fn a_transaction_that_the_nodes_forget_is_sent_again() {
    let site = Site::new(Mining::OnCommand);
    let server = site.start();
    let account = site.committer.address;
    for _ in 0..3 {
        Site::wait(&server, "a transaction", || !site.anvil.waiting(account).is_empty());
        for transaction in site.anvil.waiting(account) {
            site.anvil.drop_transaction(transaction);
        }
    }
    site.anvil.set_mining(TICKING);
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}

#[test]
fn a_lost_answer_to_a_send_is_no_reason_to_send_another() {
    let site = Site::new(TICKING);
    site.all(&[Rule::on(SEND, Fault::DropAnswer)]);
    let server = site.start();
    for name in ["one", "two"] {
        site.machine.submit(&server, SCHOOL, name);
        site.anchored(&server);
    }
    site.check_nonces();
    assert_eq!(site.sent(), site.entries().len());
    server.stop();
}

#[test]
fn a_node_that_calls_a_sent_transaction_an_error_is_not_believed() {
    let site = Site::new(TICKING);
    // As a node says that has it already, or that has mined it.
    for message in ["already known", "nonce too low", "internal error"] {
        let error = Fault::Error { code: -32_000, message: message.to_owned() };
        site.honest();
        site.nodes[0].rules(&[Rule::on(SEND, error)]);
        let server = site.start();
        site.machine.submit(&server, SCHOOL, message);
        site.anchored(&server);
        server.stop();
    }
    site.check_nonces();
}

#[test]
fn an_older_attempt_that_is_mined_is_found() {
    // Fees are raised after a minute at the earliest.
    if !is_long() {
        return;
    }
    let site = Site::new(Mining::OnCommand);
    let server = site.start();
    Site::wait(&server, "a first attempt", || site.sent() > 0);
    let first = site.nodes[0].sent().swap_remove(0);
    let account = site.committer.address;
    // Blocks come, and the transaction is in none of them.
    Site::wait(&server, "a raised bid", || {
        for transaction in site.anvil.waiting(account) {
            site.anvil.drop_transaction(transaction);
        }
        if site.anvil.latest().number < 8 {
            site.anvil.mine(1);
        }
        site.sent() > 1
    });
    site.all(&[Rule::on(SEND, Fault::Close)]);
    for transaction in site.anvil.waiting(account) {
        site.anvil.drop_transaction(transaction);
    }
    let mined = site.anvil.send_raw(&first).unwrap();
    site.anvil.mine(1);
    site.anvil.set_mining(TICKING);
    site.final_ones(&server, 1);
    assert_eq!(site.entries()[0].transaction, mined);
    site.honest();
    site.machine.submit(&server, SCHOOL, "course");
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}
