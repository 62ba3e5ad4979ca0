//! The gate of the public port: each call passes it before anything else looks at it.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tonic::{Code, Status};
use witness_core::caller::KnownBy;

use super::{
    Caller, Callers, Limits, Policy,
    bodies::{Arriving, Waits},
    credentials,
    leaving::{Leaving, Taking},
    meter::Place,
    over::Over,
    policy::{self, Method, Shape},
};
use crate::{connections::Peer, metrics::Metrics, places::Source};

/// What the gate needs.
#[derive(Debug)]
pub(crate) struct Gate {
    callers: Arc<Callers>,
    limits: Limits,
    metrics: Metrics,
}

/// A call that is let in.
struct Admitted {
    caller: Caller,
    known_by: Option<KnownBy>,
    place: Place,
    shape: Shape,
}

impl Gate {
    pub(crate) fn new(callers: Arc<Callers>, limits: Limits, metrics: Metrics) -> Self {
        Self { callers, limits, metrics }
    }

    fn let_in(&self, request: &Request, method: Option<&Method>) -> Result<Admitted, Refused> {
        let peer = request.extensions().get::<Peer>();
        // A connection without one has not come through the public port.
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address);
        let certificate = peer.and_then(|peer| peer.certificate);
        let identified =
            credentials::identify(request.headers(), certificate.as_ref(), &self.callers);
        let (caller, known_by) = match &identified {
            Ok((caller, known_by)) => (caller.clone(), *known_by),
            // Whoever guesses takes of what is anybody's.
            Err(_) => (Caller::anybody(), None),
        };
        let shape = method.map_or(Shape::Unary, |method| method.shape);
        let place = self.limits.enter(&caller, Source::of(address), shape);
        let place = place.map_err(Refused::OverLimit)?;
        identified.map_err(Refused::Unknown)?;
        match method {
            Some(method) => {
                method.policy.check(&caller).map_err(Refused::NotForIt)?;
                if method.policy == Policy::Scoped {
                    self.limits.audit(&place).map_err(Refused::OverLimit)?;
                }
            }
            None if speaks_grpc(request.headers()) => return Err(Refused::NotForIt(no_method())),
            // The route has its own, see [`permit`].
            None => {}
        }
        Ok(Admitted { caller, known_by, place, shape })
    }
}

/// Why a call was not let in.
enum Refused {
    OverLimit(Over),
    Unknown(Status),
    NotForIt(Status),
}

/// Finds out who calls, and lets the call in or not. Where it is let in, it bears its [`Caller`].
pub(crate) async fn admit(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = policy::method(request.uri().path());
    let is_grpc = method.is_some() || speaks_grpc(request.headers());
    let Admitted { caller, known_by, place, shape } = match gate.let_in(&request, method) {
        Ok(admitted) => admitted,
        Err(refused) => return gate.refuse(refused, is_grpc),
    };
    // Nothing behind this needs the token, so nothing there can show it.
    request.headers_mut().remove(header::AUTHORIZATION);
    request.extensions_mut().insert(caller);
    let meter = place.meter();
    let waits =
        Waits { stalled_after: gate.limits.stalled_after(), idle_after: gate.limits.idle_after() };
    let is_long = shape != Shape::Unary;
    let taking = if is_long {
        Taking::in_parts(waits, method.map_or(0, |method| method.ahead))
    } else {
        Taking::whole(waits)
    };
    let untaken = request.extensions().get::<Peer>().map(|peer| Arc::clone(&peer.untaken));
    let request = request.map(|body| Body::new(Arriving::new(body, (meter, shape), waits)));
    // One answer is out before anybody could be shut out; many take as long as they take.
    let for_whom = known_by.filter(|_| is_long).map(|who| (Arc::clone(&gate.callers), who));
    let response = next.run(request).await;
    // Where many messages come, theirs is the silence that counts.
    let idle_after = (shape == Shape::Answers).then_some(waits.idle_after);
    response.map(|body| {
        let leaving = Leaving::new(body, place, idle_after).for_whom(for_whom);
        Body::new(match untaken {
            Some(untaken) => leaving.counted(untaken, taking),
            None => leaving,
        })
    })
}

impl Gate {
    fn refuse(&self, refused: Refused, is_grpc: bool) -> Response {
        let (status, retry_after) = match refused {
            Refused::OverLimit(over) => {
                self.metrics.over_limit(over.limit.word());
                (over.status(), Some(over.retry_after))
            }
            Refused::Unknown(status) => {
                self.metrics.unknown_caller();
                (status, None)
            }
            Refused::NotForIt(status) => (status, None),
        };
        if is_grpc { status.into_http() } else { in_plain_http(&status, retry_after) }
    }
}

/// Lets in whoever can open the operator's socket: to what is the operator's.
pub(crate) async fn admit_operator(mut request: Request, next: Next) -> Response {
    let caller = Caller::operator();
    let let_in = match policy::method(request.uri().path()) {
        Some(method) => method.policy.check(&caller),
        None => Err(no_method()),
    };
    if let Err(status) = let_in {
        return status.into_http();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// The policy of one route over plain HTTP.
pub(crate) async fn permit(State(policy): State<Policy>, request: Request, next: Next) -> Response {
    match policy.check(&Caller::of(request.extensions())) {
        Ok(()) => next.run(request).await,
        Err(status) => in_plain_http(&status, None),
    }
}

/// What is said where no method has the name.
pub(crate) fn no_method() -> Status {
    Status::unimplemented("no method of this name; see gRPC reflection")
}

/// Whether a call is one of gRPC.
pub(crate) fn speaks_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/grpc"))
}

/// A refusal for who speaks plain HTTP (RFC 9110 section 15.5, RFC 6585 section 4).
fn in_plain_http(status: &Status, retry_after: Option<Duration>) -> Response {
    let is_known = status.code() == Code::PermissionDenied;
    let code = match retry_after {
        Some(_) => StatusCode::TOO_MANY_REQUESTS,
        None if is_known => StatusCode::FORBIDDEN,
        None => StatusCode::UNAUTHORIZED,
    };
    let mut response = (code, format!("{}\n", status.message())).into_response();
    let header = match retry_after {
        Some(after) => {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            Some((header::RETRY_AFTER, HeaderValue::from(seconds)))
        }
        None if is_known => None,
        None => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
    };
    response.headers_mut().extend(header);
    response
}
