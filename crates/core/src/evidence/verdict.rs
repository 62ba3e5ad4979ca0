//! The verdict: a set of facts, never a bare yes. Each fact can be there without the others.
//!
//! It serializes as canonical JSON: members in the order of their names, integers as decimal strings, times
//! in microseconds since the epoch.

use alloc::{string::String, vec::Vec};

use serde::{Serialize, Serializer};

use super::{
    anchored::{Anchored, RolledUp},
    erased::ErasedFacts,
};
use crate::{
    event::Change,
    hash::{DocumentHash, Hash},
    key::VerifyingKey,
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Name, Origin},
    registry::Recovery,
    time::Timestamp,
};

/// What a verified file proves, and what it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The firm's root key, under which everything was judged.
    #[serde(serialize_with = "shown")]
    pub firm_root: VerifyingKey,
    /// The documents.
    pub items: Vec<ItemFacts>,
    /// What the file does not prove.
    pub not_proved: Vec<NotProved>,
    /// The log.
    #[serde(serialize_with = "shown")]
    pub origin: Origin,
    /// What lies in the file and was not checked: it counts for nothing.
    pub unchecked: Vec<Unchecked>,
}

/// What is proved of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemFacts {
    /// The document.
    #[serde(serialize_with = "document")]
    pub document: DocumentHash,
    /// Its events whose texts were erased, in log order; left out if there are none. Of this document they are by the
    /// firm's word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<ErasedFacts>,
    /// Its events in the file, in log order. The last one is the state, as far as the file goes.
    pub events: Vec<EventFacts>,
    /// Its issuer.
    #[serde(serialize_with = "shown")]
    pub issuer: Domain,
    /// That its issuer was offboarded later, as far as the file tells; left out if it does not. What was logged before
    /// counts as it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offboarded: Option<Offboarded>,
}

/// That an issuer was offboarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Offboarded {
    /// Where in the log.
    #[serde(serialize_with = "shown")]
    pub index: LeafIndex,
    /// The firm's time of that entry.
    #[serde(serialize_with = "micros")]
    pub received_at: Timestamp,
}

impl ItemFacts {
    /// The last event in the file: the state of the document, as far as the file goes. See
    /// [`Self::is_last_known`].
    #[must_use]
    pub fn last(&self) -> Option<&EventFacts> {
        self.events.last()
    }
}

/// What is proved of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventFacts {
    /// Committed on a chain, in a block that somebody believes to be there.
    pub anchored: Option<Anchored>,
    /// What happened.
    #[serde(serialize_with = "change")]
    pub change: Change,
    /// The kind of document.
    #[serde(serialize_with = "shown")]
    pub claim_type: Name,
    /// Countersigned by cosigners that the policy knows.
    pub cosigned: Option<Cosigned>,
    /// Whether its details are in the file.
    pub details: Details,
    /// Where and when it was logged.
    pub logged: Logged,
    /// When it happened, by the issuer's word; microseconds since the epoch.
    #[serde(serialize_with = "shown")]
    pub occurred_at: i64,
    /// When what proves it was published.
    pub published: Option<Published>,
    /// Under a roll-up of the firm.
    pub rolled_up: Option<RolledUp>,
    /// Sequence number of the event in its stream.
    #[serde(serialize_with = "shown")]
    pub sequence: u64,
    /// Under whose signature.
    pub signed: SignedBy,
    /// The stream.
    #[serde(serialize_with = "shown")]
    pub stream: Name,
}

/// Whether an event's details are in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Details {
    /// The event has none.
    None,
    /// In the file, and as the event commits to them.
    Proved,
    /// The event commits to some, and they are not in the file.
    Withheld,
}

