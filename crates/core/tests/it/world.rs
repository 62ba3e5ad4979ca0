//! A whole firm in memory, honest unless told otherwise: keys, a log, registry notes, submissions,
//! checkpoints, roll-ups, anchors, evidence. All keys and times are fixed, so that every run is the same.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    event::{Change, Event, Salt, Status, StatusClass},
    evidence::{
        ErasedProof, EventProof, Evidence, EvidenceBuilder, Memory, ProvedEntry, RollUpProof,
    },
    evm::Anchor,
    firm::{Firm, FirmText, Role, RoleKey},
    hash::{DocumentHash, Hash},
    key::{SignatureType, SigningKey},
    merkle::{LeafIndex, TreeSize, leaves_path, leaves_root},
    name::{Domain, Jurisdictions, Name, Origin},
    note::{Ed25519, Note, PublicKey, SignatureLine, Strict},
    policy::Policy,
    registry::{Change as RegistryBody, Registry, RegistryChange},
    schema::Schema,
    submission::Submission,
    time::Timestamp,
};

pub(crate) const FIRM: &str = "witness.example";
pub(crate) const ORIGIN: &str = "witness.example/log1";
pub(crate) const ISSUER: &str = "school.example";
const DETAILS: &str = "witness-details/v1\nAAAAAAAAAAAAAAAAAAAAAA==\nmodule=AB\n";
pub(crate) const START: u64 = 1_770_000_000;

/// Remembers what it has checked and read, as a server does.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    signatures: Mutex<BTreeMap<Hash, bool>>,
    firms: Mutex<BTreeMap<Hash, Arc<Firm>>>,
    registries: Mutex<BTreeMap<Hash, Arc<Registry>>>,
}

impl Memo {
    pub(crate) const fn new() -> Self {
        Self {
            signatures: Mutex::new(BTreeMap::new()),
            firms: Mutex::new(BTreeMap::new()),
            registries: Mutex::new(BTreeMap::new()),
        }
    }

    /// How many firms' keys and how many registries are remembered.
    pub(crate) fn remembered(&self) -> (usize, usize) {
        (self.firms.lock().unwrap().len(), self.registries.lock().unwrap().len())
    }
}

impl Ed25519 for Memo {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
        let all = [key.as_bytes().as_slice(), signature, message].concat();
        let known = self.signatures.lock().unwrap().get(&Hash::of(&all)).copied();
        known.unwrap_or_else(|| {
            let good = Strict.verify(key, message, signature);
            self.signatures.lock().unwrap().insert(Hash::of(&all), good);
            good
        })
    }
}

impl Memory for Memo {
    fn firm(&self, digest: &Hash) -> Option<Arc<Firm>> {
        self.firms.lock().unwrap().get(digest).cloned()
    }

    fn keep_firm(&self, digest: Hash, firm: &Arc<Firm>, _size: usize) {
        let before = self.firms.lock().unwrap().insert(digest, Arc::clone(firm));
        assert!(before.is_none_or(|before| before == *firm), "two firms under one digest");
    }

    fn registry(&self, digest: &Hash) -> Option<Arc<Registry>> {
        self.registries.lock().unwrap().get(digest).cloned()
    }

    fn keep_registry(&self, digest: Hash, registry: &Arc<Registry>, _size: usize) {
        let before = self.registries.lock().unwrap().insert(digest, Arc::clone(registry));
        assert!(before.is_none_or(|before| before == *registry), "two registries under one digest");
    }
}

pub(crate) fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, SignatureType::Ed25519, &[seed; 32]).unwrap()
}

pub(crate) fn timed_key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, SignatureType::Timestamp, &[seed; 32]).unwrap()
}

pub(crate) fn root_key() -> SigningKey {
    key(FIRM, 1)
}
pub(crate) fn log_key() -> SigningKey {
    key(ORIGIN, 2)
}
pub(crate) fn timestamp_key() -> SigningKey {
    timed_key(ORIGIN, 3)
}
pub(crate) fn registrar_key() -> SigningKey {
    key(FIRM, 4)
}
pub(crate) fn rollup_key() -> SigningKey {
    key(FIRM, 5)
}
pub(crate) fn issuer_key() -> SigningKey {
    key(ISSUER, 10)
}
pub(crate) fn second_issuer_key() -> SigningKey {
    key(ISSUER, 11)
}

pub(crate) fn issuer() -> Domain {
    Domain::parse(ISSUER).unwrap()
}

pub(crate) fn document(number: u8) -> DocumentHash {
    DocumentHash(Hash::of(&[number]))
}

pub(crate) fn status(class: StatusClass, word: &str) -> Change {
    Change::Status { class, status: Status::parse(word).unwrap() }
}

