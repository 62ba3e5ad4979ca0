//! Records of the access log as texts, `witness-access/v1`: who asked what, and when. Each names the hash of the
//! one before it, so that none can be changed or left out unseen; how long the log is, only a head shows that was
//! logged elsewhere (see [`observation`](crate::observation)).
//!
//! What must hold: no document hash stands in a record. Whoever writes a filter leaves it out; a [`Filter`] is the
//! second lock.

mod chain;
mod filter;

pub use self::{
    chain::{Chain, ChainError},
    filter::{FILTER_BYTES_MAX, Filter},
};

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};

use crate::{
    hash::Hash,
    text::{Lines, Malformed, decimal, words},
    time::Timestamp,
};

const FORMAT: &str = "witness-access/v1";
/// Longest name of a caller or of a method.
const PRINTABLE_BYTES_MAX: usize = 128;
/// Longest text: a filter, and five shorter lines.
pub const RECORD_BYTES_MAX: usize = 2048;

/// What a caller is to the firm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// An issuer.
    Issuer,
    /// A regulator.
    Regulator,
    /// Whoever runs the service.
    Operator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Issuer, Self::Regulator, Self::Operator];

    /// The word in texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Regulator => "regulator",
            Self::Operator => "operator",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// One to 128 printable ASCII characters without a space: what names a caller or a method.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Printable(String);

impl Printable {
    /// Reads one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_printable = (1..=PRINTABLE_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_printable.then(|| Self(text.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// That somebody asked something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub caller: Printable,
    /// As what.
    pub role: Role,
    /// The method, `<service>.<method>`.
    pub method: Printable,
    /// How many results were given; none where that is not known when the record is written.
    pub results: Option<u64>,
    /// What was asked for.
    pub filter: Filter,
}

/// One record of the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRecord {
    /// Its number, from 0.
    pub number: u64,
    /// SHA-256 of the text of the record before; zero for the first.
    pub previous: Hash,
    /// What happened. Its time is never below that of the record before.
    pub access: Access,
}

impl AccessRecord {
    /// Parses the text.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, bytes, RECORD_BYTES_MAX)?;
        let (number, at) = lines.parse("<number of the record> <time>", |line| {
            let [number, at] = words(line)?;
            Some((decimal(number)?, Timestamp::parse(at)?))
        })?;
        let previous = lines.parse("the hash of the record before", Hash::from_base64)?;
        let (caller, role) =
            lines.parse("<id of the caller> <issuer|regulator|operator>", |line| {
                let [caller, role] = words(line)?;
                Some((Printable::parse(caller)?, Role::parse(role)?))
            })?;
        let (method, results) = lines.parse("<method> <number of results, or ->", |line| {
            let [method, results] = words(line)?;
            let results = if results == "-" { None } else { Some(decimal(results)?) };
            Some((Printable::parse(method)?, results))
        })?;
        let filter = lines.parse(
            "a filter: printable ASCII, at most 1,024 bytes, without a run of 64 hexadecimal digits",
            Filter::parse,
        )?;
        lines.end()?;
        Ok(Self { number, previous, access: Access { at, caller, role, method, results, filter } })
    }

    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        let Access { at, caller, role, method, results, filter } = &self.access;
        let results = results.map_or_else(|| "-".to_owned(), |results| results.to_string());
        let (place, previous) = (format!("{} {}", self.number, at.micros()), self.previous);
        let who = format!("{} {}", caller.as_str(), role.word());
        let what = format!("{} {results}", method.as_str());
        let previous = previous.to_base64();
        format!("{FORMAT}\n{place}\n{previous}\n{who}\n{what}\n{}\n", filter.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "witness-access/v1\n1 1772355605000000\n\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nc-5f3a9b21 regulator\nAuditService.Search 17\n\
        jurisdiction=DE class=academic\n";

    #[test]
    fn a_record_reads_back() {
        for text in [
            TEXT.to_owned(),
            TEXT.replace(" 17\n", " -\n"),
            TEXT.replace("jurisdiction=DE class=academic", ""),
        ] {
            assert_eq!(AccessRecord::parse(text.as_bytes()).unwrap().encode(), text);
        }
    }

    #[test]
    fn what_would_be_written_otherwise_is_refused() {
        let digits = "a1".repeat(32);
        let long = "x".repeat(FILTER_BYTES_MAX + 1);
        for (from, to) in [
            ("1 1772355605000000", "01 1772355605000000"),
            ("1 1772355605000000", "1 1772355605000000 "),
            ("AAA=", "AAB="),
            ("c-5f3a9b21 regulator", "c- regulator regulator"),
            ("c-5f3a9b21 regulator", "c-\u{e4} regulator"),
            ("c-5f3a9b21 regulator", "c-5f3a9b21 anybody"),
            ("Search 17", "Search"),
            ("Search 17", "Search +17"),
            ("class=academic", "class=academ\u{ef}c"),
            ("class=academic", "class=\tacademic"),
            ("class=academic", digits.as_str()),
            ("class=academic", digits.to_uppercase().as_str()),
            ("class=academic", long.as_str()),
            ("class=academic\n", "class=academic\nmore\n"),
            ("class=academic\n", "class=academic"),
        ] {
            let wrong = TEXT.replace(from, to);
            assert_ne!(wrong, TEXT, "{from}");
            assert!(AccessRecord::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(AccessRecord::parse(&TEXT.as_bytes()[..TEXT.len() - 1]).is_err());
    }

    #[test]
    fn the_longest_record_is_one() {
        let token = Printable::parse(&"x".repeat(PRINTABLE_BYTES_MAX)).unwrap();
        let most = u64::MAX >> 1;
        let access = Access {
            at: Timestamp::from_micros(u64::MAX),
            caller: token.clone(),
            role: Role::Regulator,
            method: token,
            results: Some(most),
            filter: Filter::of(&"x".repeat(FILTER_BYTES_MAX)),
        };
        let record = AccessRecord { number: most, previous: Hash::ZERO, access };
        assert_eq!(AccessRecord::parse(record.encode().as_bytes()).unwrap(), record);
        assert_eq!(Printable::parse(&"x".repeat(PRINTABLE_BYTES_MAX + 1)), None);
    }
}
