//! The commands, one file or folder each. A command reads its arguments, calls core or server, and says
//! what came of it.

pub(crate) mod access;
pub(crate) mod anchor;
pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod erase;
pub(crate) mod evidence;
pub(crate) mod firm;
pub(crate) mod hash;
pub(crate) mod issuer;
pub(crate) mod keygen;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod verify;
pub(crate) mod watch;

use anyhow::{Context as _, Result};
use witness_core::time::Timestamp;

use crate::{args::Command, outcome::Outcome, output::Output};

/// Runs a command. `now` reads the clock.
pub(crate) fn run(
    command: Command,
    output: &mut Output,
    now: fn() -> Timestamp,
) -> Result<Outcome> {
    match command {
        Command::Keygen(args) => keygen::run(&args, output),
        Command::Firm(command) => firm::run(&command, output),
        Command::Issuer(args) => wait(issuer::run(&args, output, now())),
        Command::Access(args) => wait(access::run(&args, output, now())),
        Command::Hash(args) => hash::run(&args, output),
        Command::Submit(args) => wait(submit::run(*args, output)),
        Command::Status(args) => wait(status::run(&args, output)),
        Command::History(args) => wait(status::run_history(&args, output)),
        Command::Evidence(args) => wait(evidence::run(&args, output)),
        Command::Verify(args) => wait(verify::run(&args, output)),
        Command::Erase(args) => wait(erase::run(&args, output)),
        Command::Anchor(args) => wait(anchor::run(&args, output)),
        Command::Audit(args) => audit::run(&args, output, now),
        Command::Watch(args) => watch::run(&args, output, now),
        Command::Completions(args) => completions::run(&args),
    }
}

fn wait<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime for calls")?;
    runtime.block_on(command)
}
