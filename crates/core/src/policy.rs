//! The trust policy: what a verifier believes beforehand. Never take it from where the evidence came from.
//!
//! Canonical JSON, `witness-policy/v1` (RFC 8785; integers as decimal strings), re-encoded byte for byte or
//! refused.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use crate::{
    evidence::FactKind,
    key::{KeyError, SignatureType, VerifyingKey},
    name::Domain,
    text,
    tlog_policy::{TlogPolicy, TlogPolicyError},
};

mod chains;

pub use self::chains::{BLOCKS_MAX, CHAINS_MAX, ChainError, TrustedChain};
use self::chains::{ChainMembers, read_chains};

const FORMAT: &str = "witness-policy/v1";

/// Longest policy, in bytes.
pub const POLICY_BYTES_MAX: usize = 1024 * 1024;

/// What a verifier believes beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The contracts whose anchors count, ascending, each once.
    pub chains: Vec<TrustedChain>,
    /// The firm's offline root, named by the firm: all its other keys are believed through it.
    pub firm_root: VerifyingKey,
    /// Issuers' keys that alone count for their issuers; an issuer without one here is not pinned.
    pub issuer_keys: Vec<VerifyingKey>,
    /// If there are any, one of them must have signed each checkpoint.
    pub log_keys: Vec<VerifyingKey>,
    /// If there are any, one of them must have signed each registry note that a registrar signs.
    pub registrar_keys: Vec<VerifyingKey>,
    /// Longest time from the signing of a checkpoint to the block that anchors it: a later one is said to be late,
    /// and bears out no time of what comes after.
    pub max_anchor_delay_s: u64,
    /// How far clocks may lie apart.
    pub time_tolerance_s: u64,
    /// The facts that must hold for every event, sorted.
    pub require: Vec<FactKind>,
    cosigners_text: String,
    cosigners: Option<TlogPolicy>,
}

/// Why a policy was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Too long.
    #[error("a policy must be at most {POLICY_BYTES_MAX} bytes long")]
    TooLong,
    /// Not the JSON that it should be.
    #[error(
        "policy, line {line}, column {column}: must be JSON with exactly the members of {FORMAT}"
    )]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Another format or version.
    #[error("policy, format: must be {FORMAT}")]
    Format,
    /// A key that does not parse.
    #[error("policy, {member}: {source}")]
    Key {
        /// Name of the member.
        member: &'static str,
        /// Why.
        source: KeyError,
    },
    /// A key that signs otherwise than its place calls for, or a root that does not bear a firm's name.
    #[error("policy, {member}: must be a key of type 0x01, the root's named by the firm's domain")]
    KeyUse {
        /// Name of the member.
        member: &'static str,
    },
    /// The cosigners are no tlog-policy.
    #[error("policy, cosigners: {0}")]
    Cosigners(#[from] TlogPolicyError),
    /// Not a decimal.
    #[error("policy, {member}: must be a decimal below 2^63 as a string")]
    Decimal {
        /// Name of the member.
        member: &'static str,
    },
    /// An unknown fact, or one out of order.
    #[error(
        "policy, require: must be facts, sorted: anchored, cosigned, logged, published, rolled-up, signed"
    )]
    Require,
    /// A contract whose anchors shall count is not as it should be.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// It parses, but would be written otherwise.
    #[error("a policy must be in RFC 8785 canonical form")]
    NotCanonical,
}

/// The members in the order of their names, which is the canonical one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    chains: Vec<ChainMembers>,
    cosigners: String,
    firm_root: String,
    format: String,
    issuer_keys: Vec<String>,
    log_keys: Vec<String>,
    max_anchor_delay_s: String,
    registrar_keys: Vec<String>,
    require: Vec<String>,
    time_tolerance_s: String,
}

