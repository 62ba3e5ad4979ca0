//! Tests of this crate through its public face: nodes that are real, and some that are wrong or lie.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on should stop"
)]

mod chain;
mod deploy;
mod foreign;
mod nodes;
mod rpc;
