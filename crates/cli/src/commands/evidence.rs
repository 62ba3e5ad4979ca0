//! `witness evidence`: fetches a document's evidence, and saves it only after it was verified, or, without a
//! policy to verify it by, says that it was not.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;
use witness_core::{evidence::Evidence, hash::DocumentHash};

use super::{status, verify::Checked};
use crate::{
    args::{DocumentArgs, ServerArgs},
    files,
    outcome::Outcome,
    output::Output,
    rpc, trust,
};

const EXAMPLES: &str = "\
The file proves itself: whoever has it and a trust policy can verify it without the firm, with
`witness verify`. Without --policy it is saved all the same, but nothing of it is verified: then
the exit code is 2. 0 says that it was verified, 1 that a check failed, and nothing was saved.

Example:
  witness evidence --server http://localhost:7761 --issuer aws.training --file certificate.txt \\
      --policy policy.json --out certificate.evidence.json";

/// Arguments of `witness evidence`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EvidenceArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    document: DocumentArgs,
    /// File for the evidence
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The firm's trust policy, got elsewhere
    #[arg(long, value_name = "POLICY.json")]
    policy: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

/// Fetches it.
pub(crate) async fn run(args: &EvidenceArgs, output: &mut Output) -> Result<Outcome> {
    let policy = args.policy.as_deref().map(trust::read_policy).transpose()?;
    let request = status::request(&args.document)?;
    let document = DocumentHash(
        witness_core::hash::Hash::from_slice(&request.document_hash)
            .context("the hash is no hash")?,
    );
    let channel = rpc::connect(&args.server).await?;
    let answer = rpc::evidence(&channel).get_evidence(rpc::timed(request)).await;
    let bytes = rpc::answer(answer).map_err(status::about_unknown)?.evidence;
    let Some(policy) = policy else {
        Evidence::parse(&bytes).context("the server sent something else than evidence")?;
        save(&args.out, &bytes, args.force)?;
        let outcome = Outcome::CannotTell;
        output.conclude(outcome);
        output.unsure(&format!(
            "fetched into {}, not verified: no --policy was given",
            args.out.display()
        ))?;
        output.json(&json!({ "outcome": outcome.word(), "verified": false, "file": args.out }))?;
        return Ok(outcome);
    };
    let checked = Checked::of(&bytes, &policy, &[], Some(document))?;
    let is_kept = checked.outcome() != Outcome::Refused;
    if is_kept {
        save(&args.out, &bytes, args.force)?;
    }
    output.conclude(checked.outcome());
    checked.show(output)?;
    if is_kept {
        output.field("saved in", &args.out.display().to_string())?;
    }
    output.json(&json!({
        "outcome": checked.word(),
        "verified": checked.outcome() == Outcome::Done,
        "file": args.out,
        "verdict": checked.verdict,
        "missing": checked.missing,
    }))?;
    Ok(checked.outcome())
}

fn save(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    if force { files::replace(path, bytes) } else { files::write_new(path, bytes, 0o600) }
}
