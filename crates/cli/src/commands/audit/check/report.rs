//! What is said of a bundle: every finding for programs, as it comes; the first of each rule and a table for people.
//!
//! What must hold: however much is found, only so many findings are kept as are shown.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Map, Value, json};
use witness_core::{
    audit::findings::{Finding, Found, Place, Rule, Severity},
    name::{Domain, Name},
};

use crate::output::{Output, count_of};

/// A stream with its issuer.
pub(super) type StreamName = (Domain, Name);

/// Takes down what is found.
#[derive(Debug)]
pub(super) struct Report<'o> {
    pub(super) output: &'o mut Output,
    /// How many of each rule are shown at the end; all as they come, if there is no limit.
    first: Option<usize>,
    names: BTreeMap<u32, StreamName>,
    counts: BTreeMap<Rule, u64>,
    kept: BTreeMap<Rule, Vec<Finding>>,
}

impl<'o> Report<'o> {
    pub(super) fn new(output: &'o mut Output, first: Option<usize>) -> Self {
        let (names, counts, kept) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { output, first, names, counts, kept }
    }

    /// Takes a finding; the name of its stream with it, where that was not given before.
    pub(super) fn find(&mut self, finding: Finding, name: Option<StreamName>) -> Result<()> {
        if let Some((stream, name)) = finding.place.stream().zip(name) {
            self.names.entry(stream).or_insert(name);
        }
        let rule = finding.rule();
        *self.counts.entry(rule).or_default() += 1;
        if self.output.is_json() {
            let object = self.json(&finding);
            return Ok(self.output.json(&object)?);
        }
        let Some(first) = self.first else { return self.show(&finding) };
        let kept = self.kept.entry(rule).or_default();
        let at = kept.partition_point(|other| other.place.order(&finding.place).is_le());
        if at < first {
            kept.insert(at, finding);
            kept.truncate(first);
        }
        Ok(())
    }

    /// How many findings of a severity there are.
    pub(super) fn count(&self, severity: Severity) -> u64 {
        let own = self.counts.iter().filter(|(rule, _)| rule.severity() == severity);
        own.map(|(_, count)| count).sum()
    }

    /// The counts as JSON, by rule.
    pub(super) fn counts_json(&self) -> Value {
        let count = |rule: Rule| {
            let count = self.counts.get(&rule).copied().unwrap_or_default();
            (rule.word().to_owned(), json!(count))
        };
        Value::Object(Rule::ALL.into_iter().map(count).collect())
    }

    /// Shows how many of each rule there are, and the first of each.
    pub(super) fn show_kept(&mut self) -> Result<()> {
        if self.counts.is_empty() {
            return Ok(());
        }
        self.output.line("")?;
        for (rule, count) in self.counts.clone() {
            let line = format!("  {:<8} {:<18} {count:>10}", rule.severity().word(), rule.word());
            self.output.line(&line)?;
        }
        for (rule, kept) in std::mem::take(&mut self.kept) {
            self.output.line("")?;
            let count = self.counts.get(&rule).copied().unwrap_or_default();
            let more = count.saturating_sub(u64::try_from(kept.len())?);
            for finding in &kept {
                self.show(finding)?;
            }
            if more > 0 {
                let more = count_of(more, "more finding");
                self.output
                    .line(&format!("  … and {more} of {} (--all shows them)", rule.word()))?;
            }
        }
        Ok(())
    }

    fn show(&mut self, finding: &Finding) -> Result<()> {
        let place = self.place(&finding.place);
        let line = format!("  {}: {place}: {}", finding.rule().word(), finding.found.sentence());
        Ok(self.output.line(&line)?)
    }

    fn place(&self, place: &Place) -> String {
        let stream = place.stream().map(|stream| match self.names.get(&stream) {
            Some((issuer, name)) => format!("{issuer} {name}"),
            None => format!("stream {stream}"),
        });
        let stream = stream.unwrap_or_default();
        match place {
            Place::Bundle => "the bundle".to_owned(),
            Place::File(path) => path.encode(),
            Place::Entry(index) => format!("entry {index}"),
            Place::Stream(_) => stream,
            Place::Submission { sequence, index, .. } => {
                format!("{stream}, submission from {sequence} (entry {index})")
            }
            Place::Event { sequence, index, .. } => {
                format!("{stream}, event {sequence} (entry {index})")
            }
        }
    }

    fn json(&self, finding: &Finding) -> Value {
        let place = &finding.place;
        let mut named = Map::new();
        if let Place::File(path) = place {
            named.insert("file".to_owned(), json!(path.encode()));
        }
        if let Some((issuer, stream)) = place.stream().and_then(|it| self.names.get(&it)) {
            named.insert("issuer".to_owned(), json!(issuer.as_str()));
            named.insert("stream".to_owned(), json!(stream.as_str()));
        }
        if let Some(sequence) = place.sequence() {
            named.insert("sequence".to_owned(), json!(sequence));
        }
        if let Some(index) = place.index() {
            named.insert("index".to_owned(), json!(index.0));
        }
        let inputs = finding.found.inputs().into_iter();
        let inputs: Map<String, Value> =
            inputs.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let rule = finding.rule();
        json!({
            "finding": rule.word(),
            "severity": rule.severity().word(),
            "place": named,
            "inputs": inputs,
            "says": finding.found.sentence(),
        })
    }

    /// Takes the names of streams, by their numbers.
    pub(super) fn name_all(&mut self, names: impl Iterator<Item = (u32, StreamName)>) {
        self.names.extend(names);
    }

    /// Takes a failed check.
    pub(super) fn broken(
        &mut self,
        rule: Rule,
        place: Place,
        why: impl Into<String>,
    ) -> Result<()> {
        self.find(Finding { place, found: Found::Broken { rule, why: why.into() } }, None)
    }
}
