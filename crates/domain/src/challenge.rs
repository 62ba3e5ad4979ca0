//! The line that the holder of a domain publishes: bound to the firm, and too random to be guessed.

use std::fmt;

use witness_core::{encoding, hash::Hash, name::Domain};

/// What every challenge begins with.
pub const CHALLENGE_PREFIX: &str = "witness-ledger-challenge=";
/// How much of it is random.
pub const RANDOM_BYTES: usize = 24;

/// `witness-ledger-challenge=<firm>/<random>`, the latter in base64url (RFC 4648 section 5). It is good for the one
/// domain for which it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// A new one of a firm.
    #[must_use]
    pub fn new(firm: &Domain, random: &[u8; RANDOM_BYTES]) -> Self {
        // 24 bytes are whole groups, so there is no padding.
        let random = encoding::base64(random).replace('+', "-").replace('/', "_");
        Self(format!("{CHALLENGE_PREFIX}{firm}/{random}"))
    }

    /// One that was kept.
    #[must_use]
    pub fn kept(line: String) -> Self {
        Self(line)
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is logged of it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(self.0.as_bytes())
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What the lines that came have of the one that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The line itself.
    It,
    /// Another challenge: of another firm, for another domain, or one that is no longer good.
    Another,
    /// No challenge.
    None,
}

impl Found {
    /// Looks through lines.
    pub(crate) fn among<'a>(lines: impl IntoIterator<Item = &'a [u8]>, line: &str) -> Self {
        let mut found = Self::None;
        for came in lines {
            if came == line.as_bytes() {
                return Self::It;
            }
            if came.starts_with(CHALLENGE_PREFIX.as_bytes()) {
                found = Self::Another;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_the_firm_and_is_safe_in_a_file_and_in_the_dns() {
        let firm = Domain::parse("witness.example").unwrap();
        let challenge = Challenge::new(&firm, &[0xfb; RANDOM_BYTES]);
        let text = "witness-ledger-challenge=witness.example/-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7";
        assert_eq!(challenge.as_str(), text);
        assert!(text.len() < 255, "it fits one string of a TXT record");
        assert_ne!(challenge.hash(), Challenge::new(&firm, &[0xfc; RANDOM_BYTES]).hash());
    }

    #[test]
    fn only_the_whole_line_is_it() {
        let line = "witness-ledger-challenge=witness.example/abc";
        let among = |lines: &[&str]| Found::among(lines.iter().map(|line| line.as_bytes()), line);
        assert_eq!(among(&["# ours", line]), Found::It);
        let longer = format!("{line}d");
        let indented = format!(" {line}");
        for (lines, found) in [
            (vec![longer.as_str()], Found::Another),
            (vec![indented.as_str()], Found::None),
            (vec!["witness-ledger-challenge=other.example/abc", "x"], Found::Another),
            (vec![], Found::None),
        ] {
            assert_eq!(among(&lines), found, "{lines:?}");
        }
    }
}
