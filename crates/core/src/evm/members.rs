//! How an anchor's members are written and read: strings, each in one form only, and none longer than it may be.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, SeqAccess, Visitor},
};

use super::{
    anchor::Anchor,
    header::HEADER_BYTES_MAX,
    proof::{LAST_NODE_BYTES_MAX, NODES_MAX},
};
use crate::{encoding, rollup::Contract, text};

/// Kind and version of an anchor.
pub(crate) const KIND: &str = "evm-anchor-log/v1";

const EXPECTED_BYTES: &str = "0x and an even number of lower-case hexadecimal digits, not too many";
const EXPECTED_CONTRACT: &str = "a contract as eip155:<chain>:0x<address>, in lower case";
const EXPECTED_DECIMAL: &str = "a decimal below 2^63 as a string";
const EXPECTED_KIND: &str = "`evm-anchor-log/v1` as the kind";
const EXPECTED_NODES: &str = "a list of at most 19 nodes";

/// What the members of an anchor must be: the only messages that a refusal passes on.
pub(crate) const EXPECTED: [&str; 5] =
    [EXPECTED_BYTES, EXPECTED_CONTRACT, EXPECTED_DECIMAL, EXPECTED_KIND, EXPECTED_NODES];

/// The members in the order of their names, which is the canonical one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Members {
    #[serde(serialize_with = "write_contract", deserialize_with = "read_contract")]
    contract: Contract,
    header: Limited<HEADER_BYTES_MAX>,
    #[serde(deserialize_with = "read_kind")]
    kind: String,
    #[serde(serialize_with = "write_decimal", deserialize_with = "read_decimal")]
    log_index: u64,
    #[serde(serialize_with = "write_decimal", deserialize_with = "read_decimal")]
    receipt_index: u64,
    #[serde(serialize_with = "write_nodes", deserialize_with = "read_nodes")]
    receipt_proof: Vec<Vec<u8>>,
    #[serde(serialize_with = "write_decimal", deserialize_with = "read_decimal")]
    sequence: u64,
}

impl From<Anchor> for Members {
    fn from(anchor: Anchor) -> Self {
        let Anchor { contract, header, log_index, receipt_index, receipt_proof, sequence } = anchor;
        let (header, kind) = (Limited(header), KIND.to_string());
        Self { contract, header, kind, log_index, receipt_index, receipt_proof, sequence }
    }
}

impl From<Members> for Anchor {
    fn from(members: Members) -> Self {
        let Members { contract, header, log_index, receipt_index, receipt_proof, sequence, .. } =
            members;
        Self { contract, header: header.0, log_index, receipt_index, receipt_proof, sequence }
    }
}

/// At most so many bytes.
struct Limited<const BYTES_MAX: usize>(Vec<u8>);

impl<const BYTES_MAX: usize> Serialize for Limited<BYTES_MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de, const BYTES_MAX: usize> Deserialize<'de> for Limited<BYTES_MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, EXPECTED_BYTES, |text| from_hex(text, BYTES_MAX).map(Self))
    }
}

fn hex(bytes: &[u8]) -> String {
    String::from("0x") + &encoding::hex(bytes)
}

fn from_hex(text: &str, bytes_max: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.len() > 2 * bytes_max {
        return None;
    }
    let byte = |pair: &[u8]| {
        let [byte] = encoding::from_hex(str::from_utf8(pair).ok()?)?;
        Some(byte)
    };
    digits.chunks(2).map(byte).collect()
}

fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom(expected))
}

fn read_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, EXPECTED_KIND, |text| (text == KIND).then(|| text.to_string()))
}

fn write_contract<S: Serializer>(contract: &Contract, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(contract)
}

fn read_contract<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Contract, D::Error> {
    read(deserializer, EXPECTED_CONTRACT, Contract::parse_caip10)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn write_decimal<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn read_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    read(deserializer, EXPECTED_DECIMAL, text::decimal)
}

fn write_nodes<S: Serializer>(nodes: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(nodes.iter().map(|node| hex(node)))
}

fn read_nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    deserializer.deserialize_seq(Nodes)
}

/// Stops at the first node too many: a few bytes of JSON each would need ten times as many in memory.
struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Vec<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED_NODES)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = elements.next_element::<Limited<LAST_NODE_BYTES_MAX>>()? {
            if nodes.len() == NODES_MAX {
                return Err(A::Error::custom(EXPECTED_NODES));
            }
            nodes.push(node.0);
        }
        Ok(nodes)
    }
}
