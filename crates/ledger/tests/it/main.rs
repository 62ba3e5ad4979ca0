//! The ledger on real RocksDB: what it logs, proves, recovers and refuses.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::panic, reason = "a test that finds the wrong thing should stop")]

mod access_log;
mod audit_index;
mod bench_firm;
mod damage;
mod erasure;
mod firm_store;
mod logging;
mod observing;
mod reopening;
