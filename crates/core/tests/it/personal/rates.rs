//! How many random numbers are refused although they are nobody's: what check digits cost.

use witness_core::personal;

use super::formats::Draw;

const PROTO: &str = include_str!("../../../../../proto/README.md");
const NUMBERS: usize = 20_000;

/// Of so many random numbers of this size, those that look personal, in hundredths of a percent.
fn refused(size: usize) -> usize {
    let mut draw = Draw::new("rates");
    let numbers = (0..NUMBERS).map(|_| draw.digits(size));
    let refused = numbers.filter(|number| personal::find(number).is_some()).count();
    refused * 10_000 / NUMBERS
}

#[test]
fn random_numbers_are_refused_as_rarely_as_the_documentation_says() {
    let sizes = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];
    let measured = sizes.map(|size| (size, refused(size)));
    let cells = measured.map(|(_, rate)| format!("{}.{:02}", rate / 100, rate % 100));
    let row = format!("| refused, % | {} |", cells.join(" | "));
    let heading = format!("| digits | {} |", sizes.map(|size| size.to_string()).join(" | "));
    println!("{heading}\n{row}");
    for (size, rate) in measured {
        let none = matches!(size, 7 | 8 | 10 | 12 | 20);
        assert_eq!(rate == 0, none, "{rate} hundredths of a percent of {size} digits");
    }
    assert!(PROTO.contains(&format!("{heading}\n")), "proto/README.md lacks\n{heading}");
    assert!(PROTO.contains(&format!("{row}\n")), "proto/README.md lacks\n{row}");
}
