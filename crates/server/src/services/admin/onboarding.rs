//! The operator's calls for showing that a domain is an issuer's own.

use tonic::{Request, Response, Status};
use witness_wire::v1;

use super::Admin;

impl Admin {
    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn challenge_domain_now(
        &self,
        _request: Request<v1::ChallengeDomainRequest>,
    ) -> Result<Response<v1::ChallengeDomainResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }

    #[expect(clippy::unused_async, reason = "nothing is done yet")]
    pub(super) async fn prove_domain_now(
        &self,
        _request: Request<v1::ProveDomainRequest>,
    ) -> Result<Response<v1::ProveDomainResponse>, Status> {
        Err(Status::unimplemented("not in this version"))
    }
}
