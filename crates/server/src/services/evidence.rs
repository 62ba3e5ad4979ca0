//! `EvidenceService`: what a bearer of a document hash may ask.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tonic::{Code, Request, Response, Status};
use witness_core::{
    admission::Refusal,
    anomaly::State,
    details::Details,
    entry::Entry,
    event::Event,
    hash::DocumentHash,
    merkle::LeafIndex,
    name::Domain,
    registry::KeyStanding,
    submission::{IssuerNote, Submission},
    time::Timestamp,
};
use witness_ledger::{DocumentEvent, ErasedBy, Log, Place, Published};
use witness_wire::{
    Bytes,
    v1::{self, evidence_service_server::EvidenceService, get_history_response::Item},
};

use super::beside;
use crate::{convert, evidence::Assembler, firm::Firm};

/// How long a caller waits for the checkpoint over an event that was logged just now.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(5);

/// Up to so many events a call does its work where it is.
const EVENTS_INLINE: usize = 8;
/// Calls about documents with more that are at work at the same time.
const AT_WORK: usize = 8;

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    firm: Arc<Firm>,
    assembler: Arc<Assembler>,
    turns: Arc<Semaphore>,
    now: fn() -> Timestamp,
}

/// A document that is known, with the log that it is known in.
struct Known {
    log: Arc<Log>,
    issuer: Domain,
    document: DocumentHash,
    places: Vec<Place>,
}

impl Evidence {
    /// The service of a firm.
    pub(crate) fn new(firm: Arc<Firm>, now: fn() -> Timestamp) -> Self {
        let assembler = Arc::new(Assembler::new(Arc::clone(&firm)));
        Self { firm, assembler, turns: Arc::new(Semaphore::new(AT_WORK)), now }
    }

    /// Reads and hashes what is known of a document. One with many events is for threads for long work, of
    /// which a few at a time: whoever asks about such must not hold up the others.
    async fn work<T: Send + 'static>(
        &self,
        known: Known,
        work: impl FnOnce(&Self, &Known) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        if known.places.len() <= EVENTS_INLINE {
            return work(self, &known);
        }
        let stopping = || convert::status(&Refusal::Stopping);
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_closed| stopping())?;
        let service = self.clone();
        beside(move || {
            let _held = turn;
            work(&service, &known)
        })
        .await?
    }

    fn find(&self, request: &v1::DocumentRequest) -> Result<Known, Status> {
        let issuer = convert::issuer(&request.issuer)?;
        let document = convert::document(&request.document_hash)?;
        let unknown = || {
            let message = "no record of this issuer and document hash";
            convert::named(Code::NotFound, "NOT_FOUND", message)
        };
        let log = Arc::clone(self.firm.log_of(&issuer).ok_or_else(unknown)?);
        let read = |error| convert::read_status(&error);
        let places = log.places(&issuer, &document).map_err(read)?;
        if places.is_empty() {
            let erased = log.document_erased_by(&issuer, &document).map_err(read)?;
            return Err(erased.map_or_else(unknown, convert::erased));
        }
        Ok(Known { log, issuer, document, places })
    }
}

/// The newest entry that evidence of a document needs, or a later one.
fn newest(known: &Known) -> LeafIndex {
    let last = known.places.last().map_or(LeafIndex(0), |place| place.index);
    let is_erased = known.places.iter().any(|place| place.is_erased);
    // Erasures come later than their events, and are logged already.
    let overview = known.log.overview();
    let logged = LeafIndex(overview.size.0.saturating_sub(1));
    let issuer = overview.registry.issuer(&known.issuer);
    let ended = issuer.and_then(|issuer| issuer.offboarded).map(|logged| logged.index);
    if is_erased { logged } else { ended.unwrap_or(last).max(last) }
}

/// The published checkpoint that covers an entry; one is at most about a second away.
async fn published_over(log: &Log, newest: LeafIndex) -> Result<Published, Status> {
    let mut overviews = log.watch();
    let covers = |overview: &Arc<witness_ledger::Overview>| {
        overview.published.as_ref().is_some_and(|published| published.size.0 > newest.0)
    };
    let waiting = tokio::time::timeout(PUBLISHED_WITHIN, overviews.wait_for(covers)).await;
    let overview = waiting.ok().and_then(Result::ok).map(|overview| Arc::clone(&overview));
    let published = overview.and_then(|overview| overview.published.clone());
    published.ok_or_else(convert::not_published_yet)
}

