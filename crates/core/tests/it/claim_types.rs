//! The ready-made claim types of `deploy/claim-types`: each parses, takes what it is for, and nothing personal.

mod drawn;
mod samples;

use std::{collections::BTreeMap, fs, path::PathBuf};

use witness_core::{
    details::Details,
    personal,
    schema::{ChangeKind, FieldRule, Pattern, Schema},
};

use self::{
    drawn::{Draw, Language},
    samples::SAMPLES,
};
use crate::personal::corpus;

/// What says who somebody is, in forms that people write: names, initials, dates of birth, addresses, accounts.
const PERSONAL: &[&str] = &[
    "Jane Doe",
    "JANE DOE",
    "jane",
    "JANE",
    "DOE",
    "JD",
    "J.D.",
    "Doe, Jane",
    "jane.doe",
    "jdoe",
    "DOE-JANE",
    "JANEDOE",
    "JaneDoe1985",
    "ELIZABETH",
    "O'NEILL",
    "Anna-Maria",
    "MUELLER",
    "ALI",
    "AN",
    "1985-03-01",
    "01.03.1985",
    "jane@school.example",
    "j.doe+x@a.de",
    "+44 20 7946 0958",
    "+4917612345678",
    "020 7946 0958",
    "(212) 555-0123",
    "212-555-0123",
    "030/1234567",
    "06 12 34 56 78",
    "612 345 678",
    "4111111111111111",
    "4111 1111 1111 1111",
    "5500-0000-0000-0004",
    "378282246310005",
    "GB82WEST12345698765432",
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "AT611904300234573201",
    "NO9386011117947",
    "LU280019400644750000",
    "078-05-1120",
    "AB123456C",
    "AB 12 34 56 C",
    "86095742719",
    "44051401359",
    "111222333",
    "269054958815780",
    "12345678Z",
    "X1234567L",
    "RSSMRA85T10A562S",
    "0000-0002-1825-0097",
    "12 High Street",
    "SW1A 1AA",
    "L01X00T47",
    "0x52908400098527886e0f7030069857d2e4169ee7",
    "eip155:1:0x52908400098527886e0f7030069857d2e4169ee7",
];

/// What may stand in a pattern that is exempt from the search: a random UUID (RFC 9562 section 4), and ACPE's number of
/// an activity.
const EXCUSED: [&str; 2] = [
    "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "(0000|9999)-[0-9]{2}-[0-9]{3}-[LHBJ][0-9]{2}-[PT]",
];

/// What a field with such a word in its name would be about.
const PERSONAL_WORDS: &[&str] = &[
    "account",
    "address",
    "age",
    "birth",
    "card",
    "child",
    "customer",
    "dob",
    "email",
    "employee",
    "family",
    "gender",
    "given",
    "grade",
    "holder",
    "iban",
    "learner",
    "mail",
    "mobile",
    "name",
    "national",
    "nationality",
    "owner",
    "parent",
    "passport",
    "payee",
    "payer",
    "person",
    "phone",
    "photo",
    "pupil",
    "score",
    "sex",
    "signature",
    "ssn",
    "student",
    "subject",
    "surname",
    "tax",
    "user",
    "wallet",
];

fn schemas() -> BTreeMap<String, (String, Schema)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/claim-types");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|it| it == "txt"));
    let parsed = texts.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let schema = Schema::parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert_eq!(schema.encode(), text);
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), (text, schema))
    });
    parsed.collect()
}

/// Name, changes with which it may come, and kind of each field.
fn fields(text: &str) -> impl Iterator<Item = [&str; 4]> {
    text.lines().filter_map(|line| {
        let words = line.strip_prefix("field ")?;
        words.splitn(4, ' ').collect::<Vec<_>>().try_into().ok()
    })
}

fn check(schema: &Schema, change: ChangeKind, fields: &[(&str, &str)]) -> Result<(), FieldRule> {
    let text = Details::encode([0; 16], fields).unwrap();
    let details = Details::parse(text.as_bytes()).unwrap();
    schema.check(change, Some(&details)).map_err(|refusal| refusal.rule)
}

fn with<'a>(fields: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(it, old)| (*it, if *it == name { value } else { *old })).collect()
}

