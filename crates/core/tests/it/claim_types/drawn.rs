//! Values drawn at random from all that a pattern matches.

use std::{iter::Peekable, str::Chars};

/// What `*` and `+` come to.
const REPEATED_MAX: u64 = 4;

/// A source of numbers, the same each time (xorshift64).
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len().try_into().unwrap())).unwrap()]
    }
}

/// A part of a pattern.
enum Part {
    /// One of these characters.
    OneOf(Vec<char>),
    /// One of these sequences, each part so many times.
    Choice(Vec<Vec<(Part, u64, u64)>>),
}

/// A pattern that was read; what no schema accepts stops the test.
pub(super) struct Language(Part);

impl Language {
    pub(super) fn of(pattern: &str) -> Self {
        let mut rest = pattern.chars().peekable();
        let choice = choice(&mut rest);
        assert_eq!(rest.next(), None, "{pattern}");
        Self(choice)
    }

    /// One of its values.
    pub(super) fn value(&self, draw: &mut Draw) -> String {
        let mut value = String::new();
        write(&self.0, draw, &mut value);
        value
    }
}

fn write(part: &Part, draw: &mut Draw, value: &mut String) {
    match part {
        Part::OneOf(characters) => value.push(*draw.pick(characters)),
        Part::Choice(sequences) => {
            for (part, least, most) in draw.pick(sequences) {
                for _ in 0..least + draw.below(most - least + 1) {
                    write(part, draw, value);
                }
            }
        }
    }
}

fn choice(rest: &mut Peekable<Chars<'_>>) -> Part {
    let mut sequences = vec![Vec::new()];
    while let Some(next) = rest.next_if(|next| *next != ')') {
        let part = match next {
            '|' => {
                sequences.push(Vec::new());
                continue;
            }
            '(' => {
                let inner = choice(rest);
                assert_eq!(rest.next(), Some(')'));
                inner
            }
            '[' => class(rest),
            '\\' => Part::OneOf(vec![rest.next().unwrap()]),
            character => Part::OneOf(vec![character]),
        };
        let (least, most) = times(rest);
        sequences.last_mut().unwrap().push((part, least, most));
    }
    Part::Choice(sequences)
}

fn class(rest: &mut Peekable<Chars<'_>>) -> Part {
    let mut characters = Vec::new();
    loop {
        match rest.next().unwrap() {
            ']' => return Part::OneOf(characters),
            '\\' => characters.push(rest.next().unwrap()),
            '-' if !characters.is_empty() && rest.peek() != Some(&']') => {
                let first = characters.pop().unwrap();
                characters.extend(first..=rest.next().unwrap());
            }
            character => characters.push(character),
        }
    }
}

fn times(rest: &mut Peekable<Chars<'_>>) -> (u64, u64) {
    match rest.next_if(|next| "?*+{".contains(*next)) {
        Some('?') => (0, 1),
        Some('*') => (0, REPEATED_MAX),
        Some('+') => (1, REPEATED_MAX),
        Some(_brace) => {
            let inside: String = std::iter::from_fn(|| rest.next_if(|next| *next != '}')).collect();
            rest.next();
            let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
            (least.parse().unwrap(), most.parse().unwrap())
        }
        None => (1, 1),
    }
}
