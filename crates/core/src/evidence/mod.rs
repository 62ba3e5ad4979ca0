//! Evidence: what a dispute party takes away. One self-contained file, from the event up to what the firm
//! signed, and the one verifier of it for server, command line and page.
//!
//! What is *not* here: clocks (nothing is judged by "now"), chains (a later version), and any word on
//! whether a document tells the truth.

mod authority;
mod build;
mod checkpoints;
mod fact;
mod file;
mod members;
mod refusal;
mod tables;
mod verdict;
mod verify;
mod words;

pub use build::{EventProof, EvidenceBuilder, ProvedEntry};
pub use fact::{FactKind, Missing};
pub use file::{
    Attachment, EVIDENCE_BYTES_MAX, Evidence, EvidenceEntry, EvidenceEvent, FileError, Item,
    Reference,
};
pub use members::LaterTable;
pub use refusal::{Place, Referrer, Refusal, RefusalClass, Table};
pub use verdict::{
    Cosigned, Details, EventFacts, ItemFacts, KnownRevocations, Logged, NotProved, NotYet,
    Published, Revoked, SignedBy, Unchecked, Verdict,
};
pub use verify::verify;
