//! Glushkov's automaton of a pattern, run on all its positions at once.
//!
//! Each character set in the pattern is a *position*. What must hold: a run costs at most the
//! value's length times [`POSITIONS_MAX`] steps, whatever the pattern and the value, and allocates
//! nothing; whether a pattern is small enough depends on its text alone, so that a schema which was
//! registered once is good for ever.

use alloc::{boxed::Box, vec::Vec};

/// The most positions a pattern may have after its repetitions are written out: the width of a set
/// of positions.
pub(super) const POSITIONS_MAX: usize = 128;

/// A set of ASCII characters: bit `n` stands for the character `n`.
pub(super) type CharacterSet = u128;
/// A set of positions: bit `n` stands for the n-th.
type PositionSet = u128;

/// A pattern as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// One character out of a set.
    Set(CharacterSet),
    /// One after the other.
    Sequence(Vec<Node>),
    /// One of several.
    Choice(Vec<Node>),
    /// The same `min` times to `max` times; without `max`, any number of times, and then `min` is 0
    /// or 1.
    Repeat {
        /// What is repeated.
        node: Box<Node>,
        /// How often at least.
        min: u8,
        /// How often at most.
        max: Option<u8>,
    },
}

/// A pattern ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Automaton {
    positions: Vec<Position>,
    whole: Fragment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    characters: CharacterSet,
    /// Where a value may go on from here.
    follow: PositionSet,
}

/// What a part of a pattern looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fragment {
    first: PositionSet,
    last: PositionSet,
    matches_nothing: bool,
}

impl Fragment {
    /// The part that the empty text matches and nothing else.
    const EMPTY: Self = Self { first: 0, last: 0, matches_nothing: true };
    /// The part that nothing matches.
    const NONE: Self = Self { first: 0, last: 0, matches_nothing: false };

    fn then(self, next: Self) -> Self {
        Self {
            first: self.first | if self.matches_nothing { next.first } else { 0 },
            last: next.last | if next.matches_nothing { self.last } else { 0 },
            matches_nothing: self.matches_nothing && next.matches_nothing,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            first: self.first | other.first,
            last: self.last | other.last,
            matches_nothing: self.matches_nothing || other.matches_nothing,
        }
    }
}

impl Automaton {
    /// Builds the automaton of a tree, or nothing if it has more than [`POSITIONS_MAX`] positions.
    pub(super) fn of(tree: &Node) -> Option<Self> {
        let mut automaton = Self { positions: Vec::new(), whole: Fragment::NONE };
        automaton.whole = automaton.add(tree)?;
        Some(automaton)
    }

    /// Whether the whole value matches.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        let mut may_follow = self.whole.first;
        let mut reached = 0;
        for byte in value {
            // No set has a character above 127, and a shift by more than the width gives nothing.
            let character = 1_u128.checked_shl(u32::from(*byte)).unwrap_or(0);
            (reached, may_follow) = self.step(may_follow, character);
            if reached == 0 {
                return false;
            }
        }
        if value.is_empty() { self.whole.matches_nothing } else { reached & self.whole.last != 0 }
    }

    /// The positions out of `may_follow` that take the character, and those that may follow them.
    fn step(&self, may_follow: PositionSet, character: CharacterSet) -> (PositionSet, PositionSet) {
        let mut reached = 0;
        let mut next = 0;
        for index in members(may_follow) {
            if let Some(position) = self.positions.get(index)
                && position.characters & character != 0
            {
                reached |= 1 << index;
                next |= position.follow;
            }
        }
        (reached, next)
    }

    fn add(&mut self, node: &Node) -> Option<Fragment> {
        match node {
            Node::Set(characters) => self.add_position(*characters),
            Node::Sequence(nodes) => nodes.iter().try_fold(Fragment::EMPTY, |before, node| {
                let next = self.add(node)?;
                self.connect(before.last, next.first);
                Some(before.then(next))
            }),
            Node::Choice(nodes) => nodes
                .iter()
                .try_fold(Fragment::NONE, |others, node| Some(others.or(self.add(node)?))),
            Node::Repeat { node, min, max: Some(max) } => self.add_repetition(node, *min, *max),
            Node::Repeat { node, min, max: None } => {
                let part = self.add(node)?;
                self.connect(part.last, part.first);
                Some(if *min == 0 { part.or(Fragment::EMPTY) } else { part })
            }
        }
    }

    fn add_position(&mut self, characters: CharacterSet) -> Option<Fragment> {
        let index = self.positions.len();
        if index == POSITIONS_MAX {
            return None;
        }
        self.positions.push(Position { characters, follow: 0 });
        Some(Fragment { first: 1 << index, last: 1 << index, matches_nothing: false })
    }

    /// Writes `x{2,4}` out as `xx(x(x)?)?`: each copy is followed by the next one only, not by all
    /// later ones as in `xxx?x?`, which keeps the number of positions alive at a time small.
    fn add_repetition(&mut self, node: &Node, min: u8, max: u8) -> Option<Fragment> {
        let mut exactly = Fragment::EMPTY;
        let mut repetition = if min == 0 { Fragment::EMPTY } else { Fragment::NONE };
        for times in 1..=max {
            let next = self.add(node)?;
            self.connect(exactly.last, next.first);
            exactly = exactly.then(next);
            if times >= min {
                repetition = repetition.or(exactly);
            }
        }
        Some(repetition)
    }

    fn connect(&mut self, from: PositionSet, to: PositionSet) {
        for index in members(from) {
            if let Some(position) = self.positions.get_mut(index) {
                position.follow |= to;
            }
        }
    }
}

/// The members of a set, lowest first.
fn members(set: PositionSet) -> impl Iterator<Item = usize> {
    let mut rest = set;
    core::iter::from_fn(move || {
        let lowest = rest.trailing_zeros();
        rest &= rest.checked_sub(1)?;
        usize::try_from(lowest).ok()
    })
}
