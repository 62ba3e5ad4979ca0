//! `witness anchor attach`: adds to an evidence file the first anchors that came after it was made.
//!
//! What must hold: the file keeps all that it has, and nothing is written that its verifier does not count or name.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;
use witness_core::{
    checkpoint::Checkpoint,
    evidence::{Evidence, LaterAnchor},
    evm::{ANCHOR_BYTES_MAX, Anchor},
    hash::Hash,
    merkle::{LeafIndex, TreeSize},
    name::Origin,
    note::Note,
    rollup::{Contract, RollUpTree},
};
use witness_wire::v1::GetConsistencyProofRequest;

use crate::{
    args::ServerArgs,
    commands::{
        verify::{self, Checked},
        watch::{Covering, Listed, SignedRollUp, read_anchors, split},
    },
    files,
    http::PublicFiles,
    outcome::{Failure, Outcome},
    output::{Output, count_of},
    rpc::{self, Channel},
    trust,
};

const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const NOTE_BYTES_MAX: u64 = 1 << 20;
/// A million anchors: with one each ten minutes, twenty years.
const PAGES_MAX: usize = 1000;

const EXAMPLES: &str = "\
A file that was fetched before its entries were anchored says `rolled up`. Later it can be given
the anchors that have come since, one on each contract that the policy names, without asking for
the document: only public files of the log are read. Evidence that is fetched anew bears more:
the anchor before its entries, too, which bounds their time from below.

Example:
  witness anchor attach certificate.evidence.json --server http://localhost:7761 \\
      --policy policy.json --out certificate.anchored.json";

/// Arguments of `witness anchor attach`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AttachArgs {
    /// The evidence
    file: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
    /// The firm's trust policy, which names its contracts
    #[arg(long, value_name = "POLICY.json")]
    policy: PathBuf,
    /// File for the evidence with the anchors
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What the file is over.
struct Known {
    origin: Origin,
    size: TreeSize,
}

/// Attaches them.
pub(super) async fn run(args: &AttachArgs, output: &mut Output) -> Result<Outcome> {
    let policy = trust::read_policy(&args.policy)?;
    if policy.chains.is_empty() {
        return Err(Failure::cannot_tell("the policy names no contract")
            .next("give the policy that the firm has published since it anchors")
            .into());
    }
    let bytes = files::read(&args.file, FILE_BYTES_MAX)?;
    let mut evidence = verify::parse(&bytes)?;
    let known = Known::of(&evidence)?;
    let channel = rpc::connect(&args.server).await?;
    let mut attached = Vec::new();
    for chain in &policy.chains {
        let source = Source::new(&args.server, &known, chain.contract)?;
        if let Some((listed, covering)) = source.first_over()? {
            let later = source.later(&channel, &listed, &covering).await?;
            evidence.attach(later.attachment());
            attached.push((chain.contract, listed));
        }
    }
    if attached.is_empty() {
        return Err(Failure::cannot_tell("no anchor over this file is final yet")
            .next("try again later; `witness anchor status` says when the next one is due")
            .into());
    }
    let bytes = evidence.encode().into_bytes();
    let checked = Checked::of(&bytes, &policy, &[], None)?;
    files::write_new(&args.out, &bytes, 0o600)?;
    output.conclude(Outcome::Done);
    output.good(&format!(
        "{} attached, saved in {}",
        count_of(u64::try_from(attached.len())?, "anchor"),
        args.out.display()
    ))?;
    for (contract, listed) in &attached {
        output.field(
            "anchor",
            &format!("number {} of {contract}, block {}", listed.sequence, listed.block),
        )?;
    }
    let list = attached.iter().map(|(contract, listed)| {
        json!({ "contract": contract.to_string(), "sequence": listed.sequence })
    });
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "file": args.out,
        "attached": list.collect::<Vec<_>>(),
        "unchecked": checked.verdict.unchecked,
    }))?;
    Ok(Outcome::Done)
}

impl Known {
    fn of(evidence: &Evidence) -> Result<Self> {
        let newest = evidence.checkpoints.last().context("the evidence holds no checkpoint")?;
        let checkpoint = Checkpoint::parse(Note::parse(newest.as_bytes())?.text())?;
        let origin = Origin::parse(&checkpoint.origin);
        let origin = origin.context("the evidence is of no log of a firm")?;
        Ok(Self { origin, size: checkpoint.size })
    }
}

