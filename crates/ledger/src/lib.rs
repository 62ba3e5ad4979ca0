//! The logs of a firm in RocksDB: what was acknowledged is never lost, reordered or changed.
//!
//! One thread per log writes ([`sequencer`]); a batch is planned as one value ([`plan`]), written with one
//! synced atomic write that compares the head it goes on from ([`store`]), and only then answered. Opening
//! takes the same road: what the store says is verified before anything is served ([`recovery`]).
//!
//! What is *not* here: transport, clocks, access rules. This is the only crate that knows RocksDB.

mod audit;
mod batch;
mod bodies;
mod cells;
mod conflicts;
mod documents;
mod erasure;
mod firm_store;
mod head_copy;
mod log;
mod plan;
mod reader;
mod recovery;
mod sequencer;
mod signers;
mod store;

pub use audit::{
    AuditEvent, Counts, Days, FieldValue, Filter, Found, Held, PageSize, Position, Standing,
    StreamStatistics, Streams, Told,
};
pub use documents::{DocumentEvent, Place};
pub use erasure::{Erasable, Erased, ErasedBy, ErasureRequest, What};
pub use firm_store::{
    AnchorCell, AnchorsOf, ChallengeCell, ChallengeProof, FirmStore, FirmStoreError, Granted,
    RollUpCell,
};
pub use log::{
    Body, Checked, Expired, Log, LogOptions, NewSubmission, Overview, Pending, Published,
    Reservation, Submitted,
};
pub use plan::Anomalous;
pub use reader::ReadError;
pub use recovery::OpenError;
pub use sequencer::Clock;
pub use signers::Signers;
pub use store::StoreError;
