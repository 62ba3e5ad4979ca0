//! Admission: what a submission must be before it can be logged. Types are a ratchet: an [`Admitted`] can
//! only be made here, and only it can be sequenced.

mod refusal;

use alloc::{string::ToString, vec::Vec};

pub use refusal::{Blame, Refusal};

use crate::{
    details::Details,
    event::{Change, EVENT_BYTES_MAX, Event, first_broken_pair},
    hash::Hash,
    key::KeyId,
    merkle,
    name::Domain,
    note::Ed25519,
    personal,
    registry::{IssuerRecord, Registry, StreamRecord},
    submission::{
        Heartbeat, IssuerNote, IssuerNoteError, SUBMISSION_BYTES_MAX, SUBMISSION_EVENTS_MAX,
        Submission,
    },
    text::Malformed,
};

/// A submission whose signature, events and details were found in order, under a registry as it stood.
#[derive(Debug)]
pub struct Admitted {
    note: IssuerNote<Submission>,
    events: Vec<Event>,
    leaves: Vec<Hash>,
}

impl Admitted {
    /// The note.
    #[must_use]
    pub fn note(&self) -> &IssuerNote<Submission> {
        &self.note
    }

    /// What the issuer signed.
    #[must_use]
    pub fn submission(&self) -> &Submission {
        &self.note.body
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Leaf hashes of the events.
    #[must_use]
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }
}

/// Reads a submission's note: all that is needed to see whether it is logged already.
pub fn read(note: &[u8], registry: &Registry) -> Result<IssuerNote<Submission>, Refusal> {
    let note = IssuerNote::<Submission>::parse(note).map_err(refuse_note)?;
    if note.body.origin != *registry.origin() {
        return Err(Refusal::OtherLog { expected: registry.origin().clone() });
    }
    stream_of(registry, &note.body)?;
    Ok(note)
}

/// Checks a submission with its events and details against the registry.
pub fn admit(
    note: IssuerNote<Submission>,
    events: &[impl AsRef<[u8]>],
    details: &[impl AsRef<[u8]>],
    (registry, ed25519): (&Registry, &dyn Ed25519),
) -> Result<Admitted, Refusal> {
    check_sizes(&note.body, events, details)?;
    check_signature(&note, registry, ed25519)?;
    let mut parsed = Vec::with_capacity(events.len());
    let mut leaves = Vec::with_capacity(events.len());
    for (index, (event, details)) in events.iter().zip(details).enumerate() {
        let event_bytes = event.as_ref();
        let event = Event::parse(event_bytes).map_err(|why| refuse_event(&why, index))?;
        check_status(&event, index)?;
        check_details(&event, details.as_ref(), index, registry)?;
        leaves.push(Hash::leaf(event_bytes));
        parsed.push(event);
    }
    if let Some(index) = first_broken_pair(&parsed) {
        return Err(Refusal::BrokenPair { index });
    }
    if merkle::leaves_root(&leaves) != note.body.root {
        return Err(Refusal::RootMismatch);
    }
    Ok(Admitted { note, events: parsed, leaves })
}

/// Reads and checks a heartbeat's note.
pub fn admit_heartbeat(
    note: &[u8],
    (registry, ed25519): (&Registry, &dyn Ed25519),
) -> Result<IssuerNote<Heartbeat>, Refusal> {
    let note = IssuerNote::<Heartbeat>::parse(note).map_err(refuse_note)?;
    let body = &note.body;
    if body.origin != *registry.origin() {
        return Err(Refusal::OtherLog { expected: registry.origin().clone() });
    }
    let issuer = registry.issuer(&body.issuer);
    let issuer = issuer.ok_or_else(|| Refusal::UnknownIssuer { issuer: body.issuer.clone() })?;
    if !issuer.streams.contains_key(&body.stream) {
        return Err(Refusal::UnknownStream { stream: body.stream.clone() });
    }
    check_key((&body.issuer, issuer), &note, ed25519)?;
    Ok(note)
}

/// The issuer and stream that a submission names.
pub fn stream_of<'a>(
    registry: &'a Registry,
    submission: &Submission,
) -> Result<(&'a IssuerRecord, &'a StreamRecord), Refusal> {
    let issuer = registry.issuer(&submission.issuer);
    let issuer =
        issuer.ok_or_else(|| Refusal::UnknownIssuer { issuer: submission.issuer.clone() })?;
    let stream = issuer.streams.get(&submission.stream);
    let stream =
        stream.ok_or_else(|| Refusal::UnknownStream { stream: submission.stream.clone() })?;
    Ok((issuer, stream))
}

/// Whether something new of the issuer's can be admitted now under this key: neither was the issuer offboarded nor
/// the key revoked. Checked again when the submission is sequenced: what counts is log order.
pub fn check_living((name, issuer): (&Domain, &IssuerRecord), id: KeyId) -> Result<(), Refusal> {
    if issuer.offboarded.is_some() {
        return Err(Refusal::IssuerOffboarded { issuer: name.clone() });
    }
    match issuer.key(id) {
        None => Err(Refusal::UnknownKey { key: id }),
        Some(record) if record.revoked.is_some() => Err(Refusal::RevokedKey { key: id }),
        Some(_) => Ok(()),
    }
}

