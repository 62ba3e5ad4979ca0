//! `witness access grant`: a caller is let in, by a token that is shown once, or by a client certificate.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::json;
use witness_core::{
    caller::is_caller_name,
    name::{Domain, Jurisdictions},
    time::Timestamp,
};
use witness_wire::v1::GrantAccessRequest;
use zeroize::Zeroizing;

use crate::{
    args, credentials, files,
    outcome::{Failure, Outcome},
    output::Output,
    rpc::{self, Channel},
    times,
};

/// Arguments of `witness access grant`.
#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    /// What it is: a regulator sees the streams of its jurisdictions, an issuer its own
    #[arg(long)]
    role: Role,
    /// Who it is, in your words; shown in lists and in the access log
    #[arg(long, value_name = "TEXT", value_parser = name)]
    name: String,
    /// For a regulator: ISO 3166 codes, EU or INT, parted by commas; DE covers DE-BY
    #[arg(
        long,
        value_name = "CODES",
        value_parser = args::assigned_jurisdictions,
        required_if_eq("role", "regulator"),
        conflicts_with = "issuer"
    )]
    jurisdictions: Option<Jurisdictions>,
    /// For an issuer: its domain, as it is registered
    #[arg(
        long,
        value_name = "DOMAIN",
        value_parser = args::domain,
        required_if_eq("role", "issuer")
    )]
    issuer: Option<Domain>,
    /// When the term begins: a date, its first instant in UTC, or RFC 3339. Without it: now
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// When the term ends: a date, its first instant in UTC, or RFC 3339
    #[arg(long, value_name = "TIME")]
    until: String,
    /// Client certificate (PEM) by which it is known, in place of a token
    #[arg(long, value_name = "PEM")]
    certificate: Option<PathBuf>,
    /// File for the token, mode 0600, never overwritten; without it the token is printed
    #[arg(long, value_name = "FILE", conflicts_with = "certificate")]
    token_file: Option<PathBuf>,
}

/// The roles that are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// A regulator.
    Regulator,
    /// An issuer.
    Issuer,
}

fn name(text: &str) -> Result<String, &'static str> {
    let expected = "expected 1 to 80 printable characters";
    is_caller_name(text).then(|| text.to_owned()).ok_or(expected)
}

/// Lets it in.
pub(super) async fn run(
    args: &GrantArgs,
    channel: impl Future<Output = Result<Channel>>,
    output: &mut Output,
) -> Result<Outcome> {
    let request = request(args)?;
    if let Some(path) = args.token_file.as_deref() {
        refuse_existing(path)?;
    }
    let channel = channel.await?;
    let answer = rpc::admin(&channel).grant_access(rpc::timed(request)).await;
    let granted = rpc::answer(answer)?;
    let (id, token) = (granted.id, Zeroizing::new(granted.token));
    output.conclude(Outcome::Done);
    if let Some(path) = args.token_file.as_deref() {
        let text = Zeroizing::new(format!("{}\n", *token));
        // Nobody can show it again.
        files::write_new(path, text.as_bytes(), 0o600)
            .with_context(|| format!("the token is lost: witness access revoke {id}"))?;
    }
    let printed = args.token_file.is_none() && !token.is_empty();
    output.good(&format!("{} is let in as {id}", args.name))?;
    if printed {
        output.field("token", &token)?;
        output.note("the token is shown this once; whoever has it is let in")?;
    }
    if let Some(path) = &args.token_file {
        output.field("token in", &path.display().to_string())?;
    }
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "id": id,
        "token": printed.then(|| token.as_str()),
        "token_file": args.token_file,
    }))?;
    Ok(Outcome::Done)
}

fn request(args: &GrantArgs) -> Result<GrantAccessRequest> {
    let from = args.from.as_deref().map(times::point).transpose()?;
    let role = match args.role {
        Role::Regulator => "regulator",
        Role::Issuer => "issuer",
    };
    let misplaced = match args.role {
        Role::Regulator => args.issuer.is_some(),
        Role::Issuer => args.jurisdictions.is_some(),
    };
    if misplaced {
        return Err(Failure::cannot_tell("a regulator has jurisdictions, an issuer a domain")
            .next("give --jurisdictions or --issuer, as the role needs it")
            .into());
    }
    let certificate = args.certificate.as_deref().map(credentials::leaf).transpose()?;
    Ok(GrantAccessRequest {
        role: role.to_owned(),
        name: args.name.clone(),
        issuer: args.issuer.as_ref().map(ToString::to_string).unwrap_or_default(),
        jurisdictions: args.jurisdictions.as_ref().map(ToString::to_string).unwrap_or_default(),
        from_us: from.map_or(0, Timestamp::micros),
        until_us: times::point(&args.until)?.micros(),
        certificate: certificate.unwrap_or_default().into(),
    })
}

/// Before the token is made: it would be lost.
fn refuse_existing(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let message = format!("{} is there already and is not overwritten", path.display());
    Err(Failure::refused(message).next("give another name, or move it away").into())
}
