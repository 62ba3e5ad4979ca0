//! What is written of a call into the access log.

use tonic::{Code, Status};
use witness_core::{
    access_record::{self, Access, Filter, Printable},
    time::Timestamp,
};

use super::{Caller, Role};
use crate::{clock, convert, firm::Firm};

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

/// Writes into the access log what was asked, durably, before the answer leaves. If it cannot be written, nothing
/// may be answered.
pub(crate) async fn record(firm: &Firm, caller: &Caller, asked: Asked) -> Result<(), Status> {
    tracing::debug!(caller = %caller.id, method = asked.method, results = asked.results, "asked");
    let access = access(caller, &asked, clock::wall())?;
    firm.access_log.append(access).await.map_err(|unwritten| {
        let message =
            format!("{unwritten}, so this call is not answered; the operator's log says why");
        convert::named(Code::Internal, "ACCESS_LOG", &message)
    })
}

fn access(caller: &Caller, asked: &Asked, at: Timestamp) -> Result<Access, Status> {
    let role = match &caller.role {
        Role::Issuer(_) => access_record::Role::Issuer,
        Role::Regulator(_) => access_record::Role::Regulator,
        Role::Operator => access_record::Role::Operator,
        // What is recorded is for nobody in particular: the policy of the call lets none in.
        Role::Anybody => {
            let message = "this call is for callers that the firm has let in";
            return Err(convert::named(Code::PermissionDenied, "PERMISSION_DENIED", message));
        }
    };
    let names = Printable::parse(&caller.id).zip(Printable::parse(asked.method));
    let (caller, method) = names.ok_or_else(|| {
        let message = "the caller cannot be named in the access log; ask the operator";
        convert::named(Code::Internal, "ACCESS_LOG", message)
    })?;
    let (filter, results) = (Filter::of(&asked.filter), asked.results);
    Ok(Access { at, caller, role, method, results, filter })
}

#[cfg(test)]
mod tests {
    use witness_core::hash::Hash;

    use super::*;

    #[test]
    fn no_document_hash_is_recorded_even_if_a_filter_names_one() {
        let document = Hash::of(b"document").to_hex();
        let asked = Asked {
            method: "AdminService.Erase",
            filter: format!("issuer=school.example document={document}"),
            results: None,
        };
        let access = access(&Caller::operator(), &asked, Timestamp::EPOCH).unwrap();
        assert_eq!(access.filter.as_str(), "issuer=school.example document=hash");
    }

    #[test]
    fn nobody_in_particular_is_recorded_as_nothing() {
        let asked = Asked { method: "AuditService.Search", filter: String::new(), results: None };
        let refused = access(&Caller::anybody(), &asked, Timestamp::EPOCH).unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
}
