//! National identity numbers made from their published formats. Nothing here is the detector's, as in
//! [`super::formats`].

use super::formats::{CAPITALS, Draw, digits_of};

/// Social Security Administration, "Social Security Number Randomization" (2011): area 001 to 899 but
/// 666, group 01 to 99, serial 0001 to 9999. Every third is an ITIN: IRS Publication 1915, area 900 to
/// 999 and group 50 to 65, 70 to 88, 90 to 92 or 94 to 99.
pub(super) fn us(draw: &mut Draw, mark: &str) -> String {
    let serial = draw.between(1, 9999);
    if draw.below(3) == 0 {
        let groups: Vec<usize> = (50..=65).chain(70..=88).chain(90..=92).chain(94..=99).collect();
        let group = groups[draw.below(groups.len())];
        return format!("{}{mark}{group:02}{mark}{serial:04}", draw.between(900, 999));
    }
    let areas: Vec<usize> = (1..=899).filter(|area| *area != 666).collect();
    let area = areas[draw.below(areas.len())];
    format!("{area:03}{mark}{:02}{mark}{serial:04}", draw.between(1, 99))
}

/// HMRC, National Insurance Manual NIM39110: the letters that may stand in a prefix, the prefixes that
/// are not used, six digits, and a suffix A to D.
pub(super) fn gb(draw: &mut Draw) -> String {
    let prefix = loop {
        let prefix = draw.text(1, "ABCEGHJKLMNOPRSTWXYZ") + &draw.text(1, "ABCEGHJKLMNPRSTWXYZ");
        if !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&prefix.as_str()) {
            break prefix;
        }
    };
    format!("{prefix}{}{}", draw.digits(6), draw.text(1, "ABCD"))
}

/// ISO 7064 MOD 11,10, by its recursive method: the sum that comes out with the check digit is 1.
pub(super) fn mod_11_10_digit(digits: &str) -> usize {
    let mut product = 10;
    for digit in digits_of(digits) {
        let sum = match (digit + product) % 10 {
            0 => 10,
            sum => sum,
        };
        product = 2 * sum % 11;
    }
    (0..10).find(|check| (product + check) % 10 == 1).unwrap()
}

/// Bundeszentralamt für Steuern: ten digits of which the first is not 0 and exactly one comes twice or
/// three times (then not side by side), and a check digit.
pub(super) fn de(draw: &mut Draw) -> String {
    loop {
        // The digits shuffled, then one or two places overwritten by the digit at another one.
        let mut digits: Vec<char> = "0123456789".chars().collect();
        for at in (1..10).rev() {
            digits.swap(at, draw.below(at + 1));
        }
        let copied = draw.below(10);
        for _ in 0..draw.between(1, 2) {
            digits[draw.below(10)] = digits[copied];
        }
        let body: String = digits.iter().collect();
        let repeated = body.chars().filter(|c| *c == digits[copied]).count();
        let thrice = digits[copied].to_string().repeat(3);
        if !body.starts_with('0') && repeated > 1 && !body.contains(&thrice) {
            return format!("{body}{}", mod_11_10_digit(&body));
        }
    }
}

/// INSEE, "Numéro de sécurité sociale / NIR": sex, year, month, department (2A and 2B in Corsica),
/// municipality, order, and a key of 97 less the remainder, for Corsica after a million (2A) or two
/// (2B) were taken off the number with 0 in place of the letter.
pub(super) fn fr(draw: &mut Draw) -> String {
    let sex = draw.pick(&["1", "2", "1", "2", "1", "2", "7", "8"]);
    let birth = format!("{:02}{:02}", draw.below(100), draw.between(1, 12));
    let department = match draw.below(6) {
        0 => "2A".to_owned(),
        1 => "2B".to_owned(),
        _ => format!("{:02}", draw.between(1, 95)),
    };
    let place = format!("{:03}{:03}", draw.between(1, 990), draw.between(1, 999));
    let number: u64 =
        format!("{sex}{birth}{}{place}", department.replace(['A', 'B'], "0")).parse().unwrap();
    let number = match department.as_str() {
        "2A" => number - 1_000_000,
        "2B" => number - 2_000_000,
        _ => number,
    };
    format!("{sex}{birth}{department}{place}{:02}", 97 - number % 97)
}

