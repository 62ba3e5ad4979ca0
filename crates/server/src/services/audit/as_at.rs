//! What was held at a past time.

use tonic::{Request, Response, Status};
use witness_core::{
    event::StatusClass,
    hash::DocumentHash,
    name::Domain,
    time::{Timestamp, rfc3339},
};
use witness_ledger::{Filter, Held, Standing, Streams};
use witness_wire::v1;

use super::{Audit, asked};
use crate::{
    access::{self, Asked, Caller},
    clock, convert,
};

const METHOD: &str = "AuditService.GetHistoryAsAt";

impl Audit {
    pub(super) async fn as_at_now(
        &self,
        request: Request<v1::GetHistoryAsAtRequest>,
    ) -> Result<Response<v1::GetHistoryAsAtResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let scope = caller.scope()?;
        let request = request.into_inner();
        let (issuer, document) = match read(&request) {
            Ok(asked) => asked,
            Err(why) => return Err(asked::refused(&self.0, (&caller, METHOD), why).await),
        };
        let (at, stated_at) = (Timestamp::from_micros(request.at_us), clock::wall());
        if at > stated_at {
            let why = format!("a time that has come: by this service's clock it is {stated_at}");
            let why = convert::invalid("at_us", &why);
            return Err(asked::refused(&self.0, (&caller, METHOD), why).await);
        }
        // An issuer of which nothing is in scope is no other than one that is not there.
        let filter = Filter { issuer: Some(issuer.clone()), ..Filter::default() };
        let log = self.0.log_of(&issuer).map(std::sync::Arc::clone);
        let streams = log.map(|log| {
            let streams = Streams::of(&log.overview().registry, &scope, &filter);
            (log, streams)
        });
        let (origin, held) = match streams.filter(|(_, streams)| !streams.is_empty()) {
            None => (String::new(), Held::default()),
            Some((log, streams)) => {
                let (origin, issuer) = (log.origin().to_string(), issuer.clone());
                let held = move || log.held(&streams, (&issuer, &document, at));
                (origin, asked::in_turn(&self.0, &caller, held).await?)
            }
        };
        let filter = format!("issuer={issuer} document=hash at={}", at.micros());
        let results = Some(u64::try_from(held.events.len()).unwrap_or(u64::MAX));
        access::record(&self.0, &caller, Asked { method: METHOD, filter, results }).await?;
        let statement = statement(self.0.root.name(), &issuer, at);
        Ok(Response::new(told(held, (statement, origin), (at, stated_at))))
    }
}

fn read(request: &v1::GetHistoryAsAtRequest) -> Result<(Domain, DocumentHash), Status> {
    let issuer = convert::issuer(&request.issuer)?;
    Ok((issuer, convert::document(&request.document_hash)?))
}

/// Says what this is. It is the same whether anything was held or not.
fn statement(firm: &str, issuer: &Domain, at: Timestamp) -> String {
    format!(
        "statement of {firm}, not a proof: what it had received of this document of {issuer} by {}, in the streams \
         that the caller may see and as far as it is not erased; of many events, the newest by then. That each \
         event was logged can be proved; that there was no other cannot",
        rfc3339(at.signed_micros())
    )
}

fn told(
    held: Held,
    (statement, origin): (String, String),
    (at, stated_at): (Timestamp, Timestamp),
) -> v1::GetHistoryAsAtResponse {
    let (change, status) = match held.standing {
        None => ("", None),
        Some(Standing::Told { change, status }) => (change.word(), status),
        // As a bearer of the document is told.
        Some(Standing::Erased) => ("erased", None),
    };
    let (status, class) = status.unzip();
    v1::GetHistoryAsAtResponse {
        statement,
        origin,
        at_us: at.micros(),
        change: change.to_owned(),
        status: status.unwrap_or_default(),
        status_class: class.map(StatusClass::word).unwrap_or_default().to_owned(),
        events: held.events.into_iter().map(asked::event).collect(),
        stated_at_us: stated_at.micros(),
    }
}
