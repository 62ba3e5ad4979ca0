//! Who was let in, as texts, `witness-caller/v1`, and the tokens by which callers are known.
//!
//! What must hold: of a token only its hash is ever kept; no error and no `Debug` output shows the token.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};
use core::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    encoding,
    hash::Hash,
    name::{Domain, Jurisdictions},
    text::{Lines, Malformed, as_written, words},
    time::Timestamp,
};

const FORMAT: &str = "witness-caller/v1";
const TEXT_BYTES_MAX: usize = 1024;
/// The most characters that a caller's name may have.
pub const NAME_CHARACTERS_MAX: usize = 80;
const TOKEN_PREFIX: &str = "wit_";
const ROLE: &str = "issuer <domain>, or regulator <jurisdictions>";
const KNOWN_BY: &str = "token <SHA-256 in base64>, or certificate <SHA-256 in base64>, of the token or the certificate's DER";

/// What names a caller in lists and in the access log: `c-` and 8 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallerId(String);

impl CallerId {
    /// The id made of so much randomness.
    #[must_use]
    pub fn from_random(random: [u8; 4]) -> Self {
        Self(format!("c-{}", encoding::hex(&random)))
    }

    /// Takes what is an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let random = encoding::from_hex::<4>(text.strip_prefix("c-")?)?;
        Some(Self::from_random(random))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A token: `wit_` and 32 random bytes in base64url (RFC 4648 section 5) without padding. Who bears it is the
/// caller.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token made of so much randomness.
    #[must_use]
    pub fn from_random(random: &[u8; 32]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_PREFIX.len() + 43));
        text.push_str(TOKEN_PREFIX);
        URL_SAFE_NO_PAD.encode_string(random, &mut text);
        Self(text)
    }

    /// Takes what looks like a token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut random = Zeroizing::new([0; 32]);
        let digits = text.strip_prefix(TOKEN_PREFIX).filter(|digits| digits.len() == 43)?;
        let decoded = URL_SAFE_NO_PAD.decode_slice_unchecked(digits, random.as_mut_slice());
        (decoded == Ok(32)).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The token itself. Whoever reads it is the caller: show it once, and keep [`Token::hash`].
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// By what the token is known: SHA-256 of its text. It is as random as a key, so it needs no salt.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What a caller is to the firm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerRole {
    /// An issuer: its own streams.
    Issuer(Domain),
    /// A regulator: the streams of its jurisdictions.
    Regulator(Jurisdictions),
}

impl CallerRole {
    /// The word in texts.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Issuer(_) => "issuer",
            Self::Regulator(_) => "regulator",
        }
    }

    fn parse(line: &str) -> Option<Self> {
        match words(line)? {
            ["issuer", domain] => Domain::parse(domain).map(Self::Issuer),
            ["regulator", codes] => Jurisdictions::parse(codes).map(Self::Regulator),
            _ => None,
        }
    }
}

impl fmt::Display for CallerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(domain) => write!(f, "issuer {domain}"),
            Self::Regulator(jurisdictions) => write!(f, "regulator {jurisdictions}"),
        }
    }
}

/// By what a caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KnownBy {
    /// SHA-256 of its token.
    Token(Hash),
    /// SHA-256 of its client certificate's DER.
    Certificate(Hash),
}

impl KnownBy {
    /// The word in texts.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Certificate(_) => "certificate",
        }
    }

    /// The hash.
    #[must_use]
    pub const fn hash(&self) -> &Hash {
        match self {
            Self::Token(hash) | Self::Certificate(hash) => hash,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        match words(line)? {
            ["token", hash] => Hash::from_base64(hash).map(Self::Token),
            ["certificate", hash] => Hash::from_base64(hash).map(Self::Certificate),
            _ => None,
        }
    }
}

/// A caller that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerRecord {
    /// Names it.
    pub id: CallerId,
    /// What it is.
    pub role: CallerRole,
    /// Its term begins here
    pub from: Timestamp,
    /// and ends before this.
    pub until: Timestamp,
    /// By what it is known.
    pub known_by: KnownBy,
    /// When it was let in.
    pub granted_at: Timestamp,
    /// When it was shut out, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Who it is, in the firm's words: see [`is_caller_name`].
    pub name: String,
}

/// How a caller stands at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerStanding {
    /// It is let in.
    Living,
    /// Its term has not begun.
    NotYet,
    /// Its term has ended.
    Ended,
    /// It was shut out.
    Revoked,
}

