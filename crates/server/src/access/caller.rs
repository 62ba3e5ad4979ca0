//! Who a call comes from. Made where calls come in, handed on as an extension of the request.

use std::sync::Arc;

use http::Extensions;
use tonic::{Code, Status};
use witness_core::{
    caller::{CallerRecord, CallerRole},
    name::{Domain, Jurisdictions},
    scope::Scope,
};

use crate::convert;

/// What a caller is to the firm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nobody in particular: what is public, and what a document hash opens.
    Anybody,
    /// An issuer: its own streams.
    Issuer(Domain),
    /// A regulator: the streams of its jurisdictions.
    Regulator(Jurisdictions),
    /// Whoever can open the operator's socket.
    Operator,
}

/// Who a call comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Names it in the access log and in the operator's log: the id under which it was let in, `operator`, or
    /// `anybody`.
    pub(crate) id: Arc<str>,
    pub(crate) role: Role,
}

impl From<&CallerRecord> for Caller {
    fn from(record: &CallerRecord) -> Self {
        let role = match &record.role {
            CallerRole::Issuer(issuer) => Role::Issuer(issuer.clone()),
            CallerRole::Regulator(jurisdictions) => Role::Regulator(jurisdictions.clone()),
        };
        Self { id: record.id.as_str().into(), role }
    }
}

impl Caller {
    /// Nobody in particular.
    pub(crate) fn anybody() -> Self {
        Self { id: "anybody".into(), role: Role::Anybody }
    }

    /// Whoever can open the operator's socket.
    pub(crate) fn operator() -> Self {
        Self { id: "operator".into(), role: Role::Operator }
    }

    /// The caller of a request; nobody in particular, if nothing said who it is.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_else(Self::anybody)
    }

    /// What it may see beyond what is public. The policy of each call is checked before a service sees it; this
    /// is the second lock.
    pub(crate) fn scope(&self) -> Result<Scope, Status> {
        match &self.role {
            Role::Issuer(issuer) => Ok(Scope::Issuer(issuer.clone())),
            Role::Regulator(jurisdictions) => Ok(Scope::Jurisdictions(jurisdictions.clone())),
            Role::Anybody | Role::Operator => Err(convert::named(
                Code::PermissionDenied,
                "PERMISSION_DENIED",
                "this call is for regulators and issuers; call it with their token or certificate",
            )),
        }
    }
}
