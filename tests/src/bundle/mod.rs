//! Audit bundles without a server: a firm, its log and its issuers in memory, written entry by entry with the core's
//! own texts. A million events take some seconds, and no more memory than one entry bundle.
//!
//! What must hold: nothing is checked here, so that a test can make what no server would log.

mod folder;
mod made;

pub use made::{MadeBundle, MadeEvent, Stray};

use crate::{Said, Witness};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// What `witness audit check` said of a bundle.
#[derive(Debug)]
pub struct Audited {
    /// All of it.
    pub said: Said,
    /// Each finding.
    pub findings: Vec<Value>,
    /// The last object.
    pub summary: Value,
}

impl Audited {
    /// Checks the bundle `bundle` of a folder under its `policy.json`.
    #[must_use]
    pub fn of(folder: &Path, more: &[&str]) -> Self {
        let words = ["audit", "check", "bundle", "--policy", "policy.json", "--json"];
        Self::read(Witness::within(folder).run(&[words.as_slice(), more].concat()))
    }

    /// Reads what was said.
    #[must_use]
    pub fn read(said: Said) -> Self {
        let mut findings: Vec<Value> =
            said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = findings.pop().unwrap_or_default();
        Self { said, findings, summary }
    }

    /// The rules that fired.
    #[must_use]
    pub fn rules(&self) -> BTreeSet<&str> {
        self.findings.iter().filter_map(|finding| finding["finding"].as_str()).collect()
    }

    /// Whether a finding of a rule names a stream, a sequence number and an entry.
    #[must_use]
    pub fn names(&self, rule: &str, stream: &str, sequence: u64, index: u64) -> bool {
        self.findings.iter().any(|finding| {
            let place = &finding["place"];
            finding["finding"] == rule
                && place["stream"] == stream
                && place["sequence"].as_u64() == Some(sequence)
                && place["index"].as_u64() == Some(index)
        })
    }
}
