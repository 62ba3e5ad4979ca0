//! One field of a schema: when it is given, and what its values look like.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use thiserror::Error;

use super::{
    SchemaError,
    change::{ChangeKind, ChangeSet},
    date::Date,
    pattern::Pattern,
};
use crate::{
    name::is_name,
    personal::{self, PersonalKind},
};

/// The most characters an identifier may have.
pub const IDENTIFIER_SIZE_MAX: usize = 64;
/// The most characters a code may have.
const CODE_SIZE_MAX: usize = 32;
/// SHA-256 in hexadecimal.
const DIGEST_SIZE: usize = 64;

/// Which field of some details was refused, and by which rule. It never holds the value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("field {field}: {rule}")]
pub struct FieldRefusal {
    /// The name of the field.
    pub field: String,
    /// The rule that it breaks.
    pub rule: FieldRule,
}

impl FieldRefusal {
    pub(super) fn new(field: &str, rule: FieldRule) -> Self {
        Self { field: field.to_string(), rule }
    }

    /// A name that the schema does not have was chosen by the sender, and may be a personal value
    /// itself.
    pub(super) fn unknown(name: &str) -> Self {
        let shown = if personal::find(name).is_some() { "(withheld)" } else { name };
        Self::new(shown, FieldRule::Unknown)
    }
}

/// The rule that a field breaks.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FieldRule {
    /// The schema does not have it.
    #[error("not a field of this claim type")]
    Unknown,
    /// The schema has it, but not with this change.
    #[error("not a field of a change {}", .0.word())]
    NotWithChange(ChangeKind),
    /// It is required with this change, and is not given.
    #[error("required with a change {}, but not given", .0.word())]
    Missing(ChangeKind),
    /// An identifier is longer than [`IDENTIFIER_SIZE_MAX`].
    #[error("an identifier has at most {IDENTIFIER_SIZE_MAX} characters")]
    TooLong,
    /// An identifier does not match the field's pattern.
    #[error("does not match the field's pattern")]
    Pattern,
    /// The value is not a calendar date.
    #[error("not a calendar date YYYY-MM-DD of the years 1900 to 9999")]
    Date,
    /// The value is none of the field's codes.
    #[error("not a code in the field's list")]
    Code,
    /// The value is not a count.
    #[error("not a count: decimal digits without leading zeros, below 2^64")]
    Count,
    /// The value is not a digest.
    #[error("not a digest: 64 lower-case hexadecimal digits")]
    Digest,
    /// The value looks like personal data.
    #[error("looks like personal data: {0}")]
    Personal(PersonalKind),
}

/// One field of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    name: String,
    required: ChangeSet,
    optional: ChangeSet,
    kind: FieldKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FieldKind {
    Identifier(Pattern),
    /// An identifier that the rules for personal data do not apply to, visibly.
    IdentifierExempt(Pattern),
    Date,
    /// In the order in which they were written, which may mean something to the reader.
    Code(Vec<String>),
    Count,
    Digest,
}

impl Field {
    /// Parses what follows the word `field`.
    pub(super) fn parse(line: usize, text: &str) -> Result<Self, SchemaError> {
        let mut words = text.splitn(4, ' ');
        let name = words.next().unwrap_or_default();
        if !is_name(name) {
            return Err(SchemaError::FieldName { line });
        }
        let mut changes = || ChangeSet::parse(words.next()?);
        let (Some(required), Some(optional)) = (changes(), changes()) else {
            return Err(SchemaError::Changes { line });
        };
        let never = required.is_empty() && optional.is_empty();
        if never || !required.is_disjoint_from(optional) {
            return Err(SchemaError::Changes { line });
        }
        let kind = FieldKind::parse(line, words.next().unwrap_or_default())?;
        Ok(Self { name: name.to_string(), required, optional, kind })
    }

