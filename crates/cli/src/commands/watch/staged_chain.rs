//! A watcher before a real development chain: anvil, where `WITNESS_ANVIL` says where it is.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use witness_anchor::{
    alloy::{Address, B256},
    capture::{Mined, Sought, capture},
    contract::{code_hash, commit, deployment},
    nodes::Endpoint,
    rpc::Node,
};
use witness_core::{
    evm::Word, hash::Hash, policy::TrustedChain, rollup::Contract, time::Timestamp,
};

use super::{anchors::Anchored, nodes::GivenNodes, stage::Stage, staged_rollups::bodies};
use crate::{chain::limits, outcome::Outcome};

/// A running chain; ended when dropped.
struct Anvil {
    child: Child,
    runtime: Runtime,
    node: Node,
    endpoint: Endpoint,
}

impl Anvil {
    /// None, and a sentence, where there is no anvil.
    fn start() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "a test is told from outside where anvil is")]
        let Ok(program) = std::env::var("WITNESS_ANVIL") else {
            eprintln!(
                "left out: set WITNESS_ANVIL to the path of anvil, as `cargo xtask test` does"
            );
            return None;
        };
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", "0", "--hardfork", "osaka"]);
        // Final is then what two blocks lie upon.
        command.args(["--slots-in-an-epoch", "1"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        // Nobody else reads what it says; without a reader it would stop once the pipe is full.
        thread::spawn(move || lines.for_each(drop));
        let url = format!("http://{}", address.unwrap());
        let node = Node::new(&url, limits()).unwrap();
        let endpoint = Endpoint { url, operator: "us".to_owned() };
        Some(Self { child, runtime: Runtime::new().unwrap(), node, endpoint })
    }

    fn call(&self, method: &'static str, parameters: Value) -> Value {
        self.runtime.block_on(self.node.read(method, parameters)).unwrap()
    }

    fn account(&self, which: usize) -> Address {
        serde_json::from_value(self.call("eth_accounts", json!([]))[which].clone()).unwrap()
    }

    /// Sends a transaction, and waits until it is mined; gives its receipt.
    fn send(&self, transaction: &Value) -> Value {
        let hash = self.call("eth_sendTransaction", json!([transaction]));
        for _ in 0..500 {
            let receipt = self.call("eth_getTransactionReceipt", json!([hash]));
            if !receipt.is_null() {
                return receipt;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("a transaction was not mined");
    }

    fn deploy(&self) -> Contract {
        let (owner, committer) = (self.account(1), self.account(2));
        let code = deployment(owner, committer, B256::ZERO);
        let receipt = self.send(&json!({ "from": committer, "data": code }));
        let address: Address = serde_json::from_value(receipt["contractAddress"].clone()).unwrap();
        Contract { chain: 31337, address: address.into_array() }
    }

    /// Anchors a value, and lets it become final; gives the anchor's line in a list, and the anchor.
    fn anchor(&self, contract: Contract, (sequence, rollup): (u64, Hash)) -> (String, String) {
        let (to, data) = (Address::from(contract.address), commit(sequence, &rollup));
        let receipt = self.send(&json!({ "from": self.account(2), "to": to, "data": data }));
        assert_eq!(receipt["status"], "0x1");
        self.call("anvil_mine", json!(["0x3"]));
        let number = receipt["blockNumber"].clone();
        let block = self.call("eth_getBlockByNumber", json!([number, false]));
        let receipts = self.call("eth_getBlockReceipts", json!([number]));
        let mined = Mined { block: &block, raw_header: None, receipts: &receipts };
        let sought = Sought { contract, sequence, rollup, transaction_index: 0 };
        let captured = capture(&mined, &sought).unwrap();
        let block = captured.block;
        let line =
            format!("{sequence} {} {sequence} {} {}\n", block.time, block.number, block.hash);
        (line, captured.anchor.encode())
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A firm with two roll-ups, and what was anchored of them.
struct Firm {
    stage: Stage,
    contract: Contract,
    rollups: [Hash; 2],
    code_hash: Word,
}

impl Firm {
    fn new(contract: Contract) -> Self {
        let stage = Stage::new();
        let tree = stage.tree("b");
        stage.show(&tree, &[(1, 10), (5, 12)]);
        let first = stage.roll_up(0, Hash::ZERO, &bodies(&tree, 1)).value();
        let second = stage.roll_up(1, first, &bodies(&tree, 5)).value();
        let code_hash = Word(code_hash(B256::ZERO).0);
        Self { stage, contract, rollups: [first, second], code_hash }
    }

    fn show(&self, anchors: &[(String, String)]) {
        for from in 0..4 {
            let lines = anchors.iter().skip(from).map(|(line, _)| line.as_str());
            let page: String = lines.collect();
            self.stage.set(&format!("anchors/{}?from={from}", self.contract), Some(page.into()));
        }
        for (sequence, (_, json)) in anchors.iter().enumerate() {
            let path = format!("anchors/{}/{sequence}", self.contract);
            self.stage.set(&path, Some(json.clone().into()));
        }
    }

    /// Looks, so many seconds after the chain's newest block.
    fn look(&self, anvil: &Anvil, seconds: u64) -> anyhow::Result<Anchored> {
        let block = anvil.call("eth_getBlockByNumber", json!(["latest", false]));
        let time = block["timestamp"].as_str().unwrap().trim_start_matches("0x");
        let now = Timestamp::from_seconds(u64::from_str_radix(time, 16).unwrap() + seconds);
        let (contract, code_hash) = (self.contract, self.code_hash);
        let trusted = [TrustedChain { contract, code_hash, blocks: Vec::new() }];
        let endpoints = [anvil.endpoint.clone()];
        let mut nodes = GivenNodes::new(&endpoints)?;
        let chains = nodes.chains(&trusted, |_| panic!("the policy names this chain"))?;
        let (_, mut anchored) = self.stage.look_at_anchors(&trusted, chains, now)?;
        Ok(anchored.remove(0))
    }

    fn refuses(&self, anvil: &Anvil, seconds: u64, words: &str) {
        let error = self.look(anvil, seconds).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(Outcome::of(&error), Outcome::Refused);
    }
}

#[test]
fn what_a_contract_holds_is_compared_with_what_the_firm_shows() {
    let Some(anvil) = Anvil::start() else { return };
    let contract = anvil.deploy();
    let firm = Firm::new(contract);
    let [first, second] = firm.rollups;
    firm.show(&[]);
    let anchors = [anvil.anchor(contract, (0, first)), anvil.anchor(contract, (1, second))];
    assert_eq!(firm.look(&anvil, 0).unwrap().unshown, Some(2));
    firm.show(&anchors[..1]);
    let anchored = firm.look(&anvil, 0).unwrap();
    let on_chain = anchored.state.on_chain.map(|seen| seen.sequence);
    assert_eq!((on_chain, anchored.unshown), (Some(0), Some(1)));
    firm.refuses(&anvil, 86_701, "HIDES AN ANCHOR: entry 1");
    firm.show(&anchors);
    let anchored = firm.look(&anvil, 86_701).unwrap();
    assert_eq!((anchored.state.newest, anchored.unshown), (anchored.state.on_chain, Some(0)));
    anvil.anchor(contract, (2, Hash::of(b"foreign")));
    firm.refuses(&anvil, 0, "the chain holds an entry that is no roll-up of this firm");
}

#[test]
fn anchors_on_a_chain_of_the_firms_own_and_other_code_are_refused() {
    let (Some(anvil), Some(other)) = (Anvil::start(), Anvil::start()) else { return };
    let contract = anvil.deploy();
    // The same address, since the account and its number are the same.
    assert_eq!(other.deploy(), contract);
    let firm = Firm::new(contract);
    let [first, second] = firm.rollups;
    anvil.anchor(contract, (0, second));
    other.call("evm_increaseTime", json!([7]));
    firm.show(&[other.anchor(contract, (0, first))]);
    firm.refuses(&anvil, 0, "the chain has another block");
    let firm = Firm { code_hash: Word([1; 32]), ..Firm::new(contract) };
    firm.show(&[]);
    firm.refuses(&anvil, 0, "expected code");
}
