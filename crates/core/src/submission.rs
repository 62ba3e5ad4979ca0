//! Submissions: consecutive events of one stream under one signature of their issuer.

use alloc::string::{String, ToString};

use crate::{
    hash::Hash,
    key::VerifyingKey,
    name::{Domain, Name, Origin},
    note::{Ed25519, Note, NoteError},
    text::{Lines, Malformed, lines, two_decimals},
    time::Timestamp,
};

const FORMAT: &str = "witness-submission/v1";
const HEARTBEAT_FORMAT: &str = "witness-heartbeat/v1";

/// Most events of one submission.
pub const SUBMISSION_EVENTS_MAX: u64 = 4096;
/// Most bytes of one submission, with its events and details.
pub const SUBMISSION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest text of a submission or heartbeat, far above what the longest names need.
const TEXT_BYTES_MAX: usize = 1024;

/// The text that an issuer signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The log that it is bound to.
    pub origin: Origin,
    /// Who submits.
    pub issuer: Domain,
    /// Into which of its streams.
    pub stream: Name,
    /// Sequence number of the first event.
    pub first_sequence: u64,
    /// Number of events, 1 to 4,096.
    pub events: u64,
    /// RFC 6962 root over the events.
    pub root: Hash,
    /// SHA-256 of the text of the stream's submission before; zero for the first.
    pub previous: Hash,
}

impl Submission {
    /// Parses the text of a note.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, text.as_bytes(), TEXT_BYTES_MAX)?;
        let (origin, issuer, stream) = head(&mut lines)?;
        let (first_sequence, events) = lines.parse(
            "the first sequence number and the number of events, 1 to 4096",
            |line| {
                two_decimals(line).filter(|(first, events)| {
                    (1..=SUBMISSION_EVENTS_MAX).contains(events) && *first < u64::MAX >> 2
                })
            },
        )?;
        let root = lines.parse("the root over the events in base64", Hash::from_base64)?;
        let previous =
            lines.parse("the hash of the submission before in base64", Hash::from_base64)?;
        lines.end()?;
        Ok(Self { origin, issuer, stream, first_sequence, events, root, previous })
    }

    /// The text that is signed.
    #[must_use]
    pub fn encode(&self) -> String {
        lines([
            FORMAT,
            self.origin.as_str(),
            self.issuer.as_str(),
            self.stream.as_str(),
            &alloc::format!("{} {}", self.first_sequence, self.events),
            &self.root.to_base64(),
            &self.previous.to_base64(),
        ])
    }

    /// Sequence number after the last event.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.first_sequence + self.events
    }
}

/// A signed sign of life of an issuer, for one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The log that it is bound to.
    pub origin: Origin,
    /// Who lives.
    pub issuer: Domain,
    /// Which of its streams.
    pub stream: Name,
    /// Sequence number that the issuer will use next.
    pub next_sequence: u64,
    /// The issuer's time; above that of its heartbeat before.
    pub at: Timestamp,
}

impl Heartbeat {
    /// Parses the text of a note.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open(HEARTBEAT_FORMAT, text.as_bytes(), TEXT_BYTES_MAX)?;
        let (origin, issuer, stream) = head(&mut lines)?;
        let next_sequence = lines.parse("the next sequence number", crate::text::decimal)?;
        let at = lines.parse("the issuer's time, microseconds in decimal", Timestamp::parse)?;
        lines.end()?;
        Ok(Self { origin, issuer, stream, next_sequence, at })
    }

    /// The text that is signed.
    #[must_use]
    pub fn encode(&self) -> String {
        lines([
            HEARTBEAT_FORMAT,
            self.origin.as_str(),
            self.issuer.as_str(),
            self.stream.as_str(),
            &self.next_sequence.to_string(),
            &self.at.micros().to_string(),
        ])
    }
}

fn head(lines: &mut Lines<'_>) -> Result<(Origin, Domain, Name), Malformed> {
    let origin = lines.parse("the origin of a log, <firm>/<log>", Origin::parse)?;
    let issuer = lines.parse("the issuer's domain in lower-case A-label form", Domain::parse)?;
    let stream = lines.parse("a stream, [a-z0-9-]{1,32}", Name::parse)?;
    Ok((origin, issuer, stream))
}

/// Why an issuer's note was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerNoteError {
    /// Not a signed note, or not signed by the key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not what it should be.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// Not exactly one signature under the issuer's name.
    #[error("the note must have exactly one signature, under the issuer's name")]
    OneSignature,
}