/// Where the anchors on a contract come from.
struct Source<'a> {
    firm: PublicFiles,
    log: PublicFiles,
    known: &'a Known,
    contract: Contract,
}

impl<'a> Source<'a> {
    fn new(server: &ServerArgs, known: &'a Known, contract: Contract) -> Result<Self> {
        let (firm, log) =
            (PublicFiles::of_firm(server)?, PublicFiles::of_log(server, &known.origin)?);
        Ok(Self { firm, log, known, contract })
    }

    /// The first anchor whose roll-up covers all of the file: later roll-ups cover no less, so it is searched for by
    /// halves.
    fn first_over(&self) -> Result<Option<(Listed, Covering)>> {
        let listed = self.listed()?;
        let (mut from, mut to) = (0, listed.len());
        let mut found = None;
        while from < to {
            let middle = from + (to - from) / 2;
            let anchor = listed.get(middle).context("the middle is within")?;
            let covering = self.covering(anchor)?.filter(|it| it.own.size >= self.known.size);
            if let Some(covering) = covering {
                (to, found) = (middle, Some((*anchor, covering)));
            } else {
                from = middle + 1;
            }
        }
        Ok(found)
    }

    fn listed(&self) -> Result<Vec<Listed>> {
        let mut all: Vec<Listed> = Vec::new();
        for _ in 0..PAGES_MAX {
            let from = all.last().map_or(0, |last| last.sequence + 1);
            let path = format!("anchors/{}?from={from}", self.contract);
            let page = self.firm.get(&path, FILE_BYTES_MAX)?.unwrap_or_default();
            let page = read_anchors(&page).filter(|page| {
                (from..).zip(page).all(|(expected, listed)| listed.sequence == expected)
            });
            let page = page.context("the list of anchors does not read, or has gaps")?;
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        Ok(all)
    }

    fn covering(&self, listed: &Listed) -> Result<Option<Covering>> {
        let path = format!("rollup/{}", listed.rollup);
        let rollup = SignedRollUp::read(&self.firm.need(&path, NOTE_BYTES_MAX)?)?;
        let bodies = self.firm.need(&format!("{path}/checkpoints"), FILE_BYTES_MAX)?;
        let bodies = split(str::from_utf8(&bodies).context("checkpoints are text")?);
        Ok(Covering::of(&rollup, bodies, self.known.origin.as_str()))
    }

    /// The anchor with all that leads from the file to it.
    async fn later(
        &self,
        channel: &Channel,
        listed: &Listed,
        covering: &Covering,
    ) -> Result<LaterAnchor> {
        let size = covering.own.size;
        let path = format!("anchors/{}/{}", self.contract, listed.sequence);
        let anchor = self.firm.need(&path, u64::try_from(ANCHOR_BYTES_MAX)?)?;
        let anchor = Anchor::parse(str::from_utf8(&anchor).context("an anchor is text")?)?;
        let checkpoint = self.log.need(&format!("checkpoint/{size}"), NOTE_BYTES_MAX)?;
        let tree = RollUpTree::new(covering.bodies.iter().map(String::as_str))?;
        let own = covering.own.encode();
        let position = covering.bodies.iter().position(|body| *body == own);
        let index = LeafIndex(u64::try_from(position.context("the roll-up covers the log")?)?);
        Ok(LaterAnchor {
            anchor,
            checkpoint: String::from_utf8(checkpoint).context("a checkpoint is text")?,
            consistency: self.consistency(channel, size).await?,
            index,
            note: covering.rollup.note.to_string(),
            path: tree.path(index).context("the log stands in the roll-up")?,
        })
    }

    /// From the newest checkpoint of the file to that of the roll-up.
    async fn consistency(&self, channel: &Channel, size: TreeSize) -> Result<Vec<Hash>> {
        if size == self.known.size {
            return Ok(Vec::new());
        }
        let request = GetConsistencyProofRequest {
            origin: self.known.origin.to_string(),
            from_size: self.known.size.0,
            to_size: size.0,
        };
        let answer = rpc::ledger(channel).get_consistency_proof(rpc::timed(request)).await;
        let hashes = rpc::answer(answer)?.path;
        let hash =
            |bytes: &witness_wire::Bytes| Hash::from_slice(bytes).context("a hash has 32 bytes");
        hashes.iter().map(hash).collect()
    }
}
