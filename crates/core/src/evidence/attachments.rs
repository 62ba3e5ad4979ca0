//! Attachments: what is added to a file after it was made. A good one counts like a row of the file's own tables; a
//! bad one is named unchecked with the reason, and never harms the file, for anybody can add one.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use super::{
    anchors::{self, AnchorBlock, Beliefs, CountingAnchor, Judged},
    checkpoints::{self, CheckpointFacts, SignedCheckpoint, Trust},
    file::Evidence,
    members::{read_index, read_path, write_path, write_shown},
    place::{Spot, Table},
    refusal::Refusal,
    rollups::{self, ProvedRollUp, SignedRollUp},
    rows::Attachment,
    verdict::Unchecked,
};
use crate::{
    entry::Entry,
    evm::Anchor,
    hash::Hash,
    merkle::{self, LeafIndex},
};

const KIND: &str = "anchor";

/// An anchor that came after the file was made, with all that leads to it: the body of an attachment of kind
/// `anchor`, as canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaterAnchor {
    /// The anchor.
    pub anchor: Anchor,
    /// The checkpoint that it covers, signed: one of the file's, or one that is larger than all of them.
    pub checkpoint: String,
    /// Consistency proof from the newest checkpoint of the file to that one; empty if it is one of the file's.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub consistency: Vec<Hash>,
    /// Index of the checkpoint in the roll-up.
    #[serde(serialize_with = "write_shown", deserialize_with = "read_index")]
    pub index: LeafIndex,
    /// The roll-up that was anchored, `witness-rollup/v1`, signed.
    pub note: String,
    /// Inclusion path of the checkpoint in the roll-up, from the leaf up.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: Vec<Hash>,
}

impl LaterAnchor {
    /// The attachment.
    #[must_use]
    pub fn attachment(&self) -> Attachment {
        Attachment { body: self.encode(), kind: KIND.to_string() }
    }

    fn encode(&self) -> String {
        // Writing strings and lists into a string cannot fail; were it to, no parser takes an empty text.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn parse(body: &str) -> Option<Self> {
        let parsed: Self = serde_json::from_str(body).ok()?;
        (parsed.encode() == body).then_some(parsed)
    }

    /// The block, if the attachment holds an anchor that its proof bears out.
    pub(super) fn block(attachment: &Attachment) -> Option<AnchorBlock> {
        let is_anchor = attachment.kind == KIND;
        let later = is_anchor.then(|| Self::parse(&attachment.body))??;
        AnchorBlock::of(&later.anchor, &later.note)
    }
}

/// Why an attachment does not count.
#[derive(Debug, thiserror::Error)]
enum Bad {
    #[error(
        "attachments[{position}], body must be a later anchor as canonical JSON, with its members and no others"
    )]
    Shape { position: usize },
    #[error("{checkpoint} must be one of the file's, or larger than all of them")]
    Older { checkpoint: Spot },
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// All that an attachment is judged by.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) entries: &'a [Entry],
    pub(super) checkpoints: &'a [SignedCheckpoint],
    pub(super) trust: Trust<'a>,
    pub(super) beliefs: Beliefs<'a>,
}

impl Judge<'_> {
    /// Adds what good attachments prove to the roll-ups and anchors, and names all others.
    pub(super) fn attachments(
        self,
        rollups: &mut Vec<ProvedRollUp>,
        anchors: &mut Vec<CountingAnchor>,
        unchecked: &mut Vec<Unchecked>,
    ) {
        for (position, attachment) in self.evidence.attachments.iter().enumerate() {
            let mut lines = Vec::new();
            let what = match self.attachment(position, attachment, rollups, &mut lines) {
                Ok(Some(Judged::Counts(anchor))) => {
                    anchors.push(anchor);
                    None
                }
                Ok(Some(Judged::NotBelieved(why))) => {
                    Some(format!("attachments[{position}], {why}"))
                }
                Ok(None) => Some(format!("attachments[{position}]")),
                Err(bad) => Some(format!("{bad}, so this anchor does not count")),
            };
            let digest = || Hash::of(attachment.encode().as_bytes());
            unchecked.extend(what.map(|what| Unchecked { digest: digest(), what }));
            unchecked.extend(lines);
        }
    }

    /// Nothing for a kind that is not known here. Lines of the checkpoint by unknown keys go to `lines`.
    fn attachment(
        self,
        position: usize,
        attachment: &Attachment,
        rollups: &mut Vec<ProvedRollUp>,
        lines: &mut Vec<Unchecked>,
    ) -> Result<Option<Judged>, Bad> {
        if attachment.kind != KIND {
            return Ok(None);
        }
        let later = LaterAnchor::parse(&attachment.body).ok_or(Bad::Shape { position })?;
        let mut strange = Vec::new();
        let checkpoint = self.checkpoint(position, &later, &mut strange)?;
        let signed = SignedRollUp { note: &later.note, index: later.index, path: &later.path };
        let spot = Spot::Attached(position, Table::Rollups);
        let (read, facts) = &checkpoint;
        let rollup = rollups::verify_one(spot, signed, (read, facts), self.trust)?;
        let at = rollups.partition_point(|other| other.text.sequence < rollup.text.sequence);
        // The one of the same number, or else the next one; then the one before.
        let after = rollups.get(at);
        after.map_or(Ok(()), |after| rollups::check_neighbours(spot, &rollup, after))?;
        let before = at.checked_sub(1).and_then(|before| rollups.get(before));
        before.map_or(Ok(()), |before| rollups::check_neighbours(spot, before, &rollup))?;
        let spot = Spot::Attached(position, Table::Anchors);
        let judged = anchors::verify_one(spot, &later.anchor, &rollup, self.beliefs)?;
        rollups.insert(at, rollup);
        lines.extend(strange);
        Ok(Some(judged))
    }

    /// The checkpoint of an attachment: of one history with the file, and signed like the file's own.
    fn checkpoint(
        self,
        position: usize,
        later: &LaterAnchor,
        strange: &mut Vec<Unchecked>,
    ) -> Result<(SignedCheckpoint, CheckpointFacts), Bad> {
        let spot = Spot::Attached(position, Table::Checkpoints);
        let (policy, origin) = (self.trust.policy, Some(self.trust.origin));
        let (_, signed) = checkpoints::read_one(spot, &later.checkpoint, policy, origin)?;
        let facts = checkpoints::verify_one(spot, &signed, self.trust, strange)?;
        let new = &signed.checkpoint;
        let known = self.checkpoints.iter().map(|signed| &signed.checkpoint);
        let newest = known.clone().next_back().ok_or(Bad::Older { checkpoint: spot })?;
        let old = known.clone().find(|known| known.size == new.size).unwrap_or(newest);
        if checkpoints::is_fork(old, new) {
            return Err(Refusal::CheckpointFork { checkpoint: spot }.into());
        }
        if old.size > new.size {
            return Err(Bad::Older { checkpoint: spot });
        }
        let proof = Spot::Attached(position, Table::Consistency);
        let path = &later.consistency;
        merkle::verify_consistency((old.size, &old.root), (new.size, &new.root), path)
            .map_err(|source| Refusal::ConsistencyProof { proof, source })?;
        checkpoints::check_time(spot, &facts, (self.evidence, self.entries), policy)?;
        Ok((signed, facts))
    }
}
