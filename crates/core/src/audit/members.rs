//! The members of `bundle.json`, all of them strings, in the order of their names.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use super::bundle::{AnchorFile, Bundle, BundleError, BundleScope, BundleStream};
use crate::{
    key::{SignatureType, VerifyingKey},
    merkle::TreeSize,
    name::{Domain, Jurisdictions, Name, Origin},
    rollup::Contract,
    text::decimal,
    time::Timestamp,
};

const FORMAT: &str = "witness-bundle/v1";
const NUMBER: &str = "a decimal below 2^63 as a string";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Members {
    anchors: Vec<AnchorMembers>,
    checkpoints: Vec<String>,
    exported_at: String,
    format: String,
    origin: String,
    rollups: Vec<String>,
    root: String,
    scope: ScopeMembers,
    size: String,
    streams: Vec<StreamMembers>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorMembers {
    contract: String,
    rollup: String,
    sequence: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeMembers {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jurisdictions: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamMembers {
    issuer: String,
    stream: String,
}

/// What a file says of itself, whatever members it has.
#[derive(Deserialize)]
pub(super) struct Said {
    format: String,
}

impl Said {
    pub(super) fn is_of_another_version(bytes: &[u8]) -> bool {
        serde_json::from_slice::<Self>(bytes).is_ok_and(|said| is_other_version(&said.format))
    }
}

fn is_other_version(format: &str) -> bool {
    let version = format.strip_prefix("witness-bundle/v");
    format != FORMAT && version.is_some_and(|version| decimal(version).is_some())
}

impl Members {
    pub(super) fn of(bundle: &Bundle) -> Self {
        let anchor = |anchor: &AnchorFile| AnchorMembers {
            contract: anchor.contract.to_string(),
            rollup: anchor.rollup.to_string(),
            sequence: anchor.sequence.to_string(),
        };
        let stream = |stream: &BundleStream| StreamMembers {
            issuer: stream.issuer.to_string(),
            stream: stream.stream.to_string(),
        };
        let BundleScope { issuer, jurisdictions } = &bundle.scope;
        Self {
            anchors: bundle.anchors.iter().map(anchor).collect(),
            checkpoints: bundle.checkpoints.iter().map(ToString::to_string).collect(),
            exported_at: bundle.exported_at.micros().to_string(),
            format: FORMAT.to_string(),
            origin: bundle.origin.to_string(),
            rollups: bundle.rollups.iter().map(ToString::to_string).collect(),
            root: bundle.root.to_string(),
            scope: ScopeMembers {
                issuer: issuer.as_ref().map(ToString::to_string),
                jurisdictions: jurisdictions.as_ref().map(ToString::to_string),
            },
            size: bundle.size.to_string(),
            streams: bundle.streams.iter().map(stream).collect(),
        }
    }

    pub(super) fn read(&self) -> Result<Bundle, BundleError> {
        if is_other_version(&self.format) {
            return Err(BundleError::OtherVersion);
        }
        need("format", "witness-bundle/v1", (self.format == FORMAT).then_some(()))?;
        let origin = Origin::parse(&self.origin);
        let size = decimal(&self.size).filter(|size| *size > 0).map(TreeSize);
        let size = need("size", "a decimal from 1 on, below 2^63, as a string", size)?;
        let rollups = self.read_rollups()?;
        Ok(Bundle {
            origin: need("origin", "the origin of a log, <firm>/<log>", origin)?,
            size,
            scope: self.scope.read()?,
            streams: self.read_streams()?,
            checkpoints: self.read_checkpoints(size)?,
            anchors: self.read_anchors(&rollups)?,
            rollups,
            exported_at: need("exported_at", NUMBER, Timestamp::parse(&self.exported_at))?,
            root: need("root", "the vkey of a firm, of type 0x01", read_root(&self.root))?,
        })
    }

    fn read_streams(&self) -> Result<Vec<BundleStream>, BundleError> {
        let read = |members: &StreamMembers| {
            let (issuer, stream) = (Domain::parse(&members.issuer)?, Name::parse(&members.stream)?);
            Some(BundleStream { issuer, stream })
        };
        let streams = self.streams.iter().map(read).collect::<Option<Vec<_>>>();
        let streams = streams.filter(|streams| streams.is_sorted_by(|a, b| a < b));
        need("streams", "streams with their issuers, ascending, none twice", streams)
    }

    fn read_checkpoints(&self, size: TreeSize) -> Result<Vec<TreeSize>, BundleError> {
        let sizes = self.checkpoints.iter().map(|text| decimal(text).map(TreeSize));
        let sizes = sizes.collect::<Option<Vec<_>>>().filter(|sizes| {
            let fits = |of: &TreeSize| (1..=size.0).contains(&of.0);
            sizes.is_sorted_by(|a, b| a < b) && sizes.iter().all(fits)
        });
        need("checkpoints", "sizes up to that of the bundle, ascending, none twice", sizes)
    }

    fn read_rollups(&self) -> Result<Vec<u64>, BundleError> {
        let numbers = self.rollups.iter().map(|text| decimal(text)).collect::<Option<Vec<_>>>();
        let numbers = numbers.filter(|numbers| numbers.is_sorted_by(|a, b| a < b));
        need("rollups", "numbers of roll-ups, ascending, none twice", numbers)
    }

    fn read_anchors(&self, rollups: &[u64]) -> Result<Vec<AnchorFile>, BundleError> {
        let read = |members: &AnchorMembers| {
            let rollup = decimal(&members.rollup).filter(|it| rollups.binary_search(it).is_ok())?;
            let contract = Contract::parse_caip10(&members.contract)?;
            Some(AnchorFile { contract, sequence: decimal(&members.sequence)?, rollup })
        };
        let place = |anchor: &AnchorFile| (anchor.contract, anchor.sequence);
        let anchors = self.anchors.iter().map(read).collect::<Option<Vec<_>>>();
        let anchors = anchors.filter(|all| all.is_sorted_by(|a, b| place(a) < place(b)));
        let expected = "anchors of the bundle's roll-ups, ascending by contract and number";
        need("anchors", expected, anchors)
    }
}

impl ScopeMembers {
    fn read(&self) -> Result<BundleScope, BundleError> {
        let issuer = self.issuer.as_deref().map(|issuer| Domain::parse(issuer).ok_or(()));
        let jurisdictions =
            self.jurisdictions.as_deref().map(|codes| Jurisdictions::parse(codes).ok_or(()));
        let read = issuer.transpose().ok().zip(jurisdictions.transpose().ok());
        let scope = read.map(|(issuer, jurisdictions)| BundleScope { issuer, jurisdictions });
        need("scope", "an issuer, jurisdictions, both or neither", scope)
    }
}

fn read_root(vkey: &str) -> Option<VerifyingKey> {
    let key = VerifyingKey::parse(vkey).ok()?;
    let is_root = key.signature_type() == SignatureType::Ed25519;
    Domain::parse(key.name()).filter(|_| is_root).map(|_| key)
}

fn need<T>(
    member: &'static str,
    expected: &'static str,
    read: Option<T>,
) -> Result<T, BundleError> {
    read.ok_or(BundleError::Member { member, expected })
}
