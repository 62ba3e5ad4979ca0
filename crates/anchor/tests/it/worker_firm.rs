//! A firm with a worker before a real chain: its memory, which can refuse, and its clock, which stands still.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use witness_anchor::{
    alloy::{Address, Bytes, hex},
    deploy::Deployed,
    nodes::Nodes,
    rpc::{At, Jitter},
    wallet::Wallet,
    worker::{
        Alarm, Attempt, Clock, Evidenced, Journal, Limits, Setup, State, Status, Worker,
        WorkerError,
    },
};
use witness_core::{evm::Anchor, hash::Hash, time::Timestamp};

use crate::chain::{Anvil, CHAIN, wallet};

/// Which half of a refused write is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Refused,
    DoneThoughReportedRefused,
}

/// The memory of a worker, in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    record: Option<String>,
    evidenced: Vec<Evidenced>,
    rollups: Vec<Hash>,
    /// How many writes still go well.
    refuse: Option<(usize, Half)>,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the disk refuses")]
pub(crate) struct Refused;

impl Memory {
    /// The roll-up with the next sequence, made of some word.
    pub(crate) fn roll_up(&self, word: &str) -> Hash {
        let value = Hash::of(word.as_bytes());
        self.0.lock().unwrap().rollups.push(value);
        value
    }

    pub(crate) fn rollup_count(&self) -> u64 {
        u64::try_from(self.0.lock().unwrap().rollups.len()).unwrap()
    }

    pub(crate) fn evidenced(&self) -> Vec<Evidenced> {
        self.0.lock().unwrap().evidenced.clone()
    }

    pub(crate) fn refuse(&self, writes: Option<(usize, Half)>) {
        self.0.lock().unwrap().refuse = writes;
    }

    /// The record of a backup.
    pub(crate) fn write_again(&self, record: &str) {
        self.0.lock().unwrap().record = Some(record.to_owned());
    }

    /// Only so many roll-ups stay.
    pub(crate) fn forget_rollups(&self, stay: usize) {
        self.0.lock().unwrap().rollups.truncate(stay);
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.0.lock().unwrap().record.clone()
    }
}

impl Journal for Memory {
    type Error = Refused;

    fn record(&self) -> Result<Option<String>, Refused> {
        Ok(self.text())
    }

    fn write(&self, record: &str, evidenced: &[Evidenced]) -> Result<(), Refused> {
        let mut pages = self.0.lock().unwrap();
        let half = match &mut pages.refuse {
            Some((0, half)) => Some(*half),
            Some((writes, _)) => {
                *writes -= 1;
                None
            }
            None => None,
        };
        if half != Some(Half::Refused) {
            pages.record = Some(record.to_owned());
            pages.evidenced.extend_from_slice(evidenced);
        }
        half.map_or(Ok(()), |_| Err(Refused))
    }

    fn newest_rollup(&self) -> Result<Option<(u64, Hash)>, Refused> {
        let pages = self.0.lock().unwrap();
        Ok((0..).zip(pages.rollups.iter().copied()).last())
    }

    fn rollup_of(&self, value: &Hash) -> Result<Option<u64>, Refused> {
        let pages = self.0.lock().unwrap();
        Ok((0..).zip(&pages.rollups).find(|(_, it)| *it == value).map(|(sequence, _)| sequence))
    }
}

/// A firm before a chain that mines only when told.
pub(crate) struct Firm {
    pub(crate) anvil: Anvil,
    pub(crate) deployed: Deployed,
    pub(crate) journal: Arc<Memory>,
    pub(crate) limits: Limits,
    seconds: Arc<AtomicU64>,
}

/// Limits without any waiting.
fn limits() -> Limits {
    let ether = 1_000_000_000_000_000_000;
    Limits {
        interval: Duration::ZERO,
        heartbeat: Duration::from_hours(24),
        bump_after: Duration::ZERO,
        bump_after_blocks: 1,
        ..Limits::layer2(ether, ether, ether)
    }
}

impl Firm {
    /// `None`, and a sentence, where there is no such program.
    pub(crate) async fn start() -> Option<Self> {
        let anvil = Anvil::start(CHAIN)?;
        let deployed = anvil.deployed().await;
        anvil.tell("evm_setAutomine", json!([false])).await;
        let (journal, seconds) = (Arc::default(), Arc::new(AtomicU64::new(1_800_000_000)));
        Some(Self { anvil, deployed, journal, limits: limits(), seconds })
    }

    pub(crate) async fn worker(&self) -> Worker<Memory> {
        self.worker_with(self.anvil.three(&self.deployed).await, wallet(2)).await.unwrap()
    }

