//! The details of an event, `witness-details/v1`: its key identifiers and dates as text, salted
//! apart from the event.
//!
//! ```text
//! witness-details/v1
//! <base64 salt, 16 bytes>
//! <field>=<value>
//! ```
//!
//! What must hold: a text that parses is the only text for its fields and salt, because its SHA-256
//! stands in the event; lines are sorted by field name and no field comes twice. No error and no
//! `Debug` output repeats a byte of the text except field names that were found well-formed: a
//! value may be the very thing nobody should have sent.
//!
//! *Not here:* which fields a claim type admits and what their values look like; that is
//! [`crate::schema`].

#[cfg(test)]
mod tests;

use alloc::{string::String, vec::Vec};
use core::{fmt, str};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::name::is_name;

/// The first line of every details text.
pub const DETAILS_VERSION: &str = "witness-details/v1";
/// The most bytes a details text may have.
pub const DETAILS_SIZE_MAX: usize = 4096;
/// The most characters a value may have; a schema narrows this further.
pub const VALUE_SIZE_MAX: usize = 256;

const SALT_SIZE: usize = 16;
/// RFC 4648 section 4: 16 bytes take 22 characters and two of padding.
const SALT_TEXT_SIZE: usize = 24;
/// What the decoder may want to write before it has seen the padding.
const SALT_BUFFER_SIZE: usize = 18;

/// Why a details text was refused. Lines are counted from 1; the version stands on line 1, the
/// first field on line 3.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DetailsError {
    /// The text is longer than [`DETAILS_SIZE_MAX`].
    #[error("details of {size} bytes, at most {DETAILS_SIZE_MAX} are taken")]
    TooLong {
        /// The size that came.
        size: usize,
    },
    /// The text has a byte that is neither printable ASCII nor the end of a line.
    #[error("details have a byte that is neither printable ascii nor a line feed")]
    NotPrintable,
    /// The last line does not end in a line feed.
    #[error("the last line of the details does not end in a line feed")]
    UnfinishedLine,
    /// The first line is another one than [`DETAILS_VERSION`].
    #[error("details do not begin with the line {DETAILS_VERSION}")]
    Version,
    /// The second line is not the canonical base64 of 16 bytes.
    #[error("the salt on line 2 of the details is not canonical base64 of 16 bytes")]
    Salt,
    /// A line has no `=`.
    #[error("line {line} of the details is not <field>=<value>")]
    NotAField {
        /// The line.
        line: usize,
    },
    /// A field name is not `[a-z0-9-]{1,32}`.
    #[error("line {line} of the details has a field name other than [a-z0-9-]{{1,32}}")]
    FieldName {
        /// The line.
        line: usize,
    },
    /// A value is empty, longer than [`VALUE_SIZE_MAX`], or not printable ASCII.
    #[error(
        "line {line} of the details has a value other than 1 to {VALUE_SIZE_MAX} printable ascii characters"
    )]
    Value {
        /// The line.
        line: usize,
    },
    /// A field name is not above the one before it: unsorted, or given twice.
    #[error("line {line} of the details is out of order or names a field again")]
    Order {
        /// The line.
        line: usize,
    },
}

/// A details text that was found well-formed. It borrows the text; parsing allocates once.
#[derive(Clone, PartialEq, Eq)]
pub struct Details<'a> {
    text: &'a str,
    /// Sorted by name, without repetition: [`Details::get`] searches by halves.
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Details<'a> {
    /// Parses a details text, or says which line breaks the format.
    pub fn parse(text: &'a [u8]) -> Result<Self, DetailsError> {
        if text.len() > DETAILS_SIZE_MAX {
            return Err(DetailsError::TooLong { size: text.len() });
        }
        // One pass for the alphabet, so that nothing below has to think about bytes.
        if !text.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            return Err(DetailsError::NotPrintable);
        }
        // The original error names an offset, and after the pass above it cannot occur.
        let text = str::from_utf8(text).map_err(|_unreachable| DetailsError::NotPrintable)?;
        let body = text.strip_suffix('\n').ok_or(DetailsError::UnfinishedLine)?;
        let mut lines = body.split('\n');
        if lines.next() != Some(DETAILS_VERSION) {
            return Err(DetailsError::Version);
        }
        check_salt(lines.next().unwrap_or_default())?;

        let line_feeds = text.bytes().filter(|byte| *byte == b'\n').count();
        let mut fields: Vec<(&str, &str)> = Vec::with_capacity(line_feeds.saturating_sub(2));
        for (line, text) in (3..).zip(lines) {
            let field = text.split_once('=').ok_or(DetailsError::NotAField { line })?;
            check_field(line, field)?;
            if fields.last().is_some_and(|before| before.0 >= field.0) {
                return Err(DetailsError::Order { line });
            }
            fields.push(field);
        }
        Ok(Self { text, fields })
    }

    /// Writes the text of a salt and fields, which may come in any order.
    ///
    /// The line in an error is that of the text that would have been written.
    pub fn encode(salt: [u8; SALT_SIZE], fields: &[(&str, &str)]) -> Result<String, DetailsError> {
        let mut sorted = fields.to_vec();
        sorted.sort_unstable();
        let mut text = String::from(DETAILS_VERSION);
        text.push('\n');
        STANDARD.encode_string(salt, &mut text);
        text.push('\n');
        for (line, field) in (3..).zip(sorted) {
            // Before the parser sees it: a line feed inside a value would read as one more,
            // well-formed line.
            check_field(line, field)?;
            let (name, value) = field;
            text.extend([name, "=", value, "\n"]);
        }
        // The reader has the last word; order and total size are checked there and nowhere else.
        Details::parse(text.as_bytes())?;
        Ok(text)
    }

    /// The value of a field, if it is given.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&'a str> {
        let at = self.fields.binary_search_by_key(&field, |(name, _value)| name).ok()?;
        self.fields.get(at).map(|(_name, value)| *value)
    }

    /// All fields as names and values, sorted by name.
    #[must_use]
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + '_ {
        self.fields.iter().copied()
    }

    /// The text itself, byte for byte as it came.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// SHA-256 of the text (FIPS 180-4): what stands in the last line of the event.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text).into()
    }
}

/// Shows which fields are given, and neither a value nor the salt: logs are not the place for
/// either.
impl fmt::Debug for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Details ")?;
        f.debug_list().entries(self.fields.iter().map(|(name, _value)| name)).finish()
    }
}

fn check_field(line: usize, (name, value): (&str, &str)) -> Result<(), DetailsError> {
    if !is_name(name) {
        return Err(DetailsError::FieldName { line });
    }
    let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !printable || value.is_empty() || value.len() > VALUE_SIZE_MAX {
        return Err(DetailsError::Value { line });
    }
    Ok(())
}

/// The engine refuses missing padding and set trailing bits (RFC 4648 sections 3.2 and 3.5), so one
/// salt has one text.
fn check_salt(line: &str) -> Result<(), DetailsError> {
    let mut salt = [0; SALT_BUFFER_SIZE];
    let decoded = line.len() == SALT_TEXT_SIZE
        && STANDARD.decode_slice(line, &mut salt).is_ok_and(|size| size == SALT_SIZE);
    if decoded { Ok(()) } else { Err(DetailsError::Salt) }
}
