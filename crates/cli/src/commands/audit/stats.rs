//! `witness audit stats`: what happened, counted.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use witness_core::{
    name::{Domain, Name},
    time::Timestamp,
};
use witness_wire::v1::{
    GetStatisticsRequest,
    get_statistics_response::{Counts, Day, Stream},
};

use super::{
    LogArgs,
    filter::{jurisdiction, options, received, refuse_backward},
    search::unmatched,
};
use crate::{
    args::{domain, name},
    outcome::Outcome,
    output::{Output, count_of},
    rpc,
};

/// Arguments of `witness audit stats`.
#[derive(Debug, Args)]
#[command(after_help = "\
Days are of UTC, by the firm's time of receipt. A stream is silent if it has sent neither a
submission nor a heartbeat for as long as --silent-after says. With --days at most 10,000 days of
all streams are told, on which something happened; without it, the totals of at most 100,000.
With --json a last line, the one with an `outcome`, has `indexed_to`, up to where was counted, and
the number of `streams` before it.

Examples:
  witness audit stats --server https://witness.example --token-file regulator.token
  witness audit stats … --issuer aws.training --from 2026-01-01 --until 2026-01-31 --days")]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    log: LogArgs,
    /// Domain of the issuer
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    issuer: Option<Domain>,
    /// Name of the stream
    #[arg(long, value_name = "NAME", value_parser = name)]
    stream: Option<Name>,
    /// Jurisdiction of the stream, as in DE, which covers DE-BY
    #[arg(long, value_name = "CODE", value_parser = jurisdiction)]
    jurisdiction: Option<String>,
    /// First day
    #[arg(long, value_name = "DAY", value_parser = received)]
    from: Option<Timestamp>,
    /// Last day
    #[arg(long, value_name = "DAY", value_parser = received)]
    until: Option<Timestamp>,
    /// How long a stream may say nothing, as in 168h
    #[arg(long, value_name = "SPAN", default_value = "168h", value_parser = crate::times::duration)]
    silent_after: Duration,
    /// Tell each day on which something happened, not the totals alone
    #[arg(long)]
    days: bool,
}

/// Counts.
pub(crate) async fn run(args: &StatsArgs, output: &mut Output, now: Timestamp) -> Result<Outcome> {
    refuse_backward((args.from, args.until))?;
    let channel = rpc::connect(&args.log.server).await?;
    let named = |name: &Option<Name>| name.as_ref().map(ToString::to_string).unwrap_or_default();
    let request = GetStatisticsRequest {
        origin: args.log.origin(),
        issuer: args.issuer.as_ref().map(ToString::to_string).unwrap_or_default(),
        stream: named(&args.stream),
        jurisdiction: args.jurisdiction.clone().unwrap_or_default(),
        from_us: args.from.map(Timestamp::micros),
        until_us: args.until.map(Timestamp::micros),
        silent_after_s: args.silent_after.as_secs().max(1),
        totals_only: !args.days,
    };
    let answer = rpc::audit(&channel).get_statistics(rpc::timed(request)).await;
    let answer = rpc::answer(answer).map_err(|failure| match failure.reason.as_deref() {
        Some("TOO_MANY_DAYS") if args.days => {
            failure.next("leave --days out, or give --from and --until, --issuer or --stream")
        }
        Some("TOO_MANY_DAYS") => failure.next("give --from and --until, --issuer or --stream"),
        _ => failure,
    })?;
    for stream in &answer.streams {
        output.json(&as_json(&answer.origin, stream))?;
        show(stream, args, output, now)?;
    }
    let (outcome, streams) = (Outcome::Done, u64::try_from(answer.streams.len())?);
    output.conclude(outcome);
    let (origin, indexed_to) = (&answer.origin, answer.indexed_to);
    let counted = count_of(streams, "stream");
    output.note(&format!("{counted} of {origin}, counted to entry {indexed_to}"))?;
    let given = options([
        ("issuer", args.issuer.as_ref().map(ToString::to_string)),
        ("stream", args.stream.as_ref().map(ToString::to_string)),
        ("jurisdiction", args.jurisdiction.clone()),
    ]);
    let next_step = unmatched(streams, &given);
    if let Some(step) = &next_step {
        output.next(step)?;
    }
    output.json(&json!({
        "outcome": outcome.word(),
        "origin": origin,
        "streams": streams,
        "indexed_to": indexed_to,
        "next_step": next_step,
    }))?;
    Ok(outcome)
}

