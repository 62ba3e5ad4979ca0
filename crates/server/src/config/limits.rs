//! What one caller may take, so that it leaves something for the others.

use anyhow::bail;
use serde::Deserialize;

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// A request that makes no progress for so long is ended, and so is an export that is not taken.
    pub(crate) stalled_after_s: u64,
    /// A long call on which nothing happens for so long is ended.
    pub(crate) idle_after_s: u64,
    /// MiB of answers that are made and not taken, of all callers together.
    pub(crate) untaken_mib: u32,
    /// For each address from which nobody in particular calls.
    pub(crate) anybody: Limit,
    /// For each caller that was let in.
    pub(crate) known: Limit,
    /// For calls of `AuditService`, within those of their caller.
    pub(crate) audit: AuditLimit,
}

/// What calls of `AuditService` may take: each reads much, and is kept in the access log for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditLimit {
    /// Calls of one caller that begin in a second.
    pub(crate) calls_per_s: u32,
    /// Questions of one caller that are worked on at the same time; more wait.
    pub(crate) turns: u32,
    /// And of all callers.
    pub(crate) turns_of_all: u32,
}

impl Default for AuditLimit {
    fn default() -> Self {
        Self { calls_per_s: 50, turns: 4, turns_of_all: 16 }
    }
}

/// What one caller may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limit {
    /// Calls that begin in a second, and as many at once after a pause.
    pub(crate) calls_per_s: u32,
    /// MiB that are read in a second; beyond that, reading waits.
    pub(crate) mib_per_s: u32,
    /// MiB of requests that have begun to come and have not come to their end.
    pub(crate) unfinished_mib: u32,
    /// Calls at the same time.
    pub(crate) calls: u32,
    /// Calls of many messages among them.
    pub(crate) streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stalled_after_s: 30,
            idle_after_s: 600,
            untaken_mib: 1_024,
            anybody: Limit::default(),
            known: Limit::default(),
            audit: AuditLimit::default(),
        }
    }
}

/// Above what a machine of two cores does at its best (`tests/README.md`): 14,000 single submissions in a second, 256
/// under way, or some 150 MB in a second; and above 16 of the largest requests at a time. So no honest client meets them, and no broken one takes a larger
/// machine for itself.
impl Default for Limit {
    fn default() -> Self {
        Self {
            calls_per_s: 20_000,
            mib_per_s: 512,
            unfinished_mib: 128,
            calls: 1_024,
            streams: 256,
        }
    }
}

impl Limits {
    /// What no configuration may say.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if !(1..=3_600).contains(&self.stalled_after_s) {
            bail!("limits.stalled_after_s must be 1 to 3600, is {}", self.stalled_after_s);
        }
        if !(1..=86_400).contains(&self.idle_after_s) {
            bail!("limits.idle_after_s must be 1 to 86400, is {}", self.idle_after_s);
        }
        if !(64..=1_000_000).contains(&self.untaken_mib) {
            bail!("limits.untaken_mib must be 64 to 1000000, is {}", self.untaken_mib);
        }
        let AuditLimit { calls_per_s, turns, turns_of_all } = self.audit;
        for (name, value, most) in [
            ("calls_per_s", calls_per_s, 1_000_000),
            ("turns", turns, 1_000),
            ("turns_of_all", turns_of_all, 1_000),
        ] {
            if !(1..=most).contains(&value) {
                bail!("limits.audit.{name} must be 1 to {most}, is {value}");
            }
        }
        for (whose, limit) in [("anybody", self.anybody), ("known", self.known)] {
            let Limit { calls_per_s, mib_per_s, unfinished_mib, calls, streams } = limit;
            let named = [
                ("calls_per_s", calls_per_s),
                ("mib_per_s", mib_per_s),
                ("unfinished_mib", unfinished_mib),
                ("calls", calls),
                ("streams", streams),
            ];
            for (name, value) in named {
                if !(1..=1_000_000).contains(&value) {
                    bail!("limits.{whose}.{name} must be 1 to 1000000, is {value}");
                }
            }
        }
        Ok(())
    }
}
