//! The corpus of look-alikes: published samples and generated numbers, as people write them.

use std::collections::{BTreeMap, BTreeSet};

use witness_core::admission::Refusal;

use super::{
    assert_shows_nothing, assert_withheld,
    formats::{Draw, card, email, grouped, iban, national_phone, phone},
    identities::{de, es, fr, gb, it, nl, pl, us},
    samples, submit_in, submit_status, submit_to,
};

/// So many generated values of each kind.
const GENERATED: usize = 24;

/// How a value stands in a longer one: alone, behind a word, between marks.
const AROUND: [(&str, &str); 12] = [
    ("", ""),
    ("ref-", ""),
    ("id ", ""),
    ("(", ")"),
    ("", "."),
    ("#", "#"),
    ("no. ", ";"),
    ("'", "'"),
    ("ref_", ""),
    ("<", ">"),
    ("x=", ","),
    ("see ", " of file"),
];

/// The names of the rules, and what others have published of each.
const PUBLISHED: [(&str, &str); 12] = [
    ("email", samples::EMAILS),
    ("phone", samples::PHONES),
    ("payment-card", samples::CARDS),
    ("iban", samples::IBANS),
    ("national-id-us", samples::US),
    ("national-id-gb", samples::GB),
    ("national-id-de", samples::DE),
    ("national-id-fr", samples::FR),
    ("national-id-es", samples::ES),
    ("national-id-it", samples::IT),
    ("national-id-nl", samples::NL),
    ("national-id-pl", samples::PL),
];

/// How people group a number: sizes of the groups and the mark between them; the first is one piece.
type Writing = (&'static [usize], &'static str);

const BARE: Writing = (&[], "");
const CARD: [Writing; 8] = [
    BARE,
    (&[4, 4, 4, 4], " "),
    (&[4, 4, 4, 4], "-"),
    (&[4, 6, 5], " "),
    (&[4, 4, 4, 4], "."),
    (&[4, 4, 4, 4], "_"),
    (&[4, 4, 4, 4], "/"),
    (&[6, 6], "-"),
];
const IBAN: [Writing; 5] = [
    BARE,
    (&[4, 4, 4, 4, 4, 4, 4, 4], " "),
    (&[4, 4, 4, 4, 4, 4, 4, 4], "-"),
    (&[4, 8, 10], " "),
    (&[2, 2, 8, 10], "."),
];
const GB: [Writing; 5] =
    [BARE, (&[2, 2, 2, 2], " "), (&[2, 6], " "), (&[2, 2, 2, 2], "-"), (&[2, 6], "-")];
const DE: [Writing; 4] = [BARE, (&[2, 3, 3], " "), (&[2, 3, 3], "-"), (&[2, 3, 3], ".")];
const FR: [Writing; 5] = [
    BARE,
    (&[1, 2, 2, 2, 3, 3], " "),
    (&[13], " "),
    (&[1, 2, 2, 2, 3, 3], "-"),
    (&[1, 2, 2, 2, 3, 3], "."),
];
const DNI: [Writing; 4] = [BARE, (&[8], "-"), (&[2, 3, 3], "."), (&[8], " ")];
const NIE: [Writing; 4] = [BARE, (&[1, 7], "-"), (&[8], "-"), (&[1, 7], " ")];
const IT: [Writing; 4] = [BARE, (&[3, 3, 5], " "), (&[6, 5], "-"), (&[6, 2, 3], " ")];
const NL: [Writing; 4] = [BARE, (&[4, 2], "."), (&[3, 3], " "), (&[3, 3], "-")];

fn written(number: &str, writings: &[Writing], at: usize) -> String {
    let (sizes, mark) = writings[at % writings.len()];
    grouped(number, sizes, mark)
}

fn generated(rule: &str, draw: &mut Draw, at: usize) -> String {
    match rule {
        "email" => email(draw),
        // A national number is none inside a code, so these stand between words and marks.
        "phone" if at % 4 >= 2 => national_phone(draw, at / 4 * 2 + at % 2),
        "phone" => phone(draw),
        "payment-card" => written(&card(draw, at), &CARD, at),
        "iban" => written(&iban(draw, at), &IBAN, at),
        "national-id-us" => us(draw, ["-", " ", "_"][at % 3]),
        "national-id-gb" => written(&gb(draw), &GB, at),
        "national-id-de" => written(&de(draw), &DE, at),
        "national-id-fr" => written(&fr(draw), &FR, at),
        "national-id-es" => {
            let number = es(draw);
            let is_nie = number.starts_with(['X', 'Y', 'Z']);
            written(&number, if is_nie { &NIE } else { &DNI }, at)
        }
        "national-id-it" => written(&it(draw), &IT, at),
        "national-id-nl" => written(&nl(draw), &NL, at),
        _ => pl(draw),
    }
}

fn published(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split('|').map(str::trim)
}

