//! Following events.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use witness_core::{admission::Refusal, merkle::LeafIndex};
use witness_ledger::Position;
use witness_wire::v1;

use super::{
    Answers, Audit,
    asked::{self, Question},
};
use crate::{access::Caller, convert};

const METHOD: &str = "AuditService.Tail";
/// Answers that wait to be taken, of about 1 MiB at most; who does not take them holds no more than that.
const WAITING: usize = 2;
/// An answer comes at least this often, with events or without.
const PROGRESS_EVERY: Duration = Duration::from_secs(3);

/// Events, as they come.
pub(super) type Events = Answers<v1::TailResponse>;

type Out = mpsc::Sender<Result<v1::TailResponse, Status>>;

impl Audit {
    pub(super) async fn tail_now(
        &self,
        request: Request<v1::TailRequest>,
    ) -> Result<Response<Events>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let asked = (request.origin.as_str(), request.filter);
        let question = Question::read(self, (caller, METHOD), asked).await?;
        let question = question.besides("from", request.from_index);
        question.record(&self.0, None).await?;
        let (out, answers) = mpsc::channel(WAITING);
        let service = self.clone();
        tokio::spawn(async move {
            let begin = Position { index: LeafIndex(request.from_index), event: 0 };
            let mut told = 0;
            let mut stopping = service.0.stopping.subscribe();
            let ended = tokio::select! {
                ended = service.tell(&question, begin, (&out, &mut told)) => ended,
                _ = stopping.wait_for(|stopping| *stopping) => {
                    Err(convert::status(&Refusal::Stopping))
                }
            };
            let recorded = question.record(&service.0, Some(told)).await;
            if let Err(status) = ended.and(recorded) {
                // Who is gone does not need to know.
                drop(out.send(Err(status)).await);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    /// Tells what is asked for from a place on, until nobody listens any more. What the caller may see is looked up
    /// again for each answer; whether it may listen at all, at the gate.
    async fn tell(
        &self,
        question: &Question,
        mut from: Position,
        (out, told): (&Out, &mut u64),
    ) -> Result<(), Status> {
        let mut overviews = question.log.watch();
        loop {
            let asked = question.clone();
            let next = asked::work(move || asked.told(from)).await?;
            let is_at_end = next.next == from;
            from = next.next;
            let number = u64::try_from(next.events.len()).unwrap_or(u64::MAX);
            let events = next.events.into_iter().map(asked::event).collect();
            let answer = v1::TailResponse { events, next_index: from.index.0 };
            if out.send(Ok(answer)).await.is_err() {
                return Ok(());
            }
            *told += number;
            if is_at_end {
                let has_more = |overview: &Arc<witness_ledger::Overview>| {
                    overview.published.as_ref().is_some_and(|it| it.size.0 > from.index.0)
                };
                let more = tokio::time::timeout(PROGRESS_EVERY, overviews.wait_for(has_more));
                tokio::select! {
                    more = more => if matches!(more, Ok(Err(_))) {
                        // The log is closed.
                        return Ok(());
                    },
                    () = out.closed() => return Ok(()),
                }
            }
        }
    }
}
