//! Drafting submissions: what an issuer's client does before it signs. Salts and links are HMAC-SHA256
//! (RFC 2104) of place and content under a secret of the client's, so a rebuilt submission is the same one.

use alloc::{string::String, vec::Vec};
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    details::{Details, DetailsError},
    event::{Change, EVENT_BYTES_MAX, Event, Salt},
    hash::{DocumentHash, Hash},
    key::SigningKey,
    merkle,
    name::{Domain, Name, Origin},
    note::Note,
    submission::{SUBMISSION_BYTES_MAX, SUBMISSION_EVENTS_MAX, Submission},
    time::Timestamp,
};

/// Most bytes that one event with its details can take in a submission.
const EVENT_WITH_DETAILS_BYTES_MAX: usize = EVENT_BYTES_MAX + 4096;

/// The secret under which a client derives salts and links. Lose it, and rebuilt submissions differ; leak
/// it, and events can be guessed from their public hashes.
pub struct ClientSecret(Zeroizing<[u8; 32]>);

impl ClientSecret {
    /// A secret from 32 random bytes, which the caller brings.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn derive(&self, purpose: &str, place: &Place<'_>, content: &[u8]) -> [u8; 32] {
        // HMAC takes keys of any length, so this cannot fail; if it did, all salts would still be one-way.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) else { return [0; 32] };
        // No part can hold a newline but the last, so the parts cannot be shifted against each other.
        let sequence = alloc::format!("{}\n", place.sequence);
        for part in [purpose, place.origin.as_str(), place.issuer.as_str(), place.stream.as_str()] {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        mac.update(sequence.as_bytes());
        mac.update(content);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(hidden)")
    }
}

/// Where an event will stand.
#[derive(Debug)]
struct Place<'a> {
    origin: &'a Origin,
    issuer: &'a Domain,
    stream: &'a Name,
    sequence: u64,
}

/// Something that an issuer wants witnessed. An amendment makes two events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// What happened.
    pub what: What,
    /// The document; for an amendment, its new hash.
    pub document: DocumentHash,
    /// The kind of document.
    pub claim_type: Name,
    /// When, by the issuer's word: microseconds since the epoch.
    pub occurred_at: i64,
    /// Fields and values of the details, in any order.
    pub details: Vec<(String, String)>,
}

/// What happened, before links are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Anything that is one event.
    One(Change),
    /// The document replaces one with another hash: `replaced` on the old hash, `amended` on the new.
    Amends {
        /// The old hash.
        old: DocumentHash,
    },
}

/// Where a stream stands: what the next submission goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Sequence number of the next event.
    pub next_sequence: u64,
    /// SHA-256 of the text of the last submission; zero before the first.
    pub previous: Hash,
}

/// Why an occurrence cannot be drafted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Its details are not what they may be.
    #[error(transparent)]
    Details(#[from] DetailsError),
    /// Too long even alone.
    #[error("an event must be at most {EVENT_BYTES_MAX} bytes long")]
    EventTooLong,
}

/// Gathers events of one stream into submissions.
#[derive(Debug)]
pub struct Drafter<'a> {
    origin: Origin,
    issuer: Domain,
    stream: Name,
    secret: &'a ClientSecret,
    position: Position,
    events_max: u64,
    events: Vec<String>,
    details: Vec<String>,
    bytes: usize,
}

/// A submission ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What is signed.
    pub submission: Submission,
    /// The signed note.
    pub note: Note,
    /// The events, in order.
    pub events: Vec<String>,
    /// Their details; empty where there are none.
    pub details: Vec<String>,
}

impl<'a> Drafter<'a> {
    /// Starts at a position of a stream. At most `events_max` events go into one submission.
    #[must_use]
    pub fn new(
        (origin, issuer, stream): (Origin, Domain, Name),
        position: Position,
        events_max: u64,
        secret: &'a ClientSecret,
    ) -> Self {
        // An amendment takes two places, which must not be parted.
        let events_max = events_max.clamp(2, SUBMISSION_EVENTS_MAX);
        let (events, details) = (Vec::new(), Vec::new());
        Self { origin, issuer, stream, secret, position, events_max, events, details, bytes: 0 }
    }

