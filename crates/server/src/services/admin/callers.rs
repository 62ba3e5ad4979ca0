//! The operator's calls for who is let in.

use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::Admin;

impl Admin {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn grant_access_now(
        &self,
        _request: Request<v1::GrantAccessRequest>,
    ) -> Result<Response<v1::GrantAccessResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }

    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn revoke_access_now(
        &self,
        _request: Request<v1::RevokeAccessRequest>,
    ) -> Result<Response<v1::RevokeAccessResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }

    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn list_access_now(
        &self,
        _request: Request<v1::ListAccessRequest>,
    ) -> Result<Response<v1::ListAccessResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
