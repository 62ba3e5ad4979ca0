//! Rows `search` and `tail`, and what a search row needs in the log: now and then something rare.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
};
use witness_core::{
    drafting::{ClientSecret, Drafter, Occurrence, What},
    event::{Change, Status, StatusClass},
    name::Name,
};
use witness_wire::v1::{
    AuditEvent, AuditFilter, GrantAccessRequest, SearchRequest, SubmitRequest, TailRequest,
};

use crate::{
    draft::{Documents, document},
    firm::{AuditClient, Server, ingest},
    ingest::{self as load, Shape, Until},
    measure::{self, Latencies, Window},
};

/// A stream that only a small part of the log is of, and its jurisdiction.
const SMALL: (&str, &str) = ("small", "GB");
/// Streams of the load are everybody's.
const LARGE: &str = "INT";
/// Events on a page.
const PAGE: usize = 100;
/// The end of the years that are told in four digits.
const UNTIL_US: u64 = 253_402_300_799_000_000;
/// How long a tail may take to catch up with what was logged.
const CAUGHT_UP_WITHIN: Duration = Duration::from_mins(2);
/// Changes of small documents in one spell: so few that it fits one submission.
const SPELL: u64 = 60;

/// A regulator with its token.
#[derive(Clone)]
struct Regulator {
    client: AuditClient,
    token: MetadataValue<Ascii>,
}

impl Regulator {
    async fn of(server: &Server, jurisdictions: &str) -> Result<Self> {
        let grant = GrantAccessRequest {
            role: "regulator".to_owned(),
            name: "the regulator of a measurement".to_owned(),
            jurisdictions: jurisdictions.to_owned(),
            until_us: UNTIL_US,
            ..GrantAccessRequest::default()
        };
        let granted = server.admin().await?.grant_access(grant).await?.into_inner();
        let token = format!("Bearer {}", granted.token).parse().context("the token")?;
        Ok(Self { client: server.audit().await?, token })
    }

    fn bearing<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.token.clone());
        request
    }

    async fn search(&mut self, filter: AuditFilter) -> Result<(Vec<AuditEvent>, u64)> {
        let request = SearchRequest { filter: Some(filter), ..SearchRequest::default() };
        let request = self.bearing(request);
        let found = self.client.search(request).await?.into_inner();
        Ok((found.events, found.indexed_to))
    }
}

/// Submits what is rare: some documents of a small stream are issued, revoked and deleted.
pub(crate) async fn spell(server: Arc<Server>, documents: Documents) -> Result<Value> {
    let (stream, position) = server.stream_in(SMALL.0, SMALL.1).await?;
    let secret = ClientSecret::new([7; 32]);
    let place = (server.origin.clone(), server.issuer.clone(), stream);
    let mut drafter = Drafter::new(place, position, 4096, &secret);
    let revoked = Status::parse("REVOKED").context("a status")?;
    for n in documents.some(SPELL) {
        let details = [("awarded", "2026-03-15"), ("eqf-level", "5"), ("module", "SML-01")];
        let details = details.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let mut push = |change, details| {
            drafter.push(&Occurrence {
                what: What::One(change),
                document: document(n),
                claim_type: Name::parse("skill-module").context("a claim type")?,
                occurred_at: measure::epoch_us(),
                details,
            })?;
            anyhow::Ok(())
        };
        push(Change::Issued, details)?;
        if n.is_multiple_of(6) {
            let (class, status) = (StatusClass::Punitive, revoked.clone());
            push(Change::Status { class, status }, Vec::new())?;
            push(Change::Deleted, Vec::new())?;
        }
    }
    let draft = drafter.cut(&server.key).context("a submission of nothing")?;
    let texts = |texts: &[String]| texts.iter().cloned().map(Into::into).collect();
    let request = SubmitRequest {
        submission: draft.note.to_string().into(),
        events: texts(&draft.events),
        details: texts(&draft.details),
    };
    let answer = ingest(&server.connect().await?).submit(request).await?.into_inner();
    load::check(&server, &draft.note, answer)?;
    Ok(json!({ "next_document": documents.given() }))
}

/// What is searched for in the n-th call.
type Ask = fn(n: u64, span: Span) -> AuditFilter;

/// When the log was filled: all that was received, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    until: u64,
}

