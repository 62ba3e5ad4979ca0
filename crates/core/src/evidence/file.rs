//! The evidence file, `witness-evidence/v1`: JSON in RFC 8785 canonical form, integers as decimal strings.
//!
//! What must hold: a file that does not re-encode to itself byte for byte is refused. The members of each
//! struct are declared in the order of their names, so that `serde_json` writes the canonical form (RFC
//! 8785 section 3.2.3; its strings are escaped as section 3.2.2.2 says, and there are no numbers).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::members::{
    EVIDENCE_FORMAT as FORMAT, EXPECTED, LaterTable, read_document, read_format, read_index,
    read_issuer, read_path, write_document, write_issuer, write_path, write_shown,
};

use crate::{
    hash::{DocumentHash, Hash},
    merkle::LeafIndex,
    name::Domain,
};

/// Longest evidence file, in bytes.
pub const EVIDENCE_BYTES_MAX: usize = 16 * 1024 * 1024;

const EXPECTED_JSON: &str = "JSON with exactly the members of the format";

/// Why a file is no evidence file. Repeats nothing of it: it may hold a document hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Longer than [`EVIDENCE_BYTES_MAX`].
    #[error("evidence must be at most {EVIDENCE_BYTES_MAX} bytes long, came with {size}")]
    TooLong {
        /// Length that came, in bytes.
        size: usize,
    },
    /// Of a version that is not known here.
    #[error("evidence must be {FORMAT}, and is of another version")]
    OtherVersion,
    /// Not the JSON that it should be.
    #[error("evidence, line {line}, column {column}: must be {expected}")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// It parses, but would be written otherwise.
    #[error("evidence must be in RFC 8785 canonical form")]
    NotCanonical,
}

/// An evidence file, decoded and not yet verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Anchors on a chain: none in this version.
    pub anchors: LaterTable,
    /// What was added later. This version knows no kind of them: named unchecked, never counted.
    pub attachments: Vec<Attachment>,
    /// Signed checkpoints of one log, by ascending size.
    pub checkpoints: Vec<String>,
    /// Entries of the log, by ascending index.
    pub entries: Vec<EvidenceEntry>,
    /// The entries that hold the firm's notes, number 0 first and none skipped. Whether the log holds later
    /// ones, the file does not tell.
    pub firm: Vec<Reference>,
    #[serde(deserialize_with = "read_format")]
    format: String,
    /// What the evidence is about.
    pub items: Vec<Item>,
    /// The entries that hold the registry notes that matter, by ascending index.
    pub registry: Vec<Reference>,
    /// Roll-ups: none in this version.
    pub rollups: LaterTable,
}

/// Position in a table of the file, from 0; written as a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference(pub usize);

/// Something that was added to the file later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// What it is.
    pub body: String,
    /// What kind of thing.
    pub kind: String,
}

/// One leaf of the log, with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceEntry {
    /// The checkpoint in whose tree it stands.
    pub checkpoint: Reference,
    /// Its index in the log.
    #[serde(serialize_with = "write_shown", deserialize_with = "read_index")]
    pub index: LeafIndex,
    /// Its inclusion path, from the leaf up.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: Vec<Hash>,
    /// Its text, `witness-entry/v1`.
    pub text: String,
}

/// One document of one issuer, with what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The document.
    #[serde(serialize_with = "write_document", deserialize_with = "read_document")]
    pub document: DocumentHash,
    /// Its events, in log order.
    pub events: Vec<EvidenceEvent>,
    /// Its issuer.
    #[serde(serialize_with = "write_issuer", deserialize_with = "read_issuer")]
    pub issuer: Domain,
}

/// One event, with its place in a submission.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceEvent {
    /// Its details, only in a file for the issuer or a regulator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// The entry that holds its submission.
    pub entry: Reference,
    /// Its index in the submission.
    #[serde(serialize_with = "write_shown", deserialize_with = "read_index")]
    pub index: LeafIndex,
    /// Its inclusion path in the submission's tree, from the leaf up.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: Vec<Hash>,
    /// Its text, `witness-event/v1`.
    pub text: String,
}

