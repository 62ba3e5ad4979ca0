//! A small log with two issuers in several jurisdictions, filled at random, and the same events as a plain list.

use witness_core::{
    anomaly::Anomalies,
    details::Details,
    drafting::{ClientSecret, Drafter, Occurrence, Position, What},
    erasure::{Range, Reason},
    event::{Change, Event, Status, StatusClass},
    hash::Hash,
    key::{SignatureType, SigningKey},
    name::{Domain, Jurisdictions, Name, Origin},
    registry::Change as RegistryChange,
    schema::Schema,
    scope::Scope,
    time::Timestamp,
};
use witness_ledger::{AuditEvent, ErasureRequest, Filter, Log, What as Erasing};

use crate::bench_firm::{Bench, ORIGIN, document_hash, key, submit, wait};

const SCHEMA: &str = "field level - issued,status code high|low\n\
                      field serial - amended,issued,replaced,status identifier [A-Z]{2}-[0-9]{1,3}\n";
/// Issuer, stream, jurisdictions.
pub(crate) const STREAMS: [(&str, &str, &str); 5] = [
    ("a.example", "main", "GB"),
    ("a.example", "other", "DE-BY,FR"),
    ("b.example", "main", "DE"),
    ("b.example", "world", "INT"),
    ("b.example", "idle", "DE"),
];

/// Numbers that come from a seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // Xorshift, as good as any for a test.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(u64::try_from(all.len()).unwrap())).unwrap()].clone()
    }
}

/// One event as the test knows it.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    pub(crate) place: (u64, u16),
    pub(crate) received_at: Timestamp,
    pub(crate) issuer: Domain,
    pub(crate) stream: Name,
    pub(crate) jurisdictions: Jurisdictions,
    pub(crate) sequence: u64,
    pub(crate) text: String,
    pub(crate) details: String,
    pub(crate) event: Event,
    pub(crate) serial: Option<String>,
    pub(crate) anomalies: Anomalies,
    pub(crate) erased_at: Option<Timestamp>,
    pub(crate) erased_for: Option<Reason>,
}

impl Plain {
    /// What a search and a tail must say of it.
    pub(crate) fn is(&self, event: &AuditEvent) -> bool {
        let texts = (self.text.as_bytes().to_vec(), self.details.as_bytes().to_vec());
        (event.index.0, event.event) == self.place
            && (&event.issuer, &event.stream) == (&self.issuer, &self.stream)
            && (event.received_at, event.sequence) == (self.received_at, self.sequence)
            && event.texts == self.erased_at.is_none().then_some(texts)
            && event.anomalies == self.anomalies
            && (event.erased_at, event.erasure_reason) == (self.erased_at, self.erased_for)
    }

    /// Whether it is in scope and as asked, rule by rule.
    pub(crate) fn matches(&self, scope: &Scope, filter: &Filter) -> bool {
        let covered = |own: &Jurisdictions| {
            own.codes().iter().any(|own| {
                let mut codes = self.jurisdictions.codes().iter();
                codes.any(|code| code == own || code.starts_with(&format!("{own}-")))
            })
        };
        let in_scope = match scope {
            Scope::Issuer(own) => *own == self.issuer,
            Scope::Jurisdictions(own) => covered(own),
        };
        let asks_for_text = filter.claim_type.is_some()
            || filter.change.is_some()
            || filter.status.is_some()
            || filter.class.is_some()
            || filter.occurred_from.is_some()
            || filter.occurred_until.is_some()
            || filter.field.is_some();
        if self.erased_at.is_some() && asks_for_text {
            return false;
        }
        let event = &self.event;
        let status = match &event.change {
            Change::Status { class, status } => Some((status, *class)),
            Change::Issued
            | Change::Replaced { .. }
            | Change::Amended { .. }
            | Change::Deleted
            | Change::Restored => None,
        };
        in_scope
            && filter.issuer.as_ref().is_none_or(|asked| *asked == self.issuer)
            && filter.stream.as_ref().is_none_or(|asked| *asked == self.stream)
            && filter.jurisdiction.as_ref().is_none_or(covered)
            && filter.claim_type.as_ref().is_none_or(|asked| *asked == event.claim_type)
            && filter.change.is_none_or(|asked| asked == event.change.kind())
            && filter.status.as_ref().is_none_or(|asked| status.is_some_and(|it| it.0 == asked))
            && filter.class.is_none_or(|asked| status.is_some_and(|it| it.1 == asked))
            && filter.anomaly.is_none_or(|asked| self.anomalies.to_vec().contains(&asked))
            && filter.received_from.is_none_or(|from| from <= self.received_at)
            && filter.received_until.is_none_or(|until| self.received_at < until)
            && filter.occurred_from.is_none_or(|from| from <= event.occurred_at)
            && filter.occurred_until.is_none_or(|until| event.occurred_at < until)
            && filter.field.as_ref().is_none_or(|asked| {
                asked.name.as_str() == "serial" && self.serial.as_ref() == Some(&asked.value)
            })
    }
}

