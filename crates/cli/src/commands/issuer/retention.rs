//! `witness issuer retention`: how long bodies of a claim type are kept. What is so already is not logged again.

use anyhow::Result;
use serde_json::json;
use witness_core::registry::Change;
use witness_wire::v1::GetRegistryResponse;

use super::{
    args::RetentionArgs,
    change::Signing,
    register::{self, Registered, Registrar},
};
use crate::{outcome::Outcome, output::Output};

/// Has the term logged, if it is another one than that which stands.
pub(super) async fn run(
    registrar: &Registrar,
    args: &RetentionArgs,
    output: &mut Output,
) -> Result<Outcome> {
    let RetentionArgs { claim_type, days, .. } = args;
    let logged = if stands(&registrar.registry().await?, args) {
        None
    } else {
        let change = Change::Retention { claim_type: claim_type.clone(), days: *days };
        match registrar.log(&change, &Signing::default(), output).await? {
            Registered::Drafted => return Ok(Outcome::Done),
            Registered::Logged(logged) => Some(logged),
        }
    };
    output.conclude(Outcome::Done);
    if let Some(logged) = &logged {
        logged.say(output)?;
    } else {
        let term = days.map_or_else(|| "for ever".to_owned(), |days| format!("for {days} days"));
        let already = format!("bodies of {claim_type} are kept {term} already");
        output.line(&format!("{already}: nothing was logged"))?;
    }
    let mut said = register::as_json(logged.as_ref());
    said.insert("claim_type".to_owned(), json!(claim_type.as_str()));
    said.insert("retention_days".to_owned(), json!(days));
    output.json(&said)?;
    Ok(Outcome::Done)
}

/// Whether the registry says so already: without a term, bodies are kept for ever.
fn stands(registry: &GetRegistryResponse, args: &RetentionArgs) -> bool {
    let known = registry.claim_types.iter().find(|known| known.name == args.claim_type.as_str());
    known.is_some_and(|known| known.retention_days == args.days)
}
