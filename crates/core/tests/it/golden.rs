//! One example of every text, made by the core from fixed keys and times: `tests/vectors/golden`. A format
//! that changes by accident no longer gives its file, and `proto/README.md` quotes every one of them.
//!
//! `UPDATE_GOLDEN=1 cargo test -p witness-core --test it golden` writes the files anew.

mod bundle;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use witness_core::{
    admission,
    anomaly::Anomaly,
    audit::findings::Rule,
    caller::{CallerId, CallerRecord, CallerRole, KnownBy, Token},
    checkpoint::Checkpoint,
    document::Document,
    drafting::{ClientSecret, Draft, Drafter, Occurrence, Position, What},
    entry::{Entry, EntryKind},
    erasure::{Erasure, Range, Reason},
    event::{Change, Event, Status, StatusClass},
    evidence::{
        self, ErasedProof, EventProof, Evidence, EvidenceBuilder, Place, ProvedEntry, RollUpProof,
    },
    evm::{Anchor, Word},
    firm::{Firm, Role},
    firm_keys::{KeySet, firm_key_file, plan_keys},
    hash::{DocumentHash, Hash},
    key::{SignatureType, SigningKey},
    merkle::{LeafIndex, TreeSize, leaves_path, leaves_root},
    name::{Domain, Jurisdictions, Name, Origin},
    note::{Note, Strict},
    policy::{Policy, TrustedChain},
    receipt::Receipt,
    registry::{Change as RegistryBody, Continuity, Registry},
    rollup::{Contract, RollUp, RollUpTree},
    schema::Schema,
    submission::Heartbeat,
    time::Timestamp,
};

use crate::{chain, golden_access};

/// 2026-03-01T09:00:00Z: when the first entry is received. Each later one comes a second after.
const START: u64 = 1_772_355_600;
const DOCUMENT: &str = "Certificate of completion\n  Module  AB-12 \u{2013} \u{201c}Bread\u{201d}\n\n\
                        verify:school.example/c\n";
const AMENDED: &str = "Certificate of completion\nModule AB-12 - \"Bread and rolls\"\n";
const SCHEMA: &str = "field completed issued amended,status date\n\
                      field level - amended,issued code Advanced|Beginner|Intermediate\n\
                      field module issued amended,status identifier [A-Z0-9][A-Z0-9-]{1,40}\n\
                      field valid-until - amended,issued date\n\
                      valid-until valid-until\n";

type Texts = BTreeMap<&'static str, String>;
type Files = BTreeMap<String, Vec<u8>>;

/// A log in memory, which takes only what the core admits.
struct Log {
    keys: KeySet,
    firm: Firm,
    registry: Registry,
    entries: Vec<Entry>,
    position: Position,
}

