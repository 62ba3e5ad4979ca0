//! `witness status` and `witness history`: what the firm says of a document. Its word; the proof is in the
//! evidence.

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};
use witness_core::{
    event::{Change, Event},
    time::{Timestamp, rfc3339},
};
use witness_wire::v1::{DocumentRequest, GetStatusResponse, get_history_response::Item};

use crate::{
    args::{DocumentArgs, ServerArgs},
    outcome::{Failure, Outcome},
    output::{Output, count_of},
    rpc,
};

const STATUS_EXAMPLES: &str = "\
Exit codes: 0 the issuer stands behind the document, 1 it does not, or nothing is known of it,
2 could not tell. This is the firm's word: for a proof, take the evidence.

Examples:
  witness status --server http://localhost:7761 --issuer aws.training --file certificate.txt
  witness status --server http://localhost:7761 --issuer aws.training --document 9f86d0…";

/// Arguments of `witness status`.
#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLES)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    document: DocumentArgs,
}

/// Arguments of `witness history`.
#[derive(Debug, Args)]
#[command(after_help = "\
Every event of one document hash, in the order of the log, without details.

Example:
  witness history --server http://localhost:7761 --issuer aws.training --file certificate.txt")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    document: DocumentArgs,
}

const SUSPECT: &str = "the key that signed this was revoked later, as of a time before its receipt: the signature is suspect";

/// What was erased may have said anything.
const ERASED: &str = "the text that says how it stands was erased";

/// What the end of an issuer means to whoever bears a document of its.
const OFFBOARDED: &str =
    "the issuer says nothing more here; what was logged before stays valid evidence";

/// The request about a document.
pub(crate) fn request(document: &DocumentArgs) -> Result<DocumentRequest> {
    let hash = document.hash()?;
    Ok(DocumentRequest {
        issuer: document.issuer.to_string(),
        document_hash: hash.0.as_bytes().to_vec().into(),
    })
}

/// Asks for the state of a document.
pub(crate) async fn run(args: &StatusArgs, output: &mut Output) -> Result<Outcome> {
    let request = request(&args.document)?;
    let again = request.clone();
    let channel = rpc::connect(&args.server).await?;
    let answer = rpc::evidence(&channel).get_status(rpc::timed(request)).await;
    let mut status = rpc::answer(answer).map_err(about_unknown)?;
    if status.change == "restored" && status.status.is_empty() {
        let history = rpc::evidence(&channel).get_history(rpc::timed(again)).await;
        let history = rpc::answer(history).map_err(about_unknown)?;
        (status.status, status.status_class) = status_before_deletion(&history.items)?;
    }
    let (outcome, shown) = verdict(&status);
    output.conclude(outcome);
    let issuer = &args.document.issuer;
    match outcome {
        Outcome::Done => output.good(&format!("verified: {issuer} stands behind this document"))?,
        Outcome::Refused => output.bad(&format!("not verified: {issuer} says {shown}"))?,
        Outcome::CannotTell => output.unsure(&format!("cannot tell: {shown}"))?,
    }
    if status.suspect {
        output.warn(SUSPECT)?;
    }
    let offboarded_at =
        status.issuer_offboarded_at_us.map(|at| Timestamp::from_micros(at).to_string());
    let received_at = Timestamp::from_micros(status.received_at_us).to_string();
    let erased_at = status.erased_at_us.map(|at| Timestamp::from_micros(at).to_string());
    // Of an erased event the issuer's word is not known.
    let occurred_at = erased_at.is_none().then(|| rfc3339(status.occurred_at_us));
    output.field("last change", &last_change(&status))?;
    output.field("received", &format!("{received_at}, by the firm's clock"))?;
    if let Some(occurred_at) = &occurred_at {
        output.field("occurred", &format!("{occurred_at}, by the issuer's word"))?;
    }
    if let Some(erased_at) = &erased_at {
        output.field("erased", &format!("{erased_at}, by the firm's clock"))?;
    }
    if let Some(offboarded_at) = &offboarded_at {
        output.field("offboarded", &format!("{offboarded_at}: {OFFBOARDED}"))?;
    }
    output.field("logged", &format!("{} entry {}", status.origin, status.index))?;
    output.field("events", &status.events.to_string())?;
    output.json(&json!({
        "outcome": match outcome {
            Outcome::Done => "verified",
            Outcome::Refused | Outcome::CannotTell => outcome.word(),
        },
        "issuer": issuer.as_str(),
        "shown": shown,
        "change": status.change,
        "status": status.status,
        "status_class": status.status_class,
        "origin": status.origin,
        "index": status.index,
        "received_at": received_at,
        "occurred_at": occurred_at,
        "events": status.events,
        "expired": status.expired,
        "suspect": status.suspect,
        "erased_at": erased_at,
        "issuer_offboarded_at": offboarded_at,
    }))?;
    Ok(outcome)
}

