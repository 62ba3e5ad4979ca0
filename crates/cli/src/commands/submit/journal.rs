//! The journal: what was signed, before it is sent, and what came back.
//!
//! What must hold:
//! - A submission is on disk, synced, before it leaves: else a crash between sending and the answer would
//!   lead to another one with the same sequence numbers, and that convicts the issuer.
//! - Lines are only ever appended. A last line without its end was never sent, and is cut off.
//! - One process at a time holds a journal.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions, TryLockError},
    io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use witness_core::hash::Hash;

use super::rows::{Format, RowsRead};
use crate::{files, outcome::Failure};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(super) enum Record {
    /// An input was begun.
    Input(InputRecord),
    /// A submission was signed.
    Signed(SignedRecord),
    /// Its receipt came, and was verified.
    Receipt(ReceiptRecord),
    /// It was refused, and so are those signed after it: their sequence numbers are free again.
    Refused { first: u64, reason: String, message: String },
    /// All rows of an input were submitted.
    Done { input: u64 },
}

/// An input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InputRecord {
    /// Number of the input in this journal, from 0.
    pub(super) input: u64,
    /// Where it was read from; `-` for standard input.
    pub(super) path: PathBuf,
    /// How its rows are written.
    pub(super) format: Format,
    /// The log that was submitted to.
    pub(super) origin: String,
}

/// A signed submission, and which rows it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignedRecord {
    /// The input.
    pub(super) input: u64,
    /// Sequence number of its first event.
    pub(super) first: u64,
    /// Number of its events.
    pub(super) events: u64,
    /// Number of rows of the input before its own.
    pub(super) rows_from: u64,
    /// Number of rows of the input with its own.
    pub(super) rows_to: u64,
    /// Bytes of the input up to its last row.
    pub(super) bytes_to: u64,
    /// Chain over the rows up to its last one, base64.
    pub(super) chain: String,
    /// The signed note.
    pub(super) note: String,
}

impl SignedRecord {
    /// Sequence number after its last event.
    pub(super) fn next_sequence(&self) -> u64 {
        self.first + self.events
    }

    /// How far the rows were read for it.
    pub(super) fn read(&self) -> Option<RowsRead> {
        let chain = Hash::from_base64(&self.chain)?;
        Some(RowsRead { rows: self.rows_to, bytes: self.bytes_to, chain })
    }
}

/// A receipt, with all that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReceiptRecord {
    /// Sequence number of the submission's first event.
    pub(super) first: u64,
    /// Index of the entry.
    pub(super) index: u64,
    /// Time of receipt in microseconds.
    pub(super) received_at_us: u64,
    /// Registry sequence in force.
    pub(super) registry_sequence: u64,
    /// The checkpoint, a signed note.
    pub(super) checkpoint: String,
    /// The inclusion path, base64.
    pub(super) path: Vec<String>,
    /// What looked odd, by index of the event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) anomalies: Vec<(u32, Vec<String>)>,
}

/// How far an input came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputState {
    /// Which one.
    pub(super) record: InputRecord,
    /// The rows that are acknowledged.
    pub(super) acknowledged: Option<RowsRead>,
    /// Whether all of it was.
    pub(super) done: bool,
}

/// What a journal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The inputs, by number.
    pub(super) inputs: Vec<InputState>,
    /// Signed and not answered, in order.
    pub(super) pending: VecDeque<SignedRecord>,
    /// The last submission that has its receipt; none before the first.
    pub(super) acknowledged: Option<SignedRecord>,
}

impl State {
    fn apply(&mut self, record: Record) -> Option<()> {
        match record {
            Record::Input(record) => {
                let is_next = u64::try_from(self.inputs.len()).ok()? == record.input;
                self.inputs.push(InputState { record, acknowledged: None, done: false });
                is_next.then_some(())
            }
            Record::Signed(record) => {
                self.pending.push_back(record);
                Some(())
            }
            Record::Receipt(receipt) => {
                let signed =
                    self.pending.pop_front().filter(|signed| signed.first == receipt.first)?;
                self.input_mut(signed.input)?.acknowledged = Some(signed.read()?);
                self.acknowledged = Some(signed);
                Some(())
            }
            Record::Refused { first, .. } => {
                self.pending.retain(|signed| signed.first < first);
                Some(())
            }
            Record::Done { input } => {
                self.input_mut(input)?.done = true;
                Some(())
            }
        }
    }

    fn input_mut(&mut self, input: u64) -> Option<&mut InputState> {
        self.inputs.get_mut(usize::try_from(input).ok()?)
    }

    /// Sequence number after the last acknowledged event; none before the first.
    pub(super) fn acknowledged_to(&self) -> Option<u64> {
        self.acknowledged.as_ref().map(SignedRecord::next_sequence)
    }

    /// The newest input that was read from a path.
    pub(super) fn latest_of(&self, path: &Path) -> Option<&InputState> {
        self.inputs.iter().rev().find(|input| input.record.path == path)
    }
}

