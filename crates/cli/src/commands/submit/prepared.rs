//! Submissions on their way from drafting to sending, each with the rows that it came from.

use anyhow::Result;
use witness_core::{
    drafting::{Draft, Occurrence, What},
    note::Note,
};
use witness_wire::{Bytes, v1::SubmitRequest};

use super::{journal::SignedRecord, rows::RowsRead};
use crate::outcome::Failure;

/// A submission ready to be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What the journal says, or shall say, of it.
    pub(super) signed: SignedRecord,
    /// The signed note.
    pub(super) note: Note,
    /// What is sent.
    pub(super) request: SubmitRequest,
    /// Whether the journal has it already.
    pub(super) is_journaled: bool,
    /// For each event the line that it came from.
    pub(super) lines: Vec<u64>,
    /// Bytes of its texts.
    pub(super) bytes: usize,
}

/// What drafting gives: a submission, none at the end of the rows, or what stopped it.
pub(super) type Drafted = Result<Option<Prepared>>;

/// A submission, or how drafting ended. Nothing received is no end: then the thread has panicked.
pub(super) fn or_end(received: Option<Drafted>) -> Result<Prepared, Result<()>> {
    match received {
        Some(Ok(Some(prepared))) => Ok(prepared),
        Some(Ok(None)) => Err(Ok(())),
        Some(Err(error)) => Err(Err(error)),
        None => {
            let failure = Failure::cannot_tell("drafting broke off before the end of the rows");
            let step = "this is a fault of the program: report what it printed; what was signed is \
                        journaled, so the same command can be run again";
            Err(Err(failure.next(step).into()))
        }
    }
}

/// What went into the submission that is being gathered.
#[derive(Debug)]
pub(super) struct Gathered {
    from: RowsRead,
    to: RowsRead,
    lines: Vec<u64>,
}

impl Gathered {
    /// Nothing yet; the rows were read so far.
    pub(super) fn new(read: RowsRead) -> Self {
        Self { from: read, to: read, lines: Vec::new() }
    }

    /// Adds what a row said.
    pub(super) fn add(&mut self, line: u64, occurrence: &Occurrence, read: RowsRead) {
        let events = if matches!(occurrence.what, What::Amends { .. }) { 2 } else { 1 };
        self.lines.extend(std::iter::repeat_n(line, events));
        self.to = read;
    }

    /// What is sent of a draft, and journaled; then nothing is gathered again.
    pub(super) fn prepare(&mut self, draft: Draft, input: u64) -> Prepared {
        let texts =
            |texts: Vec<String>| texts.into_iter().map(|text| text.into_bytes().into()).collect();
        let note = draft.note.to_string();
        let signed = SignedRecord {
            input,
            first: draft.submission.first_sequence,
            events: draft.submission.events,
            rows_from: self.from.rows,
            rows_to: self.to.rows,
            bytes_to: self.to.bytes,
            chain: self.to.chain.to_base64(),
            note: note.clone(),
        };
        let request = SubmitRequest {
            submission: note.into_bytes().into(),
            events: texts(draft.events),
            details: texts(draft.details),
        };
        let lines = std::mem::take(&mut self.lines);
        self.from = self.to;
        let bodies = request.events.iter().chain(&request.details).map(Bytes::len);
        let bytes = request.submission.len() + bodies.sum::<usize>();
        Prepared { signed, note: draft.note, request, is_journaled: false, lines, bytes }
    }
}
