//! The evidence file, `witness-evidence/v1`: JSON in RFC 8785 canonical form, integers as decimal strings.
//!
//! What must hold: a file that does not re-encode to itself byte for byte is refused. The members of each
//! struct are declared in the order of their names, so that `serde_json` writes the canonical form (RFC
//! 8785 section 3.2.3; its strings are escaped as section 3.2.2.2 says, and there are no numbers).

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{
    anchors::AnchorBlock,
    attachments::LaterAnchor,
    members::{EVIDENCE_FORMAT as FORMAT, EXPECTED, read_format, read_paths, write_paths},
    rows::{AnchorRow, Attachment, EvidenceEntry, Item, RollUpRow},
};
use crate::{
    evm::members::{EXPECTED as EXPECTED_IN_ANCHORS, KIND as ANCHOR_KIND},
    hash::Hash,
    name::Name,
    text::decimal,
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
    /// Of a version that is not known here, or with an anchor of a kind that is not.
    #[error(
        "evidence must be {FORMAT} with anchors of kind {ANCHOR_KIND}, and is of another version"
    )]
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
    /// Anchors of the roll-ups, by ascending contract and number.
    pub anchors: Vec<AnchorRow>,
    /// What was added later: what is good counts, all else is named unchecked.
    pub attachments: Vec<Attachment>,
    /// Signed checkpoints of one log, by ascending size.
    pub checkpoints: Vec<String>,
    /// That they are one history: a consistency proof from each checkpoint to the next one.
    #[serde(serialize_with = "write_paths", deserialize_with = "read_paths")]
    pub consistency: Vec<Vec<Hash>>,
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
    /// Roll-ups over the checkpoints, by ascending sequence.
    pub rollups: Vec<RollUpRow>,
}

/// Position in a table of the file, from 0; written as a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference(pub usize);

impl Evidence {
    /// A file without anything in it, to be filled.
    #[must_use]
    pub(super) fn empty() -> Self {
        Self {
            anchors: Vec::new(),
            attachments: Vec::new(),
            checkpoints: Vec::new(),
            consistency: Vec::new(),
            entries: Vec::new(),
            firm: Vec::new(),
            format: FORMAT.to_string(),
            items: Vec::new(),
            registry: Vec::new(),
            rollups: Vec::new(),
        }
    }

    /// Parses a file of at most 16 MiB.
    pub fn parse(bytes: &[u8]) -> Result<Self, FileError> {
        if bytes.len() > EVIDENCE_BYTES_MAX {
            return Err(FileError::TooLong { size: bytes.len() });
        }
        let parsed: Self = serde_json::from_slice(bytes).map_err(|error| shape(bytes, &error))?;
        if parsed.encode().as_bytes() == bytes { Ok(parsed) } else { Err(FileError::NotCanonical) }
    }

    /// Adds something that came later, unless it is there already.
    pub fn attach(&mut self, attachment: Attachment) {
        if !self.attachments.contains(&attachment) {
            self.attachments.push(attachment);
        }
    }

    /// The blocks in which the file's anchors stand, those of attachments included: for whoever can tell whether
    /// they are on their chains. Anchors that their proofs do not bear out are left out.
    #[must_use]
    pub fn blocks(&self) -> BTreeSet<AnchorBlock> {
        let note = |row: &AnchorRow| self.rollups.get(row.rollup.0).map(|rollup| &rollup.note);
        let of_row = |row: &AnchorRow| AnchorBlock::of(&row.anchor, note(row)?);
        let rows = self.anchors.iter().filter_map(of_row);
        rows.chain(self.attachments.iter().filter_map(LaterAnchor::block)).collect()
    }

    /// The file, in canonical form.
    #[must_use]
    pub fn encode(&self) -> String {
        // Writing strings and lists into a string cannot fail; were it to, no parser takes an empty file.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn shape(bytes: &[u8], error: &serde_json::Error) -> FileError {
    if is_other_version(bytes) {
        return FileError::OtherVersion;
    }
    // Only what we say ourselves is passed on; serde's own messages can repeat the input.
    let message = error.to_string();
    let mut known = EXPECTED.into_iter().chain(EXPECTED_IN_ANCHORS);
    let expected = known.find(|expected| message.starts_with(expected));
    FileError::Shape {
        line: error.line(),
        column: error.column(),
        expected: expected.unwrap_or(EXPECTED_JSON),
    }
}

/// Whether a file that does not parse says that it, or an anchor in it, is of another version, whatever members that
/// one has.
fn is_other_version(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        anchors: Vec<SaidRow>,
        format: String,
    }
    #[derive(Deserialize)]
    struct SaidRow {
        anchor: SaidKind,
    }
    #[derive(Deserialize)]
    struct SaidKind {
        kind: String,
    }
    #[derive(Deserialize)]
    struct SaidFormat {
        format: String,
    }
    let format = serde_json::from_slice::<SaidFormat>(bytes).map(|said| said.format);
    if format.is_ok_and(|format| format != FORMAT && format.starts_with("witness-evidence/v")) {
        return true;
    }
    let is_other = |row: &SaidRow| row.anchor.kind != ANCHOR_KIND && is_kind(&row.anchor.kind);
    serde_json::from_slice::<Said>(bytes)
        .is_ok_and(|said| said.format == FORMAT && said.anchors.iter().any(is_other))
}

/// Whether this could be a kind of anchors with its version.
fn is_kind(kind: &str) -> bool {
    let is_name = |name: &str| Name::parse(name).is_some();
    kind.split_once("/v").is_some_and(|(name, version)| is_name(name) && decimal(version).is_some())
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
            r#"{"anchors":[],"attachments":[],"checkpoints":[],"consistency":[],"entries":[],"#,
            r#""firm":[],"format":"witness-evidence/v1","items":[],"registry":[],"rollups":[]}"#
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
    fn an_anchor_of_another_kind_is_told_from_a_broken_one() {
        let with = |anchor: &str| {
            let row = alloc::format!("\"anchors\":[{{\"anchor\":{anchor},\"rollup\":\"0\"}}]");
            Evidence::parse(empty().replace("\"anchors\":[]", &row).as_bytes()).unwrap_err()
        };
        for later in
            [r#"{"kind":"evm-anchor-log/v2"}"#, r#"{"block":1,"kind":"bitcoin-op-return/v1"}"#]
        {
            assert_eq!(with(later), FileError::OtherVersion, "{later}");
        }
        for broken in [
            r#"{"kind":"evm-anchor-log/v1"}"#,
            r#"{"kind":"Evm/v1"}"#,
            r#"{"kind":"evm"}"#,
            r#"{"kind":"evm/vx"}"#,
            "{}",
        ] {
            assert!(matches!(with(broken), FileError::Shape { .. }), "{broken}");
        }
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
