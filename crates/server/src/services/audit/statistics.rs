//! Counting events.

use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::Audit;

impl Audit {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn statistics_now(
        &self,
        _request: Request<v1::GetStatisticsRequest>,
    ) -> Result<Response<v1::GetStatisticsResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
