//! `witness verify`: an evidence file against a trust policy, with no server and no clock; nodes of a chain are asked
//! if they are given.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_core::{
    evidence::{
        self, Belief, EVIDENCE_BYTES_MAX, Evidence, Missing, Refusal, RefusalClass, SeenBlock,
        Verdict,
    },
    hash::DocumentHash,
    note::Strict,
    policy::Policy,
};

use crate::{
    args,
    blocks::{self, Sight},
    chain::RpcArgs,
    files,
    outcome::{Failure, Outcome},
    output::Output,
    trust,
};

const EXAMPLES: &str = "\
Exit codes: 0 the file proves what it says, and every fact that the policy requires holds,
whatever the state of the document; 1 a check failed; 2 it cannot tell: something of an
unknown kind, or a fact that the policy requires is missing.

Take the policy from the firm itself or from somebody you trust, never from where the evidence
came from. An anchor on a chain counts if the policy names its contract, and somebody says that its
block is on the chain: the policy, you with --block, or nodes of the chain with --rpc, each of
which must call it final and have the contract's code; without, the answer says which block to look
up. A node that has another block makes exit code 1.

Examples:
  witness verify certificate.evidence.json --policy policy.json
  witness verify certificate.evidence.json --policy policy.json --document certificate.txt
  witness verify certificate.evidence.json --policy policy.json --block eip155:8453:0x5f2c…
  witness verify certificate.evidence.json --policy policy.json --rpc https://a.example/KEY";

/// Arguments of `witness verify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The evidence; - for standard input
    file: PathBuf,
    /// The trust policy
    #[arg(long, value_name = "POLICY.json")]
    policy: PathBuf,
    /// Text of a document: check that the evidence is about it
    #[arg(long, value_name = "TXT")]
    document: Option<PathBuf>,
    /// The issuer's verification-meta.json, if it has one: it can change the hash of a text
    #[arg(long, value_name = "META.json", requires = "document")]
    meta: Option<PathBuf>,
    /// A block that you know to be on its chain for good, as eip155:<chain>:0x<hash>; may be repeated
    #[arg(long = "block", value_name = "HASH", value_parser = read_block)]
    blocks: Vec<SeenBlock>,
    #[command(flatten)]
    nodes: RpcArgs,
}

/// Reads a block that somebody knows to be on its chain.
pub(crate) fn read_block(text: &str) -> Result<SeenBlock, String> {
    let expected = "must be eip155:<chain>:0x<64 lower-case hexadecimal digits>";
    SeenBlock::parse(text, Belief::Reader).ok_or_else(|| expected.to_owned())
}

/// Verifies it.
pub(crate) async fn run(args: &VerifyArgs, output: &mut Output) -> Result<Outcome> {
    let endpoints = args.nodes.endpoints()?;
    let policy = trust::read_policy(&args.policy)?;
    let bytes = files::read(&args.file, u64::try_from(EVIDENCE_BYTES_MAX)?)?;
    let document = args.document.as_deref();
    let document = document.map(|text| args::hash_file(text, args.meta.as_deref())).transpose()?;
    let mut sights = Vec::new();
    if !endpoints.is_empty() {
        let mut evidence = parse(&bytes)?;
        let all = evidence.blocks();
        evidence.attachments.clear();
        let own = evidence.blocks();
        sights = blocks::look(&endpoints, &policy, all).await;
        // Anybody can attach what is not so: it counts for nothing, and refutes nothing.
        sights.iter_mut().filter(|sight| !sight.is_of(&own)).for_each(Sight::disregard);
    }
    let seen: Vec<SeenBlock> =
        args.blocks.iter().copied().chain(sights.iter().filter_map(Sight::block)).collect();
    let checked = Checked { sights, ..Checked::of(&bytes, &policy, &seen, document)? };
    let outcome = checked.outcome();
    output.conclude(outcome);
    checked.show(output)?;
    let known = parse(&bytes)?.blocks();
    for given in &args.blocks {
        if !known.iter().any(|it| (it.contract.chain, it.hash) == (given.chain, given.hash)) {
            let (chain, hash) = (given.chain, given.hash);
            output.warn(&format!(
                "block {hash} of chain {chain} is that of no anchor in this file"
            ))?;
        }
    }
    output.json(&json!({
        "outcome": checked.word(),
        "verdict": checked.verdict,
        "missing": checked.missing,
        "document_matches": checked.document_matches,
        "blocks": checked.sights.iter().map(Sight::json).collect::<Vec<_>>(),
    }))?;
    Ok(outcome)
}

