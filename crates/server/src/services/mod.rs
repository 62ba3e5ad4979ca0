//! The gRPC services: each only converts, and asks a log.

pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod evidence;
pub(crate) mod ingest;
pub(crate) mod ledger;

use tonic::Status;

use crate::convert;

/// Does what waits for the disk on a thread for that.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|_panicked| convert::failed())
}
