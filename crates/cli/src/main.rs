//! `witness`: the command line of the witness ledger, for issuers, holders, regulators and the operator.
//!
//! What must hold:
//! - What a text means, and whether a proof holds, is decided in `witness-core` alone; here are files,
//!   calls and words.
//! - Standard output bears the answer, standard error everything else.
//! - Only `main` reads the clock.

mod args;
mod blocks;
mod chain;
mod commands;
mod credentials;
mod files;
mod http;
mod outcome;
mod output;
mod retry;
mod rpc;
mod times;
mod trust;

use std::{
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Parser as _;
use witness_core::time::Timestamp;

use crate::{args::Cli, output::Output};

fn main() -> ExitCode {
    witness_anchor::install_tls();
    let cli = Cli::parse();
    let mut output = Output::new(cli.json);
    let unheard = cli.command.unheard();
    let result = commands::run(cli.command, &mut output, now);
    let outcome = match result {
        Ok(outcome) => outcome,
        // A reader that has gone away changes nothing about what came out.
        Err(error) if is_broken_pipe(&error) => output.concluded().unwrap_or(unheard),
        Err(error) => output.failure(&error),
    };
    outcome.exit_code()
}

#[expect(clippy::disallowed_methods, reason = "here the clock is read, and nowhere else")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Whoever reads our output may stop when it has enough: `witness watch … | head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.downcast_ref().is_some_and(broken)
}
