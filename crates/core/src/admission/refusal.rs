//! Refusals: why something was not logged, for the issuer's program and for its operator.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    event::EVENT_BYTES_MAX,
    hash::Hash,
    key::KeyId,
    name::{Domain, Name, Origin},
    personal::{self, PersonalKind},
    schema::{FieldRefusal, FieldRule},
    submission::{SUBMISSION_BYTES_MAX, SUBMISSION_EVENTS_MAX},
};

/// Who can do something about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The call is wrong in itself: sending it again will not help.
    Malformed,
    /// It does not fit what is logged or registered now.
    State,
    /// The signature or the key.
    Unauthenticated,
    /// It is there already.
    Exists,
    /// What it is about is not there.
    Absent,
    /// Nothing is wrong with it: try again later.
    TryLater,
}

/// Why something was not logged. No variant holds a document hash, a detail's value or a salt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what the messages say they are")]
pub enum Refusal {
    /// Not a signed note with one signature of the issuer.
    #[error("the submission must be a signed note: {why}")]
    MalformedNote { why: String },
    /// The signed text is not what it should be.
    #[error("{why}")]
    MalformedSubmission { why: String },
    /// An event is not what it should be.
    #[error("event {index}: {why}")]
    MalformedEvent { index: usize, why: String },
    /// An event is too long.
    #[error("event {index} must be at most {limit} bytes long, came with {found}")]
    EventTooLarge { index: usize, found: usize, limit: usize },
    /// Details are not what they should be.
    #[error("details of event {index}: {why}")]
    MalformedDetails { index: usize, why: String },
    /// More events than one submission may have.
    #[error(
        "a submission must have at most {SUBMISSION_EVENTS_MAX} events, came with {found}; cut it"
    )]
    TooManyEvents { found: u64 },
    /// More bytes than one submission may have.
    #[error(
        "events and details must be at most {SUBMISSION_BYTES_MAX} bytes in all, came with {found}; cut the submission"
    )]
    SubmissionTooLarge { found: usize },
    /// Another number of events than was signed.
    #[error("the submission was signed for {expected} events and came with {found}")]
    EventCountMismatch { expected: u64, found: u64 },
    /// Not one details field, empty or not, for each event.
    #[error(
        "each event needs one details field, empty if it has none: expected {expected}, found {found}"
    )]
    DetailsCountMismatch { expected: u64, found: u64 },
    /// The events are not those that were signed.
    #[error("the signed root is not the RFC 6962 root over the events")]
    RootMismatch,
    /// Half of an amendment.
    #[error(
        "event {index}: replaced and amended must stand side by side with the same link and different hashes"
    )]
    BrokenPair { index: usize },
    /// Details of another hash than the event's.
    #[error("the details of event {index} do not have the hash that the event names")]
    DetailsHashMismatch { index: usize },
    /// The event names details, and none came.
    #[error("event {index} names a details hash, but no details came with it")]
    DetailsMissing { index: usize },
    /// Details came that the event does not name.
    #[error("event {index} has no details hash, but details came with it")]
    DetailsUnexpected { index: usize },
    /// The claim type is not registered.
    #[error("event {index}: the claim type {claim_type} is not registered in this log")]
    UnknownClaimType { index: usize, claim_type: Name },
    /// A field that the claim type's schema does not take so.
    #[error("details of event {index}: {why}")]
    Field { index: usize, field: String, rule: String, why: String },
    /// A value of details, or a status, that looks personal.
    #[error("event {index}: {why}")]
    PersonalData { index: usize, field: String, rule: String, why: String },
    /// The issuer is not registered in this log.
    #[error("the issuer {issuer} is not registered in this log")]
    UnknownIssuer { issuer: Domain },
    /// The issuer was offboarded before.
    #[error("the issuer {issuer} was offboarded: nothing more of it is logged; ask the operator")]
    IssuerOffboarded { issuer: Domain },
    /// The stream is not open.
    #[error("the issuer has no stream {}; the operator opens one", shown(.stream))]
    UnknownStream { stream: Name },
    /// The key is not registered.
    #[error("the key {key} is not registered for this issuer")]
    UnknownKey { key: KeyId },
    /// The key was revoked.
    #[error("the key {key} was revoked; sign with a living key")]
    RevokedKey { key: KeyId },
    /// The signature does not verify.
    #[error("the signature of key {key} does not verify over the submission's text")]
    BadSignature { key: KeyId },
    /// Bound to another log.
    #[error("the submission must be for the log {expected}")]
    OtherLog { expected: Origin },
    /// Events are missing before it.
    #[error("the stream expects sequence number {expected}, the submission begins at {found}")]
    OutOfSequence { expected: u64, found: u64, previous: Hash },
    /// It does not name the submission before it.
    #[error("the submission must name the one before it by the SHA-256 of its text")]
    WrongPrevious { expected: u64, previous: Hash },
    /// The same events, otherwise cut.
    #[error(
        "these sequence numbers are logged already, in other submissions; the stream expects {expected}"
    )]
    AlreadyLogged { expected: u64, previous: Hash },
    /// Another event under a logged sequence number: the two notes convict the issuer.
    #[error(
        "another event is logged under sequence number {sequence}: the two notes contradict each other, and such a conflict is logged"
    )]
    Conflict { sequence: u64, expected: u64, previous: Hash, logged: String },
    /// A heartbeat whose time or sequence is not above the last.
    #[error(
        "a heartbeat must have a time above the last one's and name the stream's next sequence {expected}"
    )]
    StaleHeartbeat { expected: u64 },
    /// Events are to be erased that were never logged.
    #[error("the stream ends before sequence number {expected}; nothing beyond it can be erased")]
    BeyondEnd { expected: u64 },
    /// Events are to be erased of a document that is not known. The message repeats no hash.
    #[error("no record of this issuer and document hash; nothing can be erased")]
    UnknownDocument,
    /// A legal hold is on events that are to be erased: none of the request is.
    #[error(
        "the legal hold {hold} is on events of this request, and nothing of it was erased; lift the hold first"
    )]
    LegalHold { hold: Name },
    /// All of it was erased before.
    #[error("all of these events were erased before; nothing was logged")]
    AlreadyErased,
    /// A registry change or firm note that does not fit.
    #[error("{why}")]
    Registry { why: String },
    /// The log takes no writes.
    #[error("the log takes no writes: {why}")]
    ReadOnly { why: String },
    /// Our clock cannot be trusted now.
    #[error(
        "no receipt is given on a clock known to be wrong: {why}; nothing was logged, try again later"
    )]
    ClockSuspect { why: String },
    /// Something stored could not be read.
    #[error("the store could not be read; nothing was logged, and the operator's log says why")]
    Unreadable,
    /// A fault of the service.
    #[error(
        "the service has failed at this submission, and nothing of it was logged; the operator's log says why"
    )]
    Internal,
    /// The service is stopping.
    #[error("the service is stopping; nothing more is logged, try again later")]
    Stopping,
}

