//! `cargo xtask demo`: the whole way of an event on this machine, from issuer to verdict.

use anyhow::{Result, bail};

/// Runs the demonstration.
pub(crate) fn run() -> Result<()> {
    bail!("there is no demonstration yet")
}
