//! Receipts as they come over the wire: checked by the core, kept in the journal.

use witness_core::{
    encoding,
    entry::EntryKind,
    firm::Firm,
    hash::Hash,
    key::VerifyingKey,
    merkle::LeafIndex,
    name::Origin,
    note::{Note, NoteError, Strict},
    receipt::{Receipt, ReceiptError},
    time::Timestamp,
};
use witness_wire::v1;

use super::journal::ReceiptRecord;
use crate::outcome::Failure;

/// Why a receipt is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadReceipt {
    /// It does not verify.
    #[error(transparent)]
    Check(#[from] ReceiptError),
    /// The firm's root names the log key, and the policy another one.
    #[error("none of the log keys that the policy pins has signed its checkpoint")]
    NotPinned,
    /// A part of it does not read.
    #[error("its {part} does not read")]
    Part {
        /// Which one.
        part: &'static str,
    },
}

impl BadReceipt {
    /// Whether a later firm note may name the key that signed.
    pub(super) fn is_unknown_key(&self) -> bool {
        matches!(self, Self::Check(ReceiptError::Note(NoteError::Unsigned { .. })))
    }

    /// What to tell of the submission that begins at a sequence number.
    pub(super) fn into_failure(self, first: u64) -> Failure {
        let message =
            format!("the receipt for the submission at sequence {first} is not good: {self}");
        Failure::refused(message).next(
            "do not count that submission as witnessed; keep the journal, and ask the firm; if --policy \
             was given, check that it is this firm's",
        )
    }
}

/// Checks that a submission is logged as the receipt says, under a log key that the policy does not exclude.
pub(super) fn checked(
    receipt: &v1::Receipt,
    note: &Note,
    origin: &Origin,
    (firm, pinned): (&Firm, &[VerifyingKey]),
) -> Result<(), BadReceipt> {
    let path: Option<Vec<Hash>> = receipt.path.iter().map(|hash| Hash::from_slice(hash)).collect();
    let receipt = Receipt {
        index: LeafIndex(receipt.index),
        received_at: Timestamp::from_micros(receipt.received_at_us),
        registry_sequence: receipt.registry_sequence,
        checkpoint: Note::parse(&receipt.checkpoint)
            .or(Err(BadReceipt::Part { part: "checkpoint" }))?,
        path: path.ok_or(BadReceipt::Part { part: "inclusion path" })?,
    };
    receipt.verify((EntryKind::Submission, note), origin, (firm, &Strict))?;
    let is_by = |key| receipt.checkpoint.verify(key, &Strict).is_ok();
    if pinned.is_empty() || pinned.iter().any(is_by) { Ok(()) } else { Err(BadReceipt::NotPinned) }
}

/// The receipt for the journal.
pub(super) fn record_of(receipt: &v1::Receipt, first: u64) -> ReceiptRecord {
    let anomalies = receipt.anomalies.iter();
    ReceiptRecord {
        first,
        index: receipt.index,
        received_at_us: receipt.received_at_us,
        registry_sequence: receipt.registry_sequence,
        checkpoint: String::from_utf8_lossy(&receipt.checkpoint).into_owned(),
        path: receipt.path.iter().map(|hash| encoding::base64(hash)).collect(),
        anomalies: anomalies.map(|it| (it.event_index, it.anomalies.clone())).collect(),
    }
}
