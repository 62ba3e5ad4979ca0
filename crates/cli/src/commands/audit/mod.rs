//! `witness audit`: what a regulator asks of the firm, and an issuer of its own streams.

mod as_at;
mod check;
mod export;
mod filter;
mod search;
mod shown;
mod stats;
mod tail;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use witness_core::{audit::BundleScope, name::Origin, time::Timestamp};

use super::wait;
use crate::{
    args::{ServerArgs, origin},
    outcome::Outcome,
    output::Output,
};

/// Arguments of `witness audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Search events; every filter that is given must hold
    Search(Box<search::SearchArgs>),
    /// Follow events as they come, from where the last run stopped
    Tail(Box<tail::TailArgs>),
    /// Count what happened, by stream and by day
    Stats(stats::StatsArgs),
    /// What the firm held of a document at a past time: its word, no proof
    AsAt(as_at::AsAtArgs),
    /// Take everything in your scope away as a bundle that can be checked offline
    Export(export::ExportArgs),
    /// Check an audit bundle, without any server
    Check(Box<check::CheckArgs>),
}

/// Which log of which server.
#[derive(Debug, Args)]
struct LogArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Origin of the log, as in witness.example/log1; the only one may be left out
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    log: Option<Origin>,
}

impl LogArgs {
    /// The origin as it travels.
    fn origin(&self) -> String {
        self.log.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

impl AuditArgs {
    /// Whether it merely lists, so that a reader who goes away has had enough.
    pub(crate) fn only_lists(&self) -> bool {
        match self.command {
            AuditCommand::Search(_)
            | AuditCommand::Tail(_)
            | AuditCommand::Stats(_)
            | AuditCommand::AsAt(_) => true,
            AuditCommand::Export(_) | AuditCommand::Check(_) => false,
        }
    }
}

/// Asks, or checks what was got.
pub(crate) fn run(
    args: &AuditArgs,
    output: &mut Output,
    now: fn() -> Timestamp,
) -> Result<Outcome> {
    match &args.command {
        AuditCommand::Search(args) => wait(search::run(args, output)),
        AuditCommand::Tail(args) => wait(tail::run(args, output)),
        AuditCommand::Stats(args) => wait(stats::run(args, output, now())),
        AuditCommand::AsAt(args) => wait(as_at::run(args, output)),
        AuditCommand::Export(args) => wait(export::run(args, output)),
        AuditCommand::Check(args) => check::run(args, output),
    }
}

/// A scope in words.
fn scope_words(scope: &BundleScope) -> String {
    match (&scope.issuer, &scope.jurisdictions) {
        (None, None) => "every stream".to_owned(),
        (Some(issuer), None) => format!("every stream of {issuer}"),
        (None, Some(own)) => format!("streams in {own}"),
        (Some(issuer), Some(own)) => format!("streams of {issuer} in {own}"),
    }
}

/// A scope for programs.
fn scope_json(scope: &BundleScope) -> Value {
    json!({
        "issuer": scope.issuer.as_ref().map(ToString::to_string),
        "jurisdictions": scope.jurisdictions.as_ref().map(ToString::to_string),
    })
}
