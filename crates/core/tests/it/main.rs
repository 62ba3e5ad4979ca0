//! Tests of the core through its public face: evidence, proofs against published vectors and other
//! implementations.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod chain;
mod claim_types;
mod document;
mod evidence;
mod evidence_altered;
mod evidence_anchored;
mod evidence_attached;
mod evidence_dishonest;
mod evidence_erased;
mod evidence_policy;
mod evidence_remembered;
mod evidence_rollups;
mod evidence_times;
mod evidence_unknown;
mod evm;
mod evm_dishonest;
mod golden;
mod golden_access;
mod notes;
mod oracles;
mod personal;
mod receipts;
mod registry;
mod replay;
mod rfc6962;
mod tlog_policy;
mod trees;
mod world;
mod world_anchored;
