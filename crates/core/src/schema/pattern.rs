//! Patterns of identifiers: a small part of regular expressions, always anchored at both ends.
//!
//! ```text
//! pattern    = choice                      printable ASCII, 1 to 200, no space at either end
//! choice     = sequence *( "|" sequence )
//! sequence   = 1*( atom [ quantifier ] )
//! atom       = character / escape / class / "(" choice ")"           8 deep at most
//! character  = any but \ . ^ $ | ? * + ( ) [ ] { }
//! escape     = "\" one of those
//! class      = "[" 1*( range / member / class-escape ) "]"   nothing named twice
//! range      = lower "-" higher          two digits, two capitals or two small letters
//! member     = any but [ ] \ ^ - and, as the first or the last one, "-"
//! class-escape = "\" one of [ ] \ ^ -
//! quantifier = "?" / "*" / "+" / "{" n "}" / "{" n "," m "}"
//!              n from 1, or from 0 before m; n < m <= 64
//! ```
//!
//! What must hold: every pattern means the same to any common engine of regular expressions when it
//! is put between `^(?:` and `)$`, so that a reader needs none of ours; it runs in linear time; and
//! whether it is accepted depends on its text alone. *Absent on purpose:* the dot, negation, named
//! classes, back-references, look-around, flags, lazy quantifiers and Unicode. At most
//! [`POSITIONS_MAX`] positions, written out; a literal or class is one, `[A-Z]{2,5}` is five.

use alloc::{
    boxed::Box,
    string::{String, ToString as _},
    vec::Vec,
};

use thiserror::Error;

use super::automaton::{Automaton, CharacterSet, Node, POSITIONS_MAX};

/// The most characters a pattern may have.
pub const PATTERN_SIZE_MAX: usize = 200;
/// The deepest that groups may nest.
const DEPTH_MAX: u8 = 8;
/// An identifier has no more characters than this, so more repetitions would say nothing.
const REPETITIONS_MAX: u8 = 64;
const META: &[u8] = br"\.^$|?*+()[]{}";
const CLASS_META: &[u8] = br"[]\^-";

/// Why a pattern was refused. Places are counted from 1.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PatternError {
    /// The pattern is empty or longer than [`PATTERN_SIZE_MAX`].
    #[error("a pattern has 1 to {PATTERN_SIZE_MAX} characters, this one has {size}")]
    Size {
        /// The size that came.
        size: usize,
    },
    /// The pattern has other characters than printable ASCII, or begins or ends with a space.
    #[error("a pattern is printable ascii without a space at either end")]
    NotPrintable,
    /// A character stands where the grammar has no place for it, or one is missing at the end.
    #[error("the pattern breaks its grammar at character {place}")]
    Unexpected {
        /// The place.
        place: usize,
    },
    /// A class is empty, negated, names a character twice, or has a range of unlike or descending
    /// ends.
    #[error("the class that ends at character {place} is not one that patterns may have")]
    Class {
        /// The place.
        place: usize,
    },
    /// A repetition is out of bounds or not written in its shortest form.
    #[error(
        "the repetition at character {place} is not {{n}} or {{n,m}} with n < m <= {REPETITIONS_MAX}"
    )]
    Repetition {
        /// The place.
        place: usize,
    },
    /// Groups nest deeper than eight.
    #[error("groups of a pattern nest at most {DEPTH_MAX} deep")]
    TooDeep,
    /// The pattern has too many positions.
    #[error("a pattern has at most {POSITIONS_MAX} positions when its repetitions are written out")]
    TooLarge,
}

/// A pattern that was found well-formed, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    automaton: Automaton,
}

impl Pattern {
    /// Parses a pattern, or says where it breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let automaton = Automaton::of(&parse_tree(text)?).ok_or(PatternError::TooLarge)?;
        Ok(Self { text: text.to_string(), automaton })
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the whole value matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        self.automaton.matches(value.as_bytes())
    }
}

pub(super) fn parse_tree(text: &str) -> Result<Node, PatternError> {
    if !(1..=PATTERN_SIZE_MAX).contains(&text.len()) {
        return Err(PatternError::Size { size: text.len() });
    }
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !printable || text.starts_with(' ') || text.ends_with(' ') {
        return Err(PatternError::NotPrintable);
    }
    let mut parser = Parser { rest: text.as_bytes(), size: text.len(), depth: 0 };
    let tree = parser.choice()?;
    if parser.rest.is_empty() { Ok(tree) } else { Err(parser.unexpected()) }
}

struct Parser<'a> {
    rest: &'a [u8],
    size: usize,
    depth: u8,
}

