//! Roll-ups: made from the newest published checkpoints of all logs, each interval, whether or not there is a
//! chain to take them.
//!
//! What must hold: no log goes back from one roll-up to the next, and a roll-up is durable before anybody
//! hears of it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tokio::task;
use witness_core::{
    checkpoint::Checkpoint,
    firm::Role,
    hash::Hash,
    key::SigningKey,
    name::{Domain, Origin},
    note::{Note, Strict},
    rollup::{Contract, RollUp, RollUpTree},
    time::Timestamp,
};
use witness_ledger::{FirmStore, Log, RollUpCell};

use crate::{clock, firm::Firm};

/// How often it is asked whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// One is made even if nothing is new: being there is evidence too.
const DAY_S: u64 = 86_400;

/// Makes roll-ups for a firm.
#[derive(Debug)]
pub(crate) struct RollUps {
    pub(crate) key: SigningKey,
    pub(crate) every_s: u64,
    pub(crate) contracts: Vec<Contract>,
}

impl RollUps {
    /// Makes the next roll-up, if one is due: its sequence.
    fn make_if_due(&self, firm: &Firm, now: Timestamp) -> anyhow::Result<Option<u64>> {
        let checkpoints = newest_checkpoints(&firm.logs);
        let before = firm.store.newest_rollup()?;
        if checkpoints.is_empty() || !self.is_due(before.as_ref(), &checkpoints, now) {
            return Ok(None);
        }
        check_growth(&firm.store, &checkpoints)?;
        let cell = self.make(firm, before.map(|(_, before)| before), checkpoints, now)?;
        let sequence = cell.text().context("the roll-up does not read back")?.sequence;
        firm.store.append_rollup(&cell)?;
        Ok(Some(sequence))
    }

    /// Something is new since the last one, and the interval is over; or a day is.
    fn is_due(
        &self,
        before: Option<&(u64, RollUpCell)>,
        checkpoints: &[String],
        now: Timestamp,
    ) -> bool {
        let Some((_, before)) = before else { return true };
        let named: Option<BTreeSet<Contract>> =
            before.text().map(|text| text.contracts.into_iter().collect());
        // An anchor counts only on a contract that its roll-up names.
        let goes_elsewhere = named != Some(self.contracts.iter().copied().collect());
        // A clock that ran ahead when the last one was made must not hold up the next one.
        let Some(age_s) = now.seconds().checked_sub(before.made_at.seconds()) else { return true };
        let is_new = before.checkpoints != checkpoints;
        goes_elsewhere || age_s >= if is_new { self.every_s } else { DAY_S.max(self.every_s) }
    }

    fn make(
        &self,
        firm: &Firm,
        before: Option<RollUpCell>,
        checkpoints: Vec<String>,
        now: Timestamp,
    ) -> anyhow::Result<RollUpCell> {
        let tree = RollUpTree::new(checkpoints.iter().map(String::as_str))?;
        let before = before.map(|cell| cell.text().context("the last roll-up does not read back"));
        let before = before.transpose()?;
        let text = RollUp {
            firm: Domain::parse(firm.root.name()).context("the root key bears no domain")?,
            sequence: before.as_ref().map_or(0, |before| before.sequence + 1),
            logs: tree.logs(),
            root: tree.root(),
            previous: before.map_or(Hash::ZERO, |before| before.value()),
            contracts: self.contracts.clone(),
        };
        let (sequence, text) = (text.sequence, text.encode());
        let signature = self.key.sign(&text, now);
        let note = Note::new(text, vec![signature]);
        check_signature(firm, &note, sequence)?;
        Ok(RollUpCell { made_at: now, note: note.to_string(), checkpoints })
    }
}

/// The signature counts, by the firm's own notes.
fn check_signature(firm: &Firm, note: &Note, sequence: u64) -> anyhow::Result<()> {
    // A log that is an older copy may lack the newest firm note.
    let keys = firm.logs.iter().map(|log| Arc::clone(&log.overview().firm));
    let keys = keys.max_by_key(|keys| keys.next_sequence()).context("there is no log")?;
    match keys.verify(note, (Role::RollUp, firm.root.name(), sequence), &Strict) {
        Ok(_) => Ok(()),
        Err(error) => bail!(
            "the firm's notes name no such roll-up key for number {sequence}: {error}; see roll-up.skey in the key \
             folder"
        ),
    }
}

/// The texts of the newest published checkpoints, in the order of the origins' bytes. A log that takes no
/// writes is left out: what it shows may be old.
fn newest_checkpoints(logs: &[Arc<Log>]) -> Vec<String> {
    let mut texts: Vec<(String, String)> = logs
        .iter()
        .map(|log| (log, log.overview()))
        .filter(|(_, overview)| overview.read_only.is_none())
        .filter_map(|(log, overview)| {
            let note = Note::parse(overview.published.as_ref()?.note.as_bytes()).ok()?;
            Some((log.origin().to_string(), note.text().to_owned()))
        })
        .collect();
    texts.sort_unstable();
    texts.into_iter().map(|(_, text)| text).collect()
}

/// No log that was rolled up before may be smaller now, or another at the same size.
fn check_growth(store: &FirmStore, now: &[String]) -> anyhow::Result<()> {
    for new in now.iter().filter_map(|text| Checkpoint::parse(text).ok()) {
        let origin = Origin::parse(&new.origin).context("a log's origin")?;
        let Some((sequence, old)) = store.newest_rolled_up(&origin)? else { continue };
        if new.size < old.size || (new.size == old.size && new.root != old.root) {
            bail!(
                "the log {origin} stands behind roll-up {sequence}, at size {}: no roll-up is made; restore the newest copy \
                 of its data",
                old.size
            );
        }
    }
    Ok(())
}

/// Makes roll-ups when they are due, until the task is ended.
pub(crate) async fn run(firm: Arc<Firm>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut said = None;
    loop {
        ticks.tick().await;
        let firm = Arc::clone(&firm);
        let made = task::spawn_blocking(move || firm.rollups.make_if_due(&firm, clock::wall()));
        match made.await {
            Ok(Ok(Some(sequence))) => tracing::info!(sequence, "rolled up"),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                let error = format!("{error:#}");
                // The same reason is not said again each second.
                if said.as_ref() != Some(&error) {
                    tracing::error!(error, "no roll-up was made");
                    said = Some(error);
                }
            }
            Err(_panicked) => tracing::error!("no roll-up was made: it panicked"),
        }
    }
}
