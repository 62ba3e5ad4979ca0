//! What a look has found, told to people and to programs.

use anyhow::Result;
use serde_json::{Value, json};
use witness_core::time::Timestamp;

use super::{
    anchors::{Anchored, Stop},
    follow::Verified,
    listing::Listed,
    rollups::RollUps,
};
use crate::{
    outcome::Outcome,
    output::{Output, count_of},
};

/// What a look has found: all that was checked holds.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// The newest checkpoint.
    pub(super) last: &'a Verified,
    /// Number of checkpoints that are new.
    pub(super) taken: u64,
    /// How many entries were read and checked, and how many of them are of kinds that are not known here.
    pub(super) read: Option<(u64, u64)>,
    /// The roll-ups.
    pub(super) rollups: &'a RollUps<'a>,
    /// Their anchors, on each contract that the policy names.
    pub(super) anchors: &'a [Anchored],
}

/// Who outside the firm knows the block of an anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    Rpc,
    Policy,
    Not,
}

impl Told<'_> {
    /// Tells it.
    pub(super) fn tell(&self, output: &mut Output) -> Result<()> {
        let (size, root) = (self.last.checkpoint.size.0, self.last.checkpoint.root.to_base64());
        output.conclude(Outcome::Done);
        output.good(&format!(
            "{}: size {size}, consistent over {}",
            self.last.checkpoint.origin,
            count_of(self.taken, "new checkpoint")
        ))?;
        output.field("published", &self.last.published_at.to_string())?;
        output.field("root", &root)?;
        if let Some((entries, unknown)) = self.read {
            output.field(
                "entries",
                &format!("{entries} read and checked, {unknown} of kinds not known here"),
            )?;
        }
        output.field("rolled up", &rolled_up(self.rollups))?;
        if self.anchors.is_empty() {
            output.field("anchored", "not looked at: the policy names no contract")?;
        }
        for anchored in self.anchors {
            output.field("anchored", &anchored.text())?;
        }
        output.json(&json!({
            "outcome": "consistent",
            "origin": self.last.checkpoint.origin,
            "size": size,
            "root": root,
            "published_at": self.last.published_at.to_string(),
            "new_checkpoints": self.taken,
            "entries_checked": self.read.map(|(entries, _)| entries),
            "entries_of_unknown_kind": self.read.map(|(_, unknown)| unknown),
            "rollups": rollups_json(self.rollups),
            "anchors": self.anchors.iter().map(Anchored::json).collect::<Vec<_>>(),
        }))?;
        Ok(())
    }

    /// Warns if the log's clock and this machine's lie further apart than the policy allows.
    pub(super) fn warn_of_time(
        &self,
        now: Timestamp,
        tolerance_s: u64,
        output: &mut Output,
    ) -> Result<()> {
        let ahead = self.last.published_at.seconds().saturating_sub(now.seconds());
        if ahead > tolerance_s {
            output.warn(&format!(
                "the log's time is {ahead} s ahead of this machine's: one of the two clocks is wrong"
            ))?;
        }
        Ok(())
    }
}

fn rolled_up(rollups: &RollUps<'_>) -> String {
    let Some(newest) = rollups.newest() else { return "nothing yet".to_owned() };
    let covered = match rollups.covering() {
        Some((sequence, size)) if sequence == newest.sequence => format!("covers size {size}"),
        Some((sequence, size)) => {
            format!("without this log, which roll-up {sequence} covers to size {size}")
        }
        None => "without this log".to_owned(),
    };
    format!("number {}, {covered}", newest.sequence)
}

fn rollups_json(rollups: &RollUps<'_>) -> Value {
    rollups.newest().map_or(Value::Null, |newest| {
        json!({
            "sequence": newest.sequence,
            "shown": rollups.shown(),
            "size": rollups.covering().map(|(_, size)| size.0),
            "value": newest.value().to_hex(),
        })
    })
}

impl Anchored {
    fn checked(&self, newest: &Listed) -> Checked {
        let is_newest = |seen: Option<Listed>| seen.as_ref() == Some(newest);
        if is_newest(self.state.on_chain) {
            Checked::Rpc
        } else if is_newest(self.state.in_policy) {
            Checked::Policy
        } else {
            Checked::Not
        }
    }

