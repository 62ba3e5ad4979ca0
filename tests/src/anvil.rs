//! A real development chain: `anvil` on a free port of this machine, spoken to in plain JSON-RPC.

mod steering;

pub use self::steering::{Block, Logged, Mining};

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use witness_anchor::alloy::{Address, Bytes, hex};

/// Where the program is; `cargo xtask test` sets it.
const PROGRAM: &str = "WITNESS_ANVIL";
/// Only against hanging for ever: nothing is judged by it.
const RECEIPT_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A running chain; ended when dropped.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    url: String,
    agent: ureq::Agent,
    calls: AtomicU64,
}

/// What became of a transaction.
#[derive(Debug, Clone)]
pub struct Mined {
    /// Whether it did what it should.
    pub is_good: bool,
    /// Gas that it took.
    pub gas: u64,
    /// The contract that it made.
    pub contract: Option<Address>,
    /// Topics and data of each log.
    pub logs: Vec<(Vec<Bytes>, Bytes)>,
}

impl Anvil {
    /// Starts a chain that mines each transaction at once.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a chain on which a block is final as soon as two others follow it.
    #[must_use]
    pub fn with_finality() -> Self {
        Self::with(&["--slots-in-an-epoch", "1"])
    }

    /// Starts a chain of the OP Stack's kind, on which a block is final as soon as two others follow it.
    #[must_use]
    pub fn optimism() -> Self {
        Self::with(&["--network", "optimism", "--slots-in-an-epoch", "1"])
    }

    /// Starts a chain with further arguments.
    #[must_use]
    pub fn with(arguments: &[&str]) -> Self {
        let program = crate::variable(PROGRAM)
            .unwrap_or_else(|| panic!("{PROGRAM} must name anvil, as `cargo xtask test` does"));
        let mut command = Command::new(program);
        // The OP Stack names its forks otherwise.
        let fork = if arguments.contains(&"optimism") { "jovian" } else { "osaka" };
        command.args(["--host", "127.0.0.1", "--hardfork", fork]).args(arguments);
        if !arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        // It must not be held up by what nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://{}", address.expect("anvil did not start"));
        Self { child, url, agent: ureq::Agent::new_with_defaults(), calls: AtomicU64::new(0) }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// One call; its result, or the error that the chain gave.
    pub fn ask(&self, method: &str, parameters: &Value) -> Result<Value, Value> {
        let id = self.calls.fetch_add(1, Ordering::Relaxed);
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters });
        let post = self.agent.post(&self.url).content_type("application/json");
        let mut answer = post.send(call.to_string()).unwrap();
        let body = answer.body_mut().with_config().limit(256 << 20).read_to_vec().unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer.get("result").cloned().unwrap_or_default()),
        }
    }

    /// Accounts with money, whose keys the chain has.
    #[must_use]
    pub fn accounts(&self) -> Vec<Address> {
        let accounts = self.ask("eth_accounts", &json!([])).unwrap();
        accounts
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap().parse().unwrap())
            .collect()
    }

    /// Sends a transaction, and waits until it is mined.
    #[must_use]
    pub fn send(&self, from: Address, to: Option<Address>, data: &[u8], gas: u64) -> Mined {
        let (data, gas) = (hex::encode_prefixed(data), format!("{gas:#x}"));
        self.post(&json!({ "from": from, "to": to, "data": data, "gas": gas }))
    }

    /// Sends a transaction as JSON-RPC has it, and waits until it is mined.
    #[must_use]
    pub fn post(&self, transaction: &Value) -> Mined {
        let hash = self.ask("eth_sendTransaction", &json!([transaction])).unwrap();
        for _ in 0..RECEIPT_WITHIN.as_millis() {
            let receipt = self.ask("eth_getTransactionReceipt", &json!([hash])).unwrap();
            if !receipt.is_null() {
                return mined(&receipt);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("the transaction {hash} is never mined")
    }

    /// Asks a contract: what it returns, or what it reverts with.
    pub fn call(&self, from: Address, to: Address, data: &[u8]) -> Result<Bytes, Bytes> {
        let call = json!({ "from": from, "to": to, "data": hex::encode_prefixed(data) });
        match self.ask("eth_call", &json!([call, "latest"])) {
            Ok(returned) => Ok(bytes(&returned)),
            Err(error) => Err(bytes(error.get("data").unwrap_or(&Value::Null))),
        }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn mined(receipt: &Value) -> Mined {
    let log = |log: &Value| {
        let topics = log["topics"].as_array().unwrap().iter().map(bytes).collect();
        (topics, bytes(&log["data"]))
    };
    Mined {
        is_good: receipt["status"] == "0x1",
        gas: number(&receipt["gasUsed"]),
        contract: receipt["contractAddress"].as_str().map(|address| address.parse().unwrap()),
        logs: receipt["logs"].as_array().unwrap().iter().map(log).collect(),
    }
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

fn bytes(value: &Value) -> Bytes {
    hex::decode(value.as_str().unwrap_or("0x")).unwrap().into()
}
