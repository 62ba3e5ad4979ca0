//! Whoever verifies: one process for each file, in an empty folder with nothing but that file and a policy,
//! and then with its document beside them; no server, no environment, nothing else of ours.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::Value;

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
        for document in DOCUMENTS.iter().filter(|document| document.is_tampered_with()) {
            let answer = self.room(document)?.verify(&[])?.expect(0)?;
            narrator.line("the revoked one in full:");
            narrator.command(&answer.line);
            narrator.quote(&answer.stdout);
        }
        Ok(())
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