/// The log with its list.
pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) log: Log,
    pub(crate) plain: Vec<Plain>,
    pub(crate) dice: Dice,
    drafters: Vec<Drafter<'static>>,
}

fn key_of(issuer: &str) -> SigningKey {
    key(issuer, SignatureType::Ed25519, issuer.as_bytes()[0])
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn register(log: &Log, change: &RegistryChange) {
    let text = log.overview().registry.draft(change.clone()).encode();
    let mut signatures = Vec::new();
    if let RegistryChange::KeyAdded { issuer, .. } = change {
        signatures.push(key_of(issuer.as_str()).sign(&text, Timestamp::EPOCH));
    }
    wait(log.register(text, signatures)).unwrap();
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        static SECRET: std::sync::LazyLock<ClientSecret> =
            std::sync::LazyLock::new(|| ClientSecret::new([3; 32]));
        let bench = Bench::new();
        let log = bench.open();
        for issuer in ["a.example", "b.example"] {
            let domain = Domain::parse(issuer).unwrap();
            register(&log, &RegistryChange::IssuerAdded { issuer: domain.clone() });
            let key = key_of(issuer).verifying_key().clone();
            register(&log, &RegistryChange::KeyAdded { issuer: domain, key, recovery: false });
        }
        for claim_type in ["module", "skill"] {
            let schema = Schema::parse(SCHEMA).unwrap();
            register(&log, &RegistryChange::ClaimType { name: name(claim_type), schema });
        }
        let mut drafters = Vec::new();
        for (issuer, stream, jurisdictions) in STREAMS {
            let issuer = Domain::parse(issuer).unwrap();
            let jurisdictions = Jurisdictions::parse(jurisdictions).unwrap();
            let (place, back_fill) = ((issuer.clone(), name(stream)), false);
            let (issuer, stream) = place.clone();
            let opened = RegistryChange::StreamOpened { issuer, stream, jurisdictions, back_fill };
            register(&log, &opened);
            let place = (Origin::parse(ORIGIN).unwrap(), place.0, place.1);
            let position = Position { next_sequence: 0, previous: Hash::ZERO };
            drafters.push(Drafter::new(place, position, 4096, &SECRET));
        }
        Self { bench, log, plain: Vec::new(), dice: Dice(seed), drafters }
    }

    /// Logs so many random submissions, of any stream but the last.
    pub(crate) fn fill(&mut self, submissions: u64) {
        for _ in 0..submissions {
            let stream = usize::try_from(self.dice.below(4)).unwrap();
            let events = 1 + self.dice.below(3) * self.dice.below(20);
            self.bench.advance(self.dice.below(3) * 1_000);
            self.submit(stream, events);
        }
    }

    pub(crate) fn submit(&mut self, stream: usize, events: u64) {
        for _ in 0..events {
            let occurrence = occurrence(&mut self.dice);
            self.drafters[stream].push(&occurrence).unwrap();
        }
        let (issuer, stream_name, jurisdictions) = STREAMS[stream];
        let draft = self.drafters[stream].cut(&key_of(issuer)).unwrap();
        let submitted = wait(submit(&self.log, &draft)).unwrap();
        let anomalies: std::collections::BTreeMap<u16, Anomalies> =
            submitted.anomalies.iter().copied().collect();
        for ((event, text), details) in (0..).zip(&draft.events).zip(&draft.details) {
            self.plain.push(Plain {
                place: (submitted.receipt.index.0, event),
                received_at: submitted.receipt.received_at,
                issuer: Domain::parse(issuer).unwrap(),
                stream: name(stream_name),
                jurisdictions: Jurisdictions::parse(jurisdictions).unwrap(),
                sequence: draft.submission.first_sequence + u64::from(event),
                text: text.clone(),
                details: details.clone(),
                event: Event::parse(text.as_bytes()).unwrap(),
                serial: Details::parse(details.as_bytes())
                    .ok()
                    .and_then(|details| details.get("serial").map(str::to_owned)),
                anomalies: anomalies.get(&event).copied().unwrap_or_default(),
                erased_at: None,
                erased_for: None,
            });
        }
    }

    /// Erases an event, and perhaps some after it in its stream.
    pub(crate) fn erase(&mut self, at: usize) {
        let first = self.plain[at].clone();
        let events = 1 + self.dice.below(4);
        let is_own = |it: &Plain| (&it.issuer, &it.stream) == (&first.issuer, &first.stream);
        let reached = self.plain.iter().filter(|it| is_own(it)).map(|it| it.sequence + 1).max();
        let end = reached.unwrap().min(first.sequence + events);
        let (stream, first_sequence) = (first.stream.clone(), first.sequence);
        let range = Range { stream, first_sequence, events: end - first_sequence };
        let what = Erasing::Ranges(vec![range]);
        let reason = if first.sequence.is_multiple_of(2) { Reason::Request } else { Reason::Order };
        let request = ErasureRequest { issuer: first.issuer.clone(), what, reason };
        let erasable = self.log.erasable(&request).unwrap();
        let erased = wait(self.log.erase(erasable)).unwrap();
        let gone = |it: &&mut Plain| is_own(it) && (first_sequence..end).contains(&it.sequence);
        for event in self.plain.iter_mut().filter(gone) {
            event.erased_at = event.erased_at.or(erased.by.map(|by| by.at));
            event.erased_for = event.erased_for.or(Some(reason));
        }
    }

    /// Waits until all is published and indexed.
    pub(crate) fn settle(&self) {
        let size = self.bench.published(&self.log);
        assert!(wait(self.log.indexed(size)));
    }
}