/// A journal that is open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens or begins a journal, locks it, and reads what it says.
    pub(super) fn open(path: PathBuf) -> Result<(Self, State)> {
        let cannot = || format!("cannot open the journal {}", path.display());
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true).mode(0o600);
        let file = options.open(&path).with_context(cannot)?;
        // Without its name in the folder, what is synced to a new journal is lost in a power cut.
        files::sync_folder_of(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another process holds the journal {}", path.display());
                let step = "wait until it has ended; two at once would contradict each other";
                return Err(Failure::cannot_tell(message).next(step).into());
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        let mut journal = Self { path, file };
        let state = journal.load()?;
        Ok((journal, state))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn load(&mut self) -> Result<State> {
        let mut state = State::default();
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(0))?;
        let (mut line, mut number, mut good) = (Vec::new(), 0_u64, 0_u64);
        loop {
            line.clear();
            let count = reader.read_until(b'\n', &mut line).context("cannot read the journal")?;
            if !line.ends_with(b"\n") {
                // Torn by a crash: it was not synced, so it was not sent.
                break;
            }
            number += 1;
            let record = serde_json::from_slice(&line).ok();
            if record.and_then(|record| state.apply(record)).is_none() {
                let message =
                    format!("line {number} of {} cannot be understood", self.path.display());
                let step = "do not change it: restore the journal, or ask the operator where the stream stands";
                return Err(Failure::cannot_tell(message).next(step).into());
            }
            good += u64::try_from(count)?;
        }
        if self.file.metadata()?.len() != good {
            self.file.set_len(good).context("cannot cut off the journal's torn last line")?;
        }
        Ok(state)
    }

    /// Appends records. They may be lost in a crash unless [`Journal::sync`] follows.
    pub(super) fn append(&mut self, records: impl IntoIterator<Item = Record>) -> Result<()> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, &record)?;
            lines.push(b'\n');
        }
        let written = self.file.write_all(&lines);
        written.with_context(|| format!("cannot write the journal {}", self.path.display()))
    }

    /// Returns once everything appended survives a power cut.
    pub(super) fn sync(&mut self) -> Result<()> {
        let synced = self.file.sync_data();
        synced.with_context(|| format!("cannot sync the journal {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(number: u64) -> Record {
        Record::Input(InputRecord {
            input: number,
            path: "events.ndjson".into(),
            format: Format::Ndjson,
            origin: "witness.example/log1".to_owned(),
        })
    }

    fn signed(first: u64, events: u64) -> Record {
        Record::Signed(SignedRecord {
            input: 0,
            first,
            events,
            rows_from: first,
            rows_to: first + events,
            bytes_to: 100 * (first + events),
            chain: Hash::of(&first.to_be_bytes()).to_base64(),
            note: "a note\n".to_owned(),
        })
    }

    fn receipt(first: u64) -> Record {
        Record::Receipt(ReceiptRecord {
            first,
            index: 4,
            received_at_us: 5,
            registry_sequence: 6,
            checkpoint: "a checkpoint\n".to_owned(),
            path: vec![Hash::ZERO.to_base64()],
            anomalies: vec![(0, vec!["never-issued".to_owned()])],
        })
    }

    fn state_of(records: &[Record]) -> State {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(path.clone()).unwrap();
        journal.append(records.to_vec()).unwrap();
        journal.sync().unwrap();
        drop(journal);
        Journal::open(path).unwrap().1
    }

    #[test]
    fn what_was_signed_is_pending_until_it_is_answered() {
        let state = state_of(&[input(0), signed(0, 10), signed(10, 5), receipt(0)]);
        assert_eq!(state.acknowledged_to(), Some(10));
        assert_eq!(state.pending.len(), 1);
        assert_eq!(
            state.latest_of(Path::new("events.ndjson")).unwrap().acknowledged.unwrap().rows,
            10
        );
        assert_eq!(state.latest_of(Path::new("other.ndjson")), None);
    }

    #[test]
    fn a_refusal_frees_what_was_signed_after_it() {
        let refused = Record::Refused { first: 10, reason: String::new(), message: String::new() };
        let state =
            state_of(&[input(0), signed(0, 10), signed(10, 5), signed(15, 5), refused.clone()]);
        assert_eq!(state.pending.len(), 1);
        let again =
            state_of(&[input(0), signed(0, 10), signed(10, 5), refused, receipt(0), signed(10, 4)]);
        assert_eq!(again.pending.front().unwrap().events, 4);
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_any_other_damage_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(path.clone()).unwrap();
        journal.append([input(0), signed(0, 10)]).unwrap();
        journal.file.write_all(b"{\"record\":\"sig").unwrap();
        drop(journal);
        let (mut journal, state) = Journal::open(path.clone()).unwrap();
        assert_eq!(state.pending.len(), 1);
        journal.append([receipt(0)]).unwrap();
        drop(journal);
        assert_eq!(Journal::open(path.clone()).unwrap().1.acknowledged_to(), Some(10));
        std::fs::write(&path, b"nonsense\n").unwrap();
        assert!(Journal::open(path).is_err());
    }

    #[test]
    fn two_cannot_hold_one_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let _held = Journal::open(path.clone()).unwrap();
        assert!(Journal::open(path).is_err());
    }
}
