//! The operator's calls for erasing what is kept beside a log.

use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::Admin;

impl Admin {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn erase_now(
        &self,
        _request: Request<v1::EraseRequest>,
    ) -> Result<Response<v1::EraseResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