#[tonic::async_trait]
impl EvidenceService for Evidence {
    async fn get_status(
        &self,
        request: Request<v1::DocumentRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        self.work(self.find(request.get_ref())?, Self::status).await.map(Response::new)
    }

    async fn get_history(
        &self,
        request: Request<v1::DocumentRequest>,
    ) -> Result<Response<v1::GetHistoryResponse>, Status> {
        self.work(self.find(request.get_ref())?, |_, known| Self::history(known))
            .await
            .map(Response::new)
    }

    async fn get_evidence(
        &self,
        request: Request<v1::DocumentRequest>,
    ) -> Result<Response<v1::GetEvidenceResponse>, Status> {
        let known = self.find(request.get_ref())?;
        let published = published_over(&known.log, newest(&known)).await?;
        let evidence = self.work(known, move |service, known| {
            let document = (&known.issuer, known.document);
            service.assembler.assemble(&known.log, document, &known.places, &published)
        });
        let evidence = Bytes::from(evidence.await?);
        self.firm.metrics.evidence();
        Ok(Response::new(v1::GetEvidenceResponse { evidence }))
    }
}

impl Evidence {
    fn status(&self, known: &Known) -> Result<v1::GetStatusResponse, Status> {
        let Some(last) = known.places.last().copied() else {
            return Err(convert::named(Code::NotFound, "NOT_FOUND", "no record"));
        };
        let item = item(known, read(&known.log, last)?)?;
        let deciding = match last.standing.state() {
            State::Restored => before_deletion(&known.places).map(|place| text(known, place)),
            State::Issued | State::Replaced | State::Deleted | State::Status(_) => None,
        };
        let (event, deciding) = match (text(known, last)?, deciding.transpose()?) {
            (Ok(event), None) => (event.clone(), Some(event)),
            (Ok(event), Some(Ok(deciding))) => (event, Some(deciding)),
            (Err(by), _) | (Ok(_), Some(Err(by))) => return erased(known, &item, by),
        };
        let (status, status_class) = deciding.as_ref().map(status_of).unwrap_or_default();
        let expired = match self.is_expired(known)? {
            Ok(expired) => expired,
            Err(by) => return erased(known, &item, by),
        };
        Ok(v1::GetStatusResponse {
            change: event.change.kind().word().to_owned(),
            status,
            status_class,
            origin: known.log.origin().to_string(),
            index: item.index,
            received_at_us: item.received_at_us,
            occurred_at_us: event.occurred_at,
            events: u32::try_from(known.places.len()).unwrap_or(u32::MAX),
            expired,
            suspect: item.suspect,
            erased_at_us: None,
            issuer_offboarded_at_us: offboarded_at(known)?,
        })
    }

    /// Whether the last valid-until date that was given of a document has passed. If an event after the one that gave
    /// it was erased, perhaps that one gave another, and nobody can say any more.
    fn is_expired(&self, known: &Known) -> Result<Result<bool, ErasedBy>, Status> {
        let overview = known.log.overview();
        let valid_until = |event: &DocumentEvent| {
            let text = Event::parse(event.event.as_deref().ok()?).ok()?;
            let schema = &overview.registry.claim_type(&text.claim_type)?.schema;
            schema.valid_until(&Details::parse(&event.details).ok()?)
        };
        let mut erased = None;
        for place in known.places.iter().rev() {
            let event = read(&known.log, *place)?;
            if let Some(until) = valid_until(&event) {
                let now = i64::try_from((self.now)().micros()).unwrap_or(i64::MAX);
                return Ok(erased.map_or(Ok(until <= now), Err));
            }
            erased = erased.or(event.event.err());
        }
        // No event that is left has a date.
        Ok(Ok(false))
    }

