//! Reading what lies beside the log: the texts of a submission's events, or what stands for those that were erased.

use std::{ops::ControlFlow, sync::Arc};

use witness_core::{hash::Hash, merkle::LeafIndex};

use super::Log;
use crate::{bodies, cells::family, conflicts, documents, erasure::ErasedBy, reader::ReadError};

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
        let submission = conflicts::submission_at(store, index)?.body;
        let events = u16::try_from(submission.events).unwrap_or(u16::MAX);
        let (mut cursor, mut kept) = (store.cursor(family::BODY, None)?, Vec::new());
        let read: ControlFlow<()> = bodies::each(&mut cursor, (index, 0..events), |_, texts| {
            kept.push(texts.map(|(event, details)| (event.to_vec(), details.to_vec())));
            ControlFlow::Continue(())
        })?;
        debug_assert!(read.is_continue());
        // Most of the time nothing is missing, and the leaf hashes need not be read.
        let leaves = if kept.contains(&None) {
            conflicts::leaves_at(store, index, &submission)?
        } else {
            vec![Hash::ZERO; kept.len()]
        };
        let registry = Arc::clone(&self.overview().registry);
        let all = (submission.first_sequence..).zip(kept).zip(leaves);
        let body = |((sequence, texts), leaf)| {
            if let Some((event, details)) = texts {
                return Ok(Body::Kept { event, details });
            }
            let by = documents::erased(&self.reader, &registry, &submission, sequence)?;
            Ok(Body::Erased { leaf, by })
        };
        all.map(body).collect()
    }
}