#[test]
fn each_ready_claim_type_takes_what_it_is_for() {
    let schemas = schemas();
    let names: Vec<&str> = schemas.keys().map(String::as_str).collect();
    let mut sampled: Vec<&str> = SAMPLES.iter().map(|(name, ..)| *name).collect();
    sampled.sort_unstable();
    assert_eq!(names, sampled);
    for (name, issued, status) in SAMPLES {
        let (text, schema) = &schemas[*name];
        for change in [ChangeKind::Issued, ChangeKind::Amended] {
            assert_eq!(check(schema, change, issued), Ok(()), "{name}");
            for [field, required, ..] in fields(text) {
                let without: Vec<_> =
                    issued.iter().filter(|(it, _)| *it != field).copied().collect();
                let is_required = required == "amended,issued";
                assert!(is_required || required == "-", "{name} {field}");
                assert_eq!(check(schema, change, &without).is_err(), is_required, "{name} {field}");
            }
        }
        assert_eq!(check(schema, ChangeKind::Status, status), Ok(()), "{name}");
        for change in
            [ChangeKind::Status, ChangeKind::Deleted, ChangeKind::Replaced, ChangeKind::Restored]
        {
            assert!(schema.check(change, None).is_ok(), "{name}");
        }
        // Every field stands in a sample, so that none is there that nothing was tried on.
        for [field, ..] in fields(text) {
            let mut given = issued.iter().chain(*status);
            assert!(given.any(|(it, _)| *it == field), "{name} {field}");
        }
    }
}

#[test]
fn no_field_of_a_ready_claim_type_takes_what_says_who_somebody_is() {
    let schemas = schemas();
    let look_alikes = corpus();
    let mut tried = 0;
    for (name, issued, status) in SAMPLES {
        let (text, schema) = &schemas[*name];
        for [field, .., kind] in fields(text) {
            let (change, sample) = if issued.iter().any(|(it, _)| *it == field) {
                (ChangeKind::Issued, issued)
            } else {
                (ChangeKind::Status, status)
            };
            let values =
                PERSONAL.iter().copied().chain(look_alikes.iter().map(|(_, it)| it.as_str()));
            for value in values {
                // A birthday is a date like any other: that no field is for one, its name says.
                let is_date = kind == "date" && value == "1985-03-01";
                if !is_date {
                    let verdict = check(schema, change, &with(sample, field, value));
                    assert!(verdict.is_err(), "{name} {field} takes {value}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 40_000, "only {tried}");
}

#[test]
fn no_field_of_a_ready_claim_type_is_called_or_kept_like_a_personal_one() {
    for (name, (text, _)) in schemas() {
        let fields: Vec<_> = fields(&text).collect();
        for [field, .., kind] in &fields {
            for word in field.split('-') {
                assert!(!PERSONAL_WORDS.contains(&word), "{name} {field}");
            }
            // The README says of both why.
            let is_excused = EXCUSED.iter().any(|excused| kind.contains(excused));
            assert_eq!(kind.starts_with("identifier-exempt "), is_excused, "{name} {field}");
        }
        assert!(fields.iter().any(|[.., kind]| *kind == "date"), "{name} has no date");
        let has_key = |[.., kind]: &[&str; 4]| kind.starts_with("identifier") || *kind == "digest";
        assert!(fields.iter().any(has_key), "{name} has no key identifier");
    }
}

#[test]
fn no_identifier_of_a_ready_claim_type_is_taken_for_personal_data_by_luck() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let mut refused = Vec::new();
    for (name, (text, _)) in schemas() {
        for [field, .., kind] in fields(&text) {
            let Some(pattern) = kind.strip_prefix("identifier ") else { continue };
            let (pattern, language) = (Pattern::parse(pattern).unwrap(), Language::of(pattern));
            for _ in 0..50_000 {
                let value = language.value(&mut draw);
                assert!(pattern.matches(&value), "{name} {field}: {value}");
                if let Some(personal) = personal::find(&value) {
                    refused.push(format!("{name} {field}: {value} is taken for {personal}"));
                }
            }
        }
    }
    assert!(refused.is_empty(), "{} values, such as {}", refused.len(), refused.join("\n"));
}

#[test]
fn the_page_about_the_ready_claim_types_names_every_field() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/claim-types/README.md");
    let page = fs::read_to_string(page).unwrap();
    for (name, (text, _)) in schemas() {
        let section = page.split(&format!("\n### {name}\n")).nth(1);
        let section = section.unwrap_or_else(|| panic!("no section for {name}"));
        let section = section.split("\n#").next().unwrap();
        for [field, required, ..] in fields(&text) {
            let row = section.lines().find(|line| {
                line.split('|').nth(1).is_some_and(|cell| cell.contains(&format!("`{field}`")))
            });
            let row = row.unwrap_or_else(|| panic!("{name}: no row for {field}"));
            let is_required = row.split('|').nth(2).unwrap().contains("required");
            assert_eq!(is_required, required != "-", "{name} {field}");
        }
    }
}
