//! What an audit finds in a bundle: checks that failed, and what a regulator should look at. Each finding names its
//! rule, its place, and the numbers that it was judged by.
//!
//! What must hold: the rules are state machines that are fed in log order and hold a state for each stream, never for
//! each event or document; what is known of a document is in [`Record`]s, which the caller keeps where it likes.

mod burst;
mod documents;
mod events;
mod found;
mod order;
mod place;
mod rule;
mod silence;
mod streams;
mod thresholds;
mod words;

pub use burst::Bursts;
pub use documents::{RECORD_BYTES, Record, document_key, judge_documents};
pub use events::{EventWatch, SubmissionDigest};
pub use found::{Found, Resurrection, Within};
pub use order::Orders;
pub use place::Place;
pub use rule::{Rule, Severity};
pub use silence::Silences;
pub use streams::{AuditedStream, AuditedStreams, Erased};
pub use thresholds::Thresholds;
pub use words::Input;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What.
    pub found: Found,
}

impl Finding {
    /// The rule that fired.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.found.rule()
    }
}
