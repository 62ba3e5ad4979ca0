//! Both sides of time: the roll-ups and anchors that evidence carries beside its entries.
//!
//! For each event, and on each contract: the first anchor that covers it, and the newest one before it. Between the
//! two it was received, whatever the firm says. Without a chain it is the first roll-up alone.

use std::collections::BTreeSet;

use tonic::Status;
use witness_core::{
    evidence::{EvidenceBuilder, RollUpProof},
    evm::Anchor,
    merkle::{LeafIndex, TreeSize},
    note::{Note, Signed},
    rollup::{Contract, RollUp, RollUpTree},
};
use witness_ledger::{AnchorCell, Log, Place, ReadError, StoreError};

use crate::{convert, firm::Firm};

/// Anchors that are looked at on the way back, until one came in time after its checkpoint: a late one bounds
/// nothing.
const STEPS_BACK_MAX: usize = 8;

/// Where roll-ups and anchors are looked up for a file.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) firm: &'a Firm,
    pub(crate) log: &'a Log,
    /// Size of the file's own checkpoint: what came later is left out.
    pub(crate) size: TreeSize,
}

impl Bounds<'_> {
    /// Adds what bounds the events, and the proofs that all checkpoints of the file are one history.
    pub(crate) fn add(self, builder: &mut EvidenceBuilder, places: &[Place]) -> Result<(), Status> {
        let indexes: BTreeSet<LeafIndex> = places.iter().map(|place| place.index).collect();
        for index in indexes {
            self.add_for(builder, index).map_err(|error| convert::read_status(&error))?;
        }
        let sizes = builder.sizes();
        for pair in sizes.windows(2) {
            let [old, new] = pair else { continue };
            let path = self.log.consistency(*old, *new);
            builder.consistency(*old, path.map_err(|error| convert::read_status(&error))?);
        }
        Ok(())
    }

    fn add_for(self, builder: &mut EvidenceBuilder, index: LeafIndex) -> Result<(), ReadError> {
        let store = &self.firm.store;
        let Some(first) = store.rollup_over(self.log.origin(), index)? else { return Ok(()) };
        let mut is_anchored = false;
        for contract in self.firm.rollups.contracts.iter().copied() {
            let anchors = store.anchors_of(contract);
            let Some(after) = anchors.at_or_after(first)? else { continue };
            is_anchored |= self.add_anchor(builder, contract, &after)?;
            if let Some(before) = self.before(contract, first)? {
                self.add_anchor(builder, contract, &before)?;
            }
        }
        if !is_anchored && let Some((proof, _)) = self.rollup(first)? {
            builder.rollup(proof);
        }
        Ok(())
    }

    /// The newest anchor before a roll-up that came in time after the log's checkpoint in it was signed.
    fn before(self, contract: Contract, rollup: u64) -> Result<Option<AnchorCell>, ReadError> {
        let anchors = self.firm.store.anchors_of(contract);
        let mut next = anchors.before(rollup)?;
        for _ in 0..STEPS_BACK_MAX {
            let Some(cell) = next else { return Ok(None) };
            let Some((proof, _)) = self.rollup(cell.rollup)? else { return Ok(None) };
            let delay = self.firm.policy.max_anchor_delay_s;
            if self.signed_at_s(&proof.checkpoint).is_some_and(|at| cell.time <= at + delay) {
                return Ok(Some(cell));
            }
            next = anchors.before(cell.rollup)?;
        }
        Ok(None)
    }

    /// Whether the anchor says something of this log.
    fn add_anchor(
        self,
        builder: &mut EvidenceBuilder,
        contract: Contract,
        cell: &AnchorCell,
    ) -> Result<bool, ReadError> {
        let Some((proof, size)) = self.rollup(cell.rollup)? else { return Ok(false) };
        if size > self.size || !names(&proof.note, contract) {
            return Ok(false);
        }
        let anchor = Anchor::parse(&cell.anchor).ok().filter(|anchor| anchor.contract == contract);
        let anchor = anchor.ok_or(StoreError::Damaged { what: "anchor" })?;
        builder.rollup(proof);
        builder.anchor(cell.rollup, anchor);
        Ok(true)
    }

    /// A roll-up, with the way to this log's checkpoint and its size; `None` if it does not cover the log.
    fn rollup(self, sequence: u64) -> Result<Option<(RollUpProof, TreeSize)>, ReadError> {
        let damaged = || StoreError::Damaged { what: "roll-up" };
        let cell = self.firm.store.rollup(sequence)?.ok_or_else(damaged)?;
        let Some((index, checkpoint)) = cell.checkpoint_of(self.log.origin()) else {
            return Ok(None);
        };
        let tree = RollUpTree::new(cell.checkpoints.iter().map(String::as_str));
        let path = tree.ok().and_then(|tree| tree.path(index)).ok_or_else(damaged)?;
        let signed = self.log.checkpoint(checkpoint.size)?;
        let signed = String::from_utf8(signed).map_err(|_why| damaged())?;
        let proof = RollUpProof { checkpoint: signed, index, note: cell.note, path };
        Ok(Some((proof, checkpoint.size)))
    }

    /// The firm's signed time on a checkpoint of its own.
    fn signed_at_s(self, checkpoint: &str) -> Option<u64> {
        let note = Note::parse(checkpoint.as_bytes()).ok()?;
        let keys = std::sync::Arc::clone(&self.log.overview().firm);
        let mut signed = keys.keys().iter().filter_map(|role| {
            let signed = note.verify(&role.key, &self.firm.memo).ok()?;
            if let Signed::At(at) = signed { Some(at.seconds()) } else { None }
        });
        signed.next()
    }
}

/// Whether the roll-up is meant for the contract: else its anchor there would be refused.
fn names(note: &str, contract: Contract) -> bool {
    let text = Note::parse(note.as_bytes()).ok().and_then(|note| RollUp::parse(note.text()).ok());
    text.is_some_and(|text| text.contracts.contains(&contract))
}
