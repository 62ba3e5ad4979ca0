//! The gRPC services: each only converts, and asks a log.

pub(crate) mod admin;
#[expect(dead_code, reason = "it is served once callers are known")]
pub(crate) mod audit;
pub(crate) mod evidence;
pub(crate) mod ingest;
pub(crate) mod ledger;
