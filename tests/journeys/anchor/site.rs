//! A firm that anchors: its machine, a chain with its contract, and three nodes of two operators, each of which
//! can be made to misbehave. What the journeys take for granted of its configuration stands here alone.

use std::{fs, thread, time::Duration};

use serde_json::{Value, json};
use witness_anchor::{
    alloy::{Address, B256, SolCall, SolEvent as _},
    contract::{WitnessAnchorLog as Contract, deployment, origin},
};
use witness_core::{hash::Hash, policy::Policy};
use witness_tests::{Anvil, Committer, Mined, Mining, Proxy, Rule, Server};

use super::shown::{Final, covered, finals, published, rollups};
use crate::production::machine::{BANK, Machine, SCHOOL};

/// Number of the development chain.
pub(super) const CHAIN: u64 = 31_337;
/// Shortest time between two anchors, in seconds; the longest is twice that.
pub(super) const INTERVAL_S: u64 = 1;
pub(super) const SEND: &str = "eth_sendRawTransaction";
/// What a transaction of one's own may take.
const GAS: u64 = 2_000_000;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Two minutes, only against hanging for ever: nothing is judged by it.
const LOOKS_MAX: u32 = 2_400;
/// The nodes, by who runs them.
const OPERATORS: [&str; 3] = ["a", "a", "b"];
/// The account that may append. The last account owns the contract.
const COMMITTER: usize = 1;

/// An entry of the contract, as the chain has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) value: Hash,
    pub(super) block: u64,
    pub(super) block_hash: B256,
    pub(super) transaction: B256,
}

/// A firm with a chain.
pub(super) struct Site {
    pub(super) machine: Machine,
    pub(super) anvil: Anvil,
    pub(super) nodes: Vec<Proxy>,
    pub(super) contract: Address,
    pub(super) committer: Committer,
}

/// Blocks come by themselves, so that anchors become final by themselves.
pub(super) const TICKING: Mining = Mining::EverySeconds(1);

impl Site {
    /// A firm that anchors as often as it can, on a chain that makes its blocks so.
    pub(super) fn new(mining: Mining) -> Self {
        Self::on(Anvil::with_finality(), mining)
    }

    /// The same on another chain.
    pub(super) fn on(anvil: Anvil, mining: Mining) -> Self {
        let machine = Machine::new();
        let committer = Committer::within(&machine.path(""), COMMITTER);
        let policy = Policy::parse(&fs::read(machine.path("firm/policy.json")).unwrap()).unwrap();
        let owner = *anvil.accounts().last().unwrap();
        let code = deployment(owner, committer.address, origin(&policy.firm_root));
        let mined = anvil.send(owner, None, &code, GAS);
        assert!(mined.is_good);
        let contract = mined.contract.unwrap();
        anvil.set_mining(mining);
        let nodes = OPERATORS.iter().map(|_| Proxy::start(anvil.url())).collect();
        let site = Self { machine, anvil, nodes, contract, committer };
        let chain = site.chain();
        configure(&site.machine, &chain);
        site
    }

    /// The service on its machine; its issuers are registered the first time.
    pub(super) fn start(&self) -> Server {
        start(&self.machine)
    }

    /// The contract as evidence and policies name it.
    pub(super) fn caip10(&self) -> String {
        format!("eip155:{CHAIN}:{}", self.contract.to_string().to_lowercase())
    }

    /// Keccak-256 of the contract's code.
    pub(super) fn code_hash(&self) -> String {
        let code = self.anvil.ask("eth_getCode", &json!([self.contract, "latest"])).unwrap();
        self.keccak(&code)
    }

    /// Keccak-256 of bytes in hex.
    pub(super) fn keccak(&self, bytes: &Value) -> String {
        let hash = self.anvil.ask("web3_sha3", &json!([bytes])).unwrap();
        hash.as_str().unwrap().to_owned()
    }

    /// The chain as the configuration names it.
    pub(super) fn chain(&self) -> String {
        let Committer { keystore, password_file, .. } = &self.committer;
        let head = format!(
            "\n[[chains]]\ncontract = \"{}\"\ncode_hash = \"{}\"\nkeystore = \"{}\"\npassword_file = \"{}\"\n",
            self.caip10(),
            self.code_hash(),
            keystore.display(),
            password_file.display()
        );
        let nodes = self.nodes.iter().zip(OPERATORS).map(|(node, operator)| {
            let url = node.url();
            format!("[[chains.nodes]]\nurl = \"{url}\"\noperator = \"{operator}\"\n")
        });
        head + &times_and_limits() + &nodes.collect::<String>()
    }

    /// All nodes misbehave alike from now on.
    pub(super) fn all(&self, rules: &[Rule]) {
        self.nodes.iter().for_each(|node| node.rules(rules));
    }

    /// All nodes are honest from now on.
    pub(super) fn honest(&self) {
        self.all(&[]);
    }

    /// Different raw transactions that came to any node.
    pub(super) fn sent(&self) -> usize {
        let mut sent: Vec<_> = self.nodes.iter().flat_map(Proxy::sent).collect();
        sent.sort_unstable();
        sent.dedup();
        sent.len()
    }

    /// How many calls of a method came to all nodes.
    pub(super) fn calls(&self, method: &str) -> u64 {
        self.nodes.iter().map(|node| node.calls(method)).sum()
    }

    /// A transaction of the contract's owner.
    pub(super) fn owner_does(&self, call: &impl SolCall) -> Mined {
        let owner = *self.anvil.accounts().last().unwrap();
        self.anvil.send(owner, Some(self.contract), &call.abi_encode(), GAS)
    }

