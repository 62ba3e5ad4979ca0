//! The row `check`: `witness audit check` on a bundle of a million events, and on one of five, whose memory must be
//! the same. No server takes part.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use super::{machine, remove, to_mb};
use crate::environment::Environment;
use crate::process::{output, program};
use crate::steps::now;
use crate::{programs, rocksdb};

/// Events of the bundles.
const SIZES: [(&str, u64); 2] = [("small", 1_000_000), ("large", 5_000_000)];
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Makes both bundles, one after the other, and checks them.
pub(super) fn row(environment: &Environment, folder: &Path) -> Result<Value> {
    let [witness, make] = build(environment)?;
    let mut row = Map::new();
    for (name, events) in SIZES {
        eprintln!("check of {events} events …");
        let folder = folder.join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut maker = program(environment, &make, [&folder]);
        output(maker.arg(format!("--events={events}")))?;
        row.insert(name.to_owned(), check(environment, &witness, &folder)?);
        remove(&folder)?;
    }
    Ok(Value::Object(row))
}

fn build(environment: &Environment) -> Result<[PathBuf; 2]> {
    const SELECTION: &[&str] = &[
        "--release",
        "--package=witness",
        "--package=witness-tests",
        "--bin=witness",
        "--bin=witness-bundle",
    ];
    let library = rocksdb::ensure(environment)?;
    programs::build(environment, &library, SELECTION, ["witness", "witness-bundle"])
}

/// Checks a bundle; how fast, and with how much memory.
fn check(environment: &Environment, witness: &Path, folder: &Path) -> Result<Value> {
    let mut command = program(environment, witness, ["audit", "check", "--json", "--strict"]);
    command.arg(folder.join("bundle")).arg("--policy").arg(folder.join("policy.json"));
    let (busy, began) = (machine::processor_seconds()?, now());
    let mut child = command.stdout(Stdio::piped()).spawn().context("witness cannot be started")?;
    let rss_kib = watch(&mut child)?;
    let seconds = began.elapsed().as_secs_f64();
    let cores = (machine::processor_seconds()? - busy) / seconds;
    let said = child.wait_with_output().context("witness cannot be waited for")?;
    ensure!(said.status.success(), "the bundle did not pass: {}", said.status);
    let said: Value = serde_json::from_slice(&said.stdout).context("no JSON object was said")?;
    let events = said.get("events").and_then(Value::as_f64).context("no events were told")?;
    Ok(json!({
        "events": events,
        "seconds": seconds,
        "events_per_s": events / seconds,
        "machine_cores": cores,
        "rss_mb": to_mb(rss_kib),
    }))
}

/// Largest resident size of a process, in KiB, when it has ended. It says one line, which a pipe holds.
fn watch(child: &mut Child) -> Result<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().context("witness cannot be waited for")?.is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        most = most.max(size.unwrap_or(0));
        thread::sleep(LOOK_EVERY);
    }
    Ok(most)
}
