//! Registry changes as texts, `witness-registry/v1`.

use alloc::{
    format,
    string::{String, ToString},
};

use crate::{
    hash::Hash,
    key::{KeyId, SignatureType, VerifyingKey},
    name::{Domain, Jurisdictions, Name, Origin},
    schema::Schema,
    text::{self, Lines, Malformed, decimal, words},
    time::Timestamp,
};

const FORMAT: &str = "witness-registry/v1";
const TEXT_BYTES_MAX: usize = 32_768;
const WORDS: [&str; 5] =
    ["issuer-added", "key-added", "key-revoked", "stream-opened", "claim-type"];
const EXPECTED_CHANGE: &str =
    "a change: issuer-added, key-added, key-revoked, stream-opened or claim-type, with its words";

/// One change of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `issuer-added <issuer>`
    IssuerAdded {
        /// Its domain.
        issuer: Domain,
    },
    /// `key-added <issuer> <vkey> [recovery]`
    KeyAdded {
        /// Whose key; also the key's name.
        issuer: Domain,
        /// The key.
        key: VerifyingKey,
        /// Added without a living key of the issuer: every verdict that rests on it says so.
        recovery: bool,
    },
    /// `key-revoked <issuer> <key id> <as of>`
    KeyRevoked {
        /// Whose key.
        issuer: Domain,
        /// Which key.
        key: KeyId,
        /// Earlier entries received after this time are suspect, never invalid.
        as_of: Timestamp,
    },
    /// `stream-opened <issuer> <stream> <jurisdictions> <live|back-fill>`
    StreamOpened {
        /// Whose stream.
        issuer: Domain,
        /// Its name.
        stream: Name,
        /// Who may inspect it.
        jurisdictions: Jurisdictions,
        /// Whether it brings in the past: then late events are nothing odd.
        back_fill: bool,
    },
    /// `claim-type <name>`, then the schema's lines.
    ClaimType {
        /// Its name.
        name: Name,
        /// What details its events have.
        schema: Schema,
    },
}

impl Change {
    /// Parses the lines of a change.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open_bare(FORMAT, text);
        let change = Self::read(&mut lines, text)?;
        text::as_written(change, Self::encode, (text, FORMAT))
    }

    fn read(lines: &mut Lines<'_>, whole: &str) -> Result<Self, Malformed> {
        let first = lines.parse(EXPECTED_CHANGE, Some)?;
        if let Some(name) = first.strip_prefix("claim-type ") {
            let rest = whole.split_once('\n').map_or("", |(_, rest)| rest);
            let schema = Schema::parse(rest).ok();
            let parsed = Name::parse(name).zip(schema);
            let wrong = Malformed::Line {
                text: FORMAT,
                line: 2,
                expected: "a claim type's name and its schema, lines `field …` sorted by name",
            };
            return parsed.map(|(name, schema)| Self::ClaimType { name, schema }).ok_or(wrong);
        }
        let word = first.split_once(' ').map_or(first, |(word, _)| word);
        if text::is_word(word) && !WORDS.contains(&word) {
            return Err(lines.refuse_word(EXPECTED_CHANGE));
        }
        Self::parse_line(first).ok_or_else(|| lines.refuse(EXPECTED_CHANGE))
    }

    fn parse_line(line: &str) -> Option<Self> {
        match line.split_once(' ')? {
            ("issuer-added", issuer) => Some(Self::IssuerAdded { issuer: Domain::parse(issuer)? }),
            ("key-added", rest) => {
                let (rest, recovery) = match rest.strip_suffix(" recovery") {
                    Some(rest) => (rest, true),
                    None => (rest, false),
                };
                let [issuer, vkey] = words(rest)?;
                let key = VerifyingKey::parse(vkey).ok()?;
                let fits = key.name() == issuer && key.signature_type() == SignatureType::Ed25519;
                let issuer = Domain::parse(issuer).filter(|_| fits)?;
                Some(Self::KeyAdded { issuer, key, recovery })
            }
            ("key-revoked", rest) => {
                let [issuer, key, as_of] = words(rest)?;
                let (issuer, key) = (Domain::parse(issuer)?, KeyId::parse(key)?);
                Some(Self::KeyRevoked { issuer, key, as_of: Timestamp::parse(as_of)? })
            }
            ("stream-opened", rest) => {
                let [issuer, stream, jurisdictions, mode] = words(rest)?;
                let back_fill = match mode {
                    "live" => false,
                    "back-fill" => true,
                    _ => return None,
                };
                Some(Self::StreamOpened {
                    issuer: Domain::parse(issuer)?,
                    stream: Name::parse(stream)?,
                    jurisdictions: Jurisdictions::parse(jurisdictions)?,
                    back_fill,
                })
            }
            _ => None,
        }
    }

    /// The lines of the change.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::IssuerAdded { issuer } => format!("issuer-added {issuer}\n"),
            Self::KeyAdded { issuer, key, recovery } => {
                let mark = if *recovery { " recovery" } else { "" };
                format!("key-added {issuer} {key}{mark}\n")
            }
            Self::KeyRevoked { issuer, key, as_of } => {
                format!("key-revoked {issuer} {key} {}\n", as_of.micros())
            }
            Self::StreamOpened { issuer, stream, jurisdictions, back_fill } => {
                let mode = if *back_fill { "back-fill" } else { "live" };
                format!("stream-opened {issuer} {stream} {jurisdictions} {mode}\n")
            }
            Self::ClaimType { name, schema } => format!("claim-type {name}\n{}", schema.encode()),
        }
    }

    /// The issuer that it is about, if it is about one.
    #[must_use]
    pub fn issuer(&self) -> Option<&Domain> {
        match self {
            Self::IssuerAdded { issuer }
            | Self::KeyAdded { issuer, .. }
            | Self::KeyRevoked { issuer, .. }
            | Self::StreamOpened { issuer, .. } => Some(issuer),
            Self::ClaimType { .. } => None,
        }
    }
}

