//! How a worker stands, for people, metrics and other parts of the firm.

use std::mem::discriminant;

use alloy_primitives::Address;
use witness_core::time::Timestamp;

use super::Worker;
use crate::worker::{
    alarm::Alarm,
    halt::Halt,
    journal::Journal,
    machine::runway_days,
    record::{Block, Record, Stand},
    seen::Seen,
    spend::{DAY, MONTH},
};

/// What a worker is about, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not looked yet.
    Starting,
    /// It works.
    Working,
    /// It sends nothing, because of how the contract stands.
    Stopped,
    /// It sends nothing until an operator says otherwise.
    Halted,
}

impl Phase {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Working => "working",
            Self::Stopped => "stopped",
            Self::Halted => "halted",
        }
    }
}

/// How a worker stands. Money is in wei.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// In one word.
    pub phase: Phase,
    /// When it looked last.
    pub looked_at: Option<Timestamp>,
    /// The account that signs.
    pub account: Address,
    /// The newest anchor that is on the chain; not always final.
    pub newest_mined: Option<Stand>,
    /// The newest anchor that is evidenced.
    pub newest_evidenced: Option<Stand>,
    /// Entries on their way to evidence.
    pub waiting: usize,
    /// When the next anchor is due, if there is something for it; at once if there is no time here.
    pub next_at: Option<Timestamp>,
    /// What the last 24 hours cost, with what is reserved.
    pub spent_day: u128,
    /// What the last thirty days cost, with what is reserved.
    pub spent_month: u128,
    /// What the account has.
    pub balance: Option<u128>,
    /// For how many days that lasts.
    pub runway_days: Option<u64>,
    /// The newest block.
    pub latest: Option<Block>,
    /// The newest final block.
    pub last_final: Option<Block>,
    /// What an operator should know.
    pub alarms: Vec<Alarm>,
    /// Why nothing is sent any more.
    pub halted: Option<Halt>,
}

impl Status {
    pub(super) fn starting(record: &Record) -> Self {
        Self {
            phase: if record.halted.is_some() { Phase::Halted } else { Phase::Starting },
            looked_at: None,
            account: record.account,
            newest_mined: newest_mined(record),
            newest_evidenced: record.newest_evidenced,
            waiting: record.window.len(),
            next_at: record.cadence.next_at,
            spent_day: 0,
            spent_month: 0,
            balance: None,
            runway_days: None,
            latest: None,
            last_final: None,
            alarms: Vec::new(),
            halted: record.halted.clone(),
        }
    }
}

fn newest_mined(record: &Record) -> Option<Stand> {
    let placed = record.window.iter().rev().find_map(|entry| {
        let block = entry.place.as_ref()?.block;
        Some(Stand { rollup: entry.rollup, sequence: entry.sequence, block })
    });
    placed.or(record.newest_evidenced)
}

fn phase(record: &Record, alarms: &[Alarm]) -> Phase {
    let stops = |alarm: &Alarm| matches!(alarm, Alarm::NotCommitter { .. } | Alarm::Retired { .. });
    match &record.halted {
        Some(_) => Phase::Halted,
        None if alarms.iter().any(stops) => Phase::Stopped,
        None => Phase::Working,
    }
}

impl<J: Journal + 'static> Worker<J> {
    /// Shows how the worker stands now, and logs each alarm when it is first raised.
    pub(super) fn publish(&self, seen: Option<&Seen>, alarms: Vec<Alarm>) {
        let (record, now) = (&self.record, self.now());
        let latest = seen.and_then(|seen| seen.latest.as_ref());
        let last_final = seen.and_then(|seen| seen.last_final.as_ref());
        let runway = |seen| runway_days(record, seen, now, &self.setup.limits);
        let status = Status {
            phase: phase(record, &alarms),
            looked_at: Some(now),
            spent_day: record.spent(now, DAY, None),
            spent_month: record.spent(now, MONTH, None),
            balance: latest.map(|at| at.balance),
            runway_days: seen.and_then(runway),
            latest: latest.map(|at| at.block),
            last_final: last_final.map(|at| at.block),
            alarms,
            ..Status::starting(record)
        };
        let before = self.status.send_replace(status.clone());
        let is_new = |alarm: &&Alarm| {
            !before.alarms.iter().any(|old| discriminant(old) == discriminant(*alarm))
        };
        for alarm in status.alarms.iter().filter(is_new) {
            tracing::warn!(contract = %record.contract, "{alarm}");
        }
        if before.newest_evidenced != status.newest_evidenced
            && let Some(stand) = status.newest_evidenced
        {
            let (rollup, block) = (stand.rollup, stand.block.number);
            tracing::info!(contract = %record.contract, rollup, block, "an anchor is final");
        }
    }
}
