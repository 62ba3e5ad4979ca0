//! Whoever verifies: one process for each file, in an empty folder with nothing but that file and a policy,
//! and then with its document beside them; no server, no environment, nothing else of ours.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::chain::Chain;
use super::folder::{EmptyFolder, Folder};
use super::narrator::{Narrator, Step};
use super::story::{DOCUMENTS, Document, ISSUER};
use super::witness::Answer;
use crate::environment::Environment;
use crate::process::program;

/// What is needed to verify without a server.
pub(super) struct Offline<'a> {
    pub(super) environment: &'a Environment,
    pub(super) witness: &'a Path,
    pub(super) folder: &'a Folder,
}

impl Offline<'_> {
    /// Verifies every file: first alone, for it proves itself, then against its own document.
    pub(super) fn verify_all(&self, narrator: &mut Narrator) -> Result<()> {
        narrator.step(Step::Verify);
        for (position, document) in DOCUMENTS.iter().enumerate() {
            let room = self.room_without_text(document)?;
            let alone = room.verify_alone(&["--json"])?.expect(0)?;
            check(document, &alone.json()?, &Value::Null)?;
            if position == 0 {
                narrator.line(&format!(
                    "in {}, which holds these two files and nothing else:",
                    room.place()
                ));
                narrator.command(&room.verify_alone(&[])?.expect(0)?.line);
            }
            room.set_text(&self.folder.read(&room.text)?)?;
            let answer = room.verify(&["--json"])?.expect(0)?;
            check(document, &answer.json()?, &Value::from(true))?;
            if position == 0 {
                narrator.line("and with the document beside them:");
                narrator.command(&room.verify(&[])?.expect(0)?.line);
            }
            let (file, state) = (document.evidence_file(), document.state.words());
            narrator.good(&format!("{file:<46}exit 0  {state}"));
        }
        narrator.remark("exit 0: the file proves what it says, whatever the document's state");
        Ok(())
    }

    /// Verifies one file up to the chain: by its node, and then, with the chain gone, by the hash of a block alone.
    pub(super) fn verify_by_chain(&self, chain: Chain, narrator: &Narrator) -> Result<()> {
        let document = DOCUMENTS.iter().find(|document| document.is_tampered_with());
        let document = document.context("one document is tampered with")?;
        let room = self.room(document)?;
        let answer = room.verify(&["--rpc", &chain.url])?.expect(0)?;
        narrator.line("the revoked one in full, and the chain is asked whether it has the block:");
        narrator.command(&answer.line);
        narrator.quote(&answer.stdout);
        let verdict = room.verify(&["--rpc", &chain.url, "--json"])?.expect(0)?.json()?;
        drop((chain, room));
        self.believe(&verdict)?;
        narrator.line("The chain is gone, too. policy.json names its two blocks now, as anybody could look them up, and");
        narrator.line("asks for an anchor:");
        let answer = self.room(document)?.verify(&[])?.expect(0)?;
        narrator.command(&answer.line);
        let anchored = answer.stdout.lines().filter(|line| line.contains("anchored as"));
        narrator.quote(&anchored.map(str::trim).collect::<Vec<_>>().join("\n"));
        Ok(())
    }

    /// Writes the blocks of a verdict into the policy, and that an anchor is asked for.
    fn believe(&self, verdict: &Value) -> Result<()> {
        let events = verdict.pointer("/verdict/items/0/events").and_then(Value::as_array);
        let events = events.context("a document has events")?;
        let mut blocks = BTreeSet::new();
        for event in events {
            let hash = event.pointer("/anchored/block_hash").and_then(Value::as_str);
            blocks.insert(format!("\"{}\"", hash.context("an event is not anchored")?));
        }
        let bound = events.last().and_then(|last| last.pointer("/anchored/not_before")?.as_str());
        bound.context("no anchor bounds the time of the last event from below")?;
        let policy = String::from_utf8(self.folder.read("policy.json")?)?;
        let blocks = blocks.into_iter().collect::<Vec<_>>().join(",");
        let believing = policy
            .replacen("\"blocks\":[]", &format!("\"blocks\":[{blocks}]"), 1)
            .replacen("\"require\":[", "\"require\":[\"anchored\",", 1);
        self.folder.write("policy.json", believing)
    }

    /// An empty folder with what verifies a document, and the document.
    pub(super) fn room(&self, document: &Document) -> Result<Room<'_>> {
        let room = self.room_without_text(document)?;
        room.set_text(&self.folder.read(&room.text)?)?;
        Ok(room)
    }

    /// An empty folder with an evidence file and a policy alone.
    fn room_without_text(&self, document: &Document) -> Result<Room<'_>> {
        let folder = EmptyFolder::new(&self.environment.temporary, document.name)?;
        let (text, evidence) = (document.text_file(), document.evidence_file());
        for name in [evidence.as_str(), "policy.json"] {
            folder.write(name, &self.folder.read(name)?)?;
        }
        Ok(Room { offline: self, folder, text, evidence })
    }
}

/// A file and a policy, perhaps a document, and nothing else.
pub(super) struct Room<'a> {
    offline: &'a Offline<'a>,
    folder: EmptyFolder,
    text: String,
    evidence: String,
}

impl Room<'_> {
    /// Puts another evidence file in the place of the one that is there.
    pub(super) fn set_evidence(&self, bytes: &[u8]) -> Result<()> {
        self.folder.write(&self.evidence, bytes)
    }

    /// Puts a document there, in the place of the one that may be there.
    pub(super) fn set_text(&self, bytes: &[u8]) -> Result<()> {
        self.folder.write(&self.text, bytes)
    }

    /// Verifies what is there against the document, in a process without environment.
    pub(super) fn verify(&self, options: &[&str]) -> Result<Answer> {
        self.verify_alone(&[&["--document", self.text.as_str()], options].concat())
    }

    /// Verifies the file by itself.
    fn verify_alone(&self, options: &[&str]) -> Result<Answer> {
        let Offline { environment, witness, .. } = self.offline;
        let mut command = program(environment, witness, ["verify"]);
        command.args([&self.evidence, "--policy", "policy.json"]);
        Answer::of(command.args(options).current_dir(&self.folder.path).env_clear())
    }

    fn place(&self) -> String {
        self.folder.path.display().to_string()
    }
}

/// The verdict must be about this document, and the last event in it be the one that was played. `matches`
/// says whether the text was given and is that of the document.
fn check(document: &Document, answer: &Value, matches: &Value) -> Result<()> {
    let items = answer.pointer("/verdict/items").and_then(Value::as_array);
    let Some([item]) = items.map(Vec::as_slice) else {
        bail!("{} must speak of one document", document.evidence_file());
    };
    let last = item["events"].as_array().and_then(|events| events.last());
    let last = last.map_or(&Value::Null, |event| &event["change"]);
    let expected = [
        ("outcome", &answer["outcome"], Value::from("verified")),
        ("missing", &answer["missing"], Value::Array(Vec::new())),
        ("document_matches", &answer["document_matches"], matches.clone()),
        ("issuer", &item["issuer"], Value::from(ISSUER)),
        ("last change", last, document.state.json()),
    ];
    for (name, came, expected) in expected {
        if *came != expected {
            let file = document.evidence_file();
            bail!("the verdict on {file} has {name} {came} instead of {expected}");
        }
    }
    Ok(())
}
