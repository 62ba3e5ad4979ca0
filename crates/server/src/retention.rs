//! Retention: once an hour, what the term of its claim type has ended for is erased; and once a day, files are
//! rewritten that still hold what was erased since.
//!
//! What must hold: each step is bounded, and ingest goes on between two of them.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::task;
use witness_core::time::Timestamp;
use witness_ledger::{Expired, Log};

use crate::{clock, firm::Firm};

/// How often it is looked what is due. Terms are days.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// Files are rewritten once in so many looks, and at the first one after a start.
const LOOKS_PER_REWRITING: u64 = 24;

/// Erases what is due, until the task is ended.
pub(crate) async fn run(firm: Arc<Firm>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for look in 0u64.. {
        ticks.tick().await;
        for log in firm.logs.iter().filter(|log| log.overview().why_no_writes().is_none()) {
            let origin = log.origin();
            match erase_expired(log, clock::wall()).await {
                Ok(0) => tracing::debug!(%origin, "no event's retention has ended"),
                Ok(events) => tracing::info!(%origin, events, "erased: their retention has ended"),
                Err(error) => tracing::error!(%origin, "retention is behind: {error:#}"),
            }
            if look % LOOKS_PER_REWRITING == 0
                && let Err(error) = let_go(log).await
            {
                tracing::error!(%origin, "files still hold what was erased: {error:#}");
            }
        }
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
