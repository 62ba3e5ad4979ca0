//! Both sides of time: the roll-ups and anchors that evidence carries beside its entries.
//!
//! For each event, and on each contract: the first anchor that covers it, and the newest one before it. Between the
//! two it was received, whatever the firm says. Without a chain it is the first roll-up alone.

use std::{collections::BTreeSet, sync::Arc};

use tonic::Status;
use witness_core::{
    evidence::EvidenceBuilder,
    evm::Anchor,
    firm::Role,
    merkle::{LeafIndex, TreeSize},
    note::{Note, Signed},
    rollup::Contract,
};
use witness_ledger::{AnchorCell, Log, ReadError, StoreError};

use crate::{
    convert,
    firm::Firm,
    rolled::{KnownRollUps, Rolled},
};

/// Anchors that are looked at on the way back, until one came in time after its checkpoint: a late one bounds
/// nothing.
const STEPS_BACK_MAX: usize = 8;

/// Where roll-ups and anchors are looked up for a file.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) firm: &'a Firm,
    pub(crate) log: &'a Log,
    /// Number of the log among the firm's logs.
    pub(crate) number: usize,
    pub(crate) known: &'a KnownRollUps,
    /// Size of the file's own checkpoint: what came later is left out.
    pub(crate) size: TreeSize,
}

impl Bounds<'_> {
    /// Adds what bounds these entries, and the proofs that all checkpoints of the file are one history.
    pub(crate) fn add(
        self,
        builder: &mut EvidenceBuilder,
        indexes: BTreeSet<LeafIndex>,
    ) -> Result<(), Status> {
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
        let first = self.known.first_over(store, (self.number, self.log), index)?;
        let Some(first) = first else { return Ok(()) };
        let mut is_anchored = false;
        for contract in self.firm.rollups.contracts.iter().copied() {
            let Some(after) = store.anchors_of(contract).at_or_after(first)? else { continue };
            let rolled = self.rolled(after.rollup)?;
            is_anchored |= self.add_anchor(builder, (contract, &after), rolled)?;
            if let Some((before, rolled)) = self.before(contract, first)? {
                self.add_anchor(builder, (contract, &before), Some(rolled))?;
            }
        }
        if !is_anchored && let Some(rolled) = self.rolled(first)? {
            builder.rollup(rolled.proof.clone());
        }
        Ok(())
    }

    /// The newest anchor before a roll-up that came in time after the log's checkpoint in it was signed.
    fn before(
        self,
        contract: Contract,
        rollup: u64,
    ) -> Result<Option<(AnchorCell, Arc<Rolled>)>, ReadError> {
        let anchors = self.firm.store.anchors_of(contract);
        let mut next = anchors.before(rollup)?;
        for _ in 0..STEPS_BACK_MAX {
            let Some(cell) = next else { return Ok(None) };
            let Some(rolled) = self.rolled(cell.rollup)? else { return Ok(None) };
            let delay = self.firm.policy.max_anchor_delay_s;
            if self.signed_at_s(&rolled).is_some_and(|at| cell.time <= at + delay) {
                return Ok(Some((cell, rolled)));
            }
            next = anchors.before(cell.rollup)?;
        }
        Ok(None)
    }

    /// Whether the anchor says something of this log.
    fn add_anchor(
        self,
        builder: &mut EvidenceBuilder,
        (contract, cell): (Contract, &AnchorCell),
        rolled: Option<Arc<Rolled>>,
    ) -> Result<bool, ReadError> {
        // An anchor on a contract that its roll-up does not name would be refused.
        let is_for_it = |rolled: &Arc<Rolled>| rolled.contracts.contains(&contract);
        let Some(rolled) = rolled.filter(|it| it.size <= self.size).filter(is_for_it) else {
            return Ok(false);
        };
        let anchor = Anchor::parse(&cell.anchor).ok().filter(|anchor| anchor.contract == contract);
        let anchor = anchor.ok_or(StoreError::Damaged { what: "anchor" })?;
        builder.rollup(rolled.proof.clone());
        builder.anchor(cell.rollup, anchor);
        Ok(true)
    }

    fn rolled(self, sequence: u64) -> Result<Option<Arc<Rolled>>, ReadError> {
        self.known.rolled(&self.firm.store, (self.number, self.log), sequence)
    }

    /// The firm's signed time on the checkpoint of a roll-up.
    fn signed_at_s(self, rolled: &Rolled) -> Option<u64> {
        let note = Note::parse(rolled.proof.checkpoint.as_bytes()).ok()?;
        let role = (Role::Timestamp, self.log.origin().as_str(), rolled.size.0);
        match self.log.overview().firm.verify(&note, role, &self.firm.memo).ok()? {
            (_, Signed::At(at)) => Some(at.seconds()),
            (_, Signed::Plain) => None,
        }
    }
}
