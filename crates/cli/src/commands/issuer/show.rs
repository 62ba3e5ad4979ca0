//! `witness issuer show`: the registry as it stands.

use anyhow::Result;
use serde_json::{Value, json};
use witness_core::{
    name::{Domain, Origin},
    time::Timestamp,
};
use witness_wire::v1::{
    GetRegistryResponse,
    get_registry_response::{ClaimType, Hold, Issuer, Key, Stream},
};

use super::register::Registrar;
use crate::{
    outcome::{Failure, Outcome},
    output::{Output, count_of},
};

/// Shows it, or what it says of one issuer.
pub(super) async fn run(
    registrar: Registrar,
    only: Option<&Domain>,
    output: &mut Output,
) -> Result<Outcome> {
    let mut registry = registrar.registry().await?;
    if Origin::parse(&registry.origin).is_none() {
        let failure = Failure::refused("the server does not say of which log its registry is");
        return Err(failure.next("check that this is a witnessd").into());
    }
    if let Some(only) = only {
        registry.issuers.retain(|issuer| issuer.issuer == only.as_str());
        registry.holds.retain(|hold| hold.issuer == only.as_str());
        registry.claim_types.clear();
        if registry.issuers.is_empty() {
            let failure =
                Failure::refused(format!("{only} is not in the registry of {}", registry.origin));
            let step =
                format!("another log: --log ORIGIN; or add it: witness issuer challenge {only}");
            return Err(failure.next(step).into());
        }
    }
    output.conclude(Outcome::Done);
    output.line(&format!("{}: {} registry changes", registry.origin, registry.next_sequence))?;
    for issuer in &registry.issuers {
        output.line("")?;
        output.line(&issuer_text(issuer))?;
        for key in &issuer.keys {
            output.field("key", &key_text(key))?;
        }
        for stream in &issuer.streams {
            output.field("stream", &stream_text(stream))?;
        }
    }
    if !registry.holds.is_empty() {
        output.line("")?;
        output.line("legal holds")?;
    }
    for hold in &registry.holds {
        output.field(&hold.name, &hold_text(hold))?;
    }
    for claim_type in &registry.claim_types {
        output.line("")?;
        output.line(&claim_type_text(claim_type))?;
        for line in claim_type.schema.lines() {
            output.line(&format!("  {line}"))?;
        }
    }
    output.json(&as_json(&registry))?;
    Ok(Outcome::Done)
}

fn issuer_text(issuer: &Issuer) -> String {
    let offboarded = issuer.offboarded_index;
    let offboarded = offboarded.map(|index| format!(", OFFBOARDED at entry {index}"));
    let offboarded = offboarded.unwrap_or_default();
    format!("{}, added at entry {}{offboarded}", issuer.issuer, issuer.added_index)
}

fn key_text(key: &Key) -> String {
    let standing = match (key.revoked_index, key.revoked_as_of_us) {
        (Some(index), as_of) => {
            let as_of = as_of.map(|as_of| format!(" as of {}", Timestamp::from_micros(as_of)));
            format!("revoked at entry {index}{}", as_of.unwrap_or_default())
        }
        (None, _) => "living".to_owned(),
    };
    let recovery = if key.recovery { ", recovery" } else { "" };
    format!("{}  {standing}, added at entry {}{recovery}", key.vkey, key.added_index)
}

fn stream_text(stream: &Stream) -> String {
    let mode = if stream.back_fill { "back-fill" } else { "live" };
    format!("{}  {}, {mode}, {} events", stream.name, stream.jurisdictions, stream.next_sequence)
}

fn hold_text(hold: &Hold) -> String {
    let events = match hold.stream.as_str() {
        "" => "all events".to_owned(),
        stream => {
            format!("{} of {stream} from {} on", count_of(hold.count, "event"), hold.first_sequence)
        }
    };
    let standing = match hold.lifted_index {
        Some(index) => format!("lifted at entry {index}"),
        None => "stands".to_owned(),
    };
    format!("{}: {events}; {standing}, placed at entry {}", hold.issuer, hold.placed_index)
}

fn claim_type_text(claim_type: &ClaimType) -> String {
    let kept = claim_type.retention_days.map(|days| format!("bodies kept for {days} days"));
    format!("claim type {}, {}", claim_type.name, kept.as_deref().unwrap_or("bodies kept"))
}

/// All of it for programs.
fn as_json(registry: &GetRegistryResponse) -> Value {
    let key = |key: &Key| {
        json!({
            "vkey": key.vkey,
            "added_index": key.added_index,
            "recovery": key.recovery,
            "revoked_index": key.revoked_index,
            "revoked_as_of": key.revoked_as_of_us.map(|as_of| Timestamp::from_micros(as_of).to_string()),
        })
    };
    let stream = |stream: &Stream| {
        json!({
            "name": stream.name,
            "jurisdictions": stream.jurisdictions,
            "back_fill": stream.back_fill,
            "next_sequence": stream.next_sequence,
        })
    };
    let issuer = |issuer: &Issuer| {
        json!({
            "issuer": issuer.issuer,
            "keys": issuer.keys.iter().map(key).collect::<Vec<_>>(),
            "streams": issuer.streams.iter().map(stream).collect::<Vec<_>>(),
            "added_index": issuer.added_index,
            "offboarded_index": issuer.offboarded_index,
        })
    };
    let hold = |hold: &Hold| {
        let is_part = !hold.stream.is_empty();
        json!({
            "name": hold.name,
            "issuer": hold.issuer,
            "stream": is_part.then_some(&hold.stream),
            "first_sequence": is_part.then_some(hold.first_sequence),
            "count": is_part.then_some(hold.count),
            "placed_index": hold.placed_index,
            "lifted_index": hold.lifted_index,
        })
    };
    let claim_types: Vec<Value> = registry
        .claim_types
        .iter()
        .map(|claim_type| {
            json!({
                "name": claim_type.name,
                "schema": claim_type.schema,
                "retention_days": claim_type.retention_days,
            })
        })
        .collect();
    json!({
        "outcome": Outcome::Done.word(),
        "origin": registry.origin,
        "next_sequence": registry.next_sequence,
        "issuers": registry.issuers.iter().map(issuer).collect::<Vec<_>>(),
        "claim_types": claim_types,
        "holds": registry.holds.iter().map(hold).collect::<Vec<_>>(),
    })
}