impl Parser<'_> {
    fn choice(&mut self) -> Result<Node, PatternError> {
        let mut branches = Vec::new();
        loop {
            branches.push(self.sequence()?);
            if !self.take(b'|') {
                return Ok(Node::Choice(branches));
            }
        }
    }

    fn sequence(&mut self) -> Result<Node, PatternError> {
        let mut nodes = Vec::new();
        while !matches!(self.rest, [] | [b'|' | b')', ..]) {
            let node = self.atom()?;
            nodes.push(self.quantified(node)?);
        }
        // An alternative that matches nothing is a slip far more often than it is meant; `( )?`
        // says it plainly.
        if nodes.is_empty() { Err(self.unexpected()) } else { Ok(Node::Sequence(nodes)) }
    }

    fn atom(&mut self) -> Result<Node, PatternError> {
        match self.rest {
            [b'(', rest @ ..] => {
                self.rest = rest;
                self.group()
            }
            [b'[', rest @ ..] => {
                self.rest = rest;
                self.class().map(Node::Set)
            }
            [b'\\', byte, rest @ ..] if META.contains(byte) => {
                self.rest = rest;
                Ok(Node::Set(one(*byte)))
            }
            [byte, rest @ ..] if !META.contains(byte) => {
                self.rest = rest;
                Ok(Node::Set(one(*byte)))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn group(&mut self) -> Result<Node, PatternError> {
        if self.depth == DEPTH_MAX {
            return Err(PatternError::TooDeep);
        }
        self.depth += 1;
        let inner = self.choice()?;
        self.depth -= 1;
        if self.take(b')') { Ok(inner) } else { Err(self.unexpected()) }
    }

    fn class(&mut self) -> Result<CharacterSet, PatternError> {
        let mut class = 0;
        loop {
            let (members, rest) = match self.rest {
                [b']', rest @ ..] if class != 0 => {
                    self.rest = rest;
                    return Ok(class);
                }
                [b'\\', byte, rest @ ..] if CLASS_META.contains(byte) => (one(*byte), rest),
                [low, b'-', high, rest @ ..] if *high != b']' => {
                    (range(*low, *high).ok_or(PatternError::Class { place: self.place() })?, rest)
                }
                // Elsewhere a dash could be read as a range, so only the first and the last one are
                // plain.
                [b'-', rest @ ..] if class == 0 || rest.starts_with(b"]") => (one(b'-'), rest),
                [byte, rest @ ..] if !CLASS_META.contains(byte) => (one(*byte), rest),
                _ => return Err(PatternError::Class { place: self.place() }),
            };
            // Doubling is a slip, and `&&`, `--` and the like are operators to some engines.
            if class & members != 0 {
                return Err(PatternError::Class { place: self.place() });
            }
            class |= members;
            self.rest = rest;
        }
    }

    fn quantified(&mut self, node: Node) -> Result<Node, PatternError> {
        let ((min, max), rest) = match self.rest {
            [b'?', rest @ ..] => ((0, Some(1)), rest),
            [b'*', rest @ ..] => ((0, None), rest),
            [b'+', rest @ ..] => ((1, None), rest),
            [b'{', rest @ ..] => {
                repetition(rest).ok_or(PatternError::Repetition { place: self.place() })?
            }
            _ => return Ok(node),
        };
        self.rest = rest;
        Ok(Node::Repeat { node: Box::new(node), min, max })
    }

    fn take(&mut self, wanted: u8) -> bool {
        match self.rest {
            [byte, rest @ ..] if *byte == wanted => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The place of the next character, counted from 1.
    fn place(&self) -> usize {
        self.size - self.rest.len() + 1
    }

    fn unexpected(&self) -> PatternError {
        PatternError::Unexpected { place: self.place() }
    }
}

/// The set of one printable ASCII character.
fn one(byte: u8) -> CharacterSet {
    1 << byte
}

fn range(low: u8, high: u8) -> Option<CharacterSet> {
    let alike = (low.is_ascii_digit() && high.is_ascii_digit())
        || (low.is_ascii_uppercase() && high.is_ascii_uppercase())
        || (low.is_ascii_lowercase() && high.is_ascii_lowercase());
    (alike && low < high).then(|| (low..=high).fold(0, |set, byte| set | one(byte)))
}

/// What a quantifier's bounds are, and what comes after it.
type Bounds<'a> = ((u8, Option<u8>), &'a [u8]);

/// `n}` or `n,m}`, which is what comes after the opening brace.
fn repetition(text: &[u8]) -> Option<Bounds<'_>> {
    let size = text.iter().position(|byte| *byte == b'}')?;
    let (inner, closing) = text.split_at_checked(size)?;
    let (_brace, rest) = closing.split_first()?;
    let inner = core::str::from_utf8(inner).ok()?;
    let (min, max) = if let Some((min, max)) = inner.split_once(',') {
        (count(min)?, count(max)?)
    } else {
        // `x{n}` is at least and at most n, and never none.
        (count(inner)?, count(inner).filter(|times| *times > 0)?)
    };
    let in_order = min < max || !inner.contains(',');
    in_order.then_some(((min, Some(max)), rest))
}

/// A number up to [`REPETITIONS_MAX`] without leading zeros or a sign.
fn count(text: &str) -> Option<u8> {
    let canonical = text == "0" || text.starts_with(|c: char| matches!(c, '1'..='9'));
    text.parse().ok().filter(|count| canonical && *count <= REPETITIONS_MAX)
}
