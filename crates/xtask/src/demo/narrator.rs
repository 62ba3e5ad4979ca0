//! What the demonstration says to whoever watches it: numbered steps, and a line each that says why.

use std::io::{self, Stdout, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Prerequisites,
    Build,
    Start,
    Chain,
    Hash,
    Register,
    Past,
    Changes,
    Ask,
    Evidence,
    Stop,
    Verify,
    Tamper,
}

impl Step {
    const ALL: [Self; 13] = [
        Self::Prerequisites,
        Self::Build,
        Self::Start,
        Self::Chain,
        Self::Hash,
        Self::Register,
        Self::Past,
        Self::Changes,
        Self::Ask,
        Self::Evidence,
        Self::Stop,
        Self::Verify,
        Self::Tamper,
    ];

    fn number(self) -> usize {
        Self::ALL.iter().take_while(|step| **step != self).count() + 1
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Prerequisites => "Look for what is needed",
            Self::Build => "Build the two programs",
            Self::Start => "Start the witnessing firm",
            Self::Chain => "Put a contract on a chain",
            Self::Hash => "Hash the documents",
            Self::Register => "Register what may be said",
            Self::Past => "Bring in the past",
            Self::Changes => "Report what changes",
            Self::Ask => "Ask how the documents stand",
            Self::Evidence => "Take the evidence away",
            Self::Stop => "Stop the firm",
            Self::Verify => "Verify, with nobody to ask",
            Self::Tamper => "Tamper",
        }
    }

    /// Why it matters.
    const fn why(self) -> &'static str {
        match self {
            Self::Prerequisites => {
                "Beside Rust: a C++ compiler and libclang, for RocksDB, the store under the log."
            }
            Self::Build => {
                "Minutes the first time (RocksDB alone 8 to 20, once for this machine), later a moment."
            }
            Self::Start => {
                "It will see hashes, never documents. `--dev` makes its keys, and an issuer's, on the spot."
            }
            Self::Chain => {
                "What stands in its blocks the firm cannot take back. A development chain stands in for a public one."
            }
            Self::Hash => {
                "The SHA-256 of its text is all of a document that leaves the issuer; names and marks stay."
            }
            Self::Register => {
                "Beside a hash only dates, codes, counts and identifiers out of a public list: no free text."
            }
            Self::Past => {
                "Six credentials from before the firm was there: signed, so that the issuer cannot deny them."
            }
            Self::Changes => {
                "One corrected, one revoked, one run out, one taken down. All is kept: the log only grows."
            }
            Self::Ask => {
                "Whoever holds a document can ask. Exit 0: the issuer stands behind it; exit 1: it does not."
            }
            Self::Evidence => {
                "A file for each document, which needs nobody: events, signatures, proofs, times."
            }
            Self::Stop => {
                "From here on nobody can be asked: what is proved now is proved by files alone."
            }
            Self::Verify => {
                "A process for each file, in an empty folder that gets this file, its document, a policy."
            }
            Self::Tamper => {
                "A proof is worth what its verifier refuses: copies that differ in one byte."
            }
        }
    }
}

/// Tells the story on standard output.
#[derive(Debug)]
pub(super) struct Narrator {
    stdout: Stdout,
    is_coloured: bool,
    step: Option<Step>,
}

impl Narrator {
    pub(super) fn new(is_coloured: bool) -> Self {
        Self { stdout: io::stdout(), is_coloured, step: None }
    }

    pub(super) fn opening(&self) {
        self.print(&self.styled(Style::BOLD, "The witness ledger: from an issuer to a verdict"));
        self.print("");
        self.print(
            "An institute, issuer.example, has issued six credentials, and now changes four.",
        );
        self.print(
            "A witnessing firm, witness.example, logs hashes and changes, and sees no document.",
        );
        self.print("What it signs over its log stands on a chain, which it does not control.");
        self.print(
            "Then the firm is switched off, and files alone prove what happened, each by itself.",
        );
    }

    /// Begins a step.
    pub(super) fn step(&mut self, step: Step) {
        self.step = Some(step);
        self.headline(&format!("{:>2}/{}  {}", step.number(), Step::ALL.len(), step.title()));
        self.line(step.why());
    }

