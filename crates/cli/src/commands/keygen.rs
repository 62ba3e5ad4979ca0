//! `witness keygen`: an issuer's key.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_core::{
    key::{SignatureType, SigningKey},
    name::Domain,
};

use crate::{args, files, outcome::Outcome, output::Output};

const EXAMPLES: &str = "\
The secret key stays in FILE (mode 0600). The public key, which the operator registers, is
printed and written beside it as .vkey.

Example:
  witness keygen --name aws.training --out aws.skey
  witness issuer add aws.training
  witness issuer key-add aws.training --key aws.skey";

/// Arguments of `witness keygen`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeygenArgs {
    /// Domain of the issuer; the key bears its name
    #[arg(long, value_name = "DOMAIN", value_parser = args::domain)]
    name: Domain,
    /// File for the secret key; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Makes the key.
pub(crate) fn run(args: &KeygenArgs, output: &mut Output) -> Result<Outcome> {
    let key = SigningKey::from_seed(args.name.as_str(), SignatureType::Ed25519, &*files::seed()?)?;
    let (vkey, vkey_file) = (key.verifying_key().to_string(), files::vkey_path(&args.out));
    files::write_signing_key(&args.out, &key)?;
    files::write_new(&vkey_file, format!("{vkey}\n").as_bytes(), 0o644)?;
    output.conclude(Outcome::Done);
    output.good(&format!("a key for {}", args.name))?;
    output.field("public key", &vkey)?;
    output.field("in file", &vkey_file.display().to_string())?;
    output.field("secret key in", &args.out.display().to_string())?;
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "name": args.name.as_str(),
        "vkey": vkey,
        "vkey_file": vkey_file,
        "skey_file": args.out,
    }))?;
    Ok(Outcome::Done)
}
