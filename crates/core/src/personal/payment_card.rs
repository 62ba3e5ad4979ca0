//! Payment card numbers: ISO/IEC 7812-1, an issuer's prefix, up to 19 digits, the last one by
//! Luhn's formula (Annex B).

use core::ops::RangeInclusive;

use super::candidate::{Candidate, Gaps, digit, number};

/// Whether the candidate is a payment card number: 13 to 19 digits in one piece, grouped as on cards,
/// or grouped otherwise.
pub(super) fn is(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.characters();
    candidate.is_digits()
        && (13..=19).contains(&digits.len())
        && has_known_prefix(digits)
        && has_luhn_check_digit(digits)
        && (is_grouped_like_a_card(candidate) || is_grouped_otherwise(candidate))
}

/// One piece, or four digits and then groups that are all parted alike: 4-4-4-4, 4-6-5, 4-6-4,
/// 4-4-4-4-3, 4-3-3-3.
fn is_grouped_like_a_card(candidate: &Candidate<'_>) -> bool {
    if candidate.gaps == Gaps::NONE {
        return true;
    }
    let last = candidate.shape & 0xF;
    let middle = candidate.groups().skip(1).take(candidate.group_count().saturating_sub(2));
    candidate.gaps.are_alike()
        && candidate.groups().next().is_some_and(|first| first.len() == 4)
        && (1..=7).contains(&last)
        && middle.into_iter().all(|group| (3..=6).contains(&group.len()))
}

/// Separators in unusual places do not hide a card. But no more digits may be joined to it, or every
/// long reference would have a card somewhere; and dates and NATO stock numbers (AC/135,
/// 4-2-3-4 digits), which nobody writes a card like, are none.
fn is_grouped_otherwise(candidate: &Candidate<'_>) -> bool {
    const NATO_STOCK_NUMBER: u64 = 0x4234;
    candidate.is_whole_number()
        && candidate.shape != NATO_STOCK_NUMBER
        && !begins_with_a_date(candidate)
}

/// Day, month and year of our times. Dates in other orders begin like no card: with a month, or with 19
/// or 20.
fn begins_with_a_date(candidate: &Candidate<'_>) -> bool {
    let mut groups = candidate.groups();
    let (Some([d1, d2]), Some([m1, m2]), Some(year @ [_, _, _, _])) =
        (groups.next(), groups.next(), groups.next())
    else {
        return false;
    };
    (1..=31).contains(&number(&[*d1, *d2]))
        && (1..=12).contains(&number(&[*m1, *m2]))
        && (1900..=2099).contains(&number(year))
}

/// The ranges that the card schemes publish, by the first six digits, and the sizes they issue.
/// UATP (prefix 1, 15 digits) is left out: its cards are companies', and every tenth reference number
/// of that size would be one. So are the ISBN's 978 and 979 with 13.
const RANGES: &[(RangeInclusive<u64>, &[usize])] = &[
    (180_000..=180_099, &[15]),                 // JCB
    (213_100..=213_199, &[15]),                 // JCB
    (220_000..=220_599, &[16, 17, 18, 19]),     // Mir, BORICA
    (222_100..=272_099, &[16]),                 // Mastercard
    (300_000..=305_999, &[14, 16, 17, 18, 19]), // Diners Club
    (308_800..=309_499, &[16, 17, 18, 19]),     // JCB
    (309_500..=309_599, &[14, 16, 17, 18, 19]), // Diners Club
    (309_600..=310_299, &[16, 17, 18, 19]),     // JCB
    (311_200..=312_099, &[16, 17, 18, 19]),     // JCB
    (315_800..=315_999, &[16, 17, 18, 19]),     // JCB
    (333_700..=334_999, &[16, 17, 18, 19]),     // JCB
    (340_000..=349_999, &[15]),                 // American Express
    (352_800..=358_999, &[16, 17, 18, 19]),     // JCB
    (360_000..=369_999, &[14, 16, 17, 18, 19]), // Diners Club
    (370_000..=379_999, &[15]),                 // American Express
    (380_000..=399_999, &[14, 16, 17, 18, 19]), // Diners Club
    (400_000..=499_999, &[13, 16, 18, 19]),     // Visa
    (500_000..=509_999, SHARED),                // Maestro, RuPay, Elo, Verve
    (510_000..=559_999, &[16]),                 // Mastercard
    (560_000..=589_999, SHARED),                // Maestro
    (590_000..=599_999, &[16, 17, 18, 19]),     // Maestro
    (600_000..=609_999, SHARED),                // Discover, RuPay, Hipercard
    (610_000..=619_999, &[16, 17, 18, 19]),     // Maestro
    (620_000..=659_999, SHARED),                // UnionPay, Maestro, Discover, RuPay
    (660_000..=669_999, &[16, 17, 18, 19]),     // Maestro
    (670_000..=679_999, SHARED),                // Maestro
    (680_000..=699_999, &[16, 17, 18, 19]),     // Maestro
    (810_000..=829_999, &[16, 17, 18, 19]),     // UnionPay, RuPay
    (860_000..=860_099, &[16]),                 // Uzcard
    (911_200..=911_299, &[16]),                 // Belkart
    (970_400..=970_499, &[16, 19]),             // Napas
    (979_200..=979_299, &[16]),                 // Troy
    (986_000..=986_099, &[16]),                 // Humo
    (989_100..=989_199, &[16]),                 // DinaCard
];

/// Ranges that Maestro shares with others, and Maestro has every size. Where Maestro is alone and has
/// hardly a card, 13 digits are the numbers of goods (GTIN), and so the short sizes are left out.
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
