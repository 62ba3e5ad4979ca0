//! How the members of the file are written and read: all of them strings, each in one form only.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
};

use super::file::Reference;
use crate::{
    hash::{DocumentHash, Hash},
    merkle::LeafIndex,
    name::Domain,
    text,
};

pub(super) const EVIDENCE_FORMAT: &str = "witness-evidence/v1";

pub(super) const EXPECTED_FORMAT: &str = "`witness-evidence/v1` as the format";
pub(super) const EXPECTED_DECIMAL: &str = "a decimal below 2^63 as a string";
pub(super) const EXPECTED_HASH: &str = "32 bytes in base64";
pub(super) const EXPECTED_DOCUMENT: &str = "64 lower-case hexadecimal digits";
pub(super) const EXPECTED_ISSUER: &str = "an issuer's domain in lower-case A-label form";

/// What the members of the file must be: the only messages that a refusal passes on.
pub(super) const EXPECTED: [&str; 5] =
    [EXPECTED_FORMAT, EXPECTED_DECIMAL, EXPECTED_HASH, EXPECTED_DOCUMENT, EXPECTED_ISSUER];

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, EXPECTED_DECIMAL, |text| {
            usize::try_from(text::decimal(text)?).ok().map(Self)
        })
    }
}

/// A table that only a later version fills. Whether it holds anything is all that is kept of it: a few bytes
/// of JSON can need a hundred times as many in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaterTable {
    is_filled: bool,
}

impl LaterTable {
    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        !self.is_filled
    }
}

/// A table that holds something is written with a null for it.
impl Serialize for LaterTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.is_filled.then_some(()))
    }
}

impl<'de> Deserialize<'de> for LaterTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Skipped)
    }
}

/// Walks over the elements of a list without keeping any.
struct Skipped;

impl<'de> Visitor<'de> for Skipped {
    type Value = LaterTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<LaterTable, A::Error> {
        let mut is_filled = false;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            is_filled = true;
        }
        Ok(LaterTable { is_filled })
    }
}

fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom(expected))
}

pub(super) fn read_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, EXPECTED_FORMAT, |text| (text == EVIDENCE_FORMAT).then(|| text.to_string()))
}

pub(super) fn write_shown<T: fmt::Display, S: Serializer>(
    index: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(index)
}

pub(super) fn read_index<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<LeafIndex, D::Error> {
    read(deserializer, EXPECTED_DECIMAL, |text| text::decimal(text).map(LeafIndex))
}

pub(super) fn write_path<S: Serializer>(path: &[Hash], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(path.iter().map(|hash| hash.to_base64()))
}

pub(super) fn read_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
    let path = Vec::<String>::deserialize(deserializer)?;
    let hash = |text: &String| Hash::from_base64(text);
    path.iter().map(hash).collect::<Option<_>>().ok_or_else(|| D::Error::custom(EXPECTED_HASH))
}

pub(super) fn write_document<S: Serializer>(
    document: &DocumentHash,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&document.0.to_hex())
}

pub(super) fn read_document<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<DocumentHash, D::Error> {
    read(deserializer, EXPECTED_DOCUMENT, |text| Hash::from_hex(text).map(DocumentHash))
}

pub(super) fn write_issuer<S: Serializer>(
    issuer: &Domain,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(issuer.as_str())
}

pub(super) fn read_issuer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Domain, D::Error> {
    read(deserializer, EXPECTED_ISSUER, Domain::parse)
}