    fn text(&self) -> String {
        let contract = self.contract;
        let unshown = match self.unshown {
            Some(more) if more > 0 => format!("; the chain holds {more} more, not shown yet"),
            Some(_) | None => String::new(),
        };
        let stopped = match self.stopped {
            Some(Stop::NotFinal) => "; the next is not final yet",
            Some(Stop::Behind) => "; more are shown",
            None => "",
        };
        let Some(newest) = &self.state.newest else {
            return format!("{contract}: nothing yet{unshown}{stopped}");
        };
        let (sequence, time) = (newest.sequence, Timestamp::from_seconds(newest.time));
        let checked = match self.checked(newest) {
            Checked::Rpc => "which the nodes asked call final".to_owned(),
            Checked::Policy => "which the policy names".to_owned(),
            Checked::Not => {
                let nobody = "nobody outside the firm was asked about it";
                let older = |seen: Option<Listed>, who: &str| {
                    seen.map(|seen| format!(", but about number {}: {who}", seen.sequence))
                };
                let nodes = older(self.state.on_chain, "nodes called its block final");
                let policy = || older(self.state.in_policy, "the policy names its block");
                format!("{nobody}{}", nodes.or_else(policy).unwrap_or_default())
            }
        };
        let block = newest.block;
        format!(
            "{contract}: number {sequence}, in block {block} of {time}, {checked}{unshown}{stopped}"
        )
    }

    fn json(&self) -> Value {
        let newest = self.state.newest.as_ref();
        let number = |listed: Option<Listed>| listed.map(|listed| listed.sequence);
        let checked = newest.map_or(Checked::Not, |newest| self.checked(newest));
        json!({
            "contract": self.contract.to_string(),
            "sequence": newest.map(|newest| newest.sequence),
            "rollup": newest.map(|newest| newest.rollup),
            "block": newest.map(|newest| newest.block),
            "block_hash": newest.map(|newest| newest.hash.to_string()),
            "block_time": newest.map(|newest| Timestamp::from_seconds(newest.time).to_string()),
            "checked": match checked {
                Checked::Rpc => "rpc",
                Checked::Policy => "policy",
                Checked::Not => "none",
            },
            "on_chain": number(self.state.on_chain),
            "in_policy": number(self.state.in_policy),
            "not_shown_yet": self.unshown,
        })
    }
}

#[cfg(test)]
mod tests {
    use witness_core::{evm::Word, rollup::Contract};

    use super::{super::state::AnchorsState, *};

    #[test]
    fn it_is_told_who_outside_the_firm_knows_the_block() {
        let listed = |sequence| Listed {
            sequence,
            time: 1_772_356_600,
            rollup: 9,
            block: 99,
            hash: Word([1; 32]),
        };
        let (older, newest) = (Some(listed(3)), Some(listed(7)));
        let contract = Contract { chain: 1, address: [0xab; 20] };
        let told = |on_chain, in_policy, unshown| {
            let state = AnchorsState { newest, on_chain, in_policy, ..AnchorsState::default() };
            let anchored = Anchored { contract, state, unshown, stopped: None };
            (anchored.text(), anchored.json()["checked"].as_str().unwrap().to_owned())
        };
        let cases = [
            (told(newest, None, Some(0)), "which the nodes asked call final", "rpc"),
            (told(newest, None, Some(2)), "final; the chain holds 2 more, not shown yet", "rpc"),
            (told(older, newest, None), "which the policy names", "policy"),
            (told(None, None, None), "nobody outside the firm was asked about it", "none"),
            (told(older, None, None), "about number 3: nodes called its block final", "none"),
            (told(None, older, None), "about number 3: the policy names its block", "none"),
        ];
        for ((text, checked), words, word) in cases {
            let begins = format!("{contract}: number 7, in block 99 of 2026-03-01T09:16:40Z, ");
            assert!(text.starts_with(&begins) && text.ends_with(words), "{text}");
            assert_eq!(checked, word, "{text}");
        }
        let state = AnchorsState::default();
        let none = Anchored { contract, state, unshown: Some(1), stopped: Some(Stop::NotFinal) };
        assert!(none.text().contains("nothing yet; the chain holds 1 more"), "{}", none.text());
    }
}
