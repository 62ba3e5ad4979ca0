//! What a firm has published of a log beside its entries: checkpoints, roll-ups over them, anchors of those. Each is
//! checked by the verifier of evidence.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::{
    checkpoint::Checkpoint,
    evidence::{
        Refusal, RefusalClass, SeenBlock, Spot, Table, Unchecked,
        anchors::{self, Beliefs, Judged},
        checkpoints::{self, CheckpointFacts, SignedCheckpoint, Trust},
        rollups::{self, ProvedRollUp},
    },
    evm::{Anchor, AnchorError},
    firm::Firm,
    hash::Hash,
    merkle::{LeafIndex, TreeSize},
    name::Origin,
    note::Ed25519,
    policy::Policy,
    rollup::{RollUpError, RollUpTree},
    time::Timestamp,
};

const LINES_OF_A_CHECKPOINT: usize = 3;

/// Why something published is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishedError {
    /// It is not UTF-8.
    #[error("it must be UTF-8")]
    NotUtf8,
    /// The verifier of evidence refuses it.
    #[error("{0}")]
    Refused(Refusal),
    /// A checkpoint without the firm's signed time.
    #[error("the checkpoint must bear the signed time of its publication")]
    NotPublished,
    /// What lies beside a roll-up does not make a tree.
    #[error(transparent)]
    Tree(#[from] RollUpError),
    /// What lies beside a roll-up is not what is under it.
    #[error("the checkpoints beside the roll-up do not make its root")]
    OtherTree,
    /// A roll-up that does not cover a checkpoint of this log that is in the bundle.
    #[error("the roll-up must cover a checkpoint of this log that is in the bundle")]
    NotCovered,
    /// A roll-up under another number.
    #[error("it is roll-up {found}")]
    OtherNumber {
        /// Its own number.
        found: u64,
    },
    /// An anchor that does not read.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// Another anchor than its name says.
    #[error("it is another anchor")]
    OtherAnchor,
}

impl PublishedError {
    /// Whether a later version may well take it.
    #[must_use]
    pub fn may_be_later(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.class() == RefusalClass::CannotTell,
            Self::Anchor(error) => *error == AnchorError::Kind,
            Self::NotUtf8
            | Self::NotPublished
            | Self::Tree(_)
            | Self::OtherTree
            | Self::NotCovered
            | Self::OtherNumber { .. }
            | Self::OtherAnchor => false,
        }
    }
}

impl From<Refusal> for PublishedError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A checkpoint that was found good.
pub struct ProvedCheckpoint {
    signed: SignedCheckpoint,
    facts: CheckpointFacts,
    at: Timestamp,
}

impl ProvedCheckpoint {
    /// What it says.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.signed.checkpoint
    }

    /// When it was published.
    #[must_use]
    pub fn published_at(&self) -> Timestamp {
        self.at
    }
}

impl core::fmt::Debug for ProvedCheckpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ProvedCheckpoint").field("checkpoint", self.checkpoint()).finish()
    }
}

/// A roll-up that was found good.
#[derive(Debug, Clone)]
pub struct CheckedRollUp(ProvedRollUp);

/// What an anchor proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckedAnchor {
    /// Its block is believed to be on its chain; the block's time.
    Counts(Timestamp),
    /// Its proof is good, and nobody says that its block is on the chain: why, and what to do.
    NotBelieved(String),
}

/// Checks what a firm has published of a log.
#[derive(Debug)]
pub struct Publisher<'a> {
    /// What is believed beforehand.
    pub policy: &'a Policy,
    /// The firm, by all its notes in the log.
    pub firm: &'a Firm,
    /// The log.
    pub origin: &'a Origin,
    /// How signatures are checked.
    pub ed25519: &'a dyn Ed25519,
}

