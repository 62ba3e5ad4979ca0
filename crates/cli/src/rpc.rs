//! Calls to the server: over TLS, or within this machine, to anybody's; over a Unix socket to the operator's.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::{
    Request, Response, Status,
    codegen::http::Uri,
    service::interceptor::InterceptedService,
    transport::{self, Endpoint},
};
use tower::service_fn;
use witness_core::evidence::EVIDENCE_BYTES_MAX;
use witness_wire::{
    MESSAGE_BYTES_MAX,
    v1::{
        admin_service_client::AdminServiceClient, audit_service_client::AuditServiceClient,
        evidence_service_client::EvidenceServiceClient, ingest_service_client::IngestServiceClient,
        ledger_service_client::LedgerServiceClient,
    },
};

use crate::{args::ServerArgs, credentials::Bearer, outcome::Failure};

const CONNECT_SECONDS_MAX: u64 = 10;
const CALL_SECONDS_MAX: u64 = 60;
/// A connection that says nothing is asked for a sign of life (HTTP/2 PING, RFC 9113 section 6.7), and fails
/// without one: else a stream would wait for ever for a machine that is gone.
const PING_SECONDS: u64 = 15;
const PING_ANSWER_SECONDS_MAX: u64 = 10;
/// Twice the largest evidence; a page of entries is below it too.
const ANSWER_BYTES_MAX: usize = 2 * EVIDENCE_BYTES_MAX;

/// A connection, with what every call over it bears.
pub(crate) type Channel = InterceptedService<transport::Channel, Bearer>;

/// Connects to a server by its address.
pub(crate) async fn connect(args: &ServerArgs) -> Result<Channel> {
    let server = &*args.server;
    let safety = safety(server)?;
    let bearer = args.caller.bearer()?;
    let endpoint =
        Endpoint::from_shared(server.to_owned()).map_err(|_unreadable| wrong_address(server))?;
    let endpoint = match safety {
        Safety::Loopback => endpoint,
        Safety::Tls => endpoint
            .tls_config(args.caller.tls()?)
            .context("the client certificate and its key, or --ca, cannot be used")?,
    };
    let channel = configure(endpoint).connect().await.map_err(|error| {
        let message = format!("no connection to {server}{}", causes(&error));
        Failure::cannot_tell(message).next("check the address, and that witnessd runs there")
    })?;
    Ok(InterceptedService::new(channel, bearer))
}

/// Connects to the operator's socket.
pub(crate) async fn connect_unix(path: &Path) -> Result<Channel> {
    let socket: PathBuf = path.to_owned();
    let connector = service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    // The connector does not look at the address, but a call needs one.
    let endpoint = configure(Endpoint::from_static("http://operator.invalid"));
    let channel = endpoint.connect_with_connector(connector).await.map_err(|error| {
        let message = format!("no connection to {}{}", path.display(), causes(&error));
        let step = "run this on the server's machine, as a user who may open the socket, and give its \
                    path with --admin";
        Failure::cannot_tell(message).next(step)
    })?;
    Ok(InterceptedService::new(channel, Bearer::default()))
}

fn configure(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(PING_SECONDS))
        .keep_alive_timeout(Duration::from_secs(PING_ANSWER_SECONDS_MAX))
        .keep_alive_while_idle(true)
        .initial_stream_window_size(Some(4 * 1024 * 1024))
        .initial_connection_window_size(Some(8 * 1024 * 1024))
}

/// Why what is sent to a server is seen by nobody on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Safety {
    /// It does not leave this machine.
    Loopback,
    /// TLS.
    Tls,
}

/// Hashes and tokens are access: they do not travel in the clear beyond this machine.
pub(crate) fn safety(server: &str) -> Result<Safety> {
    let uri: Uri = server.parse().map_err(|_unreadable| wrong_address(server))?;
    let host = uri.host().unwrap_or_default();
    match uri.scheme_str() {
        Some("https") => Ok(Safety::Tls),
        Some("http") if is_loopback(host) => Ok(Safety::Loopback),
        Some("http") => {
            let message = format!(
                "plain http would show document hashes and tokens to whoever listens on the way to {host}"
            );
            let step =
                "write https://, or go through a tunnel: ssh -L 7761:localhost:7761 that.host";
            Err(Failure::cannot_tell(message).next(step).into())
        }
        _ => Err(wrong_address(server).into()),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn wrong_address(server: &str) -> Failure {
    Failure::cannot_tell(format!("{server} is no address of a server"))
        .next("write it as https://witness.example, or http://localhost:7761")
}

/// All that lies behind "transport error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

/// A request that must be answered in time.
pub(crate) fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(CALL_SECONDS_MAX));
    request
}

/// The answer to a call, or what to do about its failure.
pub(crate) fn answer<T>(result: Result<Response<T>, Status>) -> Result<T, Failure> {
    result.map(Response::into_inner).map_err(|status| Failure::from_status(&status))
}

/// A client with our limits.
pub(crate) fn admin(channel: &Channel) -> AdminServiceClient<Channel> {
    AdminServiceClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// A client with our limits.
pub(crate) fn audit(channel: &Channel) -> AuditServiceClient<Channel> {
    AuditServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
}

/// A client with our limits.
pub(crate) fn evidence(channel: &Channel) -> EvidenceServiceClient<Channel> {
    EvidenceServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
}

/// A client with our limits.
pub(crate) fn ingest(channel: &Channel) -> IngestServiceClient<Channel> {
    IngestServiceClient::new(channel.clone())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// A client with our limits.
pub(crate) fn ledger(channel: &Channel) -> LedgerServiceClient<Channel> {
    LedgerServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in ["http://localhost:7761", "http://127.0.0.1:1", "http://[::1]:7761"] {
            assert_eq!(safety(good).unwrap(), Safety::Loopback, "{good}");
        }
        for good in ["https://witness.example", "https://localhost:7761"] {
            assert_eq!(safety(good).unwrap(), Safety::Tls, "{good}");
        }
        let bad = [
            "http://witness.example",
            "ftp://witness.example",
            "witness.example",
            "http://localhost.evil.example",
        ];
        for bad in bad {
            assert!(safety(bad).is_err(), "{bad}");
        }
    }
}
