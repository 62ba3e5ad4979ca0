//! `witness access revoke`: a caller is shut out.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_core::{caller::CallerId, time::Timestamp};
use witness_wire::v1::RevokeAccessRequest;

use crate::{
    outcome::Outcome,
    output::Output,
    rpc::{self, Channel},
};

/// Arguments of `witness access revoke`.
#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// The caller, as `witness access list` has it
    #[arg(value_parser = id)]
    id: CallerId,
}

fn id(text: &str) -> Result<CallerId, &'static str> {
    CallerId::parse(text).ok_or("expected c- and 8 lower-case hexadecimal digits")
}

/// Shuts it out.
pub(super) async fn run(
    args: &RevokeArgs,
    channel: &Channel,
    output: &mut Output,
) -> Result<Outcome> {
    let request = RevokeAccessRequest { id: args.id.to_string() };
    let answer = rpc::admin(channel).revoke_access(rpc::timed(request)).await;
    let revoked_at = Timestamp::from_micros(rpc::answer(answer)?.revoked_at_us);
    output.conclude(Outcome::Done);
    output.good(&format!("{} is shut out since {revoked_at}", args.id))?;
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "id": args.id.as_str(),
        "revoked_at": revoked_at.to_string(),
    }))?;
    Ok(Outcome::Done)
}