impl Publisher<'_> {
    fn trust(&self) -> Trust<'_> {
        let Self { policy, firm, origin, ed25519 } = *self;
        Trust { policy, firm, origin, ed25519 }
    }

    /// Checks a published note. Signatures of strangers are named in `unchecked`.
    pub fn checkpoint(
        &self,
        note: &[u8],
        unchecked: &mut Vec<Unchecked>,
    ) -> Result<ProvedCheckpoint, PublishedError> {
        let text = str::from_utf8(note).or(Err(PublishedError::NotUtf8))?;
        let spot = Spot::Row(Table::Checkpoints, 0);
        let (_, signed) = checkpoints::read_one(spot, text, self.policy, Some(self.origin))?;
        let facts = checkpoints::verify_one(spot, &signed, self.trust(), unchecked)?;
        let at = facts.published.ok_or(PublishedError::NotPublished)?.at;
        Ok(ProvedCheckpoint { signed, facts, at })
    }

    /// Checks a roll-up with the checkpoints under it, three lines each, of which this log's must be known.
    pub fn rollup(
        &self,
        number: u64,
        (note, bodies): (&[u8], &[u8]),
        known: &BTreeMap<TreeSize, ProvedCheckpoint>,
    ) -> Result<CheckedRollUp, PublishedError> {
        let read = |bytes| str::from_utf8(bytes).or(Err(PublishedError::NotUtf8));
        let (note, bodies) = (read(note)?, read(bodies)?);
        let lines: Vec<&str> = bodies.split_inclusive('\n').collect();
        let bodies: Vec<String> =
            lines.chunks(LINES_OF_A_CHECKPOINT).map(<[&str]>::concat).collect();
        let tree = RollUpTree::new(bodies.iter().map(String::as_str))?;
        let parsed = bodies.iter().filter_map(|body| Checkpoint::parse(body).ok());
        let own = (0..).zip(parsed).find(|(_, it)| it.origin == self.origin.as_str());
        let (position, own) = own.ok_or(PublishedError::NotCovered)?;
        let known = known.get(&own.size).filter(|known| *known.checkpoint() == own);
        let known = known.ok_or(PublishedError::NotCovered)?;
        let index = LeafIndex(position);
        let path = tree.path(index).ok_or(PublishedError::OtherTree)?;
        let rollup = rollups::SignedRollUp { note, index, path: &path };
        let spot = Spot::Row(Table::Rollups, 0);
        let proved =
            rollups::verify_one(spot, rollup, (&known.signed, &known.facts), self.trust())?;
        if proved.text.sequence != number {
            return Err(PublishedError::OtherNumber { found: proved.text.sequence });
        }
        if proved.text.root != tree.root() || proved.text.logs != tree.logs() {
            return Err(PublishedError::OtherTree);
        }
        Ok(CheckedRollUp(proved))
    }

    /// Checks an anchor of a roll-up; `seen` are blocks that somebody knows to be on their chains.
    pub fn anchor(
        &self,
        named: &super::AnchorFile,
        json: &[u8],
        rollup: &CheckedRollUp,
        seen: &[SeenBlock],
    ) -> Result<CheckedAnchor, PublishedError> {
        let json = str::from_utf8(json).or(Err(PublishedError::NotUtf8))?;
        let anchor = Anchor::parse(json)?;
        if (anchor.contract, anchor.sequence) != (named.contract, named.sequence) {
            return Err(PublishedError::OtherAnchor);
        }
        let spot = Spot::Row(Table::Anchors, 0);
        let beliefs = Beliefs { policy: self.policy, seen };
        Ok(match anchors::verify_one(spot, &anchor, &rollup.0, beliefs)? {
            Judged::Counts(counting) => CheckedAnchor::Counts(counting.at),
            Judged::NotBelieved(why) => CheckedAnchor::NotBelieved(why),
        })
    }
}

impl CheckedRollUp {
    /// Checks that it goes on from one before it.
    pub fn follows(&self, before: &Self) -> Result<(), PublishedError> {
        Ok(rollups::check_neighbours(Spot::Row(Table::Rollups, 0), &before.0, &self.0)?)
    }

    /// What goes to a chain.
    #[must_use]
    pub fn value(&self) -> Hash {
        self.0.value
    }
}
