//! Payment card numbers: ISO/IEC 7812-1, an issuer's prefix, up to 19 digits, the last one by
//! Luhn's formula (Annex B).

use core::ops::RangeInclusive;

use super::candidate::{Candidate, Gaps, digit, number};

/// Whether the candidate is a payment card number: 13 to 19 digits in one piece or grouped as on
/// cards.
pub(super) fn is(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.characters();
    candidate.is_digits()
        && (13..=19).contains(&digits.len())
        && is_grouped_like_a_card(candidate)
        && has_known_prefix(digits)
        && has_luhn_check_digit(digits)
}

/// One piece, or four digits and then groups parted by spaces or by dashes: 4-4-4-4, 4-6-5, 4-6-4,
/// 4-4-4-4-3, 4-3-3-3. Other groupings are those of references, which often begin with a year.
fn is_grouped_like_a_card(candidate: &Candidate<'_>) -> bool {
    match candidate.gaps {
        Gaps::NONE => true,
        Gaps::SPACE | Gaps::DASH => {
            let last = candidate.shape & 0xF;
            let middle = candidate.groups().skip(1).take(candidate.group_count().saturating_sub(2));
            candidate.groups().next().is_some_and(|first| first.len() == 4)
                && (1..=7).contains(&last)
                && middle.into_iter().all(|group| (3..=6).contains(&group.len()))
        }
        _ => false,
    }
}

/// The ranges that the card schemes publish, by the first six digits, and the sizes they issue.
/// UATP (prefix 1, 15 digits) is left out: every tenth reference number of that size would be one.
/// So are the ISBN's 978 and 979 with 13.
const RANGES: &[(RangeInclusive<u64>, &[usize])] = &[
    (220_000..=220_599, &[16, 17, 18, 19]),     // Mir, BORICA
    (222_100..=272_099, &[16]),                 // Mastercard
    (300_000..=305_999, &[14, 16, 17, 18, 19]), // Diners Club
    (309_500..=309_599, &[14, 16, 17, 18, 19]), // Diners Club
    (340_000..=349_999, &[15]),                 // American Express
    (352_800..=358_999, &[16, 17, 18, 19]),     // JCB
    (360_000..=369_999, &[14, 16, 17, 18, 19]), // Diners Club
    (370_000..=379_999, &[15]),                 // American Express
    (380_000..=399_999, &[14, 16, 17, 18, 19]), // Diners Club
    (400_000..=499_999, &[13, 16, 18, 19]),     // Visa
    (500_000..=509_999, SHARED),                // Maestro, RuPay, Elo, Verve
    (510_000..=559_999, &[16]),                 // Mastercard
    (560_000..=589_999, SHARED),                // Maestro
    (600_000..=609_999, SHARED),                // Discover, RuPay, Hipercard
    (620_000..=659_999, SHARED),                // UnionPay, Maestro, Discover, RuPay
    (670_000..=679_999, SHARED),                // Maestro
    (810_000..=829_999, &[16, 17, 18, 19]),     // UnionPay, RuPay
    (860_000..=860_099, &[16]),                 // Uzcard
    (979_200..=979_299, &[16]),                 // Troy
    (986_000..=986_099, &[16]),                 // Humo
];

/// Ranges that Maestro shares with others, and Maestro has every size.
const SHARED: &[usize] = &[13, 14, 15, 16, 17, 18, 19];

fn has_known_prefix(digits: &[u8]) -> bool {
    let Some(prefix) = digits.get(..6).map(number) else { return false };
    RANGES.iter().any(|(range, sizes)| range.contains(&prefix) && sizes.contains(&digits.len()))
}

/// ISO/IEC 7812-1 Annex B: every second digit from the right but one is doubled, and its digits are
/// added.
fn has_luhn_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .zip([false, true].into_iter().cycle())
        .map(|(byte, doubled)| match (digit(*byte), doubled) {
            (digit, false) => digit,
            (digit @ 0..=4, true) => digit * 2,
            (digit, true) => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}
