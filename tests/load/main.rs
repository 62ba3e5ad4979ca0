//! `witness-load`: load for a `witnessd --dev` on this machine, as `cargo xtask bench` runs it.
//!
//! A client with two cores to share: it drafts cheaply and while it runs (see `draft`), verifies every
//! receipt, and says how many cores it took itself. Prints one JSON object. Never a test: numbers depend on
//! the machine.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

mod audit;
mod draft;
mod evidence;
mod firm;
mod ingest;
mod lone;
mod measure;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::{
    draft::Documents,
    firm::Server,
    ingest::Until,
    measure::{Window, epoch_us},
};

/// Client and server share the allocator, so that neither is measured by another one's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Load for a `witnessd --dev` on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7761")]
    server: String,
    /// The server's data folder, for the issuer's key and the operator's socket
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Documents that earlier runs have sent: `next_document` of the last one
    #[arg(long, value_name = "N", default_value_t = 0)]
    documents: u64,
    #[command(subcommand)]
    row: Row,
}

#[derive(Debug, Subcommand)]
enum Row {
    /// Large submissions in flight: durable events per second
    Stream(StreamArguments),
    /// Submissions of one event, each signed and proved: submissions per second
    Single(SingleArguments),
    /// One submission of one event at a time: its latency, and that of the disk
    Lone(LoneArguments),
    /// Whole evidence of random documents
    Evidence(EvidenceArguments),
    /// A few events of another kind, for searches to find
    Spell,
    /// Pages of searches, of five kinds
    Search(SearchArguments),
    /// Large submissions in flight, and a tail that follows them
    Tail(StreamArguments),
}

#[derive(Debug, Args)]
struct StreamArguments {
    #[command(flatten)]
    times: Times,
    /// Events of one submission
    #[arg(long, default_value_t = 256)]
    events: u64,
    /// Calls at the same time, each with a stream of its own
    #[arg(long, default_value_t = 2)]
    calls: usize,
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Submissions without an answer, over all calls
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Goes on until so many documents were sent, however long it takes
    #[arg(long, value_name = "N")]
    until_document: Option<u64>,
}

#[derive(Debug, Args)]
struct SingleArguments {
    #[command(flatten)]
    times: Times,
    /// Calls at the same time, each with a stream of its own
    #[arg(long, default_value_t = 8)]
    calls: usize,
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Submissions without an answer, over all calls
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
}

#[derive(Debug, Args)]
struct LoneArguments {
    /// How long it goes on
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

#[derive(Debug, Args)]
struct EvidenceArguments {
    #[command(flatten)]
    times: Times,
    /// Lookups at the same time
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
    #[arg(long, default_value_t = 2)]
    connections: usize,
}

#[derive(Debug, Args)]
struct SearchArguments {
    #[command(flatten)]
    times: Times,
}

#[derive(Debug, Args)]
struct Times {
    /// What counts, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// What goes before, in seconds
    #[arg(long, default_value_t = 3)]
    warm_up: u64,
}

impl StreamArguments {
    fn shape(&self) -> ingest::Shape {
        let Self { events, calls, connections, in_flight, .. } = *self;
        ingest::Shape { events, calls, connections, in_flight }
    }
}

impl Times {
    fn window(&self) -> Window {
        let [from, length] = [self.warm_up, self.seconds].map(Duration::from_secs);
        Window { from, length }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let report = runtime
        .context("the runtime could not be started")
        .and_then(|runtime| runtime.block_on(run(arguments)));
    match report {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<Value> {
    draft::check_texts(epoch_us())?;
    let server = Arc::new(Server::find(&arguments.server, &arguments.data).await?);
    let documents = Documents::from(arguments.documents);
    match arguments.row {
        Row::Stream(row) => {
            let shape = row.shape();
            let until = row
                .until_document
                .map_or_else(|| Until::Window(row.times.window()), Until::Document);
            ingest::run(server, documents, shape, until).await
        }
        Row::Single(row) => {
            let (calls, connections, in_flight) = (row.calls, row.connections, row.in_flight);
            let shape = ingest::Shape { events: 1, calls, connections, in_flight };
            ingest::run(server, documents, shape, Until::Window(row.times.window())).await
        }
        Row::Lone(row) => {
            lone::run(server, documents, &arguments.data, Duration::from_secs(row.seconds)).await
        }
        Row::Evidence(row) => {
            let (in_flight, connections) = (row.in_flight, row.connections);
            let (documents, window) = (arguments.documents, row.times.window());
            let shape = evidence::Shape { documents, in_flight, connections, window };
            evidence::run(server, shape).await
        }
        Row::Spell => audit::spell(server, documents).await,
        Row::Search(row) => audit::search(server, row.times.window()).await,
        Row::Tail(row) => audit::tail(server, documents, row.shape(), row.times.window()).await,
    }
}