/// Now and then something rare, else something common.
fn occurrence(dice: &mut Dice) -> Occurrence {
    let status =
        |class, status: &str| Change::Status { class, status: Status::parse(status).unwrap() };
    let document = |dice: &mut Dice| document_hash(&format!("document {}", dice.below(60)));
    let what = match dice.below(12) {
        0 => What::One(Change::Deleted),
        1 => What::One(Change::Restored),
        2 => What::One(status(StatusClass::Punitive, "REVOKED")),
        3 => What::One(status(StatusClass::Affirming, "VALID")),
        4 => What::One(status(StatusClass::Punitive, "SUSPENDED")),
        5 => What::Amends { old: document_hash("an old one") },
        _ => What::One(Change::Issued),
    };
    let mut details = Vec::new();
    let takes_details = !matches!(what, What::One(Change::Deleted | Change::Restored));
    if takes_details && dice.below(4) > 0 {
        details.push(("serial".to_owned(), format!("AB-{}", dice.below(200))));
    }
    let takes_level = matches!(what, What::One(Change::Issued | Change::Status { .. }));
    if takes_level && dice.below(2) > 0 {
        details.push(("level".to_owned(), dice.pick(&["high", "low"]).to_owned()));
    }
    let back = i64::try_from(dice.below(14 * 24)).unwrap() * 3_600_000_000;
    let occurred_at = 1_700_000_000_000_000 - back;
    let claim_type = name(dice.pick(&["module", "module", "module", "skill"]));
    Occurrence { what, document: document(dice), claim_type, occurred_at, details }
}
