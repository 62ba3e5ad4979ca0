//! A bundle in the making.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use witness_core::{
    audit::{self, BundlePath, BundleScope},
    checkpoint::Checkpoint,
    details::Details,
    drafting::Position,
    entry::{Entry, EntryKind},
    erasure::{Erasure, Range, Reason},
    event::{Change, Event, Salt},
    firm::{Firm, Role},
    firm_keys::{KeySet, plan_keys},
    hash::{DocumentHash, Hash},
    key::{SignatureType, SigningKey},
    merkle::{LeafIndex, leaves_root},
    name::{Domain, Jurisdictions, Name, Origin},
    note::{Ed25519, Note, Strict},
    policy::Policy,
    registry::{Change as Registered, Continuity, Registry},
    schema::Schema,
    submission::{Heartbeat, Submission},
    time::Timestamp,
};

use super::folder::Folder;

const FIRM: &str = "witness.example";
const SCHEMA: &str = "field module - amended,issued,status identifier [A-Z0-9-]{2,40}\n";

/// An event to be made.
#[derive(Debug, Clone)]
pub struct MadeEvent {
    /// Number of its document.
    pub document: u64,
    /// What happens to it.
    pub change: Change,
    /// When, in microseconds since the epoch.
    pub occurred_at: i64,
    /// Whether it has details.
    pub has_details: bool,
}

/// What a submission has that it should not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// Nothing.
    No,
    /// It leaves out so many sequence numbers.
    Gap(u64),
    /// It names another submission before it.
    Previous,
}

/// A bundle in the making.
#[derive(Debug)]
pub struct MadeBundle {
    folder: Folder,
    keys: KeySet,
    firm: Firm,
    registry: Registry,
    /// Time of receipt of the entries to come, in microseconds.
    pub now_us: u64,
    /// Events of which there is a leaf hash alone: stream and sequence number.
    pub erased: BTreeSet<(Name, u64)>,
    scope: BundleScope,
    issuers: BTreeMap<Domain, SigningKey>,
    positions: BTreeMap<(Domain, Name), Position>,
    seeds: u8,
}

impl MadeBundle {
    /// Founds a firm with one log, and a bundle `bundle` of the streams in jurisdictions, in a folder in which its
    /// `policy.json` lies, too.
    #[must_use]
    pub fn found(folder: &Path, jurisdictions: &str, now_us: u64) -> Self {
        let mut seeds = 0;
        let name = Name::parse("log1").unwrap();
        let keys = plan_keys(&Domain::parse(FIRM).unwrap(), &[name], || {
            seeds += 1;
            [seeds; 32]
        })
        .unwrap();
        let origin = Origin::parse("witness.example/log1").unwrap();
        let policy = Policy::for_firm(keys.root.verifying_key().clone());
        fs::write(folder.join("policy.json"), policy.encode()).unwrap();
        let mut firm = Firm::new(keys.root.verifying_key().clone());
        firm.apply(&keys.note, &Strict).unwrap();
        let note = keys.note.to_string();
        let mut made = Self {
            folder: Folder::new(folder.join("bundle"), origin.clone()),
            keys,
            firm,
            registry: Registry::new(origin),
            now_us,
            erased: BTreeSet::new(),
            scope: BundleScope { issuer: None, jurisdictions: Jurisdictions::parse(jurisdictions) },
            issuers: BTreeMap::new(),
            positions: BTreeMap::new(),
            seeds,
        };
        made.log(EntryKind::Firm, note);
        let (name, schema) = (Name::parse("skill-module").unwrap(), Schema::parse(SCHEMA).unwrap());
        made.register(Registered::ClaimType { name, schema }, &[]);
        made
    }

    fn key(&self, file: &str) -> &SigningKey {
        &self.keys.files.iter().find(|(found, _)| found == file).unwrap().1
    }

    fn sign(&self, text: String, keys: &[&SigningKey]) -> Note {
        let at = Timestamp::from_micros(self.now_us);
        let lines = keys.iter().map(|key| key.sign(&text, at)).collect();
        Note::new(text, lines)
    }

    /// Logs any entry.
    pub fn log(&mut self, kind: EntryKind, body: String) -> LeafIndex {
        let received_at = Timestamp::from_micros(self.now_us);
        let registry_sequence = self.registry.next_sequence();
        self.folder.push(Entry { kind, received_at, registry_sequence, body }.encode())
    }

