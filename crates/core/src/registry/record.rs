//! What the registry knows of issuers, keys, streams and claim types, and where in the log it was said.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    erasure::Range,
    key::{KeyId, VerifyingKey},
    merkle::LeafIndex,
    name::{Domain, Jurisdictions, Name},
    schema::Schema,
    time::Timestamp,
};

/// Where a change was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    /// Index of its entry.
    pub index: LeafIndex,
    /// Its registry sequence.
    pub sequence: u64,
}

/// That a key was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Where; later entries do not count.
    pub logged: Logged,
    /// Earlier entries received from this time on are suspect.
    pub as_of: Timestamp,
}

/// A key of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key.
    pub key: VerifyingKey,
    /// Where it was added.
    pub added: Logged,
    /// Whether it was added without a living key of the issuer.
    pub recovery: Recovery,
    /// Where it was revoked.
    pub revoked: Option<Revocation>,
}

/// Whether a key was added as a recovery: without a living key of the issuer that signed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    /// It was, and its note says so.
    Yes,
    /// A living key of the issuer signed for it, or it is the issuer's first.
    No,
    /// It looks like the issuer's first, but not every change before it was read.
    Unknown,
}

impl Recovery {
    /// Whether the note that added the key says that it was one.
    #[must_use]
    pub fn is_marked(self) -> bool {
        self == Self::Yes
    }
}

/// Whether a key counted for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStanding {
    /// It was added before and not revoked before.
    Counted,
    /// It counted, but was revoked later as of a time before that of receipt.
    Suspect,
    /// It was added only later.
    NotYetAdded,
    /// It had been revoked before.
    Revoked,
}

impl KeyRecord {
    /// Whether the key counted for an entry at `index`, received at `received_at`.
    #[must_use]
    pub fn standing(&self, index: LeafIndex, received_at: Timestamp) -> KeyStanding {
        match self.revoked {
            _ if self.added.index >= index => KeyStanding::NotYetAdded,
            Some(revocation) if revocation.logged.index < index => KeyStanding::Revoked,
            Some(revocation) if received_at >= revocation.as_of => KeyStanding::Suspect,
            _ => KeyStanding::Counted,
        }
    }
}

/// A stream of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Number of the stream among all streams of the log, in order of opening, from 0.
    pub ordinal: u32,
    /// Who may inspect it.
    pub jurisdictions: Jurisdictions,
    /// Whether it brings in the past.
    pub back_fill: bool,
    /// Where it was opened.
    pub opened: Logged,
}

/// An issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerRecord {
    /// Number of the issuer among all issuers of the log, in order of addition, from 0.
    pub ordinal: u32,
    /// Where it was added.
    pub added: Logged,
    /// Its keys, in order of addition.
    pub keys: Vec<KeyRecord>,
    /// Its streams.
    pub streams: BTreeMap<Name, StreamRecord>,
    /// Where it was offboarded: nothing of it counts that was logged later.
    pub offboarded: Option<Logged>,
}

impl IssuerRecord {
    /// The key with this id.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&KeyRecord> {
        self.keys.iter().find(|record| record.key.id() == id)
    }

    /// Keys that are not revoked.
    pub fn living_keys(&self) -> impl Iterator<Item = &KeyRecord> {
        self.keys.iter().filter(|record| record.revoked.is_none())
    }
}

/// A claim type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimTypeRecord {
    /// What details its events have, by the newest registration.
    pub schema: Schema,
    /// Where it was registered, and registered anew.
    pub registered: Vec<Logged>,
    /// How long bodies of its events are kept; for ever, without.
    pub retention: Option<Retention>,
}

/// How long bodies are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// So many days after their receipt, one at least.
    pub days: u32,
    /// Where it was said.
    pub logged: Logged,
}

/// A legal hold. Those that were lifted are kept, too: a name is used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRecord {
    /// Whose events.
    pub issuer: Domain,
    /// Which of them; without, all, those to come included.
    pub range: Option<Range>,
    /// Where it was placed.
    pub placed: Logged,
    /// Where it was lifted.
    pub lifted: Option<Logged>,
}

impl HoldRecord {
    /// Whether it stands: it was not lifted.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.lifted.is_none()
    }

    /// Whether it is about any of these events.
    #[must_use]
    pub fn covers_any(&self, issuer: &Domain, events: &Range) -> bool {
        self.issuer == *issuer && self.range.as_ref().is_none_or(|range| range.overlaps(events))
    }
}
