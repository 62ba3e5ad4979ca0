//! `cargo xtask bench`: this machine measured against the budget of the design.

use anyhow::{Result, bail};

/// Runs the measurements.
pub(crate) fn run() -> Result<()> {
    bail!("there are no measurements yet")
}
