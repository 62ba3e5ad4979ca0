//! The issuer's side: hashes of documents, the registry, and two submissions.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::chain::Chain;
use super::folder::Folder;
use super::narrator::{Narrator, Step};
use super::story::{CLAIM_TYPES, DOCUMENTS, ISSUER, LIVE, PAST, changes, past};
use super::witness::{Answer, Witness};
use crate::process::output;

const JOURNAL: &str = "issuer/journal";
const KEY: &str = "data/issuer.example.skey";

/// Writes the texts, and shows what is left of them when they are hashed.
pub(super) fn hash(witness: &Witness<'_>, folder: &Folder, narrator: &mut Narrator) -> Result<()> {
    narrator.step(Step::Hash);
    for (position, document) in DOCUMENTS.iter().enumerate() {
        let file = document.text_file();
        folder.write(&file, document.text)?;
        if position == 0 {
            narrator.command(&format!("witness hash {file}"));
        }
        let answer = witness.run(&["hash", &file, "--json"])?.expect(0)?;
        let json = answer.json()?;
        let hash = json.get("document_hash").and_then(Value::as_str);
        let hash = hash.context("witness hash gave no hash")?;
        let begin = hash.get(..16).context("a document hash has 64 digits")?;
        narrator.good(&format!("{file:<34}{begin}…"));
    }
    Ok(())
}

/// Registers claim types and a stream for the past.
pub(super) fn register(
    witness: &Witness<'_>,
    folder: &Folder,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.step(Step::Register);
    for (name, schema) in CLAIM_TYPES {
        let file = format!("issuer/{name}.schema");
        folder.write(&file, schema)?;
        let arguments = ["issuer", "claim-type", "--name", name, "--schema", &file];
        let answer = witness.run(&arguments)?.expect(0)?;
        narrator.command(&answer.line);
        if name == "practical-competency" {
            schema.lines().for_each(|line| narrator.remark(line));
        }
    }
    let arguments =
        ["issuer", "stream-open", ISSUER, PAST, "--jurisdictions", "INT", "--back-fill"];
    let answer = witness.run(&arguments)?.expect(0)?;
    narrator.command(&answer.line);
    narrator.good("six registry changes are logged, signed by the firm's registrar");
    Ok(())
}

/// Submits the past, and then what changes now.
pub(super) fn submit(
    witness: &Witness<'_>,
    folder: &Folder,
    (chain, narrator): (&Chain, &mut Narrator),
) -> Result<()> {
    narrator.step(Step::Past);
    submit_rows(witness, folder, narrator, (PAST, &past()))?;
    chain.wait_for(witness, "skill-module.txt", narrator)?;

    narrator.step(Step::Changes);
    // Of the same clock that the firm will write down as the time of receipt.
    let now = output(std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))?;
    submit_rows(witness, folder, narrator, (LIVE, &changes(now.trim())))?;
    chain.wait_for(witness, "peer-attestation.txt", narrator)
}

fn submit_rows(
    witness: &Witness<'_>,
    folder: &Folder,
    narrator: &mut Narrator,
    (stream, rows): (&str, &[Value]),
) -> Result<()> {
    let file = format!("{stream}.ndjson");
    let lines: Vec<_> = rows.iter().map(Value::to_string).collect();
    folder.write(&file, lines.join("\n") + "\n")?;
    for row in rows {
        let word = |member: &str| row[member].as_str().unwrap_or_default();
        let file = word("document_file");
        let more = match word("replaces_file") {
            "" => word("status").to_owned(),
            old => format!("in place of {old}"),
        };
        narrator.remark(&format!("{:<8} {file:<33} {more}", word("change")));
    }
    let arguments = ["submit", "--key", KEY, "--stream", stream, &file];
    let arguments = [&arguments[..], &["--journal", JOURNAL, "--policy", "policy.json"]].concat();
    let answer = witness.run(&arguments)?.expect(0)?;
    narrator.command(&answer.line);
    narrator.quote(&answer.stdout);
    Ok(())
}

/// Asks the firm how the documents stand, as anybody who holds one can.
pub(super) fn ask(witness: &Witness<'_>, narrator: &mut Narrator) -> Result<()> {
    narrator.step(Step::Ask);
    for (position, document) in DOCUMENTS.iter().enumerate() {
        let file = document.text_file();
        let arguments = ["status", "--issuer", ISSUER, "--file", &file];
        let answer = witness.run(&arguments)?.expect(document.state.status_code)?;
        if position == 0 {
            narrator.command(&answer.line);
        }
        let verdict = first_line(&answer)?;
        let code = document.state.status_code;
        narrator.line(&format!("{file:<34}exit {code}  {verdict}"));
    }
    Ok(())
}

fn first_line(answer: &Answer) -> Result<&str> {
    match answer.stdout.lines().next() {
        Some(line) => Ok(line),
        None => bail!("`{}` said nothing", answer.line),
    }
}