/// A note of an issuer's, with exactly one signature line under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerNote<T> {
    /// What it says.
    pub body: T,
    /// The note.
    pub note: Note,
    /// SHA-256 of the text without the signature: what sameness and chaining go by.
    pub text_hash: Hash,
}

impl IssuerNote<Submission> {
    /// Parses a submission's note.
    pub fn parse(bytes: &[u8]) -> Result<Self, IssuerNoteError> {
        Self::read(bytes, Submission::parse, |submission| &submission.issuer)
    }
}

impl IssuerNote<Heartbeat> {
    /// Parses a heartbeat's note.
    pub fn parse(bytes: &[u8]) -> Result<Self, IssuerNoteError> {
        Self::read(bytes, Heartbeat::parse, |heartbeat| &heartbeat.issuer)
    }
}

impl<T> IssuerNote<T> {
    fn read(
        bytes: &[u8],
        parse: impl FnOnce(&str) -> Result<T, Malformed>,
        issuer: impl FnOnce(&T) -> &Domain,
    ) -> Result<Self, IssuerNoteError> {
        let note = Note::parse(bytes)?;
        let body = parse(note.text())?;
        let [signature] = note.signatures() else { return Err(IssuerNoteError::OneSignature) };
        if signature.name != issuer(&body).as_str() || signature.signature.len() != 64 {
            return Err(IssuerNoteError::OneSignature);
        }
        let text_hash = Hash::of(note.text().as_bytes());
        Ok(Self { body, note, text_hash })
    }

    /// Id of the key that the signature names.
    #[must_use]
    pub fn key_id(&self) -> crate::key::KeyId {
        self.note.signatures().first().map_or(crate::key::KeyId([0; 4]), |line| line.id)
    }

    /// Checks the signature.
    pub fn verify(&self, key: &VerifyingKey, ed25519: &dyn Ed25519) -> Result<(), NoteError> {
        self.note.verify(key, ed25519).map(|_signed| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key::{SignatureType, SigningKey},
        note::Strict,
    };

    fn submission() -> Submission {
        Submission {
            origin: Origin::parse("witness.example/log1").unwrap(),
            issuer: Domain::parse("school.example").unwrap(),
            stream: Name::parse("main").unwrap(),
            first_sequence: 0,
            events: 1,
            root: Hash::of(b"root"),
            previous: Hash::ZERO,
        }
    }

    fn signed(text: &str, name: &str) -> Note {
        let key = SigningKey::from_seed(name, SignatureType::Ed25519, &[3; 32]).unwrap();
        Note::new(text.to_string(), alloc::vec![key.sign(text, Timestamp::EPOCH)])
    }

    #[test]
    fn submissions_and_heartbeats_read_back() {
        let text = submission().encode();
        assert_eq!(Submission::parse(&text), Ok(submission()));
        let heartbeat = Heartbeat {
            origin: submission().origin,
            issuer: submission().issuer,
            stream: submission().stream,
            next_sequence: 7,
            at: Timestamp::from_seconds(5),
        };
        assert_eq!(Heartbeat::parse(&heartbeat.encode()), Ok(heartbeat));
    }

    #[test]
    fn a_submission_has_one_to_4096_events() {
        for (events, fits) in [(0, false), (1, true), (4096, true), (4097, false)] {
            let text = Submission { events, ..submission() }.encode();
            assert_eq!(Submission::parse(&text).is_ok(), fits, "{events}");
        }
    }

    #[test]
    fn a_note_has_one_signature_under_the_issuers_name() {
        let text = submission().encode();
        let good = signed(&text, "school.example");
        let parsed = IssuerNote::<Submission>::parse(good.to_string().as_bytes()).unwrap();
        let key =
            SigningKey::from_seed("school.example", SignatureType::Ed25519, &[3; 32]).unwrap();
        assert_eq!(parsed.verify(key.verifying_key(), &Strict), Ok(()));
        let other = signed(&text, "bank.example");
        let mut two = good.clone();
        two.push(good.signatures()[0].clone());
        for wrong in [other, two] {
            let refusal = IssuerNote::<Submission>::parse(wrong.to_string().as_bytes());
            assert_eq!(refusal.unwrap_err(), IssuerNoteError::OneSignature);
        }
    }
}
