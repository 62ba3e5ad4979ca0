//! Sending: journal, send, check the receipts that come back, and send again after a broken connection.
//!
//! What must hold: nothing leaves that is not synced to the journal; only a receipt that verifies counts as
//! one; after a refusal nothing more of the stream is sent, and only one that is about the submission itself
//! frees its sequence numbers.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming};
use witness_core::{key::VerifyingKey, name::Origin, note::Note};
use witness_wire::v1::{Receipt, Refusal, SubmitRequest, SubmitResponse, submit_response::Answer};

use super::{
    check::{checked, record_of},
    journal::{Journal, Record},
    prepared::{Drafted, Prepared, or_end},
    settled::settles,
};
use crate::{
    outcome::{Failure, Outcome, is_worth_a_retry},
    output::Output,
    retry::{self, ATTEMPTS_MAX, retrying},
    rpc::{self, Channel},
    trust::FirmNotes,
};

/// Most bytes on their way.
const IN_FLIGHT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How many events and submissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) events: u64,
    pub(super) submissions: u64,
}

impl Count {
    fn add(&mut self, events: u64) {
        self.events += events;
        self.submissions += 1;
    }
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Logged by this run.
    pub(super) accepted: Count,
    /// Logged by an earlier one, whose receipts had not come.
    pub(super) already_there: Count,
    /// Refused, and what was on its way behind it.
    pub(super) refused: Count,
    /// What looked odd, and how often.
    pub(super) anomalies: BTreeMap<String, u64>,
    /// Indexes of the first and the last entry.
    pub(super) entries: Option<(u64, u64)>,
    /// Sequence number after the last event with a receipt.
    pub(super) next_sequence: Option<u64>,
}

/// A call of `SubmitStream` under way.
struct Call {
    requests: mpsc::UnboundedSender<SubmitRequest>,
    answers: Streaming<SubmitResponse>,
}

/// Sends what is prepared until there is no more, or something stops it.
pub(super) struct Drive<'a> {
    pub(super) channel: Channel,
    pub(super) origin: Origin,
    pub(super) journal: &'a mut Journal,
    pub(super) firm: FirmNotes,
    /// Log keys that the policy pins: if there are any, one of them must have signed each receipt.
    pub(super) pinned: Vec<VerifyingKey>,
    pub(super) bar: ProgressBar,
    pub(super) output: &'a mut Output,
    /// Most submissions on their way.
    pub(super) window: usize,
    /// Where the stream stood at the server when the run began.
    pub(super) server_next: u64,
    pub(super) tally: Tally,
    pub(super) in_flight: VecDeque<Prepared>,
    pub(super) attempts: u32,
    /// Whether it was said that the server is waited for, since the last receipt.
    pub(super) is_wait_told: bool,
}

