//! `witness anchor deploy`: a contract for the firm's roll-ups, and what service and verifiers must know of it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;
use witness_anchor::{
    alloy::Address,
    contract,
    deploy::{Deployed, Plan, deploy},
    nodes::{Endpoint, Expected},
};
use witness_core::{key::VerifyingKey, rollup::Contract};

use super::{SendingArgs, entry::Entry, said};
use crate::{
    args::{self, RpcArgs},
    chain, files,
    outcome::{Failure, Outcome},
    output::Output,
    trust,
};

const EXAMPLES: &str = "\
The owner's key stays offline: it can name another committer, or retire the contract, and can
never append. The committer's key lies with the service: it appends, and can do nothing else.
Make both with `cast wallet new DIR` or `geth account new`. The transaction is signed with
--keystore, which pays for it, and which is the committer unless --committer names another one.

witnessd wants three nodes of at least two operators for each chain. Nodes can be given in
WITNESS_RPC, parted by spaces, where nobody reads them off the list of processes.

Example:
  witness anchor deploy --rpc us=http://127.0.0.1:8545 --rpc https://a.example/v2/KEY \\
      --rpc https://b.example/KEY --owner 0x6a…e1 --policy policy.json \\
      --keystore committer.json --password-file committer.password \\
      --out chain.toml --add-to-policy policy.json";

/// Arguments of `witness anchor deploy`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DeployArgs {
    #[command(flatten)]
    nodes: RpcArgs,
    /// Account of the cold key that owns the contract
    #[arg(long, value_name = "ADDRESS", value_parser = args::address)]
    owner: Address,
    /// Account of the hot key that appends; that of --keystore, if it is not given
    #[arg(long, value_name = "ADDRESS", value_parser = args::address)]
    committer: Option<Address>,
    /// Keystore (version 3) of the key that signs the transaction and pays for it, of mode 0600
    #[arg(long, value_name = "FILE")]
    keystore: PathBuf,
    #[command(flatten)]
    sending: SendingArgs,
    #[command(flatten)]
    firm: FirmArgs,
    /// Write what witnessd's configuration needs to this file
    #[arg(long, value_name = "CHAIN.toml")]
    out: Option<PathBuf>,
    /// Let owner and committer be one key: for development
    #[arg(long)]
    dev: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct FirmArgs {
    /// The firm's root key: a vkey, or a file with one
    #[arg(long, value_name = "VKEY")]
    root_vkey: Option<String>,
    /// The firm's trust policy, which names its root key
    #[arg(long, value_name = "POLICY.json")]
    policy: Option<PathBuf>,
}

impl FirmArgs {
    fn root(&self) -> Result<VerifyingKey> {
        match (&self.root_vkey, &self.policy) {
            (Some(text), _) => files::read_verifying_key(text),
            (None, Some(policy)) => Ok(trust::read_policy(policy)?.firm_root),
            (None, None) => anyhow::bail!("expected --root-vkey or --policy"),
        }
    }
}

/// Deploys it.
pub(super) async fn run(args: &DeployArgs, output: &mut Output) -> Result<Outcome> {
    let root = args.firm.root()?;
    // Before any money is spent.
    if let Some(out) = args.out.as_ref().filter(|out| out.exists()) {
        let message = format!("{} is there already and is not overwritten", out.display());
        return Err(Failure::refused(message).next("give another name with --out").into());
    }
    let wallet = args.sending.open(&args.keystore)?;
    let committer = args.committer.unwrap_or(wallet.address());
    refuse_one_key(args, committer)?;
    let endpoints = &args.nodes.rpc;
    let chain = chain::only_chain(endpoints).await?;
    if !chain::is_enough(endpoints) {
        output.warn(
            "these nodes are not enough for a service: witnessd wants three, of at least two operators",
        )?;
    }
    let nowhere = Contract { chain, address: [0; 20] };
    let expected = Expected { contract: nowhere, code_hash: None };
    let nodes = chain::connect(endpoints, expected).await?;
    let plan = Plan { owner: args.owner, committer, origin: contract::origin(&root) };
    let patience = args.sending.patience();
    let deployed = deploy(&nodes, &wallet, &plan, &patience, &mut |step| said(output, step)).await;
    let deployed = deployed.map_err(|error| chain::not_done(&error))?;
    output.conclude(Outcome::Done);
    let is_own = committer == wallet.address();
    let entry = entry(args, &deployed, is_own.then_some(args.keystore.as_path()))?;
    show(&plan, &deployed, output)?;
    match &args.out {
        // It holds addresses of nodes, and those hold keys.
        Some(out) => {
            files::write_new(out, entry.text().as_bytes(), 0o600)?;
            output.field("written to", &out.display().to_string())?;
        }
        None => output.line(&format!("\nFor witnessd's configuration:\n\n{}", entry.shown()))?,
    }
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "contract": deployed.contract.to_string(),
        "code_hash": deployed.code_hash.to_string(),
        "transaction": deployed.receipt.tx.to_string(),
        "block": deployed.receipt.block_number.to_string(),
        "gas": deployed.receipt.gas_used.to_string(),
        "cost_wei": deployed.receipt.cost().map(|cost| cost.to_string()),
        "owner": plan.owner.to_string(),
        "committer": plan.committer.to_string(),
        "origin": plan.origin.to_string(),
        "out": args.out,
    }))?;
    Ok(Outcome::Done)
}

fn refuse_one_key(args: &DeployArgs, committer: Address) -> Result<()> {
    if args.owner != committer || args.dev {
        return Ok(());
    }
    let message = format!("owner and committer are the same account {committer}");
    let step = "make another key for the owner, and keep it offline: else whoever breaks into the \
                service owns the contract, and nobody can stop it";
    Err(Failure::refused(message).next(step).into())
}

fn entry<'a>(
    args: &'a DeployArgs,
    deployed: &Deployed,
    keystore: Option<&Path>,
) -> Result<Entry<'a>> {
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("{} has no place", path.display()))
    };
    let keystore = keystore.map(absolute).transpose()?;
    let password_file = keystore.as_ref().map(|_| absolute(&args.sending.password_file));
    let nodes: &[Endpoint] = &args.nodes.rpc;
    Ok(Entry {
        contract: deployed.contract,
        code_hash: deployed.code_hash,
        keystore,
        password_file: password_file.transpose()?,
        nodes,
    })
}

fn show(plan: &Plan, deployed: &Deployed, output: &mut Output) -> Result<()> {
    let receipt = &deployed.receipt;
    output.good(&format!("the contract is on chain {}", deployed.contract.chain))?;
    output.field("contract", &deployed.contract.to_string())?;
    output.field("code hash", &deployed.code_hash.to_string())?;
    output.field("owner", &plan.owner.to_string())?;
    output.field("committer", &plan.committer.to_string())?;
    output.field("transaction", &receipt.tx.to_string())?;
    output.field("gas", &receipt.gas_used.to_string())?;
    let cost = receipt.cost().map_or_else(|| "unknown".to_owned(), chain::coins);
    output.field("cost", &format!("{cost} coins of the chain"))?;
    Ok(())
}