/// The text of a registry note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryChange {
    /// The log that it is bound to.
    pub origin: Origin,
    /// Number of the change, from 0.
    pub sequence: u64,
    /// SHA-256 of the text of the change before; zero for the first.
    pub previous: Hash,
    /// The change.
    pub change: Change,
}

impl RegistryChange {
    /// Parses the text of a note.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, text.as_bytes(), TEXT_BYTES_MAX)?;
        let origin = lines.parse("the origin of a log, <firm>/<log>", Origin::parse)?;
        let sequence = lines.parse("the registry sequence in decimal", decimal)?;
        let previous = lines.parse("the hash of the change before in base64", Hash::from_base64)?;
        let change = Change::parse(lines.rest())?;
        Ok(Self { origin, sequence, previous, change })
    }

    /// The text that is signed.
    #[must_use]
    pub fn encode(&self) -> String {
        let (sequence, previous) = (self.sequence.to_string(), self.previous.to_base64());
        format!("{FORMAT}\n{}\n{sequence}\n{previous}\n{}", self.origin, self.change.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "school.example+9ab2a15a+Aekye";

    #[test]
    fn every_change_reads_back() {
        let key =
            crate::key::SigningKey::from_seed("school.example", SignatureType::Ed25519, &[1; 32])
                .unwrap();
        let vkey = key.verifying_key().to_string();
        let changes = [
            "issuer-added school.example\n".to_string(),
            format!("key-added school.example {vkey}\n"),
            format!("key-added school.example {vkey} recovery\n"),
            format!("key-revoked school.example {} 17\n", key.verifying_key().id()),
            "stream-opened school.example main DE-BY,INT back-fill\n".to_string(),
            "claim-type skill-module\nfield module issued,status - identifier [A-Z]{2,8}\n"
                .to_string(),
        ];
        for change in changes {
            let text =
                format!("{FORMAT}\nwitness.example/log1\n3\n{}\n{change}", Hash::ZERO.to_base64());
            let parsed =
                RegistryChange::parse(&text).unwrap_or_else(|error| panic!("{change}: {error}"));
            assert_eq!(parsed.encode(), text);
        }
    }

    #[test]
    fn a_wrong_change_is_refused() {
        let other = format!("key-added bank.example {VKEY}\n");
        for change in [
            "issuer-added School.example\n",
            "issuer-added a.b\n\n",
            "issuer-added a.b",
            "issuer-removed a.b\n",
            "key-revoked a.b 00 1\n",
            "stream-opened a.b main DE maybe\n",
            "claim-type x\nfield\n",
            "",
            &other,
        ] {
            let refusal = Change::parse(change).unwrap_err();
            let is_unknown_word = change.starts_with("issuer-removed");
            assert_eq!(refusal.may_be_later(), is_unknown_word, "{change}");
        }
    }
}
