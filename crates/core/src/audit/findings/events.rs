//! What can be told of an event by itself and by the one before it in its submission, on any core; and what the rules
//! over a stream need of a submission.

use alloc::vec::Vec;

use super::{Finding, Found, Place, Thresholds, Within};
use crate::{
    anomaly::Turn,
    event::{Event, StatusClass},
    merkle::LeafIndex,
    schema::ChangeKind,
    time::Timestamp,
};

/// What the rules over a stream need of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionDigest {
    /// Its stream.
    pub stream: u32,
    /// Whether the stream brings in the past.
    pub back_fill: bool,
    /// Index of its entry.
    pub index: LeafIndex,
    /// When it was received.
    pub received_at: Timestamp,
    /// Number of its events.
    pub events: u64,
    /// Its first event that is there: sequence number, and when it occurred.
    pub first: Option<(u64, i64)>,
    /// When its last event that is there occurred.
    pub last: Option<i64>,
    /// Number of its revocations and deletions.
    pub adverse: u64,
}

/// Watches the events of one submission, in order.
#[derive(Debug)]
pub struct EventWatch<'a> {
    digest: SubmissionDigest,
    thresholds: &'a Thresholds,
}

impl<'a> EventWatch<'a> {
    /// Begins before the first event of a submission.
    #[must_use]
    pub fn new(
        (stream, back_fill): (u32, bool),
        (index, received_at): (LeafIndex, Timestamp),
        thresholds: &'a Thresholds,
    ) -> Self {
        let digest = SubmissionDigest {
            stream,
            back_fill,
            index,
            received_at,
            events: 0,
            first: None,
            last: None,
            adverse: 0,
        };
        Self { digest, thresholds }
    }

    /// Takes the next event, of this sequence number.
    pub fn take(&mut self, sequence: u64, event: &Event, findings: &mut Vec<Finding>) {
        let Self { digest, thresholds } = self;
        let place = Place::Event { stream: digest.stream, sequence, index: digest.index };
        let occurred_at = event.occurred_at;
        let mut find = |found| findings.push(Finding { place: place.clone(), found });
        let received_at = digest.received_at.signed_micros();
        let is_live = !digest.back_fill;
        if is_live && occurred_at < received_at.saturating_sub(thresholds.late_us) {
            let after_us = thresholds.late_us;
            find(Found::LateReport { occurred_at, received_at, after_us });
        }
        if occurred_at > received_at.saturating_add(thresholds.future_us) {
            let tolerance_us = thresholds.future_us;
            find(Found::FutureOccurrence { occurred_at, received_at, tolerance_us });
        }
        if let Some(before) = digest.last.filter(|_| is_live) {
            let tolerance_us = thresholds.back_dated_us;
            if occurred_at < before.saturating_sub(tolerance_us) {
                let within = Within::Stream;
                find(Found::BackDated { occurred_at, before, tolerance_us, within });
            }
        }
        digest.first = digest.first.or(Some((sequence, occurred_at)));
        digest.last = Some(occurred_at);
        digest.events += 1;
        digest.adverse += u64::from(is_adverse(Turn::from(&event.change)));
    }

    /// Takes an event that was erased.
    pub fn pass(&mut self) {
        self.digest.events += 1;
    }

    /// What the rules over the stream need of the submission.
    #[must_use]
    pub fn digest(self) -> SubmissionDigest {
        self.digest
    }
}

/// A revocation or a deletion.
fn is_adverse(turn: Turn) -> bool {
    turn.kind == ChangeKind::Deleted || turn.class == Some(StatusClass::Punitive)
}
