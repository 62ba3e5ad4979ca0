//! The driver: looks at the chain, writes what the machine says, and then does what it says.
//!
//! What must hold: memory never runs ahead of the journal. A record is written before anything that rests on it is
//! done, and if it cannot be written the worker ends; when it is started again, it goes on from what is written.

mod compare;
mod deeds;
mod prove;
mod sight;
mod status;

use std::{error::Error, fmt, sync::Arc, time::Duration};

use alloy_primitives::Address;
use tokio::sync::watch;
use witness_core::{rollup::Contract, time::Timestamp};

use self::sight::Sight;
pub use self::{
    compare::{Comparison, compare},
    status::{Phase, Status},
};
use super::{
    alarm::Alarm,
    journal::{Evidenced, Journal},
    limits::Limits,
    machine::{Now, step},
    record::{Proof, ProofFault, Record, RecordError, RecordFault},
};
use crate::{
    capture::CaptureError,
    nodes::{Nodes, NodesError},
    rpc::Jitter,
    wallet::Wallet,
};

/// A step that signs is followed by one that sends.
const STEPS_MAX: usize = 2;

/// What a worker works with.
#[derive(Debug)]
pub struct Setup<J> {
    /// Nodes of the chain, which know the contract.
    pub nodes: Arc<Nodes>,
    /// The committer's key.
    pub wallet: Wallet,
    /// The worker's memory.
    pub journal: Arc<J>,
    /// What it may spend and how long it waits.
    pub limits: Limits,
    /// Time and chance.
    pub clock: Clock,
    /// Number of the block in which the contract was made, or of one before it; no entry is looked for below.
    pub first_block: u64,
}

