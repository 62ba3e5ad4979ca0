//! `witness submit`: from a file of rows to receipts.
//!
//! What must hold: run again with the same file and journal, it sends what is not acknowledged, and nothing
//! twice.

mod begin;
mod check;
mod draft;
mod drive;
mod journal;
mod past;
mod prepared;
mod row;
mod rows;
mod settled;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use witness_core::{name::Name, policy::Policy};

use self::{
    drive::{Drive, Tally, per_second},
    journal::Record,
    rows::Format,
};
use crate::{
    args,
    outcome::Outcome,
    output::{Output, count_of},
    retry::retrying,
    rpc,
    trust::{self, FirmNotes},
};

const EXAMPLES: &str = "\
One row is one event; an amendment is one row and makes two. Members of a JSON object, or CSV
columns:
  document       hash of the document, 64 hexadecimal digits
  document_file  or a file with its text, which is hashed here (also: text_file)
  change         issued, amended, status, deleted or restored
  replaces       for amended: the old hash (or replaces_file)
  status, class  for status: the word, and if need be affirming, administrative, punitive,
                 replaced, paused or other
  claim_type     the kind of document
  occurred_at    2026-03-01T09:00:00Z, 2026-03-01, or microseconds since 1970
  details        an object of fields; in CSV columns details.<field>

What is signed is journaled before it is sent. After a crash or a broken connection run the
same command again: it goes on where it stopped. Keep the folder of the journal: it holds your
receipts, and the secret without which nothing can be sent again as it was.

Examples:
  witness submit --server http://localhost:7761 --key aws.skey --stream main events.ndjson
  witness submit --server http://localhost:7761 --key aws.skey --stream history old.csv \\
      --claim-type skill-module --change issued --policy policy.json
  gunzip -c old.ndjson.gz | witness submit --server http://localhost:7761 --key aws.skey \\
      --stream history -";

/// Arguments of `witness submit`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    server: args::ServerArgs,
    /// The issuer's secret key
    #[arg(long, value_name = "ISSUER.skey")]
    key: PathBuf,
    /// The stream to submit to
    #[arg(long, value_name = "NAME", value_parser = args::name)]
    stream: Name,
    /// Rows: .ndjson or .csv; - for standard input
    file: PathBuf,
    /// How rows are written, where the name of the file does not say it
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Folder of the journal
    #[arg(long, value_name = "DIR", default_value = "witness-journal")]
    journal: PathBuf,
    /// The firm's trust policy, got elsewhere; without it the server is believed at first use
    #[arg(long, value_name = "POLICY.json")]
    policy: Option<PathBuf>,
    /// Most events under one signature
    #[arg(long, value_name = "EVENTS", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=4096))]
    batch: u64,
    /// Most submissions on their way
    #[arg(long, value_name = "SUBMISSIONS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    window: u16,
    /// The claim type of rows that name none
    #[arg(long, value_name = "NAME", value_parser = args::name)]
    claim_type: Option<Name>,
    /// The change of rows that name none
    #[arg(long, value_name = "CHANGE")]
    change: Option<String>,
    /// The time of rows that name none
    #[arg(long, value_name = "TIME")]
    occurred_at: Option<String>,
    /// The issuer's verification-meta.json, if it has one: it can change the hash of a text
    #[arg(long, value_name = "META.json")]
    meta: Option<PathBuf>,
    /// Take a file that was submitted before and has other rows now as a new one: all its rows are
    /// submitted. With - for standard input, all rows are submitted in any case
    #[arg(long)]
    as_new: bool,
}

