//! Events as an auditor sees them, with what is kept beside the log, read from the log itself.

use std::{cell::Cell, collections::BTreeMap, fmt};

use witness_core::{
    anomaly::Anomalies,
    entry::{Entry, EntryKind},
    erasure::{Erasure, Reason},
    merkle::LeafIndex,
    name::{Domain, Name},
    registry::{KeyStanding, Registry},
    submission::{IssuerNote, Submission},
    time::Timestamp,
};

use crate::{
    bodies::Texts,
    cells::{self, SubmissionCell, family},
    erasure,
    store::{Store, StoreError},
};

/// An event with what is kept beside the log.
#[derive(Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Index of its entry.
    pub index: LeafIndex,
    /// Its index in the submission.
    pub event: u16,
    /// When it was received.
    pub received_at: Timestamp,
    /// Whose.
    pub issuer: Domain,
    /// Its stream.
    pub stream: Name,
    /// Its sequence number there.
    pub sequence: u64,
    /// Texts of the event and of its details; none once they are erased.
    pub texts: Option<(Vec<u8>, Vec<u8>)>,
    /// When they were erased, if that is known.
    pub erased_at: Option<Timestamp>,
    /// Why, by the entry that says so.
    pub erasure_reason: Option<Reason>,
    /// What is odd about it.
    pub anomalies: Anomalies,
    /// Whether the key of its submission was revoked later, as of a time at or before the receipt.
    pub suspect: bool,
}

/// The texts are not for logs.
impl fmt::Debug for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = (self.index, self.event);
        f.debug_struct("AuditEvent").field("place", &place).finish_non_exhaustive()
    }
}

impl AuditEvent {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let texts = self.texts.as_ref().map_or(0, |(event, details)| event.len() + details.len());
        128 + texts
    }
}

/// A logged submission, as far as its events need it.
#[derive(Debug)]
pub(super) struct Logged {
    index: LeafIndex,
    stream: u32,
    received_at: Timestamp,
    submission: Submission,
    suspect: bool,
    anomalies: BTreeMap<u16, Anomalies>,
    /// Why events were erased by the entry that was read last: most often it erased several.
    reason: Cell<Option<(LeafIndex, Reason)>>,
}

impl Logged {
    /// Reads the submission that an entry holds; none if it holds something else, or of a stream that the
    /// caller does not want.
    pub(super) fn read(
        store: &Store,
        registry: &Registry,
        (index, text): (LeafIndex, &[u8]),
        wanted: impl FnOnce(u32, Timestamp) -> bool,
    ) -> Result<Option<Self>, StoreError> {
        let entry = Entry::parse(text).or(Err(StoreError::Damaged { what: "entry" }))?;
        if entry.kind != EntryKind::Submission {
            return Ok(None);
        }
        let note = IssuerNote::<Submission>::parse(entry.body.as_bytes());
        let note = note.or(Err(StoreError::Damaged { what: "submission in an entry" }))?;
        let unknown = || StoreError::Damaged { what: "registry that knows a logged stream" };
        let issuer = registry.issuer(&note.body.issuer).ok_or_else(unknown)?;
        let stream = issuer.streams.get(&note.body.stream).ok_or_else(unknown)?.ordinal;
        let received_at = entry.received_at;
        if !wanted(stream, received_at) {
            return Ok(None);
        }
        let standing = issuer.key(note.key_id()).map(|key| key.standing(index, received_at));
        let suspect = standing == Some(KeyStanding::Suspect);
        let anomalies = anomalies(store, stream, &note.body)?;
        let (submission, reason) = (note.body, Cell::new(None));
        Ok(Some(Self { index, stream, received_at, submission, suspect, anomalies, reason }))
    }

    /// How many events it has.
    pub(super) fn events(&self) -> u16 {
        u16::try_from(self.submission.events).unwrap_or(u16::MAX)
    }

    pub(super) fn first_sequence(&self) -> u64 {
        self.submission.first_sequence
    }

    pub(super) fn anomalies(&self, event: u16) -> Anomalies {
        self.anomalies.get(&event).copied().unwrap_or_default()
    }

    /// One of its events.
    pub(super) fn event(
        &self,
        store: &Store,
        (event, texts): (u16, Texts<'_>),
    ) -> Result<AuditEvent, StoreError> {
        let sequence = self.first_sequence() + u64::from(event);
        let erased = match texts {
            Some(_) => None,
            None => erasure::erased_by(store, self.stream, sequence)?,
        };
        Ok(AuditEvent {
            index: self.index,
            event,
            received_at: self.received_at,
            issuer: self.submission.issuer.clone(),
            stream: self.submission.stream.clone(),
            sequence,
            texts: texts.map(|(event, details)| (event.to_vec(), details.to_vec())),
            erased_at: erased.map(|by| by.at),
            erasure_reason: erased.map(|by| self.reason(store, by.index)).transpose()?,
            anomalies: self.anomalies(event),
            suspect: self.suspect,
        })
    }

    /// Why something was erased, by the entry that erased it.
    fn reason(&self, store: &Store, index: LeafIndex) -> Result<Reason, StoreError> {
        if let Some((_, known)) = self.reason.get().filter(|(of, _)| *of == index) {
            return Ok(known);
        }
        let text = store.get(family::ENTRY, &cells::index_key(index))?;
        let entry = text.and_then(|text| Entry::parse(&text).ok());
        let erasure = entry.and_then(|entry| Erasure::parse(&entry.body).ok());
        let erasure = erasure.ok_or(StoreError::Damaged { what: "erasure entry" })?;
        self.reason.set(Some((index, erasure.reason)));
        Ok(erasure.reason)
    }
}

/// What is odd about the events of a logged submission.
pub(super) fn anomalies(
    store: &Store,
    stream: u32,
    submission: &Submission,
) -> Result<BTreeMap<u16, Anomalies>, StoreError> {
    let key = SubmissionCell::key(stream, submission.first_sequence);
    let cell = store.get(family::SUBMISSION, &key)?;
    let cell = cell.as_deref().and_then(SubmissionCell::decode);
    let cell = cell.ok_or(StoreError::Damaged { what: "submission cell" })?;
    Ok(cell.anomalies.into_iter().collect())
}
