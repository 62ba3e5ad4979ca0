//! The operator's call that reads the access log.

use std::pin::Pin;

use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::Admin;

/// Pages of the access log.
pub(crate) type Records =
    Pin<Box<dyn Stream<Item = Result<v1::ReadAccessLogResponse, Status>> + Send>>;

impl Admin {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn read_access_log_now(
        &self,
        _request: Request<v1::ReadAccessLogRequest>,
    ) -> Result<Response<Records>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
