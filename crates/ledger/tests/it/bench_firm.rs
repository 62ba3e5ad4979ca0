//! A firm in a temporary folder, with one issuer: what the tests have in common.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;
use witness_core::{
    admission::Refusal,
    drafting::{ClientSecret, Draft, Drafter, Occurrence, Position, What},
    event::Change as EventChange,
    firm::{Firm, FirmText, Role, RoleKey},
    hash::{DocumentHash, Hash},
    key::{SignatureType, SigningKey},
    merkle::TreeSize,
    name::{Domain, Jurisdictions, Name, Origin},
    note::{Note, Strict},
    registry::Change,
    schema::Schema,
    time::Timestamp,
};
use witness_ledger::{Checked, Clock, Log, LogOptions, OpenError, Signers, Submitted};

pub(crate) const FIRM: &str = "witness.example";
pub(crate) const ORIGIN: &str = "witness.example/log1";
pub(crate) const ISSUER: &str = "issuer.example";

/// A clock that the test sets, and that ticks a microsecond each time.
#[derive(Debug, Clone)]
pub(crate) struct TestClock(pub(crate) Arc<AtomicU64>);

impl Clock for TestClock {
    fn now(&mut self) -> Result<Timestamp, String> {
        Ok(Timestamp::from_micros(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

/// A folder with a log in it.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) clock: TestClock,
}

pub(crate) fn key(name: &str, role: SignatureType, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, role, &[seed; 32]).unwrap()
}

pub(crate) fn issuer_key() -> SigningKey {
    key(ISSUER, SignatureType::Ed25519, 9)
}

fn signers() -> Signers {
    Signers {
        log: key(ORIGIN, SignatureType::Ed25519, 2),
        timestamp: key(ORIGIN, SignatureType::Timestamp, 3),
        registrar: key(FIRM, SignatureType::Ed25519, 4),
    }
}

fn root() -> SigningKey {
    key(FIRM, SignatureType::Ed25519, 1)
}

fn firm_note() -> Note {
    firm_note_until(None)
}

/// The firm's first note, in which the log key ends at a size.
fn firm_note_until(until: Option<u64>) -> Note {
    let signers = signers();
    let role = |role, key: &SigningKey| RoleKey {
        role,
        key: key.verifying_key().clone(),
        from: 0,
        until: until.filter(|_| role == Role::Log),
    };
    let text = FirmText {
        firm: Domain::parse(FIRM).unwrap(),
        sequence: 0,
        previous: Hash::ZERO,
        keys: vec![
            role(Role::Log, &signers.log),
            role(Role::Timestamp, &signers.timestamp),
            role(Role::Registrar, &signers.registrar),
        ],
    };
    sign(&text)
}

fn sign(text: &FirmText) -> Note {
    let text = text.encode();
    let signature = root().sign(&text, Timestamp::EPOCH);
    Note::new(text, vec![signature])
}

/// The firm as a verifier knows it.
pub(crate) fn firm() -> Firm {
    let mut firm = Firm::new(root().verifying_key().clone());
    firm.apply(&firm_note(), &Strict).unwrap();
    firm
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = TestClock(Arc::new(AtomicU64::new(1_700_000_000_000_000)));
        Self { folder: TempDir::new().unwrap(), clock }
    }

    pub(crate) fn store(&self) -> std::path::PathBuf {
        self.folder.path().join("log1")
    }

    pub(crate) fn try_open_at(&self, store: &Path) -> Result<Log, OpenError> {
        self.try_open_under(store, vec![firm_note()])
    }

    /// A log whose key may sign trees smaller than `until` only.
    pub(crate) fn open_until(&self, until: u64) -> Log {
        self.try_open_until(until).unwrap()
    }

    pub(crate) fn try_open_until(&self, until: u64) -> Result<Log, OpenError> {
        self.try_open_under(&self.store(), vec![firm_note_until(Some(until))])
    }

    /// A log that is founded after the firm: only its second note names the keys.
    pub(crate) fn open_second(&self) -> Log {
        let registrar = signers().registrar.verifying_key().clone();
        let keys = vec![RoleKey { role: Role::Registrar, key: registrar, from: 0, until: None }];
        let whole = FirmText::parse(firm_note().text()).unwrap();
        let first = sign(&FirmText { keys, ..whole.clone() });
        let previous = Hash::of(first.text().as_bytes());
        let second = sign(&FirmText { sequence: 1, previous, ..whole });
        self.try_open_under(&self.store(), vec![first, second]).unwrap()
    }

    fn try_open_under(&self, store: &Path, notes: Vec<Note>) -> Result<Log, OpenError> {
        Log::open(LogOptions {
            rolled_up: None,
            path: store.to_path_buf(),
            head_copies: self.folder.path().join("head-copies"),
            origin: Origin::parse(ORIGIN).unwrap(),
            root: root().verifying_key().clone(),
            firm_notes: notes,
            signers: signers(),
            clock: self.clock.clone(),
            cache_bytes: 8 << 20,
        })
    }

    pub(crate) fn open(&self) -> Log {
        self.try_open_at(&self.store()).unwrap()
    }

    /// Opens the log and registers the issuer with its streams.
    pub(crate) fn open_registered(&self, streams: &[&str]) -> Log {
        let log = self.open();
        Self::register(&log, streams);
        log
    }

    /// Registers the issuer with its streams.
    pub(crate) fn register(log: &Log, streams: &[&str]) {
        let issuer = Domain::parse(ISSUER).unwrap();
        let mut changes = vec![
            Change::IssuerAdded { issuer: issuer.clone() },
            Change::KeyAdded {
                issuer: issuer.clone(),
                key: issuer_key().verifying_key().clone(),
                recovery: false,
            },
            Change::ClaimType {
                name: Name::parse("module").unwrap(),
                schema: Schema::parse("").unwrap(),
            },
        ];
        changes.extend(streams.iter().map(|stream| Change::StreamOpened {
            issuer: issuer.clone(),
            stream: Name::parse(stream).unwrap(),
            jurisdictions: Jurisdictions::parse("INT").unwrap(),
            back_fill: false,
        }));
        for change in changes {
            register(log, &change).unwrap();
        }
    }

    pub(crate) fn advance(&self, micros: u64) {
        self.clock.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// Lets time pass until all that is logged is published; gives the size.
    pub(crate) fn published(&self, log: &Log) -> TreeSize {
        loop {
            let overview = log.overview();
            let published = overview.published.as_ref().map(|published| published.size);
            if published == Some(overview.size) {
                return overview.size;
            }
            self.advance(1_000_000);
            log.publish_if_due();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn register(log: &Log, change: &Change) -> Result<Submitted, Refusal> {
    let text = log.overview().registry.draft(change.clone()).encode();
    let needs_proof = matches!(change, Change::KeyAdded { .. });
    let signatures =
        if needs_proof { vec![issuer_key().sign(&text, Timestamp::EPOCH)] } else { Vec::new() };
    wait(log.register(text, signatures))
}

/// Drafts submissions of a stream, as an issuer's client would.
pub(crate) struct Client {
    pub(crate) drafter: Drafter<'static>,
    occurred_at: i64,
}

impl Client {
    pub(crate) fn new(stream: &str) -> Self {
        static SECRET: std::sync::LazyLock<ClientSecret> =
            std::sync::LazyLock::new(|| ClientSecret::new([7; 32]));
        let place = (
            Origin::parse(ORIGIN).unwrap(),
            Domain::parse(ISSUER).unwrap(),
            Name::parse(stream).unwrap(),
        );
        let position = Position { next_sequence: 0, previous: Hash::ZERO };
        let drafter = Drafter::new(place, position, 4096, &SECRET);
        Self { drafter, occurred_at: 1_700_000_000_000_000 }
    }

    pub(crate) fn push(&mut self, document: &str, what: What) {
        let occurrence = Occurrence {
            what,
            document: document_hash(document),
            claim_type: Name::parse("module").unwrap(),
            occurred_at: self.occurred_at,
            details: Vec::new(),
        };
        self.drafter.push(&occurrence).unwrap();
    }

    /// The same with details, of a claim type that takes them.
    pub(crate) fn push_with(&mut self, document: &str, claim_type: &str, code: &str) {
        let occurrence = Occurrence {
            what: What::One(EventChange::Issued),
            document: document_hash(document),
            claim_type: Name::parse(claim_type).unwrap(),
            occurred_at: self.occurred_at,
            details: vec![("code".to_owned(), code.to_owned())],
        };
        self.drafter.push(&occurrence).unwrap();
    }

    pub(crate) fn cut(&mut self) -> Draft {
        self.drafter.cut(&issuer_key()).unwrap()
    }

    /// A submission of `events` documents that nobody has seen.
    pub(crate) fn fresh(&mut self, events: u64) -> Draft {
        let first = self.drafter.position().next_sequence;
        for number in first..first + events {
            self.push(&format!("document {number}"), What::One(EventChange::Issued));
        }
        self.cut()
    }
}

pub(crate) fn document_hash(document: &str) -> DocumentHash {
    DocumentHash(Hash::of(document.as_bytes()))
}

pub(crate) async fn submit(log: &Log, draft: &Draft) -> Result<Submitted, Refusal> {
    let reservation = log.reserve(1024).await?;
    let note = draft.note.to_string();
    match log.check(note.as_bytes(), (&draft.events, &draft.details), (reservation, &Strict))? {
        Checked::Known(known) => Ok(*known),
        Checked::New(submission) => log.enqueue(*submission).await?.answer().await,
    }
}
