//! What `witness audit check` can be asked.

use std::{num::NonZero, path::PathBuf, thread};

use clap::Args;
use witness_core::{
    audit::findings::Thresholds,
    evidence::SeenBlock,
    name::{Domain, Jurisdictions},
};

use crate::{args, commands::verify, times};

const EXAMPLES: &str = "\
Every entry is read and the tree rebuilt; every signature, key and chain of every stream is checked;
every body is hashed up to what its issuer signed. Nothing of a stream in the bundle's scope can be
left out unseen: what is missing is named by stream, sequence and entry. Then the rules are applied;
each finding comes with the numbers that it was judged by.

Take the policy from the firm itself or from somebody you trust, never from where the bundle came
from. What the bundle says of its own scope is held against the registry in the log; that it is the
scope that you should have got, say with --jurisdictions or --issuer.

Exit codes:
  0  every check holds, whatever was found
  1  a check failed; with --strict also: something was found
  2  it cannot tell: the bundle is not complete, or holds something of an unknown kind

Examples:
  witness audit check bundle --policy policy.json
  witness audit check bundle --policy policy.json --jurisdictions DE --strict
  witness audit check bundle --policy policy.json --json --late-after 2d > findings.ndjson";

/// Arguments of `witness audit check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Folder of the bundle
    #[arg(value_name = "BUNDLE")]
    pub(super) bundle: PathBuf,
    /// The firm's trust policy, got elsewhere
    #[arg(long, value_name = "POLICY.json")]
    pub(super) policy: PathBuf,
    /// The jurisdictions that the bundle must be for, as in DE,EU
    #[arg(long, value_name = "CODES", value_parser = args::assigned_jurisdictions)]
    pub(super) jurisdictions: Option<Jurisdictions>,
    /// The issuer that the bundle must be for
    #[arg(long, value_name = "DOMAIN", value_parser = args::domain)]
    pub(super) issuer: Option<Domain>,
    /// A block that you know to be on its chain for good, as eip155:<chain>:0x<hash>; may be repeated
    #[arg(long = "block", value_name = "HASH", value_parser = verify::read_block)]
    pub(super) blocks: Vec<SeenBlock>,
    /// End with 1 if anything was found, too
    #[arg(long)]
    pub(super) strict: bool,
    /// Show every finding, and not the first of each rule alone
    #[arg(long)]
    pub(super) all: bool,
    /// How many findings of each rule are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 10, conflicts_with = "all")]
    pub(super) first: usize,
    /// How many threads work; one for each core, if not given
    #[arg(long, value_name = "NUMBER")]
    threads: Option<NonZero<usize>>,
    /// Folder for what is kept of each event while this runs, about 48 bytes; the system's, if not given
    #[arg(long, value_name = "DIR")]
    pub(super) temp: Option<PathBuf>,
    #[command(flatten)]
    thresholds: ThresholdArgs,
}

/// By which numbers the rules judge.
#[derive(Debug, Args)]
#[command(next_help_heading = "Thresholds")]
struct ThresholdArgs {
    /// late-report: received more than this after it occurred, in live streams
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span)]
    late_after: i64,
    /// future-occurrence: occurs more than this after it was received
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = span)]
    future_tolerance: i64,
    /// back-dated: occurred more than this before the event before it in its live stream
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = span)]
    back_dated_tolerance: i64,
    /// back-dated: occurred more than this before the event before it of its document
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = span)]
    document_tolerance: i64,
    /// burst: so many revocations and deletions on a day at least
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    burst_minimum: u64,
    /// burst: and so many times as many as on an average day before
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    burst_factor: u64,
    /// burst: how many days before are looked at
    #[arg(long, value_name = "DAYS", default_value_t = 28)]
    burst_days: u64,
    /// silence: nothing for longer than this, in live streams
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span)]
    silence_after: i64,
    /// silence: and for so many times the stream's average gap before
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    silence_factor: u64,
}

impl CheckArgs {
    pub(super) fn threads(&self) -> NonZero<usize> {
        let cores = || thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        self.threads.unwrap_or_else(cores)
    }

    pub(super) fn thresholds(&self) -> Thresholds {
        let given = &self.thresholds;
        Thresholds {
            late_us: given.late_after,
            future_us: given.future_tolerance,
            back_dated_us: given.back_dated_tolerance,
            document_back_dated_us: given.document_tolerance,
            burst_minimum: given.burst_minimum,
            burst_factor: given.burst_factor,
            burst_days: given.burst_days,
            silence_us: given.silence_after,
            silence_factor: given.silence_factor,
        }
    }
}

/// A span of time in microseconds, which may be none.
fn span(text: &str) -> Result<i64, &'static str> {
    if text == "0" {
        return Ok(0);
    }
    let expected = "expected a span of time, as in 7d, 12h, 5m or 0";
    let micros = times::duration(text).ok().map(|span| span.as_micros());
    micros.and_then(|micros| i64::try_from(micros).ok()).ok_or(expected)
}
