//! The roll-ups of the file: each signed by the firm, over a checkpoint of the log, and one after the other.

use alloc::vec::Vec;

use super::{
    checkpoints::{CheckpointFacts, SignedCheckpoint, Trust},
    file::Evidence,
    place::{Referrer, Spot, Table},
    refusal::Refusal,
};
use crate::{
    firm::Role,
    hash::Hash,
    key::VerifyingKey,
    merkle::{self, LeafIndex, TreeSize},
    note::{Note, NoteError},
    rollup::RollUp,
    time::Timestamp,
};

/// A roll-up that was found good.
#[derive(Debug, Clone)]
pub(crate) struct ProvedRollUp {
    pub(crate) text: RollUp,
    /// What goes to the chain.
    pub(crate) value: Hash,
    /// Size of the log's checkpoint in it.
    pub(crate) size: TreeSize,
    /// The time that this checkpoint bears.
    pub(crate) published: Option<Timestamp>,
}

/// A roll-up as it stands in the file: its note, and the way from a checkpoint's text to its root.
#[derive(Clone, Copy)]
pub(crate) struct SignedRollUp<'a> {
    pub(crate) note: &'a str,
    pub(crate) index: LeafIndex,
    pub(crate) path: &'a [Hash],
}

/// Checks the roll-ups of the file: ascending by their numbers.
pub(crate) fn verify(
    evidence: &Evidence,
    (signed, facts): (&[SignedCheckpoint], &[CheckpointFacts]),
    trust: Trust<'_>,
) -> Result<Vec<ProvedRollUp>, Refusal> {
    let mut proved: Vec<ProvedRollUp> = Vec::with_capacity(evidence.rollups.len());
    for (position, row) in evidence.rollups.iter().enumerate() {
        let from = Referrer::Row(Table::Rollups, position);
        let beyond = Refusal::ReferenceOutOfRange { from, table: Table::Checkpoints };
        let at = row.checkpoint.0;
        let checkpoint = signed.get(at).zip(facts.get(at)).ok_or(beyond)?;
        let rollup = SignedRollUp { note: &row.note, index: row.index, path: &row.path };
        let spot = Spot::Row(Table::Rollups, position);
        let rollup = verify_one(spot, rollup, checkpoint, trust)?;
        if let Some(last) = proved.last() {
            check_neighbours(spot, last, &rollup)?;
            if last.text.sequence >= rollup.text.sequence {
                return Err(Refusal::TableOrder { table: Table::Rollups, position });
            }
        }
        proved.push(rollup);
    }
    Ok(proved)
}

/// Checks one roll-up: the firm's own, under a key that covers its number, over this checkpoint.
pub(crate) fn verify_one(
    rollup: Spot,
    signed: SignedRollUp<'_>,
    (checkpoint, facts): (&SignedCheckpoint, &CheckpointFacts),
    trust: Trust<'_>,
) -> Result<ProvedRollUp, Refusal> {
    let note = Note::parse(signed.note.as_bytes())
        .map_err(|source| Refusal::RollUpNote { rollup, source })?;
    let text = RollUp::parse(note.text());
    // Signatures come first: only what the firm has signed can be the text of a later version.
    let sequence = text.as_ref().ok().map(|text| text.sequence);
    check_signatures(rollup, &note, sequence, trust)?;
    let text = text.map_err(|source| Refusal::RollUpText { rollup, source })?;
    if text.firm.as_str() != trust.firm.name() {
        return Err(Refusal::RollUpFirm { rollup });
    }
    let (leaf, logs) = (Hash::leaf(checkpoint.note.text().as_bytes()), TreeSize(text.logs));
    merkle::verify_inclusion(&leaf, signed.index, logs, signed.path, &text.root)
        .map_err(|source| Refusal::RollUpProof { rollup, source })?;
    if text.sequence == 0 && text.previous != Hash::ZERO {
        return Err(Refusal::RollUpPrevious { rollup });
    }
    let published = facts.published.map(|published| published.at);
    Ok(ProvedRollUp { value: text.value(), text, size: facts.size, published })
}

/// Every signature line is a good one of a roll-up key of the firm, none stands there twice. Where the number
/// is known, the keys must cover it.
fn check_signatures(
    rollup: Spot,
    note: &Note,
    sequence: Option<u64>,
    trust: Trust<'_>,
) -> Result<(), Refusal> {
    let covers = |at: u64| trust.firm.keys_for(Role::RollUp, trust.firm.name(), at).collect();
    let all = || {
        let of_role = trust.firm.keys().iter().filter(|key| key.role == Role::RollUp);
        of_role.map(|key| &key.key).collect()
    };
    let keys: Vec<&VerifyingKey> = sequence.map_or_else(all, covers);
    note.verify_all(&keys, trust.ed25519).map_err(|source| {
        if let NoteError::Stray { line } = source {
            return Refusal::StraySignature { note: rollup, line };
        }
        Refusal::RollUpSignature { rollup, source }
    })
}

/// Checks what must hold between two roll-ups, the first of which does not come after the second: one text and
/// one checkpoint under one number, a log that does not shrink, and a name for the one just before.
pub(crate) fn check_neighbours(
    rollup: Spot,
    first: &ProvedRollUp,
    second: &ProvedRollUp,
) -> Result<(), Refusal> {
    let is_same = first.value == second.value && first.size == second.size;
    if first.text.sequence == second.text.sequence && !is_same {
        return Err(Refusal::RollUpFork { rollup });
    }
    if first.text.sequence + 1 == second.text.sequence && second.text.previous != first.value {
        return Err(Refusal::RollUpPrevious { rollup });
    }
    if first.text.sequence < second.text.sequence && first.size > second.size {
        return Err(Refusal::RollUpShrinks { rollup });
    }
    Ok(())
}
