//! Counting events.

use std::{collections::BTreeMap, sync::Arc};

use tonic::{Code, Request, Response, Status};
use witness_core::{anomaly::Anomaly, event::StatusClass, time::Timestamp};
use witness_ledger::{Counts, Days, StreamStatistics};
use witness_wire::v1::{self, get_statistics_response as response};

use super::{
    Audit,
    asked::{self, Question},
};
use crate::{access::Caller, clock, convert};

const METHOD: &str = "AuditService.GetStatistics";
/// Silence that counts, unless asked otherwise.
const SILENT_AFTER_S: u64 = 7 * 24 * 3600;

impl Audit {
    pub(super) async fn statistics_now(
        &self,
        request: Request<v1::GetStatisticsRequest>,
    ) -> Result<Response<v1::GetStatisticsResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let span = (request.from_us, request.until_us);
        let filter = v1::AuditFilter {
            issuer: request.issuer,
            stream: request.stream,
            jurisdiction: request.jurisdiction,
            received_from_us: span.0,
            received_until_us: span.1,
            ..v1::AuditFilter::default()
        };
        let asked = (request.origin.as_str(), Some(filter));
        let question = Question::read(self, (caller, METHOD), asked).await?;
        let (log, streams) = (Arc::clone(&question.log), question.streams());
        let indexed_to = log.indexed_to().0;
        let span = (span.0.map(Timestamp::from_micros), span.1.map(Timestamp::from_micros));
        let days = if request.totals_only { Days::Summed } else { Days::Told };
        let count = move || log.statistics(&streams, (span, days));
        let counted = asked::in_turn(&self.0, &question.caller, count).await?;
        let Some(counted) = counted else {
            question.record(&self.0, Some(0)).await?;
            let message = format!(
                "something happened on more than {} days of streams; ask for fewer days, one issuer, one stream, or \
                 the totals only",
                days.most()
            );
            return Err(convert::named(Code::OutOfRange, "TOO_MANY_DAYS", &message));
        };
        let results = u64::try_from(counted.len()).unwrap_or(u64::MAX);
        question.record(&self.0, Some(results)).await?;
        let silent_after_s = match request.silent_after_s {
            0 => SILENT_AFTER_S,
            seconds => seconds,
        };
        let silent_since =
            clock::wall().micros().saturating_sub(silent_after_s.saturating_mul(1_000_000));
        let silent_since = Timestamp::from_micros(silent_since);
        Ok(Response::new(v1::GetStatisticsResponse {
            streams: counted.iter().map(|stream| told(stream, silent_since)).collect(),
            indexed_to,
            origin: question.log.origin().to_string(),
        }))
    }
}

/// Statistics of a stream as they travel. One that was never heard is silent since it was opened.
fn told(stream: &StreamStatistics, silent_since: Timestamp) -> response::Stream {
    let day = |(day, day_counts): &(Timestamp, Counts)| response::Day {
        day_us: day.micros(),
        counts: Some(counts(day_counts)),
    };
    response::Stream {
        issuer: stream.issuer.to_string(),
        stream: stream.stream.to_string(),
        jurisdictions: stream.jurisdictions.to_string(),
        total: Some(counts(&stream.total)),
        days: stream.days.iter().map(day).collect(),
        last_heard_us: stream.last_heard.map_or(0, Timestamp::micros),
        silent: stream.last_heard.unwrap_or(stream.opened_at) < silent_since,
    }
}

fn counts(counts: &Counts) -> response::Counts {
    let named = |words: &[&str], numbers: &[u64]| -> BTreeMap<String, u64> {
        let named = words.iter().zip(numbers).filter(|(_, number)| **number > 0);
        named.map(|(word, number)| ((*word).to_owned(), *number)).collect()
    };
    response::Counts {
        events: counts.events,
        issued: counts.issued,
        replaced: counts.replaced,
        amended: counts.amended,
        deleted: counts.deleted,
        restored: counts.restored,
        statuses: named(&StatusClass::ALL.map(StatusClass::word), &counts.statuses),
        anomalies: named(&Anomaly::ALL.map(Anomaly::word), &counts.anomalies),
        conflicts: counts.conflicts,
        submissions: counts.submissions,
        heartbeats: counts.heartbeats,
        back_dated: counts.back_dated,
        erased: counts.erased,
    }
}

#[cfg(test)]
mod tests {
    use witness_core::name::{Domain, Jurisdictions, Name};

    use super::*;

    #[test]
    fn silence_is_counted_from_what_was_heard_last_or_from_the_opening() {
        let at = Timestamp::from_micros;
        let stream = |last_heard| StreamStatistics {
            issuer: Domain::parse("school.example").unwrap(),
            stream: Name::parse("live").unwrap(),
            jurisdictions: Jurisdictions::parse("INT").unwrap(),
            total: Counts::default(),
            days: Vec::new(),
            last_heard,
            opened_at: at(10),
        };
        let cases =
            [(None, 10, false), (None, 11, true), (Some(20), 20, false), (Some(20), 21, true)];
        for (heard, since, silent) in cases {
            assert_eq!(told(&stream(heard.map(at)), at(since)).silent, silent, "{heard:?} {since}");
        }
    }
}
