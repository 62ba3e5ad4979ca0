//! Sending an audit bundle.

use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::{Answers, Audit};

/// Pieces of files.
pub(super) type Pieces = Answers<v1::ExportResponse>;

impl Audit {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn export_now(
        &self,
        _request: Request<v1::ExportRequest>,
    ) -> Result<Response<Pieces>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
