//! What somebody asks for: which streams, decided from the registry alone, and what their events must be.

use std::{collections::BTreeSet, fmt};

use witness_core::{
    anomaly::{Anomalies, Anomaly},
    details::Details,
    event::{Event, Status, StatusClass},
    name::{Domain, Jurisdictions, Name},
    registry::Registry,
    schema::ChangeKind,
    scope::Scope,
    time::Timestamp,
};

use super::cells::{Area, List, Span, Term};
use crate::bodies::Texts;

/// What an event must be; what is left out does not matter, what is given must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Its issuer.
    pub issuer: Option<Domain>,
    /// Its stream.
    pub stream: Option<Name>,
    /// One of these covers its stream.
    pub jurisdiction: Option<Jurisdictions>,
    /// Its claim type.
    pub claim_type: Option<Name>,
    /// Its change.
    pub change: Option<ChangeKind>,
    /// The issuer's status, verbatim.
    pub status: Option<Status>,
    /// Class of the status.
    pub class: Option<StatusClass>,
    /// One of its anomalies.
    pub anomaly: Option<Anomaly>,
    /// Received at or after.
    pub received_from: Option<Timestamp>,
    /// Received before.
    pub received_until: Option<Timestamp>,
    /// Occurred at or after, by the issuer's word.
    pub occurred_from: Option<i64>,
    /// Occurred before.
    pub occurred_until: Option<i64>,
    /// A field of its details with its value.
    pub field: Option<FieldValue>,
}

/// A field of details with its value: an identifier or a digest.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldValue {
    /// The field.
    pub name: Name,
    /// Its value.
    pub value: String,
}

/// The value is not for logs.
impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldValue").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Streams of one log that a caller asks about and may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streams {
    ordinals: BTreeSet<u32>,
    /// Where they lie: areas of which the caller sees everything.
    areas: Vec<Area>,
    /// Whether others lie there, too, that the caller does not ask about.
    are_among_others: bool,
}

impl Streams {
    /// The streams that are in scope and that a filter asks for.
    #[must_use]
    pub fn of(registry: &Registry, scope: &Scope, filter: &Filter) -> Self {
        let mut ordinals = BTreeSet::new();
        let (mut asked, mut others) = (BTreeSet::new(), BTreeSet::new());
        for (issuer, record) in registry.issuers() {
            for (name, stream) in &record.streams {
                if !scope.has(issuer, stream) {
                    continue;
                }
                let codes = match scope {
                    Scope::Jurisdictions(_) => stream.jurisdictions.codes(),
                    Scope::Issuer(_) => &[],
                };
                let is_asked = filter.issuer.as_ref().is_none_or(|asked| asked == issuer)
                    && filter.stream.as_ref().is_none_or(|asked| asked == name)
                    && covers(filter.jurisdiction.as_ref(), &stream.jurisdictions);
                if is_asked {
                    ordinals.insert(stream.ordinal);
                    asked.insert(codes);
                } else {
                    others.insert(codes);
                }
            }
        }
        let area = |codes: &&[String]| match scope {
            Scope::Jurisdictions(_) => Area::jurisdictions(codes),
            Scope::Issuer(own) => Area::issuer(own),
        };
        let areas = asked.iter().map(area).collect();
        Self { ordinals, areas, are_among_others: !asked.is_disjoint(&others) }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ordinals.is_empty()
    }

    /// Whether a stream is one of them.
    pub(super) fn has(&self, ordinal: u32) -> bool {
        self.ordinals.contains(&ordinal)
    }

    /// Areas in which they lie.
    pub(super) fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// Lists of what has a term, in these streams, and perhaps in others that the caller may see.
    pub(super) fn lists(&self, term: Term) -> Vec<List> {
        self.areas.iter().map(|area| List { area: *area, term }).collect()
    }

    /// Lists of all that these streams have, if they are not all that lies in their areas.
    pub(super) fn own_lists(&self) -> Option<Vec<List>> {
        let list = |ordinal: &u32| List { area: Area::stream(*ordinal), term: Term::ANY };
        self.are_among_others.then(|| self.ordinals.iter().map(list).collect())
    }
}

fn covers(asked: Option<&Jurisdictions>, stream: &Jurisdictions) -> bool {
    asked.is_none_or(|asked| asked.cover(stream))
}

impl Filter {
    /// Terms that an event must all have.
    pub(super) fn terms(&self) -> Vec<Term> {
        let field = self.field.as_ref().map(|field| Term::field(field.name.as_str(), &field.value));
        let all = [
            field,
            self.status.as_ref().map(|status| Term::status(status.as_str())),
            self.anomaly.map(Term::anomaly),
            self.class.map(Term::class),
            self.change.map(Term::change),
            self.claim_type.as_ref().map(|name| Term::claim_type(name.as_str())),
        ];
        all.into_iter().flatten().collect()
    }

    pub(super) fn asks_when_it_occurred(&self) -> bool {
        self.occurred_from.is_some() || self.occurred_until.is_some()
    }

    /// Whether only the text of an event can tell.
    pub(super) fn asks_for_text(&self) -> bool {
        let asks_what = self.claim_type.is_some()
            || self.change.is_some()
            || self.status.is_some()
            || self.class.is_some();
        asks_what || self.field.is_some() || self.asks_when_it_occurred()
    }

    /// Whether a submission was received when it is asked for.
    pub(super) fn takes_receipt(&self, at: Timestamp) -> bool {
        self.received_from.is_none_or(|from| from <= at)
            && self.received_until.is_none_or(|until| at < until)
    }

    /// Whether something that occurred in a span can be asked for.
    pub(super) fn takes_span(&self, span: Span) -> bool {
        self.occurred_from.is_none_or(|from| from <= span.latest)
            && self.occurred_until.is_none_or(|until| span.earliest < until)
    }

    /// Whether the anomaly that is asked for is one of these.
    pub(super) fn takes_anomalies(&self, anomalies: Anomalies) -> bool {
        self.anomaly.is_none_or(|asked| anomalies.to_vec().contains(&asked))
    }

    /// Whether an event's texts are as asked. What was erased is not known to be anything.
    pub(super) fn takes_texts(&self, registry: &Registry, texts: Texts<'_>) -> bool {
        if !self.asks_for_text() {
            return true;
        }
        let Some((event, details)) = texts else { return false };
        let Ok(event) = Event::parse(event) else { return false };
        self.takes_event(&event) && self.takes_field(registry, (&event.claim_type, details))
    }

    fn takes_event(&self, event: &Event) -> bool {
        let (class, status) = event.change.status().unzip();
        self.claim_type.as_ref().is_none_or(|asked| *asked == event.claim_type)
            && self.change.is_none_or(|asked| asked == event.change.kind())
            && self.status.as_ref().is_none_or(|asked| Some(asked) == status)
            && self.class.is_none_or(|asked| Some(asked) == class)
            && self.occurred_from.is_none_or(|from| from <= event.occurred_at)
            && self.occurred_until.is_none_or(|until| event.occurred_at < until)
    }

    /// A field is only found where its claim type calls it an identifier or a digest: others are not indexed.
    fn takes_field(&self, registry: &Registry, (claim_type, details): (&Name, &[u8])) -> bool {
        let Some(field) = &self.field else { return true };
        let name = field.name.as_str();
        let details = Details::parse(details).ok();
        let has_it = details.is_some_and(|details| details.get(name) == Some(&*field.value));
        let record = registry.claim_type(claim_type).filter(|_| has_it);
        record.is_some_and(|record| record.schema.identifying_fields().any(|other| other == name))
    }
}
