//! A submission's events, planned: their texts, their places in the cells of their documents, and what is odd.

use std::collections::BTreeSet;

use witness_core::{
    admission::Admitted,
    anomaly::{self, Anomaly, Standing},
    merkle::LeafIndex,
};

use super::{Anomalous, Incoming, Planner};
use crate::{
    cells::{self, DocumentCell, PlaceCell, family},
    erasure::document_erased_by,
    store::StoreError,
};

impl Planner<'_> {
    pub(super) fn write_bodies(&mut self, index: LeafIndex, incoming: &mut Incoming) {
        let leaves = incoming.admitted.leaves();
        // The root over one event is its leaf hash, and stands in the entry.
        if leaves.len() > 1 {
            let bytes = leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect();
            self.writes.put(family::LEAVES, cells::index_key(index), bytes);
        }
        for (number, cell) in (0..).zip(incoming.bodies.drain(..)) {
            self.writes.put(family::BODY, cells::body_key(index, number), cell);
        }
    }

    /// Adds each event to its document's cell, and notes what is odd about it.
    pub(super) fn place_events(
        &mut self,
        index: LeafIndex,
        admitted: &Admitted,
        issuer: u32,
        (stream, back_fill): (u32, bool),
    ) -> Result<Vec<Anomalous>, StoreError> {
        let keys: Vec<Vec<u8>> = admitted
            .events()
            .iter()
            .map(|event| DocumentCell::key(issuer, &event.document.0))
            .collect();
        self.load_documents(&keys)?;
        let mut odd = Vec::new();
        for ((number, event), key) in (0..).zip(admitted.events()).zip(keys) {
            let cell = self.documents.entry(key.clone()).or_default();
            let before = cell.places.last().map(|place| place.standing);
            let mut anomalies = anomaly::anomalies(event, before, self.now, back_fill);
            // Of a document of which all was erased, nobody knows any more whether it was issued, or deleted.
            if before.is_none()
                && !anomaly::Turn::from(&event.change).is_new()
                && document_erased_by(self.store, issuer, &event.document.0)?.is_some()
            {
                anomalies = anomalies.without(Anomaly::NeverIssued);
            }
            if !anomalies.is_empty() {
                odd.push((number, anomalies));
            }
            let standing = Standing::after(before, &event.change);
            let is_erased = false;
            cell.streams.insert(stream);
            cell.places.push(PlaceCell {
                stream,
                index,
                event: number,
                standing,
                anomalies,
                is_erased,
            });
            if cell.places.len() > DocumentCell::PAGE {
                let places = cell.places.drain(..DocumentCell::PAGE).collect();
                let (older_pages, streams) = (cell.older_pages, BTreeSet::new());
                let page = DocumentCell { older_pages, streams, places };
                let key = DocumentCell::page_key(&key, cell.older_pages);
                self.writes.put(family::DOCUMENT, key, page.encode());
                cell.older_pages += 1;
            }
        }
        Ok(odd)
    }

    fn load_documents(&mut self, keys: &[Vec<u8>]) -> Result<(), StoreError> {
        let mut missing: Vec<Vec<u8>> =
            keys.iter().filter(|key| !self.documents.contains_key(*key)).cloned().collect();
        missing.sort_unstable();
        missing.dedup();
        let cells = self.store.get_many(family::DOCUMENT, &missing)?;
        for (key, cell) in missing.into_iter().zip(cells) {
            let Some(bytes) = cell else { continue };
            let cell = DocumentCell::decode(&bytes)
                .ok_or(StoreError::Damaged { what: "document cell" })?;
            self.documents.insert(key, cell);
        }
        Ok(())
    }
}