/// Real Decreto 1553/2005 article 11 and Orden INT/2058/2008: the letter by the table of remainders of
/// 23; every other one is an NIE, whose X, Y or Z stands for 0, 1 or 2.
pub(super) fn es(draw: &mut Draw) -> String {
    const LETTERS: [&str; 23] = [
        "T", "R", "W", "A", "G", "M", "Y", "F", "P", "D", "X", "B", "N", "J", "Z", "S", "Q", "V",
        "H", "L", "C", "K", "E",
    ];
    let letter = |number: &str| LETTERS[number.parse::<usize>().unwrap() % 23];
    if draw.below(2) == 0 {
        let number = draw.digits(8);
        return format!("{number}{}", letter(&number));
    }
    let (nie, digit) = [("X", "0"), ("Y", "1"), ("Z", "2")][draw.below(3)];
    let number = draw.digits(7);
    format!("{nie}{number}{}", letter(&format!("{digit}{number}")))
}

/// Decreto ministeriale 23 dicembre 1976, articles 2 to 7: surname and name in consonants, year, month
/// by letter, day (raised by 40 for women), place, and the check character.
pub(super) fn it(draw: &mut Draw) -> String {
    let consonants = "BCDFGLMNPRSTVZ";
    let names = draw.text(3, consonants) + &draw.text(2, consonants) + &draw.text(1, "AEIOU");
    let day = draw.between(1, 28) + 40 * draw.below(2);
    let month = draw.text(1, "ABCDEHLMPRST");
    let place = draw.text(1, "ABCDEFGHILMZ") + &format!("{:03}", draw.between(1, 999));
    let mut code = format!("{names}{:02}{month}{day:02}{place}", draw.below(100));
    if draw.below(4) == 0 {
        // Omocodia: the last digit becomes a letter.
        let last = digits_of(&code.pop().unwrap().to_string())[0];
        code.push("LMNPQRSTUV".chars().nth(last).unwrap());
    }
    let check = codice_fiscale_check(&code);
    format!("{code}{check}")
}

/// The tables of article 6, character by character.
fn codice_fiscale_check(code: &str) -> char {
    const AT_ODD_PLACES: [(&str, usize); 26] = [
        ("0A", 1),
        ("1B", 0),
        ("2C", 5),
        ("3D", 7),
        ("4E", 9),
        ("5F", 13),
        ("6G", 15),
        ("7H", 17),
        ("8I", 19),
        ("9J", 21),
        ("K", 2),
        ("L", 4),
        ("M", 18),
        ("N", 20),
        ("O", 11),
        ("P", 3),
        ("Q", 6),
        ("R", 8),
        ("S", 12),
        ("T", 14),
        ("U", 16),
        ("V", 10),
        ("W", 22),
        ("X", 25),
        ("Y", 24),
        ("Z", 23),
    ];
    let sum: usize = code
        .chars()
        .enumerate()
        .map(|(at, c)| {
            // `at` counts from 0, so the first place, which is odd, has 0.
            let row = AT_ODD_PLACES.iter().position(|(characters, _)| characters.contains(c));
            let row = row.unwrap();
            if at % 2 == 0 { AT_ODD_PLACES[row].1 } else { row }
        })
        .sum();
    CAPITALS.chars().nth(sum % 26).unwrap()
}

/// Logisch Ontwerp BSN, "elfproef": 9·A + 8·B + … + 2·H − 1·I is divisible by 11.
pub(super) fn passes_eleven_test(number: &str) -> bool {
    let weights = [9, 8, 7, 6, 5, 4, 3, 2];
    let digits = digits_of(number);
    let sum: usize = weights.iter().zip(&digits).map(|(weight, digit)| weight * digit).sum();
    sum % 11 == digits[8]
}

/// A BSN: nine digits that pass the test; eight significant ones at least.
pub(super) fn nl(draw: &mut Draw) -> String {
    loop {
        let number = draw.digits(9);
        if passes_eleven_test(&number) && !number.starts_with("00") {
            return number;
        }
    }
}

/// Ustawa o ewidencji ludności, article 15, and its regulation: date with the century in the month,
/// four digits, and a check digit by the weights 1, 3, 7, 9.
pub(super) fn pl(draw: &mut Draw) -> String {
    let century = [80, 0, 20, 40, 60][draw.below(5)];
    let month = draw.between(1, 12) + century;
    let date = format!("{:02}{month:02}{:02}", draw.below(100), draw.between(1, 28));
    let body = format!("{date}{}", draw.digits(4));
    format!("{body}{}", pesel_digit(&body))
}

pub(super) fn pesel_digit(body: &str) -> usize {
    let weights = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
    let sum: usize =
        weights.iter().zip(digits_of(body)).map(|(weight, digit)| weight * digit).sum();
    (10 - sum % 10) % 10
}
