//! The gate of the public port: each call passes it before anything else looks at it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tonic::{Code, Status};

use super::{Caller, Callers, Policy, credentials, policy};
use crate::connections::Peer;

/// What the gate needs.
#[derive(Debug)]
pub(crate) struct Gate {
    callers: Arc<Callers>,
}

impl Gate {
    pub(crate) fn new(callers: Arc<Callers>) -> Self {
        Self { callers }
    }
}

/// Finds out who calls, and lets the call in or not. Where it is let in, it bears its [`Caller`].
pub(crate) async fn admit(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = policy::method(request.uri().path());
    let is_grpc = method.is_some() || speaks_grpc(request.headers());
    let peer = request.extensions().get::<Peer>();
    let certificate = peer.and_then(|peer| peer.certificate);
    let caller = credentials::identify(request.headers(), certificate.as_ref(), &gate.callers);
    let admitted = caller.and_then(|caller| {
        match method {
            Some(method) => method.policy.check(&caller)?,
            None if is_grpc => return Err(no_method()),
            // The route has its own, see [`permit`].
            None => {}
        }
        Ok(caller)
    });
    match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(status) if is_grpc => status.into_http(),
        Err(status) => in_plain_http(&status),
    }
}

/// The policy of one route over plain HTTP.
pub(crate) async fn permit(State(policy): State<Policy>, request: Request, next: Next) -> Response {
    match policy.check(&Caller::of(request.extensions())) {
        Ok(()) => next.run(request).await,
        Err(status) => in_plain_http(&status),
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

/// A refusal for who speaks plain HTTP (RFC 9110 section 15.5).
fn in_plain_http(status: &Status) -> Response {
    let is_known = status.code() == Code::PermissionDenied;
    let code = if is_known { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
    let mut response = (code, format!("{}\n", status.message())).into_response();
    if code == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}
