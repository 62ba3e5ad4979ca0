//! Why a node gave no answer, without saying how it is reached: addresses of nodes hold keys of their users.

use std::time::Duration;

use alloy_primitives::Bytes;

const MESSAGE_CHARS_MAX: usize = 200;
/// EIP-1474: "limit exceeded".
const LIMIT_EXCEEDED: i64 = -32005;

/// Why a node gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// No address of a node; it is not repeated, since it may hold a key.
    #[error("expected the address of a JSON-RPC node, http://host:port/… or https://host/…")]
    Address,
    /// No client can be made.
    #[error(
        "no client for {node} can be made: {reason}; check that this machine has CA certificates"
    )]
    Client {
        /// Scheme, host and port.
        node: String,
        /// Why.
        reason: String,
    },
    /// It did not answer in time, or not at all.
    #[error("{node} does not answer: {reason}")]
    Unreachable {
        /// Scheme, host and port.
        node: String,
        /// Why.
        reason: String,
    },
    /// It answered with an HTTP status and nothing of JSON-RPC.
    #[error("{node} answers {method} with HTTP status {status}")]
    Status {
        /// Scheme, host and port.
        node: String,
        /// What was asked.
        method: &'static str,
        /// The status.
        status: u16,
    },
    /// It refused.
    #[error("{node} refuses {method}: {message} (code {code})")]
    Answered {
        /// Scheme, host and port.
        node: String,
        /// What was asked.
        method: &'static str,
        /// Its code.
        code: i64,
        /// Its words: printable, bounded, without our address.
        message: String,
        /// What a contract reverted with, if one did.
        data: Option<Bytes>,
    },
    /// Its answer is longer than we take.
    #[error("{node} answers {method} with more than {limit} bytes")]
    TooLong {
        /// Scheme, host and port.
        node: String,
        /// What was asked.
        method: &'static str,
        /// How many we take.
        limit: usize,
    },
    /// Its answer is not what the method gives.
    #[error("{node} answers {method} with what is no such answer")]
    Malformed {
        /// Scheme, host and port.
        node: String,
        /// What was asked.
        method: &'static str,
    },
}

impl NodeError {
    /// Whether the same read may do better in a moment.
    pub(super) fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Answered { code, .. } => *code == LIMIT_EXCEEDED,
            Self::Address | Self::Client { .. } | Self::TooLong { .. } | Self::Malformed { .. } => {
                false
            }
        }
    }

    /// Whether the node is there and does not offer this: a method that it does not know, or not to us.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::Status { .. })
    }
}

/// Why a call failed on its way.
pub(super) fn unreachable(node: &str, error: reqwest::Error, within: Duration) -> NodeError {
    let error = error.without_url();
    let reason = if error.is_timeout() {
        format!("nothing within {} s", within.as_secs_f32())
    } else {
        cause_of(&error)
    };
    NodeError::Unreachable { node: node.to_owned(), reason }
}

/// What lies at the bottom of an error whose upper layers only say where it happened.
pub(super) fn cause_of(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    bounded(&deepest.to_string())
}

/// A stranger's words: printable and bounded.
pub(super) fn bounded(text: &str) -> String {
    let printable = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    printable.take(MESSAGE_CHARS_MAX).collect()
}
