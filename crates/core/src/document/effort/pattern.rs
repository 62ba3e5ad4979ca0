//! The shape of a regular expression, as far as it decides how long a match can take. The engine
//! has compiled the pattern before, so that next to nothing is validated here.

use alloc::boxed::Box;
use alloc::vec::Vec;

use regress::Regex;

use super::parser;

/// Which way the inside of a look-around is matched.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// One part of a pattern. Groups are what is inside them.
#[derive(Clone)]
pub(super) enum Node {
    /// `^`, `$`, `\b`, `\B`: consumes nothing.
    Place,
    /// A literal, an escape, a class: consumes exactly one unit. Its number in [`Pattern::rows`].
    Unit(usize),
    /// `\1` or `\k<name>`.
    BackReference,
    Look(Box<Node>, Direction),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Loop {
        body: Box<Node>,
        min: u64,
        max: u64,
    },
}

/// Why there is no shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoShape {
    /// JavaScript does not compile the pattern, though the engine does: a quantifier after `\b` or
    /// after a look-behind has nothing to repeat (ECMA-262, B.1.2).
    NothingToRepeat,
    /// Written in a way that is not understood here.
    Unknown,
}

#[derive(Clone)]
pub(super) struct Pattern {
    pub(super) root: Node,
    /// For each kind of unit, what matches a row of it; `None` for those that no loop has.
    pub(super) rows: Vec<Option<Regex>>,
}

impl Pattern {
    pub(super) fn parse(units: &[u16]) -> Result<Self, NoShape> {
        parser::parse(units)
    }
}

impl Node {
    /// Collects what in this node consumes units; `false` if that is not known.
    pub(super) fn collect_units(&self, units: &mut Vec<usize>) -> bool {
        match self {
            Self::Place | Self::Look(..) => true,
            Self::BackReference => false,
            Self::Unit(kind) => {
                if !units.contains(kind) {
                    units.push(*kind);
                }
                true
            }
            Self::Sequence(nodes) | Self::Choice(nodes) => {
                nodes.iter().all(|node| node.collect_units(units))
            }
            Self::Loop { body, .. } => body.collect_units(units),
        }
    }

    pub(super) fn can_be_repeated(&self) -> bool {
        !matches!(self, Self::Place | Self::Look(_, Direction::Backward))
    }

    /// The fewest units that this node consumes.
    pub(super) fn least_width(&self) -> u64 {
        match self {
            Self::Place | Self::Look(..) | Self::BackReference => 0,
            Self::Unit(_) => 1,
            Self::Sequence(nodes) => {
                nodes.iter().map(Self::least_width).fold(0, u64::saturating_add)
            }
            Self::Choice(nodes) => nodes.iter().map(Self::least_width).min().unwrap_or(0),
            Self::Loop { body, min, .. } => body.least_width().saturating_mul(*min),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_width_counts_what_must_be_consumed() {
        for (pattern, expected) in [
            ("", 0),
            (r"\bab(?=c)", 2),
            ("abc|d|ef", 1),
            ("a*b?", 0),
            (r"(?:\d{1,3},){2,}x", 5),
            (r"(a)\1", 1),
            ("(?:a|){9}", 0),
        ] {
            let units: Vec<u16> = pattern.encode_utf16().collect();
            assert_eq!(Pattern::parse(&units).unwrap().root.least_width(), expected, "{pattern}");
        }
    }
}
