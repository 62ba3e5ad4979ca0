//! What the server under measurement takes, by the kernel's word.

use std::fs;

use anyhow::{Context as _, Result};

use super::machine::TICKS_PER_SECOND;
use crate::witnessd::Witnessd;

/// Largest resident size so far, in KiB.
pub(super) fn rss_kib_max(server: &Witnessd) -> Result<u64> {
    let status = read(server, "status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let size = line.and_then(|line| line.split_whitespace().next());
    size.and_then(|size| size.parse().ok()).context("the server's VmHWM")
}

/// Processor seconds so far.
pub(super) fn processor_seconds(server: &Witnessd) -> Result<f64> {
    let stat = read(server, "stat")?;
    // The second word is the program's name in brackets, and may hold anything; 14 and 15 count.
    let (_, rest) = stat.rsplit_once(')').context("the server's processor time")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks: Vec<f64> = ticks.collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn read(server: &Witnessd, name: &str) -> Result<String> {
    let path = format!("/proc/{}/{name}", server.id());
    fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))
}
