//! Findings in words, for programs and for people.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::{Found, Resurrection, Within};
use crate::{
    audit::Fault,
    time::{Timestamp, rfc3339},
};

/// Something that was judged by. It serializes as what it is: a number, or a text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Input {
    /// A count, an index, or a time.
    Unsigned(u64),
    /// A time or a span, by an issuer's word.
    Signed(i64),
    /// A word or a name.
    Word(String),
}

impl Input {
    fn word(word: &(impl ToString + ?Sized)) -> Self {
        Self::Word(word.to_string())
    }
}

impl From<&u64> for Input {
    fn from(number: &u64) -> Self {
        Self::Unsigned(*number)
    }
}

impl From<&i64> for Input {
    fn from(number: &i64) -> Self {
        Self::Signed(*number)
    }
}

impl From<&Timestamp> for Input {
    fn from(time: &Timestamp) -> Self {
        Self::Unsigned(time.micros())
    }
}

impl Found {
    /// The numbers that it was judged by, each under its name; times in microseconds since the epoch.
    #[must_use]
    pub fn inputs(&self) -> Vec<(&'static str, Input)> {
        match self {
            Self::Fault(Fault::Gap { expected }) => vec![("expected_sequence", expected.into())],
            Self::Fault(Fault::KeyRevoked { key }) => vec![("key", Input::word(key))],
            Self::Fault(Fault::ErasureHeld { hold, .. }) => vec![("hold", Input::word(hold))],
            Self::Broken { .. } | Self::NotErased | Self::Fault(_) => Vec::new(),
            Self::LateReport { occurred_at, received_at, after_us } => vec![
                ("occurred_at_us", occurred_at.into()),
                ("received_at_us", received_at.into()),
                ("late_after_us", after_us.into()),
            ],
            Self::BackDated { occurred_at, before, tolerance_us, within } => vec![
                ("occurred_at_us", occurred_at.into()),
                ("event_before_occurred_at_us", before.into()),
                ("tolerance_us", tolerance_us.into()),
                ("before", Input::word(within.word())),
            ],
            Self::FutureOccurrence { occurred_at, received_at, tolerance_us } => vec![
                ("occurred_at_us", occurred_at.into()),
                ("received_at_us", received_at.into()),
                ("tolerance_us", tolerance_us.into()),
            ],
            Self::Burst { day, count, sum, days, minimum, factor } => vec![
                ("day", Input::word(&day_word(*day))),
                ("count", count.into()),
                ("days_before", days.into()),
                ("count_before", sum.into()),
                ("minimum", minimum.into()),
                ("factor", factor.into()),
            ],
            Self::SuspectKey { key, as_of, received_at } => vec![
                ("key", Input::word(key)),
                ("revoked_as_of_us", as_of.into()),
                ("received_at_us", received_at.into()),
            ],
            Self::Resurrected { how } => vec![("how", Input::word(how.word()))],
            Self::Conflict { first_sequence, events, against } => {
                let against = against.map(|index| ("against_index", Input::from(&index.0)));
                let own = [("first_sequence", first_sequence.into()), ("events", events.into())];
                own.into_iter().chain(against).collect()
            }
            Self::Silence { from, until, limit_us, mean_us } => vec![
                ("from_us", from.into()),
                ("until_us", until.into()),
                ("limit_us", limit_us.into()),
                ("mean_gap_us", mean_us.into()),
            ],
            Self::NeverIssued { change } => vec![("change", Input::word(change.word()))],
            Self::UnexpectedChange { change, anomaly } => vec![
                ("change", Input::word(change.word())),
                ("anomaly", Input::word(anomaly.word())),
            ],
            Self::StrangeFile { path } => vec![("path", Input::word(&path.escape_debug()))],
        }
    }

