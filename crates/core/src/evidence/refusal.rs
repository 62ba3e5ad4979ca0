//! Why evidence was refused: one variant for each check, which names the check and the place in the file.
//! No message repeats a document hash.

use super::{
    file::FileError,
    place::{ErasedPlace, Place, Referrer, Spot, Table},
};
use crate::{
    evm::AnchorError, firm::FirmError, merkle::ProofError, note::NoteError,
    registry::RegistryError, submission::IssuerNoteError, text::Malformed,
};

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
            /// An anchor that its proof does not bear out.
            #[error("{anchor}: {source}")]
            Anchor {
                /// Which one.
                anchor: Spot,
                /// Why.
                source: AnchorError,
            },
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
                    Self::Anchor { source: AnchorError::Kind, .. } => RefusalClass::CannotTell,
                    Self::File(_) | Self::Anchor { .. } => RefusalClass::Refuted,
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
                    Self::Anchor { source, .. } => source.reason(),
                    $(Self::$variant { .. } => $reason,)*
                }
            }
        }
    };
}

refusals! {
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
    Refuted "checkpoint-note" "{checkpoint}: {source}"
    CheckpointNote { checkpoint: Spot = "Which one.", source: NoteError = "Why." }
    /// A note that is no checkpoint.
    Refuted "checkpoint-text" "{checkpoint}: {source}"
    CheckpointText { checkpoint: Spot = "Which one.", source: Malformed = "Why." }
    /// A checkpoint of another log, or of another firm's.
    Refuted "checkpoint-origin" "{checkpoint} must be of one log of the firm that the policy names"
    CheckpointOrigin { checkpoint: Spot = "Which one." }
    /// Two roots for one size: the log has shown two histories.
    Refuted "checkpoint-fork" "{checkpoint} has the size of another checkpoint of the file and another root"
    CheckpointFork { checkpoint: Spot = "Which one." }
    /// Not signed, or wrongly, by a log key of the firm that covers the size.
    Refuted "log-signature" "{checkpoint}, log key: {source}"
    LogSignature { checkpoint: Spot = "Which one.", source: NoteError = "Why." }
    /// Signed by no log key that the policy pins.
    Refuted "log-key-not-pinned" "{checkpoint} must be signed by a log key that the policy pins"
    LogKeyNotPinned { checkpoint: Spot = "Which one." }
    /// The firm's signed time is there and wrong.
    Refuted "timestamp-signature" "{checkpoint}, timestamp key: {source}"
    TimestampSignature { checkpoint: Spot = "Which one.", source: NoteError = "Why." }
    /// A cosigner's signature is there and wrong.
    Refuted "cosignature" "{checkpoint}, cosigner: {source}"
    Cosignature { checkpoint: Spot = "Which one.", source: NoteError = "Why." }
    /// Signed at a time before what it covers was received.
    Refuted "published-before-received" "{checkpoint} bears a time before that of receipt of an entry that it covers"
    PublishedBeforeReceived { checkpoint: Spot = "Which one." }

    /// Not one consistency proof for each two neighbouring checkpoints.
    Refuted "consistency-count" "consistency must hold one proof from each checkpoint to the next: {expected}, not {found}"
    ConsistencyCount { expected: usize = "As many as it must hold.", found: usize = "As many as it holds." }
    /// The proof does not lead from a checkpoint to the next: they are not shown to be one history.
    Refuted "consistency-proof" "{proof}, from the checkpoint before to the one after: {source}"
    ConsistencyProof { proof: Spot = "Which proof.", source: ProofError = "Why." }

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
    Refuted "stray-signature" "{note}: signature line {line} must be of a key that the note calls for, and the only one of that key"
    StraySignature {
        note: Spot = "A row of `firm` or `registry`, or a roll-up.",
        line: usize = "Number of the signature line, from 1.",
    }
    /// Signed by no registrar that the policy pins.
    Refuted "registrar-not-pinned" "registry[{position}] must be signed by a registrar key that the policy pins"
    RegistrarNotPinned { position: usize = "Position in `registry`." }

    /// A roll-up that is no signed note.
    Refuted "rollup-note" "{rollup}: {source}"
    RollUpNote { rollup: Spot = "Which one.", source: NoteError = "Why." }
    /// Signed wrongly by a roll-up key of the firm.
    Refuted "rollup-signature" "{rollup}, roll-up key: {source}"
    RollUpSignature { rollup: Spot = "Which one.", source: NoteError = "Why." }
    /// A note that is no roll-up.
    Refuted "rollup-text" "{rollup}: {source}"
    RollUpText { rollup: Spot = "Which one.", source: Malformed = "Why." }
    /// A roll-up of another firm.
    Refuted "rollup-firm" "{rollup} must be of the firm that the policy names"
    RollUpFirm { rollup: Spot = "Which one." }
    /// The path does not lead from the checkpoint's text to the roll-up's root.
    Refuted "rollup-proof" "{rollup}, inclusion of its checkpoint: {source}"
    RollUpProof { rollup: Spot = "Which one.", source: ProofError = "Why." }
    /// Two roll-ups under one number, or two checkpoints of the log in one: the firm has shown two histories.
    Refuted "rollup-fork" "{rollup} has the number of another roll-up of the file, and another text or checkpoint"
    RollUpFork { rollup: Spot = "Which one." }
    /// A roll-up that does not name the one before it, which is in the file, or names one where there is none.
    Refuted "rollup-previous" "{rollup} must name the roll-up before it"
    RollUpPrevious { rollup: Spot = "Which one." }
    /// A roll-up over a smaller checkpoint than one before it: the log was set back.
    Refuted "rollup-shrinks" "{rollup} must not be over a smaller checkpoint of the log than the roll-ups before it"
    RollUpShrinks { rollup: Spot = "Which one." }

    /// An anchor in a contract to which the roll-up does not go.
    Refuted "rollup-contract" "{anchor} must be in a contract that its roll-up's note names"
    RollUpContract { anchor: Spot = "Which one." }
    /// A block whose time cannot be shown.
    Refuted "anchor-time" "{anchor} must be in a block with a time below 2^63 microseconds"
    AnchorTime { anchor: Spot = "Which one." }

    /// A block's time before that of receipt of an entry that its anchor covers.
    Refuted "anchored-before-received" "entries[{entry}] was anchored before its time of receipt: the firm's clock ran ahead"
    AnchoredBeforeReceived { entry: usize = "Position in `entries`." }
    /// A block's time before the signed time of the checkpoint that its anchor covers.
    Refuted "anchored-before-published" "{anchor} is in a block from before the time that its checkpoint bears"
    AnchoredBeforePublished { anchor: Spot = "Which one." }
    /// A time of receipt before the signed time of an anchored checkpoint below the entry.
    Refuted "back-dated" "entries[{entry}] bears a time of receipt from before a checkpoint that was anchored without it"
    BackDated { entry: usize = "Position in `entries`." }

    /// A body that is no submission.
    Refuted "submission-note" "entries[{entry}]: {source}"
    SubmissionNote { entry: usize = "Position in `entries`.", source: IssuerNoteError = "Why." }
    /// A submission to another log.
    Refuted "submission-origin" "entries[{entry}] must hold a submission to the log of the checkpoints"
    SubmissionOrigin { entry: usize = "Position in `entries`." }
    /// No registry note of the file adds the issuer.
    Refuted "issuer-not-vouched" "entries[{entry}]: registry must hold the note that adds the issuer"
    IssuerNotVouched { entry: usize = "Position in `entries`." }
    /// The issuer was offboarded before.
    Refuted "issuer-offboarded" "entries[{entry}]: the issuer had been offboarded before, so nothing more of it counts"
    IssuerOffboarded { entry: usize = "Position in `entries`." }
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

    /// An erased event out of log order, or twice.
    Refuted "erased-order" "{place} must stand in the log after the erased event before it"
    ErasedOrder { place: ErasedPlace = "Which erased event." }
    /// An erased event whose text is in the file, or which is another document's, too.
    Refuted "erased-repeated" "{place} must be an event that the file names nowhere else"
    ErasedRepeated { place: ErasedPlace = "Which erased event." }
    /// The path does not lead from the erased event's leaf hash to the submission's root.
    Refuted "erased-proof" "{place}, inclusion in its submission: {source}"
    ErasedProof { place: ErasedPlace = "Which erased event.", source: ProofError = "Why." }
    /// An erased event of another issuer than the item's.
    Refuted "erased-issuer" "{place} must be of the item's issuer"
    ErasedIssuer { place: ErasedPlace = "Which erased event." }
    /// A body that is no erasure.
    Refuted "erasure-text" "entries[{entry}]: {source}"
    ErasureText { entry: usize = "Position in `entries`.", source: Malformed = "Why." }
    /// An erasure in another log.
    Refuted "erasure-origin" "entries[{entry}] must hold an erasure in the log of the checkpoints"
    ErasureOrigin { entry: usize = "Position in `entries`." }
    /// An erasure of another issuer's events.
    Refuted "erasure-issuer" "{place} must be erased by an erasure of its issuer's events"
    ErasureIssuer { place: ErasedPlace = "Which erased event." }
    /// An erasure of other events.
    Refuted "erasure-range" "{place} must be in a range of its erasure"
    ErasureRange { place: ErasedPlace = "Which erased event." }
    /// An erasure from before the event.
    Refuted "erasure-early" "{place} must be erased by an entry that stands in the log after its submission"
    ErasureEarly { place: ErasedPlace = "Which erased event." }
}

impl Refusal {
    /// Why a text of ours in the file does not parse, if that is the reason.
    fn malformed(&self) -> Option<&Malformed> {
        if let Self::EntryText { source, .. }
        | Self::EventText { source, .. }
        | Self::ErasureText { source, .. }
        | Self::FirmNote { source: FirmError::Text(source), .. }
        | Self::RegistryNote { source: RegistryError::Text(source), .. }
        | Self::RollUpText { source, .. }
        | Self::SubmissionNote { source: IssuerNoteError::Text(source), .. } = self
        {
            return Some(source);
        }
        None
    }
}
