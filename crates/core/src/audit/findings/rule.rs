//! The rules of an audit.

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A check failed: the bundle does not prove what it should.
    Broken,
    /// All is proved, and a regulator should look at it.
    Finding,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Finding => "finding",
        }
    }
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The bundle is of the scope that it was asked to be of.
    Scope,
    /// Every file is there, reads, and belongs there.
    File,
    /// The entries make the tree that is signed, and the tiles are its hashes.
    Tree,
    /// Checkpoints are signed and of one history.
    Checkpoint,
    /// Entries are what entries must be: firm and registry notes, order, times.
    Entry,
    /// Issuers' notes are signed by keys of theirs that counted.
    Signature,
    /// Nothing is missing in a stream, and each submission names the one before it.
    Gap,
    /// Nothing is logged under a key that had been revoked before.
    RevokedKey,
    /// Every submission in the scope has its bodies, and they are what its issuer signed.
    Bodies,
    /// What was erased is named by an erasure in the log.
    Erased,
    /// An erasure names only what was logged before it.
    ErasureEarly,
    /// An erasure names nothing on which a legal hold stood.
    ErasureHeld,
    /// Roll-ups are signed and cover this log.
    RollUp,
    /// Anchors are proved up to the header of a block.
    Anchor,
    /// Reported long after it occurred.
    LateReport,
    /// Said to have occurred before what was reported before it.
    BackDated,
    /// Said to have occurred after it was received.
    FutureOccurrence,
    /// Many more revocations and deletions in a day than the stream's own past calls for.
    Burst,
    /// Logged under a key that was revoked later, as of a time before.
    SuspectKey,
    /// A document that was deleted or revoked, and is there or good again.
    Resurrected,
    /// Two signed submissions of an issuer contradict each other.
    Conflict,
    /// Nothing came for long.
    Silence,
    /// A change to what was never issued.
    NeverIssued,
    /// A change that does not go with how the document stood.
    UnexpectedChange,
    /// An erasure names it, and here it is.
    NotErased,
    /// A file that does not belong to the bundle.
    StrangeFile,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 26] = [
        Self::Scope,
        Self::File,
        Self::Tree,
        Self::Checkpoint,
        Self::Entry,
        Self::Signature,
        Self::Gap,
        Self::RevokedKey,
        Self::Bodies,
        Self::Erased,
        Self::ErasureEarly,
        Self::ErasureHeld,
        Self::RollUp,
        Self::Anchor,
        Self::LateReport,
        Self::BackDated,
        Self::FutureOccurrence,
        Self::Burst,
        Self::SuspectKey,
        Self::Resurrected,
        Self::Conflict,
        Self::Silence,
        Self::NeverIssued,
        Self::UnexpectedChange,
        Self::NotErased,
        Self::StrangeFile,
    ];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::File => "file",
            Self::Tree => "tree",
            Self::Checkpoint => "checkpoint",
            Self::Entry => "entry",
            Self::Signature => "signature",
            Self::Gap => "gap",
            Self::RevokedKey => "revoked-key",
            Self::Bodies => "bodies",
            Self::Erased => "erased",
            Self::ErasureEarly => "erasure-early",
            Self::ErasureHeld => "erasure-held",
            Self::RollUp => "roll-up",
            Self::Anchor => "anchor",
            Self::LateReport => "late-report",
            Self::BackDated => "back-dated",
            Self::FutureOccurrence => "future-occurrence",
            Self::Burst => "burst",
            Self::SuspectKey => "suspect-key",
            Self::Resurrected => "resurrected",
            Self::Conflict => "conflict",
            Self::Silence => "silence",
            Self::NeverIssued => "never-issued",
            Self::UnexpectedChange => "unexpected-change",
            Self::NotErased => "not-erased",
            Self::StrangeFile => "strange-file",
        }
    }

    /// How grave it is when it fires.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Scope
            | Self::File
            | Self::Tree
            | Self::Checkpoint
            | Self::Entry
            | Self::Signature
            | Self::Gap
            | Self::RevokedKey
            | Self::Bodies
            | Self::Erased
            | Self::ErasureEarly
            | Self::ErasureHeld
            | Self::RollUp
            | Self::Anchor => Severity::Broken,
            Self::LateReport
            | Self::BackDated
            | Self::FutureOccurrence
            | Self::Burst
            | Self::SuspectKey
            | Self::Resurrected
            | Self::Conflict
            | Self::Silence
            | Self::NeverIssued
            | Self::UnexpectedChange
            | Self::NotErased
            | Self::StrangeFile => Severity::Finding,
        }
    }
}
