//! What a worker must not forget, kept in the firm's store.

use std::sync::Arc;

use witness_anchor::worker::{Evidenced, Journal};
use witness_core::{hash::Hash, rollup::Contract};
use witness_ledger::{AnchorCell, FirmStore, StoreError};

/// The journal of the worker of one contract.
#[derive(Debug)]
pub(super) struct StoredJournal {
    pub(super) store: Arc<FirmStore>,
    pub(super) contract: Contract,
}

impl Journal for StoredJournal {
    type Error = StoreError;

    fn record(&self) -> Result<Option<String>, StoreError> {
        self.store.anchors_of(self.contract).record()
    }

    fn write(&self, record: &str, evidenced: &[Evidenced]) -> Result<(), StoreError> {
        let cell = |evidenced: &Evidenced| AnchorCell {
            rollup: evidenced.rollup,
            sequence: evidenced.sequence,
            block: evidenced.block.number,
            block_hash: evidenced.block.hash.0,
            time: evidenced.block.time,
            anchor: evidenced.anchor.clone(),
        };
        let cells: Vec<AnchorCell> = evidenced.iter().map(cell).collect();
        self.store.anchors_of(self.contract).write(record, &cells)
    }

    fn newest_rollup(&self) -> Result<Option<(u64, Hash)>, StoreError> {
        let Some((sequence, cell)) = self.store.newest_rollup()? else { return Ok(None) };
        let text = cell.text().ok_or(StoreError::Damaged { what: "roll-up" })?;
        // One that does not name the contract would be no anchor there; the next one names it.
        let is_for_it = text.contracts.contains(&self.contract);
        Ok(is_for_it.then(|| (sequence, text.value())))
    }

    fn rollup_of(&self, value: &Hash) -> Result<Option<u64>, StoreError> {
        self.store.rollup_of(value)
    }
}
