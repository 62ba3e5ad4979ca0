//! `cargo xtask gas`: what the contract costs, measured on a real development chain, beside its snapshot.

use std::fs;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::environment::Environment;
use crate::process::succeeds;
use crate::{npm, rocksdb};

const SNAPSHOT: &str = "deploy/contracts/gas.json";
const TEST: &str = "contract::gas_is_what_the_snapshot_says";
const MEASURE: [&str; 5] = ["test", "--package=witness-tests", "--test=journeys", "--", "--exact"];
/// What it may cost at most.
const BUDGET: [(&str, u64); 3] =
    [("commit_avg", 40_000), ("commit_max", 130_000), ("verify_depth20", 16_000)];

/// What is done with it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Takes what was measured as the new snapshot.
    #[arg(long)]
    update: bool,
}

/// Measures, prints a table, and leaves the numbers in `target/gas.json`. Fails where one has changed by more
/// than 1 %, or is beyond the budget.
pub(crate) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let (library, npm) = (rocksdb::ensure(environment)?, npm::ensure(environment)?);
    let report = environment.root.join("target/gas.json");
    if report.exists() {
        fs::remove_file(&report).context("the last report cannot be removed")?;
    }
    let mut measure = library.cargo(environment, &MEASURE);
    measure.arg(TEST).env("WITNESS_ANVIL", npm.anvil()?).env("WITNESS_GAS_REPORT", &report);
    let is_good = succeeds(&mut measure);
    let text = fs::read_to_string(&report).context(
        "nothing was measured; run: cargo test --package witness-tests --test journeys contract",
    )?;
    let measured: Value = serde_json::from_str(&text).context("the report is not JSON")?;
    let snapshot = environment.root.join(SNAPSHOT);
    let before = fs::read_to_string(&snapshot).unwrap_or_default();
    print!("{}", table(&measured, &serde_json::from_str(&before).unwrap_or_default()));
    println!("written: {}", report.display());
    if arguments.update {
        fs::write(&snapshot, text).with_context(|| format!("{SNAPSHOT} cannot be written"))?;
        println!("written: {SNAPSHOT}");
    } else if !is_good {
        bail!(
            "the gas has changed by more than 1 % or is beyond the budget: mend it, or take it with --update"
        );
    }
    Ok(())
}

fn table(measured: &Value, snapshot: &Value) -> String {
    let mut table = format!("{:<16}{:>10}{:>10}{:>10}\n", "gas", "measured", "snapshot", "budget");
    for (name, gas) in measured.as_object().into_iter().flatten() {
        let budget = BUDGET.iter().find(|(other, _)| other == name);
        let budget = budget.map_or(String::new(), |(_, most)| most.to_string());
        let before = snapshot.get(name).map_or("-".to_owned(), Value::to_string);
        let line = format!("{name:<16}{gas:>10}{before:>10}{budget:>10}");
        table += &(line.trim_end().to_owned() + "\n");
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_number_stands_beside_what_it_was_and_may_be() {
        let table =
            table(&json!({ "commit_avg": 37630, "deploy": 9 }), &json!({ "commit_avg": 1 }));
        let lines: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1..],
            [vec!["commit_avg", "37630", "1", "40000"], vec!["deploy", "9", "-"]]
        );
    }
}
