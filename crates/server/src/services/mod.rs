//! The gRPC services: each only converts, and asks a log.

pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod evidence;
pub(crate) mod ingest;
pub(crate) mod ledger;
