//! Which refusals settle a submission, and which say nothing about it.
//!
//! What must hold: sequence numbers are free again only where the server said that this very submission is
//! not logged as it is. Another one in the place of one that is logged would convict the issuer.

/// Reasons (`proto/README.md`) that are about the submission itself. Any other, known or not, leaves it open.
const SETTLING: [&str; 28] = [
    "MALFORMED_NOTE",
    "MALFORMED_SUBMISSION",
    "MALFORMED_EVENT",
    "MALFORMED_DETAILS",
    "EVENT_TOO_LARGE",
    "TOO_MANY_EVENTS",
    "SUBMISSION_TOO_LARGE",
    "MESSAGE_TOO_LARGE",
    "EVENT_COUNT_MISMATCH",
    "DETAILS_COUNT_MISMATCH",
    "ROOT_MISMATCH",
    "BROKEN_PAIR",
    "DETAILS_HASH_MISMATCH",
    "DETAILS_MISSING",
    "DETAILS_UNEXPECTED",
    "FIELD_REFUSED",
    "PERSONAL_DATA",
    "UNKNOWN_CLAIM_TYPE",
    "UNKNOWN_ISSUER",
    "ISSUER_OFFBOARDED",
    "UNKNOWN_STREAM",
    "UNKNOWN_KEY",
    "REVOKED_KEY",
    "BAD_SIGNATURE",
    "OUT_OF_SEQUENCE",
    "WRONG_PREVIOUS_HASH",
    "ALREADY_LOGGED",
    "CONFLICT",
];

/// Whether a refusal for this reason frees the sequence numbers of what was refused.
pub(super) fn settles(reason: &str) -> bool {
    SETTLING.contains(&reason)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Reasons that are about the server, or about other calls.
    const OPEN: [&str; 42] = [
        "OTHER_LOG",
        "READ_ONLY",
        "CLOCK_SUSPECT",
        "STORE_UNREADABLE",
        "STOPPING",
        "STALE_HEARTBEAT",
        "REGISTRY_REFUSED",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "OUT_OF_RANGE",
        "NOT_PUBLISHED_YET",
        "ERASED",
        "EVIDENCE_UNVERIFIED",
        "INTERNAL",
        "ACCESS_LOG",
        "ALREADY_ERASED",
        "ALREADY_GRANTED",
        "BEYOND_END",
        "CERTIFICATE_REFUSED",
        "CHALLENGE_NOT_FOUND",
        "CREDENTIALS_MISSING",
        "DOMAINS_UNPROVED",
        "DOMAIN_NOT_PROVED",
        "EXPORTS_BUSY",
        "LEGAL_HOLD",
        "NOT_INDEXED_YET",
        "NOT_SETTLED",
        "NO_CHALLENGE",
        "NO_WORKER",
        "OVERTAKEN",
        "OVER_LIMIT",
        "PERMISSION_DENIED",
        "REQUEST_STALLED",
        "SHUT_OUT",
        "STALLED",
        "STREAM_IDLE",
        "TERM_ENDED",
        "TERM_NOT_BEGUN",
        "TOKEN_REFUSED",
        "TOO_MANY_CALLERS",
        "TOO_MANY_DAYS",
        "TWO_CREDENTIALS",
    ];

    #[test]
    fn every_reason_there_is_either_settles_a_submission_or_leaves_it_open() {
        let page = include_str!("../../../../../proto/README.md");
        let reason = |line: &'static str| line.strip_prefix("| `")?.split_once("` | ");
        let is_code = |rest: &str| rest.starts_with(|letter: char| letter.is_ascii_uppercase());
        let documented: BTreeSet<&str> = page
            .lines()
            .filter_map(reason)
            .filter(|(_, rest)| is_code(rest))
            .map(|(reason, _)| reason)
            .filter(|reason| {
                reason.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
            })
            .collect();
        assert!(OPEN.iter().all(|reason| !settles(reason)));
        let sorted: BTreeSet<&str> = SETTLING.iter().chain(&OPEN).copied().collect();
        let unsorted: Vec<_> = documented.difference(&sorted).collect();
        assert!(documented.contains("CONFLICT") && documented.contains("READ_ONLY"));
        assert!(unsorted.is_empty(), "does a refusal for {unsorted:?} free sequence numbers?");
    }

    #[test]
    fn a_reason_that_is_not_known_leaves_the_submission_open() {
        assert!(!settles("") && !settles("SOMETHING_NEW"));
    }
}
