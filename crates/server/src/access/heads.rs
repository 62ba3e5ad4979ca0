//! The head of the access log, logged in every log of the firm: once a day, if there is anything new. Without it the
//! access log would prove nothing against its own firm.
//!
//! What must hold: when the last one was is read from the logs themselves, so that a restart neither skips nor
//! repeats one; and no head is logged that contradicts the last one.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tokio::task;
use witness_core::{access_record::AccessRecord, hash::Hash, observation::Seen, time::Timestamp};
use witness_ledger::{FirmStore, Log};

use crate::{clock, firm::Firm};

/// How often it is asked whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Logs heads when they are due, until the task is ended.
pub(crate) async fn run(firm: Arc<Firm>, every_s: u64) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut said = None;
    loop {
        ticks.tick().await;
        let mut wrong = None;
        for log in &firm.logs {
            if let Err(error) = log_if_due(&firm.store, log, every_s).await {
                wrong = Some(format!("{}: {error:#}", log.origin()));
            }
        }
        // The same reason is not said again each second.
        if wrong != said
            && let Some(error) = &wrong
        {
            tracing::error!(error, "the head of the access log was not logged");
        }
        said = wrong;
    }
}

async fn log_if_due(store: &Arc<FirmStore>, log: &Arc<Log>, every_s: u64) -> anyhow::Result<()> {
    if log.overview().why_no_writes().is_some() {
        return Ok(());
    }
    let (store, read) = (Arc::clone(store), Arc::clone(log));
    let due = task::spawn_blocking(move || {
        let last = read.newest_access_head()?;
        due(&store, last, (clock::wall(), every_s))
    });
    let Some((records, head)) = due.await.context("it panicked")?? else { return Ok(()) };
    match log.observe(Seen::AccessLog { records, head }).await {
        Ok(logged) => {
            let (origin, index) = (log.origin(), logged.receipt.index.0);
            tracing::info!(%origin, index, records, "logged the head of the access log");
            Ok(())
        }
        Err(refusal) => bail!("{refusal}"),
    }
}

/// The head that is to be logged now: the access log has grown, and another interval has begun since the last head, or
/// since the first record if there is none yet. Intervals are counted from the epoch: those of a day are days in UTC.
fn due(
    store: &FirmStore,
    last: Option<(Timestamp, u64, Hash)>,
    (now, every_s): (Timestamp, u64),
) -> anyhow::Result<Option<(u64, Hash)>> {
    let (records, head) = store.access_head()?;
    if let Some((_, last_records, last_head)) = last {
        check_goes_on(store, (last_records, last_head))?;
        if records == last_records {
            return Ok(None);
        }
    }
    let since = match last {
        Some((at, ..)) => at,
        None => match store.access_records(0, 1)?.first() {
            Some((_, text)) => AccessRecord::parse(text)?.access.at,
            None => return Ok(None),
        },
    };
    let interval = |at: Timestamp| at.seconds() / every_s.max(1);
    Ok((interval(now) > interval(since)).then_some((records, head)))
}

/// The access log still holds what its last head was over.
fn check_goes_on(store: &FirmStore, (records, head): (u64, Hash)) -> anyhow::Result<()> {
    let Some(newest) = records.checked_sub(1) else { return Ok(()) };
    let found = store.access_records(newest, 1)?;
    if found.first().map(|(number, text)| (*number, Hash::of(text))) != Some((newest, head)) {
        bail!(
            "record {newest} of the access log is gone or is another one than when its head was logged: restore the \
             firm's own store from its newest copy"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use witness_core::{
        access_record::{Access, Filter, Printable, Role},
        key::{SignatureType, SigningKey},
    };

    use super::*;

    const DAY_S: u64 = 86_400;

    fn store() -> (tempfile::TempDir, FirmStore) {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[9; 32]);
        let store = FirmStore::open(folder.path(), key.unwrap().verifying_key()).unwrap();
        (folder, store)
    }

    fn ask(store: &FirmStore, at: Timestamp) -> (u64, Hash) {
        let token = |text| Printable::parse(text).unwrap();
        let access = Access {
            at,
            caller: token("operator"),
            role: Role::Operator,
            method: token("AdminService.GetRegistry"),
            results: None,
            filter: Filter::default(),
        };
        store.append_access(vec![access]).unwrap();
        store.access_head().unwrap()
    }

    fn at(day: u64, hour: u64) -> Timestamp {
        Timestamp::from_seconds(day * DAY_S + hour * 3600)
    }

    #[test]
    fn a_head_is_due_on_each_day_with_something_new_and_on_no_other() {
        let (_folder, store) = store();
        let due = |last, now| due(&store, last, (now, DAY_S)).unwrap();
        assert_eq!(due(None, at(9, 0)), None, "nothing was asked yet");
        let (records, head) = ask(&store, at(10, 23));
        assert_eq!(due(None, at(10, 23)), None, "the first day is not over");
        assert_eq!(due(None, at(11, 0)), Some((records, head)));
        let last = Some((at(11, 0), records, head));
        assert_eq!(due(last, at(12, 5)), None, "nothing is new");
        let (records, head) = ask(&store, at(12, 6));
        assert_eq!(due(last, at(11, 23)), None, "there was one on this day");
        assert_eq!(due(last, at(12, 6)), Some((records, head)), "the first after some days");
    }

    #[test]
    fn no_head_is_logged_that_contradicts_the_last_one() {
        let (_folder, store) = store();
        let (records, head) = ask(&store, at(1, 0));
        ask(&store, at(1, 1));
        let due = |last| due(&store, Some(last), (at(9, 0), DAY_S));
        assert!(due((at(1, 0), records, head)).unwrap().is_some());
        assert!(due((at(1, 0), records, Hash::ZERO)).is_err(), "another one");
        assert!(due((at(1, 0), 3, head)).is_err(), "cut off");
    }
}
