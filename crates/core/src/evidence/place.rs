//! Places in the file, as refusals name them.

use core::fmt;

/// A table of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// `anchors`
    Anchors,
    /// `checkpoints`
    Checkpoints,
    /// `consistency`
    Consistency,
    /// `entries`
    Entries,
    /// `firm`
    Firm,
    /// `registry`
    Registry,
    /// `rollups`
    Rollups,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anchors => "anchors",
            Self::Checkpoints => "checkpoints",
            Self::Consistency => "consistency",
            Self::Entries => "entries",
            Self::Firm => "firm",
            Self::Registry => "registry",
            Self::Rollups => "rollups",
        })
    }
}

/// Place of an event in the file, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Position in `items`.
    pub item: usize,
    /// Position in the item's `events`.
    pub event: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "items[{}].events[{}]", self.item, self.event)
    }
}

/// Place of an erased event in the file, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErasedPlace {
    /// Position in `items`.
    pub item: usize,
    /// Position in the item's `erased`.
    pub erased: usize,
}

impl fmt::Display for ErasedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "items[{}].erased[{}]", self.item, self.erased)
    }
}

/// Where a checkpoint, roll-up, anchor or note stands that a refusal is about: in a table of the file, or in an
/// attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// A position of a table.
    Row(Table, usize),
    /// A position of `attachments`, and the table in which it would be a row.
    Attached(usize, Table),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(table, position) => write!(f, "{table}[{position}]"),
            Self::Attached(position, table) => {
                let member = match table {
                    Table::Anchors => "anchor",
                    Table::Checkpoints => "checkpoint",
                    Table::Consistency => "consistency",
                    Table::Rollups => "note",
                    Table::Entries | Table::Firm | Table::Registry => "body",
                };
                write!(f, "attachments[{position}], {member}")
            }
        }
    }
}

/// What refers into a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referrer {
    /// A position of a table.
    Row(Table, usize),
    /// An event.
    Event(Place),
    /// An erased event.
    Erased(ErasedPlace),
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(table, position) => write!(f, "{table}[{position}]"),
            Self::Event(place) => place.fmt(f),
            Self::Erased(place) => place.fmt(f),
        }
    }
}
