//! The kinds of change that an event tells of, and sets of them as a schema writes them.

use alloc::string::String;

/// What happened to a document hash; the first word of an event's `<change>` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// A new hash.
    Issued,
    /// The same record under another hash.
    Replaced,
    /// The same record under another hash, with other content.
    Amended,
    /// A status was given.
    Status,
    /// The issuer's endpoint answers 404.
    Deleted,
    /// The issuer's endpoint answers again.
    Restored,
}

/// All kinds in the order of their words, which is the order in a list.
const BY_WORD: [ChangeKind; 6] = [
    ChangeKind::Amended,
    ChangeKind::Deleted,
    ChangeKind::Issued,
    ChangeKind::Replaced,
    ChangeKind::Restored,
    ChangeKind::Status,
];

impl ChangeKind {
    /// The word for it in events, schemas and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Replaced => "replaced",
            Self::Amended => "amended",
            Self::Status => "status",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
        }
    }

    /// The kind that a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        BY_WORD.into_iter().find(|kind| kind.word() == word)
    }

    fn bit(self) -> u8 {
        match self {
            Self::Issued => 1,
            Self::Replaced => 2,
            Self::Amended => 4,
            Self::Status => 8,
            Self::Deleted => 16,
            Self::Restored => 32,
        }
    }
}

/// A set of changes: words sorted and parted by commas, or `-` for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ChangeSet(u8);

impl ChangeSet {
    /// Parses the one text of a set; unsorted, repeated or unknown words are refused.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "-" {
            return Some(Self::default());
        }
        let mut set = Self::default();
        let mut before = "";
        for word in text.split(',') {
            if word <= before {
                return None;
            }
            set.0 |= ChangeKind::from_word(word)?.bit();
            before = word;
        }
        Some(set)
    }

    pub(super) fn write_to(self, text: &mut String) {
        let mut separator = "";
        for kind in BY_WORD.into_iter().filter(|kind| self.contains(*kind)) {
            text.extend([separator, kind.word()]);
            separator = ",";
        }
        if self.is_empty() {
            text.push('-');
        }
    }

    pub(super) fn contains(self, kind: ChangeKind) -> bool {
        self.0 & kind.bit() != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn is_disjoint_from(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }
}