    fn register(&mut self, change: Registered, others: &[&SigningKey]) {
        let text = self.registry.draft(change).encode();
        let keys = [&[self.key("registrar.skey")], others].concat();
        let note = self.sign(text, &keys);
        let index = self.log(EntryKind::Registry, note.to_string());
        let by: (&Firm, &dyn Ed25519) = (&self.firm, &Strict);
        self.registry.apply(&note, index, Continuity::Complete, by).unwrap();
    }

    fn new_key(&mut self, issuer: &Domain) -> SigningKey {
        self.seeds += 1;
        let seed = [self.seeds; 32];
        SigningKey::from_seed(issuer.as_str(), SignatureType::Ed25519, &seed).unwrap()
    }

    /// Registers an issuer with a key.
    pub fn issuer(&mut self, issuer: &str) {
        let issuer = Domain::parse(issuer).unwrap();
        self.register(Registered::IssuerAdded { issuer: issuer.clone() }, &[]);
        let key = self.new_key(&issuer);
        let vkey = key.verifying_key().clone();
        let added = Registered::KeyAdded { issuer: issuer.clone(), key: vkey, recovery: false };
        self.register(added, &[&key]);
        self.issuers.insert(issuer, key);
    }

    /// Revokes the key of an issuer as of a time, after it has vouched for another one, which signs from then on.
    pub fn revoke(&mut self, issuer: &str, as_of_us: u64) -> SigningKey {
        let issuer = Domain::parse(issuer).unwrap();
        let new = self.new_key(&issuer);
        let old = self.issuers.remove(&issuer).unwrap();
        let key = new.verifying_key().clone();
        let added = Registered::KeyAdded { issuer: issuer.clone(), key, recovery: false };
        self.register(added, &[&new, &old]);
        let (key, as_of) = (old.verifying_key().id(), Timestamp::from_micros(as_of_us));
        self.register(Registered::KeyRevoked { issuer: issuer.clone(), key, as_of }, &[]);
        self.issuers.insert(issuer, new);
        old
    }

    /// Has an issuer sign with a key, whatever has become of it.
    pub fn sign_with(&mut self, key: SigningKey) {
        let issuer = Domain::parse(key.verifying_key().name()).unwrap();
        self.issuers.insert(issuer, key);
    }

    /// Opens a stream.
    pub fn open(&mut self, issuer: &str, stream: &str, jurisdictions: &str) {
        self.open_as(issuer, stream, (jurisdictions, false));
    }

    /// Opens a stream, which may bring in the past.
    pub fn open_as(&mut self, issuer: &str, stream: &str, (codes, back_fill): (&str, bool)) {
        let (issuer, stream) = (Domain::parse(issuer).unwrap(), Name::parse(stream).unwrap());
        let jurisdictions = Jurisdictions::parse(codes).unwrap();
        self.register(Registered::StreamOpened { issuer, stream, jurisdictions, back_fill }, &[]);
    }

    /// Logs a submission.
    pub fn submit(&mut self, issuer: &str, stream: &str, events: &[MadeEvent]) -> LeafIndex {
        self.submit_stray(issuer, stream, events, Stray::No)
    }

    /// Logs a submission that may not be as it should.
    pub fn submit_stray(
        &mut self,
        issuer: &str,
        stream: &str,
        events: &[MadeEvent],
        stray: Stray,
    ) -> LeafIndex {
        let place = (Domain::parse(issuer).unwrap(), Name::parse(stream).unwrap());
        let start = Position { next_sequence: 0, previous: Hash::ZERO };
        let mut position = self.positions.remove(&place).unwrap_or(start);
        match stray {
            Stray::No => {}
            Stray::Gap(numbers) => position.next_sequence += numbers,
            Stray::Previous => position.previous = Hash::ZERO,
        }
        let first = position.next_sequence;
        let texts: Vec<(String, String)> =
            (first..).zip(events).map(|(sequence, event)| texts(sequence, event)).collect();
        let leaves: Vec<Hash> =
            texts.iter().map(|(event, _)| Hash::leaf(event.as_bytes())).collect();
        let (issuer, stream) = place.clone();
        let submission = Submission {
            origin: self.registry.origin().clone(),
            issuer: issuer.clone(),
            stream: stream.clone(),
            first_sequence: first,
            events: u64::try_from(events.len()).unwrap(),
            root: leaves_root(&leaves),
            previous: position.previous,
        };
        let text = submission.encode();
        let next_sequence = submission.next_sequence();
        let position = Position { next_sequence, previous: Hash::of(text.as_bytes()) };
        self.positions.insert(place, position);
        let record = self.registry.issuer(&issuer).unwrap().streams.get(&stream).unwrap();
        if self.scope.has(&issuer, record) {
            let index = self.folder.size().next();
            let bodies = self.folder.bodies();
            audit::write_submission(bodies, index, submission.events);
            for (sequence, ((event, details), leaf)) in (first..).zip(texts.iter().zip(&leaves)) {
                if self.erased.contains(&(stream.clone(), sequence)) {
                    audit::write_erased(bodies, leaf);
                } else {
                    audit::write_event(bodies, event.as_bytes(), details.as_bytes());
                }
            }
        }
        let note = self.sign(text, &[self.issuers.get(&issuer).unwrap()]);
        self.log(EntryKind::Submission, note.to_string())
    }

