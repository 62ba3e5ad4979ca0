//! One event of an audit, as people and programs read it.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use witness_core::{
    details::Details,
    event::Event,
    time::{Timestamp, rfc3339},
};
use witness_wire::v1::AuditEvent;

use crate::output::Output;

/// What the texts of an event say; nothing of one that was erased.
struct Read {
    event: Option<Event>,
    details: Vec<(String, String)>,
}

fn read(event: &AuditEvent) -> Result<Read> {
    if event.event.is_empty() {
        return Ok(Read { event: None, details: Vec::new() });
    }
    let text = Event::parse(&event.event).context("the server sent an event that does not read")?;
    let details = match event.details.as_ref() {
        [] => Vec::new(),
        bytes => {
            let details = Details::parse(bytes);
            let details = details.context("the server sent details that do not read")?;
            details.fields().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        }
    };
    Ok(Read { event: Some(text), details })
}

/// Shows an event: a few lines for people, an object for programs.
pub(super) fn show(origin: &str, event: &AuditEvent, output: &mut Output) -> Result<()> {
    let read = read(event)?;
    if output.is_json() {
        return Ok(output.json(&as_json(origin, event, &read))?);
    }
    let received_at = Timestamp::from_micros(event.received_at_us);
    let change = read.event.as_ref().map_or("erased".to_owned(), |event| event.change.words());
    output.line(&format!(
        "{received_at}  {} {} {}  {change}",
        event.issuer, event.stream, event.sequence
    ))?;
    if let Some(text) = &read.event {
        let (kind, occurred) = (&text.claim_type, rfc3339(text.occurred_at));
        output.field("claim type", &format!("{kind}, occurred {occurred} by the issuer's word"))?;
        output.field("document", &text.document.0.to_hex())?;
    }
    output.field("entry", &format!("{}, event {} of it", event.index, event.event_index))?;
    for (name, value) in &read.details {
        output.field(name, value)?;
    }
    if let Some(at) = event.erased_at_us {
        let (at, reason) = (Timestamp::from_micros(at), &event.erasure_reason);
        output.field("erased", &format!("{at}, for the reason: {reason}"))?;
    }
    if !event.anomalies.is_empty() {
        output.field("odd", &event.anomalies.join(", "))?;
    }
    if event.suspect {
        output.field("suspect", "its key was revoked later, as of a time before the receipt")?;
    }
    Ok(())
}

fn as_json(origin: &str, event: &AuditEvent, read: &Read) -> Value {
    let text = read.event.as_ref();
    let status = text.and_then(|event| event.change.status());
    let (class, status) = status.map(|(class, status)| (class.word(), status.as_str())).unzip();
    let details: Map<String, Value> =
        read.details.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "origin": origin,
        "index": event.index,
        "event_index": event.event_index,
        "issuer": event.issuer,
        "stream": event.stream,
        "sequence": event.sequence,
        "received_at": Timestamp::from_micros(event.received_at_us).to_string(),
        "occurred_at": text.map(|event| rfc3339(event.occurred_at)),
        "document": text.map(|event| event.document.0.to_hex()),
        "change": text.map(|event| event.change.kind().word()),
        "status": status,
        "status_class": class,
        "claim_type": text.map(|event| event.claim_type.as_str()),
        "details": details,
        "anomalies": event.anomalies,
        "suspect": event.suspect,
        "erased_at": event.erased_at_us.map(|at| Timestamp::from_micros(at).to_string()),
        "erasure_reason": event.erased_at_us.map(|_| event.erasure_reason.as_str()),
    })
}
