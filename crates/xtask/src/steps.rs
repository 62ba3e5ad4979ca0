//! A sequence of named steps: a heading each, how long it took, and a table at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// What happens after a step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// The steps after it are not run.
    Stop,
    /// The steps after it are run all the same.
    GoOn,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ok(Duration),
    Failed(Duration),
    NotRun,
}

/// The steps so far.
#[derive(Debug)]
pub(crate) struct Steps {
    on_failure: OnFailure,
    outcomes: Vec<(&'static str, Outcome)>,
}

impl Steps {
    /// No step so far.
    pub(crate) fn new(on_failure: OnFailure) -> Self {
        Self { on_failure, outcomes: Vec::new() }
    }

    /// Runs a step, or notes that it is not run because one before it failed.
    pub(crate) fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) {
        let outcome = if self.has_failed() && self.on_failure == OnFailure::Stop {
            Outcome::NotRun
        } else {
            println!("\n=== {name}");
            let start = now();
            let result = work();
            let elapsed = start.elapsed();
            match result {
                Ok(()) => {
                    println!("--- {name}: ok, {:.1} s", elapsed.as_secs_f64());
                    Outcome::Ok(elapsed)
                }
                Err(error) => {
                    println!("--- {name}: FAILED, {:.1} s", elapsed.as_secs_f64());
                    println!("error: {error:#}");
                    Outcome::Failed(elapsed)
                }
            }
        };
        self.outcomes.push((name, outcome));
    }

    /// Prints the table; fails if a step did.
    pub(crate) fn finish(self) -> Result<()> {
        print!("\n{}", self.table());
        let failed: Vec<_> = self
            .outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
            .map(|(name, _)| *name)
            .collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }

    fn has_failed(&self) -> bool {
        self.outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
    }

    fn table(&self) -> String {
        let row = |name: &str, result: &str, seconds: &str| {
            format!("{name:<16}{result:<8}{seconds:>9}").trim_end().to_owned() + "\n"
        };
        let seconds = |elapsed: Duration| format!("{:.1}", elapsed.as_secs_f64());
        let mut table = row("step", "result", "seconds");
        let mut total = Duration::ZERO;
        for (name, outcome) in &self.outcomes {
            table += &match *outcome {
                Outcome::Ok(elapsed) => {
                    total += elapsed;
                    row(name, "ok", &seconds(elapsed))
                }
                Outcome::Failed(elapsed) => {
                    total += elapsed;
                    row(name, "FAILED", &seconds(elapsed))
                }
                Outcome::NotRun => row(name, "not run", ""),
            };
        }
        table + &row("all", if self.has_failed() { "FAILED" } else { "ok" }, &seconds(total))
    }
}

/// Where a stopwatch starts.
#[expect(clippy::disallowed_methods, reason = "a stopwatch for people; nothing depends on it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_steps(on_failure: OnFailure) -> (Steps, Vec<&'static str>) {
        let mut steps = Steps::new(on_failure);
        let mut run = Vec::new();
        for (name, result) in [("a", Ok(())), ("b", Err(anyhow::anyhow!("broken"))), ("c", Ok(()))]
        {
            steps.run(name, || {
                run.push(name);
                result
            });
        }
        (steps, run)
    }

    #[test]
    fn the_first_failure_stops_the_rest() {
        let (steps, run) = three_steps(OnFailure::Stop);
        assert_eq!(run, ["a", "b"]);
        assert!(steps.table().contains("\nc               not run\n"), "{}", steps.table());
        assert_eq!(steps.finish().unwrap_err().to_string(), "failed: b");
    }

    #[test]
    fn going_on_shows_every_failure() {
        let (steps, run) = three_steps(OnFailure::GoOn);
        assert_eq!(run, ["a", "b", "c"]);
        assert_eq!(steps.finish().unwrap_err().to_string(), "failed: b");
    }
}