fn check_sizes(
    submission: &Submission,
    events: &[impl AsRef<[u8]>],
    details: &[impl AsRef<[u8]>],
) -> Result<(), Refusal> {
    let found = u64::try_from(events.len()).unwrap_or(u64::MAX);
    if found > SUBMISSION_EVENTS_MAX {
        return Err(Refusal::TooManyEvents { found });
    }
    if found != submission.events {
        return Err(Refusal::EventCountMismatch { expected: submission.events, found });
    }
    if details.len() != events.len() {
        let found = u64::try_from(details.len()).unwrap_or(u64::MAX);
        return Err(Refusal::DetailsCountMismatch { expected: submission.events, found });
    }
    let bytes: usize = events.iter().map(|event| event.as_ref().len()).sum::<usize>()
        + details.iter().map(|details| details.as_ref().len()).sum::<usize>();
    if bytes > SUBMISSION_BYTES_MAX {
        return Err(Refusal::SubmissionTooLarge { found: bytes });
    }
    Ok(())
}

fn check_signature(
    note: &IssuerNote<Submission>,
    registry: &Registry,
    ed25519: &dyn Ed25519,
) -> Result<(), Refusal> {
    let (issuer, _stream) = stream_of(registry, &note.body)?;
    check_key((&note.body.issuer, issuer), note, ed25519)
}

fn check_key<T>(
    (name, issuer): (&Domain, &IssuerRecord),
    note: &IssuerNote<T>,
    ed25519: &dyn Ed25519,
) -> Result<(), Refusal> {
    let id = note.key_id();
    check_living((name, issuer), id)?;
    let record = issuer.key(id).ok_or(Refusal::UnknownKey { key: id })?;
    note.verify(&record.key, ed25519).or(Err(Refusal::BadSignature { key: id }))
}

/// A status is the one text that an event gives verbatim, so it is looked at as a value of details is.
fn check_status(event: &Event, index: usize) -> Result<(), Refusal> {
    let Change::Status { status, .. } = &event.change else { return Ok(()) };
    let found = personal::find(status.as_str());
    found.map_or(Ok(()), |kind| Err(Refusal::of_status(index, kind)))
}

fn check_details(
    event: &Event,
    details: &[u8],
    index: usize,
    registry: &Registry,
) -> Result<(), Refusal> {
    let Some(claim_type) = registry.claim_type(&event.claim_type) else {
        // A name that is not registered was chosen by the sender, and may be a personal value itself.
        let found = personal::find(event.claim_type.as_str());
        return Err(found.map_or_else(
            || Refusal::UnknownClaimType { index, claim_type: event.claim_type.clone() },
            |kind| Refusal::of_claim_type(index, kind),
        ));
    };
    let parsed = match (&event.details, details.is_empty()) {
        (None, true) => None,
        (None, false) => return Err(Refusal::DetailsUnexpected { index }),
        (Some(_), true) => return Err(Refusal::DetailsMissing { index }),
        (Some(hash), false) => {
            if Hash::of(details) != *hash {
                return Err(Refusal::DetailsHashMismatch { index });
            }
            let parsed = Details::parse(details)
                .map_err(|why| Refusal::MalformedDetails { index, why: why.to_string() })?;
            Some(parsed)
        }
    };
    claim_type
        .schema
        .check(event.change.kind(), parsed.as_ref())
        .map_err(|refusal| Refusal::of_field(index, &refusal))
}

fn refuse_note(error: IssuerNoteError) -> Refusal {
    match error {
        IssuerNoteError::Note(error) => Refusal::MalformedNote { why: error.to_string() },
        IssuerNoteError::OneSignature => Refusal::MalformedNote { why: error.to_string() },
        IssuerNoteError::Text(why) => Refusal::MalformedSubmission { why: why.to_string() },
    }
}

fn refuse_event(why: &Malformed, index: usize) -> Refusal {
    if let Malformed::TooLong { size, .. } = *why {
        return Refusal::EventTooLarge { index, found: size, limit: EVENT_BYTES_MAX };
    }
    Refusal::MalformedEvent { index, why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Salt, Status, StatusClass},
        hash::DocumentHash,
        name::Name,
    };

    #[test]
    fn a_status_that_looks_personal_is_refused_and_not_repeated() {
        let check = |text: &str| {
            let status = Status::parse(text).unwrap();
            let event = Event {
                salt: Salt([7; 16]),
                document: DocumentHash(Hash::of(b"document")),
                change: Change::Status { class: StatusClass::Other, status },
                claim_type: Name::parse("skill-module").unwrap(),
                occurred_at: 0,
                details: None,
            };
            check_status(&event, 3)
        };
        for usual in ["REVOKED", "on hold - see board_7", "Valid until 2028-02-29"] {
            assert!(check(usual).is_ok(), "{usual}");
        }
        let card = "call 4111 1111 1111 1111";
        let refusal = check(card).unwrap_err();
        assert_eq!(refusal.reason(), "PERSONAL_DATA");
        let expected = [("event_index", "3"), ("field", "status"), ("rule", "payment-card")]
            .map(|(name, value)| (name, value.to_string()));
        assert_eq!(refusal.metadata(), expected);
        assert!(!refusal.to_string().contains("4111"), "{refusal}");
    }
}
