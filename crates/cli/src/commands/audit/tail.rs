//! `witness audit tail`: events as they come, from where the last run stopped.
//!
//! What must hold: the place in `--state` moves only after the events before it were written out, so that a
//! run that is cut off tells some events again at worst, and never leaves one out; within a run none is told twice,
//! whatever becomes of the service.

mod place;
mod stop;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use tonic::{Code, Status};
use witness_wire::v1::{AuditFilter, ListLogsRequest, TailRequest, TailResponse};

use self::{
    place::{About, Kept, Place},
    stop::Stop,
};
use super::{LogArgs, filter::FilterArgs, search::unmatched, shown};
use crate::{
    outcome::{Failure, Outcome},
    output::{Output, count_of},
    retry::{self, ATTEMPTS_MAX},
    rpc::{self, Channel},
};

/// Arguments of `witness audit tail`.
#[derive(Debug, Args)]
#[command(after_help = "\
Runs until it is stopped, by Ctrl-C or SIGTERM. A service that stops, starts again, cannot be
reached or asks for patience is waited for once it has answered; with --once for half a minute or
so. It then goes on where it was, and tells nothing twice.

With --state it goes on behind the event that was told last, whatever ended the last run. The file
is written each time events have been written to standard output; a kill or a power cut between
the two has the next run tell those again. So across runs each event is told at least once: where
none may count twice, keep one of each `origin`, `index` and `event_index`. A file is good for one
firm, one log and one set of filters, and is refused for others. A token that sees more needs a new
file: of what it sees besides, nothing before the place in the old one is told.

With --json and --once a last line, the one with an `outcome`, has the number of `events` before it
and with `next_index` how far it came.

Examples:
  witness --json audit tail --server https://witness.example --token-file regulator.token \\
      --state tail.json >> events.ndjson
  witness audit tail --server http://localhost:7761 --token-file t --change deleted --from 0")]
pub(crate) struct TailArgs {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Index of the entry to begin with; the next one of the log if left out
    #[arg(long, value_name = "INDEX", conflicts_with = "state")]
    from: Option<u64>,
    /// File that remembers how far it came; made if it is not there, and then begins with entry 0
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Stop when the end of what is published is reached
    #[arg(long)]
    once: bool,
}

/// Follows.
pub(crate) async fn run(args: &TailArgs, output: &mut Output) -> Result<Outcome> {
    let filter = args.filter.filter()?;
    let stop = Stop::listen()?;
    let mut tail = Tail {
        args,
        filter,
        stop: stop.clone(),
        begun: None,
        place: Place::entry(0),
        told: 0,
        told_before: 0,
        attempts: 0,
        is_wait_told: false,
        was_silent: false,
    };
    // Telling does not wait for anything, so that it is not cut off here.
    let ended = tokio::select! {
        ended = tail.follow(output) => ended?,
        () = stop.asked() => None,
    };
    if let Some(outcome) = ended {
        return Ok(outcome);
    }
    if tail.begun.is_some() {
        output.note(&format!("stopped before {}", tail.place))?;
    }
    Ok(if args.once { Outcome::CannotTell } else { Outcome::Done })
}

/// The log that is followed.
#[derive(Debug)]
struct Log {
    about: About,
    /// How many of its entries were published when it was asked.
    published: u64,
}

/// What was set up when the service first answered.
#[derive(Debug)]
struct Begun {
    log: Log,
    state: Option<Kept>,
}

/// A tail under way.
struct Tail<'a> {
    args: &'a TailArgs,
    filter: AuditFilter,
    stop: Stop,
    begun: Option<Begun>,
    place: Place,
    /// Events that were told, by earlier runs with this state too.
    told: u64,
    /// And by those alone.
    told_before: u64,
    /// Calls that failed since the last answer.
    attempts: u32,
    /// Whether it was said that the server is waited for, since the last answer.
    is_wait_told: bool,
    was_silent: bool,
}

/// What ended a call.
enum Broken {
    /// The service, or the way to it.
    Call(Status),
    /// Something that another call does not mend.
    Final(anyhow::Error),
}

