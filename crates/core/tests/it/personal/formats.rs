//! Personal look-alikes made from the published formats.
//!
//! What must hold: nothing here is the detector's, neither code nor table. Each check digit is computed
//! from the standard's own words, where there are two ways by the one that the detector does not take.

use witness_core::hash::Hash;

/// Random numbers that are the same in every run: SHA-256 of a word and a counter.
pub(super) struct Draw {
    word: &'static str,
    drawn: u64,
}

impl Draw {
    pub(super) fn new(word: &'static str) -> Self {
        Self { word, drawn: 0 }
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.drawn += 1;
        let hash = Hash::of(format!("{} {}", self.word, self.drawn).as_bytes());
        let number = u64::from_be_bytes(hash.as_bytes()[..8].try_into().unwrap());
        usize::try_from(number % u64::try_from(end).unwrap()).unwrap()
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// Characters out of an alphabet.
    pub(super) fn text(&mut self, size: usize, alphabet: &str) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..size).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    pub(super) fn digits(&mut self, size: usize) -> String {
        self.text(size, DIGITS)
    }
}

pub(super) const DIGITS: &str = "0123456789";
pub(super) const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

pub(super) fn digits_of(text: &str) -> Vec<usize> {
    text.chars().map(|c| usize::try_from(c.to_digit(10).unwrap()).unwrap()).collect()
}

/// RFC 5321 section 4.1.2, `Mailbox`: a dot-string of `atext` (RFC 5322 section 3.2.3) or a quoted
/// string, and a domain whose top label is letters (RFC 3696 section 2) or an address literal.
pub(super) fn email(draw: &mut Draw) -> String {
    const ATEXT: &str =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~";
    const LABEL: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    let atom = |draw: &mut Draw| {
        let size = draw.between(1, 9);
        draw.text(size, ATEXT)
    };
    let local = match draw.below(5) {
        0 => format!("\"{} {}\"", draw.text(4, LABEL), draw.text(3, LABEL)),
        1 => atom(draw),
        _ => format!("{}.{}", atom(draw), atom(draw)),
    };
    let sub_domain = format!("{}-{}", draw.text(3, LABEL), draw.text(2, LABEL));
    let top =
        draw.pick(&["com", "org", "net", "de", "fr", "co.uk", "museum", "example", "xn--p1ai"]);
    let domain = match draw.below(6) {
        0 => format!("[192.0.2.{}]", draw.below(256)),
        1 => format!("[IPv6:2001:db8::{}]", draw.below(256)),
        2 => format!("{}.{sub_domain}.{top}", draw.text(2, LABEL)),
        _ => format!("{sub_domain}.{top}"),
    };
    format!("{local}@{domain}")
}

/// ITU-T E.164 section 6.2: a country code and a national number, 15 digits together at most, written as
/// E.123 section 2 has it: `+`, then groups, or in one piece.
pub(super) fn phone(draw: &mut Draw) -> String {
    let code = draw.pick(&[
        "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44",
        "45", "46", "47", "48", "49", "52", "55", "61", "81", "86", "90", "91", "212", "234",
        "351", "353", "358", "372", "380", "420", "683", "852", "971", "998",
    ]);
    let national = draw.between(7, 15 - code.len());
    let national = format!("{}{}", draw.between(1, 9), draw.digits(national - 1));
    let cut = draw.between(2, 4);
    let (area, line) = national.split_at(cut);
    match draw.below(6) {
        0 => format!("+{code}{national}"),
        1 => format!("+{code}-{area}-{line}"),
        2 => format!("+{code} (0){area} {line}"),
        3 => format!("+{code} ({area}) {line}"),
        4 => format!("+{code}.{area}.{line}"),
        _ => format!("+{code} {area} {} {}", &line[..3], &line[3..]),
    }
}

/// National forms, one after the other: NANPA's `NXX-NXX-XXXX`; with a trunk zero as Ofcom, ARCEP and the
/// Bundesnetzagentur have them; without one as in the plans of the CNMC and UKE, in threes, and of Italy's
/// mobile phones (AGCOM).
pub(super) fn national_phone(draw: &mut Draw, at: usize) -> String {
    let mark = draw.pick(&[" ", "-"]);
    match at % 6 {
        0 => {
            let (area, office) = (draw.between(2, 9), draw.between(2, 9));
            let line = draw.digits(4);
            format!("{area}{}{mark}{office}{}{mark}{line}", draw.digits(2), draw.digits(2))
        }
        1 => format!("({}) {} {}", draw.between(201, 989), draw.between(200, 999), draw.digits(4)),
        2 => format!(
            "0{}{} {} {}",
            draw.between(1, 9),
            draw.digits(2),
            draw.digits(3),
            draw.digits(4)
        ),
        3 => format!("0{}/{}", draw.between(10, 99), draw.digits(8)),
        4 => format!("{}{mark}{}{mark}{}", draw.between(600, 799), draw.digits(3), draw.digits(3)),
        _ => format!("{}{mark}{}", draw.between(320, 399), draw.digits(7)),
    }
}

/// ISO/IEC 7812-1 Annex B, from the digits before the check digit.
pub(super) fn luhn_digit(digits: &str) -> usize {
    let mut sum = 0;
    for (place, digit) in digits_of(digits).into_iter().rev().enumerate() {
        let product = if place % 2 == 0 { 2 * digit } else { digit };
        sum += product / 10 + product % 10;
    }
    (10 - sum % 10) % 10
}

