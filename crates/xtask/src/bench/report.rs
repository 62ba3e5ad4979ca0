//! The numbers beside their budget.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{machine::Machine, number};

/// One number of the budget.
struct Promise {
    what: &'static str,
    /// Its name in the report.
    name: &'static str,
    /// The row's own report, and where the number stands in it.
    from: (&'static str, &'static str),
    limit: Limit,
    decimals: usize,
}

/// What the number must keep.
enum Limit {
    AtLeast(f64),
    AtMost(f64),
    /// At most so much above another number of the report.
    Above(f64, &'static str),
    /// Only told.
    None,
}

const PROMISES: &[Promise] = &[
    Promise {
        what: "durable events/s, submissions of 256",
        name: "stream_events_per_s",
        from: ("stream", "/events_per_s"),
        limit: Limit::AtLeast(100_000.0),
        decimals: 0,
    },
    Promise {
        what: "single-event submissions/s, 256 in flight",
        name: "single_submissions_per_s",
        from: ("single", "/submissions_per_s"),
        limit: Limit::AtLeast(10_000.0),
        decimals: 0,
    },
    Promise {
        what: "disk's own sync of 4 KiB, p50, ms",
        name: "disk_sync_p50_ms",
        from: ("lone", "/disk_sync/p50_ms"),
        limit: Limit::None,
        decimals: 3,
    },
    Promise {
        what: "disk's own sync of 4 KiB, p99, ms",
        name: "disk_sync_p99_ms",
        from: ("lone", "/disk_sync/p99_ms"),
        limit: Limit::None,
        decimals: 3,
    },
    Promise {
        what: "lone submission, p50, ms",
        name: "lone_p50_ms",
        from: ("lone", "/latency/p50_ms"),
        limit: Limit::Above(3.0, "disk_sync_p50_ms"),
        decimals: 3,
    },
    Promise {
        what: "lone submission, p99, ms",
        name: "lone_p99_ms",
        from: ("lone", "/latency/p99_ms"),
        limit: Limit::Above(15.0, "disk_sync_p99_ms"),
        decimals: 3,
    },
    Promise {
        what: "evidence lookups/s",
        name: "evidence_per_s",
        from: ("evidence", "/lookups_per_s"),
        limit: Limit::AtLeast(5_000.0),
        decimals: 0,
    },
    Promise {
        what: "evidence lookup, p99, ms",
        name: "evidence_p99_ms",
        from: ("evidence", "/latency/p99_ms"),
        limit: Limit::AtMost(10.0),
        decimals: 3,
    },
    Promise {
        what: "durable events/s while a tail follows",
        name: "tail_events_per_s",
        from: ("tail", "/events_per_s"),
        limit: Limit::AtLeast(100_000.0),
        decimals: 0,
    },
    Promise {
        what: "behind the last receipt, tail, s",
        name: "tail_caught_up_s",
        from: ("tail", "/caught_up_s"),
        limit: Limit::AtMost(3.0),
        decimals: 3,
    },
    Promise {
        what: "behind the last receipt, index, s",
        name: "index_caught_up_s",
        from: ("tail", "/index_caught_up_s"),
        limit: Limit::AtMost(3.0),
        decimals: 3,
    },
    Promise {
        what: "search, page of 100, slowest kind, p99, ms",
        name: "search_p99_ms",
        from: ("search", "/slowest_p99_ms"),
        limit: Limit::AtMost(50.0),
        decimals: 3,
    },
    Promise {
        what: "server's resident memory at most, MB",
        name: "server_rss_mb",
        from: ("server", "/rss_mb"),
        limit: Limit::AtMost(512.0),
        decimals: 0,
    },
    Promise {
        what: "audited events/s, bundle of 5,000,000",
        name: "check_events_per_s",
        from: ("check", "/large/events_per_s"),
        limit: Limit::AtLeast(200_000.0),
        decimals: 0,
    },
    Promise {
        what: "audit's memory, bundle of 1,000,000, MB",
        name: "check_small_rss_mb",
        from: ("check", "/small/rss_mb"),
        limit: Limit::None,
        decimals: 0,
    },
    Promise {
        what: "audit's memory, bundle of 5,000,000, MB",
        name: "check_large_rss_mb",
        from: ("check", "/large/rss_mb"),
        limit: Limit::AtMost(200.0),
        decimals: 0,
    },
];

/// All numbers: those of the budget by name, the sizes, the machine, and what each row reported.
pub(super) fn sum_up(
    rows: &Map<String, Value>,
    machine: &Machine,
    server_rss_mb: Option<f64>,
) -> Value {
    let mut all = rows.clone();
    all.insert("server".to_owned(), json!({ "rss_mb": server_rss_mb }));
    let mut report = Map::new();
    for promise in PROMISES {
        let (row, pointer) = promise.from;
        let found = all.get(row).and_then(|row| number(row, pointer));
        report.insert(promise.name.to_owned(), json!(found));
    }
    let events = all.get("evidence").and_then(|row| row["documents"].as_u64());
    report.insert("evidence_events".to_owned(), json!(events));
    report.insert("machine".to_owned(), machine.report());
    report.insert("rows".to_owned(), Value::Object(all));
    Value::Object(report)
}

/// The numbers for people.
pub(super) fn table(report: &Value) -> String {
    let machine = &report["machine"];
    let text = |name: &str| machine[name].as_str().unwrap_or("unknown").to_owned();
    let mut table = format!(
        "{}, {} cores, Linux {}, client and server together\n",
        text("cpu"),
        machine["cores"],
        text("kernel")
    );
    // Writing to a string cannot fail.
    for promise in PROMISES {
        let found = report[promise.name].as_f64();
        let shown = found.map_or("not run".to_owned(), |it| decimals(it, promise.decimals));
        let (limit, verdict) = promise.limit.judge(found, report);
        let line = format!("{:<44}{shown:>12}  {limit:<22}{verdict}", promise.what);
        writeln!(table, "{}", line.trim_end()).ok();
    }
    for (name, row) in report["rows"].as_object().into_iter().flatten() {
        if let Some(line) = details(name, row) {
            writeln!(table, "{line}").ok();
        }
    }
    table
}

impl Limit {
    /// How the limit is written, and what became of it.
    fn judge(&self, found: Option<f64>, report: &Value) -> (String, &'static str) {
        let (written, limit, holds): (_, _, fn(f64, f64) -> bool) = match *self {
            Self::AtLeast(limit) => {
                (format!("at least {}", decimals(limit, 0)), limit, |found, limit| found >= limit)
            }
            Self::AtMost(limit) => {
                (format!("at most {}", decimals(limit, 0)), limit, |found, limit| found <= limit)
            }
            Self::Above(more, name) => {
                let base = report[name].as_f64().unwrap_or(0.0);
                let written = format!("disk + {}", decimals(more, 0));
                (written, base + more, |found, limit| found <= limit)
            }
            Self::None => return (String::new(), ""),
        };
        let verdict = match found {
            None => "",
            Some(found) if holds(found, limit) => "ok",
            Some(_) => "MISSED",
        };
        (written, verdict)
    }
}

/// What stands behind a number: how the row was run, and what it cost.
fn details(name: &str, row: &Value) -> Option<String> {
    let count = number(row, "/latency/count")?;
    let ms = |at: &str| decimals(number(row, at).unwrap_or(0.0), 3);
    let mut line = format!(
        "  {name}: {} answers, ms p50 {} p99 {} max {}",
        decimals(count, 0),
        ms("/latency/p50_ms"),
        ms("/latency/p99_ms"),
        ms("/latency/max_ms")
    );
    for (what, at) in [
        ("events/s", "/events_per_s"),
        ("documents", "/documents"),
        ("in flight", "/in_flight"),
        ("server cores", "/server_cores"),
        ("client cores", "/client_cores"),
        ("all cores", "/machine_cores"),
    ] {
        if let Some(found) = number(row, at) {
            let places = if at.ends_with("cores") { 2 } else { 0 };
            write!(line, ", {what} {}", decimals(found, places)).ok();
        }
    }
    Some(line)
}

/// A number with its thousands parted.
fn decimals(number: f64, places: usize) -> String {
    let plain = format!("{number:.places$}");
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut parted = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            parted.push(',');
        }
        parted.push(digit);
    }
    parted + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        let shown = [(0.0, 0), (999.0, 0), (1000.0, 0), (1_234_567.891, 2)];
        let shown = shown.map(|(number, places)| decimals(number, places));
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567.89"]);
    }

    #[test]
    fn what_was_not_run_is_neither_kept_nor_missed() {
        let report = json!({ "disk_sync_p50_ms": 1.0 });
        let above = Limit::Above(3.0, "disk_sync_p50_ms");
        let verdicts = [None, Some(4.0), Some(4.1)].map(|found| above.judge(found, &report).1);
        assert_eq!(verdicts, ["", "ok", "MISSED"]);
    }
}
