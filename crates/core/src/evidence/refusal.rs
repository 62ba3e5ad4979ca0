//! Why evidence was refused: one variant for each check, which names the check and the place in the file.
//! No message repeats a document hash.

use core::fmt;

use super::file::FileError;
use crate::{
    firm::FirmError, merkle::ProofError, note::NoteError, registry::RegistryError,
    submission::IssuerNoteError, text::Malformed,
};

/// A table of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// `anchors`
    Anchors,
    /// `checkpoints`
    Checkpoints,
    /// `entries`
    Entries,
    /// `firm`
    Firm,
    /// `registry`
    Registry,
    /// `rollups`
    Rollups,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anchors => "anchors",
            Self::Checkpoints => "checkpoints",
            Self::Entries => "entries",
            Self::Firm => "firm",
            Self::Registry => "registry",
            Self::Rollups => "rollups",
        })
    }
}

/// Place of an event in the file, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Position in `items`.
    pub item: usize,
    /// Position in the item's `events`.
    pub event: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "items[{}].events[{}]", self.item, self.event)
    }
}

/// What a refusal means to whoever holds the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// A check failed: the file does not prove what it says.
    Refuted,
    /// This version of the verifier, with this policy, cannot tell.
    CannotTell,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $class:ident $reason:literal $message:literal
        $variant:ident { $($field:ident : $type:ty = $field_doc:literal),* $(,)? })*) => {
        /// Why evidence was refused.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Refusal {
            /// Not an evidence file.
            #[error(transparent)]
            File(#[from] FileError),
            $($(#[$doc])* #[error($message)] $variant { $(#[doc = $field_doc] $field: $type),* },)*
        }

        impl Refusal {
            /// What it means.
            #[must_use]
            pub fn class(&self) -> RefusalClass {
                if self.malformed().is_some_and(Malformed::may_be_later) {
                    return RefusalClass::CannotTell;
                }
                match self {
                    Self::File(FileError::OtherVersion) => RefusalClass::CannotTell,
                    Self::File(_) => RefusalClass::Refuted,
                    $(Self::$variant { .. } => RefusalClass::$class,)*
                }
            }

            /// The check that failed, as a word for programs: it never changes.
            #[must_use]
            pub fn reason(&self) -> &'static str {
                match self {
                    Self::File(FileError::TooLong { .. }) => "file-too-long",
                    Self::File(FileError::OtherVersion) => "file-version",
                    Self::File(FileError::Shape { .. }) => "file-shape",
                    Self::File(FileError::NotCanonical) => "file-not-canonical",
                    $(Self::$variant { .. } => $reason,)*
                }
            }
        }
    };
}

