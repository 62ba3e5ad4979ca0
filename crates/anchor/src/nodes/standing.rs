//! How one node stands: usable, out for good, or to be tried again.

use std::fmt;

use alloy_primitives::B256;

use crate::rpc::NodeError;

/// A node that is away is tried again at every so many rounds at the latest.
const ROUNDS_MAX: u32 = 32;

/// How a node stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not asked yet, or not since it last failed.
    Unchecked,
    /// It has the right chain, and the right code.
    Good,
    /// It cannot be used now.
    Away {
        /// Why.
        reason: String,
        /// How often it was tried.
        tries: u32,
        /// How many rounds are let pass before it is tried again.
        rounds: u32,
    },
    /// It is of another chain. It is out for good.
    WrongChain {
        /// The number of the chain.
        expected: u64,
        /// Its own.
        found: u64,
    },
    /// It has other code at the contract's address. It is out for good.
    WrongCode {
        /// keccak-256 of the contract's code.
        expected: B256,
        /// Of what is there.
        found: B256,
    },
}

impl Standing {
    pub(super) fn unreachable(error: &NodeError) -> Self {
        Self::Away { reason: error.to_string(), tries: 1, rounds: 0 }
    }

    /// It may lag behind the block in which the contract was made.
    pub(super) fn no_code() -> Self {
        let reason = "it has no code at the contract's address".to_owned();
        Self::Away { reason, tries: 1, rounds: 0 }
    }

    /// Whether it was taken out, and not only missed.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::WrongChain { .. } | Self::WrongCode { .. })
    }

    /// Whether a round should check it; one that is away is tried less and less often, unless it is needed.
    pub(super) fn is_to_be_checked(&mut self, is_needed: bool) -> bool {
        match self {
            Self::Unchecked => true,
            Self::Good | Self::WrongChain { .. } | Self::WrongCode { .. } => false,
            Self::Away { rounds, .. } if is_needed || *rounds == 0 => true,
            Self::Away { rounds, .. } => {
                *rounds -= 1;
                false
            }
        }
    }

    /// Takes over what a check has found.
    pub(super) fn becomes(&mut self, found: Self) {
        let before = if let Self::Away { tries, .. } = self { *tries } else { 0 };
        *self = match found {
            Self::Away { reason, .. } => {
                let rounds = 1_u32.checked_shl(before).unwrap_or(ROUNDS_MAX).min(ROUNDS_MAX);
                Self::Away { reason, tries: before.saturating_add(1), rounds }
            }
            found @ (Self::Unchecked
            | Self::Good
            | Self::WrongChain { .. }
            | Self::WrongCode { .. }) => found,
        };
    }
}

/// A node and how it stands, for people and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Scheme, host and port.
    pub node: String,
    /// Who runs it.
    pub operator: String,
    /// How it stands.
    pub standing: Standing,
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, operator, standing } = self;
        write!(formatter, "{node} of {operator} ")?;
        match standing {
            Standing::Unchecked => write!(formatter, "is not checked yet"),
            Standing::Good => write!(formatter, "is good"),
            Standing::Away { reason, .. } => write!(formatter, "is away: {reason}"),
            Standing::WrongChain { expected, found } => {
                write!(formatter, "is out: expected chain {expected}, came {found}")
            }
            Standing::WrongCode { expected, found } => {
                write!(formatter, "is out: expected code {expected} at the contract, came {found}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> Standing {
        Standing::no_code()
    }

    #[test]
    fn a_node_that_is_away_is_tried_less_and_less_often_but_always_again() {
        let mut standing = Standing::Unchecked;
        let mut tried_at = Vec::new();
        for round in 0..200 {
            if standing.is_to_be_checked(false) {
                tried_at.push(round);
                standing.becomes(away());
            }
        }
        assert_eq!(tried_at, [0, 2, 5, 10, 19, 36, 69, 102, 135, 168]);
        assert!(standing.is_to_be_checked(true), "it is needed");
        standing.becomes(Standing::Good);
        assert!(!standing.is_to_be_checked(true));
        standing.becomes(away());
        assert!(matches!(standing, Standing::Away { tries: 1, rounds: 1, .. }));
    }

    #[test]
    fn a_wrong_node_is_never_tried_again() {
        let mut standing = Standing::Unchecked;
        standing.becomes(Standing::WrongChain { expected: 1, found: 2 });
        assert!(standing.is_for_good() && !standing.is_to_be_checked(true));
        assert!(!away().is_for_good());
    }
}
