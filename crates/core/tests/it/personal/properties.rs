//! What must hold for any value: separators hide nothing, case means nothing, and what stands between
//! marks that join nothing is judged alone.

use witness_core::personal;

use super::{
    formats::{CAPITALS, DIGITS, Draw, card, iban, phone},
    look_alikes, resembling,
};

const MARKS: [&str; 5] = [" ", "-", ".", "_", "/"];

/// The characters with marks at random places between them, and the sizes of the groups that come out.
fn taken_apart(draw: &mut Draw, text: &str, odds: usize) -> (String, Vec<usize>) {
    let (mut apart, mut sizes) = (String::new(), vec![0]);
    for c in text.chars() {
        if !apart.is_empty() && draw.below(odds) == 0 {
            apart += draw.pick(&MARKS);
            sizes.push(0);
        }
        apart.push(c);
        *sizes.last_mut().unwrap() += 1;
    }
    (apart, sizes)
}

/// Groups that are a date and something else, or a NATO stock number: these win over a card.
fn is_read_otherwise(sizes: &[usize]) -> bool {
    sizes.starts_with(&[2, 2, 4]) || *sizes == [4, 2, 3, 4]
}

#[test]
fn no_separators_hide_a_card_or_an_account_or_an_international_phone_number() {
    let mut draw = Draw::new("separators");
    for at in 0..1500 {
        let odds = 1 + at % 6;
        let number = card(&mut draw, at);
        let (apart, sizes) = taken_apart(&mut draw, &number, odds);
        if !is_read_otherwise(&sizes) {
            assert!(personal::find(&apart).is_some(), "{number} as {apart}");
            assert!(personal::find(&format!("card {apart}, lost")).is_some(), "{apart} in text");
        }

        let number = iban(&mut draw, at);
        let (apart, _) = taken_apart(&mut draw, &number, odds);
        assert!(personal::find(&apart).is_some(), "{number} as {apart}");

        let number: String = phone(&mut draw).chars().filter(char::is_ascii_digit).collect();
        // An international number has 15 digits at most; a zero in brackets made it longer.
        let number = &number[..number.len().min(15)];
        let (apart, _) = taken_apart(&mut draw, number, odds);
        assert!(personal::find(&format!("+{apart}")).is_some(), "+{number} as +{apart}");
    }
}

#[test]
fn small_letters_are_judged_as_capitals() {
    let look_alikes = look_alikes::corpus().into_iter().map(|(_, value)| value);
    for value in look_alikes.chain(resembling::corpus()) {
        let found = personal::find(&value);
        assert_eq!(personal::find(&value.to_ascii_lowercase()), found, "{value}");
        assert_eq!(personal::find(&value.to_ascii_uppercase()), found, "{value}");
    }
}

#[test]
fn two_values_beside_each_other_are_judged_as_each_alone() {
    let harmless = resembling::corpus();
    let refused: Vec<String> = look_alikes::corpus().into_iter().map(|(_, value)| value).collect();
    let mut draw = Draw::new("beside");
    for at in 0..2000 {
        let mark = draw.pick(&["; ", ", ", "|", "#", " : ", "*"]);
        let (first, second) =
            (&harmless[draw.below(harmless.len())], &harmless[at % harmless.len()]);
        let both = format!("{first}{mark}{second}");
        assert_eq!(personal::find(&both), None, "{both}");

        let personal_one = &refused[at % refused.len()];
        let both = format!("{first}{mark}{personal_one}{mark}{second}");
        assert!(personal::find(&both).is_some(), "{both}");
    }
}

#[test]
fn any_text_is_judged_and_the_same_way_each_time() {
    let mut draw = Draw::new("any text");
    let alphabets = [
        format!("{DIGITS} -./_()+"),
        format!("{DIGITS}{DIGITS}{CAPITALS} -"),
        (' '..='~').collect(),
        "1 ".to_owned(),
        "A1-".to_owned(),
        "@.a1".to_owned(),
    ];
    let mut found = 0;
    for at in 0..3000 {
        let size = draw.below(257);
        let text = draw.text(size, &alphabets[at % alphabets.len()]);
        let verdict = personal::find(&text);
        assert_eq!(personal::find(&text.clone()), verdict);
        // Judged alone: more text behind a mark that joins nothing changes nothing.
        assert_eq!(personal::find(&format!("{text};")), verdict, "{text}");
        assert_eq!(personal::find(&format!(";{text}")), verdict, "{text}");
        found += usize::from(verdict.is_some());
    }
    assert!((100..2900).contains(&found), "{found} of 3000: the test is about both verdicts");
}
