//! Rows `stream` and `single`: calls of `SubmitStream`, each with submissions of one stream in flight, and
//! every receipt verified.
//!
//! What is counted are events under verified receipts: durable, and proved to the client.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};
use witness_core::{
    entry::EntryKind, hash::Hash, merkle::LeafIndex, note::Note, receipt::Receipt, time::Timestamp,
};
use witness_wire::v1::{self, SubmitRequest, SubmitResponse, submit_response::Answer};

use crate::{
    draft::{Documents, Draft, Drafter},
    firm::{Server, ingest},
    measure::{self, Latencies, Sample, Window},
};

/// Drafts that wait to be sent, for each call.
const DRAFTED_AHEAD: usize = 8;

/// What the load looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Events of one submission.
    pub(crate) events: u64,
    /// Calls at the same time, each with a stream of its own.
    pub(crate) calls: usize,
    /// Connections that the calls share.
    pub(crate) connections: usize,
    /// Submissions without an answer, over all calls.
    pub(crate) in_flight: usize,
}

/// How long it goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// So long; what was sent is still answered.
    Window(Window),
    /// Until so many documents were sent.
    Document(u64),
}

/// What waits for its answer.
struct Sent {
    note: Note,
    at: std::time::Instant,
}

/// Runs the load; the report of the row.
pub(crate) async fn run(
    server: Arc<Server>,
    documents: Documents,
    shape: Shape,
    until: Until,
) -> Result<Value> {
    let first = documents.given();
    let mut channels = Vec::new();
    for _ in 0..shape.connections {
        channels.push(server.connect().await?);
    }
    let mut drafters = Vec::new();
    let occurred_at = measure::epoch_us();
    for n in 0..shape.calls {
        let (stream, position) = server.stream(n).await?;
        let (origin, key) = (server.origin.clone(), Arc::clone(&server.key));
        let (documents, events) = (documents.clone(), shape.events);
        drafters.push(Drafter { origin, stream, position, key, documents, events, occurred_at });
    }
    let begin = measure::now();
    let busy = measure::processor_seconds()?;
    let mut calls = JoinSet::new();
    for (drafter, channel) in drafters.into_iter().zip(channels.iter().cycle()) {
        let call = Call {
            server: Arc::clone(&server),
            channel: channel.clone(),
            begin,
            in_flight: (shape.in_flight / shape.calls).max(1),
            until,
        };
        calls.spawn(call.run(drafter));
    }
    let mut samples = Vec::new();
    while let Some(call) = calls.join_next().await {
        samples.extend(call.context("a call panicked")??);
    }
    let took = begin.elapsed();
    let busy = measure::processor_seconds()? - busy;
    let next = documents.given();
    anyhow::ensure!(
        next - first == shape.events * u64::try_from(samples.len())?,
        "not every submission was answered"
    );
    let window = match until {
        Until::Window(window) => window,
        Until::Document(_) => Window { from: Duration::ZERO, length: took },
    };
    report(&samples, shape, window, (next, busy / took.as_secs_f64()))
}

fn report(
    samples: &[Sample],
    shape: Shape,
    window: Window,
    (next_document, client_cores): (u64, f64),
) -> Result<Value> {
    let counted = samples.iter().filter(|sample| window.covers(sample.at));
    let latencies: Latencies = counted.map(|sample| sample.latency).collect();
    let submissions = u64::try_from(latencies.len())?;
    Ok(json!({
        "events_per_submission": shape.events,
        "calls": shape.calls,
        "connections": shape.connections,
        "in_flight": shape.in_flight,
        "seconds": window.length.as_secs_f64(),
        "submissions": submissions,
        "submissions_per_s": measure::rate(submissions, window.length),
        "events_per_s": measure::rate(submissions * shape.events, window.length),
        "submissions_by_second": measure::by_second(samples, window),
        "latency": latencies.report(),
        "client_cores": client_cores,
        "next_document": next_document,
    }))
}