    pub(crate) async fn worker_with(
        &self,
        nodes: Nodes,
        wallet: Wallet,
    ) -> Result<Worker<Memory>, WorkerError> {
        let seconds = Arc::clone(&self.seconds);
        let now = move || Timestamp::from_seconds(seconds.load(Ordering::SeqCst));
        Worker::open(Setup {
            nodes: Arc::new(nodes),
            wallet,
            journal: Arc::clone(&self.journal),
            limits: self.limits.clone(),
            clock: Clock { now: Arc::new(now), jitter: Jitter::new(|| 0) },
            first_block: self.deployed.receipt.block_number,
        })
        .await
    }

    /// Time passes.
    pub(crate) fn wait(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Looks once, a second later.
    pub(crate) async fn tick(&self, worker: &mut Worker<Memory>) {
        self.wait(1);
        worker.tick().await.unwrap();
    }

    /// A block with what waits, and a look.
    pub(crate) async fn mined(&self, worker: &mut Worker<Memory>) {
        self.anvil.mine(1).await;
        self.tick(worker).await;
    }

    /// Two more blocks make the newest one final; a look.
    pub(crate) async fn made_final(&self, worker: &mut Worker<Memory>) {
        self.anvil.mine(2).await;
        self.tick(worker).await;
    }

    /// Takes the newest blocks back.
    pub(crate) async fn roll_back(&self, blocks: u64) {
        self.anvil.tell("anvil_rollback", json!([blocks])).await;
    }

    /// A transaction of another key's to the contract, mined.
    pub(crate) async fn send(&self, from: Address, data: &[u8]) {
        let (data, to) = (hex::encode_prefixed(data), self.contract());
        let transaction = json!({ "from": from, "to": to, "data": data, "gas": "0x30d40" });
        self.anvil.tell("anvil_impersonateAccount", json!([from])).await;
        self.anvil.tell("eth_sendTransaction", json!([transaction])).await;
        self.anvil.mine(1).await;
    }

    pub(crate) fn contract(&self) -> Address {
        Address::from(self.deployed.contract.address)
    }

    /// Whether the chain, or its pool, knows the transaction.
    pub(crate) async fn knows(&self, attempt: &Attempt) -> bool {
        let hash = attempt.hash.to_string();
        self.anvil.tell("eth_getTransactionByHash", json!([hash])).await != Value::Null
    }

    pub(crate) async fn forget(&self, attempt: &Attempt) {
        let hash = attempt.hash.to_string();
        self.anvil.tell("anvil_dropTransaction", json!([hash])).await;
    }

    /// All that is evidenced verifies, stands where the chain says, and is the contract's own log.
    pub(crate) async fn check(&self, worker: &Worker<Memory>) {
        let nodes = self.anvil.three(&self.deployed).await;
        let evidenced = self.journal.evidenced();
        for it in &evidenced {
            let value = self.journal.0.lock().unwrap().rollups[usize::try_from(it.rollup).unwrap()];
            let anchor = Anchor::parse(&it.anchor).unwrap();
            assert_eq!(anchor.verify(&value).unwrap(), it.block);
            assert_eq!((anchor.contract, anchor.sequence), (self.deployed.contract, it.sequence));
            let block = nodes.block(it.block.number).await.unwrap().unwrap();
            assert_eq!(block.hash.0, it.block.hash.0, "{} is where it is not", it.sequence);
        }
        let sequences: Vec<u64> = evidenced.iter().map(|it| it.sequence).collect();
        assert!(sequences.iter().copied().eq(0..worker.record().mirror.size()), "{sequences:?}");
        let last = nodes.finalized().await.unwrap();
        let state = nodes.state(At::Number(last.number)).await.unwrap();
        if state.size == worker.record().mirror.size() {
            assert_eq!(state.root, worker.record().mirror.root());
        }
    }

    /// Until all roll-ups that are under way are evidenced.
    pub(crate) async fn finish(&self, worker: &mut Worker<Memory>) {
        for _ in 0..10 {
            self.tick(worker).await;
            if worker.record().window.is_empty() {
                return self.check(worker).await;
            }
            self.anvil.mine(3).await;
        }
        panic!("it never ends: {:#?}", worker.record());
    }
}

/// How far the entries of the window are.
pub(crate) fn states(worker: &Worker<Memory>) -> Vec<State> {
    worker.record().window.iter().map(witness_anchor::worker::Entry::state).collect()
}

/// The attempts of an entry of the window.
pub(crate) fn attempts(worker: &Worker<Memory>, index: usize) -> Vec<Attempt> {
    worker.record().window[index].sending.clone().unwrap().attempts
}

pub(crate) fn status(worker: &Worker<Memory>) -> Status {
    worker.status().borrow().clone()
}

pub(crate) fn has(worker: &Worker<Memory>, is_it: fn(&Alarm) -> bool) -> bool {
    status(worker).alarms.iter().any(is_it)
}

pub(crate) fn raw(attempt: &Attempt) -> Bytes {
    attempt.raw.clone()
}