    /// Where the stream will stand after the last cut.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Number of events gathered since the last cut.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing was gathered since the last cut.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether another occurrence might not fit: cut first.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let events = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        events >= self.events_max
            || self.bytes + 2 * EVENT_WITH_DETAILS_BYTES_MAX > SUBMISSION_BYTES_MAX
    }

    /// Whether this occurrence fits beside what was gathered.
    #[must_use]
    pub fn fits(&self, occurrence: &Occurrence) -> bool {
        let events = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        let more = if matches!(occurrence.what, What::Amends { .. }) { 2 } else { 1 };
        events + more <= self.events_max && !self.is_full()
    }

    /// Adds one occurrence, which must fit.
    pub fn push(&mut self, occurrence: &Occurrence) -> Result<(), DraftError> {
        match &occurrence.what {
            What::One(change) => self.push_event(occurrence, change.clone(), occurrence.document),
            What::Amends { old } => {
                let mut pair = old.0.as_bytes().to_vec();
                pair.extend_from_slice(occurrence.document.0.as_bytes());
                let place = self.place();
                let link = Hash::new(self.secret.derive("link", &place, &pair));
                self.push_event(occurrence, Change::Replaced { link }, *old)?;
                self.push_event(occurrence, Change::Amended { link }, occurrence.document)
            }
        }
    }

    fn place(&self) -> Place<'_> {
        let gathered = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        let sequence = self.position.next_sequence + gathered;
        Place { origin: &self.origin, issuer: &self.issuer, stream: &self.stream, sequence }
    }

    fn push_event(
        &mut self,
        occurrence: &Occurrence,
        change: Change,
        document: DocumentHash,
    ) -> Result<(), DraftError> {
        let details = self.encode_details(occurrence, &change)?;
        let mut event = Event {
            salt: Salt([0; 16]),
            document,
            change,
            claim_type: occurrence.claim_type.clone(),
            occurred_at: occurrence.occurred_at,
            details: (!details.is_empty()).then(|| Hash::of(details.as_bytes())),
        };
        event.salt =
            Salt(first_half(self.secret.derive("event", &self.place(), event.encode().as_bytes())));
        let event = event.encode();
        if event.len() > EVENT_BYTES_MAX {
            return Err(DraftError::EventTooLong);
        }
        self.bytes += event.len() + details.len();
        self.events.push(event);
        self.details.push(details);
        Ok(())
    }

    /// Details go with every event but the old half of an amendment, which has nothing new to say.
    fn encode_details(
        &self,
        occurrence: &Occurrence,
        change: &Change,
    ) -> Result<String, DraftError> {
        if occurrence.details.is_empty() || matches!(change, Change::Replaced { .. }) {
            return Ok(String::new());
        }
        let mut fields: Vec<(&str, &str)> = occurrence
            .details
            .iter()
            .map(|(field, value)| (field.as_str(), value.as_str()))
            .collect();
        fields.sort_unstable();
        let unsalted = Details::encode([0; 16], &fields)?;
        let salt = first_half(self.secret.derive("details", &self.place(), unsalted.as_bytes()));
        Ok(Details::encode(salt, &fields)?)
    }

    /// Cuts and signs what was gathered; `None` if nothing was.
    pub fn cut(&mut self, key: &SigningKey) -> Option<Draft> {
        if self.events.is_empty() {
            return None;
        }
        let (events, details) =
            (core::mem::take(&mut self.events), core::mem::take(&mut self.details));
        self.bytes = 0;
        let leaves: Vec<Hash> = events.iter().map(|event| Hash::leaf(event.as_bytes())).collect();
        let submission = Submission {
            origin: self.origin.clone(),
            issuer: self.issuer.clone(),
            stream: self.stream.clone(),
            first_sequence: self.position.next_sequence,
            events: u64::try_from(events.len()).unwrap_or(u64::MAX),
            root: merkle::leaves_root(&leaves),
            previous: self.position.previous,
        };
        let text = submission.encode();
        self.position = Position {
            next_sequence: submission.next_sequence(),
            previous: Hash::of(text.as_bytes()),
        };
        let signature = key.sign(&text, Timestamp::EPOCH);
        let note = Note::new(text, alloc::vec![signature]);
        Some(Draft { submission, note, events, details })
    }
}

fn first_half(bytes: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    half
}
