//! What was asked: read from the wire, and put in words for the access log and for the tokens of pages.

use std::{fmt::Write as _, sync::Arc};

use tonic::Status;
use witness_core::{
    admission::Refusal,
    anomaly::Anomaly,
    erasure::Reason,
    event::{Status as DocumentStatus, StatusClass},
    hash::Hash,
    name::{Jurisdictions, Name},
    schema::ChangeKind,
    scope::Scope,
    time::Timestamp,
};
use witness_ledger::{AuditEvent, FieldValue, Filter, Log, Position, ReadError, Streams, Told};
use witness_wire::{Bytes, v1};

use super::{super::beside, Audit};
use crate::{
    access::{self, Asked, Caller},
    convert,
    firm::Firm,
};

/// A question about a log, within the scope of who asks it.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) log: Arc<Log>,
    pub(super) caller: Caller,
    pub(super) scope: Scope,
    pub(super) filter: Filter,
    method: &'static str,
    /// What is asked besides the filter, in words.
    besides: String,
}

impl Question {
    /// Reads a question. One that does not read is written down as such: what it says may be anything.
    pub(super) async fn read(
        audit: &Audit,
        (caller, method): (Caller, &'static str),
        (origin, filter): (&str, Option<v1::AuditFilter>),
    ) -> Result<Self, Status> {
        let scope = caller.scope()?;
        let read = audit.log(origin).and_then(|log| Ok((log, read(filter.unwrap_or_default())?)));
        match read {
            Ok((log, filter)) => {
                let (log, besides) = (Arc::clone(log), String::new());
                Ok(Self { log, caller, scope, filter, method, besides })
            }
            Err(status) => Err(refused(&audit.0, (&caller, method), status).await),
        }
    }

    /// Adds what is asked besides the filter, as `name=value`.
    pub(super) fn besides(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        // Writing to a string cannot fail.
        write!(self.besides, " {name}={value}").ok();
        self
    }

    /// The streams that it is about, by the registry as it is now.
    pub(super) fn streams(&self) -> Streams {
        Streams::of(&self.log.overview().registry, &self.scope, &self.filter)
    }

    /// What came from a place on, in the streams that it is about by then. Must not run inside the runtime.
    pub(super) fn told(&self, from: Position) -> Result<Told, ReadError> {
        loop {
            let registry = Arc::clone(&self.log.overview().registry);
            let streams = Streams::of(&registry, &self.scope, &self.filter);
            let told = self.log.follow((&streams, &self.filter), from)?;
            // A stream that was opened meanwhile may have been heard already, among what was gone through.
            if Arc::ptr_eq(&registry, &self.log.overview().registry) {
                return Ok(told);
            }
        }
    }

    /// Writes down that it was asked, and how much was answered.
    pub(super) async fn record(&self, firm: &Firm, results: Option<u64>) -> Result<(), Status> {
        let words = words(&self.filter, Value::Hidden);
        let filter = format!("log={}{words}{}", self.log.origin(), self.besides);
        access::record(firm, &self.caller, Asked { method: self.method, filter, results }).await
    }

    /// Writes down that it was refused; gives back why.
    pub(super) async fn refused(&self, firm: &Firm, why: Status) -> Status {
        refused(firm, (&self.caller, self.method), why).await
    }

    /// Stands for who asks what, within which scope.
    pub(super) fn digest(&self) -> Hash {
        let scope = match &self.scope {
            Scope::Jurisdictions(own) => format!("jurisdictions {own}"),
            Scope::Issuer(own) => format!("issuer {own}"),
        };
        let words = words(&self.filter, Value::Whole);
        let (caller, origin) = (&self.caller.id, self.log.origin());
        Hash::of(format!("{caller}\n{scope}\n{origin}\n{words}").as_bytes())
    }
}

/// Writes down that something was asked that does not read; gives back why.
pub(super) async fn refused(
    firm: &Firm,
    (caller, method): (&Caller, &'static str),
    why: Status,
) -> Status {
    let asked = Asked { method, filter: "refused=malformed".to_owned(), results: Some(0) };
    match access::record(firm, caller, asked).await {
        Ok(()) => why,
        Err(unwritten) => unwritten,
    }
}

/// Reads a filter.
fn read(filter: v1::AuditFilter) -> Result<Filter, Status> {
    fn given<T>(
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, Status>,
    ) -> Result<Option<T>, Status> {
        if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
    }
    fn word<T>(name: &str, expected: &str, found: Option<T>) -> Result<T, Status> {
        found.ok_or_else(|| convert::invalid(name, expected))
    }
    let code = "one jurisdiction: ISO 3166 (`DE`, `DE-BY`), `EU` or `INT`";
    let change = "issued, replaced, amended, status, deleted or restored";
    let class = "affirming, administrative, punitive, replaced, paused or other";
    let name = "[a-z0-9-]{1,32}";
    let one = |text: &str| {
        let found = Jurisdictions::parse(text).filter(|found| found.codes().len() == 1);
        word("jurisdiction", code, found)
    };
    let field = match (filter.field.as_str(), filter.value) {
        ("", value) if value.is_empty() => None,
        (field, value) if !field.is_empty() && !value.is_empty() => {
            Some(FieldValue { name: word("field", name, Name::parse(field))?, value })
        }
        _ => return Err(convert::invalid("field and value", "given together")),
    };
    Ok(Filter {
        issuer: given(&filter.issuer, convert::issuer)?,
        stream: given(&filter.stream, convert::stream)?,
        jurisdiction: given(&filter.jurisdiction, one)?,
        claim_type: given(&filter.claim_type, |it| word("claim_type", name, Name::parse(it)))?,
        change: given(&filter.change, |it| word("change", change, ChangeKind::from_word(it)))?,
        status: given(&filter.status, |it| {
            word("status", "[A-Za-z0-9][A-Za-z0-9 _-]{0,49}", DocumentStatus::parse(it))
        })?,
        class: given(&filter.status_class, |it| {
            word("status_class", class, StatusClass::parse(it))
        })?,
        anomaly: given(&filter.anomaly, |it| {
            let found = Anomaly::ALL.into_iter().find(|anomaly| anomaly.word() == it);
            word("anomaly", &Anomaly::ALL.map(Anomaly::word).join(", "), found)
        })?,
        received_from: filter.received_from_us.map(Timestamp::from_micros),
        received_until: filter.received_until_us.map(Timestamp::from_micros),
        occurred_from: filter.occurred_from_us,
        occurred_until: filter.occurred_until_us,
        field,
    })
}

/// Whether the value of a details field is written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Hidden,
    Whole,
}

/// A filter as `name=value`, each after a space; no two filters are the same words with the value whole.
fn words(filter: &Filter, value: Value) -> String {
    let mut words = String::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // The one kind of value with spaces is a status, which has no `+`.
            write!(words, " {name}={}", value.replace(' ', "+")).ok();
        }
    };
    add("issuer", filter.issuer.as_ref().map(ToString::to_string));
    add("stream", filter.stream.as_ref().map(ToString::to_string));
    add("claim_type", filter.claim_type.as_ref().map(ToString::to_string));
    add("jurisdiction", filter.jurisdiction.as_ref().map(ToString::to_string));
    add("change", filter.change.map(|change| change.word().to_owned()));
    add("status", filter.status.as_ref().map(|status| status.as_str().to_owned()));
    add("status_class", filter.class.map(|class| class.word().to_owned()));
    add("anomaly", filter.anomaly.map(|anomaly| anomaly.word().to_owned()));
    add("received_from", filter.received_from.map(|at| at.micros().to_string()));
    add("received_until", filter.received_until.map(|at| at.micros().to_string()));
    add("occurred_from", filter.occurred_from.map(|at| at.to_string()));
    add("occurred_until", filter.occurred_until.map(|at| at.to_string()));
    if let Some(field) = &filter.field {
        add("field", Some(field.name.to_string()));
        match value {
            Value::Hidden => add("value", Some("hidden".to_owned())),
            // The last one, so that it can hold anything.
            Value::Whole => drop(write!(words, " value={}", field.value)),
        }
    }
    words
}