impl Drive<'_> {
    /// Runs to the end. What was counted stays in the tally, also after an error.
    pub(super) async fn run(&mut self, mut prepared: mpsc::Receiver<Drafted>) -> Result<()> {
        let mut call = None;
        let mut ended = None;
        loop {
            let has_room = ended.is_none() && self.has_room();
            if !has_room && self.in_flight.is_empty() {
                return ended.unwrap_or(Ok(()));
            }
            tokio::select! {
                next = prepared.recv(), if has_room => match or_end(next) {
                    Ok(first) => ended = self.send(first, &mut prepared, &mut call).await?,
                    Err(end) => ended = Some(end),
                },
                answer = next_answer(&mut call), if !self.in_flight.is_empty() => {
                    self.take(answer, &mut call).await?;
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        let bytes: usize = self.in_flight.iter().map(|next| next.bytes).sum();
        self.in_flight.len() < self.window && bytes < IN_FLIGHT_BYTES_MAX
    }

    /// Journals and sends what is ready now: one sync for all of it. Gives how drafting ended, if it has.
    async fn send(
        &mut self,
        first: Prepared,
        prepared: &mut mpsc::Receiver<Drafted>,
        call: &mut Option<Call>,
    ) -> Result<Option<Result<()>>> {
        let sent_before = self.in_flight.len();
        self.in_flight.push_back(first);
        let mut ended = None;
        while self.has_room() {
            // If there is none, or will be no more, the next `recv` says which.
            let Ok(next) = prepared.try_recv() else { break };
            match or_end(Some(next)) {
                Ok(next) => self.in_flight.push_back(next),
                Err(end) => {
                    ended = Some(end);
                    break;
                }
            }
        }
        let unsent = self.in_flight.iter().skip(sent_before);
        let new = unsent.filter(|next| !next.is_journaled);
        let records: Vec<Record> = new.map(|next| Record::Signed(next.signed.clone())).collect();
        if !records.is_empty() {
            self.journal.append(records)?;
            self.journal.sync()?;
        }
        match call {
            None => *call = Some(self.open().await?),
            Some(call) => {
                for next in self.in_flight.iter().skip(sent_before) {
                    // A call that has ended says why in its answers.
                    call.requests.send(next.request.clone()).ok();
                }
            }
        }
        Ok(ended)
    }

    /// Opens a call with all that is in flight.
    async fn open(&mut self) -> Result<Call> {
        loop {
            let (requests, receiver) = mpsc::unbounded_channel();
            for next in &self.in_flight {
                requests.send(next.request.clone()).ok();
            }
            let stream = UnboundedReceiverStream::new(receiver);
            match rpc::ingest(&self.channel).submit_stream(stream).await {
                Ok(answers) => return Ok(Call { requests, answers: answers.into_inner() }),
                Err(status) => self.pause(Failure::from_status(&status)).await?,
            }
        }
    }

    /// Waits before another attempt, each time longer, or gives up.
    async fn pause(&mut self, failure: Failure) -> Result<()> {
        self.attempts += 1;
        if self.attempts >= ATTEMPTS_MAX || failure.outcome != Outcome::CannotTell {
            return Err(self.unsettled(failure).into());
        }
        // A call on which nothing was said for long is over; that it is opened again keeps nobody waiting.
        let is_idle = failure.reason.as_deref() == Some("STREAM_IDLE");
        if !is_idle && !std::mem::replace(&mut self.is_wait_told, true) {
            self.output.note_in(&self.bar, &retry::waiting(&failure))?;
        }
        // With eight attempts some 30 s. The server knows better when.
        let pause = Duration::from_millis(100 << self.attempts.min(7));
        tokio::time::sleep(pause.max(retry::hint(&failure).unwrap_or_default())).await;
        Ok(())
    }

    /// What is in flight stays pending, so nothing was refused: it cannot be told what becomes of it.
    fn unsettled(&self, failure: Failure) -> Failure {
        let unanswered = self.in_flight.len();
        let step = format!(
            "when that is put right, run the same command again: submissions without an answer \
             ({unanswered}) are journaled, and their sequence numbers are kept for them"
        );
        Failure { outcome: Outcome::CannotTell, ..failure }.next(step)
    }

    async fn take(
        &mut self,
        answer: Result<Option<SubmitResponse>, Status>,
        call: &mut Option<Call>,
    ) -> Result<()> {
        let failure = match answer {
            Ok(Some(SubmitResponse { answer: Some(Answer::Receipt(receipt)) })) => {
                return self.receipt(&receipt).await;
            }
            Ok(Some(SubmitResponse { answer: Some(Answer::Refusal(refusal)) })) => {
                if settles(&refusal.reason) {
                    return Err(self.refused(refusal)?.into());
                }
                let code = refusal.code;
                let failure = Failure::from_refusal(refusal);
                if !is_worth_a_retry(code) {
                    return Err(self.unsettled(failure).into());
                }
                failure
            }
            Ok(Some(SubmitResponse { answer: None })) => {
                return Err(Failure::cannot_tell("the server sent an answer of an unknown kind")
                    .next("use a newer version of this program")
                    .into());
            }
            Ok(None) => Failure::cannot_tell("the server ended the call before all was answered"),
            Err(status) => Failure::from_status(&status),
        };
        // What is in flight is sent again as it is: the same text gets the same receipt.
        *call = None;
        self.pause(failure).await?;
        *call = Some(self.open().await?);
        Ok(())
    }

    async fn receipt(&mut self, receipt: &Receipt) -> Result<()> {
        let answered = self.in_flight.front().context("the server sent an answer to nothing")?;
        let check = |firm: &FirmNotes, note: &Note| {
            checked(receipt, note, &self.origin, (firm.firm(), &self.pinned))
        };
        let mut verified = check(&self.firm, &answered.note);
        if matches!(&verified, Err(failure) if failure.is_unknown_key()) {
            let note = |text: &str| self.output.note_in(&self.bar, text);
            retrying(note, async || self.firm.refresh(&self.channel).await).await?;
            verified = check(&self.firm, &answered.note);
        }
        verified.map_err(|failure| failure.into_failure(answered.signed.first))?;
        let Some(answered) = self.in_flight.pop_front() else { return Ok(()) };
        self.journal.append([Record::Receipt(record_of(receipt, answered.signed.first))])?;
        (self.attempts, self.is_wait_told) = (0, false);
        self.count(receipt, &answered);
        Ok(())
    }

    fn count(&mut self, receipt: &Receipt, answered: &Prepared) {
        let signed = &answered.signed;
        let is_old = signed.first < self.server_next;
        let count = if is_old { &mut self.tally.already_there } else { &mut self.tally.accepted };
        count.add(signed.events);
        for anomaly in receipt.anomalies.iter().flat_map(|anomaly| &anomaly.anomalies) {
            *self.tally.anomalies.entry(anomaly.clone()).or_default() += 1;
        }
        let (first, _) = self.tally.entries.unwrap_or((receipt.index, receipt.index));
        self.tally.entries = Some((first.min(receipt.index), receipt.index));
        self.tally.next_sequence = Some(signed.next_sequence());
        self.bar.set_position(signed.bytes_to);
        let events = self.tally.accepted.events + self.tally.already_there.events;
        self.bar
            .set_message(format!("{events} events, {}/s", per_second(events, self.bar.elapsed())));
    }

    /// Journals a refusal; gives what to tell.
    fn refused(&mut self, refusal: Refusal) -> Result<Failure> {
        let Some(answered) = self.in_flight.front() else {
            return Ok(Failure::from_refusal(refusal));
        };
        let first = answered.signed.first;
        let (reason, message) = (refusal.reason.clone(), refusal.message.clone());
        let lines = (answered.lines.first(), answered.lines.last());
        let mut failure = Failure::from_refusal(refusal);
        let index =
            failure.metadata.get("event_index").and_then(|index| index.parse::<usize>().ok());
        let line = index.and_then(|index| answered.lines.get(index));
        failure.message = match (line, lines) {
            (Some(line), _) => format!("line {line}: {message}"),
            (None, (Some(from), Some(to))) => format!("lines {from} to {to}: {message}"),
            (None, _) => message.clone(),
        };
        for prepared in std::mem::take(&mut self.in_flight) {
            self.tally.refused.add(prepared.signed.events);
        }
        self.journal.append([Record::Refused { first, reason, message }])?;
        self.journal.sync()?;
        Ok(failure)
    }
}

/// The next answer; never, if there is no call.
async fn next_answer(call: &mut Option<Call>) -> Result<Option<SubmitResponse>, Status> {
    match call {
        Some(call) => call.answers.message().await,
        None => std::future::pending().await,
    }
}

/// Whole events per second.
pub(super) fn per_second(events: u64, elapsed: Duration) -> u64 {
    let millis = elapsed.as_millis().max(1);
    u64::try_from(u128::from(events) * 1000 / millis).unwrap_or(u64::MAX)
}
