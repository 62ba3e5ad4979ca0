//! `cargo xtask bench`: this machine measured against its budget.
//!
//! `witnessd` and `witness-load` are two processes on loopback, and the data is on the disk that `target` is
//! on. The load program verifies every receipt. What must hold: only processes that were started here are
//! ended, and a missed budget is said, not an error.

mod check;
mod machine;
mod report;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use self::machine::Machine;
use crate::environment::Environment;
use crate::process::{output, program};
use crate::steps::now;
use crate::witnessd::Witnessd;
use crate::{programs, rocksdb};

/// Where the data lies while it runs, below `target`.
const FOLDER: &str = "bench";
const REPORT: &str = "bench.json";
/// How often something rare is logged while the log for searches is filled.
const SPELLS: u64 = 25;

/// What is measured, and how long.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Row::ALL)]
    rows: Vec<Row>,
    /// Seconds that count, of each row; a warm-up goes before.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Events that are logged before evidence is looked up; the budget speaks of 10000000.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Events that are logged before they are searched.
    #[arg(long, default_value_t = 5_000_000)]
    searched_events: u64,
    /// Leaves the data in `target/bench`.
    #[arg(long)]
    keep: bool,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Row {
    /// Submissions of 256 events, many in flight.
    Stream,
    /// Submissions of one event, 256 in flight.
    Single,
    /// One submission of one event at a time.
    Lone,
    /// Evidence of random documents, after a restart.
    Evidence,
    /// Submissions of 256 events, many in flight, and a tail that follows them.
    Tail,
    /// Pages of searches, after a restart.
    Search,
    /// Audit bundles of one and of five million events, checked without a server.
    Check,
}

impl Row {
    const ALL: [Self; 7] = [
        Self::Stream,
        Self::Single,
        Self::Lone,
        Self::Evidence,
        Self::Tail,
        Self::Search,
        Self::Check,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Single => "single",
            Self::Lone => "lone",
            Self::Evidence => "evidence",
            Self::Tail => "tail",
            Self::Search => "search",
            Self::Check => "check",
        }
    }
}

/// The two programs.
#[derive(Debug)]
struct Programs {
    witnessd: PathBuf,
    load: PathBuf,
}

/// Builds the programs, measures, prints a table, and writes `target/bench.json`.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let target = environment.root.join("target");
    let folder = target.join(FOLDER);
    remove(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let machine = Machine::read()?;
    machine.warn_if_busy();
    let (mut rows, mut server_rss_mb) = (Map::new(), None);
    let of_server: Vec<Row> =
        arguments.rows.iter().copied().filter(|row| *row != Row::Check).collect();
    if !of_server.is_empty() {
        let programs = build(environment)?;
        let mut bench = Bench::start(environment, &programs, &folder)?;
        for row in Row::ALL {
            if of_server.contains(&row) {
                bench.row(row, arguments)?;
            }
        }
        server_rss_mb = Some(bench.finish()?);
        rows = bench.rows;
    }
    if arguments.rows.contains(&Row::Check) {
        rows.insert(Row::Check.word().to_owned(), check::row(environment, &folder)?);
    }
    let report = report::sum_up(&rows, &machine, server_rss_mb);
    print!("{}", report::table(&report));
    let path = target.join(REPORT);
    fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| format!("{} cannot be written", path.display()))?;
    println!("written: {}", path.display());
    if !arguments.keep {
        remove(&folder)?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    Ok(())
}

/// Both programs in one build, so that they share what both depend on.
fn build(environment: &Environment) -> Result<Programs> {
    const SELECTION: &[&str] = &[
        "--release",
        "--package=witnessd",
        "--package=witness-tests",
        "--bin=witnessd",
        "--bin=witness-load",
    ];
    let library = rocksdb::ensure(environment)?;
    let names = ["witnessd", "witness-load"];
    let [witnessd, load] = programs::build(environment, &library, SELECTION, names)?;
    Ok(Programs { witnessd, load })
}

/// A server under measurement: it says nothing but errors.
fn start(environment: &Environment, programs: &Programs, data: &Path) -> Result<Witnessd> {
    // So that evidence is rolled up, as it is in earnest.
    let more = ["--rollup-every-s", "5"];
    Witnessd::start(environment, &programs.witnessd, (data, &more), ("error", Stdio::inherit()))
}

