//! `witness-bundle`: writes an audit bundle of any length, as `cargo xtask bench` checks it: two issuers, four streams,
//! submissions of 256 events. Nothing in it is to be found.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::path::PathBuf;

use clap::Parser;
use witness_core::{
    event::{Change, Status, StatusClass},
    hash::Hash,
};
use witness_tests::{MadeBundle, MadeEvent};

/// 2026-03-01T00:00:00Z.
const START_US: u64 = 1_772_323_200_000_000;
const MINUTE_US: u64 = 60_000_000;
const STREAMS: [(&str, &str); 4] = [
    ("school.example", "main"),
    ("school.example", "live"),
    ("bank.example", "main"),
    ("bank.example", "live"),
];

/// Writes an audit bundle of any length.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder in which `bundle` and `policy.json` are written
    folder: PathBuf,
    /// Number of events
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Events of one submission, 4 at least
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(4..=4096))]
    of_submission: u64,
}

fn main() {
    let Arguments { folder, events, of_submission } = Arguments::parse();
    let mut made = MadeBundle::found(&folder, "DE", START_US);
    for issuer in ["school.example", "bank.example"] {
        made.issuer(issuer);
    }
    for (issuer, stream) in STREAMS {
        made.open(issuer, stream, "DE");
    }
    let (mut document, mut count) = (0, 0);
    for (issuer, stream) in STREAMS.into_iter().cycle() {
        if count >= events {
            break;
        }
        made.now_us += MINUTE_US;
        let all = submission(made.now_us, document, of_submission.min(events - count).max(4));
        document += of_submission;
        count += u64::try_from(all.len()).unwrap_or(u64::MAX);
        made.submit(issuer, stream, &all);
    }
    made.finish();
    println!("{{\"events\":{count}}}");
}

/// One is amended, the amended one expires, the rest are issued.
fn submission(now_us: u64, first: u64, events: u64) -> Vec<MadeEvent> {
    let occurred_at = i64::try_from(now_us).unwrap_or(i64::MAX) - 1_000_000;
    let event = |document, change| MadeEvent { document, change, occurred_at, has_details: true };
    let link = Hash::of(&first.to_be_bytes());
    let amended = first + events - 1;
    let mut all: Vec<MadeEvent> =
        (first..amended - 2).map(|document| event(document, Change::Issued)).collect();
    all.push(event(first, Change::Replaced { link }));
    all.push(event(amended, Change::Amended { link }));
    if let Some(status) = Status::parse("EXPIRED") {
        let class = StatusClass::Administrative;
        all.push(event(amended, Change::Status { class, status }));
    }
    all
}
