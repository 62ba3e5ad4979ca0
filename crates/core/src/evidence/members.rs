//! How the members of the file are written and read: all of them strings, each in one form only.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use super::file::Reference;
use crate::{
    encoding,
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

fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text { expected, parse })
}

/// A string that is read where it stands.
struct Text<F> {
    expected: &'static str,
    parse: F,
}

impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::custom(self.expected))
    }
}

/// A hash, written in base64.
struct Base64(Hash);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = encoding::base64_of_hash(self.0.as_bytes());
        // Digits are ASCII; were they not, no parser would take the file.
        serializer.serialize_str(str::from_utf8(&digits).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, EXPECTED_HASH, Hash::from_base64).map(Self)
    }
}

/// An inclusion path or a consistency proof.
struct Path<'a>(&'a [Hash]);

impl Serialize for Path<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|hash| Base64(*hash)))
    }
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

pub(super) fn write_hash<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    Base64(*hash).serialize(serializer)
}

pub(super) fn read_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
    Base64::deserialize(deserializer).map(|hash| hash.0)
}

pub(super) fn write_path<S: Serializer>(path: &[Hash], serializer: S) -> Result<S::Ok, S::Error> {
    Path(path).serialize(serializer)
}

pub(super) fn read_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
    Vec::deserialize(deserializer).map(hashes)
}

pub(super) fn write_paths<S: Serializer>(
    paths: &[Vec<Hash>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| Path(path)))
}

pub(super) fn read_paths<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Vec<Hash>>, D::Error> {
    let paths = Vec::<Vec<Base64>>::deserialize(deserializer)?;
    Ok(paths.into_iter().map(hashes).collect())
}

fn hashes(path: Vec<Base64>) -> Vec<Hash> {
    path.into_iter().map(|hash| hash.0).collect()
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
