//! Nodes that are late, lie, or are of another chain: one alone is outvoted, and all of them together make the
//! service wait, never believe.

use witness_tests::{Fault, Mining, Rule, Server};

use super::{
    super::{
        shown::finals,
        site::{CHAIN, SEND, Site, TICKING},
    },
    falsify,
};
use crate::production::machine::SCHOOL;

const RECEIPT: &str = "eth_getTransactionReceipt";
const BLOCK: &str = "eth_getBlockByNumber";
/// A hash that no block has.
const NO_BLOCK: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

/// One node has a fault, of the operator who has two, and nobody notices. (Without the other operator nothing is
/// final.)
fn outvoted(rules: &[Rule]) {
    let site = Site::new(TICKING);
    // From the first look on, and then while all is well otherwise.
    site.nodes[0].rules(&rules[..1]);
    let server = site.start();
    for (number, rule) in rules.iter().enumerate() {
        for node in [0, 1] {
            site.honest();
            site.nodes[node].rules(std::slice::from_ref(rule));
            site.machine.submit(&server, SCHOOL, &format!("course {number} {node}"));
            site.anchored(&server);
        }
    }
    site.check_nonces();
    server.stop();
}

#[test]
fn a_node_with_an_old_view_is_outvoted() {
    outvoted(&[Rule::always(Fault::Stale)]);
}

#[test]
fn a_node_that_is_gone_and_one_that_is_slow_hold_nobody_up() {
    outvoted(&[Fault::Close, Fault::Status(503), Fault::DelayMs(1_000)].map(Rule::always));
}

#[test]
fn a_receipt_that_only_one_node_shows_or_does_not_show_is_outvoted() {
    outvoted(&[
        Rule::always(Fault::HideReceipts),
        Rule::on(RECEIPT, falsify("/blockHash", NO_BLOCK)),
        Rule::on(RECEIPT, falsify("/status", "0x0")),
    ]);
}

/// Something is mined, and under these rules of all nodes it does not become evidence; then it does.
fn is_not_evidence_under(rules: &[Rule]) {
    // Without receipts nothing would be sent at all, so they are there until it is.
    let site = Site::new(Mining::OnCommand);
    let server = site.start();
    let committer = site.committer.address;
    Site::wait(&server, "a transaction", || !site.anvil.waiting(committer).is_empty());
    site.all(rules);
    site.anvil.set_mining(TICKING);
    Site::wait(&server, "an entry", || !site.entries().is_empty());
    let block = site.entries()[0].block;
    Site::wait(&server, "finality", || site.anvil.finalized().number > block);
    Site::let_pass(3);
    assert!(finals(&server).is_empty(), "{:?}", finals(&server));
    assert_eq!(site.entries().len(), 1, "the next was anchored on what is not final");
    site.honest();
    site.machine.submit(&server, SCHOOL, "course");
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}

#[test]
fn a_preconfirmed_receipt_is_not_mined() {
    // Some nodes of a layer 2 give receipts of blocks that are still being built.
    is_not_evidence_under(&[
        Rule::on(RECEIPT, falsify("/blockHash", NO_BLOCK)),
        Rule::on("eth_getLogs", falsify("", serde_json::json!([]))),
    ]);
}

#[test]
fn hidden_receipts_make_the_service_wait() {
    is_not_evidence_under(&[Rule::always(Fault::HideReceipts)]);
}

#[test]
fn operators_who_disagree_on_the_final_block_make_the_service_wait() {
    let site = Site::new(TICKING);
    // Two of three agree, and both are of one operator.
    site.nodes[2].rules(&[Rule::on(BLOCK, falsify("/hash", NO_BLOCK))]);
    let server = site.start();
    Site::wait(&server, "an entry", || !site.entries().is_empty());
    let block = site.entries()[0].block;
    Site::wait(&server, "finality", || site.anvil.finalized().number > block);
    Site::let_pass(3);
    assert!(finals(&server).is_empty());
    site.honest();
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}

#[test]
fn without_finality_nothing_is_final_however_many_blocks_come() {
    let site = Site::new(TICKING);
    site.all(&[Rule::on(BLOCK, falsify("", serde_json::Value::Null)).containing("\"finalized\"")]);
    let server = site.start();
    Site::wait(&server, "an entry", || !site.entries().is_empty());
    let block = site.entries()[0].block;
    Site::wait(&server, "ten blocks", || site.anvil.latest().number > block + 10);
    assert!(finals(&server).is_empty());
    site.honest();
    site.anchored(&server);
    server.stop();
}

#[test]
fn a_chain_that_stands_still_leaves_an_entry_mined() {
    let site = Site::new(Mining::AtOnce);
    let server = site.start();
    Site::wait(&server, "an entry", || !site.entries().is_empty());
    Site::let_pass(3);
    assert!(finals(&server).is_empty());
    site.anvil.set_mining(TICKING);
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}

/// One node alone is refused, and the others go on without it.
fn is_refused(rule: &Rule, words: &str) {
    let site = Site::new(TICKING);
    site.nodes[1].rules(std::slice::from_ref(rule));
    let server = site.start();
    Site::is_told(&server, words);
    site.machine.submit(&server, SCHOOL, "course");
    site.anchored(&server);
    assert_eq!(site.nodes[1].calls(SEND), 0, "it was told what it has no business with");
    server.stop();
}

/// All are refused: nothing is sent, and the ledger goes on.
fn all_are_refused(rule: Rule, words: &str) -> (Site, Server) {
    let site = Site::new(TICKING);
    site.all(&[rule]);
    let server = site.start();
    Site::is_told(&server, words);
    site.machine.submit(&server, SCHOOL, "course");
    Site::let_pass(3);
    assert_eq!(site.calls(SEND), 0);
    assert!(site.entries().is_empty());
    (site, server)
}

#[test]
fn a_node_of_another_chain_is_refused_and_if_all_are_nothing_is_sent() {
    let rule = Rule::on("eth_chainId", falsify("", "0x1"));
    let words = format!("expected chain {CHAIN}, came 1");
    is_refused(&rule, &words);
    let (site, server) = all_are_refused(rule, &words);
    server.stop();
    // Once the configuration is right, nothing is lost.
    site.honest();
    let server = site.start();
    site.anchored(&server);
    server.stop();
}

#[test]
fn other_code_at_the_contracts_address_is_refused_and_if_all_show_it_nothing_is_sent() {
    let rule = Rule::on("eth_getCode", falsify("", "0x60006000fd"));
    is_refused(&rule, "at the contract, came");
    let (_site, server) = all_are_refused(rule, "at the contract, came");
    server.stop();
}
