//! What can be wrong with an entry that a log has signed.

use crate::{
    firm::FirmError,
    key::KeyId,
    name::{Name, Origin},
    note::NoteError,
    registry::RegistryError,
    submission::IssuerNoteError,
    text::Malformed,
};

/// Why an entry is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its text, or the text in it, is not what it should be.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// It is no signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is no note of an issuer's.
    #[error(transparent)]
    IssuerNote(#[from] IssuerNoteError),
    /// It is no good note of the firm's keys.
    #[error(transparent)]
    Firm(#[from] FirmError),
    /// It is no good change of the registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Its time runs backwards.
    #[error("it was received before the entry before it")]
    ReceivedBackwards,
    /// It does not count the changes of the registry before it.
    #[error("it names another registry sequence than the one in force, {expected}")]
    RegistrySequence {
        /// The one in force.
        expected: u64,
    },
    /// What it holds is bound to another log.
    #[error("it is bound to the log {origin}")]
    OtherLog {
        /// That log.
        origin: Origin,
    },
    /// Of nobody who is registered.
    #[error("its issuer is not registered")]
    IssuerUnknown,
    /// Of an issuer that was offboarded before.
    #[error("its issuer had been offboarded")]
    IssuerOffboarded,
    /// In a stream that nobody opened.
    #[error("its stream is not open")]
    StreamNotOpen,
    /// Under a key that is not its issuer's.
    #[error("its key is not registered")]
    KeyUnknown,
    /// Under a key that came later.
    #[error("its key was added only later")]
    KeyNotYetAdded,
    /// Under a key that did not count any more.
    #[error("its key {key} had been revoked before it was logged")]
    KeyRevoked {
        /// The key.
        key: KeyId,
    },
    /// The signature does not verify.
    #[error("its signature does not verify under its issuer's key")]
    Signature,
    /// Events of its stream are missing before it, or come again.
    #[error("its stream goes on at sequence {expected}")]
    Gap {
        /// The sequence number that comes next.
        expected: u64,
    },
    /// It was signed over another past.
    #[error("it does not name the submission before it")]
    Previous,
    /// It is logged as a conflict, and is none.
    #[error("it is logged as a conflict, and contradicts nothing that was logged before it")]
    NoConflict,
    /// It erases what came only later, or never: whatever came there could be left out.
    #[error("it erases event {sequence} of stream {stream}, which had not been logged yet")]
    ErasureEarly {
        /// The stream.
        stream: Name,
        /// Sequence number of the first such event.
        sequence: u64,
    },
    /// It erases what had to be kept.
    #[error("it erases event {sequence} of stream {stream}, on which the legal hold {hold} stood")]
    ErasureHeld {
        /// The stream.
        stream: Name,
        /// Sequence number of the first such event.
        sequence: u64,
        /// The hold.
        hold: Name,
    },
}

impl Fault {
    /// Whether a later version may well have written the entry: then this one cannot tell whether it is good.
    #[must_use]
    pub fn may_be_later(&self) -> bool {
        match self {
            Self::Text(error)
            | Self::IssuerNote(IssuerNoteError::Text(error))
            | Self::Firm(FirmError::Text(error))
            | Self::Registry(RegistryError::Text(error)) => error.may_be_later(),
            Self::Note(_)
            | Self::IssuerNote(_)
            | Self::Firm(_)
            | Self::Registry(_)
            | Self::ReceivedBackwards
            | Self::RegistrySequence { .. }
            | Self::OtherLog { .. }
            | Self::IssuerUnknown
            | Self::IssuerOffboarded
            | Self::StreamNotOpen
            | Self::KeyUnknown
            | Self::KeyNotYetAdded
            | Self::KeyRevoked { .. }
            | Self::Signature
            | Self::Gap { .. }
            | Self::Previous
            | Self::NoConflict
            | Self::ErasureEarly { .. }
            | Self::ErasureHeld { .. } => false,
        }
    }
}
