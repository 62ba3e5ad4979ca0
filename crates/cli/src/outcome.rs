//! How a command ends: its exit code, and errors that say what to do next.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use tonic::{Code, Status};
use witness_wire::{refusal, v1};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, or verified: exit code 0.
    Done,
    /// Refused, or a check failed: exit code 1.
    Refused,
    /// It could not tell: exit code 2.
    CannotTell,
}

impl Outcome {
    /// How an error ends a command.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        error.downcast_ref::<Failure>().map_or(Self::CannotTell, |failure| failure.outcome)
    }

    /// The code that the process ends with.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::CannotTell => 2,
        })
    }

    /// The word in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::CannotTell => "cannot-tell",
        }
    }
}

/// How the server begins to say which logs it has; what follows are their origins.
const ORIGIN_EXPECTED: &str = "origin must be one of ";
/// The same in the words of whoever gives options.
const LOG_EXPECTED: &str = "--log must be one of this server's logs: ";

/// An error with all that a person or a program needs to go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// How the command ends by it.
    pub(crate) outcome: Outcome,
    /// The server's word for it, if it is the server's.
    pub(crate) reason: Option<String>,
    /// What was expected and what came.
    pub(crate) message: String,
    /// Named values that the server gave with it.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What to do.
    pub(crate) next_step: Option<String>,
    /// When the server wants to be asked again, if it said so.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    fn new(outcome: Outcome, message: String) -> Self {
        let (reason, next_step, retry_after, metadata) = (None, None, None, BTreeMap::new());
        Self { outcome, reason, message, metadata, next_step, retry_after }
    }

    /// Something was refused, or a check failed.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Outcome::Refused, message.into())
    }

    /// It cannot be told.
    pub(crate) fn cannot_tell(message: impl Into<String>) -> Self {
        Self::new(Outcome::CannotTell, message.into())
    }

    /// Adds what to do.
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = Some(step.into());
        self
    }

    /// A refusal of the server's, whether the status of a call or an answer in its place.
    pub(crate) fn from_refusal(refusal: v1::Refusal) -> Self {
        let code = i32::try_from(refusal.code).map_or(Code::Unknown, Code::from);
        let metadata = refusal.metadata.into_iter().collect();
        if let Some(origins) = refusal.message.strip_prefix(ORIGIN_EXPECTED) {
            let message = format!("{LOG_EXPECTED}{origins}");
            let reason = Some(refusal.reason);
            let failure = Self { reason, metadata, ..Self::new(outcome_of(code), message) };
            return failure.next("name one of them with --log ORIGIN");
        }
        let next_step = next_step(&refusal.reason).map(str::to_owned);
        // What was erased may have said anything.
        let is_erased = refusal.reason == "ERASED";
        let outcome = if is_erased { Outcome::CannotTell } else { outcome_of(code) };
        let (reason, message) = (Some(refusal.reason), refusal.message);
        Self { outcome, reason, message, metadata, next_step, retry_after: None }
    }

    /// Whether the server did not take this argument of the call.
    pub(crate) fn is_about(&self, argument: &str) -> bool {
        let named = self.metadata.get("argument").map(String::as_str);
        self.reason.as_deref() == Some("INVALID_ARGUMENT") && named == Some(argument)
    }

    /// Whether the server has no log of the name that was given.
    pub(crate) fn is_of_another_log(&self) -> bool {
        self.message.starts_with(LOG_EXPECTED)
    }

    /// The failure of a call.
    pub(crate) fn from_status(status: &Status) -> Self {
        if let Some(refusal) = refusal::from_status(status) {
            let retry_after = refusal::retry_after(status);
            return Self { retry_after, ..Self::from_refusal(refusal) };
        }
        let failure = Self::new(outcome_of(status.code()), status.message().to_owned());
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled => {
                let cause = source_of(status);
                let message = format!("the server did not answer: {}{cause}", failure.message);
                Self { message, ..failure }.next("check the address, and that witnessd runs there")
            }
            Code::Unimplemented => {
                let message = "this server does not offer that call".to_owned();
                Self { message, ..failure }
                    .next("check that address and version are those of witnessd")
            }
            Code::Unauthenticated | Code::PermissionDenied => {
                failure.next("check that you ask as the right party")
            }
            Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Internal
            | Code::DataLoss => failure,
        }
    }
}

/// Whether the same call may do better later.
pub(crate) fn is_worth_a_retry(code: u32) -> bool {
    let code = i32::try_from(code).map_or(Code::Unknown, Code::from);
    matches!(
        code,
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled
    )
}

