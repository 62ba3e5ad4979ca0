//! What was held at a past time.

use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::Audit;

impl Audit {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn as_at_now(
        &self,
        _request: Request<v1::GetHistoryAsAtRequest>,
    ) -> Result<Response<v1::GetHistoryAsAtResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
