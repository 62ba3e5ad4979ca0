//! A roll-up as it is served: the signed note, and the checkpoints under it.

use anyhow::Result;
use witness_core::{checkpoint::Checkpoint, note::Note, rollup::RollUp};

const LINES_OF_A_CHECKPOINT: usize = 3;

/// A roll-up with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedRollUp {
    /// What it says.
    pub(crate) text: RollUp,
    /// The signed note.
    pub(crate) note: Note,
}

impl SignedRollUp {
    /// Reads it; the signature is not verified here.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let note = Note::parse(bytes)?;
        let text = RollUp::parse(note.text())?;
        Ok(Self { text, note })
    }
}

/// A roll-up that covers the log, with what is under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Covering {
    /// The roll-up.
    pub(crate) rollup: SignedRollUp,
    /// Its checkpoints, in order, three lines each.
    pub(crate) bodies: Vec<String>,
    /// That of the log.
    pub(crate) own: Checkpoint,
}

impl Covering {
    /// With the log of this origin, if the roll-up covers it.
    pub(crate) fn of(rollup: &SignedRollUp, bodies: Vec<String>, origin: &str) -> Option<Self> {
        let mut checkpoints = bodies.iter().filter_map(|body| Checkpoint::parse(body).ok());
        let own = checkpoints.find(|checkpoint| checkpoint.origin == origin)?;
        Some(Self { rollup: rollup.clone(), bodies, own })
    }
}

/// Checkpoints of three lines each, one after the other.
pub(crate) fn split(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.chunks(LINES_OF_A_CHECKPOINT).map(<[&str]>::concat).collect()
}
