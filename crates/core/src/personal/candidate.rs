//! Candidates: one token of a value, or several neighbouring ones read together, as people group
//! long numbers.
//!
//! What must hold: a candidate begins and ends at a token's bounds, so a rule never matches inside
//! a token.

/// No rule reads more characters than the longest IBAN has (Russia's 33, ISO 13616-1 allows 34).
const CHARACTERS_MAX: usize = 34;
/// No rule is content with fewer characters than the shortest international phone number has.
const CHARACTERS_MIN: usize = 7;
/// No rule but the IBAN's reads more characters than the longest payment card number has.
const NUMBER_SIZE_MAX: usize = 19;
/// The widest group that the shape can tell from wider ones: four bits a group.
const GROUP_SIZE_MAX: u8 = 0xF;

/// The ways in which tokens of a candidate are parted, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gaps(u8);

impl Gaps {
    /// The candidate is one token.
    pub(super) const NONE: Self = Self(0);
    /// Spaces.
    pub(super) const SPACE: Self = Self(1);
    /// One dash.
    pub(super) const DASH: Self = Self(2);
    /// One full stop.
    pub(super) const DOT: Self = Self(4);
    /// One slash.
    pub(super) const SLASH: Self = Self(8);
    /// Brackets, or a dash or slash between spaces: as only phone numbers are written.
    pub(super) const WIDE: Self = Self(16);
    /// One underscore.
    pub(super) const UNDERSCORE: Self = Self(32);

    /// Both sets together.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every gap is one of `allowed`.
    pub(super) fn within(self, allowed: Self) -> bool {
        self.0 & !allowed.0 == 0
    }

    /// Whether all gaps are of one kind, or there is none.
    pub(super) fn are_alike(self) -> bool {
        self.0.count_ones() <= 1
    }
}

/// Neighbouring tokens without their separators, letters in upper case.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    before: &'a [u8],
    after: &'a [u8],
    characters: [u8; CHARACTERS_MAX],
    size: usize,
    digits: usize,
    /// The size of each group.
    group_sizes: [u8; CHARACTERS_MAX],
    groups: usize,
    /// The sizes of the groups, one hexadecimal digit each, the first one leading: a US number is
    /// `0x324`. Beyond 16 groups it has no meaning, and no rule names so many.
    pub(super) shape: u64,
    /// How the groups are parted.
    pub(super) gaps: Gaps,
}

impl<'a> Candidate<'a> {
    fn new(before: &'a [u8], after: &'a [u8]) -> Self {
        let characters = [0; CHARACTERS_MAX];
        Self {
            before,
            after,
            characters,
            size: 0,
            digits: 0,
            group_sizes: [0; CHARACTERS_MAX],
            groups: 0,
            shape: 0,
            gaps: Gaps::NONE,
        }
    }

    /// The characters, without separators and in upper case.
    pub(super) fn characters(&self) -> &[u8] {
        self.characters.get(..self.size).unwrap_or_default()
    }

