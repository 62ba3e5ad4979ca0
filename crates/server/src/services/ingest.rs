//! `IngestService`: submissions in, receipts out.

use std::{pin::Pin, sync::Arc};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::{self, JoinHandle},
};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};
use witness_core::{admission::Refusal, submission::SUBMISSION_EVENTS_MAX};
use witness_ledger::{Checked, Log, Pending, Reservation, Submitted};
use witness_wire::{
    Bytes,
    v1::{self, ingest_service_server::IngestService, submit_response::Answer},
};

use crate::{convert, firm::Firm};

/// Submissions of one call that may be verified at the same time.
const VERIFYING: usize = 8;
/// Submissions of one call whose answers the client has not taken yet. With so many, it is not read from:
/// that is the back-pressure. Each has its place before it is read, so that no stage ever waits for a client,
/// and one that does not read its answers holds up nobody else.
const UNANSWERED: usize = 256;
/// Above so many events a submission is verified on a thread for long work.
const EVENTS_INLINE: usize = 512;

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Ingest(pub(crate) Arc<Firm>);

/// A submission on its way to the writer.
struct Verified {
    log: Arc<Log>,
    events: usize,
    checked: Result<Checked, Refusal>,
}

/// What is known of a submission's answer.
enum Reply {
    Ready(Result<Submitted, Refusal>),
    Later(Pending),
}

impl Ingest {
    /// Verifies a submission; the cost is the processor's only.
    async fn verify(
        (log, reservation): (Arc<Log>, Reservation),
        request: v1::SubmitRequest,
    ) -> Result<Verified, Refusal> {
        let events = request.events.len();
        if as_u64(events) > SUBMISSION_EVENTS_MAX {
            return Err(Refusal::TooManyEvents { found: as_u64(events) });
        }
        if request.details.len() != events {
            let (expected, found) = (as_u64(events), as_u64(request.details.len()));
            return Err(Refusal::DetailsCountMismatch { expected, found });
        }
        let check = move || {
            let texts = (request.events.as_slice(), request.details.as_slice());
            let ed25519 = &witness_core::note::Strict;
            let checked = log.check(&request.submission, texts, (reservation, ed25519));
            Verified { log, events, checked }
        };
        if events <= EVENTS_INLINE {
            return Ok(check());
        }
        task::spawn_blocking(check).await.or(Err(Refusal::Internal))
    }

    /// Room for a submission in the log that it is bound to.
    async fn reserve(
        firm: &Firm,
        request: &v1::SubmitRequest,
    ) -> Result<(Arc<Log>, Reservation), Refusal> {
        let log = Arc::clone(firm.log_bound(&request.submission)?);
        let texts = request.events.iter().chain(&request.details);
        let bytes = request.submission.len() + texts.map(Bytes::len).sum::<usize>();
        let reservation = log.reserve(bytes).await?;
        Ok((log, reservation))
    }

    async fn enqueue(verified: Verified) -> Reply {
        match verified.checked {
            Err(refusal) => Reply::Ready(Err(refusal)),
            Ok(Checked::Known(known)) => Reply::Ready(Ok(*known)),
            Ok(Checked::New(submission)) => match verified.log.enqueue(*submission).await {
                Ok(pending) => Reply::Later(pending),
                Err(refusal) => Reply::Ready(Err(refusal)),
            },
        }
    }

    async fn answer(firm: &Firm, events: usize, reply: Reply) -> Result<v1::Receipt, Refusal> {
        let answer = match reply {
            Reply::Ready(answer) => answer,
            Reply::Later(pending) => pending.answer().await,
        };
        match &answer {
            Ok(_) => firm.metrics.accepted(events),
            Err(refusal) => firm.metrics.refused(refusal.reason()),
        }
        answer.map(|submitted| convert::receipt(&submitted))
    }
}

