//! An issuer: drafts with the core as any client does, or signs by hand what no client should.

use std::{
    fmt::Display,
    fs,
    sync::{Arc, LazyLock},
    time::{SystemTime, UNIX_EPOCH},
};

use witness_core::{
    drafting::{ClientSecret, Draft, Drafter, Occurrence, Position, What},
    event::{Change, Status, StatusClass},
    hash::{DocumentHash, Hash},
    key::{SignatureType, SigningKey},
    merkle,
    name::{Domain, Name, Origin},
    note::Note,
    submission::Submission,
    time::Timestamp,
};
use witness_wire::{Bytes, v1};

use crate::Data;

static SECRET: LazyLock<ClientSecret> = LazyLock::new(|| ClientSecret::new([0x5a; 32]));

/// An issuer with a key.
#[derive(Debug)]
pub struct Issuer {
    /// Its domain.
    pub domain: Domain,
    /// Its key.
    pub key: SigningKey,
    /// Origin of the log in which it lives.
    pub origin: Origin,
}

impl Issuer {
    /// Origin of the development log.
    pub const ORIGIN: &str = "witness.example/log1";

    /// The development issuer of a data folder.
    #[must_use]
    pub fn of_dev(data: &Data) -> Arc<Self> {
        let skey = fs::read_to_string(data.path().join("issuer.example.skey")).unwrap();
        let key = SigningKey::parse(skey.trim_end()).unwrap();
        Self::with_key("issuer.example", key)
    }

    /// An issuer whose key comes from a seed.
    #[must_use]
    pub fn from_seed(domain: &str, seed: u8) -> Arc<Self> {
        let key = SigningKey::from_seed(domain, SignatureType::Ed25519, &[seed; 32]).unwrap();
        Self::with_key(domain, key)
    }

    fn with_key(domain: &str, key: SigningKey) -> Arc<Self> {
        let (domain, origin) =
            (Domain::parse(domain).unwrap(), Origin::parse(Self::ORIGIN).unwrap());
        Arc::new(Self { domain, key, origin })
    }

    /// A stream of its own that has no submissions yet.
    #[must_use]
    pub fn stream(self: &Arc<Self>, name: &str) -> Stream {
        self.stream_at(name, Position { next_sequence: 0, previous: Hash::ZERO })
    }

    /// A stream that goes on from a position.
    #[must_use]
    pub fn stream_at(self: &Arc<Self>, name: &str, position: Position) -> Stream {
        let name = Name::parse(name).unwrap();
        let place = (self.origin.clone(), self.domain.clone(), name.clone());
        let drafter = Drafter::new(place, position, 4096, &SECRET);
        Stream { issuer: Arc::clone(self), name, drafter }
    }
}

/// A stream as its issuer sees it.
#[derive(Debug)]
pub struct Stream {
    /// Whose.
    pub issuer: Arc<Issuer>,
    /// Its name.
    pub name: Name,
    drafter: Drafter<'static>,
}

impl Stream {
    /// Where it will stand after what was cut.
    #[must_use]
    pub fn position(&self) -> Position {
        self.drafter.position().clone()
    }

    /// The next submission, of these occurrences.
    pub fn cut(&mut self, occurrences: &[Occurrence]) -> Draft {
        for occurrence in occurrences {
            self.drafter.push(occurrence).unwrap();
        }
        self.drafter.cut(&self.issuer.key).expect("a submission has at least one event")
    }

    /// The next submission, of these occurrences, as a request.
    pub fn next(&mut self, occurrences: &[Occurrence]) -> v1::SubmitRequest {
        request(&self.cut(occurrences))
    }

    /// What would be signed next, to be spoilt.
    #[must_use]
    pub fn sheet(&self, occurrences: &[Occurrence]) -> Sheet {
        let Position { next_sequence, previous } = self.position();
        let mut aside = self.issuer.stream_at(self.name.as_str(), self.position());
        let draft = aside.cut(occurrences);
        let bytes = |texts: Vec<String>| texts.into_iter().map(String::into_bytes).collect();
        Sheet {
            origin: self.issuer.origin.clone(),
            issuer: self.issuer.domain.clone(),
            stream: self.name.clone(),
            first_sequence: next_sequence,
            previous,
            events: bytes(draft.events),
            details: bytes(draft.details),
        }
    }
}

/// A submission that is signed by hand, whatever it holds.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of a submission")]
pub struct Sheet {
    pub origin: Origin,
    pub issuer: Domain,
    pub stream: Name,
    pub first_sequence: u64,
    pub previous: Hash,
    pub events: Vec<Vec<u8>>,
    pub details: Vec<Vec<u8>>,
}

impl Sheet {
    /// Signs over exactly these events.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> v1::SubmitRequest {
        let leaves: Vec<Hash> = self.events.iter().map(|event| Hash::leaf(event)).collect();
        let submission = Submission {
            origin: self.origin.clone(),
            issuer: self.issuer.clone(),
            stream: self.stream.clone(),
            first_sequence: self.first_sequence,
            events: u64::try_from(self.events.len()).unwrap(),
            root: merkle::leaves_root(&leaves),
            previous: self.previous,
        };
        self.carrying(&submission.encode(), key)
    }

    /// Signs another text, and carries these events.
    #[must_use]
    pub fn carrying(&self, text: &str, key: &SigningKey) -> v1::SubmitRequest {
        let note = Note::new(text.to_owned(), vec![key.sign(text, Timestamp::EPOCH)]);
        let bytes = |texts: &[Vec<u8>]| texts.iter().cloned().map(Bytes::from).collect();
        v1::SubmitRequest {
            submission: Bytes::from(note.to_string()),
            events: bytes(&self.events),
            details: bytes(&self.details),
        }
    }
}

/// A draft as it travels.
#[must_use]
pub fn request(draft: &Draft) -> v1::SubmitRequest {
    let bytes = |texts: &[String]| texts.iter().cloned().map(Bytes::from).collect();
    v1::SubmitRequest {
        submission: Bytes::from(draft.note.to_string()),
        events: bytes(&draft.events),
        details: bytes(&draft.details),
    }
}

/// A document hash of one's own.
#[must_use]
pub fn document(name: impl Display) -> DocumentHash {
    DocumentHash(Hash::of(format!("document {name}").as_bytes()))
}

/// That something happened just now, without details.
#[must_use]
pub fn occurred(document: DocumentHash, change: Change) -> Occurrence {
    let claim_type = Name::parse("skill-module").unwrap();
    let (what, occurred_at, details) = (What::One(change), now_us(), Vec::new());
    Occurrence { what, document, claim_type, occurred_at, details }
}

/// That a document was issued just now, with the details that its claim type requires.
#[must_use]
pub fn issued(document: DocumentHash) -> Occurrence {
    let fields = [("awarded", "2026-06-30"), ("module", "RUST-101")];
    let details = fields.map(|(field, value)| (field.to_owned(), value.to_owned())).to_vec();
    Occurrence { details, ..occurred(document, Change::Issued) }
}

/// That a document goes on under another hash.
#[must_use]
pub fn amends(old: DocumentHash, new: DocumentHash) -> Occurrence {
    Occurrence { what: What::Amends { old }, ..issued(new) }
}

/// That the issuer says something new of a document.
#[must_use]
pub fn status(document: DocumentHash, class: StatusClass, status: &str) -> Occurrence {
    occurred(document, Change::Status { class, status: Status::parse(status).unwrap() })
}

/// Now, by the issuer's word.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where an issuer reads its clock")]
pub fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}
