//! How the worker of a contract stands, as the firm says in one line of `/anchors`.

use std::str::FromStr;

use anyhow::Result;
use serde_json::{Value, json};
use witness_core::{rollup::Contract, time::Timestamp};

use crate::{
    chain,
    output::{Output, count_of},
};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// Seconds since the epoch, for people.
pub(super) fn time(seconds: u64) -> String {
    Timestamp::from_micros(seconds.saturating_mul(MICROS_PER_SECOND)).to_string()
}

/// How the worker of one contract stands, as the firm says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// The contract.
    pub(super) contract: Contract,
    state: String,
    /// Number of the newest entry that is final.
    pub(super) last_sequence: Option<u64>,
    last_time: Option<u64>,
    spent_today_wei: Option<u128>,
    balance_wei: Option<u128>,
    runway_days: Option<u64>,
    next_attempt: Option<u64>,
    /// What an operator should know.
    pub(super) reason: String,
}

const HALTED: &str = "halted";
const STATES: [&str; 3] = ["anchored", HALTED, "waiting"];

impl Standing {
    /// Reads a line of `/anchors`: contract, state, last sequence, time of its block, spent today, balance, days of
    /// runway, time of the next attempt, and why; a hyphen for what is not there.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(9, ' ');
        Some(Self {
            contract: Contract::parse_caip10(words.next()?)?,
            state: words.next().filter(|state| STATES.contains(state))?.to_owned(),
            last_sequence: number(words.next()?).ok()?,
            last_time: number(words.next()?).ok()?,
            spent_today_wei: number(words.next()?).ok()?,
            balance_wei: number(words.next()?).ok()?,
            runway_days: number(words.next()?).ok()?,
            next_attempt: number(words.next()?).ok()?,
            reason: printable(words.next().unwrap_or_default()),
        })
    }

    /// Whether it waits for its operator.
    pub(super) fn is_halted(&self) -> bool {
        self.state == HALTED
    }

    /// For programs; amounts are texts, since they are longer than JSON's numbers.
    pub(super) fn json(&self) -> Value {
        json!({
            "state": self.state,
            "last_sequence": self.last_sequence,
            "last_time": self.last_time.map(time),
            "spent_today_wei": self.spent_today_wei.map(|wei| wei.to_string()),
            "balance_wei": self.balance_wei.map(|wei| wei.to_string()),
            "runway_days": self.runway_days,
            "next_attempt": self.next_attempt.map(time),
            "reason": self.reason,
        })
    }

    /// Shows it.
    pub(super) fn show(&self, output: &mut Output) -> Result<()> {
        let state = match self.reason.as_str() {
            "" => self.state.clone(),
            reason => format!("{}: {reason}", self.state),
        };
        output.field("worker", &state)?;
        let newest = self.last_sequence.map(|sequence| {
            let at = self.last_time.map(|at| format!(", {}", time(at))).unwrap_or_default();
            format!("entry {sequence}{at}")
        });
        let coins = |wei: Option<u128>| wei.map(|wei| format!("{} coins", chain::coins(wei)));
        let fields = [
            ("anchored", newest),
            ("next", self.next_attempt.map(time)),
            ("spent today", coins(self.spent_today_wei)),
            ("balance", coins(self.balance_wei)),
            ("runway", self.runway_days.map(|days| count_of(days, "day"))),
        ];
        for (label, value) in fields {
            if let Some(value) = value {
                output.field(label, &value)?;
            }
        }
        Ok(())
    }
}

fn printable(words: &str) -> String {
    words.chars().filter(|letter| !letter.is_control()).collect()
}

/// A number, or a hyphen where there is none.
fn number<T: FromStr>(word: &str) -> Result<Option<T>, T::Err> {
    if word == "-" { Ok(None) } else { word.parse().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(rest: &str) -> String {
        format!("eip155:8453:0x{} {rest}", "ab".repeat(20))
    }

    #[test]
    fn a_line_of_the_firm_is_read() {
        let standing =
            Standing::parse(&line("anchored 17 1700000000 5 6 7 1700000600 all is well")).unwrap();
        assert_eq!((standing.contract.chain, standing.last_sequence), (8453, Some(17)));
        assert_eq!((standing.runway_days, standing.next_attempt), (Some(7), Some(1_700_000_600)));
        assert_eq!(standing.reason, "all is well");
        let rich = Standing::parse(&line(&format!("waiting - - - {} - -", u128::MAX))).unwrap();
        assert_eq!(rich.json()["balance_wei"], u128::MAX.to_string());
        let said = standing.json();
        assert_eq!((&said["last_sequence"], &said["runway_days"]), (&17.into(), &7.into()));
        assert_eq!(
            (&said["spent_today_wei"], &said["last_time"]),
            (&"5".into(), &"2023-11-14T22:13:20Z".into())
        );
        let waiting = Standing::parse(&line("waiting - - - - - -")).unwrap();
        assert_eq!((waiting.last_sequence, waiting.reason.as_str()), (None, ""));
        for wrong in ["lost - - - - - -", "waiting - - - - -", "waiting x - - - - -", ""] {
            assert_eq!(Standing::parse(&line(wrong)), None, "{wrong}");
        }
    }
}
