//! `witness audit check`: an audit bundle against a trust policy, with no server and no clock.
//!
//! What must hold: memory grows with issuers and streams, with stretches of erased events and with conflicts, and by
//! 32 bytes for 256 entries; of the events, the records of one part of the documents are held for each core.

mod args;
mod bodies;
mod conflicts;
mod documents;
mod folder;
mod log;
mod notes;
mod pipeline;
mod published;
mod report;
mod spill;
mod submission;
mod summary;
mod tree;

use std::num::NonZero;

use anyhow::Result;
use witness_core::{
    audit::{
        BUNDLE_BYTES_MAX, Bundle, BundlePath, BundleScope, Publisher, Replay,
        findings::{AuditedStreams, Finding, Found, Place, Rule, Thresholds},
    },
    checkpoint::Checkpoint,
    merkle::TreeSize,
    note::{NOTE_BYTES_MAX, Note, Strict},
    policy::Policy,
};

pub(crate) use self::args::CheckArgs;
use self::{
    bodies::Task,
    folder::Folder,
    log::{Judge, Log},
    notes::Register,
    published::{Built, Published},
    report::Report,
    spill::{PARTS, Spill},
    submission::Counts,
    summary::Summary,
};
use super::scope_words;
use crate::{
    outcome::{Failure, Outcome},
    output::Output,
    trust,
};

/// Checks it.
pub(crate) fn run(args: &CheckArgs, output: &mut Output) -> Result<Outcome> {
    let policy = trust::read_policy(&args.policy)?;
    let folder = Folder::new(&args.bundle);
    let bundle = read_bundle(&folder, &policy)?;
    let thresholds = args.thresholds();
    let mut report = Report::new(output, (!args.all).then_some(args.first));
    let check = Check {
        args,
        policy: &policy,
        folder: &folder,
        bundle: &bundle,
        thresholds: &thresholds,
        threads: args.threads(),
    };
    match check.find(&mut report) {
        Ok(summary) => summary.show(report),
        Err(error) => {
            // What was found before counts, whatever ended the check.
            report.show_kept()?;
            Err(error)
        }
    }
}

/// Reads what the bundle says of itself; without that nothing can be told.
fn read_bundle(folder: &Folder, policy: &Policy) -> Result<Bundle> {
    folder.must_be_there()?;
    let Some(bytes) = folder.read(BundlePath::Bundle, BUNDLE_BYTES_MAX)? else {
        return Err(Failure::cannot_tell(
            "the folder has no bundle.json, so it is no whole bundle",
        )
        .next("check the path; if its export was broken off, go on with it: run the same export again")
        .into());
    };
    let bundle = Bundle::parse(&bytes).map_err(|error| {
        if error.may_be_later() {
            return Failure::cannot_tell(error.to_string())
                .next("use a newer version of this program");
        }
        Failure::refused(error.to_string())
            .next("get the bundle anew: this file is damaged or altered")
    })?;
    if bundle.origin.firm() != policy.firm_root.name() || bundle.root != policy.firm_root {
        let message = format!(
            "the bundle is of {} under the root key {}, and the policy is of another firm or key",
            bundle.origin, bundle.root
        );
        let step = "do not rely on this bundle; check that the policy is this firm's";
        return Err(Failure::refused(message).next(step).into());
    }
    Ok(bundle)
}

/// One check of a bundle.
#[derive(Debug, Clone, Copy)]
struct Check<'a> {
    args: &'a CheckArgs,
    policy: &'a Policy,
    folder: &'a Folder,
    bundle: &'a Bundle,
    thresholds: &'a Thresholds,
    threads: NonZero<usize>,
}

/// What a check came to, beside its findings.
#[derive(Debug, Default)]
struct Came {
    published: Published,
    counts: Counts,
    unknown: u64,
    undecided: u64,
    streams: u64,
    is_later: bool,
    /// Whether the entries were looked at.
    is_played: bool,
}