    /// Writes the line that it was parsed from.
    pub(super) fn write_to(&self, text: &mut String) {
        text.extend(["field ", &self.name, " "]);
        self.required.write_to(text);
        text.push(' ');
        self.optional.write_to(text);
        text.push(' ');
        self.kind.write_to(text);
        text.push('\n');
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_date(&self) -> bool {
        self.kind == FieldKind::Date
    }

    /// Whether its values tell one document from others.
    pub(super) fn identifies(&self) -> bool {
        match self.kind {
            FieldKind::Identifier(_) | FieldKind::IdentifierExempt(_) | FieldKind::Digest => true,
            FieldKind::Date | FieldKind::Code(_) | FieldKind::Count => false,
        }
    }

    /// Checks a value that is given with a change.
    pub(super) fn check(&self, change: ChangeKind, value: &str) -> Result<(), FieldRefusal> {
        let verdict = if self.required.contains(change) || self.optional.contains(change) {
            self.kind.check(value)
        } else {
            Err(FieldRule::NotWithChange(change))
        };
        verdict.map_err(|rule| FieldRefusal::new(&self.name, rule))
    }

    /// Checks that it may be left out with a change.
    pub(super) fn check_absent(&self, change: ChangeKind) -> Result<(), FieldRefusal> {
        if self.required.contains(change) {
            return Err(FieldRefusal::new(&self.name, FieldRule::Missing(change)));
        }
        Ok(())
    }
}

impl FieldKind {
    fn parse(line: usize, text: &str) -> Result<Self, SchemaError> {
        let pattern =
            |text| Pattern::parse(text).map_err(|error| SchemaError::Pattern { line, error });
        match text.split_once(' ') {
            Some(("identifier", text)) => Ok(Self::Identifier(pattern(text)?)),
            Some(("identifier-exempt", text)) => Ok(Self::IdentifierExempt(pattern(text)?)),
            Some(("code", text)) => codes(text).map(Self::Code).ok_or(SchemaError::Codes { line }),
            Some(_) => Err(SchemaError::Kind { line }),
            None => match text {
                "date" => Ok(Self::Date),
                "count" => Ok(Self::Count),
                "digest" => Ok(Self::Digest),
                _ => Err(SchemaError::Kind { line }),
            },
        }
    }

    fn write_to(&self, text: &mut String) {
        match self {
            Self::Identifier(pattern) => text.extend(["identifier ", pattern.text()]),
            Self::IdentifierExempt(pattern) => text.extend(["identifier-exempt ", pattern.text()]),
            Self::Date => text.push_str("date"),
            Self::Code(codes) => text.extend(["code ", &codes.join("|")]),
            Self::Count => text.push_str("count"),
            Self::Digest => text.push_str("digest"),
        }
    }

    fn check(&self, value: &str) -> Result<(), FieldRule> {
        match self {
            Self::Identifier(pattern) => {
                // First, since "this is an e-mail address" helps an issuer more than "this is no
                // course code".
                refuse_personal(value)?;
                check_identifier(pattern, value)
            }
            Self::IdentifierExempt(pattern) => check_identifier(pattern, value),
            Self::Date => Date::parse(value).map(|_date| ()).ok_or(FieldRule::Date),
            Self::Code(codes) => {
                if codes.iter().any(|code| code == value) {
                    Ok(())
                } else {
                    Err(FieldRule::Code)
                }
            }
            Self::Count => {
                check_count(value)?;
                refuse_personal(value)
            }
            Self::Digest => check_digest(value),
        }
    }
}

fn refuse_personal(value: &str) -> Result<(), FieldRule> {
    personal::find(value).map_or(Ok(()), |kind| Err(FieldRule::Personal(kind)))
}

fn check_identifier(pattern: &Pattern, value: &str) -> Result<(), FieldRule> {
    if value.len() > IDENTIFIER_SIZE_MAX {
        return Err(FieldRule::TooLong);
    }
    if pattern.matches(value) { Ok(()) } else { Err(FieldRule::Pattern) }
}

fn check_count(value: &str) -> Result<(), FieldRule> {
    let canonical = value == "0" || value.starts_with(|c: char| matches!(c, '1'..='9'));
    if canonical && value.parse::<u64>().is_ok() { Ok(()) } else { Err(FieldRule::Count) }
}

fn check_digest(value: &str) -> Result<(), FieldRule> {
    let hexadecimal = value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hexadecimal && value.len() == DIGEST_SIZE { Ok(()) } else { Err(FieldRule::Digest) }
}

/// The codes parted by `|`, each well-formed and none twice.
fn codes(text: &str) -> Option<Vec<String>> {
    let mut codes: Vec<String> = Vec::new();
    for code in text.split('|') {
        let well_formed = (1..=CODE_SIZE_MAX).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !well_formed || codes.iter().any(|other| other == code) {
            return None;
        }
        codes.push(code.to_string());
    }
    Some(codes)
}
