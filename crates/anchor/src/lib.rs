//! Roll-ups on a public EVM chain, so that the firm cannot take back what it has said.
//!
//! What is here: nodes of the chain, one ([`rpc`]) and several that must agree ([`nodes`]); what a transaction
//! bids ([`fees`]) and who signs it ([`wallet`]); the contract ([`contract`]) and how it is put on a chain
//! ([`deploy`]); how an anchor is proved from what a node says ([`capture`]); and who brings roll-ups there and
//! learns when they are final ([`worker`]). What must hold: this is the only crate that knows how a chain is spoken
//! to, and it knows nothing of storage; it reads no clock and draws no randomness, both are arguments.

pub mod capture;
pub mod contract;
pub mod deploy;
pub mod fees;
pub mod nodes;
pub mod rpc;
pub mod wallet;
pub mod worker;

/// What callers need of alloy, so that they name one version: that of this crate.
pub mod alloy {
    pub use alloy_primitives::{Address, B256, Bytes, U256, aliases::U48, hex, keccak256};
    pub use alloy_sol_types::{SolCall, SolError, SolEvent};
}

/// Makes ring the TLS provider of this process; however often it is called, the first time counts.
///
/// It must come before the first client is built, whoever builds it: nothing else names a provider.
pub fn install_tls() {
    // An error says that there is one already, which is what is wanted.
    rustls::crypto::ring::default_provider().install_default().ok();
}
