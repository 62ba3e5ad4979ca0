//! The schema of a claim type: the allow-list of what the details of its events may say.
//!
//! ```text
//! field <name> <required-on> <optional-on> identifier <pattern>
//! field <name> <required-on> <optional-on> identifier-exempt <pattern>
//! field <name> <required-on> <optional-on> date
//! field <name> <required-on> <optional-on> code <A|B|C>
//! field <name> <required-on> <optional-on> count
//! field <name> <required-on> <optional-on> digest
//! valid-until <field>
//! ```
//!
//! One line per field, sorted by name; `valid-until` may be left out, and names a date field.
//! `<required-on>` and `<optional-on>` are change words, sorted and parted by commas, or `-` for
//! none; no word is in both, and not both are `-`. A schema without any line admits no details at
//! all.
//!
//! What must hold: a text that parses is written back byte for byte, since the registry commits to
//! it; what a schema does not name is refused; a refusal names the field and the rule and never the
//! value. Values of `identifier` and `count` fields are looked through for personal data
//! ([`crate::personal`]); `identifier-exempt` says in public that they are not. Dates, codes and
//! digests cannot hide any: a date is a date, codes stand in the public schema themselves, and a
//! digest is one token of 64 characters.

mod automaton;
mod change;
mod date;
mod field;
mod pattern;
#[cfg(test)]
mod pattern_tests;
#[cfg(test)]
mod tests;

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use thiserror::Error;

pub use change::ChangeKind;
use date::Date;
use field::Field;
pub use field::{FieldRefusal, FieldRule, IDENTIFIER_SIZE_MAX};
pub use pattern::{PATTERN_SIZE_MAX, Pattern, PatternError};

use crate::details::Details;

/// The most bytes a schema may have; with its registry note around it, it fits an entry four times
/// over.
pub const SCHEMA_SIZE_MAX: usize = 16_384;
/// The most fields a schema may have.
pub const FIELDS_MAX: usize = 32;

/// Why a schema was refused. Lines are counted from 1.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SchemaError {
    /// The text is longer than [`SCHEMA_SIZE_MAX`].
    #[error("a schema of {size} bytes, at most {SCHEMA_SIZE_MAX} are taken")]
    TooLong {
        /// The size that came.
        size: usize,
    },
    /// The last line does not end in a line feed.
    #[error("the last line of the schema does not end in a line feed")]
    UnfinishedLine,
    /// There are more fields than [`FIELDS_MAX`].
    #[error("line {line} is one field more than the {FIELDS_MAX} that a schema may have")]
    TooManyFields {
        /// The line.
        line: usize,
    },
    /// A line is neither a field nor, at the end, `valid-until`.
    #[error("line {line} of the schema is neither a field nor a last line valid-until")]
    Line {
        /// The line.
        line: usize,
    },
    /// A field name is not `[a-z0-9-]{1,32}`.
    #[error("line {line} of the schema has a field name other than [a-z0-9-]{{1,32}}")]
    FieldName {
        /// The line.
        line: usize,
    },
    /// A field name is not above the one before it: unsorted, or given twice.
    #[error("line {line} of the schema is out of order or names a field again")]
    Order {
        /// The line.
        line: usize,
    },
    /// The lists of changes are not sorted words or `-`, overlap, or are both empty.
    #[error(
        "line {line} of the schema has changes that are unsorted, unknown, overlapping or none"
    )]
    Changes {
        /// The line.
        line: usize,
    },
    /// The kind of the field is unknown, or has something after it that it does not take.
    #[error("line {line} of the schema has no known kind of field, or more than the kind takes")]
    Kind {
        /// The line.
        line: usize,
    },
    /// The codes are not `[A-Za-z0-9._-]{1,32}` parted by `|`, or one comes twice.
    #[error("line {line} of the schema has codes other than [A-Za-z0-9._-]{{1,32}}, each once")]
    Codes {
        /// The line.
        line: usize,
    },
    /// The pattern of an identifier is not well-formed.
    #[error("line {line} of the schema: {error}")]
    Pattern {
        /// The line.
        line: usize,
        /// What is wrong with it.
        error: PatternError,
    },
    /// `valid-until` names a field that the schema does not have, or that is no date.
    #[error("line {line} of the schema names a field that is no date of this schema")]
    ValidUntil {
        /// The line.
        line: usize,
    },
}

/// The schema of a claim type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Sorted by name, without repetition: [`Schema::check`] walks them beside the details.
    fields: Vec<Field>,
    valid_until: Option<String>,
}

impl Schema {
    /// Parses the text of a schema, or says which line breaks the format.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        if text.len() > SCHEMA_SIZE_MAX {
            return Err(SchemaError::TooLong { size: text.len() });
        }
        let mut schema = Self { fields: Vec::new(), valid_until: None };
        for (line, text) in (1..).zip(text.split_inclusive('\n')) {
            let text = text.strip_suffix('\n').ok_or(SchemaError::UnfinishedLine)?;
            // After `valid-until` nothing may follow.
            if schema.valid_until.is_some() {
                return Err(SchemaError::Line { line });
            }
            match text.split_once(' ') {
                Some(("field", rest)) => schema.push(line, Field::parse(line, rest)?)?,
                Some(("valid-until", name)) => schema.set_valid_until(line, name)?,
                _ => return Err(SchemaError::Line { line }),
            }
        }
        Ok(schema)
    }

    /// Writes the text of the schema: the one it was parsed from.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for field in &self.fields {
            field.write_to(&mut text);
        }
        if let Some(name) = &self.valid_until {
            text.extend(["valid-until ", name, "\n"]);
        }
        text
    }

    /// Checks the details of an event against the schema. An event without details has no fields.
    pub fn check(
        &self,
        change: ChangeKind,
        details: Option<&Details<'_>>,
    ) -> Result<(), FieldRefusal> {
        let mut given = details.into_iter().flat_map(Details::fields).peekable();
        for field in &self.fields {
            // Both are sorted, so a name below the next field's is none of the schema's.
            if let Some((name, _value)) = given.next_if(|(name, _value)| *name < field.name()) {
                return Err(FieldRefusal::unknown(name));
            }
            match given.next_if(|(name, _value)| *name == field.name()) {
                Some((_name, value)) => field.check(change, value)?,
                None => field.check_absent(change)?,
            }
        }
        given.next().map_or(Ok(()), |(name, _value)| Err(FieldRefusal::unknown(name)))
    }

    /// Names of the identifiers and digests, sorted: what an audit can search events by.
    pub fn identifying_fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|field| field.identifies()).map(Field::name)
    }

    /// When the document expires by these details: the end, exclusive, of the day that the
    /// `valid-until` field gives, by UTC, in microseconds since the epoch. Nothing if the schema
    /// names no such field or these details do not give it.
    #[must_use]
    pub fn valid_until(&self, details: &Details<'_>) -> Option<i64> {
        let name = self.valid_until.as_deref()?;
        Date::parse(details.get(name)?).map(Date::end)
    }

    fn push(&mut self, line: usize, field: Field) -> Result<(), SchemaError> {
        if self.fields.len() == FIELDS_MAX {
            return Err(SchemaError::TooManyFields { line });
        }
        if self.fields.last().is_some_and(|before| before.name() >= field.name()) {
            return Err(SchemaError::Order { line });
        }
        self.fields.push(field);
        Ok(())
    }

    fn set_valid_until(&mut self, line: usize, name: &str) -> Result<(), SchemaError> {
        if !self.fields.iter().any(|field| field.name() == name && field.is_date()) {
            return Err(SchemaError::ValidUntil { line });
        }
        self.valid_until = Some(name.to_string());
        Ok(())
    }
}
