//! Back-dating from one submission of a stream to the next.

use alloc::collections::BTreeMap;

use super::{Finding, Found, Place, SubmissionDigest, Thresholds, Within};

/// Watches when the events of streams are said to have occurred. Within a submission, the watch over its events does.
#[derive(Debug, Default)]
pub struct Orders {
    last: BTreeMap<u32, i64>,
}

impl Orders {
    /// Takes the next submission, in log order.
    pub fn take(&mut self, digest: &SubmissionDigest, thresholds: &Thresholds) -> Option<Finding> {
        let (sequence, occurred_at) = digest.first?;
        let before = match digest.last {
            Some(last) => self.last.insert(digest.stream, last)?,
            None => return None,
        };
        let tolerance_us = thresholds.back_dated_us;
        let is_back = !digest.back_fill && occurred_at < before.saturating_sub(tolerance_us);
        let place = Place::Event { stream: digest.stream, sequence, index: digest.index };
        let within = Within::Stream;
        let found = Found::BackDated { occurred_at, before, tolerance_us, within };
        is_back.then_some(Finding { place, found })
    }
}
