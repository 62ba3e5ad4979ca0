//! The documents of the bundle, a part of them on each core.

use std::num::NonZero;

use anyhow::Result;
use indicatif::ProgressBar;
use witness_core::audit::findings::{AuditedStreams, Finding, Thresholds, judge_documents};

use super::{
    pipeline::{Worker, in_order},
    report::Report,
    spill::{PARTS, Spill},
};

struct Judge<'a> {
    spill: &'a Spill,
    streams: &'a AuditedStreams,
    thresholds: &'a Thresholds,
}

impl Worker for Judge<'_> {
    type Done = (Vec<Finding>, u64);

    fn work(&mut self, number: u64) -> Result<Self::Done> {
        let mut records = self.spill.read(number)?;
        let mut findings = Vec::new();
        let by = (self.streams, self.thresholds);
        let undecided = judge_documents(&mut records, by, &mut findings);
        Ok((findings, undecided))
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

/// Judges all documents. Gives the number of changes of which cannot be told whether their document was ever issued.
pub(super) fn judge(
    (spill, threads): (&Spill, NonZero<usize>),
    (streams, thresholds): (&AuditedStreams, &Thresholds),
    (report, bar): (&mut Report<'_>, &ProgressBar),
) -> Result<u64> {
    let mut undecided = 0;
    let worker = || Judge { spill, streams, thresholds };
    in_order((PARTS, threads), worker, |number, (findings, of_part)| {
        findings.into_iter().try_for_each(|finding| report.find(finding, None))?;
        undecided += of_part;
        bar.set_position(number + 1);
        Ok(())
    })?;
    Ok(undecided)
}
