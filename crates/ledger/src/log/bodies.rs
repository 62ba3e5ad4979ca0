//! Reading what lies beside the log: the texts of a submission's events, or what stands for those that were erased.

use witness_core::{hash::Hash, merkle::LeafIndex};

use super::Log;
use crate::{
    cells::{self, BODY_EVENTS, family},
    conflicts, documents,
    erasure::ErasedBy,
    reader::ReadError,
    store::StoreError,
};

/// What is kept of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Its texts.
    Kept {
        /// The event.
        event: Vec<u8>,
        /// Its details; empty if it has none.
        details: Vec<u8>,
    },
    /// It was erased: its hash in the submission's tree is all that is left.
    Erased {
        /// The hash.
        leaf: Hash,
        /// The entry by which it was.
        by: ErasedBy,
    },
}

impl Log {
    /// What is kept of the events of a submission, in order.
    pub fn bodies(&self, index: LeafIndex) -> Result<Vec<Body>, ReadError> {
        let store = &self.reader.store;
        let registry = std::sync::Arc::clone(&self.overview().registry);
        let submission = conflicts::submission_at(store, index)?.body;
        let damaged = || StoreError::Damaged { what: "body cell" };
        let events = usize::try_from(submission.events).map_err(|_large| damaged())?;
        let cells = (0..).take(events.div_ceil(BODY_EVENTS));
        let keys: Vec<Vec<u8>> = cells.map(|number| cells::body_key(index, number)).collect();
        let cells = store.get_many(family::BODY, &keys)?;
        let mut leaves = None;
        let mut bodies = Vec::with_capacity(events);
        for number in 0..events {
            let cell = cells.get(number / BODY_EVENTS).and_then(Option::as_deref);
            let texts = cell.map(|cell| cells::decode_body(cell, number % BODY_EVENTS));
            let texts = texts.map(|texts| texts.ok_or_else(damaged)).transpose()?;
            let kept = texts.filter(|(event, _)| !event.is_empty());
            if kept.is_none() && leaves.is_none() {
                leaves = Some(conflicts::leaves_at(store, index, &submission)?);
            }
            let leaf = || leaves.as_ref().and_then(|leaves| leaves.get(number)).copied();
            if let Some((event, details)) = kept {
                bodies.push(Body::Kept { event, details });
                continue;
            }
            let sequence = submission.first_sequence + u64::try_from(number).unwrap_or(u64::MAX);
            let by = documents::erased(&self.reader, &registry, &submission, sequence)?;
            bodies.push(Body::Erased { leaf: leaf().ok_or_else(damaged)?, by });
        }
        Ok(bodies)
    }
}
