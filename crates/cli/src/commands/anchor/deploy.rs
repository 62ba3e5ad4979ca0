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
use witness_core::{evm::Word, key::VerifyingKey, policy::TrustedChain, rollup::Contract};

use super::{SendingArgs, entry::Entry, said};
use crate::{
    args,
    chain::{self, RpcArgs},
    files,
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
    /// Name the contract in this trust policy of the firm, for whoever verifies
    #[arg(long, value_name = "POLICY.json")]
    add_to_policy: Option<PathBuf>,
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
    refuse_files(args, &root)?;
    let wallet = args.sending.open(&args.keystore)?;
    let committer = args.committer.unwrap_or(wallet.address());
    refuse_one_key(args, committer)?;
    let endpoints = args.nodes.endpoints()?;
    let endpoints = endpoints.as_slice();
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
    // The key of another committer is elsewhere.
    let keystore = (committer == wallet.address()).then_some(args.keystore.as_path());
    let entry = entry(args, endpoints, &deployed, keystore)?;
    show(&plan, &deployed, output)?;
    match &args.out {
        // It holds addresses of nodes, and those hold keys.
        Some(out) => {
            let written = files::write_new(out, entry.text().as_bytes(), 0o600);
            written.with_context(|| is_there(&deployed))?;
            output.field("written to", &out.display().to_string())?;
        }
        None => output.line(&format!("\nFor witnessd's configuration:\n\n{}", entry.shown()))?,
    }
    if let Some(path) = &args.add_to_policy {
        let added = add_to(path, deployed.contract, Word(deployed.code_hash.0));
        added.with_context(|| is_there(&deployed))?;
        output.field("named in", &path.display().to_string())?;
    }
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "contract": deployed.contract.to_string(),
        "code_hash": deployed.code_hash.to_string(),
        "transaction": deployed.receipt.tx.to_string(),
        "block": deployed.receipt.block_number,
        "gas": deployed.receipt.gas_used,
        "cost_wei": deployed.receipt.cost().map(|cost| cost.to_string()),
        "owner": plan.owner.to_string(),
        "committer": plan.committer.to_string(),
        "origin": plan.origin.to_string(),
        "out": args.out,
        "policy": args.add_to_policy,
    }))?;
    Ok(Outcome::Done)
}

fn add_to(path: &Path, contract: Contract, code_hash: Word) -> Result<()> {
    let mut policy = trust::read_policy(path)?;
    policy.chains.push(TrustedChain { contract, code_hash, blocks: Vec::new() });
    policy.chains.sort_by_key(|chain| chain.contract);
    files::replace(path, policy.encode().as_bytes())
}

/// What was paid for must not be lost for a file.
fn is_there(deployed: &Deployed) -> String {
    let Deployed { contract, code_hash, .. } = deployed;
    format!("the contract {contract} with the code {code_hash} is deployed")
}

/// Looks at the files that are to be written, before any money is spent.
fn refuse_files(args: &DeployArgs, root: &VerifyingKey) -> Result<()> {
    if let Some(out) = args.out.as_ref().filter(|out| out.exists()) {
        let message = format!("{} is there already and is not overwritten", out.display());
        return Err(Failure::refused(message).next("give another name with --out").into());
    }
    let Some(path) = &args.add_to_policy else { return Ok(()) };
    if trust::read_policy(path)?.firm_root == *root {
        return Ok(());
    }
    let message = format!("{} is the policy of another firm", path.display());
    Err(Failure::refused(message).next("give this firm's policy with --add-to-policy").into())
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
    args: &DeployArgs,
    nodes: &'a [Endpoint],
    deployed: &Deployed,
    keystore: Option<&Path>,
) -> Result<Entry<'a>> {
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("{} has no place", path.display()))
    };
    let password_file = keystore.map(|_| absolute(&args.sending.password_file));
    Ok(Entry {
        contract: deployed.contract,
        code_hash: deployed.code_hash,
        first_block: deployed.receipt.block_number,
        keystore: keystore.map(absolute).transpose()?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use witness_core::{
        key::{SignatureType, SigningKey},
        policy::Policy,
    };

    #[test]
    fn a_policy_names_each_new_contract_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.json");
        let key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[7; 32]);
        let policy = Policy::for_firm(key.unwrap().verifying_key().clone());
        files::write_new(&path, policy.encode().as_bytes(), 0o644).unwrap();
        let contract = |chain| Contract { chain, address: [1; 20] };
        for chain in [8453, 1, 10] {
            add_to(&path, contract(chain), Word([2; 32])).unwrap();
        }
        let chains = trust::read_policy(&path).unwrap().chains;
        let found: Vec<Contract> = chains.iter().map(|chain| chain.contract).collect();
        assert_eq!(found, [1, 10, 8453].map(contract));
    }
}
