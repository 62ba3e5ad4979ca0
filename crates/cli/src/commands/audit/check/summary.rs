//! How a check ends: in a word, in numbers, in a table.

use anyhow::Result;
use serde_json::json;
use witness_core::audit::findings::Severity;

use super::{
    super::{scope_json, scope_words},
    Came, Check,
    report::Report,
};
use crate::{
    outcome::Outcome,
    output::{Output, count_of},
};

/// What is said at the end.
pub(super) struct Summary<'a> {
    pub(super) check: Check<'a>,
    pub(super) came: Came,
}

impl Summary<'_> {
    fn outcome(&self, report: &Report<'_>) -> Outcome {
        let found = report.count(Severity::Finding);
        if report.count(Severity::Broken) > 0 {
            return Outcome::Refused;
        }
        if self.came.unknown > 0 || self.came.is_later {
            return Outcome::CannotTell;
        }
        if self.check.args.strict && found > 0 { Outcome::Refused } else { Outcome::Done }
    }

    /// Says it.
    pub(super) fn show(&self, mut report: Report<'_>) -> Result<Outcome> {
        let outcome = self.outcome(&report);
        report.output.conclude(outcome);
        let (broken, found) = (report.count(Severity::Broken), report.count(Severity::Finding));
        match outcome {
            _ if broken > 0 => {
                let failed = count_of(broken, "check");
                report.output.bad(&format!("{failed} of the bundle failed"))?;
            }
            Outcome::CannotTell => {
                report.output.unsure("the bundle holds what this version does not know")?;
            }
            Outcome::Done | Outcome::Refused if self.came.streams == 0 => {
                let scope = scope_words(&self.check.bundle.scope);
                let line = format!(
                    "the log itself checks out, and nothing was checked of any stream: none is in the scope ({scope})"
                );
                report.output.unsure(&line)?;
            }
            Outcome::Done | Outcome::Refused if found == 0 => {
                report.output.good("every check holds, and nothing was found")?;
            }
            Outcome::Done => {
                let found = count_of(found, "finding");
                report.output.good(&format!("every check holds; {found} to look at"))?;
            }
            Outcome::Refused => {
                let found = count_of(found, "finding");
                report
                    .output
                    .bad(&format!("every check holds, and there are findings: {found}"))?;
            }
        }
        self.facts(report.output)?;
        report.show_kept()?;
        let next_step = self.next_step();
        if let Some(step) = &next_step {
            report.output.next(step)?;
        }
        let counts = report.counts_json();
        report.output.json(&self.json(outcome, &counts, next_step.as_deref()))?;
        Ok(outcome)
    }

    /// What to look into where no stream is in the scope.
    fn next_step(&self) -> Option<String> {
        let issuer = self.check.bundle.scope.issuer.as_ref();
        let scope = issuer.map(|issuer| {
            format!("export again with the right --issuer, or with none, if {issuer} is not who you mean")
        });
        let scope = scope.unwrap_or_else(|| {
            "ask the firm which streams it has opened in that scope, and export again".to_owned()
        });
        (self.came.streams == 0 && self.came.is_played).then_some(scope)
    }

    fn facts(&self, output: &mut Output) -> Result<()> {
        let Check { bundle, .. } = self.check;
        let Came { published, counts, .. } = &self.came;
        output.field("log", bundle.origin.as_str())?;
        let at = published.at.map(|at| format!(", published {at}")).unwrap_or_default();
        output.field("size", &format!("{} entries{at}", bundle.size))?;
        output.field("scope", &scope_words(&bundle.scope))?;
        let streams = count_of(self.came.streams, "stream");
        let submissions = count_of(counts.submissions, "submission");
        let events = count_of(counts.events, "event");
        output.field("checked", &format!("{streams}, {submissions}, {events}"))?;
        if counts.erased > 0 {
            output.field("erased", &format!("{}, each named in the log", counts.erased))?;
        }
        if published.rollups > 0 {
            let anchored = published.anchored_at.map(|at| format!(", the last one of {at}"));
            let (rollups, anchors) =
                (count_of(published.rollups, "roll-up"), count_of(published.anchors, "anchor"));
            let line = format!("{rollups}, {anchors}{}", anchored.unwrap_or_default());
            output.field("on chains", &line)?;
        }
        for why in &published.not_believed {
            output.field("does not count", &format!("anchor {why}"))?;
        }
        let shown = u64::try_from(published.not_believed.len())?;
        if published.anchors_not_believed > shown {
            let more = published.anchors_not_believed - shown;
            output.field("does not count", &format!("{} more", count_of(more, "anchor")))?;
        }
        if published.unchecked > 0 {
            let count = count_of(u64::try_from(published.unchecked)?, "signature");
            output.field("not checked", &format!("{count} of checkpoints by strangers"))?;
        }
        if self.came.unknown > 0 {
            output.field("unknown", &format!("{} of a later version", self.came.unknown))?;
        }
        if self.came.undecided > 0 {
            let changes = count_of(self.came.undecided, "change");
            let line = format!(
                "{changes} of documents that may have been issued in streams outside of the scope, or in \
                 what was erased"
            );
            output.field("undecided", &line)?;
        }
        Ok(())
    }

    fn json(
        &self,
        outcome: Outcome,
        counts: &serde_json::Value,
        next_step: Option<&str>,
    ) -> serde_json::Value {
        let Check { bundle, thresholds, .. } = self.check;
        let Came { published, counts: read, .. } = &self.came;
        json!({
            "outcome": outcome.word(),
            "origin": bundle.origin.as_str(),
            "size": bundle.size.0,
            "scope": scope_json(&bundle.scope),
            "published_at": published.at.map(|at| at.to_string()),
            "streams": self.came.streams,
            "next_step": next_step,
            "submissions": read.submissions,
            "events": read.events,
            "erased": read.erased,
            "unknown": self.came.unknown,
            "undecided": self.came.undecided,
            "checkpoints": published.checkpoints,
            "rollups": published.rollups,
            "anchors": published.anchors,
            "anchors_not_believed": published.anchors_not_believed,
            "anchors_not_believed_because": published.not_believed,
            "signatures_not_checked": published.unchecked,
            "rules": counts,
            "thresholds": {
                "late_us": thresholds.late_us,
                "future_us": thresholds.future_us,
                "back_dated_us": thresholds.back_dated_us,
                "document_back_dated_us": thresholds.document_back_dated_us,
                "burst_minimum": thresholds.burst_minimum,
                "burst_factor": thresholds.burst_factor,
                "burst_days": thresholds.burst_days,
                "silence_us": thresholds.silence_us,
                "silence_factor": thresholds.silence_factor,
            },
        })
    }
}