/// A run under way.
#[derive(Debug)]
struct Bench<'a> {
    environment: &'a Environment,
    programs: &'a Programs,
    data: PathBuf,
    server: Witnessd,
    /// Largest resident size of the servers before this one.
    rss_kib: u64,
    /// Documents sent so far.
    documents: u64,
    rows: Map<String, Value>,
}

impl<'a> Bench<'a> {
    fn start(environment: &'a Environment, programs: &'a Programs, folder: &Path) -> Result<Self> {
        let data = folder.join("data");
        let server = start(environment, programs, &data)?;
        let (rss_kib, documents, rows) = (0, 0, Map::new());
        Ok(Self { environment, programs, data, server, rss_kib, documents, rows })
    }

    fn row(&mut self, row: Row, arguments: &Arguments) -> Result<()> {
        if row == Row::Evidence {
            self.fill(arguments.events)?;
            self.restart()?;
        }
        if row == Row::Search {
            self.fill_with_spells(arguments.searched_events)?;
            self.restart()?;
        }
        let seconds = format!("--seconds={}", arguments.seconds);
        self.load(row.word(), &[row.word(), &seconds])
    }

    /// Logs events until there are so many.
    fn fill(&mut self, events: u64) -> Result<()> {
        if events <= self.documents {
            return Ok(());
        }
        let until = format!("--until-document={events}");
        self.load("fill", &[Row::Stream.word(), &until])
    }

    /// The same, with something rare in between.
    fn fill_with_spells(&mut self, events: u64) -> Result<()> {
        let begin = self.documents;
        for part in 1..=SPELLS {
            self.fill(begin + events.saturating_sub(begin) / SPELLS * part)?;
            self.load("spell", &["spell"])?;
        }
        Ok(())
    }

    /// What is in memory afterwards was read from the disk.
    fn restart(&mut self) -> Result<()> {
        self.rss_kib = self.rss_kib.max(server::rss_kib_max(&self.server)?);
        self.server.stop()?;
        self.server = start(self.environment, self.programs, &self.data)?;
        let seconds = self.server.started_in.as_secs_f64();
        self.rows.insert("restart".to_owned(), json!({ "seconds": seconds }));
        Ok(())
    }

    /// Runs the load program once, and keeps its report.
    fn load(&mut self, name: &str, arguments: &[&str]) -> Result<()> {
        eprintln!("{name} …");
        let mut command = program(self.environment, &self.programs.load, ["--server"]);
        command.arg(&self.server.address).arg("--data").arg(&self.data);
        command.arg(format!("--documents={}", self.documents)).args(arguments);
        let busy = [server::processor_seconds(&self.server)?, machine::processor_seconds()?];
        let began = now();
        let report = output(&mut command)?;
        let seconds = began.elapsed().as_secs_f64();
        let [server_busy, all_busy] = busy;
        let cores = (server::processor_seconds(&self.server)? - server_busy) / seconds;
        let all_cores = (machine::processor_seconds()? - all_busy) / seconds;
        let mut report: Map<String, Value> =
            serde_json::from_str(&report).context("the load program's report is not JSON")?;
        if let Some(documents) = report.get("next_document").and_then(Value::as_u64) {
            self.documents = documents;
        }
        report.insert("server_cores".to_owned(), json!(cores));
        report.insert("machine_cores".to_owned(), json!(all_cores));
        report.insert("server_rss_mb".to_owned(), json!(to_mb(server::rss_kib_max(&self.server)?)));
        self.rows.insert(name.to_owned(), Value::Object(report));
        Ok(())
    }

    /// Ends the server; the largest resident size of all.
    fn finish(&mut self) -> Result<f64> {
        let rss_kib = self.rss_kib.max(server::rss_kib_max(&self.server)?);
        self.server.stop()?;
        Ok(to_mb(rss_kib))
    }
}

fn to_mb(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::INFINITY, |kib| f64::from(kib) * 1024.0 / 1e6)
}

/// A row of the budget that has no number is one that was not run.
fn number(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer)?.as_f64()
}
