//! `witness issuer`: the registry, changed over the operator's socket.
//!
//! What must hold: a drafted text is signed only after it was read back and found to be the change that was
//! asked for.

mod args;
mod change;
mod claim_type;
mod domain;
mod keys;
mod ready;
mod register;
mod retention;
mod show;

use anyhow::Result;
use clap::{Args, Subcommand};
use witness_core::{name::Origin, registry::Change, time::Timestamp};

use self::{
    args::{
        AddArgs, ChallengeArgs, ClaimTypeArgs, HoldArgs, KeyAddArgs, KeyRevokeArgs, KeyRotateArgs,
        LiftArgs, OffboardArgs, ProveArgs, RetentionArgs, ShowArgs, SignChangeArgs, StreamOpenArgs,
    },
    change::Signing,
    register::Registrar,
};
use crate::{
    args::{self as words, AdminArgs},
    outcome::Outcome,
    output::Output,
};

const EXAMPLES: &str = "\
Changes are logged for everybody to see. The server adds the registrar's signature; what the
issuer must sign is signed here, or elsewhere with `sign-change`.

The life of an issuer:
  witness issuer challenge aws.training        # what the holder of the domain publishes
  witness issuer prove aws.training
  witness issuer add aws.training
  witness issuer key-add aws.training --key aws.skey
  witness issuer stream-open aws.training main --jurisdictions DE,EU
  witness issuer claim-type --ready skill-module
  witness issuer key-rotate aws.training --key next.skey --with aws.skey
  witness issuer key-revoke aws.training --id 69a57a17
  witness issuer offboard aws.training
  witness issuer show

With the issuer's key on another machine:
  operator$ witness issuer key-add aws.training --key aws.vkey --draft change.txt
  issuer$   witness issuer sign-change --key aws.skey change.txt
  operator$ witness issuer key-add aws.training --key aws.vkey --signature '— aws.training ...'";

/// Arguments of `witness issuer`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IssuerArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Origin of the log, as in witness.example/log1; needed if the firm has several
    #[arg(long, global = true, value_name = "ORIGIN", env = "WITNESS_LOG", value_parser = words::origin)]
    log: Option<Origin>,
    #[command(subcommand)]
    command: IssuerCommand,
}

/// What can be done to the registry.
#[derive(Debug, Subcommand)]
enum IssuerCommand {
    /// Say what the holder of a domain must publish to show that it is an issuer's own
    Challenge(ChallengeArgs),
    /// Look whether it is published
    Prove(ProveArgs),
    /// Register an issuer
    Add(AddArgs),
    /// Register a key of an issuer
    KeyAdd(KeyAddArgs),
    /// Register a key that is to take the place of a living one; both live until that is revoked
    KeyRotate(KeyRotateArgs),
    /// Revoke a key of an issuer: later entries under it do not count
    KeyRevoke(KeyRevokeArgs),
    /// Open a stream of an issuer; its jurisdictions and mode are fixed from then on
    StreamOpen(StreamOpenArgs),
    /// Register a claim type, ready-made or your own, or give it another schema
    ClaimType(ClaimTypeArgs),
    /// Say how long bodies of a claim type are kept
    Retention(RetentionArgs),
    /// Hold events of an issuer: nothing of them is erased
    Hold(HoldArgs),
    /// Lift a hold
    Lift(LiftArgs),
    /// Part with an issuer: nothing more of it is admitted, what was logged stays
    Offboard(OffboardArgs),
    /// Sign a drafted change, without any server
    SignChange(SignChangeArgs),
    /// Show the registry: issuers, keys, streams and claim types, past ones too
    Show(ShowArgs),
}

/// Does what was asked for.
pub(crate) async fn run(args: &IssuerArgs, output: &mut Output, now: Timestamp) -> Result<Outcome> {
    let server = || Registrar::connect(&args.admin.socket, args.log.as_ref());
    let (change, signing) = match &args.command {
        IssuerCommand::SignChange(sign) => {
            return register::sign_change(&sign.key, &sign.text, output);
        }
        IssuerCommand::Show(show) => {
            return show::run(server().await?, show.issuer.as_ref(), output).await;
        }
        IssuerCommand::Challenge(challenge) => {
            return domain::challenge(&server().await?, &challenge.issuer, output).await;
        }
        IssuerCommand::Prove(prove) => {
            return domain::prove(&server().await?, &prove.issuer, output).await;
        }
        IssuerCommand::KeyRotate(rotate) => return keys::rotate(server, rotate, output).await,
        IssuerCommand::ClaimType(args) => return claim_type::run(server, args, output).await,
        IssuerCommand::KeyAdd(add) => keys::added(add)?,
        IssuerCommand::KeyRevoke(revoke) => keys::revoked(revoke, now)?,
        IssuerCommand::Add(add) => (change::add(add), Signing::default()),
        IssuerCommand::StreamOpen(open) => (change::stream_open(open), Signing::default()),
        IssuerCommand::Retention(term) => {
            return retention::run(&server().await?, term, output).await;
        }
        IssuerCommand::Hold(hold) => (change::hold(hold), Signing::default()),
        IssuerCommand::Lift(lift) => {
            (Change::LegalHoldLifted { name: lift.name.clone() }, Signing::default())
        }
        IssuerCommand::Offboard(offboard) => {
            (change::offboard(offboard, output)?, Signing::default())
        }
    };
    server().await?.register(change, &signing, output).await
}
