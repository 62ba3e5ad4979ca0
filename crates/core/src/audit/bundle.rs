//! `bundle.json`, `witness-bundle/v1`: what a bundle holds, and for whom. Canonical JSON (RFC 8785; integers as
//! decimal strings), re-encoded byte for byte or refused.
//!
//! What must hold: it is written last, so that a folder with it is complete. Nobody signs it: what it leaves out
//! shows by the registry and by the log.

use alloc::{string::String, vec::Vec};

use super::members::{Members, Said};
use crate::{
    key::VerifyingKey,
    merkle::TreeSize,
    name::{Domain, Jurisdictions, Name, Origin},
    registry::{Registry, StreamRecord},
    rollup::Contract,
    scope::Scope,
    time::Timestamp,
};

/// Longest `bundle.json`, in bytes.
pub const BUNDLE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a `bundle.json` was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Longer than [`BUNDLE_BYTES_MAX`].
    #[error("bundle.json must be at most {BUNDLE_BYTES_MAX} bytes long")]
    TooLong,
    /// Of a version that is not known here.
    #[error(
        "bundle.json must be witness-bundle/v1, and is of another version; use a newer program"
    )]
    OtherVersion,
    /// Not the JSON that it should be.
    #[error("bundle.json, line {line}, column {column}: must be JSON with exactly its members")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A member that is not what it should be.
    #[error("bundle.json, {member}: must be {expected}")]
    Member {
        /// Name of the member.
        member: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// It parses, but would be written otherwise.
    #[error("bundle.json must be in RFC 8785 canonical form")]
    NotCanonical,
}

impl BundleError {
    /// Whether a later version may well have written it.
    #[must_use]
    pub fn may_be_later(&self) -> bool {
        *self == Self::OtherVersion
    }
}

/// Whose bodies a bundle holds: the streams for which all that is given here holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BundleScope {
    /// Only streams of this issuer.
    pub issuer: Option<Domain>,
    /// Only streams that one of these covers.
    pub jurisdictions: Option<Jurisdictions>,
}

impl BundleScope {
    /// Whether a stream of an issuer is in it.
    #[must_use]
    pub fn has(&self, issuer: &Domain, stream: &StreamRecord) -> bool {
        let is_theirs = self.issuer.as_ref().is_none_or(|own| own == issuer);
        let jurisdictions = self.jurisdictions.as_ref();
        is_theirs && jurisdictions.is_none_or(|own| own.cover(&stream.jurisdictions))
    }

    /// The streams of a registry that are in it, in order: exactly those of which the bundle must have the bodies.
    #[must_use]
    pub fn streams(&self, registry: &Registry) -> Vec<BundleStream> {
        let of_issuer = |(issuer, record): (&Domain, &crate::registry::IssuerRecord)| {
            let own = record.streams.iter().filter(|(_, stream)| self.has(issuer, stream));
            let name = |(stream, _): (&Name, &StreamRecord)| BundleStream {
                issuer: issuer.clone(),
                stream: stream.clone(),
            };
            own.map(name).collect::<Vec<_>>()
        };
        registry.issuers().flat_map(of_issuer).collect()
    }
}

impl From<Scope> for BundleScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Jurisdictions(own) => Self { issuer: None, jurisdictions: Some(own) },
            Scope::Issuer(own) => Self { issuer: Some(own), jurisdictions: None },
        }
    }
}

/// A stream whose bodies are in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BundleStream {
    /// Its issuer.
    pub issuer: Domain,
    /// Its name.
    pub stream: Name,
}

/// An anchor of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnchorFile {
    /// The contract.
    pub contract: Contract,
    /// Number of the anchor on the contract.
    pub sequence: u64,
    /// Number of the roll-up that it is of, which must be in the bundle.
    pub rollup: u64,
}

/// What `bundle.json` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The log.
    pub origin: Origin,
    /// Number of its entries, all of which are there.
    pub size: TreeSize,
    /// Whose bodies are there.
    pub scope: BundleScope,
    /// The streams whose bodies are there, ascending: those of the registry that are in the scope.
    pub streams: Vec<BundleStream>,
    /// Sizes of the published checkpoints that lie under `checkpoints/`, ascending.
    pub checkpoints: Vec<TreeSize>,
    /// Numbers of the roll-ups, ascending.
    pub rollups: Vec<u64>,
    /// The anchors, by ascending contract and number.
    pub anchors: Vec<AnchorFile>,
    /// When it was made, by the exporter's word, which nothing proves.
    pub exported_at: Timestamp,
    /// The firm's root key, as the exporter says it. Never believed: it must be that of the policy.
    pub root: VerifyingKey,
}