pub(crate) fn signed(text: String, keys: &[&SigningKey]) -> Note {
    signed_at(text, keys, START + 60)
}

pub(crate) fn signed_at(text: String, keys: &[&SigningKey], seconds: u64) -> Note {
    let lines = keys.iter().map(|key| key.sign(&text, Timestamp::from_seconds(seconds)));
    let lines: Vec<SignatureLine> = lines.collect();
    Note::new(text, lines)
}

/// Two whom the policy knows, and one whom it does not.
fn cosigners() -> Vec<SigningKey> {
    let names = [("a.example", 20), ("b.example", 21), ("stranger.example", 29)];
    names.map(|(name, seed)| timed_key(name, seed)).into()
}

struct Sent {
    index: u64,
    stream: String,
    first_sequence: u64,
    events: Vec<(DocumentHash, String, Option<String>)>,
    leaves: Vec<Hash>,
}

/// The firm and its one log.
pub(crate) struct World {
    /// The texts of the log's entries. A test may alter them: what is proved is what stands here.
    pub(crate) entries: Vec<String>,
    /// Who signs checkpoints, beside the log and timestamp keys.
    pub(crate) cosigners: Vec<SigningKey>,
    /// Whether checkpoints bear the firm's time.
    pub(crate) is_published: bool,
    /// The origin of the submissions to come.
    pub(crate) origin: Origin,
    /// The time of receipt of the entries to come, in microseconds; else each comes a second after the last.
    pub(crate) received_us: Option<u64>,
    /// The signed time of the checkpoints to come, in seconds.
    pub(crate) signed_at: u64,
    /// The roll-ups, each with the log's checkpoint in it. A test may alter them.
    pub(crate) rollups: Vec<RollUpProof>,
    /// The anchors, each with the number of its roll-up. A test may alter them.
    pub(crate) anchors: Vec<(u64, Anchor)>,
    /// Events that were erased, by stream and sequence number, each with the index of its erasure. A test may alter
    /// them.
    pub(crate) erased: BTreeMap<(String, u64), u64>,
    registry: (u64, Hash),
    streams: BTreeMap<String, (u64, Hash)>,
    firm: Option<FirmText>,
    sent: Vec<Sent>,
}

impl World {
    /// A log without entries.
    pub(crate) fn empty() -> Self {
        Self {
            entries: Vec::new(),
            cosigners: Vec::new(),
            is_published: true,
            origin: Origin::parse(ORIGIN).unwrap(),
            received_us: None,
            signed_at: START + 60,
            rollups: Vec::new(),
            anchors: Vec::new(),
            erased: BTreeMap::new(),
            registry: (0, Hash::ZERO),
            streams: BTreeMap::new(),
            firm: None,
            sent: Vec::new(),
        }
    }

    /// The firm's first keys, an issuer with one key and one stream, and a claim type: five entries.
    pub(crate) fn founded() -> Self {
        let mut world = Self::empty();
        world.found();
        world.register(RegistryBody::IssuerAdded { issuer: issuer() }, &[]);
        world.add_key(&issuer_key(), false, &[]);
        world.open("main");
        world.claim_type();
        world
    }

    /// One document with details, issued; the cosigners of [`World::eventful`].
    pub(crate) fn short() -> Self {
        let mut world = Self::founded();
        world.submit("main", &[(1, Change::Issued, Some(DETAILS))], &issuer_key());
        world.cosigners = cosigners();
        world
    }

    /// Three documents: the second replaced by the third, the first revoked under a second key, which is
    /// revoked in turn, then deleted under the first key. Two known cosigners and one unknown.
    pub(crate) fn eventful() -> Self {
        let mut world = Self::founded();
        let issued = [(1, Change::Issued, Some(DETAILS)), (2, Change::Issued, None)];
        world.submit("main", &issued, &issuer_key());
        world.add_key(&second_issuer_key(), false, &[&issuer_key()]);
        let keys = [(Role::Evidence, key(FIRM, 6))];
        world.amend_firm(&keys);
        let link = Hash::of(b"link");
        let changed = [
            (1, status(StatusClass::Punitive, "REVOKED"), None),
            (2, Change::Replaced { link }, None),
            (3, Change::Amended { link }, None),
        ];
        world.submit("main", &changed, &second_issuer_key());
        let revoked = RegistryBody::KeyRevoked {
            issuer: issuer(),
            key: second_issuer_key().verifying_key().id(),
            as_of: Timestamp::from_seconds(START),
        };
        world.register_signed(revoked, &[&second_issuer_key()]);
        world.submit("main", &[(1, Change::Deleted, None)], &issuer_key());
        world.cosigners = cosigners();
        world
    }

