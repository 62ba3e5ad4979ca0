//! The operator's calls for who is let in.

use std::sync::Arc;

use rustls::{pki_types::CertificateDer, server::ParsedCertificate};
use tonic::{Code, Request, Response, Status};
use witness_core::{
    admission::Refusal,
    caller::{CallerId, CallerRecord, CallerRole, is_caller_name},
    hash::Hash,
    name::{Domain, Jurisdictions},
    time::Timestamp,
};
use witness_wire::v1::{self, list_access_response};

use super::{super::beside, Admin, done, to_its_end};
use crate::{
    access::{Caller, Callers, CallersError, Grant},
    convert,
};

impl Admin {
    pub(super) async fn grant_access_now(
        &self,
        request: Request<v1::GrantAccessRequest>,
    ) -> Result<Response<v1::GrantAccessResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let grant = self.grant(&request.into_inner())?;
        // To the end even if the operator hangs up: nobody is let in without a record, before and after.
        let this = self.clone();
        let granting = to_its_end(async move {
            let (method, words) = ("AdminService.GrantAccess", in_words(&grant));
            this.record(&caller, (method, words.clone()), None).await?;
            let granted = this.change(move |callers| callers.grant(&grant)).await;
            let (filter, results) = match &granted {
                Ok((granted, _)) => (format!("id={} {words}", granted.id), 1),
                Err(_) => (words, 0),
            };
            let recorded = this.record(&caller, (method, filter), Some(results)).await;
            done(granted, recorded)
        });
        let (granted, token) = granting.await?;
        let token = token.map(|token| token.reveal().to_owned()).unwrap_or_default();
        Ok(Response::new(v1::GrantAccessResponse { id: granted.id.to_string(), token }))
    }

    pub(super) async fn revoke_access_now(
        &self,
        request: Request<v1::RevokeAccessRequest>,
    ) -> Result<Response<v1::RevokeAccessResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let id = CallerId::parse(&request.get_ref().id);
        let id = id.ok_or_else(|| convert::invalid("id", "c- and 8 hexadecimal digits"))?;
        let (this, asked) = (self.clone(), ("AdminService.RevokeAccess", format!("id={id}")));
        let revoking = async move { this.change(move |callers| callers.revoke(&id)).await };
        let revoked = self.recorded(caller, asked, revoking).await?;
        let revoked_at_us = revoked.revoked_at.map_or(0, Timestamp::micros);
        Ok(Response::new(v1::RevokeAccessResponse { revoked_at_us }))
    }

    pub(super) async fn list_access_now(
        &self,
        request: Request<v1::ListAccessRequest>,
    ) -> Result<Response<v1::ListAccessResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let listed = self.change(|callers| callers.list().map_err(CallersError::Store)).await?;
        let results = u64::try_from(listed.len()).ok();
        self.record(&caller, ("AdminService.ListAccess", String::new()), results).await?;
        let callers = listed.iter().map(listing).collect();
        Ok(Response::new(v1::ListAccessResponse { callers }))
    }

    /// What the request asks for, if it may be.
    fn grant(&self, request: &v1::GrantAccessRequest) -> Result<Grant, Status> {
        let role = match (request.role.as_str(), &*request.issuer, &*request.jurisdictions) {
            ("issuer", issuer, "") => {
                let issuer = convert::issuer(issuer)?;
                if self.0.log_of(&issuer).is_none() {
                    return Err(convert::status(&Refusal::UnknownIssuer { issuer }));
                }
                CallerRole::Issuer(issuer)
            }
            ("regulator", "", codes) => {
                let expected = "ISO 3166 codes, EU or INT, sorted, comma-separated";
                let codes = Jurisdictions::parse(codes);
                let codes = codes.ok_or_else(|| convert::invalid("jurisdictions", expected))?;
                convert::assigned(&codes)?;
                CallerRole::Regulator(codes)
            }
            _ => {
                let expected = "issuer, with an issuer, or regulator, with jurisdictions";
                return Err(convert::invalid("role", expected));
            }
        };
        if !is_caller_name(&request.name) {
            return Err(convert::invalid("name", "1 to 80 printable characters"));
        }
        let der = CertificateDer::from(request.certificate.to_vec());
        let certificate = match request.certificate.as_ref() {
            [] => None,
            bytes if ParsedCertificate::try_from(&der).is_ok() => Some(Hash::of(bytes)),
            _ => return Err(convert::invalid("certificate", "an X.509 certificate in DER")),
        };
        let from = (request.from_us > 0).then(|| Timestamp::from_micros(request.from_us));
        let until = Timestamp::from_micros(request.until_us);
        Ok(Grant { role, name: request.name.clone(), from, until, certificate })
    }

    /// Does something that waits for the disk, to its end even if whoever asked hangs up.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Callers) -> Result<T, CallersError> + Send + 'static,
    ) -> Result<T, Status> {
        let callers = Arc::clone(&self.0.callers);
        beside(move || change(&callers)).await?.map_err(|error| refused(&error))
    }
}

/// Who is to be let in, for the access log.
fn in_words(grant: &Grant) -> String {
    let Grant { role, from, until, certificate, .. } = grant;
    let scope = match role {
        CallerRole::Issuer(issuer) => format!("issuer={issuer}"),
        CallerRole::Regulator(jurisdictions) => format!("jurisdictions={jurisdictions}"),
    };
    let from = from.map_or_else(|| "now".to_owned(), |from| from.to_string());
    let by = if certificate.is_some() { "certificate" } else { "token" };
    format!("role={} {scope} from={from} until={until} by={by}", role.word())
}

fn refused(error: &CallersError) -> Status {
    let (code, reason) = match error {
        CallersError::Term => (Code::InvalidArgument, "INVALID_ARGUMENT"),
        CallersError::AlreadyKnown => (Code::AlreadyExists, "ALREADY_GRANTED"),
        CallersError::TooMany => (Code::FailedPrecondition, "TOO_MANY_CALLERS"),
        CallersError::Unknown => (Code::NotFound, "NOT_FOUND"),
        CallersError::Store(_) | CallersError::Random(_) => {
            tracing::error!(%error, "callers could not be read or changed");
            return convert::status(&Refusal::Internal);
        }
    };
    convert::named(code, reason, &error.to_string())
}

fn listing(record: &CallerRecord) -> list_access_response::Caller {
    let (issuer, jurisdictions) = match &record.role {
        CallerRole::Issuer(issuer) => (Some(issuer), None),
        CallerRole::Regulator(jurisdictions) => (None, Some(jurisdictions)),
    };
    list_access_response::Caller {
        id: record.id.to_string(),
        role: record.role.word().to_owned(),
        name: record.name.clone(),
        issuer: issuer.map(Domain::to_string).unwrap_or_default(),
        jurisdictions: jurisdictions.map(Jurisdictions::to_string).unwrap_or_default(),
        from_us: record.from.micros(),
        until_us: record.until.micros(),
        by: record.known_by.word().to_owned(),
        granted_at_us: record.granted_at.micros(),
        revoked_at_us: record.revoked_at.map(Timestamp::micros),
    }
}