/// Rules and values.
pub(crate) fn corpus() -> Vec<(&'static str, String)> {
    let mut corpus = Vec::new();
    for (rule, list) in PUBLISHED {
        corpus.extend(published(list).map(|value| (rule, value.to_owned())));
        let mut draw = Draw::new(rule);
        for at in 0..GENERATED {
            let mut value = generated(rule, &mut draw, at);
            if at % 7 == 3 {
                value = value.to_lowercase();
            }
            let (before, after) = AROUND[at % AROUND.len()];
            corpus.push((rule, format!("{before}{value}{after}")));
        }
    }
    corpus
}

/// Whether an event may give it as a status.
fn is_status(value: &str) -> bool {
    let taken = |c: char| c.is_ascii_alphanumeric() || " _-".contains(c);
    value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.chars().all(taken)
        && value.len() <= 50
}

/// Whether it may be the name of a field, a claim type or a stream.
fn is_name(value: &str) -> bool {
    let taken = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    value.chars().all(taken) && value.len() <= 32
}

#[test]
fn the_corpus_has_300_values_and_ten_published_samples_of_each_kind() {
    let corpus = corpus();
    let values: BTreeSet<&str> = corpus.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values.len(), corpus.len(), "a value stands here twice");
    assert!(corpus.len() >= 300, "only {} values", corpus.len());
    let mut counts = BTreeMap::new();
    for (rule, list) in PUBLISHED {
        let published = published(list).count();
        assert!(published >= 10, "{rule} has only {published} published samples");
        let all = corpus.iter().filter(|(other, _)| *other == rule).count();
        assert_eq!(all, published + GENERATED);
        counts.insert(rule, (published, all));
    }
    println!("{} values; of each kind, published and all: {counts:?}", corpus.len());
}

#[test]
fn each_look_alike_is_refused_in_details_by_its_rule_and_withheld() {
    for (rule, value) in corpus() {
        let refusal = submit_in("value", &value)
            .map(|_admitted| panic!("{rule}: {value:?} was accepted"))
            .unwrap_err();
        assert_withheld(&refusal, &value, ("value", rule));
    }
}

#[test]
fn each_look_alike_is_refused_as_a_status_and_withheld() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (rule, value) in corpus().into_iter().filter(|(_, value)| is_status(value)) {
        assert_withheld(&submit_status(&value).unwrap_err(), &value, ("status", rule));
        *counts.entry(rule).or_default() += 1;
    }
    // An address has a `@`, which no status has.
    assert_eq!(counts.len(), PUBLISHED.len() - 1, "{counts:?}");
    assert!(counts.values().sum::<usize>() >= 150, "{counts:?}");
}

#[test]
fn each_look_alike_that_is_a_number_is_refused_as_a_count() {
    let is_count = |value: &String| {
        value.chars().all(|c| c.is_ascii_digit())
            && !value.starts_with('0')
            && value.parse::<u64>().is_ok()
    };
    let counts: Vec<_> = corpus().into_iter().filter(|(_, value)| is_count(value)).collect();
    assert!(counts.len() >= 50, "only {} counts", counts.len());
    for (rule, value) in counts {
        assert_withheld(&submit_in("number", &value).unwrap_err(), &value, ("number", rule));
    }
}

#[test]
fn a_look_alike_in_the_place_of_a_name_is_withheld() {
    use witness_core::event::Change::Issued;
    let lower_case = corpus().into_iter().map(|(rule, value)| (rule, value.to_lowercase()));
    let names: Vec<_> = lower_case.filter(|(_, value)| is_name(value)).collect();
    assert!(names.len() >= 100, "only {} names", names.len());
    for (rule, name) in names {
        let refusal = submit_to("main", &name, Issued, &[]).unwrap_err();
        assert_withheld(&refusal, &name, ("claim-type", rule));

        let refusal = submit_in(&name, "12").unwrap_err();
        assert_eq!(refusal.reason(), "FIELD_REFUSED");
        assert_eq!(refusal.metadata()[1], ("field", "(withheld)".to_owned()));
        assert_shows_nothing(&format!("{refusal} {refusal:?}"), &name);

        let refusal = submit_to(&name, "anything", Issued, &[]).unwrap_err();
        assert!(matches!(refusal, Refusal::UnknownStream { .. }), "{refusal:?}");
        assert_shows_nothing(&format!("{refusal} {:?}", refusal.metadata()), &name);
    }
}

#[test]
fn digits_inside_a_longer_token_are_another_number() {
    for (value, rule) in [("4111111111111111", "payment-card"), ("86095742719", "national-id-de")] {
        assert_withheld(&submit_in("value", value).unwrap_err(), value, ("value", rule));
        assert!(submit_in("value", &format!("K{value}")).is_ok());
        assert!(submit_in("value", &format!("{value}00000000000")).is_ok());
    }
}
