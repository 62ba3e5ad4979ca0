//! A real development chain: `anvil` on a free port of this machine, and what tests do with it.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use witness_anchor::{
    alloy::{Address, B256, hex},
    contract,
    deploy::{Deployed, Patience, Plan, deploy},
    nodes::{Endpoint, Expected, Nodes, Quorum},
    rpc::{Jitter, Limits, Node},
    wallet::{Wallet, create_development_keystore},
};
use witness_core::{key::VerifyingKey, rollup::Contract};

/// Where the program is; the checks of this repository set it.
const PROGRAM: &str = "WITNESS_ANVIL";
/// Keys of the accounts that every development chain gives money to.
const SECRETS: [&str; 3] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
];

/// Number of the chain that tests mean.
pub(crate) const CHAIN: u64 = 31337;

/// A running chain; ended when dropped.
pub(crate) struct Anvil {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Anvil {
    /// Starts a chain; `None`, and a sentence, where there is no such program.
    pub(crate) fn start(chain: u64) -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test is told from outside what it may use"
        )]
        let Ok(program) = std::env::var(PROGRAM) else {
            eprintln!("left out: {PROGRAM} must name anvil, as `cargo xtask test` does");
            return None;
        };
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", "0", "--hardfork", "osaka"]);
        // Final is then what two blocks lie upon.
        command.args(["--slots-in-an-epoch", "1", "--chain-id", &chain.to_string()]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        // It must not be held up by what nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, address: address.unwrap() })
    }

    /// One of many addresses of this chain: to us they are different nodes.
    pub(crate) fn url(&self, which: u8) -> String {
        format!("http://{}/?{which}", self.address)
    }

    /// This chain alone, believed.
    pub(crate) async fn single(&self, contract: Address) -> Nodes {
        let endpoints = vec![endpoint(&self.url(0), "one")];
        let nodes = Nodes::new(endpoints, Quorum::Single, expected(contract), &limits()).unwrap();
        nodes.connect().await.unwrap();
        nodes
    }

    /// Three nodes of two operators, all this chain.
    pub(crate) async fn three(&self, deployed: &Deployed) -> Nodes {
        let endpoints = [("a", 1), ("a", 2), ("b", 3)];
        let endpoints = endpoints.map(|(operator, which)| endpoint(&self.url(which), operator));
        let nodes = nodes_of(endpoints.to_vec(), deployed);
        nodes.connect().await.unwrap();
        nodes
    }

    /// Tells the chain what only a development chain can be told.
    pub(crate) async fn tell(&self, method: &'static str, parameters: Value) -> Value {
        // Once, however busy this machine is: another time it would do it again.
        let limits = Limits { tries: 1, answer_within: Duration::from_mins(2), ..limits() };
        Node::new(&self.url(0), limits).unwrap().read(method, parameters).await.unwrap()
    }

    /// Lets blocks pass.
    pub(crate) async fn mine(&self, blocks: u64) {
        self.tell("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }

    /// Deploys the contract: owned by the second account, with the third as committer.
    pub(crate) async fn deployed(&self) -> Deployed {
        let nodes = self.single(Address::ZERO).await;
        let plan =
            Plan { owner: wallet(1).address(), committer: wallet(2).address(), origin: origin() };
        deploy(&nodes, &wallet(0), &plan, &PATIENCE, &mut |_| {}).await.unwrap()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A development chain mines at once.
pub(crate) const PATIENCE: Patience =
    Patience { tip_min: 1, pause: Duration::from_millis(20), looks: 500 };

/// Limits for nodes of this machine.
pub(crate) fn limits() -> Limits {
    Limits { pause: Duration::from_millis(5), ..Limits::new(Jitter::new(|| 0)) }
}

/// A node of an operator.
pub(crate) fn endpoint(url: &str, operator: &str) -> Endpoint {
    Endpoint { url: url.to_owned(), operator: operator.to_owned() }
}

/// A contract whose code is not looked at.
pub(crate) fn expected(contract: Address) -> Expected {
    Expected { contract: Contract { chain: CHAIN, address: *contract.0 }, code_hash: None }
}

/// Nodes that must have this contract.
pub(crate) fn nodes_of(endpoints: Vec<Endpoint>, deployed: &Deployed) -> Nodes {
    let expected = Expected { contract: deployed.contract, code_hash: Some(deployed.code_hash) };
    Nodes::new(endpoints, Quorum::TwoOperators, expected, &limits()).unwrap()
}

/// A key with money on every development chain.
pub(crate) fn wallet(which: usize) -> Wallet {
    let folder = tempfile::tempdir().unwrap();
    let secret = hex::decode_to_array(SECRETS[which]).unwrap().into();
    create_development_keystore(&folder.path().join("key.json"), &secret, b"", [0; 32]).unwrap()
}

/// The origin of a firm.
pub(crate) fn origin() -> B256 {
    let root = "witness.example+a0fa1b0b+AUUfvP9DUoP9WBRlCEBbYAXPlNzkPaATuRYNNHpvNpwM";
    VerifyingKey::parse(root).map_or(B256::repeat_byte(7), |root| contract::origin(&root))
}
