//! Anomalies: what is odd about an event. Odd truths are recorded and flagged, never refused.

use alloc::vec::Vec;

use crate::{
    event::{Change, Event, StatusClass},
    time::Timestamp,
};

/// An occurrence is in the future if it lies more than this beyond the time of receipt.
pub const FUTURE_TOLERANCE_US: i64 = 5 * 60 * 1_000_000;
/// An event of a live stream is late if it occurred more than this before its receipt.
pub const LATE_AFTER_US: i64 = 7 * 24 * 3600 * 1_000_000;

/// One kind of oddity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A change to a hash that was never issued.
    NeverIssued,
    /// Issued although it is known and not deleted.
    IssuedAgain,
    /// A change after a deletion, other than a restoration.
    AfterDeletion,
    /// Restored although it was not deleted.
    NotDeleted,
    /// A change after the record went on under another hash.
    AfterReplacement,
    /// An affirming status after a punitive one.
    RevocationUndone,
    /// It is said to have occurred after it was received.
    FutureOccurrence,
    /// It is said to have occurred long before it was received, in a stream that is not a back-fill.
    LateReport,
}

impl Anomaly {
    /// All anomalies; the n-th is bit n of a stored set, so the order is for ever.
    pub const ALL: [Self; 8] = [
        Self::NeverIssued,
        Self::IssuedAgain,
        Self::AfterDeletion,
        Self::NotDeleted,
        Self::AfterReplacement,
        Self::RevocationUndone,
        Self::FutureOccurrence,
        Self::LateReport,
    ];

    /// The word in receipts, histories and audits.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NeverIssued => "never-issued",
            Self::IssuedAgain => "issued-again",
            Self::AfterDeletion => "after-deletion",
            Self::NotDeleted => "not-deleted",
            Self::AfterReplacement => "after-replacement",
            Self::RevocationUndone => "revocation-undone",
            Self::FutureOccurrence => "future-occurrence",
            Self::LateReport => "late-report",
        }
    }
}

/// A set of anomalies, as it is stored: bit n is the n-th of [`Anomaly::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anomalies(pub u16);

impl Anomalies {
    /// Adds one.
    pub fn insert(&mut self, anomaly: Anomaly) {
        let bit = Anomaly::ALL.iter().position(|other| *other == anomaly).unwrap_or(15);
        self.0 |= 1 << bit;
    }

    /// Whether nothing is odd.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The anomalies, in their order.
    #[must_use]
    pub fn to_vec(self) -> Vec<Anomaly> {
        (0..).zip(Anomaly::ALL).filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, a)| a).collect()
    }
}

/// What is known of a document after an event: as much as the next one is judged by. Stored as one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Issued, or the new hash of an amendment.
    Issued,
    /// Went on under another hash.
    Replaced,
    /// The issuer's last status is of this class.
    Status(StatusClass),
    /// The issuer's endpoint answers 404.
    Deleted,
    /// It answers again.
    Restored,
}

impl Standing {
    /// What an event makes of a document.
    #[must_use]
    pub fn after(change: &Change) -> Self {
        match change {
            Change::Issued | Change::Amended { .. } => Self::Issued,
            Change::Replaced { .. } => Self::Replaced,
            Change::Status { class, .. } => Self::Status(*class),
            Change::Deleted => Self::Deleted,
            Change::Restored => Self::Restored,
        }
    }

    /// The stored byte.
    #[must_use]
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Issued => 0,
            Self::Replaced => 1,
            Self::Deleted => 2,
            Self::Restored => 3,
            Self::Status(class) => {
                let number = StatusClass::ALL.iter().position(|other| *other == class).unwrap_or(5);
                16 + u8::try_from(number).unwrap_or(5)
            }
        }
    }

    /// Reads the stored byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Issued),
            1 => Some(Self::Replaced),
            2 => Some(Self::Deleted),
            3 => Some(Self::Restored),
            _ => {
                let class = StatusClass::ALL.get(usize::from(byte.checked_sub(16)?))?;
                Some(Self::Status(*class))
            }
        }
    }
}

/// What is odd about an event, given what was known of its document before, in log order.
#[must_use]
pub fn anomalies(
    event: &Event,
    before: Option<Standing>,
    received_at: Timestamp,
    back_fill: bool,
) -> Anomalies {
    let mut found = Anomalies::default();
    let is_new = matches!(event.change, Change::Issued | Change::Amended { .. });
    match before {
        None if !is_new => found.insert(Anomaly::NeverIssued),
        Some(Standing::Deleted) if !matches!(event.change, Change::Restored) => {
            found.insert(Anomaly::AfterDeletion);
        }
        Some(_) if is_new => found.insert(Anomaly::IssuedAgain),
        Some(Standing::Replaced) if !matches!(event.change, Change::Deleted) => {
            found.insert(Anomaly::AfterReplacement);
        }
        _ => {}
    }
    let was_deleted = before.is_none_or(|standing| standing == Standing::Deleted);
    if event.change == Change::Restored && !was_deleted {
        found.insert(Anomaly::NotDeleted);
    }
    let affirms = matches!(event.change, Change::Status { class: StatusClass::Affirming, .. });
    if affirms && before == Some(Standing::Status(StatusClass::Punitive)) {
        found.insert(Anomaly::RevocationUndone);
    }
    let received = received_at.signed_micros();
    if event.occurred_at > received.saturating_add(FUTURE_TOLERANCE_US) {
        found.insert(Anomaly::FutureOccurrence);
    }
    if !back_fill && event.occurred_at < received.saturating_sub(LATE_AFTER_US) {
        found.insert(Anomaly::LateReport);
    }
    found
}
