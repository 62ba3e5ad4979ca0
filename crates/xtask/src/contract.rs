//! `cargo xtask contract`: ABI, bytecode and storage layout of the contract, compiled from its source.
//!
//! They are committed, so that no build needs a Solidity compiler; `--check` is how a forgotten run shows.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::environment::Environment;
use crate::npm::{self, Npm};
use crate::process::program;

const FOLDER: &str = "deploy/contracts";
const NAME: &str = "WitnessAnchorLog";
/// Takes the standard JSON input, gives the standard JSON output. The package's own program prints a notice
/// between the two.
const COMPILE: &str = "const fs = require('fs'); const solc = require(process.argv[1]); \
    process.stdout.write(solc.compile(fs.readFileSync(0, 'utf8')));";

/// A file and what should stand in it.
type File = (String, String);

/// Writes what is compiled.
pub(crate) fn write(environment: &Environment) -> Result<()> {
    for (path, text) in compile(environment)? {
        let file = environment.root.join(&path);
        fs::write(file, text).with_context(|| format!("{path} cannot be written"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails if the committed files are not what the source compiles to.
pub(crate) fn check(environment: &Environment) -> Result<()> {
    for (path, text) in compile(environment)? {
        let committed = fs::read_to_string(environment.root.join(&path)).unwrap_or_default();
        if committed != text {
            bail!("stale, {NAME}.sol has changed: {path}; run: cargo xtask contract");
        }
    }
    println!("{FOLDER}: ABI, bytecode and storage layout are those of the source");
    Ok(())
}

fn compile(environment: &Environment) -> Result<[File; 2]> {
    let npm = npm::ensure(environment)?;
    let path = format!("{FOLDER}/{NAME}.sol");
    let source = fs::read_to_string(environment.root.join(&path))
        .with_context(|| format!("{path} cannot be read"))?;
    let output: Value = serde_json::from_str(&solc(environment, &npm, &input(&source))?)
        .context("solc's answer is not JSON")?;
    // A warning is an error: there is nothing in a contract that one should have to look away from.
    if let Some(message) = output.pointer("/errors/0/formattedMessage").and_then(Value::as_str) {
        bail!("{path} does not compile:\n{message}");
    }
    let contract = output.pointer(&format!("/contracts/source/{NAME}"));
    let texts = contract.and_then(|contract| Some((artifact(contract)?, layout(contract)?)));
    let (artifact, layout) = texts.context("solc's answer lacks the contract")?;
    Ok([
        (format!("{FOLDER}/{NAME}.json"), artifact),
        (format!("{FOLDER}/{NAME}.storage.txt"), layout),
    ])
}

/// The settings change the bytecode, and so the address book of whoever checks code hashes.
fn input(source: &str) -> Value {
    let wanted = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"];
    json!({
        "language": "Solidity",
        "sources": { "source": { "content": source } },
        "settings": {
            "optimizer": { "enabled": true, "runs": 200 },
            "evmVersion": "cancun",
            "metadata": { "bytecodeHash": "none" },
            "outputSelection": { "*": { "*": wanted } },
        },
    })
}

fn solc(environment: &Environment, npm: &Npm, input: &Value) -> Result<String> {
    let mut command = program(environment, "node", ["-e", COMPILE]);
    command.arg(npm.solc()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("`node` cannot be started: install Node.js")?;
    let mut stdin = child.stdin.take().context("no way to write to node")?;
    stdin.write_all(input.to_string().as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("solc failed ({})", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// ABI and bytecode in the form that tools of this trade read.
fn artifact(contract: &Value) -> Option<String> {
    let hex = |pointer: &str| Some(format!("0x{}", contract.pointer(pointer)?.as_str()?));
    let artifact = json!({
        "abi": contract.get("abi")?,
        "bytecode": hex("/evm/bytecode/object")?,
        "deployedBytecode": hex("/evm/deployedBytecode/object")?,
    });
    Some(serde_json::to_string_pretty(&artifact).ok()? + "\n")
}

/// One line for each variable: slot, offset in bytes, type, name.
fn layout(contract: &Value) -> Option<String> {
    let mut text = String::new();
    for variable in contract.pointer("/storageLayout/storage")?.as_array()? {
        let member = |name: &str| variable.get(name)?.as_str();
        let (slot, kind, label) = (member("slot")?, member("type")?, member("label")?);
        writeln!(text, "{slot} {} {kind} {label}", variable.get("offset")?).ok()?;
    }
    Some(text)
}
