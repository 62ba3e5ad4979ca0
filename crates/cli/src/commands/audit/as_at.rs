//! `witness audit as-at`: what the firm held of a document at a past time. Its word, no proof.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_core::time::Timestamp;
use witness_wire::v1::GetHistoryAsAtRequest;

use super::{filter::received, search::UNSEEN, shown};
use crate::{
    args::{DocumentArgs, ServerArgs},
    commands::status::about_unknown,
    outcome::Outcome,
    output::Output,
    rpc,
};

/// Arguments of `witness audit as-at`.
#[derive(Debug, Args)]
#[command(after_help = "\
This is a statement of the firm's: that it shows every event there was by then is not proved by it.
Evidence proves each event, and `witness audit check` a whole log. With --json the
events come first, and the statement last, on the line with an `outcome`.

Example:
  witness audit as-at --server https://witness.example --token-file regulator.token \\
      --issuer aws.training --file certificate.txt --at 2026-03-01")]
pub(crate) struct AsAtArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    document: DocumentArgs,
    /// The time: what was received by then counts
    #[arg(long, value_name = "TIME", value_parser = received)]
    at: Timestamp,
}

/// Asks.
pub(crate) async fn run(args: &AsAtArgs, output: &mut Output) -> Result<Outcome> {
    let request = GetHistoryAsAtRequest {
        issuer: args.document.issuer.to_string(),
        document_hash: args.document.hash()?.0.as_bytes().to_vec().into(),
        at_us: args.at.micros(),
    };
    let channel = rpc::connect(&args.server).await?;
    let answer = rpc::audit(&channel).get_history_as_at(rpc::timed(request)).await;
    let answer = rpc::answer(answer).map_err(|failure| {
        if failure.is_about("at_us") {
            let step = "give --at a time up to then; what is received later can be asked for later";
            return failure.next(step);
        }
        about_unknown(failure)
    })?;
    let last = match (answer.change.as_str(), answer.status.as_str()) {
        ("", _) => "nothing had been received by then".to_owned(),
        ("erased", _) => "erased: what it says is no longer told".to_owned(),
        (change, "") => change.to_owned(),
        (change, status) => format!("{change} {status} ({})", answer.status_class),
    };
    let outcome = Outcome::Done;
    output.conclude(outcome);
    output.line(&answer.statement)?;
    output.field("as at", &args.at.to_string())?;
    output.field("last change", &last)?;
    output.field("stated", &Timestamp::from_micros(answer.stated_at_us).to_string())?;
    for event in &answer.events {
        output.line("")?;
        shown::show(&answer.origin, event, output)?;
    }
    // The same whether there is nothing or nothing that the caller may see.
    let nothing = || format!("check the issuer, the time, and that the text is exact: {UNSEEN}");
    let next_step = answer.events.is_empty().then(nothing);
    if let Some(step) = &next_step {
        output.next(step)?;
    }
    output.json(&json!({
        "outcome": outcome.word(),
        "statement": answer.statement,
        "origin": answer.origin,
        "at": args.at.to_string(),
        "change": answer.change,
        "status": answer.status,
        "status_class": answer.status_class,
        "events": answer.events.len(),
        "stated_at": Timestamp::from_micros(answer.stated_at_us).to_string(),
        "next_step": next_step,
    }))?;
    Ok(outcome)
}