/// Submits the rows.
pub(crate) async fn run(args: SubmitArgs, output: &mut Output) -> Result<Outcome> {
    let place = begin::Place::of(&args)?;
    let policy = args.policy.as_deref().map(trust::read_policy).transpose()?;
    let mut input = begin::Input::open(&args, &place, output)?;
    let channel = rpc::connect(&args.server).await?;
    // First whose server it is, then which log: only then does its position mean anything.
    let kept = args.journal.join("firm-root.vkey");
    let root = trust::root(&channel, policy.as_ref(), &kept, output).await?;
    let call = async || begin::position(&channel, &place).await;
    let (origin, position) = retrying(|text| output.note(text), call).await?;
    past::refuse_other_log(&input.state, &origin)?;
    let first = async || FirmNotes::first(&channel, origin.clone(), root.clone()).await;
    let firm = retrying(|text| output.note(text), first).await?;
    past::refuse_other_past(&input.state, &position)?;

    input.record(&origin)?;
    let (number, skipped) = (input.number, input.rows.read());
    let bar = output.bytes_bar(input.bytes);
    let server_next = position.next_sequence;
    let begin::Input { rows, mut journal, state, .. } = input;
    let drafting = draft::Drafting {
        occurrences: draft::Occurrences { rows, defaults: begin::defaults(&args)? },
        input: (number, args.file.clone()),
        pending: state.pending,
        position,
        place: (origin.clone(), place.issuer, args.stream.clone()),
        events_max: args.batch,
        secret: begin::client_secret(&args.journal)?,
        key: place.key,
    };
    let mut drive = Drive {
        channel,
        origin,
        journal: &mut journal,
        firm,
        pinned: policy.iter().flat_map(Policy::pinned_log_keys).cloned().collect(),
        bar: bar.clone(),
        output,
        window: usize::from(args.window),
        server_next,
        tally: Tally::default(),
        in_flight: std::collections::VecDeque::new(),
        attempts: 0,
        is_wait_told: false,
    };
    let result = drive.run(drafting.start()?).await;
    let tally = drive.tally;
    if result.is_ok() {
        journal.append([Record::Done { input: number }])?;
    }
    journal.sync()?;
    let rate = per_second(tally.accepted.events, bar.elapsed());
    bar.finish_and_clear();
    let summary =
        Summary { tally: &tally, rows_before: skipped.rows, rate, journal: journal.path() };
    summary.show(result.err(), output)
}

/// What is told at the end.
struct Summary<'a> {
    tally: &'a Tally,
    rows_before: u64,
    rate: u64,
    journal: &'a std::path::Path,
}

impl Summary<'_> {
    /// Tells it; an error that stopped the run ends the command.
    fn show(&self, stopped: Option<anyhow::Error>, output: &mut Output) -> Result<Outcome> {
        let Tally { accepted, already_there, refused, .. } = self.tally;
        let events = count_of(accepted.events, "event");
        let text = format!("{events} accepted in {}", count_of(accepted.submissions, "submission"));
        let outcome = stopped.as_ref().map_or(Outcome::Done, Outcome::of);
        output.conclude(outcome);
        match &stopped {
            None => output.good(&format!("{text}, {} events/s", self.rate))?,
            Some(_) => output.bad(&format!("stopped: {text} before that"))?,
        }
        if self.rows_before > 0 {
            output.field(
                "before",
                &format!("{} with receipts already", count_of(self.rows_before, "row")),
            )?;
        }
        if already_there.submissions > 0 {
            output.field("already there", &count_of(already_there.events, "event"))?;
        }
        if refused.submissions > 0 {
            output.field("refused", &count_of(refused.events, "event"))?;
        }
        for (anomaly, count) in &self.tally.anomalies {
            output.field("logged as odd", &format!("{count} × {anomaly}"))?;
        }
        if let Some((first, last)) = self.tally.entries {
            output.field("entries", &format!("{first} to {last}"))?;
        }
        output.field("receipts in", &self.journal.display().to_string())?;
        match stopped {
            // For people the error follows; for programs it is part of the one object.
            Some(error) if !output.is_json() => Err(error),
            stopped => {
                output.json(&self.as_json(outcome, stopped.as_ref()))?;
                Ok(outcome)
            }
        }
    }

    fn as_json(&self, outcome: Outcome, error: Option<&anyhow::Error>) -> Value {
        let count = |count: &drive::Count| json!({ "events": count.events, "submissions": count.submissions });
        json!({
            "outcome": outcome.word(),
            "accepted": count(&self.tally.accepted),
            "already_there": count(&self.tally.already_there),
            "refused": count(&self.tally.refused),
            "rows_acknowledged_before": self.rows_before,
            "anomalies": self.tally.anomalies,
            "first_entry": self.tally.entries.map(|(first, _)| first),
            "last_entry": self.tally.entries.map(|(_, last)| last),
            "next_sequence": self.tally.next_sequence,
            "events_per_second": self.rate,
            "journal": self.journal,
            "error": error.map(crate::output::error_json),
        })
    }
}
