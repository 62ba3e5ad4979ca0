//! Tests of this crate through its public face: recorded blocks, nodes that are real, and some that are wrong or lie.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on should stop"
)]

mod capture;
mod capture_live;
mod chain;
mod deploy;
mod foreign;
mod nodes;
mod rpc;
mod worker;
mod worker_firm;
mod worker_random;
mod worker_strangers;
