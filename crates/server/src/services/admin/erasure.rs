//! The operator's call for erasing what is kept beside a log.

use std::sync::Arc;

use tokio::task;
use tonic::{Request, Response, Status};
use witness_core::{
    admission::Refusal,
    erasure::{Range, Reason},
};
use witness_ledger::{Erased, ErasureRequest, Log, What};
use witness_wire::v1;

use super::{super::beside, Admin, done, to_its_end};
use crate::{access::Caller, convert};

const METHOD: &str = "AdminService.Erase";

impl Admin {
    pub(super) async fn erase_now(
        &self,
        request: Request<v1::EraseRequest>,
    ) -> Result<Response<v1::EraseResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let log = Arc::clone(self.log(&request.origin)?);
        let wanted = wanted(&request)?;
        let filter = filter(&wanted);
        // To the end even if the caller hangs up: what was begun is known in the access log.
        let (this, now) = (self.clone(), request.now);
        let erasing = to_its_end(async move {
            // Recorded before it is done: nothing is erased that is not recorded.
            this.record(&caller, (METHOD, filter.clone()), None).await?;
            let (erased, refused) = erase(&log, wanted).await;
            let recorded = this.record(&caller, (METHOD, filter), Some(erased.events)).await;
            // Also where nothing was left to erase: it is how one asks again for what still lies in files.
            if now && (refused.is_none() || erased.by.is_some()) {
                let rewritten = beside(move || log.let_go()).await?;
                rewritten.map_err(|error| convert::read_status(&error))?;
            }
            let erased = refused.map_or(Ok(erased), |refusal| Err(convert::status(&refusal)));
            done(erased, recorded)
        });
        let Erased { events, by } = erasing.await?;
        Ok(Response::new(v1::EraseResponse {
            erased: events,
            index: by.map(|by| by.index.0),
            erased_at_us: by.map_or(0, |by| by.at.micros()),
        }))
    }
}

/// Finds what is to be erased, beside the runtime, and has it erased; what came of it, and why it ended before its end.
async fn erase(log: &Arc<Log>, wanted: ErasureRequest) -> (Erased, Option<Refusal>) {
    let reading = Arc::clone(log);
    let found = task::spawn_blocking(move || reading.erasable(&wanted)).await;
    match found.unwrap_or(Err(Refusal::Internal)) {
        Ok(found) => log.erase_pieces(found).await,
        Err(refusal) => (Erased { events: 0, by: None }, Some(refusal)),
    }
}

fn wanted(request: &v1::EraseRequest) -> Result<ErasureRequest, Status> {
    let reason = Reason::parse(&request.reason);
    let reason =
        reason.ok_or_else(|| convert::invalid("reason", "request, order, retention or mistake"))?;
    let issuer = convert::issuer(&request.issuer)?;
    let what = match (request.document_hash.is_empty(), request.stream.is_empty()) {
        (true, false) => What::Ranges(vec![range(request)?]),
        (false, true) if request.first_sequence == 0 && request.count == 0 => {
            What::Document(convert::document(&request.document_hash)?)
        }
        _ => {
            let expected =
                "given, with a first sequence number and a count, or a document hash alone";
            return Err(convert::invalid("stream", expected));
        }
    };
    Ok(ErasureRequest { issuer, what, reason })
}

fn range(request: &v1::EraseRequest) -> Result<Range, Status> {
    let stream = convert::stream(&request.stream)?;
    let (first_sequence, events) = (request.first_sequence, request.count);
    if events == 0 || first_sequence.checked_add(events).is_none() {
        return Err(convert::invalid("count", "the number of events, one at least"));
    }
    Ok(Range { stream, first_sequence, events })
}

/// What was asked, for the access log: never a document hash.
fn filter(wanted: &ErasureRequest) -> String {
    let ErasureRequest { issuer, what, reason } = wanted;
    let what = match what {
        What::Document(_) => "document=given".to_owned(),
        What::Ranges(ranges) => {
            let words = ranges.iter().map(|Range { stream, first_sequence, events }| {
                format!("stream={stream} first={first_sequence} count={events}")
            });
            words.collect::<Vec<_>>().join(" ")
        }
    };
    format!("issuer={issuer} {what} reason={}", reason.word())
}

#[cfg(test)]
mod tests {
    use witness_core::encoding::hex;

    use super::*;

    fn request() -> v1::EraseRequest {
        let issuer = "issuer.example".to_owned();
        v1::EraseRequest { issuer, reason: "request".to_owned(), ..v1::EraseRequest::default() }
    }

    #[test]
    fn either_events_of_a_stream_are_named_or_a_document() {
        let stream = || "main".to_owned();
        let document_hash = || vec![7; 32].into();
        let good = [
            v1::EraseRequest { stream: stream(), count: 1, ..request() },
            v1::EraseRequest { document_hash: document_hash(), ..request() },
        ];
        for good in good {
            assert!(wanted(&good).is_ok());
        }
        let bad = [
            request(),
            v1::EraseRequest { stream: stream(), ..request() },
            v1::EraseRequest { stream: stream(), count: 2, first_sequence: u64::MAX, ..request() },
            v1::EraseRequest { document_hash: document_hash(), count: 1, ..request() },
            v1::EraseRequest { document_hash: document_hash(), stream: stream(), ..request() },
            v1::EraseRequest { document_hash: vec![7; 31].into(), ..request() },
            v1::EraseRequest { stream: stream(), count: 1, reason: "whim".to_owned(), ..request() },
        ];
        for bad in bad {
            assert!(wanted(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_access_log_learns_what_was_asked_and_no_hash() {
        let hash = [0xab; 32];
        let document = v1::EraseRequest { document_hash: hash.to_vec().into(), ..request() };
        let said = filter(&wanted(&document).unwrap());
        assert_eq!(said, "issuer=issuer.example document=given reason=request");
        assert!(!said.contains(&hex(&hash)));
        let stream = "main".to_owned();
        let events = v1::EraseRequest { stream, first_sequence: 7, count: 2, ..request() };
        let said = filter(&wanted(&events).unwrap());
        assert_eq!(said, "issuer=issuer.example stream=main first=7 count=2 reason=request");
    }
}