    /// What was found, as a sentence that ends without full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Broken { why, .. } => why.clone(),
            Self::Fault(fault) => format!("the log holds an entry that is not good: {fault}"),
            Self::LateReport { occurred_at, received_at, after_us } => format!(
                "it occurred at {} and was received {} later; more than {} is late",
                rfc3339(*occurred_at),
                span(received_at.saturating_sub(*occurred_at)),
                span(*after_us)
            ),
            Self::BackDated { occurred_at, before, tolerance_us, within } => format!(
                "it is said to have occurred at {}, {} before the event before it {} ({} is \
                 tolerated)",
                rfc3339(*occurred_at),
                span(before.saturating_sub(*occurred_at)),
                within.words(),
                span(*tolerance_us)
            ),
            Self::FutureOccurrence { occurred_at, received_at, tolerance_us } => format!(
                "it is said to have occurred at {}, {} after it was received ({} is tolerated)",
                rfc3339(*occurred_at),
                span(occurred_at.saturating_sub(*received_at)),
                span(*tolerance_us)
            ),
            Self::Burst { day, count, sum, days, minimum, factor } => format!(
                "{count} revocations and deletions were received on {}; the {days} days with events \
                 before it have {sum} in all (a burst is {minimum} at least, and {factor} times as \
                 many as on an average day)",
                day_word(*day)
            ),
            Self::SuspectKey { key, as_of, received_at } => format!(
                "it was received at {received_at} under key {key}, which was revoked later as of \
                 {as_of}"
            ),
            Self::Resurrected { how } => how.sentence().to_string(),
            Self::Conflict { first_sequence, events, against: Some(index) } => format!(
                "the issuer signed another root for the {events} events from sequence \
                 {first_sequence} on than in entry {index}: the two notes convict it"
            ),
            Self::Conflict { first_sequence, events, against: None } => format!(
                "the firm logged as a conflict that the issuer signed other {events} events from \
                 sequence {first_sequence} on, which reach into what is logged; whether events differ \
                 the notes do not show"
            ),
            Self::Silence { from, until, limit_us, mean_us } => format!(
                "nothing came from {from} to {until}, for {}; more than {} is silence (the gaps before \
                 were {} on average)",
                unsigned_span(until.micros().saturating_sub(from.micros())),
                unsigned_span(*limit_us),
                unsigned_span(*mean_us)
            ),
            Self::NeverIssued { change } => {
                format!("the event ({}) is about a document that was never issued", change.word())
            }
            Self::UnexpectedChange { change, anomaly } => format!(
                "the event ({}) does not go with how its document stood: {}",
                change.word(),
                anomaly.word()
            ),
            Self::NotErased => {
                "an erasure in the log names it, and its body is in the bundle all the same".into()
            }
            Self::StrangeFile { path } => {
                let path = path.escape_debug();
                format!("{path} is no file of the bundle, and was not looked at")
            }
        }
    }
}

impl Within {
    const fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Document => "document",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Stream => "in its stream",
            Self::Document => "of its document",
        }
    }
}

impl Resurrection {
    const fn word(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::IssuedAgain => "issued-again",
            Self::Affirmed => "affirmed",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Restored => "a document that had been deleted is restored",
            Self::IssuedAgain => "a document that had been deleted is issued again",
            Self::Affirmed => "a document that had been revoked is affirmed again",
        }
    }
}

fn day_word(day: u64) -> String {
    let micros = day.saturating_mul(24 * 3600 * 1_000_000);
    let time = rfc3339(i64::try_from(micros).unwrap_or(i64::MAX));
    time.split('T').next().unwrap_or_default().to_string()
}

fn span(micros: i64) -> String {
    unsigned_span(micros.unsigned_abs())
}

/// A span of time in its two largest units.
fn unsigned_span(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0 => format!("{micros} µs"),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_in_the_name_of_a_file_is_escaped() {
        let path = "a\u{1b}[2J\u{9b}1m\n\u{202e}ö".to_string();
        let found = Found::StrangeFile { path };
        let escaped = "a\\u{1b}[2J\\u{9b}1m\\n\\u{202e}ö";
        assert!(found.sentence().starts_with(escaped), "{}", found.sentence());
        assert_eq!(found.inputs(), [("path", Input::word(escaped))]);
    }
}