/// An event as it travels.
pub(super) fn event(event: AuditEvent) -> v1::AuditEvent {
    let (text, details) = event.texts.unwrap_or_default();
    v1::AuditEvent {
        index: event.index.0,
        event_index: u32::from(event.event),
        received_at_us: event.received_at.micros(),
        issuer: event.issuer.to_string(),
        stream: event.stream.to_string(),
        sequence: event.sequence,
        event: Bytes::from(text),
        details: Bytes::from(details),
        anomalies: convert::words(event.anomalies),
        suspect: event.suspect,
        erased_at_us: event.erased_at.map(Timestamp::micros),
        erasure_reason: event.erasure_reason.map(Reason::word).unwrap_or_default().to_owned(),
    }
}

/// Answers a question that reads much, in a turn of its caller's. The turn ends with the work, also where nobody waits
/// for it any more.
pub(super) async fn in_turn<T: Send + 'static>(
    firm: &Firm,
    caller: &Caller,
    question: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Status> {
    let turn = firm.audit_turns.take(&caller.id).await;
    let turn = turn.ok_or_else(|| convert::status(&Refusal::Stopping))?;
    work(move || {
        let answered = question();
        drop(turn);
        answered
    })
    .await
}

/// Does work that reads the store, on a thread for such.
pub(super) async fn work<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Status> {
    beside(work).await?.map_err(|error| convert::read_status(&error))
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn all() -> v1::AuditFilter {
        let text = str::to_owned;
        v1::AuditFilter {
            issuer: text("school.example"),
            stream: text("live"),
            claim_type: text("skill-module"),
            jurisdiction: text("DE-BY"),
            change: text("status"),
            status: text("on hold"),
            status_class: text("other"),
            received_from_us: Some(1),
            received_until_us: Some(2),
            occurred_from_us: Some(-3),
            occurred_until_us: Some(4),
            field: text("module"),
            value: text("SECRET 1"),
            anomaly: text("late-report"),
        }
    }

    #[test]
    fn all_of_a_filter_is_told_but_the_value_of_details() {
        let filter = read(all()).unwrap();
        assert_eq!(
            words(&filter, Value::Hidden),
            " issuer=school.example stream=live claim_type=skill-module jurisdiction=DE-BY change=status \
             status=on+hold status_class=other anomaly=late-report received_from=1 received_until=2 \
             occurred_from=-3 occurred_until=4 field=module value=hidden"
        );
        assert!(words(&filter, Value::Whole).ends_with(" value=SECRET 1"));
        assert_eq!(words(&read(v1::AuditFilter::default()).unwrap(), Value::Whole), "");
    }

    #[test]
    fn what_does_not_read_is_refused_by_its_name_and_not_repeated() {
        type Spoil = fn(&mut v1::AuditFilter, String);
        let spoils: [(&str, Spoil); 9] = [
            ("issuer", |filter, it| filter.issuer = it),
            ("stream", |filter, it| filter.stream = it),
            ("claim_type", |filter, it| filter.claim_type = it),
            ("jurisdiction", |filter, it| filter.jurisdiction = it),
            ("change", |filter, it| filter.change = it),
            ("status", |filter, it| filter.status = it),
            ("status_class", |filter, it| filter.status_class = it),
            ("anomaly", |filter, it| filter.anomaly = it),
            ("field", |filter, it| filter.field = it),
        ];
        for (name, spoil) in spoils {
            let mut filter = all();
            spoil(&mut filter, "?Wrong?".to_owned());
            let refused = read(filter).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
            assert!(refused.message().starts_with(name), "{}", refused.message());
            assert!(!refused.message().contains("Wrong"), "{}", refused.message());
        }
        let two = v1::AuditFilter { jurisdiction: "DE,GB".to_owned(), ..all() };
        let half = v1::AuditFilter { value: String::new(), ..all() };
        assert!(read(two).is_err() && read(half).is_err());
    }
}
