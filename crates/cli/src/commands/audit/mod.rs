//! `witness audit`: what a regulator asks of the firm, and an issuer of its own streams.

mod as_at;
mod export;
mod filter;
mod search;
mod shown;
mod stats;
mod tail;

use anyhow::Result;
use clap::{Args, Subcommand};
use witness_core::{name::Origin, time::Timestamp};

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
            AuditCommand::Export(_) => false,
        }
    }
}

/// Asks.
pub(crate) async fn run(
    args: &AuditArgs,
    output: &mut Output,
    now: fn() -> Timestamp,
) -> Result<Outcome> {
    match &args.command {
        AuditCommand::Search(args) => search::run(args, output).await,
        AuditCommand::Tail(args) => tail::run(args, output).await,
        AuditCommand::Stats(args) => stats::run(args, output, now()).await,
        AuditCommand::AsAt(args) => as_at::run(args, output).await,
        AuditCommand::Export(args) => export::run(args, output).await,
    }
}
