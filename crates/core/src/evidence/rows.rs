//! The rows of the evidence file's tables. The members of each are declared in the order of their names, which
//! is the canonical one.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{
    file::Reference,
    members::{
        read_document, read_hash, read_index, read_issuer, read_path, write_document, write_hash,
        write_issuer, write_path, write_shown,
    },
};
use crate::{
    evm::Anchor,
    hash::{DocumentHash, Hash},
    merkle::LeafIndex,
    name::Domain,
};

/// An anchor: a roll-up as one entry of a contract, with its proof up to a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorRow {
    /// The anchor.
    pub anchor: Anchor,
    /// The roll-up that was anchored.
    pub rollup: Reference,
}

/// A signed roll-up, with the proof that it is over a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollUpRow {
    /// The checkpoint whose text is a leaf of it.
    pub checkpoint: Reference,
    /// Index of that leaf.
    #[serde(serialize_with = "write_shown", deserialize_with = "read_index")]
    pub index: LeafIndex,
    /// The signed note, `witness-rollup/v1`.
    pub note: String,
    /// Inclusion path of that leaf, from the leaf up.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: Vec<Hash>,
}

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
    /// Its events whose texts were erased, in log order; left out if there are none. That they were of this document
    /// is the firm's word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<ErasedEvent>,
    /// Its events, in log order: one at least.
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

/// An event whose text was erased: its place in a submission, and the erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasedEvent {
    /// The entry that holds its submission.
    pub entry: Reference,
    /// The entry that says that it was erased.
    pub erasure: Reference,
    /// Its index in the submission.
    #[serde(serialize_with = "write_shown", deserialize_with = "read_index")]
    pub index: LeafIndex,
    /// Its leaf hash, which is all that is left of it.
    #[serde(serialize_with = "write_hash", deserialize_with = "read_hash")]
    pub leaf: Hash,
    /// Its inclusion path in the submission's tree, from the leaf up.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: Vec<Hash>,
}

impl Attachment {
    /// The attachment as it stands in the file: two that differ are never written alike.
    #[must_use]
    pub(super) fn encode(&self) -> String {
        // Writing strings into a string cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
