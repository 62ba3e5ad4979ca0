//! The machine that the numbers are of.

use std::fs;
use std::thread;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Linux tells processor time in hundredths of a second, whatever the kernel's own clock (proc(5), `stat`).
pub(super) const TICKS_PER_SECOND: f64 = 100.0;
/// Processes at work besides ours, above which the numbers say little.
const BUSY_ABOVE: f64 = 0.5;

/// What is known of it.
#[derive(Debug)]
pub(super) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    /// Processes at work in the minute before.
    load: f64,
}

impl Machine {
    pub(super) fn read() -> Result<Self> {
        let cpuinfo = read("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, cpu)| cpu);
        let load = read("/proc/loadavg")?;
        let load = load.split_whitespace().next().and_then(|load| load.parse().ok());
        Ok(Self {
            cpu: cpu.to_owned(),
            cores: thread::available_parallelism()?.get(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load: load.context("/proc/loadavg is not as expected")?,
        })
    }

    pub(super) fn warn_if_busy(&self) {
        if self.load > BUSY_ABOVE {
            eprintln!(
                "warning: other work was going on here (load {}): the numbers will be too low",
                self.load
            );
        }
    }

    pub(super) fn report(&self) -> Value {
        let Self { cpu, cores, kernel, load } = self;
        json!({ "cpu": cpu, "cores": cores, "kernel": kernel, "load_before": load })
    }
}

/// Processor seconds that all processes together took since the machine started.
pub(super) fn processor_seconds() -> Result<f64> {
    let stat = read("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<f64> =
        line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?;
    // proc(5): user, nice, system, then idle and waiting for the disk, then interrupts.
    let busy = ticks.iter().take(3).chain(ticks.iter().skip(5).take(2));
    Ok(busy.sum::<f64>() / TICKS_PER_SECOND)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))
}
