//! `witness issuer show`: the registry as it stands.

use anyhow::Result;
use serde_json::{Value, json};
use witness_core::name::Domain;
use witness_wire::v1::{
    GetRegistryResponse,
    get_registry_response::{Issuer, Key, Stream},
};

use super::register::Registrar;
use crate::{
    outcome::{Failure, Outcome},
    output::Output,
};

/// Shows it, or what it says of one issuer.
pub(super) async fn run(
    registrar: Registrar,
    only: Option<&Domain>,
    output: &mut Output,
) -> Result<Outcome> {
    let mut registry = registrar.registry().await?;
    if let Some(only) = only {
        registry.issuers.retain(|issuer| issuer.issuer == only.as_str());
        registry.claim_types.clear();
        if registry.issuers.is_empty() {
            let failure = Failure::refused(format!("{only} is not in the registry of this log"));
            let step =
                format!("another log: --log ORIGIN; or add it: witness issuer challenge {only}");
            return Err(failure.next(step).into());
        }
    }
    let log = if registrar.origin().is_empty() { "the only log" } else { registrar.origin() };
    output.conclude(Outcome::Done);
    output.line(&format!("{log}: {} registry changes", registry.next_sequence))?;
    for issuer in &registry.issuers {
        output.line("")?;
        output.line(&issuer.issuer)?;
        for key in &issuer.keys {
            output.field("key", &key_text(key))?;
        }
        for stream in &issuer.streams {
            output.field("stream", &stream_text(stream))?;
        }
    }
    for claim_type in &registry.claim_types {
        output.line("")?;
        output.line(&format!("claim type {}", claim_type.name))?;
        for line in claim_type.schema.lines() {
            output.line(&format!("  {line}"))?;
        }
    }
    output.json(&as_json(registrar.origin(), &registry))?;
    Ok(Outcome::Done)
}

fn key_text(key: &Key) -> String {
    let standing = match key.revoked_index {
        Some(index) => format!("revoked at entry {index}"),
        None => "living".to_owned(),
    };
    let recovery = if key.recovery { ", recovery" } else { "" };
    format!("{}  {standing}, added at entry {}{recovery}", key.vkey, key.added_index)
}

fn stream_text(stream: &Stream) -> String {
    let mode = if stream.back_fill { "back-fill" } else { "live" };
    format!("{}  {}, {mode}, {} events", stream.name, stream.jurisdictions, stream.next_sequence)
}

fn as_json(origin: &str, registry: &GetRegistryResponse) -> Value {
    let key = |key: &Key| {
        json!({
            "vkey": key.vkey,
            "added_index": key.added_index,
            "recovery": key.recovery,
            "revoked_index": key.revoked_index,
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
        })
    };
    let claim_types: Vec<Value> = registry
        .claim_types
        .iter()
        .map(|claim_type| json!({ "name": claim_type.name, "schema": claim_type.schema }))
        .collect();
    json!({
        "outcome": Outcome::Done.word(),
        "origin": origin,
        "next_sequence": registry.next_sequence,
        "issuers": registry.issuers.iter().map(issuer).collect::<Vec<_>>(),
        "claim_types": claim_types,
    })
}
