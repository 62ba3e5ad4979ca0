//! What happens to a document over all streams of its issuer. Of each event a record of fixed length is kept, in no
//! order and wherever the caller likes; records of one document meet by their key.

use alloc::vec::Vec;

use super::{AuditedStreams, Finding, Found, Place, Resurrection, Thresholds, Within};
use crate::{
    anomaly::{Anomaly, Standing, State, Turn, anomalies_of_turn},
    event::StatusClass,
    hash::{DocumentHash, Hash},
    merkle::LeafIndex,
    schema::ChangeKind,
};

/// Length of a record.
pub const RECORD_BYTES: usize = 48;

/// Kinds of change that are no status, in the order of their bytes.
const KINDS: [ChangeKind; 5] = [
    ChangeKind::Issued,
    ChangeKind::Replaced,
    ChangeKind::Amended,
    ChangeKind::Deleted,
    ChangeKind::Restored,
];
/// Where the bytes of statuses begin, in the order of their classes.
const STATUS: u8 = 16;

/// What is kept of an event to judge its document by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Of the document: see [`document_key`].
    pub key: [u8; 16],
    /// Index of the submission's entry: with the sequence number, the order of the log.
    pub index: LeafIndex,
    /// Its sequence number.
    pub sequence: u64,
    /// When it occurred.
    pub occurred_at: i64,
    /// Its stream.
    pub stream: u32,
    /// What it did.
    turn: u8,
}

/// What stands for a document of an issuer: half of a hash, so that nobody can make two documents meet.
#[must_use]
pub fn document_key(issuer: u32, document: &DocumentHash) -> [u8; 16] {
    let issuer = issuer.to_be_bytes();
    let hash = Hash::of(&[issuer.as_slice(), document.0.as_bytes()].concat());
    let mut key = [0; 16];
    key.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    key
}

impl Record {
    /// The record of an event.
    #[must_use]
    pub fn new(
        key: [u8; 16],
        (stream, sequence, index): (u32, u64, LeafIndex),
        occurred_at: i64,
        turn: Turn,
    ) -> Self {
        Self { key, index, sequence, occurred_at, stream, turn: to_byte(turn) }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let parts = [
            self.key.as_slice(),
            &self.index.0.to_be_bytes(),
            &self.sequence.to_be_bytes(),
            &self.occurred_at.to_be_bytes(),
            &self.stream.to_be_bytes(),
            &[self.turn],
        ];
        let all = parts.into_iter().flatten();
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Reads its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk::<16>()?;
        let (index, rest) = rest.split_first_chunk::<8>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let (occurred_at, rest) = rest.split_first_chunk::<8>()?;
        let (stream, rest) = rest.split_first_chunk::<4>()?;
        let turn = *rest.first()?;
        from_byte(turn).map(|_| Self {
            key: *key,
            index: LeafIndex(u64::from_be_bytes(*index)),
            sequence: u64::from_be_bytes(*sequence),
            occurred_at: i64::from_be_bytes(*occurred_at),
            stream: u32::from_be_bytes(*stream),
            turn,
        })
    }
}

fn to_byte(turn: Turn) -> u8 {
    let position = |found: Option<usize>| found.and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
    match turn.class {
        None => position(KINDS.iter().position(|kind| *kind == turn.kind)),
        Some(class) => STATUS + position(StatusClass::ALL.iter().position(|it| *it == class)),
    }
}

fn from_byte(byte: u8) -> Option<Turn> {
    if let Some(class) = byte.checked_sub(STATUS) {
        let class = *StatusClass::ALL.get(usize::from(class))?;
        return Some(Turn { kind: ChangeKind::Status, class: Some(class) });
    }
    Some(Turn { kind: *KINDS.get(usize::from(byte))?, class: None })
}

