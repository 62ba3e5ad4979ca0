//! `witness anchor`: the contract that keeps a firm's roll-ups on a public chain.
//!
//! What must hold: keys and passwords come from files that nobody else can read, and are shown nowhere; nor are
//! addresses of nodes, which hold keys too.

mod attach;
mod deploy;
mod entry;
mod resume;
mod rotate_key;
mod standing;
mod status;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use witness_anchor::{
    deploy::{Patience, Progress},
    wallet::{Wallet, WalletError, password_of},
};
use zeroize::Zeroizing;

use crate::{
    chain,
    commands::verify,
    files,
    outcome::{Failure, Outcome},
    output::Output,
    times,
};

const PASSWORD_BYTES_MAX: u64 = 4096;
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Arguments of `witness anchor`.
#[derive(Debug, Args)]
pub(crate) struct AnchorArgs {
    #[command(subcommand)]
    command: AnchorCommand,
}

/// What can be done about anchors.
#[derive(Debug, Subcommand)]
enum AnchorCommand {
    /// Put a contract for the firm's roll-ups on a chain
    Deploy(deploy::DeployArgs),
    /// Show how roll-ups stand on their chains
    Status(status::StatusArgs),
    /// Verify an evidence file, and ask nodes of its chain: `witness verify --rpc`
    Verify(verify::VerifyArgs),
    /// Add to an evidence file the anchors that came after it was made
    Attach(attach::AttachArgs),
    /// Let a worker that has halted go on (operator's socket)
    Resume(resume::ResumeArgs),
    /// Let another key append to a contract, by its owner's key
    RotateKey(rotate_key::RotateKeyArgs),
}

/// Does it.
pub(crate) async fn run(args: &AnchorArgs, output: &mut Output) -> Result<Outcome> {
    match &args.command {
        AnchorCommand::Deploy(args) => deploy::run(args, output).await,
        AnchorCommand::Status(args) => status::run(args, output).await,
        AnchorCommand::Verify(args) => verify::run_with_nodes(args, output).await,
        AnchorCommand::Attach(args) => attach::run(args, output).await,
        AnchorCommand::Resume(args) => resume::run(args, output).await,
        AnchorCommand::RotateKey(args) => rotate_key::run(args, output).await,
    }
}

/// How a transaction is sent.
#[derive(Debug, Args)]
struct SendingArgs {
    /// File with the keystore's password, of mode 0600
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// Tip for who builds the block at least, in wei for each gas
    #[arg(long, value_name = "WEI", default_value_t = 1)]
    tip_min: u128,
    /// How long it is waited for, as in 10m
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = times::duration)]
    wait: std::time::Duration,
}

impl SendingArgs {
    fn patience(&self) -> Patience {
        let looks = self.wait.as_secs().max(1);
        let looks = u32::try_from(looks).unwrap_or(u32::MAX);
        Patience { tip_min: self.tip_min, pause: PAUSE, looks }
    }

    /// Opens a keystore that nobody else can read.
    fn open(&self, keystore: &Path) -> Result<Wallet> {
        files::refuse_shared(keystore)?;
        files::refuse_shared(&self.password_file)?;
        let text = Zeroizing::new(files::read_text(&self.password_file, PASSWORD_BYTES_MAX)?);
        let opened = Wallet::open(keystore, password_of(&text).as_bytes());
        opened.map_err(|error| unopened(&error).into())
    }
}

fn unopened(error: &WalletError) -> Failure {
    let failure = Failure::cannot_tell(error.to_string());
    match error {
        WalletError::Password { .. } => failure.next("check --password-file"),
        WalletError::File { .. }
        | WalletError::NotAKeystore { .. }
        | WalletError::NotAKey { .. }
        | WalletError::Sign(_) => failure.next("give a keystore that geth or cast has made"),
    }
}

/// What is said while a transaction is under way.
fn said(output: &mut Output, step: Progress) {
    let said = match step {
        Progress::Sent { tx, ceiling } => output.note(&format!(
            "sent as {tx}; it costs at most {} coins of the chain",
            chain::coins(ceiling)
        )),
        Progress::Waiting { looks } if looks % 30 == 0 => {
            output.note("it is not mined yet; still waiting")
        }
        Progress::Waiting { .. } => Ok(()),
    };
    // What was sent is sent, whoever listens.
    said.ok();
}