    /// Logs a sign of life.
    pub fn heartbeat(&mut self, issuer: &str, stream: &str) {
        let (issuer, stream) = (Domain::parse(issuer).unwrap(), Name::parse(stream).unwrap());
        let position = self.positions.get(&(issuer.clone(), stream.clone()));
        let next_sequence = position.map_or(0, |position| position.next_sequence);
        let (origin, at) = (self.registry.origin().clone(), Timestamp::from_micros(self.now_us));
        let heartbeat = Heartbeat { origin, issuer: issuer.clone(), stream, next_sequence, at };
        let note = self.sign(heartbeat.encode(), &[self.issuers.get(&issuer).unwrap()]);
        self.log(EntryKind::Heartbeat, note.to_string());
    }

    /// Logs that an issuer contradicts itself from a sequence number on.
    pub fn conflict(&mut self, issuer: &str, stream: &str, first_sequence: u64) -> LeafIndex {
        let (issuer, stream) = (Domain::parse(issuer).unwrap(), Name::parse(stream).unwrap());
        let (origin, root) = (self.registry.origin().clone(), Hash::of(b"another"));
        let previous = Hash::ZERO;
        let submission = Submission {
            origin,
            issuer: issuer.clone(),
            stream,
            first_sequence,
            events: 1,
            root,
            previous,
        };
        let note = self.sign(submission.encode(), &[self.issuers.get(&issuer).unwrap()]);
        self.log(EntryKind::Conflict, note.to_string())
    }

    /// Logs an erasure.
    pub fn erasure(&mut self, issuer: &str, stream: &str, (first_sequence, events): (u64, u64)) {
        let (issuer, stream) = (Domain::parse(issuer).unwrap(), Name::parse(stream).unwrap());
        let origin = self.registry.origin().clone();
        let ranges = vec![Range { stream, first_sequence, events }];
        let erasure = Erasure { origin, issuer, reason: Reason::Request, ranges };
        self.log(EntryKind::Erasure, erasure.encode());
    }

    /// Publishes a checkpoint, and writes the rest.
    pub fn finish(mut self) {
        self.folder.end();
        let (origin, size) = (self.registry.origin().clone(), self.folder.size());
        let root = self.folder.root_hash();
        let text = Checkpoint { origin: origin.to_string(), size, root }.encode();
        let (log, time) = (Role::Log.word(), Role::Timestamp.word());
        let keys = [log, time].map(|role| self.key(&format!("log1.{role}.skey")));
        let note = self.sign(text, &keys);
        self.folder.put(BundlePath::Checkpoint, note.to_string().as_bytes());
        let bundle = audit::Bundle {
            origin,
            size,
            streams: self.scope.streams(&self.registry),
            scope: self.scope.clone(),
            checkpoints: Vec::new(),
            rollups: Vec::new(),
            anchors: Vec::new(),
            exported_at: Timestamp::from_micros(self.now_us),
            root: self.keys.root.verifying_key().clone(),
        };
        self.folder.put(BundlePath::Bundle, bundle.encode().as_bytes());
    }
}

fn texts(sequence: u64, event: &MadeEvent) -> (String, String) {
    let mut salt = [7; 16];
    salt[..8].copy_from_slice(&sequence.to_be_bytes());
    let details = if event.has_details {
        let mut module = String::new();
        write!(module, "AB-{}", event.document % 1000).unwrap();
        Details::encode(salt, &[("module", &module)]).unwrap()
    } else {
        String::new()
    };
    let text = Event {
        salt: Salt(salt),
        document: DocumentHash(Hash::of(&event.document.to_be_bytes())),
        change: event.change.clone(),
        claim_type: Name::parse("skill-module").unwrap(),
        occurred_at: event.occurred_at,
        details: (!details.is_empty()).then(|| Hash::of(details.as_bytes())),
    };
    (text.encode(), details)
}
