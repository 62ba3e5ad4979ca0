//! `witness access`: who is let in, and what was asked, over the operator's socket.

mod grant;
mod list;
mod log;
mod revoke;

use anyhow::Result;
use clap::{Args, Subcommand};
use witness_core::time::Timestamp;

use crate::{args::AdminArgs, outcome::Outcome, output::Output, rpc};

const EXAMPLES: &str = "\
Anybody may submit what is signed, read the public log, and ask about a document hash that it
knows. Regulators and issuers see more, each within its scope and its term, and are known by a
token or by a client certificate. Each call of theirs is written down.

Examples:
  witness access grant --role regulator --name BaFin --jurisdictions DE --until 2027-12-31 \\
      --token-file bafin.token
  witness access grant --role issuer --name 'AWS Training' --issuer aws.training \\
      --until 2027-12-31 --certificate aws.pem
  witness access list
  witness access revoke c-0badcafe
  witness access log --caller c-0badcafe";

/// Arguments of `witness access`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AccessArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(subcommand)]
    command: AccessCommand,
}

/// What can be done about access.
#[derive(Debug, Subcommand)]
enum AccessCommand {
    /// Let a regulator or an issuer in
    Grant(Box<grant::GrantArgs>),
    /// Shut a caller out, from its next call on
    Revoke(revoke::RevokeArgs),
    /// List who was let in, and who was shut out
    List,
    /// Show who asked what, and check that nothing of it was changed
    Log(Box<log::LogArgs>),
}

/// Does what was asked for.
pub(crate) async fn run(args: &AccessArgs, output: &mut Output, now: Timestamp) -> Result<Outcome> {
    let channel = || rpc::connect_unix(&args.admin.socket);
    match &args.command {
        AccessCommand::Grant(grant) => grant::run(grant, channel(), output).await,
        AccessCommand::Revoke(revoke) => revoke::run(revoke, &channel().await?, output).await,
        AccessCommand::List => list::run(&channel().await?, output, now).await,
        AccessCommand::Log(log) => log::run(log, &args.admin.socket, output).await,
    }
}
