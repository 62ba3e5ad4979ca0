//! Arithmetic with times of the firm's clock, which may be set back a little: nothing here can fall below zero.

use core::time::Duration;

use witness_core::time::Timestamp;

/// A time after another by a span.
pub(super) fn after(time: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_micros(time.micros().saturating_add(micros(span)))
}

/// A time before another by a span; the epoch if the span is longer.
pub(super) fn before(time: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_micros(time.micros().saturating_sub(micros(span)))
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
