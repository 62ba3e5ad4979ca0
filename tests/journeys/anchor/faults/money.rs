//! Money: no limit is broken, an empty account sends nothing, and anchoring goes on once there is enough again.

use witness_anchor::alloy::U256;
use witness_tests::{Mining, Server};

use super::super::site::{SEND, Site, TICKING};
use crate::production::machine::SCHOOL;

/// In wei: a unit of gas for a thousandth of an ether, so that a commit costs more than anybody allows.
const DEAR: u64 = 1_000_000_000_000_000;
const CHEAP: u64 = 1_000_000_000;

/// It says so and does not send; the ledger goes on.
fn holds_back(site: &Site, server: &Server, words: &str) {
    Site::is_told(server, words);
    let calls = site.calls(SEND);
    site.machine.submit(server, SCHOOL, "meanwhile");
    Site::let_pass(3);
    assert_eq!(site.calls(SEND), calls, "it was sent all the same:\n{}", server.log());
}

#[test]
fn what_would_cost_more_than_its_limit_waits_until_it_is_cheap_again() {
    let site = Site::new(Mining::AtOnce);
    site.anvil.mine_at_base_fee(U256::from(DEAR));
    let server = site.start();
    holds_back(&site, &server, "the anchor waits");
    assert!(site.entries().is_empty());
    site.anvil.mine_at_base_fee(U256::from(CHEAP));
    site.anvil.set_mining(TICKING);
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}

#[test]
fn an_empty_account_sends_nothing_until_it_is_filled() {
    let site = Site::new(TICKING);
    site.anvil.set_balance(site.committer.address, U256::ZERO);
    let server = site.start();
    holds_back(&site, &server, "the account has 0 wei");
    assert!(site.entries().is_empty());
    site.anvil.set_balance(site.committer.address, U256::from(10).pow(U256::from(18)));
    site.anchored(&server);
    site.check_nonces();
    server.stop();
}
