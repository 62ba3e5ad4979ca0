//! The public face over plain HTTP: checkpoints, tiles and entry bundles (C2SP tlog-tiles), keys, roll-ups,
//! anchors, metrics.

mod rollups;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;
use tower_http::compression::CompressionLayer;
use witness_core::{
    merkle::{LeafIndex, TreeSize},
    tile::{TilePath, encode_bundle},
};
use witness_ledger::{Log, ReadError, StoreError};

use crate::{
    access::{Policy, no_method, permit, speaks_grpc},
    firm::Firm,
    metrics,
};

const TEXT: &str = "text/plain; charset=utf-8";
const OCTETS: &str = "application/octet-stream";
/// A tile never changes (C2SP tlog-tiles, "Merkle Tree").
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FRESH: &str = "no-cache";
/// Sizes on one page.
const PAGE: usize = 1000;

/// A resource of the public face, with who may ask for it.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) policy: Policy,
    serve: MethodRouter<Arc<Firm>>,
}

fn route(path: &'static str, policy: Policy, serve: MethodRouter<Arc<Firm>>) -> Route {
    Route { path, policy, serve }
}

/// Every resource: what is not in this list is not served.
fn routes() -> Vec<Route> {
    use Policy::Anybody;
    let mut routes = vec![
        route("/healthz", Anybody, get(healthz)),
        route("/metrics", Anybody, get(metrics_text)),
        route("/keys", Anybody, get(firm_keys)),
        route("/{log}/checkpoint", Anybody, get(newest)),
        route("/{log}/checkpoint/{size}", Anybody, get(of_size)),
        route("/{log}/checkpoints", Anybody, get(sizes)),
        route("/{log}/tile/{*path}", Anybody, get(tile)),
        // Texts, unlike hashes, are worth compressing (C2SP tlog-tiles, "Log Entries").
        route("/{log}/tile/entries/{*path}", Anybody, get(tile).layer(CompressionLayer::new())),
    ];
    routes.extend(rollups::routes());
    routes
}

/// The public face, each resource behind its policy.
pub(crate) fn router(firm: Arc<Firm>) -> Router {
    let router = routes().into_iter().fold(Router::new(), |router, route| {
        let policy = from_fn_with_state(route.policy, permit);
        router.route(route.path, route.serve.layer(policy))
    });
    router.with_state(firm)
}

type Shared = State<Arc<Firm>>;

/// 200 while every log takes writes; 503 with the reason of the first that does not.
async fn healthz(State(firm): Shared) -> Response {
    let stopped = firm.logs.iter().find_map(|log| {
        let overview = log.overview();
        Some(format!("{} takes no writes: {}\n", log.origin(), overview.why_no_writes()?))
    });
    match stopped {
        None => answer(StatusCode::OK, TEXT, FRESH, "ok\n"),
        Some(why) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, FRESH, why),
    }
}

async fn metrics_text(State(firm): Shared) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    answer(StatusCode::OK, kind, FRESH, metrics::render(&firm))
}

/// The root vkey, then every key that the firm's notes name: `<role> <vkey> <from> <until>`.
async fn firm_keys(State(firm): Shared) -> Response {
    let mut text = format!("root {}\n", firm.root);
    if let Some(log) = firm.logs.first() {
        for key in log.overview().firm.keys() {
            let until = key.until.map_or("-".to_owned(), |until| until.to_string());
            text.extend([
                key.role.word(),
                " ",
                &key.key.to_string(),
                " ",
                &key.from.to_string(),
                " ",
                &until,
                "\n",
            ]);
        }
    }
    answer(StatusCode::OK, TEXT, FRESH, text)
}

async fn newest(State(firm): Shared, Path(log): Path<String>) -> Response {
    let Some(log) = firm.log_called(&log) else { return not_found("no log of this name") };
    match &log.overview().published {
        Some(published) => answer(StatusCode::OK, TEXT, FRESH, published.note.to_string()),
        None => not_found("nothing is published yet"),
    }
}