/// Hides text and details.
impl fmt::Debug for EvidenceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvidenceEvent")
            .field("entry", &self.entry)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl Attachment {
    /// The attachment as it stands in the file: two that differ are never written alike.
    #[must_use]
    pub(super) fn encode(&self) -> String {
        // Writing strings into a string cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Evidence {
    /// A file without anything in it, to be filled.
    #[must_use]
    pub(super) fn empty() -> Self {
        Self {
            anchors: LaterTable::default(),
            attachments: Vec::new(),
            checkpoints: Vec::new(),
            entries: Vec::new(),
            firm: Vec::new(),
            format: FORMAT.to_string(),
            items: Vec::new(),
            registry: Vec::new(),
            rollups: LaterTable::default(),
        }
    }

    /// Parses a file of at most 16 MiB.
    pub fn parse(bytes: &[u8]) -> Result<Self, FileError> {
        if bytes.len() > EVIDENCE_BYTES_MAX {
            return Err(FileError::TooLong { size: bytes.len() });
        }
        let parsed: Self = serde_json::from_slice(bytes).map_err(|error| shape(bytes, &error))?;
        // What a later version puts into its tables is not kept, so that it could not be written again; the
        // verifier refuses such a file as one that it cannot judge.
        let is_later = !parsed.anchors.is_empty() || !parsed.rollups.is_empty();
        if is_later || parsed.encode().as_bytes() == bytes {
            Ok(parsed)
        } else {
            Err(FileError::NotCanonical)
        }
    }

    /// The file, in canonical form.
    #[must_use]
    pub fn encode(&self) -> String {
        // Writing strings and lists into a string cannot fail; were it to, no parser takes an empty file.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn shape(bytes: &[u8], error: &serde_json::Error) -> FileError {
    #[derive(Deserialize)]
    struct Version {
        format: String,
    }
    let version = serde_json::from_slice::<Version>(bytes).map(|version| version.format);
    let is_other = |format: &str| format != FORMAT && format.starts_with("witness-evidence/v");
    if version.is_ok_and(|format| is_other(&format)) {
        return FileError::OtherVersion;
    }
    // Only what this module says itself is passed on; serde's own messages can repeat the input.
    let message = error.to_string();
    let expected = EXPECTED.into_iter().find(|expected| message.starts_with(expected));
    FileError::Shape {
        line: error.line(),
        column: error.column(),
        expected: expected.unwrap_or(EXPECTED_JSON),
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::members::EXPECTED_DECIMAL;

    fn empty() -> String {
        Evidence::empty().encode()
    }

    #[test]
    fn members_are_written_in_the_order_of_their_names() {
        let expected = concat!(
            r#"{"anchors":[],"attachments":[],"checkpoints":[],"entries":[],"firm":[],"#,
            r#""format":"witness-evidence/v1","items":[],"registry":[],"rollups":[]}"#
        );
        assert_eq!(empty(), expected);
        assert_eq!(Evidence::parse(expected.as_bytes()), Ok(Evidence::empty()));
    }

    #[test]
    fn what_would_be_written_otherwise_is_refused() {
        let spaced = empty().replace(":[]", ": []");
        let escaped = empty().replace("witness-e", "witness-\\u0065");
        let twice = empty().replace("\"firm\":[],", "\"firm\":[],\"firm\":[],");
        let unsorted =
            empty().replace(",\"rollups\":[]}", "}").replace("{\"a", "{\"rollups\":[],\"a");
        for text in [spaced, escaped, unsorted, empty() + "\n"] {
            assert_eq!(Evidence::parse(text.as_bytes()), Err(FileError::NotCanonical), "{text}");
        }
        assert!(matches!(Evidence::parse(twice.as_bytes()), Err(FileError::Shape { .. })));
    }

    #[test]
    fn a_wrong_member_is_named_by_its_place_and_never_repeated() {
        let cases = [
            (r#""firm":["01"]"#, EXPECTED_DECIMAL),
            (r#""firm":[1]"#, EXPECTED_JSON),
            (r#""firm":"secret""#, EXPECTED_JSON),
            (r#""firm":[],"frim":[]"#, EXPECTED_JSON),
        ];
        for (member, expected) in cases {
            let text = empty().replace(r#""firm":[]"#, member);
            let refusal = Evidence::parse(text.as_bytes()).unwrap_err();
            assert!(
                matches!(refusal, FileError::Shape { expected: e, .. } if e == expected),
                "{member}"
            );
            assert!(!refusal.to_string().contains("secret"));
        }
    }

    #[test]
    fn what_a_later_version_puts_into_its_tables_is_noticed_and_not_kept() {
        for (member, held) in [("anchors", "[0]"), ("rollups", "[{\"a\":[[],\"b\"]},null]")] {
            let later = empty().replace(
                &alloc::format!("\"{member}\":[]"),
                &alloc::format!("\"{member}\":{held}"),
            );
            let parsed = Evidence::parse(later.as_bytes()).unwrap();
            assert_eq!(parsed.anchors.is_empty(), member != "anchors");
            assert_eq!(parsed.rollups.is_empty(), member != "rollups");
            assert_eq!(Evidence::parse(parsed.encode().as_bytes()), Ok(parsed));
        }
        let broken = empty().replace("\"anchors\":[]", "\"anchors\":[0,]");
        assert!(matches!(Evidence::parse(broken.as_bytes()), Err(FileError::Shape { .. })));
    }

    #[test]
    fn another_version_is_told_from_a_broken_file() {
        let later = empty().replace("/v1", "/v2").replace("\"firm\"", "\"firms\"");
        assert_eq!(Evidence::parse(later.as_bytes()), Err(FileError::OtherVersion));
        let other = empty().replace("witness-evidence/v1", "receipt/v1");
        assert!(matches!(Evidence::parse(other.as_bytes()), Err(FileError::Shape { .. })));
        let long = alloc::vec![b' '; EVIDENCE_BYTES_MAX + 1];
        assert!(matches!(Evidence::parse(&long), Err(FileError::TooLong { .. })));
    }
}
