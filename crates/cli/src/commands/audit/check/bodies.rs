//! The bodies of the bundle: each hashed up to the root that its issuer signed.

use std::{fs::File, io::Read as _, num::NonZero};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    audit::{
        BodiesError, BodiesReader, BundlePath, Item, Step,
        findings::{Bursts, Finding, Orders, Place, Rule, SubmissionDigest, Thresholds},
    },
    merkle::TreeSize,
    tile::TILE_WIDTH,
};

use super::{
    conflicts::Compared,
    folder::Folder,
    notes::{self, Register, Wanted},
    pipeline::{Worker, in_order},
    report::Report,
    spill::{Pen, Spill},
    submission::{Counts, Reading},
    tree::{EntriesRead, broken},
};

/// How much of a file is held at once.
const WINDOW_BYTES: usize = 256 * 1024;

/// What every thread looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) folder: &'a Folder,
    pub(super) size: TreeSize,
    pub(super) entries: &'a EntriesRead,
    pub(super) register: Register<'a>,
    pub(super) thresholds: &'a Thresholds,
    pub(super) spill: &'a Spill,
}

struct Checker<'a> {
    task: Task<'a>,
    pen: Pen<'a>,
    window: Vec<u8>,
}

/// What came of the bodies of an entry bundle.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    pub(super) digests: Vec<SubmissionDigest>,
    pub(super) counts: Counts,
    pub(super) compared: Compared,
    /// Whether something is of a later version.
    pub(super) is_later: bool,
}

/// Checks the bodies of all submissions in the scope. Gives how many there are, and whether a later version is
/// needed to tell.
pub(super) fn check(
    task: Task<'_>,
    threads: NonZero<usize>,
    (report, bar): (&mut Report<'_>, &ProgressBar),
) -> Result<(Counts, bool)> {
    let (mut orders, mut bursts) = (Orders::default(), Bursts::default());
    let (mut counts, mut is_later) = (Counts::default(), false);
    let mut compared = Compared::default();
    let worker = || Checker { task, pen: task.spill.pen(), window: vec![0; WINDOW_BYTES] };
    let bundles = task.size.0.div_ceil(TILE_WIDTH);
    in_order((bundles, threads), worker, |_, checked| {
        checked.findings.into_iter().try_for_each(|finding| report.find(finding, None))?;
        for digest in &checked.digests {
            let found =
                [orders.take(digest, task.thresholds), bursts.take(digest, task.thresholds)];
            found.into_iter().flatten().try_for_each(|finding| report.find(finding, None))?;
        }
        counts.add(checked.counts);
        compared.add(checked.compared);
        is_later |= checked.is_later;
        bar.inc(checked.counts.events);
        Ok(())
    })?;
    let mut last = Vec::new();
    bursts.end(task.thresholds, |finding| last.push(finding));
    last.into_iter().try_for_each(|finding| report.find(finding, None))?;
    task.register.conflicts.report(&compared, report)?;
    Ok((counts, is_later))
}

impl Worker for Checker<'_> {
    type Done = Checked;

    fn work(&mut self, number: u64) -> Result<Checked> {
        let mut checked = Checked::default();
        let Task { folder, size, register, .. } = self.task;
        let entries = self.task.entries.again(folder, number, size)?;
        let first = number * TILE_WIDTH;
        let wanted = notes::look(register, (first, &entries), &mut checked)?;
        let path = BundlePath::Bodies(number);
        match (wanted.is_empty(), folder.open(path)?) {
            (true, None) => {}
            (true, Some(_)) => {
                let why = format!("none of the entries of {path} is in the scope");
                checked.findings.push(broken(Rule::File, Place::File(path), why));
            }
            (false, None) => {
                checked.findings.push(super::tree::missing(path));
                let missing = |wanted: &Wanted| missing(wanted, &format!("{path} is missing"));
                checked.findings.extend(wanted.iter().map(missing));
            }
            (false, Some(file)) => self.read(number, file, &wanted, &mut checked)?,
        }
        Ok(checked)
    }

    fn end(self) -> Result<()> {
        self.pen.end()
    }
}

impl Checker<'_> {
    fn read(
        &mut self,
        number: u64,
        mut file: File,
        wanted: &[Wanted],
        checked: &mut Checked,
    ) -> Result<()> {
        let task = self.task;
        let path = BundlePath::Bodies(number);
        let mut reader = BodiesReader::new(task.register.registry.origin(), number);
        let mut reading = Reading::new(task, wanted, checked);
        let (mut start, mut end) = (0, 0);
        let ended = loop {
            let window = self.window.get(start..end).unwrap_or_default();
            match reader.next(window) {
                Ok(Step::Item(item, used)) => {
                    match item {
                        Item::Submission { index, events } => {
                            reading.begin(index, events, &mut self.pen)?;
                        }
                        Item::Event { event, details } => reading.event(event, details),
                        Item::Erased { leaf } => reading.erased(leaf),
                    }
                    start += used;
                }
                Ok(Step::More) => {
                    self.window.copy_within(start..end, 0);
                    (start, end) = (0, end - start);
                    let room = self.window.get_mut(end..).unwrap_or_default();
                    let more = file.read(room).with_context(|| format!("cannot read {path}"))?;
                    if more == 0 {
                        break reader.end(self.window.get(..end).unwrap_or_default());
                    }
                    end += more;
                }
                Err(error) => break Err(error),
            }
        };
        let Err(error) = ended else { return reading.end(&mut self.pen) };
        reading.break_off(&format!("{path} does not read, {error}"));
        checked.is_later |= error == BodiesError::OtherVersion;
        let why = format!("{path}: {error}");
        checked.findings.push(broken(Rule::File, Place::File(path), why));
        Ok(())
    }
}

/// That the bodies of a submission are not there.
pub(super) fn missing(wanted: &Wanted, why: &str) -> Finding {
    let events = wanted.submission.events;
    let last = wanted.submission.next_sequence().saturating_sub(1);
    let first = wanted.submission.first_sequence;
    let why = format!("the bodies of its {events} events, {first} to {last}, are not there: {why}");
    broken(Rule::Bodies, wanted.place(), why)
}