/// One call with its stream.
struct Call {
    server: Arc<Server>,
    channel: Channel,
    begin: std::time::Instant,
    in_flight: usize,
    until: Until,
}

impl Call {
    /// Three at work: a thread drafts, one task sends, this one takes the answers.
    async fn run(self, drafter: Drafter) -> Result<Vec<Sample>> {
        let (ready, mut drafts) = mpsc::channel(DRAFTED_AHEAD);
        let (begin, until) = (self.begin, self.until);
        let drafting = std::thread::Builder::new().name("drafting".to_owned());
        drafting.spawn(move || draft(drafter, (begin, until), &ready))?;
        let (requests, outgoing) = mpsc::channel::<SubmitRequest>(self.in_flight);
        let (sent, answered) = mpsc::channel::<Sent>(self.in_flight);
        let room = Arc::new(Semaphore::new(self.in_flight));
        let room_to_send = Arc::clone(&room);
        let sending = tokio::spawn(async move {
            while let Some(draft) = drafts.recv().await {
                let Draft { note, request } = draft?;
                room_to_send.acquire().await?.forget();
                sent.send(Sent { note, at: measure::now() }).await?;
                requests.send(request).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
        let outgoing = ReceiverStream::new(outgoing);
        let answers = ingest(&self.channel).submit_stream(outgoing).await?.into_inner();
        let samples = self.take(answers, answered, &room).await;
        match samples {
            Ok(samples) => sending.await.context("sending panicked")?.map(|()| samples),
            Err(error) => Err(error),
        }
    }

    async fn take(
        &self,
        mut answers: Streaming<SubmitResponse>,
        mut answered: mpsc::Receiver<Sent>,
        room: &Semaphore,
    ) -> Result<Vec<Sample>> {
        let mut samples = Vec::new();
        while let Some(answer) = answers.message().await? {
            let sent = answered.recv().await.context("an answer to nothing")?;
            let latency = sent.at.elapsed();
            room.add_permits(1);
            check(&self.server, &sent.note, answer)?;
            samples.push(Sample { at: self.begin.elapsed(), latency });
        }
        if answered.recv().await.is_some() {
            bail!("the server ended the call before all was answered");
        }
        Ok(samples)
    }
}

/// Drafts until it is enough, as far ahead as the channel has room.
fn draft(
    mut drafter: Drafter,
    (begin, until): (std::time::Instant, Until),
    ready: &mpsc::Sender<Result<Draft>>,
) {
    let is_enough = |documents: &Documents| match until {
        Until::Window(window) => begin.elapsed() >= window.from + window.length,
        Until::Document(end) => documents.given() >= end,
    };
    while !is_enough(&drafter.documents) {
        if ready.blocking_send(drafter.next()).is_err() {
            return;
        }
    }
}

/// The answer is a receipt, and proves that the note is logged.
pub(crate) fn check(server: &Server, note: &Note, answer: SubmitResponse) -> Result<()> {
    let receipt = match answer.answer {
        Some(Answer::Receipt(receipt)) => receipt,
        Some(Answer::Refusal(refusal)) => bail!("{}: {}", refusal.reason, refusal.message),
        None => bail!("an answer of an unknown kind"),
    };
    let receipt = read(&receipt)?;
    let verified =
        receipt.verify((EntryKind::Submission, note), &server.origin, (&server.firm, &server.memo));
    verified.context("a receipt does not verify")
}

fn read(receipt: &v1::Receipt) -> Result<Receipt> {
    let path: Option<Vec<Hash>> = receipt.path.iter().map(|hash| Hash::from_slice(hash)).collect();
    Ok(Receipt {
        index: LeafIndex(receipt.index),
        received_at: Timestamp::from_micros(receipt.received_at_us),
        registry_sequence: receipt.registry_sequence,
        checkpoint: Note::parse(&receipt.checkpoint)?,
        path: path.context("an inclusion path of other hashes")?,
    })
}
