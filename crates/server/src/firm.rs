//! The firm that this process serves: its logs, its own store, and what they share.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tonic::Status;
use witness_core::{
    admission::Refusal,
    firm::{Firm as FirmKeys, FirmError},
    key::VerifyingKey,
    name::{Domain, Name, Origin},
    note::{Note, Strict},
    policy::Policy,
};
use witness_domain::Search;
use witness_ledger::{FirmStore, FirmStoreError, Log, LogOptions};

use crate::{
    access::{AccessLog, Callers},
    anchoring::Anchoring,
    clock::{self, ChainTime, SystemClock},
    config::Config,
    convert, keys,
    memo::Memo,
    metrics::Metrics,
    rollups::RollUps,
    turns::Turns,
};

/// Exports at the same time.
const EXPORTS_MAX: usize = 2;

/// One firm.
#[derive(Debug)]
pub(crate) struct Firm {
    pub(crate) root: VerifyingKey,
    /// What the service checks its own evidence against before it hands it out.
    pub(crate) policy: Policy,
    pub(crate) logs: Vec<Arc<Log>>,
    pub(crate) memo: Memo,
    pub(crate) metrics: Metrics,
    /// Held while a registry change is checked against all logs and logged in one.
    pub(crate) registering: tokio::sync::Mutex<()>,
    pub(crate) store: Arc<FirmStore>,
    /// Who was let in.
    pub(crate) callers: Arc<Callers>,
    pub(crate) access_log: AccessLog,
    /// True once the service is to end: answers that go on for ever end then.
    pub(crate) stopping: tokio::sync::watch::Sender<bool>,
    /// Turns for exports, which read much.
    pub(crate) exports: Arc<tokio::sync::Semaphore>,
    /// How long what is made for a caller may wait to be taken.
    pub(crate) stalled_after: Duration,
    /// Turns for searches and the like.
    pub(crate) audit_turns: Turns,
    pub(crate) rollups: RollUps,
    pub(crate) anchoring: Anchoring,
    /// What finds out whether a domain is an issuer's own; nothing, where that is not asked.
    pub(crate) domains: Option<Search>,
}

impl Firm {
    /// Opens all logs, each verified. Must not run inside the runtime: it waits for the writers.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let root = VerifyingKey::parse(&config.root_vkey).context("root_vkey is no vkey")?;
        let firm =
            Domain::parse(root.name()).context("the root key must bear the firm's domain")?;
        // Before anything is made: what a wrong line of the configuration has made would stand in the way of
        // the right one.
        let notes = keys::firm_notes(&config.keys)?;
        check_notes(&notes, &root, config)?;
        let domains = config.domains.search()?;
        if domains.is_none() && !config.is_development {
            tracing::warn!(
                "[domains] prove = false: issuers are added without a proof that the domain is theirs"
            );
        }
        make_private(&config.data)?;
        let store = FirmStore::open(&config.data.join("firm"), &root);
        let store = store.map_err(|error| explain(error, &config.data))?;
        check_recorded(&store, &firm, config)?;
        let chain_time = ChainTime::default();
        let mut logs = Vec::new();
        for name in &config.logs {
            let named = (&firm, &root, name.as_str());
            logs.push(Arc::new(open_log(config, named, &notes, &store, &chain_time)?));
        }
        check_issuers_live_in_one_log(&logs)?;
        let anchoring = Anchoring::open(config, chain_time)?;
        let rollups = RollUps {
            key: keys::roll_up(&config.keys)?,
            every_s: config.rollup_every_s,
            contracts: anchoring.contracts(),
        };
        let policy = Policy::for_firm(root.clone());
        let (memo, metrics) = (Memo::new(), Metrics::new());
        let registering = tokio::sync::Mutex::default();
        let audit_turns = Turns::new(config.limits.audit.turns, config.limits.audit.turns_of_all);
        let store = Arc::new(store);
        let callers = Callers::open(Arc::clone(&store), keys::random, clock::wall)?;
        let callers = Arc::new(callers);
        let appended = Arc::clone(&store);
        let access_log = AccessLog::start(move |asked| appended.append_access(asked))
            .context("the writer of the access log could not be started")?;
        Ok(Self {
            root,
            policy,
            logs,
            memo,
            metrics,
            registering,
            store,
            callers,
            access_log,
            stopping: tokio::sync::watch::Sender::new(false),
            exports: Arc::new(tokio::sync::Semaphore::new(EXPORTS_MAX)),
            stalled_after: Duration::from_secs(config.limits.stalled_after_s),
            audit_turns,
            rollups,
            anchoring,
            domains,
        })
    }

    /// The log with an origin.
    pub(crate) fn log(&self, origin: &str) -> Option<&Arc<Log>> {
        self.logs.iter().find(|log| log.origin().as_str() == origin)
    }

    /// The log that is asked for by its origin; the only one where the origin is left out.
    pub(crate) fn log_asked(&self, origin: &str) -> Result<&Arc<Log>, Status> {
        let found = match (origin.is_empty(), self.logs.as_slice()) {
            (true, [only]) => Some(only),
            _ => self.log(origin),
        };
        found.ok_or_else(|| {
            let origins: Vec<&str> = self.logs.iter().map(|log| log.origin().as_str()).collect();
            convert::invalid("origin", &format!("one of {}", origins.join(", ")))
        })
    }

    /// The log under `/<name>/`.
    pub(crate) fn log_called(&self, name: &str) -> Option<&Arc<Log>> {
        self.logs.iter().find(|log| log.origin().log() == name)
    }

    /// The log in which an issuer lives.
    pub(crate) fn log_of(&self, issuer: &Domain) -> Option<&Arc<Log>> {
        self.logs.iter().find(|log| log.overview().registry.issuer(issuer).is_some())
    }

    /// The log that a text of an issuer's is bound to: the origin is its second line. Another origin is
    /// left to the only log, or the first, to refuse by name.
    pub(crate) fn log_bound(&self, note: &[u8]) -> Result<&Arc<Log>, Refusal> {
        let origin =
            note.split(|byte| *byte == b'\n').nth(1).and_then(|line| str::from_utf8(line).ok());
        let bound = origin.and_then(|origin| self.log(origin));
        bound.or_else(|| self.logs.first()).ok_or(Refusal::Stopping)
    }

    /// Ends the writers, once what waits is logged.
    pub(crate) fn close(&self) {
        self.logs.iter().for_each(|log| log.close());
        self.access_log.close();
    }
}

