//! `witness firm init`: the keys, the firm note and the trust policy with which a firm begins.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::json;
use witness_core::{
    firm_keys::{FIRM_NOTE_FILE, KeySet, plan_keys},
    name::{Domain, Name},
    policy::Policy,
};
use zeroize::Zeroizing;

use crate::{
    args, files,
    outcome::{Failure, Outcome},
    output::Output,
};

const EXAMPLES: &str = "\
DIR then holds
  root/root.skey     the root key: move it offline, it is needed only when keys are rotated
  keys/*.skey        one key for each role, for the server
  keys/firm.note     the firm note, signed by the root, that names them
  policy.json        what a verifier needs to know of the firm; publish it, on paper too

Example:
  witness firm init --firm witness.example --log log1 --out firm";

/// What can be done for a firm.
#[derive(Debug, Subcommand)]
pub(crate) enum FirmCommand {
    /// Make the root key, a key for each role, the firm note and the policy
    Init(InitArgs),
}

/// Arguments of `witness firm init`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// Domain of the firm
    #[arg(long, value_name = "DOMAIN", value_parser = args::domain)]
    firm: Domain,
    /// Name of a log, as in log1; can be given several times
    #[arg(long = "log", value_name = "NAME", value_parser = args::name, required = true)]
    logs: Vec<Name>,
    /// Folder to make; must not be there, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Makes them.
pub(crate) fn run(command: &FirmCommand, output: &mut Output) -> Result<Outcome> {
    let FirmCommand::Init(args) = command;
    refuse_used(&args.out)?;
    let set = plan(&args.firm, &args.logs)?;
    let root_file = write(&args.out, &set)?;
    let root = set.root.verifying_key().to_string();
    output.conclude(Outcome::Done);
    output.good(&format!("the keys of {}", args.firm))?;
    output.field("root vkey", &root)?;
    output.field("keys in", &args.out.join("keys").display().to_string())?;
    output.field("policy in", &args.out.join("policy.json").display().to_string())?;
    output.warn(&format!(
        "move {} offline now, and keep two copies of it: with it all other keys can be replaced, \
         without it none",
        root_file.display()
    ))?;
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "firm": args.firm.as_str(),
        "root_vkey": root,
        "root_file": root_file,
        "keys": args.out.join("keys"),
        "policy": args.out.join("policy.json"),
    }))?;
    Ok(Outcome::Done)
}

/// Seeds are drawn beforehand: the plan itself cannot fail for want of randomness.
fn plan(firm: &Domain, logs: &[Name]) -> Result<KeySet> {
    const ROOT_AND_FIRM_KEYS: usize = 4;
    let mut seeds = Vec::new();
    for _ in 0..ROOT_AND_FIRM_KEYS + 2 * logs.len() {
        seeds.push(files::seed()?);
    }
    // If ever too few were drawn, the plan refuses a seed that comes twice.
    let next = || seeds.pop().map_or([0; 32], |seed: Zeroizing<[u8; 32]>| *seed);
    Ok(plan_keys(firm, logs, next)?)
}

fn write(out: &Path, set: &KeySet) -> Result<PathBuf> {
    let (root, keys) = (out.join("root"), out.join("keys"));
    files::make_private_folder(&root)?;
    files::make_private_folder(&keys)?;
    let root_file = root.join("root.skey");
    files::write_signing_key(&root_file, &set.root)?;
    for (file, key) in &set.files {
        files::write_signing_key(&keys.join(file), key)?;
    }
    files::write_new(&keys.join(FIRM_NOTE_FILE), set.note.to_string().as_bytes(), 0o644)?;
    let policy = Policy::for_firm(set.root.verifying_key().clone());
    files::write_new(&out.join("policy.json"), policy.encode().as_bytes(), 0o644)?;
    Ok(root_file)
}

fn refuse_used(out: &Path) -> Result<()> {
    if !out.exists() {
        return Ok(());
    }
    let mut inside = fs::read_dir(out).with_context(|| format!("cannot read {}", out.display()))?;
    if inside.next().is_none() {
        return Ok(());
    }
    let message = format!("{} is not empty, and keys are never overwritten", out.display());
    Err(Failure::refused(message).next("give a folder that is not there yet").into())
}
