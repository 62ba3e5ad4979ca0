//! Silence: a stream in which nothing came for much longer than it used to take.

use alloc::collections::BTreeMap;

use super::{Finding, Found, Place, Thresholds};
use crate::time::Timestamp;

/// Watches when streams say something: a submission, or a sign of life.
#[derive(Debug, Default)]
pub struct Silences {
    streams: BTreeMap<u32, Heard>,
}

#[derive(Debug)]
struct Heard {
    first: u64,
    last: u64,
    gaps: u64,
}

impl Silences {
    /// Takes the next sign of a live stream, in log order, received at a time.
    pub fn take(&mut self, stream: u32, at: Timestamp, thresholds: &Thresholds) -> Option<Finding> {
        let at = at.micros();
        let Some(heard) = self.streams.get_mut(&stream) else {
            self.streams.insert(stream, Heard { first: at, last: at, gaps: 0 });
            return None;
        };
        let found = heard.silence(at, thresholds);
        heard.last = at;
        heard.gaps += 1;
        found.map(|found| Finding { place: Place::Stream(stream), found })
    }

    /// Ends a stream of which nothing more can come.
    pub fn close(&mut self, stream: u32) {
        self.streams.remove(&stream);
    }

    /// Ends at the time of the checkpoint, up to which nothing more came.
    pub fn end(self, at: Timestamp, thresholds: &Thresholds, mut find: impl FnMut(Finding)) {
        for (stream, heard) in &self.streams {
            if let Some(found) = heard.silence(at.micros(), thresholds) {
                find(Finding { place: Place::Stream(*stream), found });
            }
        }
    }
}

impl Heard {
    fn silence(&self, until: u64, thresholds: &Thresholds) -> Option<Found> {
        let mean_us = (self.last - self.first).checked_div(self.gaps).unwrap_or(0);
        let least = u64::try_from(thresholds.silence_us).unwrap_or(0);
        let limit_us = least.max(mean_us.saturating_mul(thresholds.silence_factor));
        let is_long = until.saturating_sub(self.last) > limit_us;
        let (from, until) = (Timestamp::from_micros(self.last), Timestamp::from_micros(until));
        is_long.then_some(Found::Silence { from, until, limit_us, mean_us })
    }
}