    fn history(known: &Known) -> Result<v1::GetHistoryResponse, Status> {
        let items = known.places.iter().map(|place| item(known, read(&known.log, *place)?));
        let items = items.collect::<Result<_, _>>()?;
        Ok(v1::GetHistoryResponse { origin: known.log.origin().to_string(), items })
    }
}

/// A restored document is again what it was before its deletion.
fn before_deletion(places: &[Place]) -> Option<Place> {
    let counts =
        |place: &&Place| !matches!(place.standing.state(), State::Deleted | State::Restored);
    places.iter().rev().find(counts).copied()
}

/// The text of an event, or what says that it was erased.
fn text(known: &Known, place: Place) -> Result<Result<Event, ErasedBy>, Status> {
    match read(&known.log, place)?.event {
        Ok(text) => Event::parse(&text).map(Ok).map_err(|_why| damaged()),
        Err(by) => Ok(Err(by)),
    }
}

/// The status string and class that an event gave; empty if it gave none.
fn status_of(event: &Event) -> (String, String) {
    let status = event.change.status();
    let words = status.map(|(class, status)| (status.as_str().to_owned(), class.word().to_owned()));
    words.unwrap_or_default()
}

/// That the text that says how the document stands was erased: no state is told, not even what was kept to judge
/// later events by.
fn erased(known: &Known, last: &Item, by: ErasedBy) -> Result<v1::GetStatusResponse, Status> {
    Ok(v1::GetStatusResponse {
        change: "erased".to_owned(),
        origin: known.log.origin().to_string(),
        index: last.index,
        received_at_us: last.received_at_us,
        events: u32::try_from(known.places.len()).unwrap_or(u32::MAX),
        suspect: last.suspect,
        erased_at_us: Some(by.at.micros()),
        issuer_offboarded_at_us: offboarded_at(known)?,
        ..v1::GetStatusResponse::default()
    })
}

/// When the issuer was offboarded, if it was: the registry says where, and the entry there when.
fn offboarded_at(known: &Known) -> Result<Option<u64>, Status> {
    let registry = Arc::clone(&known.log.overview().registry);
    let logged = registry.issuer(&known.issuer).and_then(|issuer| issuer.offboarded);
    let Some(logged) = logged else { return Ok(None) };
    let text = known.log.entry(logged.index).map_err(|error| convert::read_status(&error))?;
    let entry = Entry::parse(&text).map_err(|_why| damaged())?;
    Ok(Some(entry.received_at.micros()))
}

fn read(log: &Log, place: Place) -> Result<DocumentEvent, Status> {
    log.event(place).map_err(|error| convert::read_status(&error))
}

fn item(known: &Known, event: DocumentEvent) -> Result<Item, Status> {
    let entry = Entry::parse(&event.entry).map_err(|_why| damaged())?;
    let note = IssuerNote::<Submission>::parse(entry.body.as_bytes()).map_err(|_why| damaged())?;
    let (text, erased) = match event.event {
        Ok(text) => (text, None),
        Err(by) => (Vec::new(), Some(by.at.micros())),
    };
    // What was odd about it is told in its receipt, for ever; of its history it goes with the text.
    let anomalies =
        if erased.is_some() { Vec::new() } else { convert::words(event.place.anomalies) };
    Ok(Item {
        index: event.place.index.0,
        event_index: u32::from(event.place.event),
        received_at_us: entry.received_at.micros(),
        stream: event.stream.to_string(),
        sequence: event.sequence,
        event: Bytes::from(text),
        anomalies,
        suspect: is_suspect(known, &note, (event.place.index, entry.received_at)),
        erased_at_us: erased,
    })
}

/// Whether the key that signed was revoked later, as of a time at or before the receipt.
fn is_suspect(
    known: &Known,
    note: &IssuerNote<Submission>,
    (index, received_at): (LeafIndex, Timestamp),
) -> bool {
    let registry = Arc::clone(&known.log.overview().registry);
    let key = registry.issuer(&known.issuer).and_then(|issuer| issuer.key(note.key_id()));
    key.is_some_and(|key| key.standing(index, received_at) == KeyStanding::Suspect)
}

fn damaged() -> Status {
    convert::named(
        Code::Internal,
        "INTERNAL",
        "a stored entry does not read back; the operator's log says more",
    )
}