impl Bundle {
    /// Parses the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLong);
        }
        let members: Members = serde_json::from_slice(bytes).map_err(|error| {
            if Said::is_of_another_version(bytes) {
                return BundleError::OtherVersion;
            }
            BundleError::Shape { line: error.line(), column: error.column() }
        })?;
        let bundle = members.read()?;
        if bundle.encode().as_bytes() == bytes {
            Ok(bundle)
        } else {
            Err(BundleError::NotCanonical)
        }
    }

    /// The file, in canonical form.
    #[must_use]
    pub fn encode(&self) -> String {
        // Writing strings into a string cannot fail; were it to, no parser takes an empty file.
        serde_json::to_string(&Members::of(self)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{SignatureType, SigningKey};
    use alloc::vec;

    fn bundle() -> Bundle {
        let root = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[1; 32]);
        let stream = |name: &str| BundleStream {
            issuer: Domain::parse("school.example").unwrap(),
            stream: Name::parse(name).unwrap(),
        };
        let contract = Contract { chain: 8453, address: [0x22; 20] };
        Bundle {
            origin: Origin::parse("witness.example/log1").unwrap(),
            size: TreeSize(14),
            scope: BundleScope { issuer: None, jurisdictions: Jurisdictions::parse("DE,EU") },
            streams: vec![stream("live"), stream("main")],
            checkpoints: vec![TreeSize(7), TreeSize(14)],
            rollups: vec![0, 1],
            anchors: vec![AnchorFile { contract, sequence: 17, rollup: 1 }],
            exported_at: Timestamp::from_seconds(1_770_000_000),
            root: root.unwrap().verifying_key().clone(),
        }
    }

    #[test]
    fn what_a_bundle_holds_reads_back() {
        let issuer = Domain::parse("school.example");
        let scopes = [
            bundle().scope,
            BundleScope::default(),
            BundleScope { issuer: issuer.clone(), ..bundle().scope },
            BundleScope { issuer, jurisdictions: None },
        ];
        for scope in scopes {
            let bundle = Bundle { scope, ..bundle() };
            assert_eq!(Bundle::parse(bundle.encode().as_bytes()), Ok(bundle));
        }
    }

    #[test]
    fn lists_ascend_and_each_anchor_has_its_roll_up() {
        let refused = |change: &dyn Fn(&mut Bundle)| {
            let mut bundle = bundle();
            change(&mut bundle);
            let read = Bundle::parse(bundle.encode().as_bytes());
            let Err(BundleError::Member { member, .. }) = read else {
                panic!("it must be refused");
            };
            member
        };
        assert_eq!(refused(&|it| it.streams.reverse()), "streams");
        assert_eq!(refused(&|it| it.checkpoints.reverse()), "checkpoints");
        assert_eq!(refused(&|it| it.checkpoints.push(TreeSize(15))), "checkpoints");
        assert_eq!(refused(&|it| it.checkpoints.insert(0, TreeSize(0))), "checkpoints");
        assert_eq!(refused(&|it| it.rollups.push(1)), "rollups");
        assert_eq!(refused(&|it| it.rollups = vec![0]), "anchors");
        assert_eq!(refused(&|it| it.anchors.push(it.anchors[0])), "anchors");
        assert_eq!(refused(&|it| it.size = TreeSize(0)), "size");
    }

    #[test]
    fn another_form_is_refused_and_another_version_is_told_from_damage() {
        let good = bundle().encode();
        let later = good.replace("witness-bundle/v1", "witness-bundle/v2");
        assert_eq!(Bundle::parse(later.as_bytes()), Err(BundleError::OtherVersion));
        let other = good.replace("{\"anchors\"", "{\"zebra\":\"1\",\"anchors\"");
        assert!(matches!(Bundle::parse(other.as_bytes()), Err(BundleError::Shape { .. })));
        let spaced = good.replace(",\"size\"", ", \"size\"");
        assert_eq!(Bundle::parse(spaced.as_bytes()), Err(BundleError::NotCanonical));
        assert!(Bundle::parse(b"").is_err());
    }
}
