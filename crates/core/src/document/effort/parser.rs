//! Takes a regular expression apart that the engine has compiled: ECMA-262, with the liberties of
//! its annex B, and without the flag `u`.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use regress::Regex;

use super::super::rules::{ascii, compile};
use super::pattern::{Direction, NoShape, Node, Pattern};

/// The shape of a pattern; nesting is bounded, for the engine has compiled it.
pub(super) fn parse(units: &[u16]) -> Result<Pattern, NoShape> {
    let mut parser = Parser { units, at: 0, kinds: BTreeMap::new(), rows: Vec::new() };
    let root = parser.choice()?;
    if parser.at != units.len() {
        return Err(NoShape::Unknown);
    }
    Ok(Pattern { root, rows: parser.rows })
}

struct Parser<'p> {
    units: &'p [u16],
    at: usize,
    /// The source of each kind of unit, and its number.
    kinds: BTreeMap<&'p [u16], usize>,
    rows: Vec<Option<Regex>>,
}

impl Parser<'_> {
    /// Alternatives, to the closing parenthesis or the end.
    fn choice(&mut self) -> Result<Node, NoShape> {
        let mut nodes = Vec::from([self.sequence()?]);
        while self.eat('|') {
            nodes.push(self.sequence()?);
        }
        Ok(Node::Choice(nodes))
    }

    fn sequence(&mut self) -> Result<Node, NoShape> {
        let mut nodes = Vec::new();
        while self.at < self.units.len() && !matches!(self.peek(0), Some('|' | ')')) {
            let node = self.term()?;
            nodes.push(match self.quantifier() {
                None => node,
                Some(_) if !node.can_be_repeated() => return Err(NoShape::NothingToRepeat),
                Some((min, max)) => {
                    self.prepare_rows(&node);
                    Node::Loop { body: Box::new(node), min, max }
                }
            });
        }
        Ok(Node::Sequence(nodes))
    }

    fn term(&mut self) -> Result<Node, NoShape> {
        match self.peek(0) {
            Some('^' | '$') => {
                self.at += 1;
                Ok(Node::Place)
            }
            Some('(') => self.group(),
            Some('[') => self.class(),
            Some('\\') => self.escape(),
            Some('*' | '+' | '?') => Err(NoShape::NothingToRepeat),
            _ => self.unit(1),
        }
    }

    fn group(&mut self) -> Result<Node, NoShape> {
        let (skipped, look) = match (self.peek(1), self.peek(2), self.peek(3)) {
            (Some('?'), Some(':'), _) => (3, None),
            (Some('?'), Some('=' | '!'), _) => (3, Some(Direction::Forward)),
            (Some('?'), Some('<'), Some('=' | '!')) => (4, Some(Direction::Backward)),
            (Some('?'), Some('<'), _) => (self.find('>', 3)? + 1, None),
            // A modifier such as `(?i:` changes what the units inside match.
            (Some('?'), ..) => return Err(NoShape::Unknown),
            _ => (1, None),
        };
        self.at += skipped;
        let inside = self.choice()?;
        if !self.eat(')') {
            return Err(NoShape::Unknown);
        }
        Ok(match look {
            Some(direction) => Node::Look(Box::new(inside), direction),
            None => inside,
        })
    }

    fn class(&mut self) -> Result<Node, NoShape> {
        let mut size = 1;
        loop {
            match self.peek(size) {
                Some(']') => return self.unit(size + 1),
                Some('\\') => size += 2,
                _ if self.at + size >= self.units.len() => return Err(NoShape::Unknown),
                _ => size += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<Node, NoShape> {
        match self.peek(1) {
            Some('b' | 'B') => {
                self.at += 2;
                Ok(Node::Place)
            }
            Some('0') if !self.is_digit(2) => self.unit(2),
            Some('0'..='9') => {
                self.at += 1;
                while self.is_digit(0) {
                    self.at += 1;
                }
                Ok(Node::BackReference)
            }
            Some('k') if self.peek(2) == Some('<') => {
                self.at += self.find('>', 3)? + 1;
                Ok(Node::BackReference)
            }
            Some('c') if self.peek(2).is_some_and(|c| c.is_ascii_alphabetic()) => self.unit(3),
            Some('c') => Err(NoShape::Unknown),
            Some('x') if self.is_hex(2) && self.is_hex(3) => self.unit(4),
            Some('u') => self.unit(6),
            _ => self.unit(2),
        }
    }

    /// `*`, `+`, `?`, `{2}`, `{2,}` or `{2,3}`, greedy or lazy; any other brace is a literal.
    fn quantifier(&mut self) -> Option<(u64, u64)> {
        let bounds = match self.peek(0)? {
            '*' => (0, u64::MAX),
            '+' => (1, u64::MAX),
            '?' => (0, 1),
            '{' => return self.braces(),
            _ => return None,
        };
        self.at += 1;
        self.eat('?');
        Some(bounds)
    }

    fn braces(&mut self) -> Option<(u64, u64)> {
        let start = self.at;
        self.at += 1;
        let bounds = self.bounds();
        match bounds {
            Some(_) => {
                self.eat('?');
            }
            None => self.at = start,
        }
        bounds
    }

    fn bounds(&mut self) -> Option<(u64, u64)> {
        let min = self.number()?;
        if self.eat('}') {
            return Some((min, min));
        }
        if !self.eat(',') {
            return None;
        }
        let max = self.number().unwrap_or(u64::MAX);
        self.eat('}').then_some((min, max))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number: Option<u64> = None;
        while let Some(digit) = self.peek(0).and_then(|c| c.to_digit(10)) {
            let tens = number.unwrap_or(0).saturating_mul(10);
            number = Some(tens.saturating_add(u64::from(digit)));
            self.at += 1;
        }
        number
    }

    /// Takes what matches one unit of text, and is itself `size` units long.
    fn unit(&mut self, size: usize) -> Result<Node, NoShape> {
        let source = self.units.get(self.at..self.at + size).ok_or(NoShape::Unknown)?;
        self.at += size;
        let next = self.rows.len();
        let kind = *self.kinds.entry(source).or_insert(next);
        if kind == next {
            self.rows.push(None);
        }
        Ok(Node::Unit(kind))
    }

    fn prepare_rows(&mut self, node: &Node) {
        let mut units = Vec::new();
        node.collect_units(&mut units);
        for (source, kind) in &self.kinds {
            if let Some(row @ None) = self.rows.get_mut(*kind)
                && units.contains(kind)
            {
                *row = row_of(source);
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.units.get(self.at + ahead).and_then(|unit| ascii(*unit))
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek(0) == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    /// How far ahead a character is, from a place ahead.
    fn find(&self, wanted: char, from: usize) -> Result<usize, NoShape> {
        let rest = self.units.get(self.at + from..).unwrap_or_default();
        let found = rest.iter().position(|unit| ascii(*unit) == Some(wanted));
        found.map(|at| from + at).ok_or(NoShape::Unknown)
    }

    fn is_digit(&self, ahead: usize) -> bool {
        self.peek(ahead).is_some_and(|c| c.is_ascii_digit())
    }

    fn is_hex(&self, ahead: usize) -> bool {
        self.peek(ahead).is_some_and(|c| c.is_ascii_hexdigit())
    }
}

fn row_of(source: &[u16]) -> Option<Regex> {
    let ascii = |text: &str| text.bytes().map(u16::from).collect::<Vec<u16>>();
    compile(&[&ascii("(?:"), source, &ascii(")+")].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    /// Writes the shape of a pattern: one letter for each node, loops with their bounds.
    fn shape(pattern: &str) -> Result<String, NoShape> {
        let units: Vec<u16> = pattern.encode_utf16().collect();
        Pattern::parse(&units).map(|pattern| write(&pattern.root))
    }

    fn write(node: &Node) -> String {
        let all = |nodes: &[Node], by: &str| nodes.iter().map(write).collect::<Vec<_>>().join(by);
        match node {
            Node::Place => "p".into(),
            Node::Unit(_) => "u".into(),
            Node::BackReference => "r".into(),
            Node::Look(inside, Direction::Forward) => format!(">({})", write(inside)),
            Node::Look(inside, Direction::Backward) => format!("<({})", write(inside)),
            Node::Sequence(nodes) => all(nodes, ""),
            Node::Choice(nodes) if nodes.len() == 1 => all(nodes, ""),
            Node::Choice(nodes) => format!("({})", all(nodes, "|")),
            Node::Loop { body, min, max: u64::MAX } => format!("{{{}}}{min}", write(body)),
            Node::Loop { body, min, max } => format!("{{{}}}{min}-{max}", write(body)),
        }
    }

    #[test]
    fn patterns_are_taken_apart() {
        for (pattern, expected) in [
            ("", ""),
            (r"^\bab.\B$", "ppuuupp"),
            ("a|b|", "(u|u|)"),
            ("a*b+?c?", "{u}0{u}1{u}0-1"),
            ("a{2}b{3,}?c{4,50}", "{u}2-2{u}3{u}4-50"),
            ("a{,5}{", "uuuuuu"),
            ("(?:ab)+(c)(?<n>d)", "{uu}1uu"),
            ("(?=a)(?!b)(?<=c)(?<!d)", ">(u)>(u)<(u)<(u)"),
            (r"[a\]b]+[^]*[]", "{u}1{u}0u"),
            (r"\x41\x4\u0041\cA\0\.\-\w", "uuuuuuuuu"),
            (r"(a)\1*\12\k<n>", "u{r}0rr"),
            ("😀+", "u{u}1"),
            ("]}", "uu"),
        ] {
            assert_eq!(shape(pattern).as_deref(), Ok(expected), "{pattern}");
        }
    }

    #[test]
    fn what_is_not_understood_makes_the_shape_unknown() {
        for pattern in ["a)", "(a", "[a", r"\", r"\c1", "(?i:a)", "(?<n", r"\k<n"] {
            assert_eq!(shape(pattern), Err(NoShape::Unknown), "{pattern}");
        }
        for pattern in ["*a", "a**", r"\b+", r"a\B{2}", "(?:^*)", "(?<=a)?", "(?<!a)*"] {
            assert_eq!(shape(pattern), Err(NoShape::NothingToRepeat), "{pattern}");
        }
    }

    #[test]
    fn rows_are_kept_for_loops_only() {
        let units: Vec<u16> = r"ab[cd]*(?:ae\d)+".encode_utf16().collect();
        let rows = Pattern::parse(&units).unwrap().rows;
        let kept: Vec<bool> = rows.iter().map(Option::is_some).collect();
        assert_eq!(kept, [true, false, true, true, true], "a b [cd] e \\d");
    }
}