impl From<Status> for Broken {
    fn from(status: Status) -> Self {
        Self::Call(status)
    }
}

impl From<anyhow::Error> for Broken {
    fn from(error: anyhow::Error) -> Self {
        Self::Final(error)
    }
}

impl Tail<'_> {
    /// Tells events until it is asked to stop, which ends it with nothing, or has come to the end with `--once`.
    async fn follow(&mut self, output: &mut Output) -> Result<Option<Outcome>> {
        let channel = rpc::connect(&self.args.log.server).await?;
        loop {
            match self.call(&channel, output).await {
                Ok(ended) => return Ok(ended),
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Call(status)) => self.pause(&status, output).await?,
            }
        }
    }

    /// One call, to its end.
    async fn call(
        &mut self,
        channel: &Channel,
        output: &mut Output,
    ) -> Result<Option<Outcome>, Broken> {
        let log = self.log(channel).await?;
        let (origin, end) = self.begin(log, output)?;
        if self.args.once && self.place.index >= end {
            return Ok(Some(self.end(&origin, output)?));
        }
        let (filter, from_index) = (Some(self.filter.clone()), self.place.index);
        let request = TailRequest { origin: origin.clone(), filter, from_index };
        let mut answers = rpc::audit(channel).tail(request).await?.into_inner();
        loop {
            let Some(answer) = answers.message().await? else {
                return Err(Status::unavailable("it ended the call").into());
            };
            self.attempts = 0;
            if std::mem::take(&mut self.is_wait_told) {
                let back = format!("the server answers: on with {}", self.place);
                output.note(&back).map_err(anyhow::Error::from)?;
            }
            self.take(&origin, &answer, output)?;
            if self.stop.is_asked() {
                return Ok(None);
            }
            let is_at_end = answer.next_index >= end;
            if self.args.once && is_at_end {
                return Ok(Some(self.end(&origin, output)?));
            }
            if is_at_end && answer.events.is_empty() {
                self.silence(output)?;
            }
        }
    }

    /// The log that is meant, as the service shows it.
    async fn log(&self, channel: &Channel) -> Result<Log, Broken> {
        let answer = rpc::ledger(channel).list_logs(rpc::timed(ListLogsRequest {})).await?;
        let (answer, asked) = (answer.into_inner(), self.args.log.origin());
        let found = match (asked.as_str(), answer.logs.as_slice()) {
            ("", [only]) => Some(only),
            _ => answer.logs.iter().find(|log| log.origin == asked),
        };
        let Some(found) = found else {
            let origins: Vec<&str> = answer.logs.iter().map(|log| log.origin.as_str()).collect();
            let step = format!("name one with --log: {}", origins.join(", "));
            let failure = Failure::cannot_tell("it is not clear which log is meant").next(step);
            return Err(Broken::Final(failure.into()));
        };
        let (log, firm, filter) =
            (found.origin.clone(), answer.root_vkey, self.args.filter.options());
        Ok(Log { about: About { log, firm, filter }, published: found.published_size })
    }

    /// Sets up what is to be, the first time; from then on it must stay the same log. Gives its origin, and how many
    /// entries it had the first time.
    fn begin(&mut self, log: Log, output: &mut Output) -> Result<(String, u64)> {
        if let Some(begun) = &self.begun {
            let known = &begun.log;
            if known.about != log.about {
                let message = "another firm's log answers now at this address";
                let step = "find out why, and whose it is, before you go on";
                return Err(Failure::refused(message).next(step).into());
            }
            return Ok((known.about.log.clone(), known.published));
        }
        let opened = self.args.state.as_deref().map(|path| Kept::open(path, log.about.clone()));
        let (state, place) = if let Some((state, place, told)) = opened.transpose()? {
            (self.told, self.told_before) = (told, told);
            (Some(state), place)
        } else {
            (None, Place::entry(self.args.from.unwrap_or(log.published)))
        };
        self.place = place;
        let (origin, published) = (log.about.log.clone(), log.published);
        let begins = match (self.place.index >= published, self.args.once) {
            (true, true) => Some(format!("nothing is published from {} on", self.place)),
            (true, false) => Some(format!("waiting for {}", self.place)),
            (false, true) => None,
            (false, false) => Some(format!("beginning with {}, then waiting for more", self.place)),
        };
        if let Some(begins) = begins {
            output.note(&format!("{begins}: {origin} is published to entry {published}"))?;
        }
        self.begun = Some(Begun { log, state });
        Ok((origin, published))
    }

    /// Waits before another call, each time longer, or gives up.
    async fn pause(&mut self, status: &Status, output: &mut Output) -> Result<()> {
        self.attempts += 1;
        let failure = Failure::from_status(status);
        let hint = retry::hint(&failure);
        let is_mendable = match &self.begun {
            Some(_) => failure.outcome == Outcome::CannotTell,
            None => hint.is_some(),
        };
        // A service may be away for long; what is wrong with it otherwise does not pass by waiting.
        let is_endless = self.begun.is_some() && !self.args.once && is_away(status.code());
        if !is_mendable || (!is_endless && self.attempts >= ATTEMPTS_MAX) {
            return Err(ended(failure).into());
        }
        // A call that was over since nothing happened on it for long is merely opened again.
        let is_idle = failure.reason.as_deref() == Some("STREAM_IDLE");
        if !is_idle && !std::mem::replace(&mut self.is_wait_told, true) {
            output.note(&retry::waiting(&failure))?;
        }
        let pause = Duration::from_millis(100 << self.attempts.min(7));
        tokio::time::sleep(pause.max(hint.unwrap_or_default())).await;
        Ok(())
    }

    /// Takes an answer in: tells what was not told yet, and remembers how far that came, also where it failed.
    fn take(&mut self, origin: &str, answer: &TailResponse, output: &mut Output) -> Result<()> {
        let told = self.tell(origin, answer, output);
        if let Some(state) = self.begun.as_mut().and_then(|begun| begun.state.as_mut()) {
            state.keep(self.place, self.told)?;
        }
        told
    }

    fn tell(&mut self, origin: &str, answer: &TailResponse, output: &mut Output) -> Result<()> {
        for event in &answer.events {
            if self.stop.is_asked() {
                return Ok(());
            }
            if self.place.is_behind(event) {
                continue;
            }
            shown::show(origin, event, output)?;
            self.place.told(event);
            self.told += 1;
        }
        self.place.reached(answer.next_index);
        Ok(())
    }

    /// What is said at the end of what is published, with `--once`.
    fn end(&mut self, origin: &str, output: &mut Output) -> Result<Outcome> {
        let (outcome, events) = (Outcome::Done, self.told - self.told_before);
        let (told, next_index) = (count_of(events, "event"), self.place.index);
        output.conclude(outcome);
        output.note(&format!("{told} of {origin}, up to entry {next_index}"))?;
        self.silence(output)?;
        output.json(&json!({
            "outcome": outcome.word(),
            "origin": origin,
            "events": events,
            "next_index": next_index,
        }))?;
        Ok(outcome)
    }

    /// The first time that there is nothing more, and there was nothing at all: what to look into.
    fn silence(&mut self, output: &mut Output) -> Result<()> {
        let was_silent = std::mem::replace(&mut self.was_silent, true);
        match unmatched(self.told, &self.args.filter.given()) {
            Some(step) if !was_silent => Ok(output.note(&step)?),
            _ => Ok(()),
        }
    }
}

/// Whether the service, or the way to it, is merely not there, or wants to be left alone for a while.
fn is_away(code: Code) -> bool {
    // `Unknown` is what a lost connection is called.
    matches!(
        code,
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
    )
}

/// How it is told that there is no going on.
fn ended(failure: Failure) -> Failure {
    if failure.next_step.is_some() {
        return failure;
    }
    failure.next("when that is put right, run it again: with --state it goes on where it stopped")
}
