//! `witness audit tail`: events as they come, from where the last run stopped.
//!
//! What must hold: the place in `--state` moves only after the events before it were written out, so that a
//! run that is cut off tells some events again, and never leaves one out.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
use witness_wire::v1::{ListLogsRequest, TailRequest, TailResponse};

use super::{LogArgs, filter::FilterArgs, shown};
use crate::{
    files,
    outcome::{Failure, Outcome},
    output::{Output, count_of},
    rpc,
};

/// Longest state.
const STATE_BYTES_MAX: u64 = 4096;

/// Arguments of `witness audit tail`.
#[derive(Debug, Args)]
#[command(after_help = "\
Runs until it is stopped. With --state it goes on where the last run stopped, whatever ended that.
With --json and --once a last line, the one with an `outcome`, has the number of `events` before it
and with `next_index` how far it came.

Examples:
  witness --json audit tail --server https://witness.example --token-file regulator.token \\
      --state tail.json >> events.ndjson
  witness audit tail --server http://localhost:7761 --token-file t --change deleted --from 0")]
pub(crate) struct TailArgs {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Index of the entry to begin with; the next one of the log if left out
    #[arg(long, value_name = "INDEX", conflicts_with = "state")]
    from: Option<u64>,
    /// File that remembers how far it came; made if it is not there, and then begins with entry 0
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Stop when the end of what is published is reached
    #[arg(long)]
    once: bool,
}

/// How far a run came.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    log: String,
    next_index: u64,
}

/// Follows.
pub(crate) async fn run(args: &TailArgs, output: &mut Output) -> Result<Outcome> {
    let channel = rpc::connect(&args.log.server).await?;
    let (origin, published) = published(&channel, &args.log.origin()).await?;
    let remembered = args.state.as_deref().map(|path| read(path, &origin)).transpose()?;
    let from_index = remembered.flatten().or(args.from);
    let from_index = from_index.unwrap_or(if args.state.is_some() { 0 } else { published });
    let mut told = 0;
    if args.once && from_index >= published {
        return end((&origin, told, from_index), output);
    }
    let request =
        TailRequest { origin: origin.clone(), filter: Some(args.filter.filter()), from_index };
    let mut answers = rpc::answer(rpc::audit(&channel).tail(request).await)?;
    loop {
        let answer = answers.message().await.map_err(|status| Failure::from_status(&status))?;
        let Some(answer) = answer else {
            let message = "the server ended the call";
            let step = "run it again; with --state it goes on where it stopped";
            return Err(Failure::cannot_tell(message).next(step).into());
        };
        tell(&origin, &answer, args.state.as_deref(), output)?;
        told += u64::try_from(answer.events.len())?;
        if args.once && answer.next_index >= published {
            return end((&origin, told, answer.next_index), output);
        }
    }
}

/// What is said after the last event.
fn end((origin, events, next_index): (&str, u64, u64), output: &mut Output) -> Result<Outcome> {
    let (outcome, told) = (Outcome::Done, count_of(events, "event"));
    output.conclude(outcome);
    output.note(&format!("{told} of {origin}, up to entry {next_index}"))?;
    output.json(&json!({
        "outcome": outcome.word(),
        "origin": origin,
        "events": events,
        "next_index": next_index,
    }))?;
    Ok(outcome)
}

fn tell(
    origin: &str,
    answer: &TailResponse,
    state: Option<&Path>,
    output: &mut Output,
) -> Result<()> {
    for event in &answer.events {
        shown::show(origin, event, output)?;
    }
    if let Some(path) = state {
        let state = State { log: origin.to_owned(), next_index: answer.next_index };
        files::replace(path, &serde_json::to_vec(&state)?)?;
    }
    Ok(())
}

/// The log that is meant, and how many of its entries are published.
async fn published(channel: &rpc::Channel, origin: &str) -> Result<(String, u64)> {
    let request = rpc::timed(ListLogsRequest {});
    let logs = rpc::answer(rpc::ledger(channel).list_logs(request).await)?.logs;
    let found = match (origin, logs.as_slice()) {
        ("", [only]) => Some(only),
        _ => logs.iter().find(|log| log.origin == origin),
    };
    let found = found.map(|log| (log.origin.clone(), log.published_size));
    found.ok_or_else(|| {
        let origins: Vec<&str> = logs.iter().map(|log| log.origin.as_str()).collect();
        let step = format!("name one with --log: {}", origins.join(", "));
        Failure::cannot_tell("it is not clear which log is meant").next(step).into()
    })
}

fn read(path: &Path, origin: &str) -> Result<Option<u64>> {
    if !path.exists() {
        return Ok(None);
    }
    let state: Option<State> = serde_json::from_slice(&files::read(path, STATE_BYTES_MAX)?).ok();
    match state {
        Some(state) if state.log == origin => Ok(Some(state.next_index)),
        Some(state) => {
            let message = format!("{} is about the log {}", path.display(), state.log);
            Err(Failure::cannot_tell(message).next("give each log a file of its own").into())
        }
        None => {
            let message = format!("{} is no state of `witness audit tail`", path.display());
            Err(Failure::cannot_tell(message).next("name another file").into())
        }
    }
}
