//! `witness anchor resume`: lets a worker that has halted go on, once its operator has looked into it.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_core::rollup::Contract;
use witness_wire::v1::ResumeAnchoringRequest;

use crate::{
    args::{self, AdminArgs},
    outcome::Outcome,
    output::Output,
    rpc,
};

const EXAMPLES: &str = "\
A worker halts where going on could cost money or hide what has happened: somebody else uses
its key, a transaction failed, the chain is not what it was. Look into what it says first; what
is still so halts it again.

Examples:
  witness anchor status --server http://localhost:7761
  sudo witness anchor resume";

/// Arguments of `witness anchor resume`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ResumeArgs {
    /// The contract, as in eip155:8453:0x5f…; needed if the firm anchors in several
    #[arg(long, value_name = "CAIP10", value_parser = args::contract)]
    contract: Option<Contract>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Lets it go on.
pub(super) async fn run(args: &ResumeArgs, output: &mut Output) -> Result<Outcome> {
    let channel = rpc::connect_unix(&args.admin.socket).await?;
    let contract = args.contract.map(|contract| contract.to_string()).unwrap_or_default();
    let request = rpc::timed(ResumeAnchoringRequest { contract });
    let answer = rpc::answer(rpc::admin(&channel).resume_anchoring(request).await)?;
    output.conclude(Outcome::Done);
    if answer.halted.is_empty() {
        output.good(&format!("{} had not halted, and goes on", answer.contract))?;
    } else {
        output.good(&format!("{} goes on", answer.contract))?;
        output.field("had halted", &answer.halted)?;
    }
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "contract": answer.contract,
        "had_halted": answer.halted,
    }))?;
    Ok(Outcome::Done)
}
