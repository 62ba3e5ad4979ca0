//! `witness issuer`: the registry, changed over the operator's socket.
//!
//! What must hold: a drafted text is signed only after it was read back and found to be the change that was
//! asked for.

mod change;
mod register;
mod show;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use witness_core::{
    key::KeyId,
    name::{Domain, Jurisdictions, Name, Origin},
    time::Timestamp,
};

use crate::{args, outcome::Outcome, output::Output};

const EXAMPLES: &str = "\
Changes are logged for everybody to see. The server adds the registrar's signature; what the
issuer must sign is signed here, or elsewhere with `sign-change`.

Examples:
  witness issuer add aws.training
  witness issuer key-add aws.training --key aws.skey
  witness issuer stream-open aws.training main --jurisdictions DE,EU
  witness issuer claim-type --name skill-module --schema skill-module.schema
  witness issuer show

With the issuer's key on another machine:
  operator$ witness issuer key-add aws.training --key aws.vkey --draft change.txt
  issuer$   witness issuer sign-change --key aws.skey change.txt
  operator$ witness issuer key-add aws.training --key aws.vkey --signature '— aws.training ...'";

/// Arguments of `witness issuer`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IssuerArgs {
    /// The operator's socket
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "WITNESS_ADMIN",
        default_value = "/run/witnessd/admin.sock"
    )]
    admin: PathBuf,
    /// Origin of the log, as in witness.example/log1; needed if the firm has several
    #[arg(long, global = true, value_name = "ORIGIN", env = "WITNESS_LOG", value_parser = args::origin)]
    log: Option<Origin>,
    #[command(subcommand)]
    command: IssuerCommand,
}

/// What can be done to the registry.
#[derive(Debug, Subcommand)]
enum IssuerCommand {
    /// Register an issuer
    Add(AddArgs),
    /// Register a key of an issuer
    KeyAdd(KeyAddArgs),
    /// Revoke a key of an issuer: later entries under it do not count
    KeyRevoke(KeyRevokeArgs),
    /// Open a stream of an issuer; its jurisdictions and mode are fixed from then on
    StreamOpen(StreamOpenArgs),
    /// Register a claim type, or give it another schema
    ClaimType(ClaimTypeArgs),
    /// Sign a drafted change, without any server
    SignChange(SignChangeArgs),
    /// Show the registry
    Show,
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    issuer: Domain,
}

/// Where signatures of the issuer come from, beside the file of the key itself.
#[derive(Debug, Args)]
struct SignatureArgs {
    /// A signature line made with sign-change, in place of a secret key; can be given several times
    #[arg(long = "signature", value_name = "LINE")]
    signatures: Vec<String>,
    /// Write the text to be signed to this file, and stop
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct KeyAddArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    issuer: Domain,
    /// The new key: its secret key's file, or its public key (a vkey, or a file) if it signs elsewhere
    #[arg(long, value_name = "NEW")]
    key: String,
    /// A living key of the issuer, which vouches for the new one; needed for all but its first
    #[arg(long = "with", value_name = "LIVING.skey")]
    living: Option<PathBuf>,
    /// No living key of the issuer is left: every verdict that rests on the new key will say so
    #[arg(long, conflicts_with = "living")]
    recovery: bool,
    #[command(flatten)]
    signing: SignatureArgs,
}

#[derive(Debug, Args)]
struct KeyRevokeArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    issuer: Domain,
    /// Id of the key, 8 hexadecimal digits, as `show` has it
    #[arg(long, value_name = "ID", value_parser = key_id)]
    id: KeyId,
    /// Since when the key is not to be trusted, RFC 3339; earlier entries from then on become suspect.
    /// Without it: from now on, so none become suspect
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// The key itself, if the issuer revokes it
    #[arg(long = "with", value_name = "KEY.skey")]
    own: Option<PathBuf>,
    #[command(flatten)]
    signing: SignatureArgs,
}

#[derive(Debug, Args)]
struct StreamOpenArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    issuer: Domain,
    /// Name of the stream, as in main
    #[arg(value_parser = args::name)]
    stream: Name,
    /// Who may inspect it: ISO 3166 codes, EU or INT, parted by commas
    #[arg(long, value_name = "CODES", value_parser = args::jurisdictions)]
    jurisdictions: Jurisdictions,
    /// It brings in the past, where late events are nothing odd
    #[arg(long)]
    back_fill: bool,
}

#[derive(Debug, Args)]
struct ClaimTypeArgs {
    /// Name of the claim type, as in skill-module
    #[arg(long, value_parser = args::name)]
    name: Name,
    /// File with its schema: lines `field …`, sorted by name
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
}

#[derive(Debug, Args)]
struct SignChangeArgs {
    /// The key to sign with
    #[arg(long, value_name = "KEY.skey")]
    key: PathBuf,
    /// The drafted text; - for standard input
    text: PathBuf,
}

/// Does what was asked for.
pub(crate) async fn run(args: &IssuerArgs, output: &mut Output, now: Timestamp) -> Result<Outcome> {
    let server = || register::Registrar::connect(&args.admin, args.log.as_ref());
    match &args.command {
        IssuerCommand::SignChange(sign) => register::sign_change(&sign.key, &sign.text, output),
        IssuerCommand::Show => show::run(server().await?, output).await,
        IssuerCommand::Add(add) => {
            server().await?.register(change::add(add), &change::Signing::default(), output).await
        }
        IssuerCommand::KeyAdd(add) => {
            let (change, signing) = change::key_add(add)?;
            server().await?.register(change, &signing, output).await
        }
        IssuerCommand::KeyRevoke(revoke) => {
            let (change, signing) = change::key_revoke(revoke, now)?;
            server().await?.register(change, &signing, output).await
        }
        IssuerCommand::StreamOpen(open) => {
            server()
                .await?
                .register(change::stream_open(open), &change::Signing::default(), output)
                .await
        }
        IssuerCommand::ClaimType(claim_type) => {
            let change = change::claim_type(claim_type)?;
            server().await?.register(change, &change::Signing::default(), output).await
        }
    }
}

fn key_id(text: &str) -> Result<KeyId, &'static str> {
    KeyId::parse(text).ok_or("expected 8 lower-case hexadecimal digits")
}
