//! The kinds of facts that a policy can require, and which of them a verdict lacks.

use alloc::vec::Vec;

use serde::{Serialize, Serializer};

use super::verdict::{EventFacts, Verdict, shown};
use crate::policy::Policy;

/// A kind of fact, as a policy can require it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// Committed on a chain, in a block that somebody believes to be there.
    Anchored,
    /// Countersigned by the quorum of the policy's cosigners.
    Cosigned,
    /// In the log.
    Logged,
    /// Under a checkpoint with the firm's signed time.
    Published,
    /// Under a roll-up.
    RolledUp,
    /// Under the issuer's signature, with a key that counted.
    Signed,
}

impl FactKind {
    /// All kinds, in the order of their words.
    pub const ALL: [Self; 6] = [
        Self::Anchored,
        Self::Cosigned,
        Self::Logged,
        Self::Published,
        Self::RolledUp,
        Self::Signed,
    ];

    /// The word in policies and verdicts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Cosigned => "cosigned",
            Self::Logged => "logged",
            Self::Published => "published",
            Self::RolledUp => "rolled-up",
            Self::Signed => "signed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl Serialize for FactKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A fact that the policy requires and an event lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Position in the item's `events`.
    #[serde(serialize_with = "shown")]
    pub event: usize,
    /// The fact.
    pub fact: FactKind,
    /// Position in `items`.
    #[serde(serialize_with = "shown")]
    pub item: usize,
}

impl EventFacts {
    /// Whether a fact holds for the event.
    #[must_use]
    pub fn has(&self, fact: FactKind) -> bool {
        match fact {
            FactKind::Anchored => self.anchored.is_some(),
            FactKind::Cosigned => self.cosigned.as_ref().is_some_and(|cosigned| cosigned.quorum),
            FactKind::Published => self.published.is_some(),
            FactKind::RolledUp => self.rolled_up.is_some(),
            // No verdict is given without these.
            FactKind::Logged | FactKind::Signed => true,
        }
    }
}

impl Verdict {
    /// The facts that the policy requires and that do not hold, event by event.
    #[must_use]
    pub fn missing(&self, policy: &Policy) -> Vec<Missing> {
        let mut missing = Vec::new();
        for (item, facts) in self.items.iter().enumerate() {
            for (event, facts) in facts.events.iter().enumerate() {
                let lacking = policy.require.iter().filter(|fact| !facts.has(**fact));
                missing.extend(lacking.map(|fact| Missing { event, fact: *fact, item }));
            }
        }
        missing
    }
}
