//! What comes in of a call that was let in.
//!
//! What must hold: a request that makes no progress is ended, so that it holds no memory; one that comes too fast is
//! read more slowly; and a call of many messages of which none comes any more gives its place back.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};
use tonic::{Code, Status};
use witness_wire::Bytes;

use super::{
    meter::{Meter, Unfinished},
    policy::Shape,
};
use crate::convert;

/// A message must come at this rate at least, on the whole: one that trickles in is as good as one that stalls.
const ARRIVING_BYTES_PER_S_MIN: u64 = 1_024;
/// Shorter pauses than this are saved up: a timer counts in milliseconds.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// How long nothing may come while something must.
    pub(super) stalled_after: Duration,
    /// How long a long call may be silent.
    pub(super) idle_after: Duration,
}

/// The body of a request as it comes in.
pub(super) struct Arriving {
    body: Body,
    meter: Arc<Meter>,
    shape: Shape,
    waits: Waits,
    message: Message,
    unfinished: Unfinished,
    /// While nothing may be read.
    pause: Option<Pin<Box<Sleep>>>,
    /// While nothing comes: since when it is waited for, and its time.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// How long was waited for the message that is coming.
    waited: Duration,
}

impl Arriving {
    pub(super) fn new(body: Body, (meter, shape): (Arc<Meter>, Shape), waits: Waits) -> Self {
        let pause = pause(meter.bytes(0));
        let unfinished = Unfinished::new(Arc::clone(&meter));
        let message = Message::default();
        let (waiting, waited) = (None, Duration::ZERO);
        Self { body, meter, shape, waits, message, unfinished, pause, waiting, waited }
    }

    /// Whether something must come now. A call of many messages may well be silent for a while between two of them.
    fn must_come(&self) -> bool {
        self.shape != Shape::Stream || self.message.is_open()
    }

    /// How long may still be waited for what is coming.
    fn left_to_wait(&self) -> Duration {
        let Waits { stalled_after, idle_after } = self.waits;
        if !self.must_come() {
            return idle_after;
        }
        let earned = Duration::from_secs(self.message.received / ARRIVING_BYTES_PER_S_MIN);
        (stalled_after + earned).saturating_sub(self.waited).min(stalled_after)
    }

    fn came(&mut self, bytes: &Bytes) -> Result<(), Status> {
        self.pause = pause(self.meter.bytes(bytes.len()));
        if self.message.take(bytes) {
            self.waited = Duration::ZERO;
        }
        // Otherwise each message, however small, would earn a call that is read no more its place anew.
        if self.shape != Shape::Stream && self.message.begun > 1 {
            return Err(convert::invalid("the request", "one message, and its end"));
        }
        self.unfinished.set(self.message.received).map_err(|over| over.status())
    }

    /// Why nothing is waited for any longer, if nothing has come in its time.
    fn too_late(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        let left = self.left_to_wait();
        let (_since, time) =
            self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(time.as_mut().poll(context));
        let Waits { stalled_after, idle_after } = self.waits;
        Poll::Ready(if self.must_come() { stalled(stalled_after) } else { idle(idle_after) })
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = self.get_mut();
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(context));
            this.pause = None;
        }
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(frame) => {
                if let Some((since, _)) = this.waiting.take()
                    && this.must_come()
                {
                    this.waited += since.elapsed();
                }
                if let Some(Ok(frame)) = &frame
                    && let Some(bytes) = frame.data_ref()
                    && let Err(refused) = this.came(bytes)
                {
                    return Poll::Ready(Some(Err(refused.into())));
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            // What has come of a message is given up with the body.
            Poll::Pending => this.too_late(context).map(|status| Some(Err(status.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn pause(wait: Duration) -> Option<Pin<Box<Sleep>>> {
    (wait >= PAUSE_MIN).then(|| Box::pin(sleep(wait)))
}

fn stalled(after: Duration) -> Status {
    let message = format!(
        "the request made no progress for {} s; send it again, and to its end",
        after.as_secs()
    );
    convert::named(Code::DeadlineExceeded, "REQUEST_STALLED", &message)
}

/// How a long call ends on which nothing happens. To be opened again is all that it asks, so the code is the one that
/// clients try again after.
pub(super) fn idle(after: Duration) -> Status {
    let message = format!(
        "nothing was said on this call for {} s; open it again: what was acknowledged is kept",
        after.as_secs()
    );
    convert::named(Code::Unavailable, "STREAM_IDLE", &message)
}

/// Where a body stands in the messages of gRPC, each a flag, four bytes of length, and so many bytes.
#[derive(Debug, Default)]
struct Message {
    head: [u8; 5],
    /// Bytes of the head that have come.
    head_size: usize,
    /// Bytes of the message that have not.
    missing: usize,
    /// Bytes that have come since the last message ended.
    received: u64,
    /// Messages of which something has come.
    begun: u64,
}

impl Message {
    fn is_open(&self) -> bool {
        self.head_size > 0
    }

    /// Takes what came; gives whether a message ended in it.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        let mut ended = false;
        self.received += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        while !bytes.is_empty() {
            self.begun += u64::from(self.head_size == 0);
            let (place, size) =
                (self.head.get_mut(self.head_size..).unwrap_or_default(), bytes.len());
            if !place.is_empty() {
                let count = place.len().min(size);
                place.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
                self.head_size += count;
                bytes = bytes.get(count..).unwrap_or_default();
                let [_flag, length @ ..] = self.head;
                self.missing = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            }
            if self.head_size == self.head.len() {
                let count = self.missing.min(bytes.len());
                self.missing -= count;
                bytes = bytes.get(count..).unwrap_or_default();
                if self.missing == 0 {
                    self.head_size = 0;
                    self.received = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    ended = true;
                }
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_however_they_are_cut() {
        let one = |length: u8| [&[0, 0, 0, 0, length][..], &vec![7; length.into()]].concat();
        let all = [one(3), one(0), one(200), one(1)].concat();
        let ends: Vec<usize> = vec![8, 13, 218, 224];
        for step in 1..=all.len() {
            let (mut message, mut at) = (Message::default(), 0);
            for piece in all.chunks(step) {
                let before = at;
                at += piece.len();
                let ended = message.take(piece);
                assert_eq!(
                    ended,
                    ends.iter().any(|end| (before + 1..=at).contains(end)),
                    "{step} {at}"
                );
                assert_eq!(message.is_open(), !ends.contains(&at), "{step} {at}");
                let last = ends.iter().rev().find(|end| **end <= at).copied().unwrap_or(0);
                assert_eq!(message.received, u64::try_from(at - last).unwrap(), "{step} {at}");
                let begun = ends.iter().filter(|end| **end < at).count() + 1;
                assert_eq!(message.begun, u64::try_from(begun).unwrap(), "{step} {at}");
            }
        }
    }
}
