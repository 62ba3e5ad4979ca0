//! Findings in words, for programs and for people.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Found, Resurrection, Within};
use crate::{audit::Fault, time::rfc3339};

impl Found {
    /// The numbers that it was judged by, each under its name; times in microseconds since the epoch.
    #[must_use]
    pub fn inputs(&self) -> Vec<(&'static str, String)> {
        let pairs: &[(&'static str, &dyn ToString)] = match self {
            Self::Fault(Fault::Gap { expected }) => &[("expected_sequence", expected)],
            Self::Fault(Fault::KeyRevoked { key }) => &[("key", key)],
            Self::Fault(Fault::ErasureHeld { hold, .. }) => &[("hold", hold)],
            Self::Broken { .. } | Self::NotErased | Self::Fault(_) => &[],
            Self::LateReport { occurred_at, received_at, after_us } => &[
                ("occurred_at_us", occurred_at),
                ("received_at_us", received_at),
                ("late_after_us", after_us),
            ],
            Self::BackDated { occurred_at, before, tolerance_us, within } => &[
                ("occurred_at_us", occurred_at),
                ("event_before_occurred_at_us", before),
                ("tolerance_us", tolerance_us),
                ("before", &within.word()),
            ],
            Self::FutureOccurrence { occurred_at, received_at, tolerance_us } => &[
                ("occurred_at_us", occurred_at),
                ("received_at_us", received_at),
                ("tolerance_us", tolerance_us),
            ],
            Self::Burst { day, count, sum, days, minimum, factor } => &[
                ("day", &day_word(*day)),
                ("count", count),
                ("days_before", days),
                ("count_before", sum),
                ("minimum", minimum),
                ("factor", factor),
            ],
            Self::SuspectKey { key, as_of, received_at } => &[
                ("key", key),
                ("revoked_as_of_us", &as_of.micros()),
                ("received_at_us", &received_at.micros()),
            ],
            Self::Resurrected { how } => &[("how", &how.word())],
            Self::Conflict { first_sequence, events, against: None } => {
                &[("first_sequence", first_sequence), ("events", events)]
            }
            Self::Conflict { first_sequence, events, against: Some(index) } => {
                &[("first_sequence", first_sequence), ("events", events), ("against_index", index)]
            }
            Self::Silence { from, until, limit_us, mean_us } => &[
                ("from_us", &from.micros()),
                ("until_us", &until.micros()),
                ("limit_us", limit_us),
                ("mean_gap_us", mean_us),
            ],
            Self::NeverIssued { change } => &[("change", &change.word())],
            Self::UnexpectedChange { change, anomaly } => {
                &[("change", &change.word()), ("anomaly", &anomaly.word())]
            }
            Self::StrangeFile { path } => &[("path", &path.escape_debug())],
        };
        pairs.iter().map(|(name, value)| (*name, value.to_string())).collect()
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
        assert_eq!(found.inputs(), [("path", escaped.to_string())]);
    }
}
