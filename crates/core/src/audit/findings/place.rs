//! Where a finding is.

use core::cmp::Ordering;

use crate::{audit::BundlePath, merkle::LeafIndex};

/// Where a finding is. Streams are named by their number in the registry, so that a finding stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the bundle as a whole.
    Bundle,
    /// In a file.
    File(BundlePath),
    /// In an entry of the log.
    Entry(LeafIndex),
    /// In a stream as a whole.
    Stream(u32),
    /// In a submission.
    Submission {
        /// Its stream.
        stream: u32,
        /// Sequence number of its first event.
        sequence: u64,
        /// Index of its entry.
        index: LeafIndex,
    },
    /// In an event.
    Event {
        /// Its stream.
        stream: u32,
        /// Its sequence number.
        sequence: u64,
        /// Index of its submission's entry.
        index: LeafIndex,
    },
}

impl Place {
    /// The stream, if it is in one.
    #[must_use]
    pub fn stream(&self) -> Option<u32> {
        match self {
            Self::Bundle | Self::File(_) | Self::Entry(_) => None,
            Self::Stream(stream) | Self::Submission { stream, .. } | Self::Event { stream, .. } => {
                Some(*stream)
            }
        }
    }

    /// The sequence number in the stream.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        match self {
            Self::Bundle | Self::File(_) | Self::Entry(_) | Self::Stream(_) => None,
            Self::Submission { sequence, .. } | Self::Event { sequence, .. } => Some(*sequence),
        }
    }

    /// The entry.
    #[must_use]
    pub fn index(&self) -> Option<LeafIndex> {
        match self {
            Self::Bundle | Self::File(_) | Self::Stream(_) => None,
            Self::Entry(index) | Self::Submission { index, .. } | Self::Event { index, .. } => {
                Some(*index)
            }
        }
    }

    /// The order in which findings are shown: what concerns all first, then as in the log.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let key = |place: &Self| (place.index(), place.stream(), place.sequence());
        key(self).cmp(&key(other))
    }
}