refusals! {
    /// A table that only a later version fills.
    CannotTell "table-not-known" "{table} must be empty: this version does not know what they hold"
    TableNotKnown { table: Table = "Which table." }
    /// Nothing to prove.
    Refuted "no-items" "items must hold at least one item"
    NoItems {}
    /// An item about which nothing is said.
    Refuted "no-events" "items[{item}] must have at least one event"
    NoEvents { item: usize = "Position in `items`." }
    /// The same document twice.
    Refuted "item-repeated" "items[{item}] has the issuer and the document of an item before it"
    ItemRepeated { item: usize = "Position in `items`." }
    /// A reference past the end of a table.
    Refuted "reference-out-of-range" "{from} refers past the end of {table}"
    ReferenceOutOfRange { from: Referrer = "What refers.", table: Table = "To which table." }
    /// Something that nothing refers to.
    Refuted "unreferenced" "{table}[{position}] must be referred to"
    Unreferenced { table: Table = "Which table.", position: usize = "Position in it." }
    /// A table that is not in the order of its references, indexes or sizes.
    Refuted "table-order" "{table}[{position}] must come after the one before it, without repeats"
    TableOrder { table: Table = "Which table.", position: usize = "Position in it." }

    /// A checkpoint that is no signed note.
    Refuted "checkpoint-note" "checkpoints[{checkpoint}]: {source}"
    CheckpointNote { checkpoint: usize = "Position in `checkpoints`.", source: NoteError = "Why." }
    /// A note that is no checkpoint.
    Refuted "checkpoint-text" "checkpoints[{checkpoint}]: {source}"
    CheckpointText { checkpoint: usize = "Position in `checkpoints`.", source: Malformed = "Why." }
    /// A checkpoint of another log, or of another firm's.
    Refuted "checkpoint-origin" "checkpoints[{checkpoint}] must be of one log of the firm that the policy names"
    CheckpointOrigin { checkpoint: usize = "Position in `checkpoints`." }
    /// Two roots for one size: the log has shown two histories.
    Refuted "checkpoint-fork" "checkpoints[{checkpoint}] has the size of the one before it and another root"
    CheckpointFork { checkpoint: usize = "Position in `checkpoints`." }
    /// Not signed, or wrongly, by a log key of the firm that covers the size.
    Refuted "log-signature" "checkpoints[{checkpoint}], log key: {source}"
    LogSignature { checkpoint: usize = "Position in `checkpoints`.", source: NoteError = "Why." }
    /// Signed by no log key that the policy pins.
    Refuted "log-key-not-pinned" "checkpoints[{checkpoint}] must be signed by a log key that the policy pins"
    LogKeyNotPinned { checkpoint: usize = "Position in `checkpoints`." }
    /// The firm's signed time is there and wrong.
    Refuted "timestamp-signature" "checkpoints[{checkpoint}], timestamp key: {source}"
    TimestampSignature { checkpoint: usize = "Position in `checkpoints`.", source: NoteError = "Why." }
    /// A cosigner's signature is there and wrong.
    Refuted "cosignature" "checkpoints[{checkpoint}], cosigner: {source}"
    Cosignature { checkpoint: usize = "Position in `checkpoints`.", source: NoteError = "Why." }
    /// Signed at a time before what it covers was received.
    Refuted "published-before-received" "checkpoints[{checkpoint}] bears a time before that of receipt of an entry that it covers"
    PublishedBeforeReceived { checkpoint: usize = "Position in `checkpoints`." }

    /// A text that is no entry.
    Refuted "entry-text" "entries[{entry}]: {source}"
    EntryText { entry: usize = "Position in `entries`.", source: Malformed = "Why." }
    /// An entry of a kind that this version does not know.
    CannotTell "entry-kind-unknown" "entries[{entry}] is of a kind that this version does not know"
    EntryKindUnknown { entry: usize = "Position in `entries`." }
    /// An entry of another kind than is referred to.
    Refuted "entry-kind" "entries[{entry}] must be of kind {expected}"
    EntryKind { entry: usize = "Position in `entries`.", expected: &'static str = "The kind." }
    /// The path does not lead from the entry to the checkpoint's root.
    Refuted "entry-proof" "entries[{entry}], inclusion in its checkpoint: {source}"
    EntryProof { entry: usize = "Position in `entries`.", source: ProofError = "Why." }
    /// Two entries at one place of the log: it has shown two histories.
    Refuted "entry-fork" "entries[{entry}] has the index of the one before it and another text"
    EntryFork { entry: usize = "Position in `entries`." }
    /// A time of receipt below that of an earlier entry.
    Refuted "received-backwards" "entries[{entry}] must not have been received before the entry before it"
    ReceivedBackwards { entry: usize = "Position in `entries`." }
    /// A registry sequence that does not fit its place.
    Refuted "registry-sequence" "entries[{entry}] must have the registry sequence that its place in the log calls for"
    RegistrySequence { entry: usize = "Position in `entries`." }

    /// A firm note that is not the next one under the root.
    Refuted "firm-note" "firm[{position}]: {source}"
    FirmNote { position: usize = "Position in `firm`.", source: FirmError = "Why." }
    /// A registry note that is not as it should be.
    Refuted "registry-note" "registry[{position}]: {source}"
    RegistryNote { position: usize = "Position in `registry`.", source: RegistryError = "Why." }
    /// A signature of a key that has no business there, or a second one of the same key.
    Refuted "stray-signature" "{table}[{position}]: signature line {line} must be of a key that the note calls for, and the only one of that key"
    StraySignature {
        table: Table = "`firm` or `registry`.",
        position: usize = "Position in it.",
        line: usize = "Number of the signature line, from 1.",
    }
    /// Signed by no registrar that the policy pins.
    Refuted "registrar-not-pinned" "registry[{position}] must be signed by a registrar key that the policy pins"
    RegistrarNotPinned { position: usize = "Position in `registry`." }

    /// A body that is no submission.
    Refuted "submission-note" "entries[{entry}]: {source}"
    SubmissionNote { entry: usize = "Position in `entries`.", source: IssuerNoteError = "Why." }
    /// A submission to another log.
    Refuted "submission-origin" "entries[{entry}] must hold a submission to the log of the checkpoints"
    SubmissionOrigin { entry: usize = "Position in `entries`." }
    /// No registry note of the file adds the issuer.
    Refuted "issuer-not-vouched" "entries[{entry}]: registry must hold the note that adds the issuer"
    IssuerNotVouched { entry: usize = "Position in `entries`." }
    /// No registry note of the file opens the stream before the entry.
    Refuted "stream-not-vouched" "entries[{entry}]: registry must hold the note that opened the stream before"
    StreamNotVouched { entry: usize = "Position in `entries`." }
    /// No registry note of the file adds the key.
    Refuted "key-not-vouched" "entries[{entry}]: registry must hold the note that adds the issuer's key"
    KeyNotVouched { entry: usize = "Position in `entries`." }
    /// The key was added later.
    Refuted "key-not-yet-added" "entries[{entry}]: the issuer's key did not count, it was added only later"
    KeyNotYetAdded { entry: usize = "Position in `entries`." }
    /// The key was revoked before.
    Refuted "key-revoked" "entries[{entry}]: the issuer's key did not count, it had been revoked before"
    KeyRevoked { entry: usize = "Position in `entries`." }
    /// Not a key that the policy pins for the issuer.
    Refuted "issuer-key-not-pinned" "entries[{entry}] must be signed by a key that the policy pins for the issuer"
    IssuerKeyNotPinned { entry: usize = "Position in `entries`." }
    /// The issuer's signature is wrong.
    Refuted "issuer-signature" "entries[{entry}]: {source}"
    IssuerSignature { entry: usize = "Position in `entries`.", source: NoteError = "Why." }

    /// A text that is no event.
    Refuted "event-text" "{place}: {source}"
    EventText { place: Place = "Which event.", source: Malformed = "Why." }
    /// The path does not lead from the event to the submission's root.
    Refuted "event-proof" "{place}, inclusion in its submission: {source}"
    EventProof { place: Place = "Which event.", source: ProofError = "Why." }
    /// An event of another document than the item's.
    Refuted "event-document" "{place} must be of the item's document"
    EventDocument { place: Place = "Which event." }
    /// An event of another issuer than the item's.
    Refuted "event-issuer" "{place} must be of the item's issuer"
    EventIssuer { place: Place = "Which event." }
    /// An event out of log order, or twice.
    Refuted "event-order" "{place} must stand in the log after the event before it"
    EventOrder { place: Place = "Which event." }
    /// Details that the event did not commit to.
    Refuted "event-details" "{place} must have the details that it commits to, or none"
    EventDetails { place: Place = "Which event." }
    /// No registry note of the file registers the claim type before the entry.
    Refuted "claim-type-not-vouched" "{place}: registry must hold the note that registered the claim type before"
    ClaimTypeNotVouched { place: Place = "Which event." }
}

impl Refusal {
    /// Why a text of ours in the file does not parse, if that is the reason.
    fn malformed(&self) -> Option<&Malformed> {
        if let Self::EntryText { source, .. }
        | Self::EventText { source, .. }
        | Self::FirmNote { source: FirmError::Text(source), .. }
        | Self::RegistryNote { source: RegistryError::Text(source), .. }
        | Self::SubmissionNote { source: IssuerNoteError::Text(source), .. } = self
        {
            return Some(source);
        }
        None
    }
}

/// What refers into a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referrer {
    /// A position of a table.
    Row(Table, usize),
    /// An event.
    Event(Place),
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(table, position) => write!(f, "{table}[{position}]"),
            Self::Event(place) => place.fmt(f),
        }
    }
}