impl Refusal {
    /// A refusal of a details field.
    #[must_use]
    pub fn of_field(index: usize, refusal: &FieldRefusal) -> Self {
        let (field, why) = (refusal.field.clone(), refusal.to_string());
        match &refusal.rule {
            FieldRule::Personal(kind) => {
                let why = format!(
                    "{why}; send a keyed digest instead, or register the field with a pattern of its own"
                );
                Self::PersonalData { index, field, rule: kind.to_string(), why }
            }
            rule @ (FieldRule::Unknown
            | FieldRule::NotWithChange(_)
            | FieldRule::Missing(_)
            | FieldRule::TooLong
            | FieldRule::Pattern
            | FieldRule::Date
            | FieldRule::Code
            | FieldRule::Count
            | FieldRule::Digest) => Self::Field { index, field, rule: rule.to_string(), why },
        }
    }

    /// A refusal of a status that looks personal. Never holds the status.
    #[must_use]
    pub fn of_status(index: usize, kind: PersonalKind) -> Self {
        let (field, rule) = ("status".to_string(), kind.to_string());
        let why = format!("the status looks like personal data: {kind}; it must name nobody");
        Self::PersonalData { index, field, rule, why }
    }

    /// A refusal of a claim type that is not registered and looks personal. Never holds its name.
    #[must_use]
    pub fn of_claim_type(index: usize, kind: PersonalKind) -> Self {
        let (field, rule) = ("claim-type".to_string(), kind.to_string());
        let why = format!("the claim type is not registered and looks like personal data: {kind}");
        Self::PersonalData { index, field, rule, why }
    }

