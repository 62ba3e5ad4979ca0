//! `witness access log`: who asked what, and that nothing of it was changed.
//!
//! What must hold: every record that is read goes on from the one before it, whether or not it is shown; heads come
//! from entries under a tree that the log signed, and are read before the records, which can only be more by then.

mod heads;
mod reading;
mod records;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use witness_core::time::Timestamp;

use self::{
    heads::Head,
    reading::{Reading, Shown},
    records::{FileRecords, ServedRecords},
};
use crate::{
    args::ServerArgs,
    credentials::CallerArgs,
    outcome::Outcome,
    output::{Output, count_of},
    times, trust,
};

const EXAMPLES: &str = "\
Each record names the hash of the one before it: one that was changed, taken out or put in is
found. That the end was not cut off, and that it was not all written anew, shows with --server:
once a day the length and the newest hash of the access log are logged in every log of the firm,
and each such head must be that of the records. Give --policy too, or the firm's root key is
believed because the server shows it. What came after the newest head rests on the operator's
word. --out keeps the records byte for byte; anybody can check such a file with --file.

A line has number, time, caller, role, method, results and filter of a record. What asks stands
there once, with the number of its results; Tail and Export twice, with - when they begin, and with
the number of events that were told when they end. What changes something stands there twice:
before it is done, with - for its results, and after, with 0 if it was refused and 1 if it was
done, or the number of events that were erased.

Exit codes: 0 nothing speaks against it, 1 the chain is broken or is not what a head says,
2 could not tell.

Examples:
  sudo witness access log --caller c-0badcafe --since 2026-03-01
  sudo witness access log --server http://localhost:7761 --policy policy.json --out access.txt
  witness access log --file access.txt --server https://witness.example --policy policy.json";

/// Arguments of `witness access log`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LogArgs {
    /// Number of the record to begin with
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Read at most so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Show only what this caller asked; all is checked
    #[arg(long, value_name = "ID")]
    caller: Option<String>,
    /// Show only what was asked from then on; all is checked
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Keep all records that were read in a new file, byte for byte
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Read such a file, and not from the operator's socket
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "limit"])]
    file: Option<PathBuf>,
    /// Address of the public server, whose logs hold the heads: https://host:port, or http://localhost:port
    #[arg(long, value_name = "URL", env = "WITNESS_SERVER")]
    server: Option<String>,
    #[command(flatten)]
    caller_of_server: CallerArgs,
    /// The firm's trust policy, got elsewhere
    #[arg(long, value_name = "POLICY.json", requires = "server")]
    policy: Option<PathBuf>,
}

/// Reads, shows and checks it.
pub(super) async fn run(args: &LogArgs, admin: &Path, output: &mut Output) -> Result<Outcome> {
    let policy = args.policy.as_deref().map(trust::read_policy).transpose()?;
    let since = args.since.as_deref().map(times::point).transpose()?;
    let shown = Shown { caller: args.caller.clone(), since: since.unwrap_or(Timestamp::EPOCH) };
    let heads = match &args.server {
        Some(server) => {
            let caller = args.caller_of_server.clone();
            let server = ServerArgs { server: server.clone(), caller };
            Some(heads::read(&server, policy.as_ref(), output).await?)
        }
        None => None,
    };
    let is_compared = heads.is_some();
    let begin = args.file.is_none().then_some(args.from);
    let mut reading =
        Reading::begin((shown, begin), heads.unwrap_or_default(), args.out.as_deref())?;
    let is_whole = if let Some(file) = &args.file {
        let mut records = FileRecords::open(file)?;
        while let Some(text) = records.next()? {
            reading.take(&text, output)?;
        }
        // It may have been kept before the newest head was logged.
        false
    } else {
        let mut records = ServedRecords::ask(admin, (args.from, args.limit)).await?;
        while let Some(text) = records.next().await? {
            reading.take(&text, output)?;
        }
        args.limit.is_none_or(|limit| reading.read() < limit)
    };
    reading.end(is_whole)?;
    conclude(&reading, is_compared, output)?;
    Ok(Outcome::Done)
}

/// Says how it stands, where nothing speaks against it.
fn conclude(reading: &Reading, is_compared: bool, output: &mut Output) -> Result<()> {
    output.conclude(Outcome::Done);
    let (begin, (end, hash)) = (reading.first(), reading.head());
    let read = count_of(reading.read(), "record");
    let place = match reading.read() {
        0 => String::new(),
        _ => format!(", {begin} to {}", end.saturating_sub(1)),
    };
    output.line("")?;
    output.good(&format!("{read}{place}: each goes on from the one before it"))?;
    for head in reading.agreed() {
        output.field("head", &format!("{} is that of {}", place_of(head), over(head)))?;
    }
    for head in reading.not_read() {
        output.field("not read", &format!("{} is over {}", place_of(head), over(head)))?;
    }
    let covered = reading.agreed().last().map_or(begin, |head| head.records.max(begin));
    let after = end.saturating_sub(covered);
    if is_compared {
        let after = count_of(after, "record");
        output.field("not covered", &format!("{after} after the newest head: the firm's word"))?;
    } else {
        let hint = "the heads in the firm's logs: give --server and --policy";
        output.field("not compared", hint)?;
    }
    let json_of = |heads: &[Head]| heads.iter().map(as_json).collect::<Vec<_>>();
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "first": begin,
        "read": reading.read(),
        "records": end,
        "head": hash.to_base64(),
        "compared": is_compared,
        "heads": json_of(reading.agreed()),
        "heads_not_read": json_of(reading.not_read()),
        "after_newest_head": is_compared.then_some(after),
    }))?;
    Ok(())
}

fn place_of(head: &Head) -> String {
    format!("{}, entry {} of {}", head.at, head.index, head.origin)
}

fn over(head: &Head) -> String {
    format!("the first {}", count_of(head.records, "record"))
}

fn as_json(head: &Head) -> Value {
    json!({
        "origin": head.origin.as_str(),
        "index": head.index,
        "at": head.at.to_string(),
        "records": head.records,
    })
}
