//! Registry changes as texts, `witness-registry/v1`.

use alloc::{
    format,
    string::{String, ToString},
};

use crate::{
    erasure::Range,
    hash::Hash,
    key::{KeyId, SignatureType, VerifyingKey},
    name::{Domain, Jurisdictions, Name, Origin},
    schema::Schema,
    text::{self, Lines, Malformed, decimal, words},
    time::Timestamp,
};

const FORMAT: &str = "witness-registry/v1";
const TEXT_BYTES_MAX: usize = 32_768;
/// Longest term of a retention: a hundred years.
pub const RETENTION_DAYS_MAX: u32 = 36_525;
const WORDS: [&str; 9] = [
    "issuer-added",
    "issuer-offboarded",
    "key-added",
    "key-revoked",
    "stream-opened",
    "claim-type",
    "retention",
    "legal-hold",
    "legal-hold-lifted",
];
const EXPECTED_CHANGE: &str = "a change: issuer-added, issuer-offboarded, key-added, key-revoked, \
                               stream-opened, claim-type, retention, legal-hold or legal-hold-lifted, \
                               with its words";

/// One change of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `issuer-added <issuer>`
    IssuerAdded {
        /// Its domain.
        issuer: Domain,
    },
    /// `issuer-offboarded <issuer>`: nothing more of it is admitted; what was logged stays.
    IssuerOffboarded {
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
    /// `retention <claim type> <days>`, or `-` in place of the days.
    Retention {
        /// Of which events.
        claim_type: Name,
        /// So many days after their receipt their bodies are erased; without, they are kept for ever.
        days: Option<u32>,
    },
    /// `legal-hold <name> <issuer> [<stream> <first sequence> <count>]`: while it stands, nothing of this is erased.
    LegalHold {
        /// Its name, used once. The registry is public: it names nobody.
        name: Name,
        /// Whose events.
        issuer: Domain,
        /// Which of them; all, those to come included, if none is named.
        range: Option<Range>,
    },
    /// `legal-hold-lifted <name>`
    LegalHoldLifted {
        /// Which one.
        name: Name,
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
            ("issuer-offboarded", issuer) => {
                Some(Self::IssuerOffboarded { issuer: Domain::parse(issuer)? })
            }
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
            ("retention", rest) => {
                let [claim_type, days] = words(rest)?;
                let days = if days == "-" { None } else { Some(parse_days(days)?) };
                Some(Self::Retention { claim_type: Name::parse(claim_type)?, days })
            }
            ("legal-hold", rest) => Self::parse_hold(rest),
            ("legal-hold-lifted", name) => Some(Self::LegalHoldLifted { name: Name::parse(name)? }),
            _ => None,
        }
    }

    fn parse_hold(rest: &str) -> Option<Self> {
        let (name, rest) = rest.split_once(' ')?;
        let (issuer, range) = match rest.split_once(' ') {
            Some((issuer, range)) => (issuer, Some(Range::parse(range)?)),
            None => (rest, None),
        };
        Some(Self::LegalHold { name: Name::parse(name)?, issuer: Domain::parse(issuer)?, range })
    }

    /// The lines of the change.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::IssuerAdded { issuer } => format!("issuer-added {issuer}\n"),
            Self::IssuerOffboarded { issuer } => format!("issuer-offboarded {issuer}\n"),
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
            Self::Retention { claim_type, days } => {
                let days = days.map_or_else(|| "-".to_string(), |days| days.to_string());
                format!("retention {claim_type} {days}\n")
            }
            Self::LegalHold { name, issuer, range } => {
                let range = range.as_ref().map(|range| format!(" {range}")).unwrap_or_default();
                format!("legal-hold {name} {issuer}{range}\n")
            }
            Self::LegalHoldLifted { name } => format!("legal-hold-lifted {name}\n"),
        }
    }

    /// The issuer that it names, if it names one: a lifted hold is of the issuer that the hold named.
    #[must_use]
    pub fn issuer(&self) -> Option<&Domain> {
        match self {
            Self::IssuerAdded { issuer }
            | Self::IssuerOffboarded { issuer }
            | Self::LegalHold { issuer, .. }
            | Self::KeyAdded { issuer, .. }
            | Self::KeyRevoked { issuer, .. }
            | Self::StreamOpened { issuer, .. } => Some(issuer),
            Self::ClaimType { .. } | Self::Retention { .. } | Self::LegalHoldLifted { .. } => None,
        }
    }
}

fn parse_days(text: &str) -> Option<u32> {
    let days = u32::try_from(decimal(text)?).ok()?;
    (1..=RETENTION_DAYS_MAX).contains(&days).then_some(days)
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
            "issuer-offboarded school.example\n".to_string(),
            "retention skill-module 1\n".to_string(),
            format!("retention skill-module {RETENTION_DAYS_MAX}\n"),
            "retention skill-module -\n".to_string(),
            "legal-hold case-17 school.example\n".to_string(),
            "legal-hold case-17 school.example main 0 1\n".to_string(),
            "legal-hold-lifted case-17\n".to_string(),
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
    fn a_change_names_the_issuer_that_it_is_about() {
        let about = |text: &str| Change::parse(text).unwrap().issuer().map(ToString::to_string);
        for text in [
            "issuer-added a.b\n",
            "issuer-offboarded a.b\n",
            "key-revoked a.b 00000000 1\n",
            "stream-opened a.b main DE live\n",
            "legal-hold case-17 a.b\n",
            "legal-hold case-17 a.b main 0 1\n",
        ] {
            assert_eq!(about(text).as_deref(), Some("a.b"), "{text}");
        }
        for text in ["claim-type x\n", "retention x 7\n", "legal-hold-lifted case-17\n"] {
            assert_eq!(about(text), None, "{text}");
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
            "issuer-offboarded\n",
            "issuer-offboarded a.b c.d\n",
            "retention x 0\n",
            "retention x 007\n",
            "retention x 36526\n",
            "retention x\n",
            "retention x 7 days\n",
            "legal-hold Case-17 a.b\n",
            "legal-hold case-17\n",
            "legal-hold case-17 a.b main\n",
            "legal-hold case-17 a.b main 0\n",
            "legal-hold case-17 a.b main 0 0\n",
            "legal-hold case-17 a.b main 0 1 2\n",
            "legal-hold case-17 a.b \n",
            "legal-hold-lifted case-17 a.b\n",
            "",
            &other,
        ] {
            let refusal = Change::parse(change).unwrap_err();
            let is_unknown_word = change.starts_with("issuer-removed");
            assert_eq!(refusal.may_be_later(), is_unknown_word, "{change}");
        }
    }
}