/// Opens one log, verified.
fn open_log(
    config: &Config,
    (firm, root, name): (&Domain, &VerifyingKey, &str),
    notes: &[Note],
    store: &FirmStore,
    chain_time: &ChainTime,
) -> anyhow::Result<Log> {
    let name = Name::parse(name).context("a log's name must be [a-z0-9-]{1,32}")?;
    let origin = Origin::of(firm, &name)
        .with_context(|| format!("no log can be called {name}: the name is reserved"))?;
    let options = LogOptions {
        path: config.data.join("logs").join(name.as_str()),
        head_copies: config.head_copies(),
        rolled_up: store.newest_rolled_up(&origin)?,
        origin: origin.clone(),
        root: root.clone(),
        firm_notes: notes.to_vec(),
        signers: keys::signers(&config.keys, &origin)?,
        clock: SystemClock::new(config.require_synchronised_clock, chain_time.clone()),
        cache_bytes: config.cache_mib << 20,
    };
    make_private(&config.data.join("logs"))?;
    let log = Log::open(options).with_context(|| format!("the log {origin} cannot be opened"))?;
    if let Some(why) = &log.overview().read_only {
        tracing::error!(%origin, %why, "this log takes no writes");
    }
    // Only now: a start that was interrupted while it made a log makes it again.
    store.record_log(&origin)?;
    tracing::info!(%origin, size = log.overview().size.0, "log opened and verified");
    Ok(log)
}

/// What was served before must still be there, and nothing begins by mistake: an empty log under the origin
/// of one that is lost would be a fork.
fn check_recorded(store: &FirmStore, firm: &Domain, config: &Config) -> anyhow::Result<()> {
    let recorded = store.recorded_logs()?;
    let is_configured = |origin: &&String| {
        let named = |name: &String| **origin == format!("{firm}/{name}");
        config.logs.iter().any(named)
    };
    if let Some(origin) = recorded.iter().find(|origin| !is_configured(origin)) {
        bail!("the data holds the log {origin}, and `logs` does not name it: name it again");
    }
    // Roll-ups would begin again, and those who watch would see two of one number.
    let is_log = |name: &String| config.data.join("logs").join(name).join("CURRENT").is_file();
    if recorded.is_empty() && !config.init && config.logs.iter().any(is_log) {
        bail!(
            "the firm's own store {} is new, and logs are there: restore it; it holds all roll-ups and anchors. Only if \
             the first start with --init was interrupted, start with --init again",
            config.data.join("firm").display()
        );
    }
    for name in &config.logs {
        let (origin, folder) = (format!("{firm}/{name}"), config.data.join("logs").join(name));
        // RocksDB writes this file last when it makes a store.
        let is_there = folder.join("CURRENT").is_file();
        if recorded.contains(&origin) && !is_there {
            bail!(
                "the log {origin} was served from this data, and {} is gone: restore it; a log never begins again",
                folder.display()
            );
        }
        if !is_there && !config.init {
            bail!(
                "there is no log {origin} in {}: if it is new, start once with --init; if it is not, the data \
                 folder is the wrong one, or lost",
                config.data.display()
            );
        }
    }
    Ok(())
}

/// An issuer lives in exactly one log; the registries must not say otherwise.
fn check_issuers_live_in_one_log(logs: &[Arc<Log>]) -> anyhow::Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for log in logs {
        for (issuer, _) in log.overview().registry.issuers() {
            if !seen.insert(issuer.clone()) {
                bail!("the issuer {issuer} is registered in two logs; only one may be served");
            }
        }
    }
    Ok(())
}

fn explain(error: FirmStoreError, data: &Path) -> anyhow::Error {
    let data = data.display();
    match &error {
        FirmStoreError::Store(_) => anyhow::Error::new(error).context(format!(
            "the data in {data} cannot be opened; is another witnessd running on it?"
        )),
        FirmStoreError::OtherFirm { .. } => anyhow::Error::new(error)
            .context(format!("root_vkey in the configuration is not that of the data in {data}")),
    }
}

/// The notes in the key folder must be of the root that the configuration names.
fn check_notes(notes: &[Note], root: &VerifyingKey, config: &Config) -> anyhow::Result<()> {
    let mut firm = FirmKeys::new(root.clone());
    for note in notes {
        let (number, folder) = (firm.next_sequence(), config.keys.display());
        let hint = match firm.apply(note, &Strict) {
            Ok(()) => continue,
            Err(error @ FirmError::Note(_)) => {
                format!(
                    "{error}; check root_vkey in the configuration: in policy.json it is firm_root"
                )
            }
            Err(error) => error.to_string(),
        };
        bail!("the firm note was refused: number {number} in {folder}: {hint}");
    }
    Ok(())
}

/// A folder for this user alone.
fn make_private(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("{} cannot be made private", folder.display()))
}
