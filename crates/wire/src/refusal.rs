//! A refusal as the status of a gRPC call, with `google.rpc.ErrorInfo`, and back.
//!
//! In `SubmitStream` a refusal is an answer in its place and travels as [`Refusal`]; everywhere else
//! it is the status of the call. Both bear the same four values: what [`to_status`] makes,
//! [`from_status`] gives back unchanged, for every refusal that is one (its code is a gRPC code other
//! than `OK`).

use std::time::Duration;

use tonic::{
    Code, Status,
    metadata::{MetadataMap, MetadataValue},
};
use tonic_types::{ErrorInfo, RetryInfo, StatusExt as _};

use crate::v1::Refusal;

/// The domain of our reasons, in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "witness-ledger";
/// Milliseconds to wait before a retry (gRFC A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The status under which a call is refused.
#[must_use]
pub fn to_status(refusal: &Refusal) -> Status {
    let details = vec![info(refusal).into()];
    Status::with_error_details_vec(code(refusal.code), &refusal.message, details)
}

/// The same for a call that may be made again, unchanged, after some time: with `google.rpc.RetryInfo`, and the
/// metadata by which gRPC clients push a retry back (gRFC A6).
#[must_use]
pub fn to_status_later(refusal: &Refusal, retry_after: Duration) -> Status {
    let details = vec![info(refusal).into(), RetryInfo::new(Some(retry_after)).into()];
    let mut metadata = MetadataMap::new();
    // Rounded up: a hint that is too short is none.
    let millis = u64::try_from(retry_after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    metadata.insert(PUSHBACK, MetadataValue::from(millis));
    let (code, message) = (code(refusal.code), &refusal.message);
    Status::with_error_details_vec_and_metadata(code, message, details, metadata)
}

/// When to try again, if a status says so.
#[must_use]
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

fn info(refusal: &Refusal) -> ErrorInfo {
    ErrorInfo {
        reason: refusal.reason.clone(),
        domain: DOMAIN.to_owned(),
        metadata: refusal.metadata.clone().into_iter().collect(),
    }
}

/// The refusal that a status bears; none where it bears no reason of ours: the error of a proxy, of
/// the transport, or of gRPC itself.
#[must_use]
pub fn from_status(status: &Status) -> Option<Refusal> {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN)?;
    Some(Refusal {
        code: u32::try_from(i32::from(status.code())).ok()?,
        reason: info.reason,
        message: status.message().to_owned(),
        metadata: info.metadata.into_iter().collect(),
    })
}

/// The gRPC code of a number. A refusal must never look like success, so `OK`, like a number that
/// gRPC does not know, becomes `UNKNOWN`.
fn code(number: u32) -> Code {
    match i32::try_from(number).map(Code::from) {
        Ok(Code::Ok) | Err(_) => Code::Unknown,
        Ok(code) => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: u32) -> Refusal {
        Refusal {
            code,
            reason: "OUT_OF_SEQUENCE".to_owned(),
            message: "expected sequence 7, and 9 came – über".to_owned(),
            metadata: [("expected_sequence", "7"), ("previous_hash", "line one\nline two")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }

    #[test]
    fn every_refusal_comes_back_as_it_went() {
        for number in 1..=16 {
            let refusal = refusal(number);
            assert_eq!(from_status(&to_status(&refusal)), Some(refusal));
        }
    }

    #[test]
    fn a_refusal_comes_back_from_the_headers_of_an_answer() {
        let refusal = refusal(9);
        let answer = to_status(&refusal).into_http::<()>();
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(from_status(&status), Some(refusal));
    }

    #[test]
    fn a_refusal_says_when_to_try_again() {
        let (refusal, after) = (refusal(8), Duration::from_micros(1_500_001));
        let status = to_status_later(&refusal, after);
        assert_eq!(status.metadata().get(PUSHBACK).unwrap(), "1501");
        let status = Status::from_header_map(status.into_http::<()>().headers()).unwrap();
        assert_eq!(retry_after(&status), Some(after));
        assert_eq!(retry_after(&to_status(&refusal)), None);
        assert_eq!(from_status(&status), Some(refusal));
    }

    #[test]
    fn a_refusal_never_looks_like_success() {
        for number in [0, 17, u32::MAX] {
            assert_eq!(to_status(&refusal(number)).code(), Code::Unknown);
        }
    }

    #[test]
    fn a_status_without_a_reason_of_ours_is_no_refusal() {
        assert_eq!(from_status(&Status::unavailable("connection lost")), None);
        let info = ErrorInfo::new("QUOTA", "example.com", []);
        let foreign =
            Status::with_error_details_vec(Code::ResourceExhausted, "later", vec![info.into()]);
        assert_eq!(from_status(&foreign), None);
    }
}