/// Time and chance, made outside.
#[derive(Clone)]
pub struct Clock {
    /// The firm's time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// What is added to the interval between anchors.
    pub jitter: Jitter,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

/// Why the worker ends. Nothing is lost: it goes on when it is started again.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The journal cannot be read or written.
    #[error("the anchor journal cannot be used: {0}; mend the firm's store and start again")]
    Journal(#[source] Box<dyn Error + Send + Sync>),
    /// What is written is no record.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// The record is about another contract.
    #[error(
        "the anchor record is about {found} and the configured contract is {expected}: configure the one that the \
         record is about, or a store of its own for each"
    )]
    OtherContract {
        /// As configured.
        expected: Contract,
        /// As recorded.
        found: Contract,
    },
    /// Every node is of another chain, or has another contract.
    #[error(transparent)]
    Nodes(NodesError),
    /// Blocks of this chain cannot be rebuilt, so nothing on it could be proved.
    #[error("anchors on this chain could not be proved: {0}")]
    NotProvable(CaptureError),
    /// A proof that verified once does not any more.
    #[error("a proof in memory fails: {0}; check the memory of this machine")]
    Proof(#[from] ProofFault),
    /// The machine and the record do not agree.
    #[error(transparent)]
    Attempt(#[from] RecordError),
}

/// The worker of one contract.
#[derive(Debug)]
pub struct Worker<J> {
    setup: Setup<J>,
    /// As it is written.
    record: Record,
    /// Whether blocks of the chain can be rebuilt; nothing is sent before that is known.
    is_provable: bool,
    status: watch::Sender<Status>,
}

impl<J: Journal + 'static> Worker<J> {
    /// Reads the record; nothing is asked of the nodes yet.
    pub async fn open(setup: Setup<J>) -> Result<Self, WorkerError> {
        let (nodes, account) = (&setup.nodes, setup.wallet.address());
        let expected = contract_of(nodes);
        let record = match read(&setup.journal, J::record).await? {
            Some(text) => Record::parse(&text)?,
            None => Record::new(expected, account),
        };
        if record.contract != expected {
            return Err(WorkerError::OtherContract { expected, found: record.contract });
        }
        let (status, _) = watch::channel(Status::starting(&record));
        Ok(Self { setup, record, is_provable: false, status })
    }

    /// How the worker stands, now and whenever it has looked.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The record, as it is written.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// An operator's word that what halted the worker was looked into, see [`Record::resume`].
    pub async fn resume(&mut self) -> Result<(), WorkerError> {
        let mut record = self.record.clone();
        record.resume();
        self.write(record, Vec::new()).await
    }

    /// Works until `stop`, with a pause between ticks. To be stopped in the middle of a tick is no worse than a
    /// crash there: nothing is lost.
    pub async fn run(
        mut self,
        pause: Duration,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), WorkerError> {
        let work = async move {
            loop {
                self.tick().await?;
                tokio::time::sleep(pause).await;
            }
        };
        first(work, stop).await.unwrap_or(Ok(()))
    }

    /// Looks once, and does what is to be done then.
    pub async fn tick(&mut self) -> Result<(), WorkerError> {
        let mut alarms = Vec::new();
        match self.setup.nodes.connect().await {
            Ok(_) => {}
            Err(refused @ NodesError::AllRefused { .. }) => {
                return Err(WorkerError::Nodes(refused));
            }
            Err(error) => alarms.push(failed("reaching the nodes", &error)),
        }
        if !self.is_provable {
            let Some(answer) = prove::is_provable(&self.setup.nodes).await else {
                alarms.push(Alarm::NoSight);
                self.publish(None, alarms);
                return Ok(());
            };
            answer.map_err(WorkerError::NotProvable)?;
            self.is_provable = true;
        }
        let sight = Sight { setup: &self.setup, record: &self.record };
        let seen = sight.look(&mut alarms).await?;
        let limits = &self.setup.limits;
        let jitter = self.setup.clock.jitter.part_of(limits.interval);
        for _ in 0..STEPS_MAX {
            let now = Now { at: self.now(), jitter };
            let step = step(&self.record, &seen, now, &self.setup.limits);
            self.write(step.record, step.evidenced).await?;
            alarms.extend(step.alarms);
            if !self.act(step.actions, &mut alarms).await? {
                break;
            }
        }
        self.publish(Some(&seen), alarms);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        (self.setup.clock.now)()
    }

    fn account(&self) -> Address {
        self.setup.wallet.address()
    }

    /// Writes a record, with what is evidenced now, and only then takes it over.
    async fn write(
        &mut self,
        record: Record,
        evidenced: Vec<Evidenced>,
    ) -> Result<(), WorkerError> {
        if record == self.record && evidenced.is_empty() {
            return Ok(());
        }
        self.check_again(&evidenced)?;
        let text = record.encode()?;
        read(&self.setup.journal, move |journal| journal.write(&text, &evidenced)).await?;
        self.record = record;
        Ok(())
    }

    /// What is to be evidence is verified once more, when it is final.
    fn check_again(&self, evidenced: &[Evidenced]) -> Result<(), WorkerError> {
        for it in evidenced {
            let entry = self.record.entry(it.sequence);
            let entry = entry.ok_or(WorkerError::Attempt(RecordError::NotExpected(it.sequence)))?;
            let place = entry.place.as_ref();
            let proof: Option<&Proof> = place.and_then(|place| place.proof.as_ref());
            let proof = proof.ok_or(WorkerError::Proof(ProofFault::Other))?;
            proof.check_again(&self.record.contract, (entry.sequence, &entry.value))?;
        }
        Ok(())
    }
}

fn contract_of(nodes: &Nodes) -> Contract {
    Contract { chain: nodes.chain(), address: *nodes.contract().0 }
}

fn failed(what: &'static str, why: &dyn fmt::Display) -> Alarm {
    Alarm::Failed { what, why: why.to_string() }
}

/// Calls the journal, which blocks, where blocking does no harm.
async fn read<J: Journal + 'static, T: Send + 'static>(
    journal: &Arc<J>,
    call: impl FnOnce(&J) -> Result<T, J::Error> + Send + 'static,
) -> Result<T, WorkerError> {
    let journal = Arc::clone(journal);
    let called = tokio::task::spawn_blocking(move || call(&journal)).await;
    let answer = called.map_err(|panic| WorkerError::Journal(Box::new(panic)))?;
    answer.map_err(|error| WorkerError::Journal(Box::new(error)))
}

/// What the first future gives, unless the second one is ready before.
async fn first<T>(work: impl Future<Output = T>, stop: impl Future<Output = ()>) -> Option<T> {
    let (mut work, mut stop) = (Box::pin(work), Box::pin(stop));
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    })
    .await
}
