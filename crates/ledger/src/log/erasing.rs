//! Erasing what is kept beside a log, and letting go of it in the files.

use std::collections::BTreeSet;

use tokio::sync::oneshot;
use witness_core::{
    admission::Refusal,
    entry::Entry,
    erasure::{Erasure, RANGES_MAX},
    hash::DocumentHash,
    name::Domain,
};

use super::Log;
use crate::{
    cells::family,
    erasure::{self, Erasable, Erased, ErasedBy, ErasureRequest, What},
    plan::Erasing,
    reader::ReadError,
    sequencer::{Request, Work},
    store::{StoreError, Writes},
};

impl Log {
    /// Finds what a request is about, or why none of it can be erased. Reads as much as a document has events.
    pub fn erasable(&self, request: &ErasureRequest) -> Result<Erasable, Refusal> {
        let ErasureRequest { issuer, what, reason } = request;
        let overview = self.overview();
        let record = overview.registry.issuer(issuer);
        let record = record.ok_or_else(|| Refusal::UnknownIssuer { issuer: issuer.clone() })?;
        let ranges = match what {
            What::Ranges(ranges) => ranges.clone(),
            What::Document(document) => erasure::ranges_of(&self.reader, record, document)
                .map_err(|error| unreadable(&error))??,
        };
        for range in &ranges {
            let (expected, _previous) = self.position(issuer, &range.stream)?;
            if range.end() > expected {
                return Err(Refusal::BeyondEnd { expected });
            }
            // Of all pieces, before the first of them is erased.
            if let Some(hold) = overview.registry.hold_over(issuer, range) {
                return Err(Refusal::LegalHold { hold: hold.clone() });
            }
        }
        let pieces = erasure::pieces(ranges);
        Ok(Erasable { issuer: issuer.clone(), reason: *reason, pieces })
    }

    /// Erases what was found, piece by piece: each is one entry, and one write with all that goes. When it ends with a
    /// refusal, pieces before that are erased; asked again, it goes on.
    pub async fn erase(&self, erasable: Erasable) -> Result<Erased, Refusal> {
        match self.erase_pieces(erasable).await {
            (erased, None) => Ok(erased),
            (_, Some(refusal)) => Err(refusal),
        }
    }

    /// The same, and what was erased before a refusal.
    pub async fn erase_pieces(&self, erasable: Erasable) -> (Erased, Option<Refusal>) {
        let Erasable { issuer, reason, pieces } = erasable;
        let mut erased = Erased { events: 0, by: None };
        for ranges in pieces {
            let erasing = Erasing { issuer: issuer.clone(), reason, ranges };
            if let Err(refusal) = self.erase_piece(&erasing, &mut erased).await {
                return (erased, Some(refusal));
            }
        }
        (erased, None)
    }

    async fn erase_piece(&self, erasing: &Erasing, erased: &mut Erased) -> Result<(), Refusal> {
        loop {
            let sent = self.send(Work::Erase(erasing.clone()), None).await?;
            let receipt = match sent.answer().await {
                Ok(submitted) => submitted.receipt,
                Err(Refusal::AlreadyErased) => return Ok(()),
                Err(refusal) => return Err(refusal),
            };
            let by = ErasedBy { index: receipt.index, at: receipt.received_at };
            let logged = self.erasure_at(by).map_err(|error| unreadable(&error))?;
            erased.events += logged.ranges.iter().map(|range| range.events).sum::<u64>();
            erased.by = Some(by);
            // A piece can have more gaps than an entry can have ranges.
            if logged.ranges.len() < RANGES_MAX {
                return Ok(());
            }
        }
    }

    fn erasure_at(&self, by: ErasedBy) -> Result<Erasure, StoreError> {
        let entry = Entry::parse(&self.reader.entry(by.index)?).ok();
        let erasure = entry.and_then(|entry| Erasure::parse(&entry.body).ok());
        erasure.ok_or(StoreError::Damaged { what: "erasure in an entry" })
    }

    /// When all that was known of a document was erased, if it was and nothing was logged of it since.
    pub fn document_erased_by(
        &self,
        issuer: &Domain,
        document: &DocumentHash,
    ) -> Result<Option<ErasedBy>, ReadError> {
        let overview = self.overview();
        let Some(record) = overview.registry.issuer(issuer) else { return Ok(None) };
        let store = &self.reader.store;
        Ok(erasure::document_erased_by(store, record.ordinal, &document.0)?)
    }

    /// Whether files may still hold what was erased.
    pub fn is_unsettled(&self) -> Result<bool, ReadError> {
        Ok(!erasure::unsettled(&self.reader.store)?.is_empty())
    }

    /// Rewrites the files that hold what was erased: when it returns, none does. Takes long on a large log, and must
    /// not run inside the runtime.
    pub fn let_go(&self) -> Result<(), ReadError> {
        let turn = self.letting_go.lock();
        let _turn = turn.unwrap_or_else(std::sync::PoisonError::into_inner);
        let unsettled = erasure::unsettled(&self.reader.store)?;
        if unsettled.is_empty() {
            return Ok(());
        }
        let submissions: BTreeSet<_> =
            unsettled.iter().flat_map(|erasure| &erasure.submissions).copied().collect();
        let erasures: BTreeSet<_> = unsettled.iter().map(|erasure| erasure.by).collect();
        self.reader.store.let_go_of(&erasures, &submissions)?;
        let mut writes = Writes::default();
        for erasure in unsettled {
            writes.remove(family::ERASURE, erasure.key);
        }
        self.keep(writes);
        Ok(())
    }

    /// Has the writer write what moves no head. If it has stopped, what was done is done again some day.
    pub(super) fn keep(&self, writes: Writes) {
        let (done, waiting) = oneshot::channel();
        let request = Request { work: Work::Keep(writes, done), answer: None, reservation: None };
        if let Ok(queue) = self.queue()
            && queue.blocking_send(request).is_ok()
        {
            // An error means that the writer has ended.
            drop(waiting.blocking_recv());
        }
    }
}

fn unreadable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "what is to be erased cannot be read");
    Refusal::Unreadable
}
