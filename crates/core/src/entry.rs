//! Entries: the leaves of a log.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};

use crate::{
    hash::Hash,
    text::{Lines, Malformed, decimal, words},
    time::Timestamp,
};

const FORMAT: &str = "witness-entry/v1";

/// Longest entry, so that it fits a bundle (C2SP tlog-tiles, "Log Entries").
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// An issuer's submission: its note.
    Submission,
    /// A registry change: its note.
    Registry,
    /// Keys of the firm: its note.
    Firm,
    /// A submission that contradicts a logged one: its note.
    Conflict,
    /// An issuer's sign of life: its note.
    Heartbeat,
    /// That bodies beside the log were erased: plain text.
    Erasure,
    /// What the firm saw: plain text.
    Observation,
    /// A kind that this version does not know. Nothing that rests on it is called valid.
    Unknown(String),
}

impl EntryKind {
    /// The word in the entry.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Submission => "submission",
            Self::Registry => "registry",
            Self::Firm => "firm",
            Self::Conflict => "conflict",
            Self::Heartbeat => "heartbeat",
            Self::Erasure => "erasure",
            Self::Observation => "observation",
            Self::Unknown(word) => word,
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "submission" => Self::Submission,
            "registry" => Self::Registry,
            "firm" => Self::Firm,
            "conflict" => Self::Conflict,
            "heartbeat" => Self::Heartbeat,
            "erasure" => Self::Erasure,
            "observation" => Self::Observation,
            _ if crate::name::is_name(word) => Self::Unknown(word.to_owned()),
            _ => return None,
        })
    }
}

/// One leaf of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it holds.
    pub kind: EntryKind,
    /// Our time of receipt; never below that of the entry before.
    pub received_at: Timestamp,
    /// Number of registry changes logged before this entry.
    pub registry_sequence: u64,
    /// What was received.
    pub body: String,
}

impl Entry {
    /// Parses the bytes of a leaf.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, bytes, ENTRY_BYTES_MAX)?;
        let (kind, received_at, registry_sequence) =
            lines.parse("the kind, the time of receipt and the registry sequence", |line| {
                let [kind, received_at, sequence] = words(line)?;
                Some((EntryKind::parse(kind)?, Timestamp::parse(received_at)?, decimal(sequence)?))
            })?;
        let body = lines.rest().to_owned();
        Ok(Self { kind, received_at, registry_sequence, body })
    }

    /// The bytes of the leaf.
    #[must_use]
    pub fn encode(&self) -> String {
        let (time, sequence) = (self.received_at.micros().to_string(), self.registry_sequence);
        format!("{FORMAT}\n{} {time} {sequence}\n{}", self.kind.word(), self.body)
    }

    /// Hash of the leaf.
    #[must_use]
    pub fn leaf_hash(&self) -> Hash {
        Hash::leaf(self.encode().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back_and_unknown_kinds_are_kept_as_unknown() {
        let known =
            ["submission", "registry", "firm", "conflict", "heartbeat", "erasure", "observation"];
        for word in known.into_iter().chain(["state"]) {
            let text = format!("witness-entry/v1\n{word} 12 3\nbody\n\nmore");
            let entry = Entry::parse(text.as_bytes()).unwrap();
            assert_eq!(entry.encode(), text);
            assert_eq!(matches!(entry.kind, EntryKind::Unknown(_)), word == "state");
        }
    }

    #[test]
    fn a_wrong_head_is_refused() {
        for line in ["submission 12", "submission 012 3", "submission 12 3 4", " 12 3", "Sub 12 3"]
        {
            let text = format!("witness-entry/v1\n{line}\n");
            assert!(Entry::parse(text.as_bytes()).is_err(), "{line}");
        }
    }
}