impl<'a> Check<'a> {
    /// Finds all that there is to find.
    fn find(self, report: &mut Report<'_>) -> Result<Summary<'a>> {
        self.files(report)?;
        let came = match self.tree(report)? {
            // Of entries that nobody signed nothing is said.
            None => None,
            Some(tree) => Some(self.contents(&tree, report)?),
        };
        Ok(Summary { check: self, came: came.unwrap_or_default() })
    }

    /// What lies in the folder, and for whom.
    fn files(self, report: &mut Report<'_>) -> Result<()> {
        let Self { bundle, .. } = self;
        let expected = BundleScope {
            issuer: self.args.issuer.clone(),
            jurisdictions: self.args.jurisdictions.clone(),
        };
        if expected != BundleScope::default() && expected != bundle.scope {
            let (own, asked) = (scope_words(&bundle.scope), scope_words(&expected));
            let why = format!("it is of {own}; asked for was one of {asked}");
            report.broken(Rule::Scope, Place::Bundle, why)?;
        }
        let is_called_for = |path| match path {
            BundlePath::Bundle | BundlePath::Checkpoint => true,
            BundlePath::CheckpointOf(size) => {
                bundle.checkpoints.binary_search(&TreeSize(size)).is_ok()
            }
            BundlePath::RollUp(number) | BundlePath::RollUpCheckpoints(number) => {
                bundle.rollups.binary_search(&number).is_ok()
            }
            BundlePath::Anchor(contract, sequence) => {
                let place = (contract, sequence);
                bundle.anchors.binary_search_by_key(&place, |it| (it.contract, it.sequence)).is_ok()
            }
            BundlePath::Tile(path) => tree::has_tile(path, bundle.size),
            BundlePath::Bodies(number) => number < bundle.size.0.div_ceil(256),
        };
        self.folder.strange(&is_called_for, &mut |path| {
            let found = Found::StrangeFile { path };
            report.find(Finding { place: Place::Bundle, found }, None)
        })
    }

    /// Rebuilds the tree; nothing if it is not the one of the checkpoint.
    fn tree(self, report: &mut Report<'_>) -> Result<Option<tree::Tree>> {
        let Self { bundle, .. } = self;
        let bar = report.output.count_bar(bundle.size.0, "entries");
        bar.set_message("rebuilding the tree");
        let wanted = self.sizes();
        let built =
            tree::rebuild((self.folder, bundle.size), &wanted, (report, &bar), self.threads)?;
        bar.finish_and_clear();
        let Some(root) = built.root else { return Ok(None) };
        let path = BundlePath::Checkpoint;
        let Some(note) = self.folder.read(path, NOTE_BYTES_MAX)? else {
            report.find(tree::missing(path), None)?;
            return Ok(None);
        };
        let note = Note::parse(&note).ok();
        let said = note.and_then(|note| Checkpoint::parse(note.text()).ok());
        let is_same = said.as_ref().is_some_and(|said| {
            said.origin == bundle.origin.as_str() && said.size == bundle.size && said.root == root
        });
        if is_same {
            return Ok(Some(built));
        }
        let why = "the entries do not make the tree of this checkpoint, so nothing that they say is \
                   signed";
        report.broken(Rule::Tree, Place::File(path), why)?;
        Ok(None)
    }

    /// Sizes whose roots are needed.
    fn sizes(self) -> Vec<TreeSize> {
        let mut sizes = self.bundle.checkpoints.clone();
        sizes.push(self.bundle.size);
        sizes.dedup();
        sizes
    }

    /// What the entries say, what is beside them, and what was published.
    fn contents(self, tree: &tree::Tree, report: &mut Report<'_>) -> Result<Came> {
        let Self { bundle, policy, folder, thresholds, .. } = self;
        let bar = report.output.count_bar(bundle.size.0, "entries");
        bar.set_message("playing the log");
        let replay = Replay::new(bundle.origin.clone(), policy.firm_root.clone());
        let judge = Judge { policy, scope: &bundle.scope, thresholds };
        let what = (folder, bundle.size, self.threads);
        let mut log =
            Log::play(what, (&tree.read, &self.sizes()), (replay, judge), (report, &bar))?;
        bar.finish_and_clear();

        let (firm, origin) = (log.replay.firm(), &bundle.origin);
        let by_firm = Publisher { policy, firm, origin, ed25519: &Strict };
        let built = Built { roots: &tree.roots, received: &log.received };
        let by = (&by_firm, self.args.blocks.as_slice());
        let published = published::check((folder, bundle), by, built, report)?;
        let streams = self.streams(&mut log, report)?;
        if let Some(at) = published.at {
            log.end(at, thresholds, report)?;
        }
        let registry = log.replay.registry();
        let own = bundle.scope.streams(registry);
        let register = Register { registry, streams: &streams, policy, conflicts: &log.conflicts };
        let (counts, is_later, undecided) = self.events((register, &tree.read), report)?;
        Ok(Came {
            is_later: is_later || published.is_later,
            published,
            counts,
            unknown: log.unknown,
            undecided,
            streams: u64::try_from(own.len())?,
            is_played: true,
        })
    }

    /// The streams of the log; those in the scope must be those that the bundle names.
    fn streams(self, log: &mut Log, report: &mut Report<'_>) -> Result<AuditedStreams> {
        let Self { bundle, .. } = self;
        let registry = log.replay.registry();
        let erased = std::mem::take(&mut log.erased);
        let streams = AuditedStreams::new(registry, &bundle.scope, erased);
        let names = (0..).zip(streams.iter().map(|it| (it.issuer.clone(), it.stream.clone())));
        report.name_all(names);
        let own = bundle.scope.streams(registry);
        for stream in own.iter().filter(|it| !bundle.streams.contains(it)) {
            let why = format!(
                "bundle.json leaves out {} {}, which is in its scope",
                stream.issuer, stream.stream
            );
            report.broken(Rule::Bodies, Place::File(BundlePath::Bundle), why)?;
        }
        for stream in bundle.streams.iter().filter(|it| !own.contains(it)) {
            let why = format!(
                "bundle.json names {} {}, which is no stream in its scope",
                stream.issuer, stream.stream
            );
            report.broken(Rule::Bodies, Place::File(BundlePath::Bundle), why)?;
        }
        Ok(streams)
    }

    /// All events of the scope, and what becomes of their documents.
    fn events(
        self,
        (register, entries): (Register<'_>, &tree::EntriesRead),
        report: &mut Report<'_>,
    ) -> Result<(Counts, bool, u64)> {
        let Self { bundle, folder, thresholds, threads, .. } = self;
        let spill = Spill::new(self.args.temp.as_deref())?;
        let task = Task { folder, size: bundle.size, entries, register, thresholds, spill: &spill };
        let bar = report.output.rate_bar("events");
        bar.set_message("hashing bodies");
        let (counts, is_later) = bodies::check(task, threads, (report, &bar))?;
        bar.finish_and_clear();
        let bar = report.output.count_bar(PARTS, "parts");
        bar.set_message("following documents");
        let by = (register.streams, thresholds);
        let undecided = documents::judge((&spill, threads), by, (report, &bar))?;
        bar.finish_and_clear();
        Ok((counts, is_later, undecided))
    }
}
