//! `cargo xtask tidy`: the rules that no compiler knows.
//!
//! `layers` is about who may depend on whom, `text` about how a source file looks. Each rule is one
//! function, and each finding says what to do.

mod layers;
mod text;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::environment::Environment;

/// Folders in which nothing is ours or nothing is written by hand.
const NOT_OURS: &[&str] = &[".git", "target", "generated", "node_modules"];

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    severity: Severity,
    /// The file, and the line in it where there is one.
    place: String,
    /// What is wrong, and what to do.
    message: String,
}

/// What a finding does to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Warning,
    Error,
}

impl Finding {
    fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: place.into(), message: message.into() }
    }

    fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning: ",
            Severity::Error => "",
        };
        write!(formatter, "{}: {severity}{}", self.place, self.message)
    }
}

/// Applies every rule, and prints what it finds; fails on any but a warning.
pub(crate) fn run(environment: &Environment) -> Result<()> {
    let mut findings = layers::check(environment)?;
    let files = source_files(&environment.root)?;
    for file in &files {
        findings.extend(text::check(file));
    }
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        bail!("{errors} findings, see above");
    }
    println!("{} source files and their dependencies are tidy", files.len());
    Ok(())
}

/// A text file of ours.
#[derive(Debug)]
struct SourceFile {
    /// From the workspace's folder, with `/`.
    path: String,
    text: String,
}

impl SourceFile {
    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// Every line with its place.
    fn lines(&self) -> impl Iterator<Item = (String, &str)> {
        (1..).zip(self.text.lines()).map(|(number, line)| (self.place(number), line))
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// Every text file that we write by hand, in the order of their paths. What is not UTF-8 is none.
fn source_files(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            if NOT_OURS.iter().any(|not_ours| name == *not_ours) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if name != "Cargo.lock"
                && let Ok(text) = fs::read_to_string(&path)
            {
                let path = path.strip_prefix(root).context("a file outside of its folder")?;
                files.push(SourceFile { path: path.to_string_lossy().replace('\\', "/"), text });
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}
