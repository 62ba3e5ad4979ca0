//! Identity numbers of digits alone: United States, Germany, Netherlands, Poland.

use crate::personal::candidate::{Candidate, Gaps, digit, number};

/// United States: `AAA-GG-SSSS`, grouped, but not by full stops or slashes; nine bare digits have no
/// check digit and would be anything. Numbers that were printed as samples and are invalid since
/// (078-05-1120, 219-09-9999) are of the form like any other.
///
/// Social Security Administration, "Social Security Number Randomization" (2011): area 000, 666 and
/// 900 to 999, group 00 and serial 0000 are never assigned. IRS Publication 1915: an ITIN has area
/// 900 to 999 and group 50 to 65, 70 to 88, 90 to 92 or 94 to 99.
pub(super) fn is_us(candidate: &Candidate<'_>) -> bool {
    let [area @ .., g1, g2, s1, s2, s3, s4] = candidate.characters() else { return false };
    let (area, group) = (number(area), number(&[*g1, *g2]));
    let social_security = !matches!(area, 0 | 666 | 900..) && group != 0;
    let taxpayer = area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
    candidate.shape == 0x324
        && candidate.gaps.within(Gaps::SPACE.or(Gaps::DASH).or(Gaps::UNDERSCORE))
        && (social_security || taxpayer)
        && number(&[*s1, *s2, *s3, *s4]) != 0
}

/// Netherlands: nine digits of which the weighted sum is a multiple of 11 (the "elfproef" of the
/// Logisch Ontwerp BSN); printed bare, `1234.56.782`, or in threes.
///
/// Numbers of fewer than eight digits are not issued, so zero-padded counters do not match.
pub(super) fn is_nl(candidate: &Candidate<'_>) -> bool {
    if !matches!(candidate.shape, 0x9 | 0x423 | 0x333) {
        return false;
    }
    let [others @ .., last] = candidate.characters() else { return false };
    let sum: u32 =
        others.iter().zip((2..=9).rev()).map(|(byte, weight)| digit(*byte) * weight).sum();
    // Nine times eleven keeps the difference above zero and its remainder the same.
    !others.starts_with(b"00") && (sum + 99 - digit(*last)).is_multiple_of(11)
}

/// Germany: eleven digits, § 139b Abgabenordnung and § 1 Steueridentifikationsnummerverordnung.
///
/// Bundeszentralamt für Steuern, "Prüfziffernberechnung": the first is not 0 (those are test
/// numbers), among the first ten exactly one digit comes twice or three times, but not three times
/// side by side, and the last is the check digit of ISO 7064 MOD 11,10. Bare or `86 095 742 719`.
pub(super) fn is_de(candidate: &Candidate<'_>) -> bool {
    if !matches!(candidate.shape, 0xB | 0x2333) {
        return false;
    }
    let [others @ .., last] = candidate.characters() else { return false };
    !others.starts_with(b"0")
        && repeats_one_digit(others)
        && (check_11_10(others) + digit(*last)) % 10 == 1
}

/// Whether exactly one digit comes twice or three times, and no other more than once; and no digit
/// three times side by side.
fn repeats_one_digit(digits: &[u8]) -> bool {
    let mut counts = [0; 10];
    for byte in digits {
        if let Some(count) = counts.get_mut(usize::from(byte.wrapping_sub(b'0'))) {
            *count += 1;
        }
    }
    let mut repeated = counts.into_iter().filter(|count| *count > 1);
    let side_by_side =
        digits.windows(3).any(|three| three.iter().all(|digit| three.first() == Some(digit)));
    matches!(repeated.next(), Some(2 | 3)) && repeated.next().is_none() && !side_by_side
}

/// ISO 7064 MOD 11,10 before the check digit: valid if this and the check digit are congruent to 1
/// modulo 10.
fn check_11_10(digits: &[u8]) -> u32 {
    digits.iter().fold(10, |product, byte| {
        let sum = match (product + digit(*byte)) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    })
}

/// Poland: eleven digits, Act on the Population Register of 24 September 2010, article 15:
/// `YYMMDDZZZXQ`, the month raised by 20, 40, 60 or 80 for the century, and the check digit by
/// weights 1, 3, 7, 9. It is written in one piece; six digits and five are a date and a counter.
pub(super) fn is_pl(candidate: &Candidate<'_>) -> bool {
    let [others @ .., last] = candidate.characters() else { return false };
    let [_, _, m1, m2, d1, d2, ..] = others else { return false };
    let (month, day) = (number(&[*m1, *m2]), number(&[*d1, *d2]));
    let weights = [1, 3, 7, 9].into_iter().cycle();
    let sum: u32 = others.iter().zip(weights).map(|(byte, weight)| digit(*byte) * weight).sum();
    candidate.gaps == Gaps::NONE
        && (1..=12).contains(&(month % 20))
        && (1..=31).contains(&day)
        && (sum + digit(*last)).is_multiple_of(10)
}
