//! Bursts: a day on which a stream has many more revocations and deletions than its own past calls for.

use alloc::collections::{BTreeMap, VecDeque};

use super::{Finding, Found, Place, SubmissionDigest, Thresholds};

const DAY_US: u64 = 24 * 3600 * 1_000_000;

/// Counts revocations and deletions by stream and UTC day of receipt.
#[derive(Debug, Default)]
pub struct Bursts {
    streams: BTreeMap<u32, Days>,
}

/// The days of a stream that have events: the one that runs, and those before it that are looked at.
#[derive(Debug, Default)]
struct Days {
    today: u64,
    adverse: u64,
    /// Where the first one of the day is.
    first: Option<Place>,
    before: VecDeque<(u64, u64)>,
}

impl Bursts {
    /// Takes the next submission, in log order. Gives what the day before came to, if this one begins another.
    pub fn take(&mut self, digest: &SubmissionDigest, thresholds: &Thresholds) -> Option<Finding> {
        if digest.back_fill {
            return None;
        }
        let day = digest.received_at.micros() / DAY_US;
        let days = self.streams.entry(digest.stream).or_default();
        let found = if day == days.today { None } else { days.close(thresholds) };
        if day != days.today {
            days.today = day;
        }
        days.adverse += digest.adverse;
        if days.first.is_none() && digest.adverse > 0 {
            let sequence = digest.first.map_or(0, |(sequence, _)| sequence);
            let (stream, index) = (digest.stream, digest.index);
            days.first = Some(Place::Submission { stream, sequence, index });
        }
        found
    }

    /// Ends the last days of all streams.
    pub fn end(mut self, thresholds: &Thresholds, mut find: impl FnMut(Finding)) {
        self.streams.values_mut().filter_map(|days| days.close(thresholds)).for_each(&mut find);
    }
}

impl Days {
    /// Judges the day that ends, and puts it with those before.
    fn close(&mut self, thresholds: &Thresholds) -> Option<Finding> {
        let (day, count) = (self.today, core::mem::take(&mut self.adverse));
        let place = self.first.take();
        let oldest = day.saturating_sub(thresholds.burst_days);
        while self.before.front().is_some_and(|(before, _)| *before < oldest) {
            self.before.pop_front();
        }
        let days = u64::try_from(self.before.len()).unwrap_or(u64::MAX);
        let sum: u64 = self.before.iter().map(|(_, count)| count).sum();
        // The time before the first submission has no day.
        if day > 0 {
            self.before.push_back((day, count));
        }
        let (minimum, factor) = (thresholds.burst_minimum, thresholds.burst_factor);
        // Without fractions: count >= factor * sum / days.
        let is_many = count.saturating_mul(days) >= factor.saturating_mul(sum);
        let found = Found::Burst { day, count, sum, days, minimum, factor };
        place.filter(|_| count >= minimum && is_many).map(|place| Finding { place, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{merkle::LeafIndex, time::Timestamp};
    use alloc::vec::Vec;

    /// Which days of these have a burst, each given as day and number of revocations.
    fn bursts(days: &[(u64, u64)]) -> Vec<u64> {
        let (mut bursts, thresholds) = (Bursts::default(), Thresholds::default());
        let mut found = Vec::new();
        for (day, adverse) in days {
            let digest = SubmissionDigest {
                stream: 3,
                back_fill: false,
                index: LeafIndex(*day),
                received_at: Timestamp::from_micros(day * DAY_US),
                events: 100,
                first: Some((0, 0)),
                last: Some(0),
                adverse: *adverse,
            };
            found.extend(bursts.take(&digest, &thresholds));
        }
        bursts.end(&thresholds, |finding| found.push(finding));
        let day = |finding: &Finding| finding.place.index().map(|index| index.0);
        found.iter().filter_map(day).collect()
    }

    #[test]
    fn days_beyond_the_window_and_days_without_events_do_not_count() {
        assert!(bursts(&[(20_000, 19)]).is_empty());
        assert_eq!(bursts(&[(20_000, 10), (20_000, 10)]), [20_000], "two submissions of a day");
        assert_eq!(bursts(&[(20_000, 50), (20_010, 249)]), [20_000], "five times fifty is more");
        assert_eq!(bursts(&[(20_000, 50), (20_010, 250)]), [20_000, 20_010]);
        assert_eq!(bursts(&[(20_000, 50), (20_028, 20)]), [20_000], "28 days before");
        assert_eq!(bursts(&[(20_000, 50), (20_029, 20)]), [20_000, 20_029], "29 days before");
    }
}
