//! `cargo xtask test`: every check that continuous integration runs, cheapest first.

use anyhow::{Context as _, Result};

use crate::environment::Environment;
use crate::process::{cargo, run as run_child};
use crate::steps::{OnFailure, Steps};
use crate::{codegen, contract, demo, npm, prerequisites, rocksdb, tidy};

/// How thorough the tests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thoroughness {
    /// What fits a few minutes.
    Short,
    /// Also the tests that take minutes each.
    Long,
}

/// Runs all checks; fails if one did.
pub(crate) fn run(
    environment: &Environment,
    thoroughness: Thoroughness,
    on_failure: OnFailure,
) -> Result<()> {
    let mut steps = Steps::new(on_failure);
    steps.run("prerequisites", || prerequisites::ensure(environment));
    steps.run("format", || run_child(&mut cargo(environment, ["fmt", "--all", "--check"])));
    steps.run("tidy", || tidy::run(environment));
    steps.run("codegen", || codegen::check(environment));
    steps.run("contract", || contract::check(environment));

    let mut library = None;
    steps.run("rocksdb", || {
        library = Some(rocksdb::ensure(environment)?);
        Ok(())
    });
    // What compiles the whole workspace links RocksDB; the build that goes without it is core's.
    let compile = |arguments: &[&str]| {
        let library = library.as_ref().context("there is no RocksDB library, see above")?;
        Ok::<_, anyhow::Error>(library.cargo(environment, arguments))
    };
    steps.run("clippy", || {
        const LINT: &[&str] = &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        run_child(&mut compile(LINT)?)
    });
    steps.run("wasm", || wasm(environment));
    steps.run("doc", || {
        const DOC: &[&str] = &["doc", "--no-deps", "--package", "witness-core"];
        run_child(cargo(environment, DOC).env("RUSTDOCFLAGS", "-D warnings"))
    });
    // The journeys run the programs that stand beside their own executable, so these come first.
    steps.run("programs", || run_child(&mut compile(&["build", "--workspace", "--bins"])?));
    steps.run("tests", || {
        let mut tests = compile(&["test", "--workspace", "--no-fail-fast"])?;
        tests.env("WITNESS_ANVIL", npm::ensure(environment)?.anvil()?);
        // Most journeys wait for blocks and for processes, more than they work.
        tests.env("RUST_TEST_THREADS", TEST_THREADS);
        if thoroughness == Thoroughness::Long {
            tests.env("WITNESS_TEST_LONG", "1");
        }
        run_child(&mut tests)
    });
    // The whole way of an event, as whoever meets the product plays it.
    steps.run("demo", || demo::run(environment));
    steps.finish()
}

/// Tests of one program that run at the same time.
const TEST_THREADS: &str = "4";

/// The page in the browser verifies with the same core, so it must compile to WebAssembly.
fn wasm(environment: &Environment) -> Result<()> {
    const BUILD: &[&str] = &["build", "--package", "witness-core", "--target"];
    prerequisites::ensure_wasm_target(environment)?;
    run_child(cargo(environment, BUILD).arg(prerequisites::WASM_TARGET))
}
