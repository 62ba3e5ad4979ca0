//! The task of one worker: compared with the chain first, begun again after an error, resumed when it is told.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
    time,
};
use witness_anchor::{
    rpc::Jitter,
    worker::{
        Clock, Comparison, Halt, Journal as _, Record, Setup, Status, Worker, WorkerError, compare,
    },
};
use witness_core::time::Timestamp;

use super::{Resume, Site, journal::StoredJournal, open_wallet, random};
use crate::{clock, firm::Firm};

/// How long the start waits for the chains to say whether the data is the newest.
const COMPARED_WITHIN: Duration = Duration::from_secs(5);
/// A worker that ended by an error begins again after this.
const BEGIN_AGAIN: Duration = Duration::from_secs(30);

/// Compares with the chains, as far as they answer in time, and then works beside the service. The workers end with
/// what is given back.
pub(crate) async fn run(firm: &Arc<Firm>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    let mut compared = JoinSet::new();
    for site in &firm.anchoring.sites {
        let (site, firm) = (Arc::clone(site), Arc::clone(firm));
        compared.spawn(async move {
            let known = time::timeout(COMPARED_WITHIN, is_newest(&site, &firm)).await;
            let is_known = known.unwrap_or_default();
            (site, firm, is_known)
        });
    }
    while let Some(task) = compared.join_next().await {
        let (site, firm, is_known) = match task {
            Ok(compared) => compared,
            Err(error) => {
                tracing::error!(%error, "a chain was not compared, and gets no anchors");
                continue;
            }
        };
        if is_known.is_none() {
            let contract = site.contract;
            tracing::warn!(%contract, "the chain does not say yet whether this data is the newest");
        }
        workers.spawn(async move { keep_working(&site, &firm, is_known).await });
    }
    workers
}

/// Works for as long as the service does, even if a worker panics.
async fn keep_working(site: &Arc<Site>, firm: &Arc<Firm>, is_known: Option<bool>) {
    let Some(resumed) = site.resumed.lock().await.take() else { return };
    let (resumed, mut is_known) = (Arc::new(Mutex::new(resumed)), is_known);
    loop {
        let (own, firm, resumed) = (Arc::clone(site), Arc::clone(firm), Arc::clone(&resumed));
        // Ended with this task, if that is ended.
        let mut task = JoinSet::new();
        task.spawn(async move { work(&own, &firm, (is_known, &mut *resumed.lock().await)).await });
        match task.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(contract = %site.contract, "the worker has panicked, and begins again");
                site.end("the worker has panicked; see the log".to_owned());
            }
            Some(_) | None => return,
        }
        is_known = None;
        time::sleep(BEGIN_AGAIN).await;
    }
}

/// Whether the data is as new as the newest anchor: `None` while the chain does not say. If it is older, the logs
/// take no more writes.
async fn is_newest(site: &Site, firm: &Firm) -> Option<bool> {
    let journal = Arc::new(journal(site, firm));
    let why = match compare(&journal, &site.nodes, site.chain.first_block).await {
        Ok(Comparison::Same) => return Some(true),
        // Seen while it worked: then it is not this data that is old, and whoever has the committer's key must not
        // be able to stop the logs.
        Ok(Comparison::Behind { .. }) if knows_of_a_stranger(&journal) => return Some(true),
        Ok(Comparison::Unknown(why)) => {
            site.is_not_compared(&why);
            return None;
        }
        Ok(Comparison::Behind { chain_size, known }) => format!(
            "the contract {} holds {chain_size} entries, this data knows {known}, and the newest is no roll-up of it: it is \
             not the newest copy; restore that. If it is the newest, somebody else has anchored with the committer's key: \
             deploy another contract, and configure that",
            site.contract
        ),
        Err(error) => {
            site.tell_of_nodes();
            site.is_not_compared(&error.to_string());
            return None;
        }
    };
    tracing::error!(%why, "no log takes writes");
    firm.logs.iter().for_each(|log| log.stop_writes(why.clone()));
    site.end(why);
    Some(false)
}