    /// A policy that knows the cosigners a, b and c, of whom two are enough.
    pub(crate) fn policy() -> Policy {
        let cosigner = |name: &str, seed| {
            let key = timed_key(&format!("{name}.example"), seed);
            format!("witness {name} {}\n", key.verifying_key())
        };
        let text = cosigner("a", 20) + &cosigner("b", 21) + &cosigner("c", 22);
        let text = text + "group two 2 a b c\nquorum two\n";
        Policy::for_firm(root_key().verifying_key().clone()).with_cosigners(&text).unwrap()
    }

    pub(crate) fn log(&mut self, kind: EntryKind, note: &Note) -> u64 {
        self.log_text(kind, note.to_string())
    }

    pub(crate) fn log_text(&mut self, kind: EntryKind, body: String) -> u64 {
        let index = u64::try_from(self.entries.len()).unwrap();
        let received_at = Timestamp::from_seconds(START + index);
        let received_at = self.received_us.map_or(received_at, Timestamp::from_micros);
        let registry_sequence = self.registry.0;
        let entry = Entry { kind, received_at, registry_sequence, body };
        self.entries.push(entry.encode());
        index
    }

    pub(crate) fn found(&mut self) {
        let keys = [
            (Role::Log, log_key()),
            (Role::Timestamp, timestamp_key()),
            (Role::Registrar, registrar_key()),
            (Role::RollUp, rollup_key()),
        ];
        self.amend_firm(&keys);
    }

    /// Logs the next firm note, with more keys.
    pub(crate) fn amend_firm(&mut self, keys: &[(Role, SigningKey)]) {
        self.amend_firm_between(keys, (0, None));
    }

    /// Logs the next firm note, with more keys of this range.
    pub(crate) fn amend_firm_between(
        &mut self,
        keys: &[(Role, SigningKey)],
        (from, until): (u64, Option<u64>),
    ) {
        let (sequence, previous, mut all) = match &self.firm {
            None => (0, Hash::ZERO, Vec::new()),
            Some(text) => {
                (text.sequence + 1, Hash::of(text.encode().as_bytes()), text.keys.clone())
            }
        };
        let new = keys.iter().map(|(role, key)| RoleKey {
            role: *role,
            key: key.verifying_key().clone(),
            from,
            until,
        });
        all.extend(new);
        all.sort_by_key(|key| format!("{} {}", key.role.word(), key.key));
        let text = FirmText { firm: Domain::parse(FIRM).unwrap(), sequence, previous, keys: all };
        self.log(EntryKind::Firm, &signed(text.encode(), &[&root_key()]));
        self.firm = Some(text);
    }

    /// Logs a registry change, signed by the registrar and others.
    pub(crate) fn register(&mut self, change: RegistryBody, others: &[&SigningKey]) {
        let registrar = registrar_key();
        let keys: Vec<&SigningKey> =
            std::iter::once(&registrar).chain(others.iter().copied()).collect();
        self.register_signed(change, &keys);
    }

    pub(crate) fn register_signed(&mut self, change: RegistryBody, keys: &[&SigningKey]) {
        let (sequence, previous) = self.registry;
        let origin = Origin::parse(ORIGIN).unwrap();
        let text = RegistryChange { origin, sequence, previous, change }.encode();
        let hash = Hash::of(text.as_bytes());
        self.log(EntryKind::Registry, &signed(text, keys));
        self.registry = (sequence + 1, hash);
    }

    pub(crate) fn add_key(&mut self, key: &SigningKey, recovery: bool, vouching: &[&SigningKey]) {
        let change =
            RegistryBody::KeyAdded { issuer: issuer(), key: key.verifying_key().clone(), recovery };
        let others: Vec<&SigningKey> =
            std::iter::once(key).chain(vouching.iter().copied()).collect();
        self.register(change, &others);
    }

    pub(crate) fn open(&mut self, stream: &str) {
        let change = RegistryBody::StreamOpened {
            issuer: issuer(),
            stream: Name::parse(stream).unwrap(),
            jurisdictions: Jurisdictions::parse("DE").unwrap(),
            back_fill: false,
        };
        self.register(change, &[]);
    }

    pub(crate) fn claim_type(&mut self) {
        let schema = Schema::parse("field module issued,status - identifier [A-Z]{2,8}\n").unwrap();
        let change = RegistryBody::ClaimType { name: Name::parse("skill-module").unwrap(), schema };
        self.register(change, &[]);
    }

