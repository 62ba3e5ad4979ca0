//! Roll-ups on a public EVM chain, so that the firm cannot take back what it has said.
//!
//! What is here so far: the contract that keeps them, as its committed ABI says. What must hold: this is the
//! only crate that knows how a chain is spoken to, and it knows nothing of storage.

pub mod contract;

/// What callers need of alloy, so that they name one version: that of this crate.
pub mod alloy {
    pub use alloy_primitives::{Address, B256, Bytes, U256, aliases::U48, hex};
    pub use alloy_sol_types::{SolCall, SolError, SolEvent};
}
