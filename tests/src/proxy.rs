//! A node of a chain that misbehaves on command: the process `witness-chain-proxy` in front of a real one.
//!
//! The faults are rules. A call is subject to all rules that fit it, in their order; what no rule fits is
//! passed on as it came.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use witness_anchor::alloy::Bytes;

use crate::process::program;

/// What the program says first, before its address.
pub const LISTENING: &str = "listening on ";
/// Where it is steered; any other path is the node's.
pub const CONTROL: &str = "/control";

/// A fault, and the calls that suffer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The method; `*` for any.
    pub method: String,
    /// Text that the JSON of the parameters must contain, such as the selector of a contract's function.
    #[serde(default)]
    pub containing: Option<String>,
    /// For how many calls it is there; for all, if this is not said.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub fault: Fault,
}

/// What can happen to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing happens for so many milliseconds. Whoever hangs up meanwhile has not called.
    DelayMs(u64),
    /// The node gets it, and the connection is closed without an answer.
    DropAnswer,
    /// The node does not get it, and the connection is closed.
    Close,
    /// The node does not get it, and the answer is this HTTP status.
    Status(u16),
    /// The node does not get it, and the answer is an error of JSON-RPC.
    Error {
        /// Its code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// The node gets it twice; the second answer counts.
    Repeat,
    /// A part of the result is another one.
    Falsify {
        /// JSON pointer (RFC 6901) into the result; empty for the whole.
        pointer: String,
        /// What stands there; it is added to an object that lacks it.
        value: Value,
    },
    /// The node knows nothing later than when the rule came: its blocks, states, nonces and receipts are old.
    Stale,
    /// Nothing is known of receipts and logs.
    HideReceipts,
}

impl Rule {
    /// For every call of a method, until cleared.
    #[must_use]
    pub fn on(method: &str, fault: Fault) -> Self {
        Self { method: method.to_owned(), containing: None, times: None, fault }
    }

    /// For every call, until cleared.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self::on("*", fault)
    }

    /// Only where the parameters contain this.
    #[must_use]
    pub fn containing(self, text: &str) -> Self {
        Self { containing: Some(text.to_owned()), ..self }
    }

    /// For so many calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }
}

/// What has come by so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// By method.
    pub methods: BTreeMap<String, Calls>,
    /// Each raw transaction that came to be sent, whatever became of it.
    pub raw_transactions: Vec<String>,
}

/// The calls of a method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// How many came.
    pub calls: u64,
    /// How often the node got one.
    pub forwarded: u64,
}

/// A running proxy; ended when dropped.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    url: String,
    agent: ureq::Agent,
}

impl Proxy {
    /// Starts one, without a fault, in front of a node.
    #[must_use]
    pub fn start(upstream: &str) -> Self {
        let mut command = Command::new(program("witness-chain-proxy"));
        // It ends with its standard input, so also when the journey is killed.
        command.args(["--upstream", upstream]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix(LISTENING).expect("the proxy did not start");
        Self { child, url: url.to_owned(), agent: ureq::Agent::new_with_defaults() }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on these rules hold, and no others.
    pub fn rules(&self, rules: &[Rule]) {
        let body = serde_json::to_vec(rules).unwrap();
        let post = self.agent.post(format!("{}{CONTROL}", self.url));
        let _done = post.content_type("application/json").send(body.as_slice()).unwrap();
    }

    /// From now on it is honest.
    pub fn clear(&self) {
        self.rules(&[]);
    }

    /// What has come by so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let mut answer = self.agent.get(format!("{}{CONTROL}", self.url)).call().unwrap();
        let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// How many calls of a method came.
    #[must_use]
    pub fn calls(&self, method: &str) -> u64 {
        self.traffic().methods.get(method).copied().unwrap_or_default().calls
    }

    /// How often the node got a call of a method.
    #[must_use]
    pub fn forwarded(&self, method: &str) -> u64 {
        self.traffic().methods.get(method).copied().unwrap_or_default().forwarded
    }

    /// Each raw transaction that came to be sent, whatever became of it.
    #[must_use]
    pub fn sent(&self) -> Vec<Bytes> {
        let sent = self.traffic().raw_transactions;
        sent.iter().map(|bytes| bytes.parse().unwrap()).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