impl CallerRecord {
    /// How it stands at a time.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> CallerStanding {
        match self.revoked_at {
            Some(_) => CallerStanding::Revoked,
            None if now < self.from => CallerStanding::NotYet,
            None if now >= self.until => CallerStanding::Ended,
            None => CallerStanding::Living,
        }
    }

    /// Parses the text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, text.as_bytes(), TEXT_BYTES_MAX)?;
        let id = lines.parse("an id, c- and 8 hexadecimal digits", CallerId::parse)?;
        let role = lines.parse(ROLE, CallerRole::parse)?;
        let (from, until) = lines.parse("<from> <until> in microseconds, in order", term)?;
        let known_by = lines.parse(KNOWN_BY, KnownBy::parse)?;
        let granted_at = lines.parse("when it was let in, in microseconds", Timestamp::parse)?;
        let revoked_at = lines.parse("when it was shut out, in microseconds, or -", |line| {
            if line == "-" { Some(None) } else { Timestamp::parse(line).map(Some) }
        })?;
        let name = lines.parse("a name, 1 to 80 printable characters", |line| {
            is_caller_name(line).then(|| line.to_owned())
        })?;
        lines.end()?;
        let record = Self { id, role, from, until, known_by, granted_at, revoked_at, name };
        as_written(record, Self::encode, (text, FORMAT))
    }

    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        let Self { id, role, known_by, name, .. } = self;
        let micros = |time: Timestamp| time.micros().to_string();
        let (from, until) = (micros(self.from), micros(self.until));
        let (word, hash) = (known_by.word(), known_by.hash().to_base64());
        let granted = micros(self.granted_at);
        let revoked = self.revoked_at.map_or_else(|| "-".to_owned(), micros);
        format!(
            "{FORMAT}\n{id}\n{role}\n{from} {until}\n{word} {hash}\n{granted}\n{revoked}\n{name}\n"
        )
    }
}

/// Whether a caller may be called so: 1 to 80 characters, none of them a control character, no space at its ends.
#[must_use]
pub fn is_caller_name(text: &str) -> bool {
    let characters = text.chars().count();
    (1..=NAME_CHARACTERS_MAX).contains(&characters)
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

fn term(line: &str) -> Option<(Timestamp, Timestamp)> {
    let [from, until] = words(line)?;
    let (from, until) = (Timestamp::parse(from)?, Timestamp::parse(until)?);
    (from < until).then_some((from, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "witness-caller/v1\nc-0badcafe\nregulator DE,EU\n1000 2000\n\
                        token AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n900\n-\nBaFin, Bonn\n";

    #[test]
    fn a_caller_reads_back() {
        let revoked = TEXT.replace("\n-\n", "\n1500\n");
        let issuer = TEXT.replace("regulator DE,EU", "issuer school.example");
        let certificate = TEXT.replace("token ", "certificate ");
        for text in [TEXT, &revoked, &issuer, &certificate] {
            assert_eq!(CallerRecord::parse(text).unwrap().encode(), text);
        }
    }

    #[test]
    fn a_text_that_is_not_as_it_would_be_written_is_refused() {
        let wrong = [
            ("c-0badcafe", "c-0BADCAFE"),
            ("c-0badcafe", "operator"),
            ("regulator DE,EU", "regulator EU,DE"),
            ("regulator DE,EU", "operator"),
            ("1000 2000", "2000 2000"),
            ("1000 2000", "01000 2000"),
            ("token ", "password "),
            ("AAA=", "AAB="),
            ("\n-\n", "\n\n"),
            ("BaFin, Bonn", ""),
            ("BaFin, Bonn", " BaFin"),
            ("BaFin, Bonn", "Ba\tFin"),
            ("Bonn\n", "Bonn"),
            ("Bonn\n", "Bonn\n\n"),
            ("/v1", "/v2"),
        ];
        for (old, new) in wrong {
            let text = TEXT.replace(old, new);
            assert!(CallerRecord::parse(&text).is_err(), "{text}");
        }
        let long = TEXT.replace("BaFin, Bonn", &"ä".repeat(81));
        assert!(CallerRecord::parse(&long).is_err());
        assert!(CallerRecord::parse(&long.replace("ää", "ä")).is_ok());
    }

    #[test]
    fn a_term_begins_when_it_begins_and_ends_before_its_end() {
        let mut record = CallerRecord::parse(TEXT).unwrap();
        let standing =
            |record: &CallerRecord, micros| record.standing(Timestamp::from_micros(micros));
        assert_eq!(standing(&record, 999), CallerStanding::NotYet);
        assert_eq!(standing(&record, 1000), CallerStanding::Living);
        assert_eq!(standing(&record, 1999), CallerStanding::Living);
        assert_eq!(standing(&record, 2000), CallerStanding::Ended);
        record.revoked_at = Some(Timestamp::from_micros(1500));
        for micros in [0, 1499, 1500, 9999] {
            assert_eq!(standing(&record, micros), CallerStanding::Revoked);
        }
    }

    #[test]
    fn a_token_has_one_form_and_hides_itself() {
        let token = Token::from_random(&[0xfb; 32]);
        let text = token.reveal();
        assert_eq!((text.len(), text.get(..8)), (47, Some("wit_-_v7")));
        assert_eq!(Token::parse(text).unwrap().hash(), Hash::of(text.as_bytes()));
        assert!(!format!("{token:?}").contains("-_v7"));
        let last = text.strip_suffix('s').unwrap();
        for wrong in
            ["", "wit_", last, &format!("{last}t"), &format!("{text}="), &text.replace('_', "/")]
        {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }
}
