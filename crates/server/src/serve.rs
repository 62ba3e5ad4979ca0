//! Listening: gRPC and HTTP on one port, the operator's service on a Unix socket, until a signal comes.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    net::{TcpListener, UnixListener},
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};
use tokio_stream::{Stream, wrappers::UnixListenerStream};
use tonic::{codec::CompressionEncoding, service::Routes, transport::Server};
use tower_http::catch_panic::CatchPanicLayer;
use witness_wire::{
    FILE_DESCRIPTOR_SET, MESSAGE_BYTES_MAX,
    v1::{
        admin_service_server::AdminServiceServer, audit_service_server::AuditServiceServer,
        evidence_service_server::EvidenceServiceServer, ingest_service_server::IngestServiceServer,
        ledger_service_server::LedgerServiceServer,
    },
};

use crate::{
    access::{self, Gate, Limits},
    anchoring, clock,
    config::{self, Config},
    connections::{self, Connection},
    convert,
    firm::Firm,
    http, retention, rollups,
    services::{admin::Admin, audit::Audit, evidence::Evidence, ingest::Ingest, ledger::Ledger},
    tls,
    untaken::AllUntaken,
};

/// How often the logs are asked whether a checkpoint is due.
const PUBLISH_EVERY: Duration = Duration::from_millis(200);
/// A connection that answers no ping within this is closed.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
const KEEPALIVE_EVERY: Duration = Duration::from_mins(1);
/// A connection that is older takes no new calls, and is closed once those under way have ended: who only keeps one open
/// keeps nobody out for longer. Clients open another one by themselves.
const CONNECTION_AGE_MAX: Duration = Duration::from_mins(10);
/// How long calls under way may take to end once the service stops.
const DRAINED_WITHIN: Duration = Duration::from_secs(10);
/// Calls of one connection at the same time.
const CALLS_PER_CONNECTION: u32 = 256;
/// Bytes that a client may send ahead: per call one submission, per connection a few.
const CALL_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Messages to clients larger than this do not exist: evidence is bounded in the core.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// Serves until SIGTERM or SIGINT, then finishes what was accepted.
pub(crate) async fn serve(firm: Arc<Firm>, config: &Config) -> anyhow::Result<()> {
    // Before anybody is told that it serves: whoever stops it then must find it ready to be stopped.
    let signals = Signals::install()?;
    // Also where there is nothing to be read again: unwatched it would end the process.
    let hangups = signal(SignalKind::hangup()).context("cannot watch for SIGHUP")?;
    let (reloader, tls) = config.tls.as_ref().map(tls::open).transpose()?.unzip();
    // What chains say of the data counts from the first call on, if they say it in time.
    let mut workers = anchoring::run(&firm).await;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; is the port in use?", config.listen))?;
    let address = listener.local_addr()?;
    let socket = config.admin_socket();
    let admin = bind_private(&socket)?;
    let (stop, stopped) = watch::channel(false);
    let untaken_max = u64::from(config.limits.untaken_mib) << 20;
    let untaken = AllUntaken::new(untaken_max, firm.metrics.untaken.clone());
    let incoming = connections::incoming(listener, tls, untaken);
    let served = (Arc::clone(&firm), config.limits);
    let mut public = tokio::spawn(serve_public(incoming, served, wait(stopped.clone())));
    let mut operator =
        tokio::spawn(serve_operator(admin, Arc::clone(&firm), wait(stopped.clone())));
    let ticker = tokio::spawn(publish(Arc::clone(&firm), stopped));
    let roller = tokio::spawn(rollups::run(Arc::clone(&firm)));
    let heads = access::heads::run(Arc::clone(&firm), config.access_head_every_s);
    let heads = tokio::spawn(heads);
    let reloader = reloader.map(|reloader| tokio::spawn(reloader.run(hangups)));
    tracing::info!(%address, admin = %socket.display(), tls = config.tls.is_some(), "serving");
    let keeper = tokio::spawn(retention::run(Arc::clone(&firm)));
    // A service that ends by itself must not leave a process behind that looks alive.
    let ended = tokio::select! {
        () = signals.any() => None,
        ended = &mut public => Some(ended.context("the public service panicked")),
        ended = &mut operator => Some(ended.context("the operator's service panicked")),
    };
    tracing::info!("stopping: no new calls; what was accepted is finished");
    stop.send_replace(true);
    firm.stopping.send_replace(true);
    if ended.is_none() {
        // Calls that stream for ever must not hold up the end.
        let drained = tokio::time::timeout(DRAINED_WITHIN, async {
            public.await.context("the public service panicked")??;
            operator.await.context("the operator's service panicked")?
        });
        drained.await.unwrap_or(Ok(()))?;
    }
    ticker.abort();
    roller.abort();
    heads.abort();
    reloader.iter().for_each(JoinHandle::abort);
    keeper.abort();
    // To be stopped anywhere is no worse than a crash there.
    workers.abort_all();
    while workers.join_next().await.is_some() {}
    let closing = Arc::clone(&firm);
    tokio::task::spawn_blocking(move || closing.close())
        .await
        .context("the logs could not be closed")?;
    drop(fs::remove_file(&socket));
    ended.unwrap_or(Ok(Ok(())))?
}

