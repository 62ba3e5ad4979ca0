//! Evidence: what a dispute party takes away. One self-contained file, from the event up to what the firm
//! signed, and the one verifier of it for server, command line and page.
//!
//! What is *not* here: clocks (nothing is judged by "now"), chains (whether a block is on one is an argument), and
//! any word on whether a document tells the truth.

mod anchored;
pub(crate) mod anchors;
mod attachments;
pub(crate) mod authority;
mod build;
pub(crate) mod checkpoints;
mod erased;
mod erasures;
mod fact;
mod file;
mod items;
mod members;
mod memory;
mod place;
mod refusal;
pub(crate) mod rollups;
mod rows;
mod tables;
mod times;
mod verdict;
mod verify;
mod words;

pub use self::{
    anchored::{Anchored, Belief, RolledUp, SeenBlock},
    anchors::AnchorBlock,
    attachments::LaterAnchor,
    build::{ErasedProof, EventProof, EvidenceBuilder, ProvedEntry, RollUpProof},
    erased::{ErasedFacts, ErasureFacts},
    fact::{FactKind, Missing},
    file::{EVIDENCE_BYTES_MAX, Evidence, FileError, Reference},
    memory::{Forgetful, Memory},
    place::{ErasedPlace, Place, Referrer, Spot, Table},
    refusal::{Refusal, RefusalClass},
    rows::{AnchorRow, Attachment, ErasedEvent, EvidenceEntry, EvidenceEvent, Item, RollUpRow},
    verdict::{
        Cosigned, Details, EventFacts, ItemFacts, KnownRevocations, Logged, NotProved, Offboarded,
        Published, Revoked, SignedBy, Unchecked, Verdict,
    },
    verify::{verify, verify_remembering},
};
