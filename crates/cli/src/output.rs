//! What the command line says: text with colours for people, JSON for programs.
//!
//! What must hold: a command says everything through here and in both ways; which one is shown, `--json`
//! decides. Answers go to standard output; notes, warnings and progress to standard error.

use std::io::{self, Stderr, Write as _};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use crate::outcome::{Failure, Outcome};

const LABEL_WIDTH: usize = 14;

/// Where a command says what it has to say.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    stderr: AutoStream<Stderr>,
    concluded: Option<Outcome>,
}

impl Output {
    /// For people, or for programs.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, stderr: anstream::stderr(), concluded: None }
    }

    /// Whether programs read this.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Holds fast how the command ends, before its first line is written: whoever reads may be gone by
    /// then, and a refusal that nobody heard is a refusal still.
    pub(crate) fn conclude(&mut self, outcome: Outcome) {
        self.concluded = Some(outcome);
    }

    /// How the command ends, if it has come so far.
    pub(crate) fn concluded(&self) -> Option<Outcome> {
        self.concluded
    }

    /// One JSON object on a line of its own; for programs only.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, value)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// A good verdict; for people only.
    pub(crate) fn good(&mut self, text: &str) -> io::Result<()> {
        self.verdict(AnsiColor::Green, "✓", text)
    }

    /// A bad verdict; for people only.
    pub(crate) fn bad(&mut self, text: &str) -> io::Result<()> {
        self.verdict(AnsiColor::Red, "✗", text)
    }

    /// That nothing can be said; for people only.
    pub(crate) fn unsure(&mut self, text: &str) -> io::Result<()> {
        self.verdict(AnsiColor::Yellow, "?", text)
    }

    fn verdict(&mut self, colour: AnsiColor, mark: &str, text: &str) -> io::Result<()> {
        let style = bold(colour);
        self.line(&format!("{style}{mark} {text}{style:#}"))
    }

    /// A value under its name; for people only.
    pub(crate) fn field(&mut self, label: &str, value: &str) -> io::Result<()> {
        let dim = Style::new().dimmed();
        self.line(&format!("  {dim}{label:<LABEL_WIDTH$}{dim:#} {value}"))
    }

    /// A line as it is; for people only.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        writeln!(anstream::stdout().lock(), "{text}")
    }

    /// What to do next; for people only.
    pub(crate) fn next(&mut self, step: &str) -> io::Result<()> {
        let style = bold(AnsiColor::Cyan);
        self.line(&format!("{style}next:{style:#} {step}"))
    }

    /// Something worth knowing, on standard error.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        let style = bold(AnsiColor::Cyan);
        writeln!(self.stderr, "{style}note:{style:#} {text}")
    }

    /// What a bar says, or where none is to be seen, a line on standard error.
    pub(crate) fn note_in(&mut self, bar: &ProgressBar, text: &str) -> io::Result<()> {
        if bar.is_hidden() {
            return self.note(text);
        }
        bar.set_message(text.to_owned());
        Ok(())
    }

    /// Something that can go wrong later, on standard error.
    pub(crate) fn warn(&mut self, text: &str) -> io::Result<()> {
        let style = bold(AnsiColor::Yellow);
        writeln!(self.stderr, "{style}warning:{style:#} {text}")
    }

    /// How a command failed: on standard error for people, on standard output for programs. Gives how the
    /// command ends by it, also where nobody is listening.
    pub(crate) fn failure(&mut self, error: &anyhow::Error) -> Outcome {
        let failure = error.downcast_ref::<Failure>();
        let outcome = Outcome::of(error);
        let said = if self.json {
            self.json(&error_json(error))
        } else {
            failure_text(error, failure, &mut self.stderr)
        };
        // The exit code still says it.
        said.ok();
        outcome
    }

    /// A bar on standard error, if that is a terminal; `length` in bytes, if it is known.
    pub(crate) fn bytes_bar(&self, length: Option<u64>) -> ProgressBar {
        let template = match length {
            Some(_) => {
                "{bar:24.cyan/dim} {percent:>3}%  {bytes}/{total_bytes}  {msg}  {elapsed}, {eta} left"
            }
            None => "{spinner:.cyan}  {bytes}  {msg}  {elapsed}",
        };
        self.bar(length, template)
    }

    /// A bar on standard error that counts entries.
    pub(crate) fn entries_bar(&self, length: u64) -> ProgressBar {
        self.count_bar(length, "entries")
    }

    /// A bar on standard error that counts something else, named by its plural.
    pub(crate) fn count_bar(&self, length: u64, things: &str) -> ProgressBar {
        let template = "{bar:24.cyan/dim} {percent:>3}%  {human_pos}/{human_len} ";
        self.bar(Some(length), &format!("{template}{things}  {{per_sec}}  {{msg}}"))
    }

    /// A bar on standard error that counts something of which nobody knows how much there is.
    pub(crate) fn rate_bar(&self, things: &str) -> ProgressBar {
        self.bar(
            None,
            &format!(
                "{{spinner:.cyan}}  {{human_pos}} {things}  {{per_sec}}  {{msg}}  {{elapsed}}"
            ),
        )
    }

    fn bar(&self, length: Option<u64>, template: &str) -> ProgressBar {
        let target =
            if self.json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(length, target);
        let style = ProgressStyle::with_template(template);
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}

/// So many of something: `1 event`, `2 events`.
pub(crate) fn count_of(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

fn bold(colour: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(colour.into()))
}

/// An error for programs.
pub(crate) fn error_json(error: &anyhow::Error) -> Value {
    let failure = error.downcast_ref::<Failure>();
    let outcome = Outcome::of(error);
    let mut causes = error.chain().map(ToString::to_string);
    json!({
        "outcome": outcome.word(),
        "reason": failure.and_then(|failure| failure.reason.clone()),
        "message": causes.next(),
        "causes": causes.collect::<Vec<_>>(),
        "expected": failure.map(|failure| failure.metadata.clone()).unwrap_or_default(),
        "next_step": failure.and_then(|failure| failure.next_step.clone()),
    })
}

fn failure_text(
    error: &anyhow::Error,
    failure: Option<&Failure>,
    stderr: &mut AutoStream<Stderr>,
) -> io::Result<()> {
    let (red, dim) = (bold(AnsiColor::Red), Style::new().dimmed());
    let reason = failure.and_then(|failure| failure.reason.as_deref());
    let reason = reason.map(|reason| format!("{reason}: ")).unwrap_or_default();
    writeln!(stderr, "{red}error:{red:#} {reason}{error}")?;
    for cause in error.chain().skip(1) {
        writeln!(stderr, "  {dim}because{dim:#} {cause}")?;
    }
    let metadata = failure.map(|failure| failure.metadata.clone()).unwrap_or_default();
    for (name, value) in metadata {
        writeln!(stderr, "  {dim}{name:<LABEL_WIDTH$}{dim:#} {value}")?;
    }
    if let Some(step) = failure.and_then(|failure| failure.next_step.as_deref()) {
        let style = bold(AnsiColor::Cyan);
        writeln!(stderr, "{style}next:{style:#}  {step}")?;
    }
    Ok(())
}