async fn of_size(State(firm): Shared, Path((log, size)): Path<(String, String)>) -> Response {
    let Some(log) = firm.log_called(&log) else { return not_found("no log of this name") };
    let Some(size) = witness_core::text::decimal(&size) else { return not_found("no tree size") };
    match log.checkpoint(TreeSize(size)) {
        Ok(note) => answer(StatusCode::OK, TEXT, FOR_EVER, note),
        Err(error) => failed(&error),
    }
}

#[derive(Debug, Deserialize)]
struct From {
    #[serde(default)]
    from: String,
}

impl From {
    /// The number from which on is asked; `None` if it is none.
    fn number(&self) -> Option<u64> {
        if self.from.is_empty() { Some(0) } else { witness_core::text::decimal(&self.from) }
    }
}

/// Published sizes, one per line, ascending from `?from=`, at most 1,000; the next page begins after the last.
async fn sizes(
    State(firm): Shared,
    Path(log): Path<String>,
    Query(query): Query<From>,
) -> Response {
    let Some(log) = firm.log_called(&log) else { return not_found("no log of this name") };
    let Some(from) = query.number() else { return not_found("no tree size") };
    match log.published_sizes(TreeSize(from), PAGE) {
        Ok(sizes) => {
            let lines: String =
                sizes.iter().flat_map(|size| [size.to_string(), "\n".to_owned()]).collect();
            answer(StatusCode::OK, TEXT, FRESH, lines)
        }
        Err(error) => failed(&error),
    }
}

async fn tile(
    State(firm): Shared,
    Path((log, _decoded)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    let Some(log) = firm.log_called(&log) else { return not_found("no log of this name") };
    // The path as it was sent: one that is written otherwise is another resource.
    let path = uri.path().splitn(4, '/').nth(3).and_then(TilePath::parse);
    let Some(path) = path else { return not_found("no tile of this name") };
    let bytes = match path {
        TilePath::Hashes { tile, width } => log.tile(tile, usize::from(width)),
        TilePath::Entries { index, width } => bundle(log, index, usize::from(width)),
    };
    match bytes {
        Ok(bytes) => answer(StatusCode::OK, OCTETS, FOR_EVER, bytes),
        Err(error) => failed(&error),
    }
}

/// An entry bundle (C2SP tlog-tiles, "Log Entries").
fn bundle(log: &Log, index: u64, width: usize) -> Result<Vec<u8>, ReadError> {
    let missing = || ReadError::NotFound { what: "entry bundle", number: index, size: 0 };
    let first = index.checked_mul(256).ok_or_else(missing)?;
    let entries = log.entries(LeafIndex(first), width)?;
    if entries.len() != width {
        return Err(missing());
    }
    encode_bundle(&entries).ok_or_else(missing)
}

fn failed(error: &ReadError) -> Response {
    match error {
        ReadError::NotFound { .. } | ReadError::OutOfRange { .. } => not_found(&error.to_string()),
        ReadError::Store(error) => store_failed(error),
    }
}

fn store_failed(error: &StoreError) -> Response {
    tracing::error!(%error, "the store could not be read");
    answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, FRESH, "the store could not be read\n")
}

fn not_found(why: &str) -> Response {
    answer(StatusCode::NOT_FOUND, TEXT, FRESH, format!("{why}\n"))
}

fn answer(
    status: StatusCode,
    kind: &'static str,
    cache: &'static str,
    body: impl Into<Body>,
) -> Response {
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Whoever checks us from a page elsewhere may read what is public.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (status, headers, body.into()).into_response()
}

/// What is at no path: a gRPC status for gRPC callers, 404 for the others.
pub(crate) async fn unknown(headers: http::HeaderMap) -> Response {
    if speaks_grpc(&headers) {
        return no_method().into_http();
    }
    not_found("nothing is at this path")
}