impl Span {
    /// A time in it, another one for each call.
    fn at(self, n: u64) -> u64 {
        // The golden ratio spreads the calls evenly.
        let part = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        self.from + (self.until - self.from) / (1 << 24) * part
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// The kinds of filters, with who asks.
const KINDS: [(&str, &str, Ask); 5] = [
    ("rare_status", "GB,INT", |_, _| AuditFilter {
        status: text("REVOKED"),
        ..AuditFilter::default()
    }),
    ("identifier", "GB,INT", |n, _| AuditFilter {
        field: text("module"),
        value: format!("CLD-{:03}", n.wrapping_mul(7919) % 1000),
        ..AuditFilter::default()
    }),
    ("small_scope", "GB", |_, _| AuditFilter { change: text("issued"), ..AuditFilter::default() }),
    ("received", "GB,INT", |n, span| AuditFilter {
        received_from_us: Some(span.at(n)),
        change: text("issued"),
        ..AuditFilter::default()
    }),
    ("occurred", "GB,INT", |n, span| AuditFilter {
        occurred_from_us: i64::try_from(span.at(n)).ok(),
        ..AuditFilter::default()
    }),
];

/// Searches one kind of filter after the other, each for a part of the time; the report.
pub(crate) async fn search(server: Arc<Server>, window: Window) -> Result<Value> {
    let mut all = Regulator::of(&server, &format!("{},{LARGE}", SMALL.1)).await?;
    let span = span(&mut all).await?;
    let each = window.length / u32::try_from(KINDS.len())?;
    let (mut kinds, mut slowest) = (Map::new(), Duration::ZERO);
    let mut taken = Vec::new();
    for (name, jurisdictions, ask) in KINDS {
        let mut regulator = Regulator::of(&server, jurisdictions).await?;
        let begin = measure::now();
        let (mut latencies, mut events) = (Vec::new(), 0);
        for n in 0.. {
            if begin.elapsed() >= each {
                break;
            }
            let filter = ask(n, span);
            let sent = measure::now();
            let (found, _) = regulator.search(filter).await?;
            latencies.push(sent.elapsed());
            events += found.len();
        }
        let calls = latencies.len();
        anyhow::ensure!(events >= calls * PAGE / 2, "{name}: {events} events in {calls} pages");
        let of_kind: Latencies = latencies.iter().copied().collect();
        slowest = slowest.max(of_kind.at(990));
        kinds.insert(name.to_owned(), of_kind.report());
        taken.extend(latencies);
    }
    let (_, indexed_to) = all.search(AuditFilter::default()).await?;
    let latencies: Latencies = taken.into_iter().collect();
    Ok(json!({
        "kinds": kinds,
        "slowest_p99_ms": measure::to_ms(slowest),
        "latency": latencies.report(),
        "entries": indexed_to,
    }))
}

/// From the first event's receipt to now.
async fn span(all: &mut Regulator) -> Result<Span> {
    let (events, _) = all.search(AuditFilter::default()).await?;
    let from = events.first().context("nothing was logged")?.received_at_us;
    let until = u64::try_from(measure::epoch_us())?;
    Ok(Span { from, until })
}

/// Follows all that is logged while it is logged at full rate; the report.
pub(crate) async fn tail(
    server: Arc<Server>,
    documents: Documents,
    shape: Shape,
    window: Window,
) -> Result<Value> {
    let mut regulator = Regulator::of(&server, LARGE).await?;
    let (_, from_index) = regulator.search(AuditFilter::default()).await?;
    let request = TailRequest { from_index, ..TailRequest::default() };
    let request = regulator.bearing(request);
    let mut answers = regulator.client.tail(request).await?.into_inner();
    let (events, next) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(from_index)));
    let (told, came_to) = (Arc::clone(&events), Arc::clone(&next));
    let tail = tokio::spawn(async move {
        while let Some(answer) = answers.message().await? {
            told.fetch_add(u64::try_from(answer.events.len())?, Ordering::Relaxed);
            came_to.store(answer.next_index, Ordering::Relaxed);
        }
        anyhow::Ok(())
    });
    let first = documents.given();
    let ingested = load::run(Arc::clone(&server), documents.clone(), shape, Until::Window(window));
    let ingested = ingested.await?;
    let ended = measure::now();
    let (sent, told_by_then) = (documents.given() - first, events.load(Ordering::Relaxed));
    let (_, indexed_by_then) = regulator.search(AuditFilter::default()).await?;
    let mut index_caught_up = None;
    let caught_up = loop {
        anyhow::ensure!(ended.elapsed() < CAUGHT_UP_WITHIN, "the tail does not catch up");
        anyhow::ensure!(!tail.is_finished(), "the tail has ended");
        let (_, indexed_to) = regulator.search(AuditFilter::default()).await?;
        let all = from_index + sent / shape.events;
        if indexed_to >= all && index_caught_up.is_none() {
            index_caught_up = Some(ended.elapsed());
        }
        if events.load(Ordering::Relaxed) >= sent && index_caught_up.is_some() {
            break ended.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    tail.abort();
    let mut report = ingested;
    let more = json!({
        "told_by_the_end": told_by_then,
        "events": sent,
        "untold_at_the_end": sent.saturating_sub(told_by_then),
        "caught_up_s": caught_up.as_secs_f64(),
        "indexed_by_the_end": indexed_by_then.saturating_sub(from_index),
        "index_caught_up_s": index_caught_up.map(|it| it.as_secs_f64()),
    });
    let own = report.as_object_mut().context("a report")?;
    own.extend(more.as_object().cloned().unwrap_or_default());
    Ok(report)
}
