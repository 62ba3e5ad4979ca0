//! `witness anchor rotate-key`: another key that appends, named by the owner's.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_anchor::{alloy::Address, deploy::rotate, nodes::Expected, rpc::At};
use witness_core::rollup::Contract;

use super::{SendingArgs, said};
use crate::{
    args,
    chain::{self, RpcArgs},
    outcome::{Failure, Outcome},
    output::Output,
};

const EXAMPLES: &str = "\
Stop witnessd first, or let it stop by itself: once the block is mined, the key before can
append no more. Then give witnessd the new keystore and start it.

Example:
  witness anchor rotate-key --rpc https://a.example/KEY --rpc https://b.example/KEY \\
      --contract eip155:8453:0x5f…aa --committer 0x81…04 \\
      --owner-keystore owner.json --password-file owner.password";

/// Arguments of `witness anchor rotate-key`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RotateKeyArgs {
    #[command(flatten)]
    nodes: RpcArgs,
    /// The contract, as in eip155:8453:0x5f…
    #[arg(long, value_name = "CAIP10", value_parser = args::contract)]
    contract: Contract,
    /// Account of the key that may append from then on
    #[arg(long, value_name = "ADDRESS", value_parser = args::address)]
    committer: Address,
    /// Keystore (version 3) of the contract's owner, of mode 0600
    #[arg(long, value_name = "FILE")]
    owner_keystore: PathBuf,
    #[command(flatten)]
    sending: SendingArgs,
}

/// Rotates it.
pub(super) async fn run(args: &RotateKeyArgs, output: &mut Output) -> Result<Outcome> {
    let wallet = args.sending.open(&args.owner_keystore)?;
    let endpoints = args.nodes.endpoints()?;
    chain::only_chain(&endpoints).await?;
    let expected = Expected { contract: args.contract, code_hash: None };
    let nodes = chain::connect(&endpoints, expected).await?;
    let before = nodes.state(At::Latest).await.map_err(|error| chain::failure(&error))?.committer;
    if before == args.committer {
        return Err(Failure::refused(format!("{before} is the committer already"))
            .next("nothing is to be done")
            .into());
    }
    let patience = args.sending.patience();
    let rotated =
        rotate(&nodes, &wallet, args.committer, &patience, &mut |step| said(output, step)).await;
    let receipt = rotated.map_err(|error| chain::not_done(&error))?;
    output.conclude(Outcome::Done);
    output.good(&format!("{} may append to {}", args.committer, args.contract))?;
    output.field("no more", &before.to_string())?;
    output.field("transaction", &receipt.tx.to_string())?;
    output.field("block", &receipt.block_number.to_string())?;
    let cost = receipt.cost().map_or_else(|| "unknown".to_owned(), chain::coins);
    output.field("cost", &format!("{cost} coins of the chain"))?;
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "contract": args.contract.to_string(),
        "committer": args.committer.to_string(),
        "before": before.to_string(),
        "transaction": receipt.tx.to_string(),
        "block": receipt.block_number,
        "cost_wei": receipt.cost().map(|cost| cost.to_string()),
    }))?;
    Ok(Outcome::Done)
}
