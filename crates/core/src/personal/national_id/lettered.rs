//! Identity numbers with letters: United Kingdom, France, Spain, Italy.

use crate::personal::candidate::{Candidate, digit, number};

/// United Kingdom: two letters, six digits, a letter A to D; bare, `QQ 123456 C` or `QQ 12 34 56
/// C`.
///
/// HMRC, National Insurance Manual NIM39110: neither of the first two letters is D, F, I, Q, U or
/// V, the second is not O, and BG, GB, KN, NK, NT, TN and ZZ are not used. QQ stands in HMRC's own
/// samples, and who fills in a sample means such a number.
pub(super) fn is_gb(candidate: &Candidate<'_>) -> bool {
    if !matches!(candidate.shape, 0x9 | 0x81 | 0x27 | 0x261 | 0x2_2221) {
        return false;
    }
    let [first, second, digits @ .., b'A'..=b'D'] = candidate.characters() else { return false };
    let prefix = &[*first, *second];
    let allocated = is_prefix_letter(*first)
        && is_prefix_letter(*second)
        && *second != b'O'
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&prefix);
    (allocated || prefix == b"QQ") && digits.iter().all(u8::is_ascii_digit)
}

fn is_prefix_letter(byte: u8) -> bool {
    byte.is_ascii_uppercase() && !b"DFIQUV".contains(&byte)
}

/// France: 13 characters and a key of two digits; bare, with a space before the key, or `2 69 05 49
/// 588 157 80`.
///
/// Décret n° 82-103 du 22 janvier 1982, and INSEE's definition of the NIR: sex (1, 2; 3,
/// 4, 7 and 8 while provisional), year, month (20 to 42 and 50 to 99 where it is not known),
/// department (2A and 2B in Corsica), municipality, order; the key is 97 less the remainder, with
/// 2A taken as 19 and 2B as 18.
pub(super) fn is_fr(candidate: &Candidate<'_>) -> bool {
    if !matches!(candidate.shape, 0xF | 0xD2 | 0x122_2332) {
        return false;
    }
    let characters = candidate.characters();
    let [sex @ b'1'..=b'8', y1, y2, m1, m2, d1, d2, order @ .., k1, k2] = characters else {
        return false;
    };
    let department = match [*d1, *d2] {
        [b'2', b'A'] => [b'1', b'9'],
        [b'2', b'B'] => [b'1', b'8'],
        digits => digits,
    };
    let before = [*sex, *y1, *y2, *m1, *m2, department[0], department[1]];
    let all_digits = [&before, order, &[*k1, *k2]].into_iter().flatten().all(u8::is_ascii_digit);
    let month = number(&[*m1, *m2]);
    let body = order.iter().fold(number(&before), |body, byte| body * 10 + u64::from(digit(*byte)));
    all_digits
        && !matches!(sex, b'5' | b'6')
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && body % 97 + number(&[*k1, *k2]) == 97
}

/// Spain: eight digits and a letter (DNI), or X, Y or Z, seven digits and a letter (NIE); bare or
/// as `12345678-Z`, `12.345.678-Z`, `X-1234567-L`.
///
/// Real Decreto 1553/2005 and Orden INT/2058/2008: the letter stands at the number's
/// remainder of 23 in `TRWAGMYFPDXBNJZSQVHLCKE`, and X, Y and Z count as 0, 1 and 2.
pub(super) fn is_es(candidate: &Candidate<'_>) -> bool {
    if !matches!(candidate.shape, 0x9 | 0x81 | 0x18 | 0x171 | 0x2331 | 0x234 | 0x1_1331) {
        return false;
    }
    let [first, digits @ .., letter] = candidate.characters() else { return false };
    let first = match first {
        b'X' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        digit => *digit,
    };
    let all_digits = first.is_ascii_digit() && digits.iter().all(u8::is_ascii_digit);
    let body = digits
        .iter()
        .fold(u64::from(digit(first)), |body, byte| body * 10 + u64::from(digit(*byte)));
    let expected = b"TRWAGMYFPDXBNJZSQVHLCKE".iter().zip(0..).find(|(_, at)| *at == body % 23);
    all_digits && expected.is_some_and(|(expected, _)| expected == letter)
}

/// Italy: 16 characters in one piece or however grouped, as the Decreto ministeriale of
/// 23 December 1976 composes it.
///
/// Six letters of the names, two digits of the year, the letter of the month, two digits of the day
/// (raised by 40 for women), a letter and three digits of the place, and the check character. Where
/// two persons would have the same code, digits are replaced by letters ("omocodia").
pub(super) fn is_it(candidate: &Candidate<'_>) -> bool {
    let [names @ .., y1, y2, month, d1, d2, place, p1, p2, p3, check] = candidate.characters()
    else {
        return false;
    };
    let letters = names.iter().chain([place]).all(u8::is_ascii_uppercase);
    let numeric = [y1, y2, d1, d2, p1, p2, p3].into_iter().all(|byte| spelled(*byte).is_some());
    let tens = spelled(*d1).unwrap_or_default();
    let day = tens * 10 + spelled(*d2).unwrap_or_default();
    letters
        && numeric
        && b"ABCDEHLMPRST".contains(month)
        && matches!(day, 1..=31 | 41..=71)
        && check_character(candidate.characters()) == Some(*check)
}

/// The digit that a character stands for, itself or as a letter for omocodia.
fn spelled(byte: u8) -> Option<u32> {
    if byte.is_ascii_digit() {
        return Some(digit(byte));
    }
    b"LMNPQRSTUV".iter().zip(0..).find(|(letter, _)| **letter == byte).map(|(_, digit)| digit)
}

/// The characters at odd places (from 1) count by a table, those at even places by their
/// rank; digits count as the letters A to J do. The remainder of 26 is the rank of the check
/// character.
fn check_character(characters: &[u8]) -> Option<u8> {
    const ODD: &[u8; 26] = &[
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let (_check, others) = characters.split_last()?;
    let mut sum = 0;
    for (byte, odd) in others.iter().zip([true, false].into_iter().cycle()) {
        let rank = if byte.is_ascii_digit() { byte - b'0' } else { byte.checked_sub(b'A')? };
        let odd_value = ODD.get(usize::from(rank))?;
        sum += u32::from(if odd { *odd_value } else { rank });
    }
    (b'A'..=b'Z').nth(usize::try_from(sum % 26).ok()?)
}