/// Judges all events of documents, in any order; all events of each document must be among them. Gives the number of
/// changes of which cannot be told whether their document was ever issued.
pub fn judge_documents(
    records: &mut [Record],
    (streams, thresholds): (&AuditedStreams, &Thresholds),
    findings: &mut Vec<Finding>,
) -> u64 {
    records.sort_unstable();
    let mut undecided = 0;
    let documents = records.chunk_by(|a, b| a.key == b.key);
    for document in documents {
        let mut standing: Option<Standing> = None;
        let mut last: Option<i64> = None;
        for record in document {
            let Some(turn) = from_byte(record.turn) else { continue };
            let Record { stream, sequence, index, occurred_at, .. } = *record;
            let place = Place::Event { stream, sequence, index };
            let is_all = streams.get(stream).is_some_and(|stream| stream.is_all);
            let mut find = |found| findings.push(Finding { place: place.clone(), found });
            let tolerance_us = thresholds.document_back_dated_us;
            if let Some(before) = last
                && occurred_at < before.saturating_sub(tolerance_us)
            {
                let within = Within::Document;
                find(Found::BackDated { occurred_at, before, tolerance_us, within });
            }
            let is_unknown = standing.is_none() && !turn.is_new() && !is_all;
            if is_unknown {
                undecided += 1;
            } else {
                judge_turn(turn, standing, &mut find);
            }
            standing = Some(Standing::after_turn(standing, turn));
            last = Some(occurred_at);
        }
    }
    undecided
}

/// One finding at most by a rule.
fn judge_turn(turn: Turn, standing: Option<Standing>, find: &mut impl FnMut(Found)) {
    let odd = anomalies_of_turn(turn, standing).to_vec();
    let has = |anomaly| odd.contains(&anomaly);
    let was_deleted = standing.is_some_and(|standing| standing.state() == State::Deleted);
    let how = if has(Anomaly::RevocationUndone) {
        Some(Resurrection::Affirmed)
    } else if was_deleted && turn.kind == ChangeKind::Restored {
        Some(Resurrection::Restored)
    } else if was_deleted && turn.is_new() {
        Some(Resurrection::IssuedAgain)
    } else {
        None
    };
    if let Some(how) = how {
        find(Found::Resurrected { how });
    }
    if has(Anomaly::NeverIssued) {
        find(Found::NeverIssued { change: turn.kind });
    }
    let unexpected = odd.into_iter().find(|anomaly| match anomaly {
        Anomaly::IssuedAgain | Anomaly::NotDeleted | Anomaly::AfterReplacement => true,
        Anomaly::AfterDeletion => how != Some(Resurrection::IssuedAgain),
        Anomaly::NeverIssued
        | Anomaly::RevocationUndone
        | Anomaly::FutureOccurrence
        | Anomaly::LateReport => false,
    });
    if let Some(anomaly) = unexpected {
        find(Found::UnexpectedChange { change: turn.kind, anomaly });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ChangeKind;

    fn turns() -> Vec<Turn> {
        let plain = KINDS.map(|kind| Turn { kind, class: None });
        let status = |class| Turn { kind: ChangeKind::Status, class: Some(class) };
        plain.into_iter().chain(StatusClass::ALL.map(status)).collect()
    }

    #[test]
    fn a_record_reads_back_and_an_unknown_turn_is_refused() {
        let key = document_key(7, &DocumentHash(Hash::of(b"document")));
        for turn in turns() {
            let place = (u32::MAX, u64::MAX >> 1, LeafIndex(u64::MAX >> 2));
            let record = Record::new(key, place, i64::MIN, turn);
            let bytes = record.to_bytes();
            assert_eq!(Record::from_bytes(&bytes), Some(record));
            assert_eq!(from_byte(record.turn), Some(turn));
            let mut wrong = bytes;
            wrong[44] = 9;
            assert_eq!(Record::from_bytes(&wrong), None);
        }
    }

    #[test]
    fn a_hash_of_two_issuers_is_two_documents() {
        let document = DocumentHash(Hash::of(b"document"));
        assert_ne!(document_key(0, &document), document_key(1, &document));
    }

    #[test]
    fn records_are_judged_in_log_order_however_they_come() {
        let turns = [
            Turn { kind: ChangeKind::Issued, class: None },
            Turn { kind: ChangeKind::Status, class: Some(StatusClass::Punitive) },
            Turn { kind: ChangeKind::Status, class: Some(StatusClass::Affirming) },
        ];
        let mut records: Vec<Record> = (0..)
            .zip(turns)
            .map(|(at, turn)| Record::new([1; 16], (0, at, LeafIndex(at)), 0, turn))
            .collect();
        records.reverse();
        let mut findings = Vec::new();
        let by = (&AuditedStreams::default(), &Thresholds::default());
        assert_eq!(judge_documents(&mut records, by, &mut findings), 0);
        let place = Place::Event { stream: 0, sequence: 2, index: LeafIndex(2) };
        let found = Found::Resurrected { how: Resurrection::Affirmed };
        assert_eq!(findings, [Finding { place, found }]);
    }
}
