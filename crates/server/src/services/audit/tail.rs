//! Following events.

use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::{Answers, Audit};

/// Events, as they come.
pub(super) type Events = Answers<v1::TailResponse>;

impl Audit {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn tail_now(
        &self,
        _request: Request<v1::TailRequest>,
    ) -> Result<Response<Events>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