fn outcome_of(code: Code) -> Outcome {
    match code {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Aborted
        | Code::Unauthenticated => Outcome::Refused,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Outcome::CannotTell,
    }
}

/// tonic says "transport error" and keeps the cause behind it.
fn source_of(status: &Status) -> String {
    let mut text = String::new();
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) && !status.message().ends_with(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

/// What to do about the server's commonest reasons.
fn next_step(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "OUT_OF_SEQUENCE" | "WRONG_PREVIOUS_HASH" | "ALREADY_LOGGED" => {
            "somebody else writes to this stream, or with another journal: find out who, and run again"
        }
        "CONFLICT" => {
            "two notes of yours contradict each other, and both are logged: keep them, and find out who signed"
        }
        "UNKNOWN_ISSUER" => "the operator registers an issuer with: witness issuer add",
        "UNKNOWN_STREAM" => "the operator opens a stream with: witness issuer stream-open",
        "UNKNOWN_CLAIM_TYPE" => {
            "the operator registers a claim type with: witness issuer claim-type"
        }
        "UNKNOWN_KEY" => "the operator registers a key with: witness issuer key-add",
        "REVOKED_KEY" => "sign with a living key, or make one: witness keygen",
        "DOMAIN_NOT_PROVED" | "NO_CHALLENGE" => "witness issuer challenge DOMAIN",
        "CHALLENGE_NOT_FOUND" => {
            "publish it as `witness issuer challenge DOMAIN` says, wait until servers show it, and look again"
        }
        "REGISTRY_REFUSED" => "compare it with the registry as it stands: witness issuer show",
        "CREDENTIALS_MISSING" => {
            "show who you are: --token-file FILE, or --certificate PEM --certificate-key PEM"
        }
        "ISSUER_OFFBOARDED" => "ask the operator: what was offboarded is not added again",
        "LEGAL_HOLD" => {
            "the operator sees it with: witness issuer show, and ends it with: witness issuer lift"
        }
        "TOKEN_REFUSED" | "TERM_ENDED" | "TERM_NOT_BEGUN" | "CERTIFICATE_REFUSED" => {
            "ask the firm's operator for a new one; without one, unset WITNESS_TOKEN_FILE to ask as anybody"
        }
        "SHUT_OUT" => "ask the firm's operator to let you in again",
        "PERSONAL_DATA" | "FIELD_REFUSED" => "correct the row and run the same command again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_not_the_same_as_not_knowing() {
        let outcome = |status: Status| Failure::from_status(&status).outcome;
        assert_eq!(outcome(Status::not_found("no such document")), Outcome::Refused);
        assert_eq!(outcome(Status::failed_precondition("out of sequence")), Outcome::Refused);
        assert_eq!(outcome(Status::unavailable("connection refused")), Outcome::CannotTell);
        assert_eq!(outcome(Status::resource_exhausted("later")), Outcome::CannotTell);
        assert_eq!(outcome(Status::internal("a panic")), Outcome::CannotTell);
    }

    #[test]
    fn who_named_no_log_of_the_servers_learns_by_which_option_to_name_one() {
        let refusal = v1::Refusal {
            code: 3,
            reason: "INVALID_ARGUMENT".to_owned(),
            message: "origin must be one of witness.example/log1, witness.example/log2".to_owned(),
            metadata: BTreeMap::new().into_iter().collect(),
        };
        let failure = Failure::from_status(&refusal::to_status(&refusal));
        assert_eq!(failure.outcome, Outcome::Refused);
        let expected =
            "--log must be one of this server's logs: witness.example/log1, witness.example/log2";
        assert_eq!(failure.message, expected);
        assert!(failure.is_of_another_log());
        assert!(failure.next_step.unwrap().contains("--log ORIGIN"));
    }

    #[test]
    fn a_refusal_keeps_its_reason_and_values() {
        let refusal = v1::Refusal {
            code: 9,
            reason: "OUT_OF_SEQUENCE".to_owned(),
            message: "expected sequence 7".to_owned(),
            metadata: [("expected_sequence".to_owned(), "7".to_owned())].into(),
        };
        let failure = Failure::from_status(&refusal::to_status(&refusal));
        assert_eq!(failure.reason.as_deref(), Some("OUT_OF_SEQUENCE"));
        assert_eq!(failure.metadata.get("expected_sequence").map(String::as_str), Some("7"));
        assert_eq!(failure.outcome, Outcome::Refused);
        assert!(failure.next_step.is_some());
    }
}