/// What clients of the issuer would make of it (Live Verify, "Verification Response Format"), and what
/// they would show.
fn verdict(answer: &GetStatusResponse) -> (Outcome, String) {
    let shown = answer.status.to_uppercase();
    let is_affirming = answer.status_class == "affirming";
    let is_verified_word = matches!(shown.as_str(), "VERIFIED" | "VALID");
    let verdict = match answer.change.as_str() {
        "issued" | "amended" | "restored" if shown.is_empty() => {
            (Outcome::Done, "VERIFIED".to_owned())
        }
        "issued" | "amended" | "restored" | "status" if is_affirming || is_verified_word => {
            (Outcome::Done, shown)
        }
        "issued" | "amended" | "restored" | "status" if !shown.is_empty() => {
            (Outcome::Refused, shown)
        }
        "replaced" => (Outcome::Refused, "SUPERSEDED".to_owned()),
        "deleted" => (Outcome::Refused, "DELETED".to_owned()),
        "erased" => (Outcome::CannotTell, ERASED.to_owned()),
        _ => (Outcome::CannotTell, "the last change is of an unknown kind".to_owned()),
    };
    match verdict {
        // Known while the issuer is silent; what the issuer says otherwise stands.
        (Outcome::Done, _) if answer.expired => (Outcome::Refused, "EXPIRED".to_owned()),
        verdict => verdict,
    }
}

/// What a restored document is again: what it was before its deletion (Live Verify, "Verification Response
/// Format": a status stays until another is given). Status and class, empty where it was plainly issued.
fn status_before_deletion(items: &[Item]) -> Result<(String, String)> {
    for item in items.iter().rev() {
        let Some(event) = event_of(item)? else { return Err(Failure::cannot_tell(ERASED).into()) };
        match event.change {
            Change::Status { class, status } => {
                return Ok((status.as_str().to_owned(), class.word().to_owned()));
            }
            Change::Replaced { .. } => return Ok(("superseded".to_owned(), "replaced".to_owned())),
            Change::Issued | Change::Amended { .. } => break,
            Change::Deleted | Change::Restored => {}
        }
    }
    Ok((String::new(), String::new()))
}

fn last_change(status: &GetStatusResponse) -> String {
    if status.status.is_empty() {
        return status.change.clone();
    }
    format!("{} {} ({})", status.change, status.status, status.status_class)
}

/// That nothing is known is no error of the caller's.
pub(crate) fn about_unknown(failure: Failure) -> Failure {
    if failure.reason.as_deref() != Some("NOT_FOUND") || failure.next_step.is_some() {
        return failure;
    }
    failure.next(
        "check the issuer, and that the text is exact: a hash fits only the very text that was issued",
    )
}

/// Asks for every event of a document.
pub(crate) async fn run_history(args: &HistoryArgs, output: &mut Output) -> Result<Outcome> {
    let request = request(&args.document)?;
    let channel = rpc::connect(&args.server).await?;
    let answer = rpc::evidence(&channel).get_history(rpc::timed(request)).await;
    let history = rpc::answer(answer).map_err(about_unknown)?;
    let (outcome, count) = (Outcome::Done, u64::try_from(history.items.len())?);
    output.line(&format!("{} in {}", count_of(count, "event"), history.origin))?;
    for item in &history.items {
        let event = event_of(item)?;
        show(item, event.as_ref(), output)?;
        output.json(&as_json(&history.origin, item, event.as_ref()))?;
    }
    output.conclude(outcome);
    output.json(&json!({
        "outcome": outcome.word(),
        "origin": history.origin,
        "events": count,
    }))?;
    Ok(outcome)
}

