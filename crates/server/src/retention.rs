//! Retention: once an hour, what the term of its claim type has ended for is erased; and once a day, files are
//! rewritten that still hold what was erased since.
//!
//! What must hold: each step is bounded, and ingest goes on between two of them; and nothing is erased on a clock that
//! nothing else vouches for, since it cannot be undone.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::task;
use witness_core::time::Timestamp;
use witness_ledger::{Clock as _, Expired, Log};

use crate::{clock::SystemClock, firm::Firm};

/// How often it is looked what is due. Terms are days.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// Files are rewritten once in so many looks, and at the first one after a start.
const LOOKS_PER_REWRITING: u64 = 24;
/// How far the clock may lie ahead of what shows that time has passed.
const AHEAD_MAX_US: u64 = 24 * 3_600 * 1_000_000;

/// Erases what is due, until the task is ended.
pub(crate) async fn run(firm: Arc<Firm>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let chain_time = firm.anchoring.chain_time();
    let mut clock = SystemClock::new(false, chain_time.clone());
    // A reason is not said again each hour.
    let mut waiting = BTreeSet::new();
    for look in 0u64.. {
        ticks.tick().await;
        for log in firm.logs.iter().filter(|log| log.overview().why_no_writes().is_none()) {
            let origin = log.origin();
            let shown = chain_time.newest().unwrap_or(log.overview().received_at);
            match vouched(clock.now(), shown) {
                Ok(now) => {
                    waiting.remove(origin);
                    erase(log, now).await;
                }
                Err(why) if waiting.insert(origin.clone()) => {
                    tracing::warn!(%origin, why, "retention waits; witness erase does not");
                }
                Err(_) => {}
            }
            if look % LOOKS_PER_REWRITING == 0
                && let Err(error) = let_go(log).await
            {
                tracing::error!(%origin, "files still hold what was erased: {error:#}");
            }
        }
    }
}

/// The clock, if it has not jumped and something else shows about as much time: the newest finalized block where there
/// is a chain, the newest entry where there is none. A clock that is years ahead would end every term.
fn vouched(now: Result<Timestamp, String>, shown: Timestamp) -> Result<Timestamp, String> {
    let now = now?;
    if now.micros().saturating_sub(shown.micros()) <= AHEAD_MAX_US {
        return Ok(now);
    }
    Err("the clock is more than a day ahead of the newest finalized block, or without a chain of the newest entry: if \
         it is right, this ends with the next one"
        .to_owned())
}

/// Erases what is due in a log, and says so.
async fn erase(log: &Arc<Log>, now: Timestamp) {
    let origin = log.origin();
    match erase_expired(log, now).await {
        Ok(0) => tracing::debug!(%origin, "no event's retention has ended"),
        Ok(events) => tracing::info!(%origin, events, "erased: their retention has ended"),
        Err(error) => tracing::error!(%origin, "retention is behind: {error:#}"),
    }
}

/// Erases all that is due in a log, step by step: how many events.
async fn erase_expired(log: &Arc<Log>, now: Timestamp) -> anyhow::Result<u64> {
    let mut events = 0;
    while let Some(step) = beside(log, move |log| log.expired(now)).await?? {
        let Expired { erasable, .. } = &step;
        for erasable in erasable {
            // A legal hold that was placed meanwhile stops it; the next look finds the rest.
            events += log.erase(erasable.clone()).await?.events;
        }
        beside(log, move |log| log.reached(&step)).await?;
    }
    Ok(events)
}

/// Rewrites files that hold what was erased, if there are any.
async fn let_go(log: &Arc<Log>) -> anyhow::Result<()> {
    if !log.is_unsettled()? {
        return Ok(());
    }
    tracing::info!(origin = %log.origin(), "files are rewritten that hold what was erased");
    Ok(beside(log, Log::let_go).await??)
}

/// Does what takes long on a thread for that.
async fn beside<T: Send + 'static>(
    log: &Arc<Log>,
    work: impl FnOnce(&Log) -> T + Send + 'static,
) -> anyhow::Result<T> {
    let log = Arc::clone(log);
    task::spawn_blocking(move || work(&log)).await.context("it panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_erased_on_a_clock_that_nothing_vouches_for() {
        let at = Timestamp::from_micros;
        let shown = at(5_000);
        for now in [0, 5_000, 5_000 + AHEAD_MAX_US] {
            assert_eq!(vouched(Ok(at(now)), shown), Ok(at(now)));
        }
        assert!(vouched(Ok(at(5_001 + AHEAD_MAX_US)), shown).is_err());
        assert!(vouched(Err("it has jumped".to_owned()), shown).is_err());
    }
}