/// As [`run`], where nodes must be given.
pub(crate) async fn run_with_nodes(args: &VerifyArgs, output: &mut Output) -> Result<Outcome> {
    if args.nodes.endpoints()?.is_empty() {
        return Err(Failure::cannot_tell("no node of the chain was given")
            .next("give one with --rpc, or better several that different people run")
            .into());
    }
    run(args, output).await
}

/// Evidence that was verified.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What it proves.
    pub(crate) verdict: Verdict,
    /// What the policy requires beyond that.
    pub(crate) missing: Vec<Missing>,
    /// Whether it is about the document that was given; none was, if there is nothing here.
    pub(crate) document_matches: Option<bool>,
    /// What nodes of chains say of the blocks, if they were asked.
    pub(crate) sights: Vec<Sight>,
}

impl Checked {
    /// Verifies the bytes of a file. An anchor counts if its block is the policy's or one of `seen`.
    pub(crate) fn of(
        bytes: &[u8],
        policy: &Policy,
        seen: &[SeenBlock],
        document: Option<DocumentHash>,
    ) -> Result<Self> {
        let evidence = parse(bytes)?;
        let verdict =
            evidence::verify(&evidence, policy, seen, &Strict).map_err(|error| failure(&error))?;
        let missing = verdict.missing(policy);
        let is_about = |document| verdict.items.iter().any(|item| item.document == document);
        let document_matches = document.map(is_about);
        Ok(Self { verdict, missing, document_matches, sights: Vec::new() })
    }

    /// How the command ends.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.document_matches == Some(false) || self.sights.iter().any(Sight::is_refuted) {
            return Outcome::Refused;
        }
        // Whoever asks nodes wants to know what they say.
        let is_known = !self.sights.iter().any(Sight::is_unknown);
        if self.missing.is_empty() && is_known { Outcome::Done } else { Outcome::CannotTell }
    }

    /// The outcome in JSON.
    pub(crate) fn word(&self) -> &'static str {
        match self.outcome() {
            Outcome::Done => "verified",
            outcome @ (Outcome::Refused | Outcome::CannotTell) => outcome.word(),
        }
    }

    /// Shows the verdict.
    pub(crate) fn show(&self, output: &mut Output) -> Result<()> {
        match self.outcome() {
            Outcome::Done => {
                output
                    .good("the evidence proves what it says, and all that the policy requires")?;
            }
            Outcome::Refused if self.document_matches != Some(false) => {
                output.bad("an anchor of the evidence is not on its chain, as its nodes say")?;
            }
            Outcome::Refused => {
                output
                    .bad("the evidence is about another document than the text that was given")?;
            }
            Outcome::CannotTell if self.missing.is_empty() => {
                output
                    .unsure("the evidence proves what it says, but the nodes could not be asked")?;
            }
            Outcome::CannotTell => output
                .unsure("the evidence proves what it says, but not all that the policy requires")?,
        }
        if self.document_matches == Some(true) {
            output.line("  the text that was given has the hash of a document in this file")?;
        }
        for missing in &self.missing {
            let fact = missing.fact.word();
            let (item, event) = (missing.item + 1, missing.event + 1);
            output.line(&format!(
                "  missing: document {item}, event {event} is not proved to be {fact}"
            ))?;
        }
        for line in self.verdict.lines() {
            output.line(&format!("  {line}"))?;
        }
        for sight in &self.sights {
            sight.show(output)?;
        }
        Ok(())
    }
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Evidence, Failure> {
    Evidence::parse(bytes).map_err(|error| failure(&Refusal::File(error)))
}

fn failure(refusal: &Refusal) -> Failure {
    let failure = match refusal.class() {
        RefusalClass::Refuted => Failure::refused(format!("the evidence is not good: {refusal}"))
            .next("do not rely on this file; fetch it again, and check that the policy is this firm's"),
        RefusalClass::CannotTell => Failure::cannot_tell(refusal.to_string())
            .next("use a newer version of this program, or the policy of the firm that made the file"),
    };
    Failure { reason: Some(refusal.reason().to_owned()), ..failure }
}