#[tonic::async_trait]
impl IngestService for Ingest {
    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let firm = Arc::clone(&self.0);
        let request = request.into_inner();
        // A caller that hangs up while it waits for room leaves nothing behind.
        let room = Self::reserve(&firm, &request).await;
        // From here on, logged or not is decided even if it hangs up.
        let done = tokio::spawn(async move {
            let verified = match room {
                Ok(room) => Self::verify(room, request).await,
                Err(refusal) => Err(refusal),
            };
            let (events, reply) = match verified {
                Ok(verified) => (verified.events, Self::enqueue(verified).await),
                Err(refusal) => (0, Reply::Ready(Err(refusal))),
            };
            Self::answer(&firm, events, reply).await
        });
        let answer = done.await.unwrap_or(Err(Refusal::Internal));
        let receipt = answer.map_err(|refusal| convert::status(&refusal))?;
        Ok(Response::new(v1::SubmitResponse { answer: Some(Answer::Receipt(receipt)) }))
    }

    type SubmitStreamStream =
        Pin<Box<dyn Stream<Item = Result<v1::SubmitResponse, Status>> + Send>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmitRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let (firm, submissions) = (Arc::clone(&self.0), request.into_inner());
        // Three stages, in order: read and verify; hand to the writer; answer. What ends the call goes the
        // same way, behind the answers that came before it.
        let (verifying, verified) = mpsc::channel(VERIFYING);
        let (waiting, replies) = mpsc::channel(UNANSWERED + 1);
        let (answers, out) = mpsc::channel(UNANSWERED + 1);
        tokio::spawn(read(Arc::clone(&firm), submissions, verifying));
        tokio::spawn(hand_on(verified, waiting));
        tokio::spawn(answer(firm, replies, answers));
        // The place is given back as the answer goes out.
        let out = ReceiverStream::new(out).map(|(response, _place): (_, Option<Place>)| response);
        Ok(Response::new(Box::pin(out)))
    }

    async fn position(
        &self,
        request: Request<v1::PositionRequest>,
    ) -> Result<Response<v1::PositionResponse>, Status> {
        let request = request.into_inner();
        let (issuer, stream) =
            (convert::issuer(&request.issuer)?, convert::stream(&request.stream)?);
        let unknown = || convert::status(&Refusal::UnknownIssuer { issuer: issuer.clone() });
        let log = self.0.log_of(&issuer).ok_or_else(unknown)?;
        let (next_sequence, previous) =
            log.position(&issuer, &stream).map_err(|refusal| convert::status(&refusal))?;
        let (origin, previous_hash) = (log.origin().to_string(), convert::hash(&previous));
        Ok(Response::new(v1::PositionResponse { origin, next_sequence, previous_hash }))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        let note = request.into_inner().heartbeat;
        let refused = |refusal: Refusal| {
            self.0.metrics.refused(refusal.reason());
            convert::status(&refusal)
        };
        let log = self.0.log_bound(&note).map_err(refused)?;
        let submitted = log.heartbeat(&note, &witness_core::note::Strict).await.map_err(refused)?;
        let receipt = Some(convert::receipt(&submitted));
        Ok(Response::new(v1::HeartbeatResponse { receipt }))
    }
}

/// A submission's place among those that are not answered yet.
type Place = OwnedSemaphorePermit;
/// What one stage of a call of many submissions hands to the next; an error ends the call.
type Step<T> = Result<(T, Place), Status>;
type Verifying = JoinHandle<Result<Verified, Refusal>>;

/// Reads submissions, and has each verified on any core.
async fn read(
    firm: Arc<Firm>,
    mut submissions: Streaming<v1::SubmitRequest>,
    verifying: mpsc::Sender<Step<Verifying>>,
) {
    let places = Arc::new(Semaphore::new(UNANSWERED));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let step = match submissions.message().await {
            Ok(Some(request)) => {
                // In the order of the calls, see `Log::reserve`.
                let room = Ingest::reserve(&firm, &request).await;
                Ok((tokio::spawn(async { Ingest::verify(room?, request).await }), place))
            }
            Ok(None) => return,
            // A message over its bound, or a broken call: said, if anybody still listens.
            Err(status) => Err(convert::unreadable(status)),
        };
        let is_last = step.is_err();
        if verifying.send(step).await.is_err() || is_last {
            return;
        }
    }
}

/// Hands what is verified to the writer, in the order in which it was read.
async fn hand_on(
    mut verified: mpsc::Receiver<Step<Verifying>>,
    waiting: mpsc::Sender<Step<(usize, Reply)>>,
) {
    while let Some(step) = verified.recv().await {
        let step = match step {
            Ok((task, place)) => match task.await.unwrap_or(Err(Refusal::Internal)) {
                Ok(verified) => Ok(((verified.events, Ingest::enqueue(verified).await), place)),
                Err(refusal) => Ok(((0, Reply::Ready(Err(refusal))), place)),
            },
            Err(status) => Err(status),
        };
        if waiting.send(step).await.is_err() {
            return;
        }
    }
}

/// Answers, in the same order.
async fn answer(
    firm: Arc<Firm>,
    mut replies: mpsc::Receiver<Step<(usize, Reply)>>,
    answers: mpsc::Sender<(Result<v1::SubmitResponse, Status>, Option<Place>)>,
) {
    while let Some(step) = replies.recv().await {
        let response = match step {
            Ok(((events, reply), place)) => {
                let answer = match Ingest::answer(&firm, events, reply).await {
                    Ok(receipt) => Answer::Receipt(receipt),
                    Err(refusal) => Answer::Refusal(convert::refusal(&refusal)),
                };
                (Ok(v1::SubmitResponse { answer: Some(answer) }), Some(place))
            }
            Err(status) => (Err(status), None),
        };
        if answers.send(response).await.is_err() {
            return;
        }
    }
}

fn as_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
