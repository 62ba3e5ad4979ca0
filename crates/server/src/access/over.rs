//! What is limited, and what is said to who is over a limit.

use std::time::Duration;

use tonic::{Code, Status};
use witness_wire::{refusal, v1};

/// Which limit a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) limit: Limited,
    pub(super) most: u32,
    pub(super) retry_after: Duration,
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limited {
    CallsPerS,
    Calls,
    Streams,
    UnfinishedMib,
    AuditCallsPerS,
}

impl Limited {
    /// The word in refusals and metrics.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::CallsPerS => "calls_per_s",
            Self::Calls => "calls",
            Self::Streams => "streams",
            Self::UnfinishedMib => "unfinished_mib",
            Self::AuditCallsPerS => "audit_calls_per_s",
        }
    }

    fn sentence(self, most: u32) -> String {
        let what = match self {
            Self::CallsPerS => format!("begin {most} calls in a second"),
            Self::Calls => format!("have {most} calls at the same time"),
            Self::Streams => format!("have {most} calls of many messages at the same time"),
            Self::UnfinishedMib => format!("have {most} MiB of unfinished requests"),
            Self::AuditCallsPerS => format!("begin {most} calls of AuditService in a second"),
        };
        format!("one caller may {what} at most; try again later")
    }
}

impl Over {
    /// The refusal, with when to try again.
    pub(super) fn status(&self) -> Status {
        let Self { limit, most, retry_after } = *self;
        let code = u32::try_from(i32::from(Code::ResourceExhausted)).unwrap_or(2);
        let metadata = [("limit", limit.word().to_owned()), ("most", most.to_string())];
        let refused = v1::Refusal {
            code,
            reason: "OVER_LIMIT".to_owned(),
            message: limit.sentence(most),
            metadata: metadata.map(|(name, value)| (name.to_owned(), value)).into(),
        };
        refusal::to_status_later(&refused, retry_after)
    }
}
