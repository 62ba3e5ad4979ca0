//! Counters for the operator, in the `OpenMetrics` text format. None bears a document hash or a name that
//! an issuer chose.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{anchoring::Standing, firm::Firm};

/// What is counted as it happens.
#[derive(Debug, Default, Clone)]
pub(crate) struct Metrics {
    submissions: Counter,
    events: Counter,
    refusals: Family<Reason, Counter>,
    evidence: Counter,
    /// Calls that are under way on the public port.
    pub(crate) under_way: Gauge,
    /// Bytes of answers that are not taken yet.
    pub(crate) untaken: Gauge,
    over_limit: Family<LimitLabel, Counter>,
    unknown_callers: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LogLabel {
    log: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ContractLabel {
    contract: String,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A submission was logged, or was logged before.
    pub(crate) fn accepted(&self, events: usize) {
        self.submissions.inc();
        self.events.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// A submission was refused.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&Reason { reason: reason.to_owned() }).inc();
    }

    /// A call was refused because its caller was over a limit.
    pub(crate) fn over_limit(&self, limit: &'static str) {
        self.over_limit.get_or_create(&LimitLabel { limit: limit.to_owned() }).inc();
    }

    /// A call bore a token or a certificate that lets nobody in.
    pub(crate) fn unknown_caller(&self) {
        self.unknown_callers.inc();
    }

    /// An evidence file was handed out.
    pub(crate) fn evidence(&self) {
        self.evidence.inc();
    }
}

/// All metrics as text; the state of the logs is read now.
pub(crate) fn render(firm: &Firm) -> String {
    let mut registry = Registry::with_prefix("witness");
    let metrics = &firm.metrics;
    registry.register(
        "submissions",
        "Submissions answered with a receipt",
        metrics.submissions.clone(),
    );
    registry.register("events", "Events in them", metrics.events.clone());
    registry.register("refusals", "Submissions refused, by reason", metrics.refusals.clone());
    registry.register("evidence_files", "Evidence files handed out", metrics.evidence.clone());
    registry.register(
        "calls_under_way",
        "Calls on the public port that have not ended, this one included",
        metrics.under_way.clone(),
    );
    registry.register(
        "untaken_bytes",
        "Answers that are made and not taken, of all callers together",
        metrics.untaken.clone(),
    );
    registry.register("over_limit", "Calls refused, by limit", metrics.over_limit.clone());
    registry.register(
        "unknown_callers",
        "Calls with a token or certificate that lets nobody in",
        metrics.unknown_callers.clone(),
    );
    let gauge = |registry: &mut Registry,
                 name: &str,
                 help: &str,
                 value: fn(&witness_ledger::Log) -> u64| {
        let family = Family::<LogLabel, Gauge>::default();
        for log in &firm.logs {
            let label = LogLabel { log: log.origin().log().to_owned() };
            family.get_or_create(&label).set(whole(value(log)));
        }
        registry.register(name, help, family);
    };
    gauge(&mut registry, "log_size", "Entries that are durable", |log| log.overview().size.0);
    gauge(&mut registry, "log_published_size", "Size of the newest published checkpoint", |log| {
        log.overview().published.as_ref().map_or(0, |published| published.size.0)
    });
    gauge(
        &mut registry,
        "log_published_seconds",
        "When it was published, seconds since the epoch",
        |log| log.overview().published.as_ref().map_or(0, |published| published.at.seconds()),
    );
    gauge(&mut registry, "log_indexed_size", "Entries that audits find", |log| log.indexed_to().0);
    gauge(&mut registry, "log_read_only", "1 while the log takes no writes", |log| {
        u64::from(log.overview().why_no_writes().is_some())
    });
    gauge(
        &mut registry,
        "log_syncs",
        "Syncs of the write-ahead log since the start",
        witness_ledger::Log::syncs,
    );
    register_reads(&mut registry, firm);
    register_rollups(&mut registry, firm);
    register_anchors(&mut registry, firm);
    let mut text = String::new();
    // Writing to a string cannot fail.
    if encode(&mut text, &registry).is_err() {
        text.clear();
    }
    text
}

fn register_reads(registry: &mut Registry, firm: &Firm) {
    let reads = Family::<LogLabel, Counter>::default();
    for log in &firm.logs {
        let label = LogLabel { log: log.origin().log().to_owned() };
        reads.get_or_create(&label).inc_by(log.reads());
    }
    let help =
        "Keys that were read from a log's store, and walks over keys that began, since the start";
    registry.register("store_reads", help, reads);
}

fn register_rollups(registry: &mut Registry, firm: &Firm) {
    let rollups = Gauge::<i64>::default();
    let newest = firm.store.newest_rollup().ok().flatten().map_or(0, |(sequence, _)| sequence + 1);
    rollups.set(whole(newest));
    registry.register("rollups", "Roll-ups that were made", rollups);
}

fn register_anchors(registry: &mut Registry, firm: &Firm) {
    let mut gauge = |name: &str, help: &str, value: fn(&Standing) -> Option<u64>| {
        let family = Family::<ContractLabel, Gauge>::default();
        for (contract, standing) in firm.anchoring.standings() {
            let label = ContractLabel { contract: contract.to_string() };
            // What is not known is left out: zero would be an answer.
            if let Some(value) = value(&standing) {
                family.get_or_create(&label).set(whole(value));
            }
        }
        registry.register(name, help, family);
    };
    gauge("anchors", "Anchors that are final", |standing| {
        let newest = standing.status.as_ref()?.newest_evidenced;
        Some(newest.map_or(0, |stand| stand.sequence + 1))
    });
    gauge(
        "anchor_seconds",
        "Time of the newest final anchor's block, since the epoch",
        |standing| Some(standing.status.as_ref()?.newest_evidenced?.block.time),
    );
    gauge("anchor_halted", "1 while the worker waits for its operator", |standing| {
        Some(u64::from(standing.is_halted()))
    });
    gauge("anchor_alarms", "Alarms that stand", |standing| u64::try_from(standing.alarms()).ok());
    gauge("anchor_runway_days", "Days that the committer's money lasts", |standing| {
        standing.status.as_ref()?.runway_days
    });
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