async fn serve_public(
    incoming: impl Stream<Item = io::Result<Connection>> + Send,
    (firm, limits): (Arc<Firm>, config::Limits),
    stopped: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let evidence = Evidence::new(Arc::clone(&firm), clock::wall);
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<IngestServiceServer<Ingest>>().await;
    reporter.set_serving::<LedgerServiceServer<Ledger>>().await;
    reporter.set_serving::<EvidenceServiceServer<Evidence>>().await;
    reporter.set_serving::<AuditServiceServer<Audit>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .build_v1()
        .context("the schema cannot be reflected")?;
    macro_rules! bounded {
        ($server:expr) => {
            $server
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(ANSWER_BYTES_MAX)
                .accept_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Zstd)
                .send_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Zstd)
        };
    }
    let grpc = Routes::new(bounded!(IngestServiceServer::new(Ingest(Arc::clone(&firm)))))
        .add_service(bounded!(LedgerServiceServer::new(Ledger(Arc::clone(&firm)))))
        .add_service(bounded!(EvidenceServiceServer::new(evidence)))
        .add_service(bounded!(AuditServiceServer::new(Audit(Arc::clone(&firm)))))
        .add_service(health)
        .add_service(reflection);
    let named = axum::middleware::map_response(convert::unreadable_call);
    let metrics = firm.metrics.clone();
    let limits = Limits::new(limits, clock::monotonic, metrics.under_way.clone());
    let gate = Arc::new(Gate::new(Arc::clone(&firm.callers), limits, metrics));
    let gate = axum::middleware::from_fn_with_state(gate, access::admit);
    let routes = grpc.into_axum_router().layer(named).merge(http::router(firm));
    // Last, so that nothing is before it, and nothing beside it.
    let routes = routes.fallback(http::unknown).layer(gate);
    server()
        .max_connection_age(CONNECTION_AGE_MAX)
        .accept_http1(true)
        .layer(CatchPanicLayer::new())
        .add_routes(Routes::from(routes))
        .serve_with_incoming_shutdown(incoming, stopped)
        .await
        .context("the public service failed")
}

async fn serve_operator(
    listener: UnixListener,
    firm: Arc<Firm>,
    stopped: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let gate = axum::middleware::from_fn(access::admit_operator);
    let routes = Routes::new(AdminServiceServer::new(Admin(firm))).into_axum_router().layer(gate);
    server()
        .layer(CatchPanicLayer::new())
        .add_routes(Routes::from(routes))
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stopped)
        .await
        .context("the operator's service failed")
}

fn server() -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(CALLS_PER_CONNECTION)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}

/// A socket that only this user can open: bound inside a private folder, made private, and only then put in
/// its place. A stale one of a dead process is replaced: the lock on the data was taken before this, so no
/// other process serves it.
fn bind_private(path: &Path) -> anyhow::Result<UnixListener> {
    let failed = || format!("cannot make the admin socket {}", path.display());
    let folder = path.with_extension("making");
    drop(fs::remove_dir_all(&folder));
    fs::DirBuilder::new().mode(0o700).create(&folder).with_context(failed)?;
    let fresh = folder.join("socket");
    let listener = UnixListener::bind(&fresh).with_context(failed)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).with_context(failed)?;
    fs::rename(&fresh, path).with_context(failed)?;
    fs::remove_dir(&folder).with_context(failed)?;
    Ok(listener)
}

async fn publish(firm: Arc<Firm>, stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(PUBLISH_EVERY);
    while !*stopped.borrow() {
        ticks.tick().await;
        firm.logs.iter().for_each(|log| log.publish_if_due());
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    drop(stopped.wait_for(|stop| *stop).await);
}

/// The signals that end the service.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
        Ok(Self { terminate, interrupt })
    }

    async fn any(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
