//! What was found, with the numbers that it was judged by.

use alloc::string::String;

use super::Rule;
use crate::{
    anomaly::Anomaly, audit::Fault, key::KeyId, merkle::LeafIndex, schema::ChangeKind,
    time::Timestamp,
};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A check of the bundle failed.
    Broken {
        /// Which one.
        rule: Rule,
        /// What is wrong.
        why: String,
    },
    /// An entry is not good.
    Fault(Fault),
    /// An event was reported late.
    LateReport {
        /// When it occurred, by the issuer's word.
        occurred_at: i64,
        /// When it was received.
        received_at: i64,
        /// From when on it is late.
        after_us: i64,
    },
    /// An event is said to have occurred before the one before it.
    BackDated {
        /// When it occurred, by the issuer's word.
        occurred_at: i64,
        /// When the one before it did.
        before: i64,
        /// From when on it counts.
        tolerance_us: i64,
        /// Before what.
        within: Within,
    },
    /// An event is said to have occurred after it was received.
    FutureOccurrence {
        /// When it occurs, by the issuer's word.
        occurred_at: i64,
        /// When it was received.
        received_at: i64,
        /// From when on it counts.
        tolerance_us: i64,
    },
    /// A day with many revocations and deletions.
    Burst {
        /// The UTC day, from the epoch.
        day: u64,
        /// How many it has.
        count: u64,
        /// How many those before have, that were looked at.
        sum: u64,
        /// How many days those are.
        days: u64,
        /// How many a burst has at least.
        minimum: u64,
        /// How many times as many as an average day.
        factor: u64,
    },
    /// Something was logged under a key that was revoked later as of an earlier time.
    SuspectKey {
        /// The key.
        key: KeyId,
        /// As of when it was revoked.
        as_of: Timestamp,
        /// When this was received.
        received_at: Timestamp,
    },
    /// A document is there again.
    Resurrected {
        /// How.
        how: Resurrection,
    },
    /// An issuer contradicted itself, by its own signatures or by the firm's word.
    Conflict {
        /// Sequence number of the first event of the submission that was refused.
        first_sequence: u64,
        /// How many events it has.
        events: u64,
        /// The entry with the same range under another root, signed by the issuer, too. Without it the firm alone
        /// says that events differ: the two notes do not show it.
        against: Option<LeafIndex>,
    },
    /// Nothing came in a stream.
    Silence {
        /// From when on.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
        /// How long it may be.
        limit_us: u64,
        /// How long the gaps before were on average.
        mean_us: u64,
    },
    /// A change to what was never issued.
    NeverIssued {
        /// The kind of change.
        change: ChangeKind,
    },
    /// A change that does not go with what the document was.
    UnexpectedChange {
        /// The kind of change.
        change: ChangeKind,
        /// What is odd about it.
        anomaly: Anomaly,
    },
    /// An erasure names an event that is there.
    NotErased,
    /// A file that does not belong to the bundle.
    StrangeFile {
        /// Its path.
        path: String,
    },
}

/// Before what an event is said to have occurred that came after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// The event before it in its stream.
    Stream,
    /// The event before it of its document.
    Document,
}

/// How a document came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resurrection {
    /// It answers again after a deletion.
    Restored,
    /// It is issued again after a deletion.
    IssuedAgain,
    /// It was revoked, and is affirmed again.
    Affirmed,
}

impl Found {
    /// The rule that fired.
    #[must_use]
    pub fn rule(&self) -> Rule {
        match self {
            Self::Broken { rule, .. } => *rule,
            Self::Fault(fault) => rule_of(fault),
            Self::LateReport { .. } => Rule::LateReport,
            Self::BackDated { .. } => Rule::BackDated,
            Self::FutureOccurrence { .. } => Rule::FutureOccurrence,
            Self::Burst { .. } => Rule::Burst,
            Self::SuspectKey { .. } => Rule::SuspectKey,
            Self::Resurrected { .. } => Rule::Resurrected,
            Self::Conflict { .. } => Rule::Conflict,
            Self::Silence { .. } => Rule::Silence,
            Self::NeverIssued { .. } => Rule::NeverIssued,
            Self::UnexpectedChange { .. } => Rule::UnexpectedChange,
            Self::NotErased => Rule::NotErased,
            Self::StrangeFile { .. } => Rule::StrangeFile,
        }
    }
}

fn rule_of(fault: &Fault) -> Rule {
    match fault {
        Fault::Gap { .. } | Fault::Previous => Rule::Gap,
        Fault::KeyRevoked { .. } => Rule::RevokedKey,
        Fault::ErasureEarly { .. } => Rule::ErasureEarly,
        Fault::ErasureHeld { .. } => Rule::ErasureHeld,
        Fault::Signature | Fault::KeyUnknown | Fault::KeyNotYetAdded => Rule::Signature,
        Fault::Text(_)
        | Fault::Note(_)
        | Fault::IssuerNote(_)
        | Fault::Firm(_)
        | Fault::Registry(_)
        | Fault::ReceivedBackwards
        | Fault::RegistrySequence { .. }
        | Fault::OtherLog { .. }
        | Fault::IssuerUnknown
        | Fault::IssuerOffboarded
        | Fault::StreamNotOpen
        | Fault::NoConflict => Rule::Entry,
    }
}
