//! Observations as texts, `witness-observation/v1`: what the firm saw, and says so in a log under its own time.

use alloc::{format, string::String};

use crate::{
    hash::Hash,
    name::{Domain, Origin},
    text::{Lines, Malformed, decimal, is_word, words},
};

const FORMAT: &str = "witness-observation/v1";
const TEXT_BYTES_MAX: usize = 1024;
const EXPECTED: &str = "access-log <records> <hash of the newest>, or domain <issuer> <https|dns> <hash of the challenge>";

/// Where a challenge was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// At `https://<domain>/.well-known/witness-ledger`.
    Https,
    /// In the TXT record of `_witness.<domain>`.
    Dns,
}

impl Method {
    /// The word in texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Dns => "dns",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Https, Self::Dns].into_iter().find(|method| method.word() == word)
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// `access-log <records> <hash>`: how long the firm's access log is, and the hash of its newest record.
    AccessLog {
        /// Number of records.
        records: u64,
        /// SHA-256 of the newest; zero if there is none.
        head: Hash,
    },
    /// `domain <issuer> <method> <hash>`: whoever controls the domain published our challenge.
    Domain {
        /// The domain.
        issuer: Domain,
        /// Where it was found.
        method: Method,
        /// SHA-256 of the challenge.
        challenge: Hash,
    },
}

/// An observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The log that it is bound to.
    pub origin: Origin,
    /// What was seen.
    pub seen: Seen,
}

impl Observation {
    /// Parses the text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, text.as_bytes(), TEXT_BYTES_MAX)?;
        let origin = lines.parse("the origin of a log, <firm>/<log>", Origin::parse)?;
        let line = lines.parse(EXPECTED, Some)?;
        let word = line.split_once(' ').map_or(line, |(word, _)| word);
        if is_word(word) && !["access-log", "domain"].contains(&word) {
            return Err(lines.refuse_word(EXPECTED));
        }
        let seen = Seen::parse(line).ok_or_else(|| lines.refuse(EXPECTED))?;
        lines.end()?;
        Ok(Self { origin, seen })
    }

    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{FORMAT}\n{}\n{}\n", self.origin, self.seen.encode())
    }
}

impl Seen {
    fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ')? {
            ("access-log", rest) => {
                let [records, head] = words(rest)?;
                Some(Self::AccessLog { records: decimal(records)?, head: Hash::from_base64(head)? })
            }
            ("domain", rest) => {
                let [issuer, method, challenge] = words(rest)?;
                let (issuer, method) = (Domain::parse(issuer)?, Method::parse(method)?);
                Some(Self::Domain { issuer, method, challenge: Hash::from_base64(challenge)? })
            }
            _ => None,
        }
    }

    fn encode(&self) -> String {
        match self {
            Self::AccessLog { records, head } => {
                format!("access-log {records} {}", head.to_base64())
            }
            Self::Domain { issuer, method, challenge } => {
                format!("domain {issuer} {} {}", method.word(), challenge.to_base64())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn observations_read_back_and_later_words_are_told_from_wrong_ones() {
        let hash = Hash::of(b"x").to_base64();
        let text = |line: &str| format!("{FORMAT}\nwitness.example/log1\n{line}\n");
        for right in [
            format!("access-log 7 {hash}"),
            format!("domain school.example dns {hash}"),
            format!("domain school.example https {hash}"),
        ] {
            let text = text(&right);
            assert_eq!(Observation::parse(&text).unwrap().encode(), text);
        }
        for (wrong, later) in [
            (format!("access-log 07 {hash}"), false),
            (format!("domain school.example smtp {hash}"), false),
            ("endpoint school.example 404".to_string(), true),
        ] {
            let refusal = Observation::parse(&text(&wrong)).unwrap_err();
            assert_eq!(refusal.may_be_later(), later, "{wrong}");
        }
    }
}
