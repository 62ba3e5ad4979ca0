//! International bank account numbers: ISO 13616-1, sizes by country from the IBAN Registry that
//! SWIFT keeps.

use super::candidate::{Candidate, digit};

/// Country codes and IBAN sizes of the IBAN Registry, sorted by code.
const SIZES: [([u8; 2], usize); 89] = [
    (*b"AD", 24),
    (*b"AE", 23),
    (*b"AL", 28),
    (*b"AT", 20),
    (*b"AZ", 28),
    (*b"BA", 20),
    (*b"BE", 16),
    (*b"BG", 22),
    (*b"BH", 22),
    (*b"BI", 27),
    (*b"BR", 29),
    (*b"BY", 28),
    (*b"CH", 21),
    (*b"CR", 22),
    (*b"CY", 28),
    (*b"CZ", 24),
    (*b"DE", 22),
    (*b"DJ", 27),
    (*b"DK", 18),
    (*b"DO", 28),
    (*b"EE", 20),
    (*b"EG", 29),
    (*b"ES", 24),
    (*b"FI", 18),
    (*b"FK", 18),
    (*b"FO", 18),
    (*b"FR", 27),
    (*b"GB", 22),
    (*b"GE", 22),
    (*b"GI", 23),
    (*b"GL", 18),
    (*b"GR", 27),
    (*b"GT", 28),
    (*b"HN", 28),
    (*b"HR", 21),
    (*b"HU", 28),
    (*b"IE", 22),
    (*b"IL", 23),
    (*b"IQ", 23),
    (*b"IS", 26),
    (*b"IT", 27),
    (*b"JO", 30),
    (*b"KW", 30),
    (*b"KZ", 20),
    (*b"LB", 28),
    (*b"LC", 32),
    (*b"LI", 21),
    (*b"LT", 20),
    (*b"LU", 20),
    (*b"LV", 21),
    (*b"LY", 25),
    (*b"MC", 27),
    (*b"MD", 24),
    (*b"ME", 22),
    (*b"MK", 19),
    (*b"MN", 20),
    (*b"MR", 27),
    (*b"MT", 31),
    (*b"MU", 30),
    (*b"NI", 28),
    (*b"NL", 18),
    (*b"NO", 15),
    (*b"OM", 23),
    (*b"PK", 24),
    (*b"PL", 28),
    (*b"PS", 29),
    (*b"PT", 25),
    (*b"QA", 29),
    (*b"RO", 24),
    (*b"RS", 22),
    (*b"RU", 33),
    (*b"SA", 24),
    (*b"SC", 31),
    (*b"SD", 18),
    (*b"SE", 24),
    (*b"SI", 19),
    (*b"SK", 24),
    (*b"SM", 27),
    (*b"SO", 23),
    (*b"ST", 25),
    (*b"SV", 28),
    (*b"TL", 23),
    (*b"TN", 24),
    (*b"TR", 26),
    (*b"UA", 29),
    (*b"VA", 22),
    (*b"VG", 24),
    (*b"XK", 20),
    (*b"YE", 30),
];

/// Whether the candidate is an IBAN, in one piece or however grouped: check digits and size leave little
/// to luck.
pub(super) fn is(candidate: &Candidate<'_>) -> bool {
    let characters = candidate.characters();
    let [first, second, check_1, check_2, account @ ..] = characters else { return false };
    if !(first.is_ascii_uppercase() && second.is_ascii_uppercase()) {
        return false;
    }
    if !(check_1.is_ascii_digit() && check_2.is_ascii_digit()) {
        return false;
    }
    size_in([*first, *second]) == Some(characters.len())
        && remainder_of_97(account.iter().chain([first, second, check_1, check_2])) == 1
}

fn size_in(country: [u8; 2]) -> Option<usize> {
    let at = SIZES.binary_search_by_key(&country, |(code, _size)| *code).ok()?;
    SIZES.get(at).map(|(_code, size)| *size)
}

/// ISO 13616-1 by ISO 7064 MOD 97-10: letters count as 10 to 35, the first four
/// characters come last.
fn remainder_of_97<'a>(characters: impl Iterator<Item = &'a u8>) -> u32 {
    characters.fold(0, |remainder, byte| match byte {
        b'A'..=b'Z' => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
        _ => (remainder * 10 + digit(*byte)) % 97,
    })
}
