//! What goes out of a call that was let in.
//!
//! What must hold: a call keeps its place until all of its answer is handed over; what of it is not taken is counted, until
//! it is written; and a long one that says nothing any more gives its place back.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::{Code, Status};
use witness_core::caller::KnownBy;
use witness_wire::Bytes;

use super::{
    Callers,
    bodies::{Waits, idle},
    credentials::living,
    meter::Place,
};
use crate::{
    convert,
    untaken::{Piece, Untaken},
};

/// How an answer is to be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taking {
    within: Duration,
    /// Bytes that may be made before they are asked for.
    ahead: usize,
}

impl Taking {
    /// An answer that is made at once.
    pub(super) fn whole(waits: Waits) -> Self {
        Self { within: waits.stalled_after, ahead: 0 }
    }

    /// One of which more is made as it is taken. Who takes it may pause.
    pub(super) fn in_parts(waits: Waits, ahead: usize) -> Self {
        Self { within: waits.idle_after, ahead }
    }
}

/// What a body gives next.
type Next = Option<Result<Frame<Bytes>, axum::Error>>;

/// The body of an answer as it goes out.
pub(super) struct Leaving {
    body: Body,
    /// How long a long answer may say nothing, and since it says nothing, its time.
    idle_after: Option<Duration>,
    silence: Option<Pin<Box<Sleep>>>,
    /// Who must still be let in while a long answer goes out.
    for_whom: Option<(Arc<Callers>, KnownBy)>,
    is_cut: bool,
    /// Where it is counted what waits to be taken.
    untaken: Option<(Arc<Untaken>, Taking)>,
    /// What was made behind what waits.
    waiting: Option<Piece>,
    _place: Place,
}

impl Leaving {
    pub(super) fn new(body: Body, place: Place, idle_after: Option<Duration>) -> Self {
        Self {
            body,
            idle_after,
            silence: None,
            for_whom: None,
            is_cut: false,
            untaken: None,
            waiting: None,
            _place: place,
        }
    }

    /// Ends once this caller may hear no more.
    pub(super) fn for_whom(self, for_whom: Option<(Arc<Callers>, KnownBy)>) -> Self {
        Self { for_whom, ..self }
    }

    /// Is counted here while it waits to be taken.
    pub(super) fn counted(self, untaken: Arc<Untaken>, taking: Taking) -> Self {
        let mut this = Self { untaken: Some((untaken, taking)), ..self };
        this.wait();
        this
    }

    /// Counts what goes out until it is written.
    fn count(&self, next: Next) -> Next {
        let Some((untaken, taking)) = &self.untaken else { return next };
        next.map(|frame| Ok(frame?.map_data(|bytes| untaken.hold(bytes, taking.within))))
    }

    /// What goes out next. It is asked for when all before it was handed over, whether there is room for it or not.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        let next = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(self.count(next))
    }

    /// Ends with this, whatever else there was to say.
    fn cut(&mut self, status: &Status) -> Frame<Bytes> {
        self.is_cut = true;
        // Whoever makes the answer is told that nobody listens any more.
        self.body = Body::empty();
        let mut trailers = HeaderMap::new();
        if status.add_header(&mut trailers).is_err() {
            // Nothing more goes out in any case.
            trailers.insert("grpc-status", HeaderValue::from(i32::from(status.code())));
        }
        Frame::trailers(trailers)
    }

    /// Whether nothing was said for too long.
    fn is_idle(&mut self, context: &mut Context<'_>) -> bool {
        let Some(after) = self.idle_after else { return false };
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(after)));
        silence.as_mut().poll(context).is_ready()
    }

    /// Waits until more is asked for.
    fn wait(&mut self) {
        let untaken = self.untaken.as_ref();
        self.waiting = untaken.map(|(untaken, taking)| untaken.ahead(taking.ahead, taking.within));
    }
}

impl http_body::Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.waiting = None;
        if this.is_cut {
            return Poll::Ready(None);
        }
        let frame = match this.next(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => match this.idle_after.filter(|_| this.is_idle(context)) {
                Some(after) => return Poll::Ready(Some(Ok(this.cut(&idle(after))))),
                None => return Poll::Pending,
            },
        };
        this.silence = None;
        if frame.is_some() {
            this.wait();
        }
        let is_data = matches!(&frame, Some(Ok(frame)) if frame.is_data());
        let for_whom = this.for_whom.as_ref().filter(|_| is_data);
        if for_whom.is_none_or(|(callers, who)| living(callers, who).is_ok()) {
            return Poll::Ready(frame);
        }
        Poll::Ready(Some(Ok(this.cut(&shut_out()))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_cut || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How a long answer ends whose caller may hear no more of it.
fn shut_out() -> Status {
    let message =
        "the caller's term has ended, or it was shut out; what was told before stays told";
    convert::named(Code::Unauthenticated, "SHUT_OUT", message)
}