/// Issuer identification numbers that the schemes publish, and the sizes of their cards.
const CARDS: [(&str, &[usize]); 38] = [
    ("4", &[13, 16, 19]), // Visa
    ("51", &[16]),        // Mastercard
    ("53", &[16]),
    ("55", &[16]),
    ("2221", &[16]),
    ("2500", &[16]),
    ("2720", &[16]),
    ("34", &[15]), // American Express
    ("37", &[15]),
    ("300", &[14, 19]), // Diners Club
    ("305", &[14, 16]),
    ("3095", &[14, 16]),
    ("36", &[14, 19]),
    ("38", &[14, 16]),
    ("3528", &[16, 19]), // JCB
    ("3589", &[16, 19]),
    ("3088", &[16]),
    ("3337", &[16]),
    ("6011", &[16, 19]), // Discover
    ("622126", &[16, 19]),
    ("644", &[16]),
    ("65", &[16, 19]),
    ("62", &[16, 17, 18, 19]), // UnionPay
    ("81", &[16, 19]),
    ("5018", &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    ("5893", &[16, 19]),
    ("6304", &[13, 16, 18, 19]),
    ("6759", &[13, 16, 18, 19]),
    ("6761", &[16, 18]),
    ("2200", &[16, 19]), // Mir
    ("2204", &[16]),
    ("508", &[16]),            // RuPay
    ("606282", &[16]),         // Hipercard
    ("506099", &[16, 18, 19]), // Verve
    ("9792", &[16]),           // Troy
    ("8600", &[16]),           // Uzcard
    ("9860", &[16]),           // Humo
    ("5019", &[16]),           // Dankort
];

/// A card of the scheme with that number in the table, modulo its size; each in turn.
pub(super) fn card(draw: &mut Draw, scheme: usize) -> String {
    let (prefix, sizes) = CARDS[scheme % CARDS.len()];
    let size = sizes[draw.below(sizes.len())];
    let body = format!("{prefix}{}", draw.digits(size - 1 - prefix.len()));
    format!("{body}{}", luhn_digit(&body))
}

/// BBAN structures of the IBAN Registry (ISO 13616-1 section 5): so many of n(umeric), a(lphabetic) or
/// c (both).
const BBANS: [(&str, &[(usize, char)]); 30] = [
    ("AD", &[(8, 'n'), (12, 'c')]),
    ("AT", &[(16, 'n')]),
    ("AZ", &[(4, 'a'), (20, 'c')]),
    ("BE", &[(12, 'n')]),
    ("BG", &[(4, 'a'), (6, 'n'), (8, 'c')]),
    ("BR", &[(23, 'n'), (1, 'a'), (1, 'c')]),
    ("CH", &[(5, 'n'), (12, 'c')]),
    ("CZ", &[(20, 'n')]),
    ("DE", &[(18, 'n')]),
    ("DK", &[(14, 'n')]),
    ("EE", &[(16, 'n')]),
    ("ES", &[(20, 'n')]),
    ("FI", &[(14, 'n')]),
    ("FR", &[(10, 'n'), (11, 'c'), (2, 'n')]),
    ("GB", &[(4, 'a'), (14, 'n')]),
    ("GE", &[(2, 'a'), (16, 'n')]),
    ("GR", &[(7, 'n'), (16, 'c')]),
    ("HU", &[(24, 'n')]),
    ("IE", &[(4, 'a'), (14, 'n')]),
    ("IT", &[(1, 'a'), (10, 'n'), (12, 'c')]),
    ("LC", &[(4, 'a'), (24, 'c')]),
    ("LU", &[(3, 'n'), (13, 'c')]),
    ("MT", &[(4, 'a'), (5, 'n'), (18, 'c')]),
    ("NL", &[(4, 'a'), (10, 'n')]),
    ("NO", &[(11, 'n')]),
    ("PL", &[(24, 'n')]),
    ("PT", &[(21, 'n')]),
    ("RU", &[(14, 'n'), (15, 'c')]),
    ("SC", &[(4, 'a'), (20, 'n'), (3, 'a')]),
    ("SE", &[(20, 'n')]),
];

/// ISO 13616-1 section 6: check digits are 98 less the remainder of 97 of account, country and `00`.
pub(super) fn iban(draw: &mut Draw, country: usize) -> String {
    let (country, structure) = BBANS[country % BBANS.len()];
    let mut account = String::new();
    for (size, kind) in structure {
        account += &match kind {
            'n' => draw.digits(*size),
            'a' => draw.text(*size, CAPITALS),
            _ => draw.text(*size, &format!("{DIGITS}{CAPITALS}")),
        };
    }
    // The number is spelt out first, and divided digit by digit, as on paper.
    let mut spelt = String::new();
    for c in format!("{account}{country}00").chars() {
        spelt += &c.to_digit(36).unwrap().to_string();
    }
    let remainder = digits_of(&spelt).into_iter().fold(0, |rest, digit| (rest * 10 + digit) % 97);
    format!("{country}{:02}{account}", 98 - remainder)
}

/// Groups of the given sizes, parted by a mark.
pub(super) fn grouped(text: &str, sizes: &[usize], mark: &str) -> String {
    let mut rest = text;
    let mut groups = Vec::new();
    for size in sizes {
        let (group, others) = rest.split_at((*size).min(rest.len()));
        groups.push(group);
        rest = others;
    }
    groups.push(rest);
    groups.retain(|group| !group.is_empty());
    groups.join(mark)
}
