//! Why a registry note is refused.

use crate::{
    key::KeyId,
    name::{Domain, Name, Origin},
    note::NoteError,
    text::Malformed,
};

/// Why a registry note was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Not signed by a registrar whose range covers it, or not by the keys that must.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not what it should be.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// For another log.
    #[error("the registry change must be for the log {expected}")]
    OtherLog {
        /// The log's origin.
        expected: Origin,
    },
    /// Not the next one in the chain.
    #[error("the registry change must have number {expected} and name the one before it")]
    OutOfOrder {
        /// The number that comes next.
        expected: u64,
    },
    /// An issuer is added twice.
    #[error("the issuer {issuer} is registered already")]
    IssuerExists {
        /// The issuer.
        issuer: Domain,
    },
    /// A change to an issuer that is not registered.
    #[error("the issuer {issuer} is not registered")]
    IssuerUnknown {
        /// The issuer.
        issuer: Domain,
    },
    /// A key is added twice, or shares its bytes with another.
    #[error("the key {key} is registered already")]
    KeyExists {
        /// The key.
        key: KeyId,
    },
    /// A key to revoke is not there, or was revoked before.
    #[error("the issuer has no living key {key}")]
    KeyUnknown {
        /// The key.
        key: KeyId,
    },
    /// The mark `recovery` must be there exactly if no living key of the issuer signed.
    #[error(
        "a key that no living key of the issuer signed for must be marked recovery, and no other"
    )]
    RecoveryMark,
    /// A stream is opened twice.
    #[error("the stream {stream} is open already")]
    StreamExists {
        /// The stream.
        stream: Name,
    },
    /// A change to an issuer that was offboarded.
    #[error(
        "the issuer {issuer} was offboarded: nothing more of it is admitted, and it cannot be added again"
    )]
    IssuerOffboarded {
        /// The issuer.
        issuer: Domain,
    },
    /// A legal hold on a stream that is not open.
    #[error("the issuer has no stream {stream}")]
    StreamUnknown {
        /// The stream.
        stream: Name,
    },
    /// A retention of a claim type that is not registered.
    #[error("the claim type {claim_type} is not registered")]
    ClaimTypeUnknown {
        /// The claim type.
        claim_type: Name,
    },
    /// The name of a legal hold is used twice.
    #[error("there is or was a legal hold {name}: take another name")]
    HoldExists {
        /// Its name.
        name: Name,
    },
    /// A legal hold to lift is not there, or was lifted before.
    #[error("no legal hold {name} stands")]
    HoldUnknown {
        /// Its name.
        name: Name,
    },
}
