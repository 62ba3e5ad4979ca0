//! The command line `witness`, called as anybody would call it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::folder::{ADMIN_SOCKET, Folder};
use crate::environment::Environment;
use crate::process::program;

/// The program, in the folder of the demonstration, with the server's address in its environment.
pub(super) struct Witness<'a> {
    environment: &'a Environment,
    program: &'a Path,
    folder: &'a Folder,
    address: &'a str,
}

impl<'a> Witness<'a> {
    pub(super) fn new(
        environment: &'a Environment,
        program: &'a Path,
        folder: &'a Folder,
        address: &'a str,
    ) -> Self {
        Self { environment, program, folder, address }
    }

    /// Calls it.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Answer> {
        let mut command = program(self.environment, self.program, arguments);
        command.current_dir(self.folder.path(""));
        command.env("WITNESS_SERVER", self.address);
        command.env("WITNESS_ADMIN", ADMIN_SOCKET);
        Answer::of(&mut command)
    }
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Answer {
    /// The call as one would type it.
    pub(super) line: String,
    /// None if a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    /// Runs `witness` to its end.
    pub(super) fn of(command: &mut Command) -> Result<Self> {
        let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
        let line = format!("witness {}", words.collect::<Vec<_>>().join(" "));
        let output = command.output().with_context(|| format!("`{line}` cannot be started"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Ok(Self { line, code: output.status.code(), stdout, stderr })
    }

    /// Fails, with all that was said, unless the call ended with this code.
    pub(super) fn expect(self, code: i32) -> Result<Self> {
        if self.code == Some(code) {
            return Ok(self);
        }
        let came = self.code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
        bail!("`{}` ended with {came} instead of {code}, and said:{}", self.line, self.all_lines())
    }

    /// What was said, line by line.
    pub(super) fn all_lines(&self) -> String {
        indented(self.stdout.lines().chain(self.stderr.lines()))
    }

    /// The answer to a call with `--json`.
    pub(super) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("`{}` did not write JSON:{}", self.line, self.all_lines()))
    }
}

/// Each line on a line of its own.
pub(super) fn indented<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| ["\n  ", line]).collect()
}
