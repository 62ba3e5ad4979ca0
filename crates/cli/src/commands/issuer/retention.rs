//! `witness issuer retention`: how long bodies of a claim type are kept. What is so already is not logged again.

use anyhow::Result;
use serde_json::json;
use witness_core::registry::Change;
use witness_wire::v1::GetRegistryResponse;

use super::{args::RetentionArgs, change::Signing, register::Registrar};
use crate::{outcome::Outcome, output::Output};

/// Has the term logged, if it is another one than that which stands.
pub(super) async fn run(
    registrar: &Registrar,
    args: &RetentionArgs,
    output: &mut Output,
) -> Result<Outcome> {
    let RetentionArgs { claim_type, days, .. } = args;
    if !stands(&registrar.registry().await?, args) {
        let change = Change::Retention { claim_type: claim_type.clone(), days: *days };
        return registrar.register(change, &Signing::default(), output).await;
    }
    output.conclude(Outcome::Done);
    let term = days.map_or_else(|| "for ever".to_owned(), |days| format!("for {days} days"));
    output.line(&format!("bodies of {claim_type} are kept {term} already: nothing was logged"))?;
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "claim_type": claim_type.as_str(),
        "retention_days": days,
        "index": null,
    }))?;
    Ok(Outcome::Done)
}

/// Whether the registry says so already: without a term, bodies are kept for ever.
fn stands(registry: &GetRegistryResponse, args: &RetentionArgs) -> bool {
    let known = registry.claim_types.iter().find(|known| known.name == args.claim_type.as_str());
    known.is_some_and(|known| known.retention_days == args.days)
}
