//! Journeys: through the real programs, on a real RocksDB, with real signals. See `witness_tests` for what
//! they share. `WITNESS_TEST_LONG=1` asks for more rounds and larger sizes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a journey that cannot go on should stop"
)]

mod access;
mod access_log;
mod anchor;
mod audit_check;
mod audit_export;
mod audit_search;
mod boundary;
mod chain_proxy;
mod checkpoints;
mod cli_submit;
mod cli_verify;
mod contract;
mod disk;
mod erasure;
mod evidence;
mod instances;
mod kill;
mod oddities;
mod onboarding;
mod oracles;
mod personal;
mod production;
mod rebuild;
mod refusals;
mod roles;
mod rollups;
mod sequences;
mod syncs;
mod watch;
