//! Counting what happened in a stream on a day.

use witness_core::{
    anomaly::Anomalies,
    event::{Change, StatusClass},
    time::Timestamp,
};

use super::cells::DAY_MICROS;
use crate::cells::{Cell, Reader};

/// Kinds of anomalies that there is room for: the bits of a stored set.
const ANOMALIES: usize = 16;

/// What happened in a stream. Numbers of events, unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub events: u64,
    /// New hashes.
    pub issued: u64,
    /// Old hashes of records that went on under new ones.
    pub replaced: u64,
    /// New hashes of such records.
    pub amended: u64,
    /// The issuer's endpoint answered 404.
    pub deleted: u64,
    /// It answered again.
    pub restored: u64,
    /// Statuses, by the place of their class in [`StatusClass::ALL`].
    pub statuses: [u64; StatusClass::ALL.len()],
    /// Anomalies, by their bit in a stored set.
    pub anomalies: [u64; ANOMALIES],
    /// Conflicting submissions.
    pub conflicts: u64,
    /// Submissions.
    pub submissions: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Said to have occurred before the event before it in its stream.
    pub back_dated: u64,
    /// Erased, by the day of the erasure.
    pub erased: u64,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        for (own, other) in self.numbers_mut().zip(other.numbers()) {
            *own += other;
        }
    }

    pub(super) fn add_change(&mut self, change: &Change) {
        let number = match change {
            Change::Issued => &mut self.issued,
            Change::Replaced { .. } => &mut self.replaced,
            Change::Amended { .. } => &mut self.amended,
            Change::Deleted => &mut self.deleted,
            Change::Restored => &mut self.restored,
            Change::Status { class, .. } => {
                let classes = StatusClass::ALL.into_iter().zip(&mut self.statuses);
                for (_, number) in classes.filter(|(other, _)| other == class) {
                    *number += 1;
                }
                return;
            }
        };
        *number += 1;
    }

    pub(super) fn add_anomalies(&mut self, anomalies: Anomalies) {
        for (bit, number) in (0..).zip(&mut self.anomalies) {
            *number += u64::from(anomalies.0 >> bit & 1);
        }
    }

    /// In the order in which they are stored, which is for ever; more can only come at the end.
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let first = [self.events, self.issued, self.replaced, self.amended, self.deleted];
        let then = [self.restored, self.conflicts, self.submissions, self.heartbeats];
        let last = [self.back_dated, self.erased];
        let plain = first.into_iter().chain(then).chain(last);
        plain.chain(self.statuses).chain(self.anomalies)
    }

    fn numbers_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        let first = [
            &mut self.events,
            &mut self.issued,
            &mut self.replaced,
            &mut self.amended,
            &mut self.deleted,
        ];
        let then =
            [&mut self.restored, &mut self.conflicts, &mut self.submissions, &mut self.heartbeats];
        let last = [&mut self.back_dated, &mut self.erased];
        let plain = first.into_iter().chain(then).chain(last);
        plain.chain(&mut self.statuses).chain(&mut self.anomalies)
    }

    pub(super) fn key(stream: u32, day: u32) -> Vec<u8> {
        Cell::default().u8(b'd').u32(stream).u32(day).0
    }

    /// The day in a key of this stream.
    pub(super) fn day_in(key: &[u8], stream: u32) -> Option<u32> {
        let mut reader = Reader(key.strip_prefix(b"d")?);
        let (found, day) = (reader.u32()?, reader.u32()?);
        reader.end(day).filter(|_| found == stream)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        self.numbers().fold(Cell::default(), Cell::u64).0
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut counts = Self::default();
        let mut reader = Reader(bytes);
        for number in counts.numbers_mut() {
            *number = reader.u64()?;
        }
        reader.end(counts)
    }
}

/// The day of a time, UTC, counted from the epoch.
pub(super) fn day_of(at: Timestamp) -> u32 {
    u32::try_from(at.micros() / DAY_MICROS).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use witness_core::{anomaly::Anomaly, event::Status};

    use super::*;

    #[test]
    fn each_number_has_its_own_place_and_reads_back() {
        let mut counts = Counts::default();
        for (n, number) in (1..).zip(counts.numbers_mut()) {
            *number = n;
        }
        assert_eq!(Counts::decode(&counts.encode()), Some(counts.clone()));
        assert_eq!(counts.numbers().collect::<Vec<_>>(), (1..=33).collect::<Vec<u64>>());
        assert_eq!(Counts::decode(&[0; 8]), None);
        let mut twice = counts.clone();
        twice.add(&counts);
        assert_eq!((twice.events, twice.erased), (2 * counts.events, 2 * counts.erased));
    }

    #[test]
    fn changes_and_anomalies_are_counted_where_they_belong() {
        let mut counts = Counts::default();
        let status = Status::parse("REVOKED").unwrap();
        counts.add_change(&Change::Status { class: StatusClass::Punitive, status });
        counts.add_change(&Change::Deleted);
        let mut odd = Anomalies::default();
        odd.insert(Anomaly::LateReport);
        odd.insert(Anomaly::NeverIssued);
        counts.add_anomalies(odd);
        let mut expected = Counts { deleted: 1, ..Counts::default() };
        expected.statuses[2] = 1;
        expected.anomalies[0] = 1;
        expected.anomalies[7] = 1;
        assert_eq!(counts, expected);
    }

    #[test]
    fn a_key_tells_its_stream_and_day() {
        let key = Counts::key(3, 20_000);
        assert_eq!((Counts::day_in(&key, 3), Counts::day_in(&key, 4)), (Some(20_000), None));
        assert_eq!(day_of(Timestamp::from_micros(2 * DAY_MICROS - 1)), 1);
    }
}