async fn work(
    site: &Arc<Site>,
    firm: &Firm,
    (mut is_known, resumed): (Option<bool>, &mut mpsc::Receiver<Resume>),
) {
    loop {
        let why = match begin(site, firm).await {
            Ok(mut worker) => {
                // What it remembers is shown before anybody is asked.
                let status = worker.status().borrow().clone();
                site.standing.send_modify(|standing| standing.status = Some(status));
                while is_known.is_none() {
                    time::sleep(Duration::from_secs(site.chain.poll_s)).await;
                    is_known = is_newest(site, firm).await;
                }
                if is_known == Some(false) {
                    return;
                }
                match drive(site, firm, &mut worker, resumed).await {
                    Ok(()) => return,
                    Err(error) => error.to_string(),
                }
            }
            Err(error) => format!("{error:#}"),
        };
        tracing::error!(contract = %site.contract, %why, "the worker has ended, and begins again");
        site.end(why);
        time::sleep(BEGIN_AGAIN).await;
    }
}

/// Whether the worker has halted because somebody else had anchored.
fn knows_of_a_stranger(journal: &StoredJournal) -> bool {
    let text = journal.record().ok().flatten();
    let record = text.and_then(|text| Record::parse(&text).ok());
    record.is_some_and(|record| matches!(record.halted, Some(Halt::ForeignCommit { .. })))
}

fn journal(site: &Site, firm: &Firm) -> StoredJournal {
    StoredJournal { store: Arc::clone(&firm.store), contract: site.contract }
}

async fn begin(site: &Arc<Site>, firm: &Firm) -> anyhow::Result<Worker<StoredJournal>> {
    // Opening a keystore takes a second of work.
    let own = Arc::clone(site);
    let wallet = tokio::task::spawn_blocking(move || open_wallet(&own.chain)).await??;
    let now = Arc::new(|| -> Timestamp { clock::wall() });
    let setup = Setup {
        nodes: Arc::clone(&site.nodes),
        wallet,
        journal: Arc::new(journal(site, firm)),
        limits: site.limits(),
        clock: Clock { now, jitter: Jitter::new(random) },
        first_block: site.chain.first_block,
    };
    Ok(Worker::open(setup).await?)
}

/// Works until an error, or until nobody can tell it to resume any more.
async fn drive(
    site: &Site,
    firm: &Firm,
    worker: &mut Worker<StoredJournal>,
    resumed: &mut mpsc::Receiver<Resume>,
) -> Result<(), WorkerError> {
    let status = worker.status();
    loop {
        let ticked = worker.tick().await;
        site.tell_of_nodes();
        ticked?;
        let now: Status = status.borrow().clone();
        let is_doubted = now.halted.as_ref().is_some_and(Halt::doubts_the_nodes);
        if let Some(block) = now.last_final.filter(|_| !is_doubted) {
            firm.anchoring.chain_time.saw(site.contract, block.time);
        }
        site.standing.send_modify(|standing| {
            standing.status = Some(now);
            (standing.ended, standing.not_compared) = (None, None);
        });
        tokio::select! {
            () = time::sleep(Duration::from_secs(site.chain.poll_s)) => {}
            asked = resumed.recv() => match asked {
                // Whoever does not wait any more may not know what has halted it since.
                Some(answer) if answer.is_closed() => {}
                Some(answer) => {
                    let halted = worker.record().halted.as_ref().map(ToString::to_string);
                    worker.resume().await?;
                    // Whoever asked may have gone.
                    drop(answer.send(halted.unwrap_or_default()));
                }
                None => return Ok(()),
            },
        }
    }
}

impl Site {
    /// Shows which nodes are not asked any more, and logs each once.
    fn tell_of_nodes(&self) {
        let statuses = self.nodes.statuses().into_iter();
        let refused = statuses.filter(|status| status.standing.is_for_good());
        let refused: Vec<String> = refused.map(|status| status.to_string()).collect();
        self.standing.send_modify(|standing| {
            for node in refused.iter().filter(|node| !standing.refused_nodes.contains(node)) {
                tracing::warn!(contract = %self.contract, node, "a node is not asked any more");
            }
            standing.refused_nodes = refused;
        });
    }

    /// Says why the chain could not be asked whether the data is the newest; logged when it changes.
    fn is_not_compared(&self, why: &str) {
        let why = format!("not compared with the chain yet: {why}");
        self.standing.send_modify(|standing| {
            if standing.not_compared.as_ref() != Some(&why) {
                tracing::warn!(contract = %self.contract, why);
            }
            standing.not_compared = Some(why);
        });
    }

    /// Says why there is no worker.
    fn end(&self, why: String) {
        self.standing.send_modify(|standing| standing.ended = Some(why));
    }
}
