//! Between the domain and the wire: the only file of the service that turns one into the other.

use std::collections::BTreeMap;

use axum::response::Response;
use tonic::{Code, Status};
use witness_core::{
    admission::{Blame, Refusal},
    hash::{DocumentHash, Hash},
    name::{Domain, Jurisdictions, Name},
};
use witness_ledger::{ErasedBy, ReadError, StoreError, Submitted};
use witness_wire::{
    Bytes, MESSAGE_BYTES_MAX, SUBMISSION_BYTES_MAX, codec::FIELDS_MAX, refusal, v1,
};

/// A refusal as it travels.
pub(crate) fn refusal(refusal: &Refusal) -> v1::Refusal {
    let code = match refusal.blame() {
        Blame::Malformed => Code::InvalidArgument,
        Blame::State => Code::FailedPrecondition,
        Blame::Unauthenticated => Code::Unauthenticated,
        Blame::Exists => Code::AlreadyExists,
        Blame::Absent => Code::NotFound,
        Blame::TryLater if matches!(refusal, Refusal::Unreadable | Refusal::Internal) => {
            Code::Internal
        }
        Blame::TryLater => Code::Unavailable,
    };
    v1::Refusal {
        code: u32::try_from(i32::from(code)).unwrap_or(2),
        reason: refusal.reason().to_owned(),
        message: refusal.to_string(),
        metadata: refusal
            .metadata()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

/// A refusal as the status of a call.
pub(crate) fn status(refused: &Refusal) -> Status {
    refusal::to_status(&refusal(refused))
}

/// A read that failed, as the status of a call.
pub(crate) fn read_status(error: &ReadError) -> Status {
    let (code, reason) = match error {
        ReadError::NotFound { .. } => (Code::NotFound, "NOT_FOUND"),
        ReadError::OutOfRange { .. } => (Code::OutOfRange, "OUT_OF_RANGE"),
        // What was to be erased is erased; files may still hold it for a while.
        ReadError::Store(StoreError::NotSettled { .. }) => (Code::Unavailable, "NOT_SETTLED"),
        ReadError::Store(error) => {
            tracing::error!(%error, "the store could not be read");
            return named(
                Code::Internal,
                "INTERNAL",
                "the store could not be read; the operator's log says why",
            );
        }
    };
    named(code, reason, &error.to_string())
}

/// A status with a reason of ours.
pub(crate) fn named(code: Code, reason: &str, message: &str) -> Status {
    named_with((code, reason), message, BTreeMap::new())
}

/// That a log has no checkpoint yet.
pub(crate) fn nothing_published() -> Status {
    named(Code::NotFound, "NOT_FOUND", "nothing is published yet; try again in a few seconds")
}

/// That something is logged, and cannot be proved for a moment.
pub(crate) fn not_published_yet() -> Status {
    let message = "logged, but not under a published checkpoint yet; try again in a few seconds";
    named(Code::Unavailable, "NOT_PUBLISHED_YET", message)
}

/// That the index has to catch up with what earlier pages were taken from.
pub(crate) fn not_indexed_yet() -> Status {
    let message =
        "the index is behind what the first page was taken from; try again in a few seconds";
    named(Code::Unavailable, "NOT_INDEXED_YET", message)
}

/// That all that was known of a document was erased.
pub(crate) fn erased(by: ErasedBy) -> Status {
    let message = format!(
        "all that was known of this document was erased at {}; only leaf hashes remain in the log",
        by.at
    );
    let at = [("erased_at_us".to_owned(), by.at.micros().to_string())];
    named_with((Code::NotFound, "ERASED"), &message, at.into())
}

fn named_with(
    (code, reason): (Code, &str),
    message: &str,
    metadata: BTreeMap<String, String>,
) -> Status {
    let code = u32::try_from(i32::from(code)).unwrap_or(2);
    let (reason, message) = (reason.to_owned(), message.to_owned());
    refusal::to_status(&v1::Refusal { code, reason, message, metadata })
}

/// An argument that does not parse; where `what` is the name of one, it is given for programs too.
pub(crate) fn invalid(what: &str, expected: &str) -> Status {
    let is_name = what.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let metadata = is_name.then(|| ("argument".to_owned(), what.to_owned()));
    let message = format!("{what} must be {expected}");
    named_with(
        (Code::InvalidArgument, "INVALID_ARGUMENT"),
        &message,
        metadata.into_iter().collect(),
    )
}

/// Jurisdictions in which a stream is to be opened, or somebody let in: of countries that there are.
pub(crate) fn assigned(jurisdictions: &Jurisdictions) -> Result<(), Status> {
    let expected = "assigned codes of ISO 3166-1 alpha-2, alone or with a subdivision, `EU` or `INT`, as in \
                    `DE,DE-BY,INT`";
    jurisdictions.unassigned().map_or(Ok(()), |code| {
        Err(invalid("jurisdictions", &format!("{expected}: {code} is none")))
    })
}

/// The firm's own store fails: the operator's log says why.
pub(crate) fn store_failed(error: &StoreError) -> Status {
    tracing::error!(%error, "the firm's store could not be read or written");
    let message = "the store could not be read or written; the operator's log says why";
    named(Code::Internal, "INTERNAL", message)
}

/// The issuer of a request.
pub(crate) fn issuer(text: &str) -> Result<Domain, Status> {
    Domain::parse(text).ok_or_else(|| invalid("issuer", "a domain in lower-case A-label form"))
}

/// The stream of a request.
pub(crate) fn stream(text: &str) -> Result<Name, Status> {
    Name::parse(text).ok_or_else(|| invalid("stream", "[a-z0-9-]{1,32}"))
}

/// The document hash of a request.
pub(crate) fn document(hash: &[u8]) -> Result<DocumentHash, Status> {
    let hash = Hash::from_slice(hash).map(DocumentHash);
    hash.ok_or_else(|| invalid("document_hash", "32 bytes of SHA-256"))
}

/// That the service panicked at a call.
pub(crate) fn failed() -> Status {
    let message = "the service has failed at this question; the operator's log says why";
    named(Code::Internal, "INTERNAL", message)
}

/// Hashes as they travel.
pub(crate) fn hashes(path: &[Hash]) -> Vec<Bytes> {
    path.iter().map(hash).collect()
}

/// One hash as it travels.
pub(crate) fn hash(hash: &Hash) -> Bytes {
    Bytes::copy_from_slice(hash.as_bytes())
}

/// A receipt as it travels.
pub(crate) fn receipt(submitted: &Submitted) -> v1::Receipt {
    let Submitted { receipt, anomalies } = submitted;
    let anomaly = |(event, set): &witness_ledger::Anomalous| v1::Anomaly {
        event_index: u32::from(*event),
        anomalies: words(*set),
    };
    v1::Receipt {
        index: receipt.index.0,
        received_at_us: receipt.received_at.micros(),
        registry_sequence: receipt.registry_sequence,
        checkpoint: Bytes::from(receipt.checkpoint.to_string()),
        path: hashes(&receipt.path),
        anomalies: anomalies.iter().map(anomaly).collect(),
    }
}

/// Anomalies by their words.
pub(crate) fn words(set: witness_core::anomaly::Anomalies) -> Vec<String> {
    set.to_vec().into_iter().map(|anomaly| anomaly.word().to_owned()).collect()
}

/// A message that could not be read. One over the bound gets a reason; what the transport says stays.
pub(crate) fn unreadable(status: Status) -> Status {
    // The first of a plain message or of too many fields, the second of a compressed one.
    if !matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted) {
        return status;
    }
    let message = format!(
        "a message must be at most {MESSAGE_BYTES_MAX} bytes long and have at most {FIELDS_MAX} fields, its submission at most {SUBMISSION_BYTES_MAX} bytes; cut the submission"
    );
    named(Code::InvalidArgument, "MESSAGE_TOO_LARGE", &message)
}

/// The same for a call of one message, which tonic answers before a service sees it.
pub(crate) async fn unreadable_call(response: Response) -> Response {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.details().is_empty() && status.code() != Code::Ok => {
            let code = status.code();
            let named = unreadable(status);
            if named.code() == code { response } else { named.into_http() }
        }
        _ => response,
    }
}