    /// The reason for programs, as in `google.rpc.ErrorInfo`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MalformedNote { .. } => "MALFORMED_NOTE",
            Self::MalformedSubmission { .. } => "MALFORMED_SUBMISSION",
            Self::MalformedEvent { .. } => "MALFORMED_EVENT",
            Self::EventTooLarge { .. } => "EVENT_TOO_LARGE",
            Self::MalformedDetails { .. } => "MALFORMED_DETAILS",
            Self::TooManyEvents { .. } => "TOO_MANY_EVENTS",
            Self::SubmissionTooLarge { .. } => "SUBMISSION_TOO_LARGE",
            Self::EventCountMismatch { .. } => "EVENT_COUNT_MISMATCH",
            Self::DetailsCountMismatch { .. } => "DETAILS_COUNT_MISMATCH",
            Self::RootMismatch => "ROOT_MISMATCH",
            Self::BrokenPair { .. } => "BROKEN_PAIR",
            Self::DetailsHashMismatch { .. } => "DETAILS_HASH_MISMATCH",
            Self::DetailsMissing { .. } => "DETAILS_MISSING",
            Self::DetailsUnexpected { .. } => "DETAILS_UNEXPECTED",
            Self::UnknownClaimType { .. } => "UNKNOWN_CLAIM_TYPE",
            Self::Field { .. } => "FIELD_REFUSED",
            Self::PersonalData { .. } => "PERSONAL_DATA",
            Self::UnknownIssuer { .. } => "UNKNOWN_ISSUER",
            Self::IssuerOffboarded { .. } => "ISSUER_OFFBOARDED",
            Self::UnknownStream { .. } => "UNKNOWN_STREAM",
            Self::UnknownKey { .. } => "UNKNOWN_KEY",
            Self::RevokedKey { .. } => "REVOKED_KEY",
            Self::BadSignature { .. } => "BAD_SIGNATURE",
            Self::OtherLog { .. } => "OTHER_LOG",
            Self::OutOfSequence { .. } => "OUT_OF_SEQUENCE",
            Self::WrongPrevious { .. } => "WRONG_PREVIOUS_HASH",
            Self::AlreadyLogged { .. } => "ALREADY_LOGGED",
            Self::Conflict { .. } => "CONFLICT",
            Self::StaleHeartbeat { .. } => "STALE_HEARTBEAT",
            Self::BeyondEnd { .. } => "BEYOND_END",
            Self::UnknownDocument => "NOT_FOUND",
            Self::LegalHold { .. } => "LEGAL_HOLD",
            Self::AlreadyErased => "ALREADY_ERASED",
            Self::Registry { .. } => "REGISTRY_REFUSED",
            Self::ReadOnly { .. } => "READ_ONLY",
            Self::ClockSuspect { .. } => "CLOCK_SUSPECT",
            Self::Unreadable => "STORE_UNREADABLE",
            Self::Internal => "INTERNAL",
            Self::Stopping => "STOPPING",
        }
    }

    /// Who can do something about it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::MalformedNote { .. }
            | Self::MalformedSubmission { .. }
            | Self::MalformedEvent { .. }
            | Self::EventTooLarge { .. }
            | Self::MalformedDetails { .. }
            | Self::TooManyEvents { .. }
            | Self::SubmissionTooLarge { .. }
            | Self::EventCountMismatch { .. }
            | Self::DetailsCountMismatch { .. }
            | Self::RootMismatch
            | Self::BrokenPair { .. }
            | Self::DetailsHashMismatch { .. }
            | Self::DetailsMissing { .. }
            | Self::DetailsUnexpected { .. }
            | Self::Field { .. }
            | Self::PersonalData { .. }
            | Self::OtherLog { .. } => Blame::Malformed,
            Self::UnknownKey { .. } | Self::RevokedKey { .. } | Self::BadSignature { .. } => {
                Blame::Unauthenticated
            }
            Self::UnknownClaimType { .. }
            | Self::UnknownIssuer { .. }
            | Self::IssuerOffboarded { .. }
            | Self::UnknownStream { .. }
            | Self::OutOfSequence { .. }
            | Self::WrongPrevious { .. }
            | Self::StaleHeartbeat { .. }
            | Self::BeyondEnd { .. }
            | Self::LegalHold { .. }
            | Self::Registry { .. }
            | Self::ReadOnly { .. } => Blame::State,
            Self::UnknownDocument => Blame::Absent,
            Self::AlreadyLogged { .. } | Self::Conflict { .. } | Self::AlreadyErased => {
                Blame::Exists
            }
            Self::ClockSuspect { .. } | Self::Unreadable | Self::Internal | Self::Stopping => {
                Blame::TryLater
            }
        }
    }

    /// Named values for programs, as in `google.rpc.ErrorInfo`.
    #[must_use]
    pub fn metadata(&self) -> Vec<(&'static str, String)> {
        let position = |expected: &u64, previous: &Hash| {
            Vec::from([
                ("expected_sequence", expected.to_string()),
                ("expected_previous_hash", previous.to_base64()),
            ])
        };
        match self {
            Self::OutOfSequence { expected, previous, .. }
            | Self::WrongPrevious { expected, previous }
            | Self::AlreadyLogged { expected, previous } => position(expected, previous),
            Self::Conflict { sequence, expected, previous, logged } => {
                let mut values = position(expected, previous);
                values.push(("conflicting_sequence", sequence.to_string()));
                values.push(("logged_note", logged.clone()));
                values
            }
            Self::StaleHeartbeat { expected } | Self::BeyondEnd { expected } => {
                Vec::from([("expected_sequence", expected.to_string())])
            }
            Self::LegalHold { hold } => Vec::from([("hold", hold.to_string())]),
            Self::Field { index, field, rule, .. }
            | Self::PersonalData { index, field, rule, .. } => Vec::from([
                ("event_index", index.to_string()),
                ("field", field.clone()),
                ("rule", rule.clone()),
            ]),
            Self::MalformedEvent { index, .. }
            | Self::MalformedDetails { index, .. }
            | Self::BrokenPair { index }
            | Self::DetailsHashMismatch { index }
            | Self::DetailsMissing { index }
            | Self::DetailsUnexpected { index } => Vec::from([("event_index", index.to_string())]),
            Self::EventTooLarge { index, .. } => Vec::from([
                ("event_index", index.to_string()),
                ("limit", format!("{EVENT_BYTES_MAX}")),
            ]),
            Self::UnknownClaimType { index, claim_type } => Vec::from([
                ("event_index", index.to_string()),
                ("claim_type", claim_type.to_string()),
            ]),
            Self::OtherLog { expected } => Vec::from([("expected_origin", expected.to_string())]),
            Self::IssuerOffboarded { issuer } => Vec::from([("issuer", issuer.to_string())]),
            Self::UnknownKey { key } | Self::RevokedKey { key } | Self::BadSignature { key } => {
                Vec::from([("key_id", key.to_string())])
            }
            Self::MalformedNote { .. }
            | Self::MalformedSubmission { .. }
            | Self::TooManyEvents { .. }
            | Self::SubmissionTooLarge { .. }
            | Self::EventCountMismatch { .. }
            | Self::DetailsCountMismatch { .. }
            | Self::RootMismatch
            | Self::UnknownIssuer { .. }
            | Self::UnknownStream { .. }
            | Self::UnknownDocument
            | Self::AlreadyErased
            | Self::Registry { .. }
            | Self::ReadOnly { .. }
            | Self::ClockSuspect { .. }
            | Self::Unreadable
            | Self::Internal
            | Self::Stopping => Vec::new(),
        }
    }
}

/// A name that is not registered was chosen by the sender, and may be a personal value itself.
fn shown(name: &Name) -> &str {
    if personal::find(name.as_str()).is_some() { "(withheld)" } else { name.as_str() }
}
