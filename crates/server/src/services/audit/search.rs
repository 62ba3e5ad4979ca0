//! Searching events.

use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::Audit;

impl Audit {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn search_now(
        &self,
        _request: Request<v1::SearchRequest>,
    ) -> Result<Response<v1::SearchResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
