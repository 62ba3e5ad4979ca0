//! Measuring: the stopwatch, percentiles, this process's processor time, and the disk's own sync time.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// What one write to the disk has in the measurement of its sync time.
const BLOCK: [u8; 4096] = [0x5a; 4096];
/// Linux tells processor time in hundredths of a second, whatever the kernel's own clock (proc(5), `stat`).
const TICKS_PER_SECOND: f64 = 100.0;

/// The stopwatch.
#[expect(clippy::disallowed_methods, reason = "a load program measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Microseconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "events say when they happened: when the run began")]
pub(crate) fn epoch_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// When it came, since the run began.
    pub(crate) at: Duration,
    /// How long it took.
    pub(crate) latency: Duration,
}

/// The part of a run that counts: after the warm-up, and before the load tails off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Where it begins, since the run began.
    pub(crate) from: Duration,
    /// How long it is.
    pub(crate) length: Duration,
}

impl Window {
    pub(crate) fn covers(&self, at: Duration) -> bool {
        self.from <= at && at < self.from + self.length
    }
}

/// Durations in order.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut durations: Vec<Duration> = durations.into_iter().collect();
        durations.sort_unstable();
        Self(durations)
    }
}

impl Latencies {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, in order.
    pub(crate) fn durations(&self) -> impl Iterator<Item = Duration> + '_ {
        self.0.iter().copied()
    }

    /// The smallest that at least so many thousandths of all do not exceed; zero of none.
    pub(crate) fn at(&self, thousandths: usize) -> Duration {
        let rank = (self.0.len() * thousandths).div_ceil(1000).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The percentiles in milliseconds, for the report.
    pub(crate) fn report(&self) -> Value {
        let ms = |thousandths| to_ms(self.at(thousandths));
        json!({ "count": self.len(), "p50_ms": ms(500), "p90_ms": ms(900), "p99_ms": ms(990),
                "p999_ms": ms(999), "max_ms": ms(1000) })
    }
}

/// Answers per second in the best and the worst whole second of the window: stalls show there.
pub(crate) fn by_second(samples: &[Sample], window: Window) -> Value {
    let whole = usize::try_from(window.length.as_secs()).unwrap_or(usize::MAX);
    let mut seconds = vec![0_u64; whole];
    for sample in samples.iter().filter(|sample| window.covers(sample.at)) {
        let second =
            usize::try_from(sample.at.saturating_sub(window.from).as_secs()).unwrap_or(usize::MAX);
        if let Some(count) = seconds.get_mut(second) {
            *count += 1;
        }
    }
    json!({ "worst": seconds.iter().min(), "best": seconds.iter().max() })
}

/// A count in so much time, per second.
pub(crate) fn rate(count: u64, length: Duration) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    f64::from(count) / length.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Milliseconds, to a thousandth.
pub(crate) fn to_ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Processor seconds of this process so far.
pub(crate) fn processor_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("/proc/self/stat cannot be read")?;
    // The second word is the program's name in brackets, and may hold anything; 14 and 15 are what counts.
    let (_, rest) = stat.rsplit_once(')').context("/proc/self/stat is not as expected")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks: Vec<f64> = ticks.collect::<Result<_, _>>().context("/proc/self/stat")?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

/// How long the disk takes to sync 4 KiB at the end of a file in this folder.
pub(crate) fn disk_sync(folder: &Path, times: usize) -> Result<Latencies> {
    let path = folder.join("witness-load.sync");
    let mut file =
        File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut once = || -> Result<Duration> {
        let begin = now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        Ok(begin.elapsed())
    };
    let taken = (0..times).map(|_| once()).collect::<Result<Latencies>>();
    fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let latencies: Latencies = (1..=1000).rev().map(Duration::from_millis).collect();
        let ms = |thousandths| latencies.at(thousandths).as_millis();
        assert_eq!([ms(0), ms(500), ms(990), ms(1000)], [1, 500, 990, 1000]);
        assert_eq!(Latencies::default().at(500), Duration::ZERO);
    }
}
