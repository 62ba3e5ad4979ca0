//! The truth of the witness ledger: its texts, its hashes, its proofs, and the one verifier that server,
//! command line and page share.
//!
//! What is *not* here: I/O, clocks, randomness, storage, transport. Time, keys and limits are arguments.
//! Everything that is hashed or signed is text of lines, which parses by round-trip or not at all.
#![no_std]

extern crate alloc;

pub mod access_record;
pub mod admission;
pub mod anomaly;
pub mod audit;
pub mod caller;
pub mod checkpoint;
mod country;
pub mod details;
pub mod document;
pub mod drafting;
pub mod encoding;
pub mod entry;
pub mod erasure;
pub mod event;
pub mod evidence;
pub mod evm;
pub mod firm;
pub mod firm_keys;
pub mod hash;
pub mod key;
pub mod merkle;
pub mod name;
pub mod note;
pub mod observation;
pub mod personal;
pub mod policy;
pub mod receipt;
pub mod registry;
pub mod rollup;
pub mod schema;
pub mod scope;
pub mod submission;
pub mod text;
pub mod tile;
pub mod time;
pub mod tlog_policy;
pub mod tlog_proof;