    /// The characters group by group.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.characters();
        self.group_sizes.iter().take(self.groups).map(move |size| {
            let (group, others) = rest.split_at_checked(usize::from(*size)).unwrap_or_default();
            rest = others;
            group
        })
    }

    /// How many groups there are.
    pub(super) fn group_count(&self) -> usize {
        self.groups
    }

    /// Whether there are digits and nothing else.
    pub(super) fn is_digits(&self) -> bool {
        self.digits == self.size
    }

    /// Whether a `+` begins it that is no operator between tokens, as in a semantic version's build
    /// number. A space or a bracket may stand between: `+ 44 20 …`, `+(44) 20 …`.
    pub(super) fn follows_plus(&self) -> bool {
        let before = self.before.strip_suffix(b" ").or_else(|| self.before.strip_suffix(b"("));
        let before = before.unwrap_or(self.before);
        match before {
            [.., other, b'+'] => !other.is_ascii_alphanumeric() && *other != b'+',
            [b'+'] => true,
            _ => false,
        }
    }

    /// Whether no more digits are joined to it, so that it is not a part of a longer number.
    pub(super) fn is_whole_number(&self) -> bool {
        let joined_before = match self.before {
            [before @ .., gap] if is_gap(*gap) => {
                let mark = before.iter().rposition(|byte| !byte.is_ascii_alphanumeric());
                is_digits(before.get(mark.map_or(0, |at| at + 1)..).unwrap_or_default())
            }
            _ => false,
        };
        let joined_after = match self.after {
            [gap, after @ ..] if is_gap(*gap) => {
                let end = after.iter().position(|byte| !byte.is_ascii_alphanumeric());
                is_digits(after.get(..end.unwrap_or(after.len())).unwrap_or_default())
            }
            _ => false,
        };
        !(joined_before || joined_after)
    }

    /// Whether it is not part of a longer code: beside it stand the ends, a space and then letters,
    /// or marks that join nothing.
    pub(super) fn stands_alone(&self) -> bool {
        let free_before = match self.before {
            [.., far, b' '] => !far.is_ascii_digit(),
            [.., far, b'-' | b'.' | b'/' | b'_'] => !far.is_ascii_alphanumeric(),
            _ => true,
        };
        let free_after = match self.after {
            [b' ', far, ..] => !far.is_ascii_digit(),
            [b'-' | b'.' | b'/' | b'_', far, ..] => !far.is_ascii_alphanumeric(),
            _ => true,
        };
        free_before && free_after
    }

    /// Takes the next token in, or says that there is no room for it.
    fn take_token(&mut self) -> bool {
        let mut group: u8 = 0;
        while let Some((byte, rest)) = self.after.split_first()
            && byte.is_ascii_alphanumeric()
        {
            let Some(slot) = self.characters.get_mut(self.size) else { return false };
            *slot = byte.to_ascii_uppercase();
            self.size += 1;
            self.digits += usize::from(byte.is_ascii_digit());
            self.after = rest;
            group += 1;
        }
        // There are not more groups than characters, so there is a slot.
        let Some(slot) = self.group_sizes.get_mut(self.groups) else { return false };
        *slot = group;
        self.groups += 1;
        self.shape = (self.shape << 4) | u64::from(group.min(GROUP_SIZE_MAX));
        self.size <= NUMBER_SIZE_MAX || self.begins_as_an_iban()
    }

    /// Two letters and two digits.
    fn begins_as_an_iban(&self) -> bool {
        let [first, second, third, fourth, ..] = self.characters() else { return false };
        let letters = first.is_ascii_uppercase() && second.is_ascii_uppercase();
        letters && third.is_ascii_digit() && fourth.is_ascii_digit()
    }

    /// Takes the gap to the next token in, or says that none follows that belongs to the same
    /// number.
    fn take_gap(&mut self) -> bool {
        let (gap, rest) = match self.after {
            [b' ', b'-' | b'/', b' ', rest @ ..]
            | [b')', b' ' | b'-' | b'/' | b'.', rest @ ..]
            | [b' ' | b'-', b'(', rest @ ..]
            | [b')' | b'(', rest @ ..] => (Gaps::WIDE, rest),
            [b' ', rest @ ..] => (Gaps::SPACE, rest.trim_ascii_start()),
            [b'-', rest @ ..] => (Gaps::DASH, rest),
            [b'.', rest @ ..] => (Gaps::DOT, rest),
            [b'/', rest @ ..] => (Gaps::SLASH, rest),
            [b'_', rest @ ..] => (Gaps::UNDERSCORE, rest),
            _ => return false,
        };
        if !rest.first().is_some_and(u8::is_ascii_alphanumeric) {
            return false;
        }
        self.gaps = self.gaps.or(gap);
        self.after = rest;
        true
    }
}

/// Offers every candidate of a value to a rule and stops at its first answer.
pub(super) fn find_map<T>(value: &[u8], rule: impl Fn(&Candidate<'_>) -> Option<T>) -> Option<T> {
    let mut inside_token = false;
    for (at, byte) in value.iter().enumerate() {
        let starts = byte.is_ascii_alphanumeric() && !inside_token;
        inside_token = byte.is_ascii_alphanumeric();
        if !starts {
            continue;
        }
        let (before, after) = value.split_at_checked(at)?;
        let mut candidate = Candidate::new(before, after);
        while candidate.take_token() {
            if candidate.size >= CHARACTERS_MIN
                && let Some(found) = rule(&candidate)
            {
                return Some(found);
            }
            if !candidate.take_gap() {
                break;
            }
        }
    }
    None
}

/// What may part the groups of one number.
pub(super) fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'_' | b'(' | b')')
}

fn is_digits(token: &[u8]) -> bool {
    !token.is_empty() && token.iter().all(u8::is_ascii_digit)
}

/// The value of an ASCII digit; of anything else a number above nine, which no check below takes
/// for a digit.
pub(super) fn digit(byte: u8) -> u32 {
    u32::from(byte.wrapping_sub(b'0'))
}

/// The number that ASCII digits spell, at most 18 of them.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, byte| number * 10 + u64::from(digit(*byte)))
}