    /// A command that was run, as one would type it.
    pub(super) fn command(&self, line: &str) {
        self.line(&self.styled(Style::CYAN, &format!("$ {line}")));
    }

    /// Something that holds.
    pub(super) fn good(&self, text: &str) {
        self.line(&format!("{} {text}", self.styled(Style::GREEN, "✓")));
    }

    /// A line as it is.
    pub(super) fn line(&self, text: &str) {
        self.print(&format!("       {text}"));
    }

    /// A line in the background.
    pub(super) fn remark(&self, text: &str) {
        self.line(&self.styled(Style::DIM, text.trim_end()));
    }

    /// What a program said.
    pub(super) fn quote(&self, text: &str) {
        for line in text.lines() {
            self.line(&format!("{} {line}", self.styled(Style::DIM, "│")));
        }
    }

    /// For an error: the step that was under way.
    pub(super) fn where_it_stopped(&self) -> String {
        match self.step {
            Some(step) => {
                format!("step {} of {}, {}", step.number(), Step::ALL.len(), step.title())
            }
            None => "before the first step".to_owned(),
        }
    }

    pub(super) fn what_lies_where(&self, folder: &str) {
        const FILES: [(&str, &str); 9] = [
            ("*.txt", "the documents, as their holders have them"),
            ("*.evidence.json", "the evidence: one line of JSON each"),
            ("policy.json", "whom the verifier believes; in earnest it comes from the firm itself"),
            ("chain.toml", "the contract, as the service's configuration names it"),
            ("*.ndjson", "the rows that the issuer submitted"),
            ("tampered/", "the copies that were refused"),
            ("issuer/", "the issuer's journal with its receipts, and the schemas"),
            ("data/", "the firm's log and keys"),
            ("server.log", "what the firm's server said"),
        ];
        self.headline(&format!("What lies in {folder}"));
        for (name, what) in FILES {
            self.line(&format!("{name:<17} {what}"));
        }
    }

    pub(super) fn what_to_type_next(
        &self,
        (witness, witnessd): (&str, &str),
        folder: &str,
        listen: SocketAddr,
    ) {
        self.headline("What to type next");
        self.line("Verify a file yourself; then change what you like in it, and verify it again:");
        self.command(&format!(
            "{witness} verify {folder}/open-badge.evidence.json --policy {folder}/policy.json --document \
             {folder}/open-badge.txt"
        ));
        self.line(
            "Start the firm again where it stopped; in another terminal ask it, or follow its log:",
        );
        self.command(&format!("{witnessd} --dev --listen {listen} --data {folder}/data"));
        self.command(&format!(
            "{witness} history --server http://{listen} --issuer issuer.example --file \
             {folder}/language-proficiency.txt"
        ));
        self.command(&format!(
            "{witness} watch --server http://{listen} --origin witness.example/log1 --policy \
             {folder}/policy.json --state {folder}/watch --once --full"
        ));
        self.line("See all that the command line can do, and run the checks of this repository:");
        self.command(&format!("{witness} --help"));
        self.command("cargo xtask test");
    }

    pub(super) fn closing(&self, elapsed: Duration) {
        let text = format!("✓ All of it held, in {:.1} s.", elapsed.as_secs_f64());
        self.print("");
        self.print(&self.styled(Style::GREEN, &text));
    }

    fn headline(&self, text: &str) {
        self.print("");
        self.print(&self.styled(Style::BOLD, text));
    }

    fn print(&self, text: &str) {
        // Whether anybody still listens changes nothing in what holds.
        writeln!(&self.stdout, "{text}").ok();
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{}m{text}\x1b[0m", style.0) } else { text.to_owned() }
    }
}

/// A look of text on a terminal (ECMA-48 section 8.3.117, SGR).
#[derive(Debug, Clone, Copy)]
struct Style(&'static str);

impl Style {
    const BOLD: Self = Self("1");
    const DIM: Self = Self("2");
    const GREEN: Self = Self("1;32");
    const CYAN: Self = Self("36");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_in_their_order() {
        for (number, step) in (1..).zip(Step::ALL) {
            assert_eq!(step.number(), number);
        }
    }
}