impl Policy {
    /// The default for a firm: its root, nothing pinned, no cosigners; signed, logged and published required.
    #[must_use]
    pub fn for_firm(firm_root: VerifyingKey) -> Self {
        Self {
            chains: Vec::new(),
            firm_root,
            issuer_keys: Vec::new(),
            log_keys: Vec::new(),
            registrar_keys: Vec::new(),
            max_anchor_delay_s: 86_400,
            time_tolerance_s: 300,
            require: alloc::vec![FactKind::Logged, FactKind::Published, FactKind::Signed],
            cosigners_text: String::new(),
            cosigners: None,
        }
    }

    /// Parses a policy of at most 1 MiB.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLong);
        }
        let members: Members = serde_json::from_slice(bytes)
            .map_err(|error| PolicyError::Shape { line: error.line(), column: error.column() })?;
        let policy = Self::read(&members)?;
        if policy.encode().as_bytes() == bytes {
            Ok(policy)
        } else {
            Err(PolicyError::NotCanonical)
        }
    }

    fn read(members: &Members) -> Result<Self, PolicyError> {
        if members.format != FORMAT {
            return Err(PolicyError::Format);
        }
        let firm_root = key("firm_root", &members.firm_root)?;
        if Domain::parse(firm_root.name()).is_none() {
            return Err(PolicyError::KeyUse { member: "firm_root" });
        }
        let facts = members.require.iter().map(|word| FactKind::parse(word));
        let require =
            facts.collect::<Option<Vec<_>>>().filter(|facts| facts.is_sorted_by(|a, b| a < b));
        let policy = Self {
            chains: read_chains(&members.chains)?,
            issuer_keys: keys("issuer_keys", &members.issuer_keys)?,
            log_keys: keys("log_keys", &members.log_keys)?,
            registrar_keys: keys("registrar_keys", &members.registrar_keys)?,
            max_anchor_delay_s: decimal("max_anchor_delay_s", &members.max_anchor_delay_s)?,
            time_tolerance_s: decimal("time_tolerance_s", &members.time_tolerance_s)?,
            require: require.ok_or(PolicyError::Require)?,
            ..Self::for_firm(firm_root)
        };
        Ok(policy.with_cosigners(&members.cosigners)?)
    }

    /// The policy with cosigners by the text of a tlog-policy; none if it is empty.
    pub fn with_cosigners(self, text: &str) -> Result<Self, TlogPolicyError> {
        let cosigners = match text {
            "" => None,
            _ => Some(TlogPolicy::parse(text.as_bytes())?),
        };
        Ok(Self { cosigners_text: text.to_string(), cosigners, ..self })
    }

    /// The cosigners, their quorum, and the logs that their policy lists.
    #[must_use]
    pub fn cosigners(&self) -> Option<&TlogPolicy> {
        self.cosigners.as_ref()
    }

    /// The log keys of which one must have signed each checkpoint, if there are any: those pinned here and
    /// those that the cosigners' policy lists.
    pub fn pinned_log_keys(&self) -> impl Iterator<Item = &VerifyingKey> {
        let listed = self.cosigners.iter().flat_map(TlogPolicy::logs);
        self.log_keys.iter().chain(listed.map(|log| &log.key))
    }

    /// Whether an issuer's key may count: it is pinned, or no key of that issuer is.
    #[must_use]
    pub fn takes_issuer_key(&self, key: &VerifyingKey) -> bool {
        let mut pinned = self.issuer_keys.iter().filter(|pin| pin.name() == key.name()).peekable();
        pinned.peek().is_none() || pinned.any(|pin| pin == key)
    }

    /// The policy, in canonical form.
    #[must_use]
    pub fn encode(&self) -> String {
        let vkeys = |keys: &[VerifyingKey]| keys.iter().map(ToString::to_string).collect();
        let members = Members {
            chains: self.chains.iter().map(ChainMembers::of).collect(),
            cosigners: self.cosigners_text.clone(),
            firm_root: self.firm_root.to_string(),
            format: FORMAT.to_string(),
            issuer_keys: vkeys(&self.issuer_keys),
            log_keys: vkeys(&self.log_keys),
            max_anchor_delay_s: self.max_anchor_delay_s.to_string(),
            registrar_keys: vkeys(&self.registrar_keys),
            require: self.require.iter().map(|fact| fact.word().to_string()).collect(),
            time_tolerance_s: self.time_tolerance_s.to_string(),
        };
        // Writing strings into a string cannot fail; were it to, no parser takes an empty policy.
        serde_json::to_string(&members).unwrap_or_default()
    }
}