/// The event of an item; none once it was erased.
fn event_of(item: &Item) -> Result<Option<Event>> {
    if item.erased_at_us.is_some() {
        return Ok(None);
    }
    let event = Event::parse(&item.event);
    event.map(Some).context("the server sent an event that does not read")
}

fn show(item: &Item, event: Option<&Event>, output: &mut Output) -> Result<()> {
    let received_at = Timestamp::from_micros(item.received_at_us);
    output.line("")?;
    let change = event.map_or_else(|| "erased".to_owned(), |event| event.change.words());
    output.line(&format!("{received_at}  {change}"))?;
    if let Some(event) = event {
        let occurred_at = rfc3339(event.occurred_at);
        output.field("occurred", &format!("{occurred_at}, by the issuer's word"))?;
        output.field("claim type", event.claim_type.as_str())?;
    }
    if let Some(erased_at) = item.erased_at_us.map(Timestamp::from_micros) {
        output.field("erased", &format!("{erased_at}, by the firm's clock"))?;
    }
    output.field("stream", &format!("{}, event {}", item.stream, item.sequence))?;
    output.field("entry", &format!("{}, event {} of it", item.index, item.event_index))?;
    if !item.anomalies.is_empty() {
        output.field("odd", &item.anomalies.join(", "))?;
    }
    if item.suspect {
        output.warn(SUSPECT)?;
    }
    Ok(())
}

fn as_json(origin: &str, item: &Item, event: Option<&Event>) -> Value {
    let status = event.and_then(|event| event.change.status());
    let (class, status) = status.map(|(class, status)| (class.word(), status.as_str())).unzip();
    json!({
        "origin": origin,
        "index": item.index,
        "event_index": item.event_index,
        "stream": item.stream,
        "sequence": item.sequence,
        "received_at": Timestamp::from_micros(item.received_at_us).to_string(),
        "occurred_at": event.map(|event| rfc3339(event.occurred_at)),
        "change": event.map(|event| event.change.kind().word()),
        "status": status,
        "status_class": class,
        "claim_type": event.map(|event| event.claim_type.as_str()),
        "anomalies": item.anomalies,
        "suspect": item.suspect,
        "erased_at": item.erased_at_us.map(|at| Timestamp::from_micros(at).to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(change: &str, status: &str, status_class: &str) -> (Outcome, String) {
        verdict(&GetStatusResponse {
            change: change.to_owned(),
            status: status.to_owned(),
            status_class: status_class.to_owned(),
            ..GetStatusResponse::default()
        })
    }

    #[test]
    fn only_what_the_issuer_affirms_is_verified() {
        assert_eq!(of("issued", "", ""), (Outcome::Done, "VERIFIED".to_owned()));
        assert_eq!(of("amended", "", ""), (Outcome::Done, "VERIFIED".to_owned()));
        assert_eq!(of("status", "Valid", "other").0, Outcome::Done);
        assert_eq!(of("status", "Renewed", "affirming").0, Outcome::Done);
        assert_eq!(of("status", "Revoked", "punitive"), (Outcome::Refused, "REVOKED".to_owned()));
        assert_eq!(of("status", "OK", "other").0, Outcome::Refused);
        assert_eq!(of("restored", "Revoked", "punitive").0, Outcome::Refused);
        assert_eq!(of("replaced", "", "").0, Outcome::Refused);
        assert_eq!(of("deleted", "", "").0, Outcome::Refused);
        assert_eq!(of("dissolved", "", "").0, Outcome::CannotTell);
        assert_eq!(of("erased", "", ""), (Outcome::CannotTell, ERASED.to_owned()));
        assert_eq!(of("status", "", "").0, Outcome::CannotTell);
    }

    #[test]
    fn what_has_expired_is_not_verified_and_keeps_a_status_that_says_more() {
        let expired = |change: &str, status: &str, class: &str| {
            verdict(&GetStatusResponse {
                change: change.to_owned(),
                status: status.to_owned(),
                status_class: class.to_owned(),
                expired: true,
                ..GetStatusResponse::default()
            })
        };
        let expected = (Outcome::Refused, "EXPIRED".to_owned());
        assert_eq!(expired("issued", "", ""), expected);
        assert_eq!(expired("status", "Valid", "affirming"), expected);
        assert_eq!(expired("status", "Revoked", "punitive").1, "REVOKED");
    }
}
