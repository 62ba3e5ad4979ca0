//! Anchors from blocks of a node that runs now: anvil, where `WITNESS_ANVIL` says where it is.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use witness_anchor::{
    alloy::{Address, B256, SolCall as _, U48, hex},
    capture::{Captured, Mined, Sought, capture, header_matches},
    contract::{WitnessAnchorLog, deployment},
};
use witness_core::{evm::Word, hash::Hash, rollup::Contract};

/// A development chain that ends with its test.
struct Chain {
    process: Child,
    address: String,
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Chain {
    /// None, and a sentence, where there is no anvil.
    #[expect(
        clippy::print_stdout,
        reason = "whoever runs the test should know that it did nothing"
    )]
    fn start(arguments: &[&str]) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "a test reads where anvil is")]
        let Ok(anvil) = env::var("WITNESS_ANVIL") else {
            println!("set WITNESS_ANVIL to the path of anvil to run this test");
            return None;
        };
        let mut process = Command::new(anvil)
            .args(["--port", "0", "--host", "127.0.0.1", "--order", "fifo"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        let listening = lines.find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        let address = listening.unwrap();
        // Nobody else reads what it says; without a reader it would stop once the pipe is full.
        thread::spawn(move || lines.for_each(drop));
        Some(Self { process, address })
    }

    fn call(&self, method: &str, params: &Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let host = &self.address;
        let size = body.len();
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let answer: Value = serde_json::from_str(body).unwrap();
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn accounts(&self) -> Vec<Address> {
        serde_json::from_value(self.call("eth_accounts", &json!([]))).unwrap()
    }

    fn send(&self, transaction: Value) -> Value {
        self.call("eth_sendTransaction", &Value::Array(vec![transaction]))
    }

    fn receipt(&self, transaction: &Value) -> Value {
        for _ in 0..100 {
            let receipt = self.call("eth_getTransactionReceipt", &json!([transaction]));
            if !receipt.is_null() {
                return receipt;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("a transaction was not mined");
    }

    fn deploy(&self) -> Contract {
        let [owner, committer] = self.accounts()[..2] else { panic!("too few accounts") };
        let code = deployment(owner, committer, B256::ZERO);
        let receipt = self.receipt(&self.send(json!({ "from": owner, "data": code })));
        let address: Address = serde_json::from_value(receipt["contractAddress"].clone()).unwrap();
        let chain = self.call("eth_chainId", &json!([]));
        let chain = u64::from_str_radix(&chain.as_str().unwrap()[2..], 16).unwrap();
        Contract { chain, address: address.into_array() }
    }

    fn commit(&self, contract: &Contract, sequence: u64, rollup: &Hash) {
        let call = WitnessAnchorLog::commitCall {
            seq: U48::from(sequence),
            rollup: B256::from(*rollup.as_bytes()),
        };
        let (to, data) = (Address::from(contract.address), hex::encode_prefixed(call.abi_encode()));
        let from = self.accounts()[1];
        self.send(json!({ "from": from, "to": to, "gas": "0x1fbd0", "data": data }));
    }

    /// Mines what was sent, and proves the entries in it: their numbers in the block.
    fn mine_and_capture(&self, contract: Contract, entries: &[(u64, Hash)]) -> Value {
        self.call("evm_mine", &json!([]));
        let block = self.call("eth_getBlockByNumber", &json!(["latest", false]));
        let receipts = self.call("eth_getBlockReceipts", &json!(["latest"]));
        header_matches(&block, None).unwrap();
        let mined = Mined { block: &block, raw_header: None, receipts: &receipts };
        for (sequence, (transaction_index, rollup)) in (0..).zip(entries) {
            let (rollup, transaction_index) = (*rollup, *transaction_index);
            let sought = Sought { contract, sequence, rollup, transaction_index };
            let Captured { anchor, block: said } = capture(&mined, &sought).unwrap();
            assert_eq!(anchor.verify(&rollup), Ok(said));
            assert_eq!(json!(said.hash), block["hash"]);
            assert_ne!(said.hash, Word([0; 32]));
        }
        receipts
    }
}

#[test]
fn entries_of_a_running_chain_are_captured() {
    let Some(chain) = Chain::start(&["--hardfork", "osaka"]) else { return };
    let contract = chain.deploy();
    chain.call("evm_setAutomine", &json!([false]));
    let rollup = |n: u64| Hash::of(&n.to_be_bytes());
    let accounts = chain.accounts();
    let mut entries = Vec::new();
    for n in 0..140_u64 {
        if [0, 1, 126, 127, 128, 139].contains(&n) {
            chain.commit(&contract, u64::try_from(entries.len()).unwrap(), &rollup(n));
            entries.push((n, rollup(n)));
        } else {
            let (from, to) = (accounts[2], accounts[3]);
            chain.send(json!({ "from": from, "to": to, "value": "0x1", "gas": "0x5208" }));
        }
    }
    let receipts = chain.mine_and_capture(contract, &entries);
    assert_eq!(receipts.as_array().unwrap().len(), 140);
}

#[test]
fn entries_of_a_running_chain_with_deposits_are_captured() {
    let Some(chain) = Chain::start(&["--optimism"]) else { return };
    let contract = chain.deploy();
    chain.call("evm_setAutomine", &json!([false]));
    let accounts = chain.accounts();
    chain.send(json!({
        "type": "0x7e",
        "sourceHash": B256::repeat_byte(1),
        "from": accounts[4],
        "to": accounts[5],
        "value": "0x1",
        "mint": "0x64",
        "gas": "0x5208",
        "isSystemTx": false,
    }));
    let rollup = Hash::of(b"roll-up");
    chain.commit(&contract, 0, &rollup);
    let receipts = chain.mine_and_capture(contract, &[(1, rollup)]);
    let kind = receipts[0]["type"].as_str().unwrap();
    assert!(kind.eq_ignore_ascii_case("0x7e"), "{kind}");
}
