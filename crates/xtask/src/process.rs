//! Child processes: made in the workspace's folder, free of what `cargo run` has set for us, and named
//! in the error when they fail.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::environment::Environment;

/// A child process in the workspace's folder.
pub(crate) fn program<I>(
    environment: &Environment,
    name: impl AsRef<OsStr>,
    arguments: I,
) -> Command
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    let mut command = Command::new(name);
    command.args(arguments).current_dir(&environment.root);
    for variable in &environment.not_for_children {
        command.env_remove(variable);
    }
    command
}

/// A child `cargo`, of the toolchain that the workspace names.
pub(crate) fn cargo<I>(environment: &Environment, arguments: I) -> Command
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    program(environment, "cargo", arguments)
}

/// Runs to the end, with our own output; fails if the child does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Runs to the end; what the child wrote to its standard output, if it did well.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", line(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` wrote what is not UTF-8", line(command)))
}

/// Runs to the end in silence; whether the child could be started and did well.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}

fn cannot_start(command: &Command) -> String {
    format!("`{}` cannot be started", line(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_child_is_named_as_one_would_type_it() {
        let error = run(Command::new("false").arg("--really")).unwrap_err().to_string();
        assert!(error.starts_with("`false --really` failed"), "{error}");
    }

    #[test]
    fn a_missing_program_is_told_from_a_failing_one() {
        let error = run(&mut Command::new("no-such-program")).unwrap_err().to_string();
        assert_eq!(error, "`no-such-program` cannot be started");
        assert!(!succeeds(&mut Command::new("no-such-program")));
    }
}