fn issuer() -> Domain {
    Domain::parse("school.example").unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn issuer_key(seed: u8) -> SigningKey {
    SigningKey::from_seed("school.example", SignatureType::Ed25519, &[seed; 32]).unwrap()
}

fn hash_of(text: &str) -> DocumentHash {
    DocumentHash(Hash::new(Document::read(text.as_bytes(), None).unwrap().sha256()))
}

fn note_over(text: String, signers: &[&SigningKey]) -> Note {
    let sign = |key: &&SigningKey| key.sign(&text, Timestamp::from_seconds(START + 60));
    let lines = signers.iter().map(sign).collect();
    Note::new(text, lines)
}

impl Log {
    /// Seeds are 32 times 1, 32 times 2, and so on: root, log, timestamp, registrar, roll-up, evidence.
    fn founded() -> Self {
        let mut seed = 0;
        let keys = plan_keys(&Domain::parse("witness.example").unwrap(), &[name("log1")], || {
            seed += 1;
            [seed; 32]
        })
        .unwrap();
        let mut firm = Firm::new(keys.root.verifying_key().clone());
        firm.apply(&keys.note, &Strict).unwrap();
        let registry = Registry::new(Origin::parse("witness.example/log1").unwrap());
        let position = Position { next_sequence: 0, previous: Hash::ZERO };
        let mut log = Self { keys, firm, registry, entries: Vec::new(), position };
        let note = log.keys.note.clone();
        log.append(EntryKind::Firm, &note);
        log
    }

    fn key(&self, file: &str) -> &SigningKey {
        &self.keys.files.iter().find(|(found, _)| found == file).unwrap().1
    }

    fn append(&mut self, kind: EntryKind, note: &Note) -> LeafIndex {
        self.append_text(kind, note.to_string())
    }

    fn append_text(&mut self, kind: EntryKind, body: String) -> LeafIndex {
        let index = u64::try_from(self.entries.len()).unwrap();
        let received_at = Timestamp::from_seconds(START + index);
        let registry_sequence = self.registry.next_sequence();
        self.entries.push(Entry { kind, received_at, registry_sequence, body });
        LeafIndex(index)
    }

    /// Logs a registry change under the registrar's signature and those of `others`.
    fn register(&mut self, body: RegistryBody, others: &[&SigningKey]) -> String {
        let text = self.registry.draft(body).encode();
        let registrar = [self.key("registrar.skey")];
        let note = note_over(text, &[&registrar, others].concat());
        let index = LeafIndex(u64::try_from(self.entries.len()).unwrap());
        let mut registry = self.registry.clone();
        registry.apply(&note, index, Continuity::Complete, (&self.firm, &Strict)).unwrap();
        self.append(EntryKind::Registry, &note);
        self.registry = registry;
        note.to_string()
    }

    fn add_key(&mut self, key: &SigningKey, recovery: bool, others: &[&SigningKey]) -> String {
        let vkey = key.verifying_key().clone();
        self.register(RegistryBody::KeyAdded { issuer: issuer(), key: vkey, recovery }, others)
    }

    /// Drafts, admits and logs a submission.
    fn submit(&mut self, occurrences: &[Occurrence], key: &SigningKey) -> (Draft, LeafIndex) {
        let secret = ClientSecret::new([7; 32]);
        let place = (self.registry.origin().clone(), issuer(), name("main"));
        let mut drafter = Drafter::new(place, self.position.clone(), 256, &secret);
        for occurrence in occurrences {
            drafter.push(occurrence).unwrap();
        }
        let draft = drafter.cut(key).unwrap();
        self.position = drafter.position().clone();
        let note = admission::read(draft.note.to_string().as_bytes(), &self.registry).unwrap();
        admission::admit(note, &draft.events, &draft.details, (&self.registry, &Strict)).unwrap();
        let index = self.append(EntryKind::Submission, &draft.note);
        (draft, index)
    }

    fn leaves(&self) -> Vec<Hash> {
        self.entries.iter().map(Entry::leaf_hash).collect()
    }

    fn checkpoint(&self, signers: &[&SigningKey]) -> Note {
        let size = TreeSize(u64::try_from(self.entries.len()).unwrap());
        let (origin, root) = (self.registry.origin().to_string(), leaves_root(&self.leaves()));
        note_over(Checkpoint { origin, size, root }.encode(), signers)
    }

    fn path(&self, index: LeafIndex) -> Vec<Hash> {
        leaves_path(&self.leaves(), index).unwrap()
    }

    fn proved(&self, index: LeafIndex) -> ProvedEntry {
        let text = self.entries[usize::try_from(index.0).unwrap()].encode();
        ProvedEntry { index, path: self.path(index), text }
    }

    /// Evidence of the one event of a submission, with every note that is logged before it, and an anchor.
    fn evidence(
        &self,
        (checkpoint, rollup): (&Note, &Note),
        anchor: Anchor,
        (draft, index): (&Draft, LeafIndex),
    ) -> Evidence {
        let mut builder = EvidenceBuilder::new(checkpoint.to_string());
        builder.firm(self.proved(LeafIndex(0)));
        (1..index.0).for_each(|before| builder.registry(self.proved(LeafIndex(before))));
        builder.submission(self.proved(index));
        let (text, place) = (draft.events[0].clone(), LeafIndex(0));
        let event = EventProof { details: None, index: place, path: Vec::new(), text };
        builder.event(issuer(), hash_of(DOCUMENT), index, event);
        let (checkpoint, note) = (checkpoint.to_string(), rollup.to_string());
        builder.rollup(RollUpProof { checkpoint, index: LeafIndex(0), note, path: Vec::new() });
        builder.anchor(0, anchor);
        builder.build()
    }
}

fn issued() -> Occurrence {
    let fields = [("module", "AB-12"), ("completed", "2026-02-27"), ("valid-until", "2028-02-29")];
    Occurrence {
        what: What::One(Change::Issued),
        document: hash_of(DOCUMENT),
        claim_type: name("skill-module"),
        occurred_at: 1_772_323_200_000_000,
        details: fields.map(|(field, value)| (field.to_owned(), value.to_owned())).into(),
    }
}

fn later() -> [Occurrence; 4] {
    let one = |what, document| Occurrence { what, document, details: Vec::new(), ..issued() };
    let (old, new) = (hash_of(DOCUMENT), hash_of(AMENDED));
    let (class, status) = (StatusClass::Punitive, Status::parse("REVOKED").unwrap());
    [
        one(What::Amends { old }, new),
        one(What::One(Change::Status { class, status }), new),
        one(What::One(Change::Deleted), new),
        one(What::One(Change::Restored), new),
    ]
}

/// What the issuer needs before it can submit: four changes of the registry.
fn register_issuer(log: &mut Log, texts: &mut Texts) {
    let added = log.register(RegistryBody::IssuerAdded { issuer: issuer() }, &[]);
    texts.insert("registry-issuer-added", added);
    texts.insert("registry-key-added", log.add_key(&issuer_key(11), false, &[&issuer_key(11)]));
    let (stream, jurisdictions) = (name("main"), Jurisdictions::parse("DE-BY,EU").unwrap());
    let opened =
        RegistryBody::StreamOpened { issuer: issuer(), stream, jurisdictions, back_fill: false };
    texts.insert("registry-stream-opened", log.register(opened, &[]));
    let schema = Schema::parse(SCHEMA).unwrap();
    texts.insert("schema", schema.encode());
    let claim_type = RegistryBody::ClaimType { name: name("skill-module"), schema };
    texts.insert("registry-claim-type", log.register(claim_type, &[]));
}

/// The first submission, and all that it gives: receipt, published checkpoint, evidence, verdict.
fn prove_first_event(log: &mut Log, texts: &mut Texts) -> (Draft, LeafIndex) {
    let (draft, index) = log.submit(&[issued()], &issuer_key(11));
    texts.insert("event-issued", draft.events[0].clone());
    texts.insert("details", draft.details[0].clone());
    texts.insert("submission", draft.note.to_string());
    texts.insert("entry", log.entries[usize::try_from(index.0).unwrap()].encode());

    let receipt = log.checkpoint(&[log.key("log1.log.skey")]);
    texts.insert("checkpoint-receipt", receipt.to_string());
    let received_at = Timestamp::from_seconds(START + index.0);
    let path = log.path(index);
    let receipt = Receipt { index, received_at, registry_sequence: 4, checkpoint: receipt, path };
    let about = (EntryKind::Submission, &draft.note);
    receipt.verify(about, log.registry.origin(), (&log.firm, &Strict)).unwrap();

    let signers = [log.key("log1.log.skey"), log.key("log1.timestamp.skey")];
    let published = log.checkpoint(&signers);
    texts.insert("checkpoint-published", published.to_string());
    let rollup = roll_up(log, &published);
    texts.insert("roll-up", rollup.to_string());
    let value = Hash::of(rollup.text().as_bytes());
    let anchor = chain::anchor(CONTRACTS[1], 17, &value, (27_000_000, START + 72));
    texts.insert("anchor", anchor.encode());
    let trusted = TrustedChain {
        contract: anchor.contract,
        code_hash: Word([0x33; 32]),
        blocks: vec![chain::block_of(&anchor)],
    };
    let evidence = log.evidence((&published, &rollup), anchor, (&draft, index));
    let mut policy = Policy::for_firm(log.keys.root.verifying_key().clone());
    texts.insert("policy", policy.encode());
    policy.chains.push(trusted);
    texts.insert("policy-chain", policy.encode());
    let verdict = evidence::verify(&evidence, &policy, &[], &Strict).unwrap();
    assert_eq!(verdict.missing(&policy), []);
    texts.insert("evidence", evidence.encode());
    texts.insert("verdict", verdict.to_json());
    let proof = evidence.tlog_proof(Place { item: 0, event: 0 }).unwrap();
    texts.insert("tlog-proof", proof.encode());
    (draft, index)
}

/// A second key, the first one revoked, a third key by recovery, and every other kind of event.
fn go_on(log: &mut Log, texts: &mut Texts) -> (Draft, LeafIndex) {
    let (first, second, third) = (issuer_key(11), issuer_key(12), issuer_key(13));
    texts.insert("registry-key-added-next", log.add_key(&second, false, &[&second, &first]));
    let (key, as_of) = (first.verifying_key().id(), Timestamp::from_seconds(START));
    let revoked = RegistryBody::KeyRevoked { issuer: issuer(), key, as_of };
    texts.insert("registry-key-revoked", log.register(revoked, &[]));
    texts.insert("registry-key-added-recovery", log.add_key(&third, true, &[&third]));

    let (draft, index) = log.submit(&later(), &second);
    let names =
        ["event-replaced", "event-amended", "event-status", "event-deleted", "event-restored"];
    for (name, text) in names.into_iter().zip(&draft.events) {
        assert_eq!(Event::parse(text.as_bytes()).unwrap().encode(), *text);
        texts.insert(name, text.clone());
    }
    texts.insert("submission-next", draft.note.to_string());
    let heartbeat = Heartbeat {
        origin: log.registry.origin().clone(),
        issuer: issuer(),
        stream: name("main"),
        next_sequence: log.position.next_sequence,
        at: Timestamp::from_seconds(START + 3600),
    };
    let heartbeat = note_over(heartbeat.encode(), &[&second]);
    admission::admit_heartbeat(heartbeat.to_string().as_bytes(), (&log.registry, &Strict)).unwrap();
    texts.insert("heartbeat", heartbeat.to_string());
    (draft, index)
}

/// The certificate's second event is erased: what is left of it in the certificate's evidence.
fn erase(log: &mut Log, texts: &mut Texts, [first, later]: [&(Draft, LeafIndex); 2]) {
    let range = Range { stream: name("main"), first_sequence: 1, events: 1 };
    let (origin, reason) = (log.registry.origin().clone(), Reason::Request);
    let text = Erasure { origin, issuer: issuer(), reason, ranges: vec![range] }.encode();
    texts.insert("erasure", text.clone());
    let erasure = log.append_text(EntryKind::Erasure, text);
    let signers = [log.key("log1.log.skey"), log.key("log1.timestamp.skey")];
    let mut builder = EvidenceBuilder::new(log.checkpoint(&signers).to_string());
    builder.firm(log.proved(LeafIndex(0)));
    for (index, entry) in (0..).zip(&log.entries) {
        if entry.kind == EntryKind::Registry {
            builder.registry(log.proved(LeafIndex(index)));
        }
    }
    let (document, index) = (hash_of(DOCUMENT), LeafIndex(0));
    builder.submission(log.proved(first.1));
    let (path, text) = (Vec::new(), first.0.events[0].clone());
    builder.event(issuer(), document, first.1, EventProof { details: None, index, path, text });
    builder.submission(log.proved(later.1));
    builder.erasure(log.proved(erasure));
    let leaves: Vec<Hash> =
        later.0.events.iter().map(|event| Hash::leaf(event.as_bytes())).collect();
    let (leaf, path) = (leaves[0], leaves_path(&leaves, index).unwrap());
    builder.erased(issuer(), document, later.1, ErasedProof { erasure, index, leaf, path });
    let evidence = builder.build();
    let policy = Policy::for_firm(log.keys.root.verifying_key().clone());
    let verdict = evidence::verify(&evidence, &policy, &[], &Strict).unwrap();
    assert!(verdict.missing(&policy).is_empty() && !verdict.items[0].is_last_known());
    texts.insert("evidence-erased", evidence.encode());
    texts.insert("verdict-erased", verdict.to_json());
}

/// How long bodies are kept, a hold that comes and goes, and the issuer's end.
fn wind_up(log: &mut Log, texts: &mut Texts) {
    let changes = [
        ("registry-retention", "retention skill-module 3650\n"),
        ("registry-legal-hold", "legal-hold case-17 school.example main 1 5\n"),
        ("registry-legal-hold-lifted", "legal-hold-lifted case-17\n"),
        ("registry-issuer-offboarded", "issuer-offboarded school.example\n"),
    ];
    for (name, change) in changes {
        texts.insert(name, log.register(RegistryBody::parse(change).unwrap(), &[]));
    }
}

const CONTRACTS: [Contract; 2] =
    [Contract { chain: 1, address: [0x11; 20] }, Contract { chain: 8453, address: [0x22; 20] }];

/// The first roll-up, over the published checkpoint of the only log, for two chains.
fn roll_up(log: &Log, published: &Note) -> Note {
    let tree = RollUpTree::new([published.text()]).unwrap();
    let rollup = RollUp {
        firm: Domain::parse("witness.example").unwrap(),
        sequence: 0,
        logs: tree.logs(),
        root: tree.root(),
        previous: Hash::ZERO,
        contracts: CONTRACTS.into(),
    };
    let key = log.key(&firm_key_file(Role::RollUp));
    let note = note_over(rollup.encode(), &[key]);
    assert_eq!(RollUp::parse(note.text()).unwrap(), rollup);
    log.firm.verify(&note, (Role::RollUp, "witness.example", 0), &Strict).unwrap();
    note
}

fn texts() -> (Texts, Files) {
    let mut texts = Texts::new();
    let claim_text = Document::read(DOCUMENT.as_bytes(), None).unwrap().claim_text().to_owned();
    texts.insert("document", DOCUMENT.to_owned());
    texts.insert("document-normalized", claim_text);
    texts.insert("document-hash", hash_of(DOCUMENT).0.to_hex() + "\n");
    let mut log = Log::founded();
    texts.insert("firm", log.keys.note.to_string());
    register_issuer(&mut log, &mut texts);
    let first = prove_first_event(&mut log, &mut texts);
    let later = go_on(&mut log, &mut texts);
    let files = bundle::add(&mut log, [&first, &later], &mut texts);
    erase(&mut log, &mut texts, [&first, &later]);
    wind_up(&mut log, &mut texts);
    golden_access::add(&mut texts);
    (texts, files)
}

/// A regulator that is let in for a year.
fn caller() -> CallerRecord {
    let from = Timestamp::from_seconds(START);
    CallerRecord {
        id: CallerId::from_random([0x0b, 0xad, 0xca, 0xfe]),
        role: CallerRole::Regulator(Jurisdictions::parse("DE,EU").unwrap()),
        from,
        until: Timestamp::from_seconds(START + 365 * 86_400),
        known_by: KnownBy::Token(Token::from_random(&[0x0e; 32]).hash()),
        granted_at: from,
        revoked_at: None,
        name: "Federal Financial Supervisory Authority, Bonn".to_owned(),
    }
}

fn in_workspace(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[test]
fn golden_texts_are_what_the_core_writes_and_the_documentation_quotes() {
    let folder = in_workspace("tests/vectors/golden");
    let (mut texts, files) = texts();
    texts.insert("caller", caller().encode());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for (name, text) in &texts {
            fs::write(folder.join(format!("{name}.txt")), text).unwrap();
        }
        for (path, bytes) in &files {
            let path = in_workspace("tests/vectors/bundle").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    for (path, bytes) in &files {
        let golden = fs::read(in_workspace("tests/vectors/bundle").join(path)).unwrap();
        assert!(*bytes == golden, "{path}: the bundle has changed");
    }
    let documentation = fs::read_to_string(in_workspace("proto/README.md")).unwrap();
    for (name, text) in &texts {
        let golden = fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
        assert_eq!(*text, golden, "{name}: the format has changed");
        assert!(documentation.contains(&golden), "{name}: proto/README.md does not quote it");
    }
    let name_of = |file: std::io::Result<fs::DirEntry>| file.unwrap().file_name();
    let files: BTreeSet<_> = fs::read_dir(&folder).unwrap().map(name_of).collect();
    let expected = texts.keys().map(|name| format!("{name}.txt").into()).collect();
    assert_eq!(files, expected, "a file that nothing writes any more");
}

/// What stands between quotation marks in the lines of a source file that `take` likes.
fn quoted(source: &str, take: impl Fn(&str) -> bool) -> Vec<&str> {
    let lines = source.lines().filter(|line| take(line.trim_start()));
    lines.filter_map(|line| line.split('"').nth(1)).collect()
}

#[test]
fn the_documentation_names_every_reason_every_anomaly_and_every_rule() {
    let documentation = fs::read_to_string(in_workspace("proto/README.md")).unwrap();
    let reasons = quoted(include_str!("../../src/admission/refusal.rs"), |line| {
        line.starts_with("Self::") && line.contains("=> \"")
    });
    let checks = quoted(include_str!("../../src/evidence/refusal.rs"), |line| {
        line.starts_with("Refuted \"") || line.starts_with("CannotTell \"")
    });
    assert!(reasons.len() > 30 && checks.len() > 40, "the sources are written otherwise now");
    let anchors = quoted(include_str!("../../src/evm/error.rs"), |line| {
        line.starts_with("Self::") && line.contains("=> \"")
    });
    assert!(anchors.len() > 10, "the source is written otherwise now");
    let anomalies = Anomaly::ALL.map(Anomaly::word);
    let rules = Rule::ALL.map(Rule::word);
    let known = reasons.into_iter().chain(checks).chain(anchors).chain(anomalies).chain(rules);
    for word in known {
        assert!(documentation.contains(&format!("| `{word}` |")), "{word}");
    }
}
