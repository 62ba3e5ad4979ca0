//! `witness-chain-proxy`: stands between `witnessd` and a node of a chain, on loopback, and misbehaves on command.
//!
//! Says on which port it listens, and serves until its standard input ends. `POST /control` takes a list of
//! rules, `GET /control` tells what has come by (`witness_tests::{Rule, Traffic}`); everything else is JSON-RPC.
//! Never a part of the service: journeys alone use it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

mod faults;
mod relay;
mod stale;

use std::{io::Read as _, process::ExitCode, sync::Arc};

use anyhow::{Context as _, Result};
use clap::Parser;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::oneshot};
use witness_tests::LISTENING;

use crate::relay::Relay;

/// A node of a chain that misbehaves on command.
#[derive(Debug, Parser)]
struct Arguments {
    /// The node that it stands in front of
    #[arg(long, value_name = "URL")]
    upstream: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served = runtime.context("the runtime could not be started").and_then(|runtime| {
        let served = runtime.block_on(serve(arguments.upstream));
        // A call that is still on its way to the node holds nobody up.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(upstream: String) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port is free")?;
    println!("{LISTENING}http://{}", listener.local_addr()?);
    let relay = Arc::new(Relay::to(upstream));
    let mut left_alone = end_of_input();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.context("nobody can connect any more")?.0,
            _ = &mut left_alone => return Ok(()),
        };
        let relay = Arc::clone(&relay);
        let service = service_fn(move |request| {
            let relay = Arc::clone(&relay);
            async move { relay.answer(request).await }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // A connection that is cut on command ends in an error, and so does one whose caller hangs up.
            connection.await.ok();
        });
    }
}

/// Resolves when whoever started the program is gone.
fn end_of_input() -> oneshot::Receiver<()> {
    let (gone, left_alone) = oneshot::channel();
    std::thread::spawn(move || {
        // However it ends, it has ended.
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        drop(gone);
    });
    left_alone
}
