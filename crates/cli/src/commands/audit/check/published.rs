//! What the firm has published of the log beside its entries: checkpoints, roll-ups, anchors.

use std::collections::BTreeMap;

use anyhow::Result;
use witness_core::{
    audit::{
        Bundle, BundlePath, CheckedAnchor, CheckedRollUp, ProvedCheckpoint, PublishedError,
        Publisher,
        findings::{Place, Rule},
    },
    evidence::{SeenBlock, Unchecked},
    evm::ANCHOR_BYTES_MAX,
    hash::Hash,
    merkle::TreeSize,
    note::NOTE_BYTES_MAX,
    time::Timestamp,
};

use super::{folder::Folder, report::Report, tree::missing};

const CHECKPOINTS_BYTES_MAX: usize = 1024 * 1024;
/// Of how many anchors that do not count it is said why.
const REASONS_MAX: usize = 3;

/// What was found good.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// When the bundle's own checkpoint was published.
    pub(super) at: Option<Timestamp>,
    pub(super) checkpoints: u64,
    pub(super) rollups: u64,
    /// Anchors in blocks that are believed to be on their chains, and the time of the last one.
    pub(super) anchors: u64,
    pub(super) anchored_at: Option<Timestamp>,
    /// Why other anchors do not count: the first few.
    pub(super) not_believed: Vec<String>,
    /// How many those are.
    pub(super) anchors_not_believed: u64,
    /// Number of signatures of strangers, which say nothing.
    pub(super) unchecked: usize,
    /// Whether something is of a later version.
    pub(super) is_later: bool,
}

/// What the published must fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Built<'a> {
    pub(super) roots: &'a BTreeMap<TreeSize, Hash>,
    pub(super) received: &'a BTreeMap<TreeSize, Timestamp>,
}

/// Checks all that was published.
pub(super) fn check(
    (folder, bundle): (&Folder, &Bundle),
    (publisher, seen): (&Publisher<'_>, &[SeenBlock]),
    built: Built<'_>,
    report: &mut Report<'_>,
) -> Result<Published> {
    let mut checker = Checker { folder, publisher, report, published: Published::default() };
    let mut proved = BTreeMap::new();
    let own = checker.checkpoint(BundlePath::Checkpoint, bundle.size, built)?;
    checker.published.at = own.as_ref().map(ProvedCheckpoint::published_at);
    proved.extend(own.map(|own| (bundle.size, own)));
    for size in &bundle.checkpoints {
        let path = BundlePath::CheckpointOf(size.0);
        if let Some(good) = checker.checkpoint(path, *size, built)? {
            checker.published.checkpoints += 1;
            proved.entry(*size).or_insert(good);
        }
    }
    let rollups = checker.rollups(bundle, &proved)?;
    checker.anchors(bundle, &rollups, seen)?;
    Ok(checker.published)
}

struct Checker<'c, 'o> {
    folder: &'c Folder,
    publisher: &'c Publisher<'c>,
    report: &'c mut Report<'o>,
    published: Published,
}

impl Checker<'_, '_> {
    /// Reads a file of the bundle; that it is missing is reported.
    fn read(&mut self, path: BundlePath, limit: usize) -> Result<Option<Vec<u8>>> {
        let bytes = self.folder.read(path, limit)?;
        if bytes.is_none() {
            self.report.find(missing(path), None)?;
        }
        Ok(bytes)
    }

    fn refuse(&mut self, rule: Rule, path: BundlePath, error: &PublishedError) -> Result<()> {
        if error.may_be_later() {
            self.published.is_later = true;
            return Ok(());
        }
        self.report.broken(rule, Place::File(path), format!("{path} is not good: {error}"))
    }

    fn checkpoint(
        &mut self,
        path: BundlePath,
        size: TreeSize,
        built: Built<'_>,
    ) -> Result<Option<ProvedCheckpoint>> {
        let Some(note) = self.read(path, NOTE_BYTES_MAX)? else { return Ok(None) };
        let mut unchecked: Vec<Unchecked> = Vec::new();
        let checked = self.publisher.checkpoint(&note, &mut unchecked);
        self.published.unchecked += unchecked.len();
        let proved = match checked {
            Ok(proved) => proved,
            Err(error) => {
                self.refuse(Rule::Checkpoint, path, &error)?;
                return Ok(None);
            }
        };
        let tolerance = Timestamp::from_seconds(self.publisher.policy.time_tolerance_s);
        let until = proved.published_at().micros().saturating_add(tolerance.micros());
        let received = built.received.get(&size);
        let why = if proved.checkpoint().size != size {
            "is of another size than its name"
        } else if built.roots.get(&size) != Some(&proved.checkpoint().root) {
            "is not of the tree that the entries make"
        } else if received.is_some_and(|received| received.micros() > until) {
            "was published before what it covers was received"
        } else {
            return Ok(Some(proved));
        };
        self.report.broken(Rule::Checkpoint, Place::File(path), format!("{path} {why}"))?;
        Ok(None)
    }

    fn rollups(
        &mut self,
        bundle: &Bundle,
        proved: &BTreeMap<TreeSize, ProvedCheckpoint>,
    ) -> Result<BTreeMap<u64, CheckedRollUp>> {
        let mut good: BTreeMap<u64, CheckedRollUp> = BTreeMap::new();
        for number in &bundle.rollups {
            let path = BundlePath::RollUp(*number);
            let note = self.read(path, NOTE_BYTES_MAX)?;
            let bodies =
                self.read(BundlePath::RollUpCheckpoints(*number), CHECKPOINTS_BYTES_MAX)?;
            let Some((note, bodies)) = note.zip(bodies) else { continue };
            let checked = self.publisher.rollup(*number, (&note, &bodies), proved);
            let checked = checked.and_then(|checked| {
                good.last_key_value().map_or(Ok(()), |(_, before)| checked.follows(before))?;
                Ok(checked)
            });
            match checked {
                Ok(checked) => {
                    good.insert(*number, checked);
                    self.published.rollups += 1;
                }
                Err(error) => self.refuse(Rule::RollUp, path, &error)?,
            }
        }
        Ok(good)
    }

    fn anchors(
        &mut self,
        bundle: &Bundle,
        rollups: &BTreeMap<u64, CheckedRollUp>,
        seen: &[SeenBlock],
    ) -> Result<()> {
        for named in &bundle.anchors {
            let path = BundlePath::Anchor(named.contract, named.sequence);
            let Some(json) = self.read(path, ANCHOR_BYTES_MAX)? else { continue };
            // What is wrong with its roll-up was said.
            let Some(rollup) = rollups.get(&named.rollup) else { continue };
            match self.publisher.anchor(named, &json, rollup, seen) {
                Ok(CheckedAnchor::Counts(at)) => {
                    self.published.anchors += 1;
                    self.published.anchored_at = self.published.anchored_at.max(Some(at));
                }
                Ok(CheckedAnchor::NotBelieved(why)) => {
                    self.published.anchors_not_believed += 1;
                    if self.published.not_believed.len() < REASONS_MAX {
                        self.published.not_believed.push(why);
                    }
                }
                Err(error) => self.refuse(Rule::Anchor, path, &error)?,
            }
        }
        Ok(())
    }
}
