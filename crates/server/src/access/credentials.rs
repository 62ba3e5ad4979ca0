//! From what a request bears to who calls: a token, a client certificate, or nothing.
//!
//! What must hold: whoever bears something that is not right is refused, and never taken for anybody; and who
//! guesses does not learn whether a token was ever one.

use std::sync::Arc;

use http::{HeaderMap, header::AUTHORIZATION};
use tonic::{Code, Status};
use witness_core::{
    caller::{CallerRecord, CallerStanding, KnownBy, Token},
    hash::Hash,
};

use super::{Caller, callers::Callers};
use crate::convert;

/// Who calls, and by what it is known, unless it is nobody in particular.
pub(super) fn identify(
    headers: &HeaderMap,
    certificate: Option<&Hash>,
    callers: &Callers,
) -> Result<(Caller, Option<KnownBy>), Status> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let known_by = match (given.next(), certificate) {
        (None, None) => return Ok((Caller::anybody(), None)),
        (Some(_), Some(_)) => {
            return Err(refused(
                "TWO_CREDENTIALS",
                "the call bears a token and a client certificate; use one of them",
            ));
        }
        (None, Some(certificate)) => KnownBy::Certificate(*certificate),
        (Some(header), None) => {
            let token = header.to_str().ok().and_then(bearer).filter(|_| given.next().is_none());
            KnownBy::Token(token.ok_or_else(|| unknown(&KnownBy::Token(Hash::ZERO)))?.hash())
        }
    };
    let record = living(callers, &known_by)?;
    Ok((Caller::from(record.as_ref()), Some(known_by)))
}

/// The caller that is known by something, if it is let in now.
pub(super) fn living(callers: &Callers, known_by: &KnownBy) -> Result<Arc<CallerRecord>, Status> {
    let record = callers.known_by(known_by).ok_or_else(|| unknown(known_by))?;
    match record.standing(callers.now()) {
        CallerStanding::Living => Ok(record),
        CallerStanding::Revoked => Err(unknown(known_by)),
        CallerStanding::NotYet => Err(refused(
            "TERM_NOT_BEGUN",
            &format!("the term of caller {} begins at {}; call again then", record.id, record.from),
        )),
        CallerStanding::Ended => Err(refused(
            "TERM_ENDED",
            &format!(
                "the term of caller {} ended at {}; ask the firm's operator for a new one",
                record.id, record.until
            ),
        )),
    }
}

/// The token of `Bearer <token>` (RFC 6750 section 2.1; the scheme in any case, RFC 9110 section 11.1).
fn bearer(header: &str) -> Option<Token> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Token::parse(token))?
}

/// The same for what was never granted as for what was revoked.
fn unknown(known_by: &KnownBy) -> Status {
    match known_by {
        KnownBy::Token(_) => refused(
            "TOKEN_REFUSED",
            "the token is not that of a caller; it is sent as `authorization: Bearer wit_…`; ask the firm's operator \
             for a new one",
        ),
        KnownBy::Certificate(_) => refused(
            "CERTIFICATE_REFUSED",
            "the client certificate is not that of a caller; connect without one, or ask the firm's operator to let \
             it in",
        ),
    }
}

fn refused(reason: &str, message: &str) -> Status {
    convert::named(Code::Unauthenticated, reason, message)
}

#[cfg(test)]
mod tests {
    use witness_wire::refusal::from_status;

    use super::{super::callers::tests as let_in, *};

    fn reason<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
        let status = result.expect_err("somebody is taken for somebody");
        assert_eq!(status.code(), Code::Unauthenticated);
        from_status(&status).unwrap().reason
    }

    fn bearing(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn whoever_bears_nothing_is_anybody_and_whoever_bears_the_wrong_thing_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let callers = let_in::open(folder.path());
        let nobody = identify(&HeaderMap::new(), None, &callers).unwrap();
        assert_eq!(nobody, (Caller::anybody(), None));
        let stranger = Token::from_random(&[9; 32]);
        let stranger = format!("Bearer {}", stranger.reveal());
        let wrong = ["", "Bearer", "Bearer ", "Bearer wit_", "Basic d2l0Og==", &stranger];
        for wrong in wrong {
            let refused = identify(&bearing(&[wrong]), None, &callers);
            assert_eq!(reason(refused), "TOKEN_REFUSED", "{wrong}");
        }
        let certificate = Hash::of(b"nobody's");
        let refused = identify(&HeaderMap::new(), Some(&certificate), &callers);
        assert_eq!(reason(refused), "CERTIFICATE_REFUSED");
    }

    #[test]
    fn a_token_counts_within_its_term_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let callers = let_in::open(folder.path());
        let grant = |from, until| {
            let (record, token) = callers.grant(&let_in::regulator(from, until)).unwrap();
            (record, format!("bearer {}", token.unwrap().reveal()))
        };
        let (living, token) = grant(1000, 1001);
        let (caller, _) = identify(&bearing(&[&token]), None, &callers).unwrap();
        assert_eq!(*caller.id, *living.id.as_str());
        assert!(caller.scope().is_ok());
        let twice = identify(&bearing(&[&token, &token]), None, &callers);
        assert_eq!(reason(twice), "TOKEN_REFUSED");
        let both = identify(&bearing(&[&token]), Some(&Hash::ZERO), &callers);
        assert_eq!(reason(both), "TWO_CREDENTIALS");
        let (_, early) = grant(1001, 2000);
        assert_eq!(reason(identify(&bearing(&[&early]), None, &callers)), "TERM_NOT_BEGUN");
        callers.revoke(&living.id).unwrap();
        assert_eq!(reason(identify(&bearing(&[&token]), None, &callers)), "TOKEN_REFUSED");
    }
}