/// The issuer's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedBy {
    /// Where in the log the key was added.
    #[serde(serialize_with = "shown")]
    pub added_index: LeafIndex,
    /// Number of the registry change that added it.
    #[serde(serialize_with = "shown")]
    pub added_sequence: u64,
    /// The key.
    #[serde(serialize_with = "shown")]
    pub key: VerifyingKey,
    /// Whether the key was added without a living key of the issuer's, as far as the file tells.
    pub recovery: Recovery,
    /// From what revocations are known.
    pub revocations: KnownRevocations,
    /// That the key was revoked later.
    pub revoked: Option<Revoked>,
}

/// From what it is known that a key had not been revoked before it signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownRevocations {
    /// Every registry change before the entry is in the file: as many as the entry itself counts.
    Complete,
    /// Only some are.
    NotesInFile,
}

/// That a key was revoked after it signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Revoked {
    /// As of when, by the word of whoever revoked it.
    #[serde(serialize_with = "micros")]
    pub as_of: Timestamp,
    /// Where in the log.
    #[serde(serialize_with = "shown")]
    pub index: LeafIndex,
    /// The entry was received at or after that time: suspect, though not invalid.
    pub suspect: bool,
}

/// Place and time in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// Index of the entry.
    #[serde(serialize_with = "shown")]
    pub index: LeafIndex,
    /// The firm's time of receipt.
    #[serde(serialize_with = "micros")]
    pub received_at: Timestamp,
    /// Size of the checkpoint in whose tree it is proved to stand.
    #[serde(serialize_with = "shown")]
    pub size: TreeSize,
}

/// A checkpoint with the firm's signed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Published {
    /// When it was published, in whole seconds.
    #[serde(serialize_with = "micros")]
    pub at: Timestamp,
    /// Its size.
    #[serde(serialize_with = "shown")]
    pub size: TreeSize,
}

/// Who countersigned the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cosigned {
    /// The cosigners, by their names in the policy and in its order.
    pub by: Vec<String>,
    /// The latest of their times.
    #[serde(serialize_with = "micros")]
    pub newest: Timestamp,
    /// Number of cosigners that the policy knows.
    #[serde(serialize_with = "shown")]
    pub of: usize,
    /// The earliest of their times.
    #[serde(serialize_with = "micros")]
    pub oldest: Timestamp,
    /// Whether they are the policy's quorum.
    pub quorum: bool,
}

/// Something in the file that was not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// SHA-256 of it, so that two files can be told apart: of a signature line without its newline, or of an
    /// anchor's or attachment's canonical JSON, as it stands in the file.
    #[serde(serialize_with = "digest")]
    pub digest: Hash,
    /// What it is, where, and what to do about it, if there is something.
    pub what: String,
}

/// What a file does not prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotProved {
    /// That what the document says is true, or who rightly holds it.
    Truth,
    /// When something happened, other than by the issuer's word.
    Occurrence,
    /// That these are all events of the document.
    Completeness,
    /// That no later note of the firm had ended its keys.
    FirmKeys,
    /// That the issuer's key was not revoked after the file was made.
    LaterRevocation,
    /// That the key had not been revoked by a registry change that is not in the file.
    Revocations,
    /// That the log shows everybody the same.
    SameForAll,
    /// That the firm did not make up its times: something is not anchored on a chain.
    Times,
    /// That the firm did not date something back: no anchored checkpoint before it is in the file.
    Earliest,
    /// That an event which was erased was of the document.
    ErasedDocument,
    /// How a document stands: an event after the last one in the file was erased.
    State,
}

impl Verdict {
    /// The verdict as canonical JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Writing strings into a string cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub(super) fn shown<T: core::fmt::Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) fn micros<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.micros())
}

fn digest<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hash.to_base64())
}

fn document<S: Serializer>(document: &DocumentHash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&document.0.to_hex())
}

fn change<S: Serializer>(change: &Change, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        kind: &'a str,
        status: Option<&'a str>,
        status_class: Option<&'a str>,
    }
    let (status, status_class) =
        change.status().map(|(class, status)| (status.as_str(), class.word())).unzip();
    Shown { kind: change.kind().word(), status, status_class }.serialize(serializer)
}
