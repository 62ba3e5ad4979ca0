//! The chores of this repository: `cargo xtask <command>`.
//!
//! `cargo xtask test` *is* the continuous integration: what passes here passes there. What must hold:
//!
//! - This crate compiles in seconds: no tonic, no RocksDB, nothing of ours.
//! - It works on a fresh machine with Rust alone: what is missing is named with the command that brings
//!   it (see `prerequisites`).
//! - Every `cargo` that may compile RocksDB's C++ gets the kept library first (see `rocksdb`).

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to whoever runs it")]

mod bench;
mod checks;
mod codegen;
mod contract;
mod demo;
mod environment;
mod gas;
mod npm;
mod prerequisites;
mod process;
mod programs;
mod rocksdb;
mod steps;
mod tidy;
mod witnessd;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::environment::Environment;

/// The chores of this repository.
///
/// On a fresh machine: `cargo xtask doctor`, then `cargo xtask test`.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs every check that continuous integration runs, and sums up.
    ///
    /// In order: prerequisites, format, tidy, codegen, contract, rocksdb, clippy, wasm, doc, programs, tests, demo. Stops at
    /// the first failure; the table at the end says what was not run.
    Test(TestArguments),
    /// Checks the rules that no compiler knows: who may depend on whom, and how a source file looks.
    ///
    /// Every finding names the file and says what to do.
    Tidy,
    /// Writes the generated code of the gRPC schema, `crates/wire/src/generated`, from `proto`.
    ///
    /// Needs no protoc. Run it after every change of a `.proto` file, and commit what it writes.
    Codegen(CodegenArguments),
    /// Compiles the contract: ABI, bytecode and storage layout, in `deploy/contracts`.
    ///
    /// Needs Node.js and npm, from which the compiler comes. Run it after every change of the contract, and
    /// commit what it writes.
    Contract(CodegenArguments),
    /// Measures what the contract costs, on a development chain of its own.
    ///
    /// Prints a table, and writes `target/gas.json`. Fails where a number is beyond the budget, or more than
    /// 1 % away from the snapshot in `deploy/contracts/gas.json`.
    Gas(gas::Arguments),
    /// Builds RocksDB once for this machine, and keeps the library for every later build.
    ///
    /// The first time takes 8 to 20 minutes, any other a moment. The library is kept under
    /// `$WITNESS_CACHE` (else `$XDG_CACHE_HOME`, else `~/.cache`). Prints the two variables that make a
    /// plain `cargo build` use it too:
    ///
    ///     eval "$(cargo xtask rocksdb)"
    #[command(verbatim_doc_comment)]
    Rocksdb,
    /// Names what this machine lacks, with the command that brings it.
    ///
    /// As root on Debian or Ubuntu, where nobody is watching (no terminal, or
    /// `DEBIAN_FRONTEND=noninteractive`), installs it instead.
    Doctor,
    /// Shows the whole way of an event on this machine, from issuer to verdict.
    ///
    /// Builds `witnessd` and `witness`, plays six credentials (issued, amended, revoked, expired, deleted),
    /// takes their evidence away, stops the server, verifies every file, and tampers with copies. Asks
    /// nothing, leaves everything in `target/demo`, and succeeds only if all of it held.
    Demo,
    /// Measures this machine against the budget in `tests/README.md`.
    ///
    /// Starts `witnessd --dev` on a folder of `target`, loads it from a process of its own, prints a table,
    /// and writes `target/bench.json`. Numbers mean something only while nothing else runs here.
    Bench(bench::Arguments),
}

#[derive(Debug, Args)]
struct TestArguments {
    /// Also the tests that take minutes (sets `WITNESS_TEST_LONG=1`).
    #[arg(long)]
    long: bool,
    /// Goes on after a failure, to show all of them.
    #[arg(long)]
    keep_going: bool,
}

#[derive(Debug, Args)]
struct CodegenArguments {
    /// Writes nothing; fails, and names the file, where the committed code is not what would be written.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    let environment = Environment::read()?;
    match command {
        Command::Test(arguments) => {
            let thoroughness = if arguments.long {
                checks::Thoroughness::Long
            } else {
                checks::Thoroughness::Short
            };
            let on_failure =
                if arguments.keep_going { steps::OnFailure::GoOn } else { steps::OnFailure::Stop };
            checks::run(&environment, thoroughness, on_failure)
        }
        Command::Tidy => tidy::run(&environment),
        Command::Codegen(arguments) if arguments.check => codegen::check(&environment),
        Command::Codegen(_) => codegen::write(&environment),
        Command::Contract(arguments) if arguments.check => contract::check(&environment),
        Command::Contract(_) => contract::write(&environment),
        Command::Gas(arguments) => gas::run(&environment, arguments),
        Command::Rocksdb => rocksdb::print(&environment),
        Command::Doctor => prerequisites::ensure(&environment),
        Command::Demo => demo::run(&environment),
        Command::Bench(arguments) => bench::run(&environment, arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
