//! Telephone numbers with `+` or separators: ITU-T E.164 and E.123, and the national forms of North
//! America and Europe.
//!
//! Without `+` a number is told from the other numbers in course codes, dates and references by its
//! grouping alone. Each form below is one that a numbering plan prints; seven bare digits, a date,
//! or digits joined to letters by dashes are none of them.

use super::candidate::{Candidate, Gaps, number};

/// A space, or a dash with nothing else between the groups.
const SPACE_OR_DASH: Gaps = Gaps::SPACE.or(Gaps::DASH);

/// Whether the candidate is a phone number.
pub(super) fn is(candidate: &Candidate<'_>) -> bool {
    if !candidate.is_digits() {
        return false;
    }
    if candidate.follows_plus() {
        return is_international(candidate);
    }
    // Bare digits are an identifier until something says otherwise.
    candidate.gaps != Gaps::NONE
        && (is_north_american(candidate)
            || (candidate.stands_alone()
                && (is_with_trunk_zero(candidate) || is_without_trunk(candidate))))
}

/// ITU-T E.164: after the `+` at most 15 digits, and no country code begins with 0.
/// Seven digits is the shortest in use (three of country code, four of subscriber). A trunk zero in
/// brackets is not dialled, and so not counted.
fn is_international(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.characters();
    let trunk_zero = usize::from(candidate.groups().nth(1) == Some(b"0".as_slice()));
    (7..=15 + trunk_zero).contains(&digits.len()) && !digits.starts_with(b"0")
}

/// NANPA: `NXX-NXX-XXXX` where N is 2 to 9, with or without the country code 1, or `(NXX) NXXXXXX`.
fn is_north_american(candidate: &Candidate<'_>) -> bool {
    let national = match (candidate.shape, candidate.characters()) {
        (0x334, national) | (0x1334, [b'1', national @ ..]) => Some(national),
        (0x37, national) if candidate.gaps == Gaps::WIDE => Some(national),
        _ => None,
    };
    matches!(national, Some([b'2'..=b'9', _, _, b'2'..=b'9', ..]))
}

/// A national number with its trunk prefix 0 (most of Europe), or an international one after the
/// prefix 00.
fn is_with_trunk_zero(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.characters();
    let first_group = candidate.groups().next().unwrap_or_default().len();
    let bracketed =
        candidate.gaps.within(Gaps::WIDE.or(Gaps::SPACE)) && !candidate.gaps.within(Gaps::SPACE);
    let sizes = match digits {
        [b'0', b'0', b'1'..=b'9', ..] => 11..=15,
        [b'0', b'1'..=b'9', ..] if (2..=5).contains(&first_group) => 9..=12,
        // `(0)20 7946 0958`: the bracketed zero is a group of its own.
        [b'0', b'1'..=b'9', ..] if bracketed => 9..=12,
        _ => return false,
    };
    sizes.contains(&digits.len()) && !has_a_year(candidate)
}

/// Numbers of countries that have no trunk prefix: nine digits as Spain and Poland print them, in threes
/// or pairs after an area code; ten of Italy's mobile phones, which begin with 32 to 39.
fn is_without_trunk(candidate: &Candidate<'_>) -> bool {
    let gaps = candidate.gaps;
    match (candidate.shape, candidate.characters()) {
        // Spain from 6 on; Poland from 5 on, and its mobile phones with 45.
        (0x333, [b'5'..=b'9', ..] | [b'4', b'5', ..]) => {
            gaps.are_alike() && gaps.within(SPACE_OR_DASH)
        }
        (0x2322 | 0x3222, [b'1'..=b'9', ..]) => gaps.within(SPACE_OR_DASH),
        (0x37 | 0x334, [b'3', b'2'..=b'9', ..]) => gaps.within(SPACE_OR_DASH.or(Gaps::SLASH)),
        _ => false,
    }
}

/// Whether a group is a year of our times: then this is a date or a dated reference. Between spaces
/// and brackets alone it is not one, since dates are not written so and London's numbers are.
fn has_a_year(candidate: &Candidate<'_>) -> bool {
    !candidate.gaps.within(Gaps::SPACE.or(Gaps::WIDE))
        && candidate
            .groups()
            .any(|group| group.len() == 4 && (1900..=2099).contains(&number(group)))
}
