//! Somebody else has the key, or the contract has another committer: the service stops, says so, and does not
//! forget it.

use witness_anchor::{
    alloy::{Address, B256, Bytes, SolCall as _, U48},
    contract::WitnessAnchorLog as Contract,
};
use witness_tests::{Mining, Server};

use super::super::site::{Site, TICKING};
use crate::production::machine::SCHOOL;

const GAS: u64 = 130_000;

/// A firm whose first anchor is final, and that has nothing to anchor.
fn at_rest() -> (Site, Server) {
    let site = Site::new(TICKING);
    let server = site.start();
    site.anchored(&server);
    Site::let_pass(2);
    (site, server)
}

/// A firm whose second transaction was sent and is not mined, on a chain that has forgotten it; its bytes.
fn under_way() -> (Site, Server, Bytes) {
    let site = Site::new(TICKING);
    let server = site.start();
    site.anchored(&server);
    site.anvil.set_mining(Mining::OnCommand);
    site.machine.submit(&server, SCHOOL, "course");
    let committer = site.committer.address;
    Site::wait(&server, "a transaction", || !site.anvil.waiting(committer).is_empty());
    let raw = site.nodes[0].sent().pop().unwrap();
    for transaction in site.anvil.waiting(committer) {
        site.anvil.drop_transaction(transaction);
    }
    (site, server, raw)
}

/// It says so, sends nothing any more, still logs, and stays that way over a restart.
fn has_stopped(site: &Site, server: Server, words: &str) {
    Site::is_told(&server, words);
    let (sent, entries) = (site.sent(), site.entries());
    site.machine.submit(&server, SCHOOL, "after the end");
    Site::let_pass(3);
    assert_eq!((site.sent(), site.entries()), (sent, entries.clone()), "{}", server.log());
    server.stop();
    let server = site.start();
    Site::is_told(&server, words);
    site.machine.submit(&server, SCHOOL, "after the restart");
    Site::let_pass(3);
    assert_eq!((site.sent(), site.entries()), (sent, entries), "{}", server.log());
    server.stop();
}

#[test]
fn a_nonce_that_somebody_else_used_halts() {
    let (site, server) = at_rest();
    let committer = site.committer.address;
    assert!(site.anvil.send(committer, Some(committer), &[], GAS).is_good);
    has_stopped(&site, server, "somebody else sends with our key");
}

#[test]
fn an_entry_that_somebody_else_made_halts() {
    let (site, server) = at_rest();
    let seq = U48::from(site.entries().len());
    let commit = Contract::commitCall { seq, rollup: B256::repeat_byte(0x66) }.abi_encode();
    assert!(site.anvil.send(site.committer.address, Some(site.contract), &commit, GAS).is_good);
    has_stopped(&site, server, "somebody else anchors with our key");
}

#[test]
fn another_committer_while_a_transaction_is_under_way_stops() {
    let (site, server, raw) = under_way();
    let other = site.anvil.accounts()[3];
    site.anvil.set_mining(Mining::AtOnce);
    assert!(site.owner_does(&Contract::setCommitterCall { to: other }).is_good);
    // What was under way is mined behind it, and fails.
    site.anvil.send_raw(&raw).ok();
    site.anvil.set_mining(TICKING);
    has_stopped(&site, server, "stopped: the contract's committer is");
}

#[test]
fn the_end_of_the_contract_while_a_transaction_is_under_way_stops() {
    let (site, server, _raw) = under_way();
    let successor_ = Address::repeat_byte(0x55);
    site.anvil.set_mining(Mining::AtOnce);
    assert!(site.owner_does(&Contract::retireCall { successor_ }).is_good);
    site.anvil.set_mining(TICKING);
    has_stopped(&site, server, "stopped: the contract is retired");
}

#[test]
fn a_transaction_that_is_mined_and_fails_is_not_tried_again_blindly() {
    let site = Site::new(Mining::OnCommand);
    let server = site.start();
    let committer = site.committer.address;
    Site::wait(&server, "a transaction", || !site.anvil.waiting(committer).is_empty());
    // For one block the contract refuses everything, for a reason that nobody gives.
    let code =
        site.anvil.ask("eth_getCode", &serde_json::json!([site.contract, "latest"])).unwrap();
    site.anvil.set_code(site.contract, &[0x5f, 0x5f, 0xfd]);
    site.anvil.mine(1);
    let code = witness_anchor::alloy::hex::decode(code.as_str().unwrap()).unwrap();
    site.anvil.set_code(site.contract, &code);
    assert_eq!((site.anvil.nonce(committer), site.entries().len()), (1, 0));
    site.anvil.set_mining(TICKING);
    has_stopped(&site, server, "failed on the chain");
}