    /// Logs a submission.
    pub(crate) fn submit(
        &mut self,
        stream: &str,
        events: &[(u8, Change, Option<&str>)],
        key: &SigningKey,
    ) -> u64 {
        let salt = u8::try_from(self.entries.len()).unwrap();
        let texts = events.iter().zip(0..).map(|((number, change, details), n)| {
            let event = Event {
                salt: Salt([salt, n, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]),
                document: document(*number),
                change: change.clone(),
                claim_type: Name::parse("skill-module").unwrap(),
                occurred_at: 1_769_000_000_000_000,
                details: details.map(|text| Hash::of(text.as_bytes())),
            };
            (document(*number), event.encode(), details.map(str::to_owned))
        });
        let events: Vec<_> = texts.collect();
        let leaves: Vec<Hash> =
            events.iter().map(|(_, text, _)| Hash::leaf(text.as_bytes())).collect();
        let (first_sequence, previous) =
            self.streams.get(stream).copied().unwrap_or((0, Hash::ZERO));
        let submission = Submission {
            origin: self.origin.clone(),
            issuer: Domain::parse(key.verifying_key().name()).unwrap(),
            stream: Name::parse(stream).unwrap(),
            first_sequence,
            events: u64::try_from(events.len()).unwrap(),
            root: leaves_root(&leaves),
            previous,
        };
        let text = submission.encode();
        let hash = Hash::of(text.as_bytes());
        self.streams.insert(stream.to_owned(), (submission.next_sequence(), hash));
        let index = self.log(EntryKind::Submission, &signed(text, &[key]));
        self.sent.push(Sent { index, stream: stream.to_owned(), first_sequence, events, leaves });
        index
    }

    pub(crate) fn leaves(&self) -> Vec<Hash> {
        self.entries.iter().map(|text| Hash::leaf(text.as_bytes())).collect()
    }

    /// The checkpoint over all entries.
    pub(crate) fn checkpoint(&self) -> Note {
        self.checkpoint_over(&leaves_root(&self.leaves()))
    }

    /// A checkpoint of the same size over any root.
    pub(crate) fn checkpoint_over(&self, root: &Hash) -> Note {
        let size = TreeSize(u64::try_from(self.entries.len()).unwrap());
        let text = Checkpoint { origin: ORIGIN.to_owned(), size, root: *root }.encode();
        let (log, timestamp) = (log_key(), timestamp_key());
        let mut keys = vec![&log];
        keys.extend(self.is_published.then_some(&timestamp));
        keys.extend(&self.cosigners);
        signed_at(text, &keys, self.signed_at)
    }

    pub(crate) fn proved(&self, index: u64) -> ProvedEntry {
        let path = leaves_path(&self.leaves(), LeafIndex(index)).unwrap();
        let text = self.entries[usize::try_from(index).unwrap()].clone();
        ProvedEntry { index: LeafIndex(index), path, text }
    }

    /// A builder with every firm and registry note in it.
    pub(crate) fn builder(&self) -> EvidenceBuilder {
        let mut builder = EvidenceBuilder::new(self.checkpoint().to_string());
        for (index, text) in (0..).zip(&self.entries) {
            match Entry::parse(text.as_bytes()).unwrap().kind {
                EntryKind::Firm => builder.firm(self.proved(index)),
                EntryKind::Registry => builder.registry(self.proved(index)),
                EntryKind::Submission
                | EntryKind::Conflict
                | EntryKind::Heartbeat
                | EntryKind::Erasure
                | EntryKind::Observation
                | EntryKind::Unknown(_) => {}
            }
        }
        builder
    }

    /// The evidence of some documents, with all of their events; of those that were erased, with what is left.
    pub(crate) fn evidence(&self, documents: &[u8]) -> Evidence {
        let mut builder = self.builder();
        for number in documents {
            for sent in &self.sent {
                for (n, (hash, _, _)) in (0..).zip(&sent.events) {
                    if *hash == document(*number) {
                        builder.submission(self.proved(sent.index));
                        self.add_event(&mut builder, sent, n);
                    }
                }
            }
        }
        self.add_chain(&mut builder);
        builder.build()
    }

    fn add_event(&self, builder: &mut EvidenceBuilder, sent: &Sent, n: u64) {
        let (index, entry) = (LeafIndex(n), LeafIndex(sent.index));
        let (hash, text, details) = &sent.events[usize::try_from(n).unwrap()];
        let path = leaves_path(&sent.leaves, index).unwrap();
        if let Some(erasure) = self.erased.get(&(sent.stream.clone(), sent.first_sequence + n)) {
            builder.erasure(self.proved(*erasure));
            let (erasure, leaf) = (LeafIndex(*erasure), Hash::leaf(text.as_bytes()));
            let erased = ErasedProof { erasure, index, leaf, path };
            builder.erased(issuer(), *hash, entry, erased);
        } else {
            let (details, text) = (details.clone(), text.clone());
            builder.event(issuer(), *hash, entry, EventProof { details, index, path, text });
        }
    }
}
