//! Anchoring: one worker for each chain of the configuration, tied to the firm's store.
//!
//! What must hold: a chain holds up nothing but its own anchors. Only if it shows that the data is older than what it
//! has, the logs take no more writes.

mod journal;
mod line;
mod task;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use witness_anchor::{
    alloy::B256,
    nodes::{Endpoint, Expected, Nodes, Quorum},
    rpc::{self, Jitter},
    wallet::Wallet,
    worker::{Limits, Phase, Status},
};
use witness_core::rollup::Contract;

pub(crate) use self::{line::line, task::run};
use crate::{
    clock::ChainTime,
    config::{Chain, Config},
    keys,
};

const WEI_PER_GWEI: u128 = 1_000_000_000;
/// A worker that looks at its nodes answers afterwards.
const RESUMED_WITHIN: Duration = Duration::from_secs(20);

/// The chains that roll-ups go to.
#[derive(Debug)]
pub(crate) struct Anchoring {
    sites: Vec<Arc<Site>>,
    chain_time: ChainTime,
}

/// One contract, and all that its worker needs.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) contract: Contract,
    chain: Chain,
    nodes: Arc<Nodes>,
    standing: watch::Sender<Standing>,
    resume: mpsc::Sender<Resume>,
    /// Taken by the worker's task.
    resumed: Mutex<Option<mpsc::Receiver<Resume>>>,
}

/// An operator waits for what had halted the worker.
type Resume = oneshot::Sender<String>;

/// How a worker stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// As it says itself; nothing before it has begun.
    pub(crate) status: Option<Status>,
    /// Why it does not work at all, if it does not.
    pub(crate) ended: Option<String>,
    /// Why the chain was not compared with this data yet, if it was not.
    pub(crate) not_compared: Option<String>,
    /// Nodes that were taken out: of another chain, or with other code at the contract's address.
    pub(crate) refused_nodes: Vec<String>,
}

impl Standing {
    /// It sends nothing, because of how the contract stands.
    fn is_stopped(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.phase == Phase::Stopped)
    }

    /// Whether it waits for its operator.
    pub(crate) fn is_halted(&self) -> bool {
        let is_halted = self.status.as_ref().is_some_and(|status| status.halted.is_some());
        is_halted || self.is_stopped() || self.ended.is_some()
    }

    /// How much there is that an operator should know.
    pub(crate) fn alarms(&self) -> usize {
        let own = self.status.as_ref().map_or(0, |status| status.alarms.len());
        let more = usize::from(self.not_compared.is_some()) + usize::from(self.ended.is_some());
        own + more + self.refused_nodes.len()
    }
}

impl Anchoring {
    /// The chains of the configuration; their keys are opened once, so that a wrong password is known now.
    pub(crate) fn open(config: &Config, chain_time: ChainTime) -> anyhow::Result<Self> {
        let mut sites = Vec::new();
        for chain in &config.chains {
            let contract = chain.contract()?;
            let site = Site::open(chain, config.is_development);
            sites.push(Arc::new(site.with_context(|| format!("the chain of {contract}"))?));
        }
        sites.sort_by_key(|site| site.contract);
        Ok(Self { sites, chain_time })
    }

    /// What time the chains show.
    pub(crate) fn chain_time(&self) -> &ChainTime {
        &self.chain_time
    }

    /// The contracts, sorted.
    pub(crate) fn contracts(&self) -> Vec<Contract> {
        self.sites.iter().map(|site| site.contract).collect()
    }

    /// Each contract with how its worker stands.
    pub(crate) fn standings(&self) -> impl Iterator<Item = (Contract, Standing)> {
        self.sites.iter().map(|site| (site.contract, site.standing.borrow().clone()))
    }

    /// Lets a halted worker go on: what had halted it, nothing if it had not; an error says why there is no worker.
    pub(crate) async fn resume(&self, contract: Contract) -> Result<String, String> {
        let site = self.sites.iter().find(|site| site.contract == contract);
        let site = site.ok_or_else(|| format!("{contract} is not in the configuration"))?;
        let no_worker = || {
            let ended = site.standing.borrow().ended.clone();
            ended.unwrap_or_else(|| "the worker has not begun yet; try again".to_owned())
        };
        // Its operator must change the contract's committer, or the configuration: going on would change nothing.
        if site.standing.borrow().is_stopped() {
            return Err(line::why(&site.standing.borrow()));
        }
        let (answer, halted) = oneshot::channel();
        site.resume.try_send(answer).map_err(|_full_or_closed| no_worker())?;
        match tokio::time::timeout(RESUMED_WITHIN, halted).await {
            Ok(Ok(halted)) => Ok(halted),
            Ok(Err(_)) | Err(_) => Err(no_worker()),
        }
    }
}

impl Site {
    fn open(chain: &Chain, is_development: bool) -> anyhow::Result<Self> {
        let contract = chain.contract()?;
        let wallet = open_wallet(chain)?;
        tracing::info!(%contract, committer = %wallet.address(), "roll-ups go to this contract");
        let endpoints = chain
            .nodes
            .iter()
            .map(|node| Endpoint { url: node.url.clone(), operator: node.operator.clone() });
        let quorum = if is_development { Quorum::Single } else { Quorum::TwoOperators };
        let expected = Expected { contract, code_hash: Some(B256::from(chain.code_hash()?.0)) };
        let limits = rpc::Limits::new(Jitter::new(random));
        let nodes = Arc::new(Nodes::new(endpoints.collect(), quorum, expected, &limits)?);
        let (standing, _) = watch::channel(Standing::default());
        let (resume, resumed) = mpsc::channel(1);
        let (chain, resumed) = (chain.clone(), Mutex::new(Some(resumed)));
        Ok(Self { contract, chain, nodes, standing, resume, resumed })
    }

    /// What the worker may spend, and how long it waits.
    fn limits(&self) -> Limits {
        let gwei = |gwei: u64| u128::from(gwei) * WEI_PER_GWEI;
        let Chain { anchor_max_gwei, day_max_gwei, month_max_gwei, .. } = self.chain;
        Limits {
            interval: Duration::from_secs(self.chain.interval_s),
            bump_after: Duration::from_secs(self.chain.bump_after_s),
            tip_wei_min: self.chain.tip_min_wei.into(),
            ..Limits::layer2(gwei(anchor_max_gwei), gwei(day_max_gwei), gwei(month_max_gwei))
        }
    }
}

fn open_wallet(chain: &Chain) -> anyhow::Result<Wallet> {
    keys::committer(&chain.keystore, &chain.password_file)
}

/// Chance for pauses, which nobody needs to be unable to guess: none, where the system gives none.
fn random() -> u64 {
    getrandom::u64().unwrap_or_default()
}