    /// All entries of the contract.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let topic = Contract::Anchored::SIGNATURE_HASH;
        let logs = self.anvil.logs(self.contract).into_iter();
        let anchored = logs.filter(|log| log.topics.first() == Some(&topic)).map(|log| {
            let event = Contract::Anchored::decode_raw_log(log.topics, &log.data).unwrap();
            let (sequence, value) = (event.seq.to(), Hash::new(event.rollup.0));
            let (block, block_hash) = (log.block, log.block_hash);
            Entry { sequence, value, block, block_hash, transaction: log.transaction }
        });
        anchored.collect()
    }

    /// Waits until something is so.
    pub(super) fn wait(server: &Server, what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..LOOKS_MAX {
            if is_so() {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        panic!("{what}: it never comes to that:\n{}", server.log())
    }

    /// Waits until the operator is told something, in the log or where the anchors stand.
    pub(super) fn is_told(server: &Server, words: &str) {
        Self::wait(server, words, || {
            server.log().contains(words) || server.found("/anchors").text().contains(words)
        });
    }

    /// Waits for the longest time in which an anchor must come if none is held back, and a little more.
    pub(super) fn let_pass(intervals: u64) {
        thread::sleep(Duration::from_secs(2 * INTERVAL_S * intervals + 1));
    }

    /// Waits until so many anchors are final; they must be as the chain has them.
    pub(super) fn final_ones(&self, server: &Server, count: usize) -> Vec<Final> {
        Self::wait(server, &format!("{count} final anchors"), || finals(server).len() >= count);
        self.check(server)
    }

    /// Waits until all that is logged now is covered by a final anchor, and gives that one.
    pub(super) fn anchored(&self, server: &Server) -> Final {
        Self::wait(server, "all is published", || published(server).is_some());
        let published = published(server).unwrap();
        let covering = || {
            let finals = finals(server).into_iter();
            let mut covering = finals.filter(|it| {
                let covered = covered(server, it.rollup);
                published.iter().all(|(log, size)| covered.get(log).is_some_and(|it| it >= size))
            });
            covering.next()
        };
        Self::wait(server, "an anchor over all that is logged", || covering().is_some());
        self.check(server);
        covering().unwrap()
    }

    /// The whole of it: one entry for each sequence, each a later roll-up of ours; what is shown as final is what
    /// the chain has. Gives what is shown.
    pub(super) fn check(&self, server: &Server) -> Vec<Final> {
        // First what is shown, so that the chain cannot be behind it.
        let finals = finals(server);
        let entries = self.entries();
        let ours = rollups(server);
        let mut last = None;
        for (place, entry) in (0..).zip(&entries) {
            assert_eq!(entry.sequence, place, "{entries:?}");
            let rollup = ours.iter().position(|rollup| rollup.value() == entry.value);
            let rollup = rollup.unwrap_or_else(|| panic!("{entry:?} is no roll-up of ours"));
            assert!(last.is_none_or(|last| last <= rollup), "{entries:?} go back");
            last = Some(rollup);
        }
        for (shown, entry) in finals.iter().zip(&entries) {
            let block = self.anvil.block(format!("{:#x}", entry.block)).unwrap();
            let rollup = usize::try_from(shown.rollup).unwrap();
            assert_eq!(ours[rollup].value(), entry.value, "{shown:?}");
            assert_eq!((shown.sequence, shown.time), (entry.sequence, block.time));
            assert_eq!((shown.block, shown.block_hash), (entry.block, entry.block_hash));
            assert_eq!(block.hash, entry.block_hash);
            assert!(block.number <= self.anvil.finalized().number, "{shown:?} is not final");
        }
        assert!(finals.len() <= entries.len(), "{finals:?} are not on the chain");
        finals
    }

    /// That each entry took one transaction: no nonce was used but for them.
    pub(super) fn check_nonces(&self) {
        let entries = u64::try_from(self.entries().len()).unwrap();
        assert_eq!(self.anvil.nonce(self.committer.address), entries);
    }
}

/// In a hurry, and with money: gas costs on the development chain what it costs on Ethereum.
fn times_and_limits() -> String {
    let options = [
        ("interval_s", INTERVAL_S),
        ("poll_s", 1),
        ("bump_after_s", 2),
        ("anchor_max_gwei", 10_000_000),
        ("day_max_gwei", 1_000_000_000),
        ("month_max_gwei", 10_000_000_000),
    ];
    options.map(|(option, value)| format!("{option} = {value}\n")).concat()
}

/// A machine whose roll-ups go to these chains, or nowhere.
pub(super) fn configure(machine: &Machine, chains: &str) {
    let path = machine.path("etc/witnessd.toml");
    let text = fs::read_to_string(&path).unwrap();
    // What the example says of roll-ups and chains is another firm's.
    let own = text.split("\n[[chains]]").next().unwrap().lines();
    let own: Vec<&str> = own.filter(|line| !line.starts_with("rollup_every_s")).collect();
    let text = format!("rollup_every_s = 1\n{}\n{chains}", own.join("\n"));
    fs::write(&path, text).unwrap();
}

/// Starts the service; its issuers are registered the first time.
pub(super) fn start(machine: &Machine) -> Server {
    let server = machine.start();
    for place in [SCHOOL, BANK] {
        if !machine.path(&format!("{}.skey", place.issuer)).exists() {
            machine.register(&server, place);
        }
    }
    server
}