fn show(stream: &Stream, args: &StatsArgs, output: &mut Output, now: Timestamp) -> Result<()> {
    output.line(&format!("{} {}  ({})", stream.issuer, stream.stream, stream.jurisdictions))?;
    for (label, counted) in rows(&stream.total.clone().unwrap_or_default()) {
        output.field(&label, &counted.to_string())?;
    }
    let heard = match stream.last_heard_us {
        0 => "never".to_owned(),
        micros => {
            let ago = now.micros().saturating_sub(micros) / 86_400_000_000;
            format!("{}, {} ago", Timestamp::from_micros(micros), count_of(ago, "day"))
        }
    };
    output.field("last heard", &heard)?;
    if stream.silent {
        output.warn(&format!("{} {} is silent", stream.issuer, stream.stream))?;
    }
    if args.days {
        for day in &stream.days {
            show_day(day, output)?;
        }
    }
    Ok(())
}

fn show_day(day: &Day, output: &mut Output) -> Result<()> {
    let counts = rows(&day.counts.clone().unwrap_or_default());
    let counts: Vec<String> =
        counts.iter().map(|(label, count)| format!("{label} {count}")).collect();
    let date = Timestamp::from_micros(day.day_us).to_string();
    output.field(date.get(..10).unwrap_or(&date), &counts.join(", "))?;
    Ok(())
}

/// What was counted, without what did not happen.
fn rows(counts: &Counts) -> Vec<(String, u64)> {
    let plain = [
        ("events", counts.events),
        ("issued", counts.issued),
        ("replaced", counts.replaced),
        ("amended", counts.amended),
        ("deleted", counts.deleted),
        ("restored", counts.restored),
        ("conflicts", counts.conflicts),
        ("back-dated", counts.back_dated),
        ("erased", counts.erased),
        ("submissions", counts.submissions),
        ("heartbeats", counts.heartbeats),
    ];
    let plain = plain.map(|(label, count)| (label.to_owned(), count));
    let statuses = counts.statuses.iter().map(|(class, count)| (format!("status {class}"), *count));
    let anomalies = counts.anomalies.iter().map(|(word, count)| (format!("odd: {word}"), *count));
    let rows = plain.into_iter().chain(statuses).chain(anomalies);
    rows.filter(|(label, count)| *count > 0 || label == "events").collect()
}

fn as_json(origin: &str, stream: &Stream) -> Value {
    let days = stream.days.iter().map(|day| {
        let date = Timestamp::from_micros(day.day_us).to_string();
        json!({ "day": date.get(..10), "counts": counts_json(day.counts.as_ref()) })
    });
    json!({
        "origin": origin,
        "issuer": stream.issuer,
        "stream": stream.stream,
        "jurisdictions": stream.jurisdictions,
        "total": counts_json(stream.total.as_ref()),
        "days": days.collect::<Vec<_>>(),
        "last_heard": (stream.last_heard_us > 0)
            .then(|| Timestamp::from_micros(stream.last_heard_us).to_string()),
        "silent": stream.silent,
    })
}

fn counts_json(counts: Option<&Counts>) -> Value {
    let counts = counts.cloned().unwrap_or_default();
    json!({
        "events": counts.events,
        "issued": counts.issued,
        "replaced": counts.replaced,
        "amended": counts.amended,
        "deleted": counts.deleted,
        "restored": counts.restored,
        "statuses": counts.statuses,
        "anomalies": counts.anomalies,
        "conflicts": counts.conflicts,
        "submissions": counts.submissions,
        "heartbeats": counts.heartbeats,
        "back_dated": counts.back_dated,
        "erased": counts.erased,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_happen_is_left_out_but_the_number_of_events_is_said() {
        let counts = Counts {
            issued: 2,
            anomalies: [("late-report".to_owned(), 1)].into(),
            ..Counts::default()
        };
        let rows = rows(&counts);
        let labels: Vec<&str> = rows.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["events", "issued", "odd: late-report"]);
    }
}