fn key(member: &'static str, vkey: &str) -> Result<VerifyingKey, PolicyError> {
    let key = VerifyingKey::parse(vkey).map_err(|source| PolicyError::Key { member, source })?;
    let fits = key.signature_type() == SignatureType::Ed25519;
    if fits { Ok(key) } else { Err(PolicyError::KeyUse { member }) }
}

fn keys(member: &'static str, vkeys: &[String]) -> Result<Vec<VerifyingKey>, PolicyError> {
    vkeys.iter().map(|vkey| key(member, vkey)).collect()
}

fn decimal(member: &'static str, text: &str) -> Result<u64, PolicyError> {
    text::decimal(text).ok_or(PolicyError::Decimal { member })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "example.com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn root() -> VerifyingKey {
        let key = VerifyingKey::parse(
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        );
        VerifyingKey::new("example.com", SignatureType::Ed25519, key.unwrap().public_key()).unwrap()
    }

    #[test]
    fn the_default_policy_reads_back() {
        let policy = Policy::for_firm(root());
        let text = policy.encode();
        let expected = alloc::format!(
            concat!(
                r#"{{"chains":[],"cosigners":"","firm_root":"{}","format":"witness-policy/v1","#,
                r#""issuer_keys":[],"log_keys":[],"max_anchor_delay_s":"86400","registrar_keys":[],"#,
                r#""require":["logged","published","signed"],"time_tolerance_s":"300"}}"#
            ),
            root()
        );
        assert_eq!(text, expected);
        assert_eq!(Policy::parse(text.as_bytes()), Ok(policy));
    }

    #[test]
    fn each_wrong_member_is_named() {
        let good = Policy::for_firm(root()).encode();
        let root = root().to_string();
        let bad_key = PolicyError::Key { member: "log_keys", source: KeyError::Id };
        let cases = [
            ("witness-policy/v1", "witness-policy/v2", PolicyError::Format),
            ("\"log_keys\":[]", &alloc::format!("\"log_keys\":[\"{VKEY}\"]"), bad_key),
            ("\"86400\"", "\"-1\"", PolicyError::Decimal { member: "max_anchor_delay_s" }),
            ("\"logged\",", "\"signed\",", PolicyError::Require),
            ("\"logged\"", "\"lodged\"", PolicyError::Require),
            ("\"cosigners\":\"\"", "\"cosigners\":\"a\"", TlogPolicyError::Form { line: 1 }.into()),
            (":[],\"max", ": [],\"max", PolicyError::NotCanonical),
        ];
        for (from, to, expected) in cases {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            assert_eq!(Policy::parse(text.as_bytes()), Err(expected), "{to}");
        }
        let unknown = good.replace("\"chains\"", "\"chain\"");
        assert!(matches!(Policy::parse(unknown.as_bytes()), Err(PolicyError::Shape { .. })));
        let number = good.replace("\"300\"", "300");
        assert!(matches!(Policy::parse(number.as_bytes()), Err(PolicyError::Shape { .. })));
        let no_root = good.replace(&root, "");
        let expected = PolicyError::Key { member: "firm_root", source: KeyError::Form };
        assert_eq!(Policy::parse(no_root.as_bytes()), Err(expected));
    }

    #[test]
    fn cosigners_and_the_logs_that_they_list_come_with_their_policy() {
        let log = "log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n";
        let policy = Policy::for_firm(root()).with_cosigners(log).unwrap();
        assert_eq!(policy.pinned_log_keys().count(), 1);
        assert_eq!(Policy::parse(policy.encode().as_bytes()), Ok(policy));
    }
}
