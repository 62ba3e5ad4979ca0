//! Schemas: how they are read, and which details they take.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::personal::{Country, PersonalKind};

const TEXT: &str = "\
field badge - issued,status identifier-exempt [0-9]{9}
field course issued amended,replaced identifier [A-Z0-9]+(-[A-Z0-9]+)*
field evidence - issued digest
field expires-on - amended,issued,status date
field grade issued amended,replaced code distinction|merit|pass
field hours - issued count
field reason deleted,status - code A.1|b_2|C-3
valid-until expires-on
";

/// What the schema makes of some fields, given with a change.
fn check(change: ChangeKind, fields: &[(&str, &str)]) -> Result<(), FieldRefusal> {
    let text = Details::encode([7; 16], fields).unwrap();
    let details = Details::parse(text.as_bytes()).unwrap();
    Schema::parse(TEXT).unwrap().check(change, Some(&details))
}

/// What it makes of one more field beside the two that `issued` requires.
fn check_issued(name: &str, value: &str) -> Result<(), FieldRule> {
    let mut fields: Vec<_> = [("course", "LAMBDA-2026"), ("grade", "pass")].into();
    fields.retain(|(other, _)| *other != name);
    fields.push((name, value));
    check(ChangeKind::Issued, &fields).map_err(|refusal| {
        assert_eq!(refusal.field, name);
        refusal.rule
    })
}

fn refused(text: &str) -> SchemaError {
    Schema::parse(text).unwrap_err()
}

#[test]
fn a_schema_is_written_back_byte_for_byte() {
    assert_eq!(Schema::parse(TEXT).unwrap().encode(), TEXT);
    assert_eq!(Schema::parse("").unwrap().encode(), "");
    // Every text one byte away from it: either it is refused or it is its own canonical form.
    let mut parsed = 0;
    for at in 0..TEXT.len() {
        for byte in *b"\n \t-,|aZ0[]{}()+?.\\" {
            let mut text = TEXT.as_bytes().to_vec();
            text[at] = byte;
            let text = String::from_utf8(text).unwrap();
            if let Ok(schema) = Schema::parse(&text) {
                assert_eq!(schema.encode(), text);
                parsed += 1;
            }
        }
    }
    assert!(parsed > 300, "only {parsed} texts parsed");
}

#[test]
fn each_way_to_break_a_schema_is_named() {
    let line = |rest: &str| refused(&format!("field a {rest}\n"));
    assert_eq!(refused("field a issued - date"), SchemaError::UnfinishedLine);
    assert_eq!(refused("\n"), SchemaError::Line { line: 1 });
    assert_eq!(refused("Field a issued - date\n"), SchemaError::Line { line: 1 });
    assert_eq!(refused("field A issued - date\n"), SchemaError::FieldName { line: 1 });
    assert_eq!(refused("field  a issued - date\n"), SchemaError::FieldName { line: 1 });
    assert_eq!(
        refused(&format!("field {} issued - date\n", "a".repeat(33))),
        SchemaError::FieldName { line: 1 }
    );
    for changes in [
        "- -",
        "issued issued",
        "issued,issued -",
        "status,issued -",
        "gone -",
        "issued, -",
        "issued",
        "",
    ] {
        assert_eq!(line(&format!("{changes} date")), SchemaError::Changes { line: 1 }, "{changes}");
    }
    for kind in [
        "",
        "Date",
        "date ",
        "date x",
        "count 3",
        "digest sha256",
        "identifier",
        "code",
        "text",
        " date",
        "date\r",
    ] {
        assert_eq!(line(&format!("issued - {kind}")), SchemaError::Kind { line: 1 }, "{kind}");
    }
    for codes in ["", "A|", "|A", "A||B", "A|A", "A B", "A,B", "é", &"A".repeat(33)] {
        assert_eq!(
            line(&format!("issued - code {codes}")),
            SchemaError::Codes { line: 1 },
            "{codes}"
        );
    }
    let error = PatternError::Unexpected { place: 2 };
    assert_eq!(line("issued - identifier A.B"), SchemaError::Pattern { line: 1, error });
    let date = |name: &str| format!("field {name} issued - date\n");
    assert_eq!(refused(&(date("b") + &date("a"))), SchemaError::Order { line: 2 });
    assert_eq!(refused(&(date("a") + &date("a"))), SchemaError::Order { line: 2 });
    assert_eq!(refused(&(date("a") + "valid-until b\n")), SchemaError::ValidUntil { line: 2 });
    assert_eq!(
        refused("field a issued - count\nvalid-until a\n"),
        SchemaError::ValidUntil { line: 2 }
    );
    assert_eq!(
        refused(&(date("a") + "valid-until a\nvalid-until a\n")),
        SchemaError::Line { line: 3 }
    );
    assert_eq!(
        refused(&(date("a") + "valid-until a\n" + &date("b"))),
        SchemaError::Line { line: 3 }
    );
    let many: String = (10..=42).map(|n| date(&format!("f{n}"))).collect();
    assert_eq!(refused(&many), SchemaError::TooManyFields { line: 33 });
    assert_eq!(refused(&"x".repeat(16_385)), SchemaError::TooLong { size: 16_385 });
}

#[test]
fn the_changes_say_when_a_field_is_given() {
    use ChangeKind::{Amended, Deleted, Issued, Replaced, Restored, Status};
    let refusal = |field: &str, rule| Err(FieldRefusal::new(field, rule));
    let both = [("course", "C-1"), ("grade", "merit")];
    assert_eq!(check(Issued, &both), Ok(()));
    assert_eq!(check(Amended, &both), Ok(()));
    assert_eq!(check(Replaced, &[]), Ok(()));
    assert_eq!(check(Restored, &[]), Ok(()));
    assert_eq!(check(Issued, &both[..1]), refusal("grade", FieldRule::Missing(Issued)));
    assert_eq!(check(Issued, &both[1..]), refusal("course", FieldRule::Missing(Issued)));
    assert_eq!(check(Status, &both), refusal("course", FieldRule::NotWithChange(Status)));
    assert_eq!(check(Status, &[]), refusal("reason", FieldRule::Missing(Status)));
    assert_eq!(check(Deleted, &[("reason", "A.1")]), Ok(()));
    assert_eq!(
        check(Restored, &[("reason", "A.1")]),
        refusal("reason", FieldRule::NotWithChange(Restored))
    );
    for unknown in ["a", "cours", "course-2", "hourt", "z"] {
        let fields = [both[0], both[1], (unknown, "1")];
        assert_eq!(check(Issued, &fields), refusal(unknown, FieldRule::Unknown));
    }
}

#[test]
fn missing_details_count_as_no_fields() {
    let schema = Schema::parse(TEXT).unwrap();
    assert_eq!(schema.check(ChangeKind::Restored, None), Ok(()));
    let missing = FieldRefusal::new("course", FieldRule::Missing(ChangeKind::Issued));
    assert_eq!(schema.check(ChangeKind::Issued, None), Err(missing));
}

#[test]
fn each_kind_of_field_has_its_own_rule() {
    for value in ["0", "7", "18446744073709551615", "4111111111111112"] {
        assert_eq!(check_issued("hours", value), Ok(()), "{value}");
    }
    for value in ["00", "01", "-1", "+1", "1.0", "1 ", "18446744073709551616", "ten"] {
        assert_eq!(check_issued("hours", value), Err(FieldRule::Count), "{value}");
    }
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(check_issued("evidence", digest), Ok(()));
    for value in
        [&digest[1..], &digest.to_uppercase(), &digest.replace('e', "g"), &format!("{digest}0")]
    {
        assert_eq!(check_issued("evidence", value), Err(FieldRule::Digest), "{value}");
    }
    assert_eq!(check_issued("expires-on", "2028-02-29"), Ok(()));
    assert_eq!(check_issued("expires-on", "2026-02-29"), Err(FieldRule::Date));
    for value in ["distinction", "merit", "pass"] {
        assert_eq!(check_issued("grade", value), Ok(()));
    }
    for value in ["Pass", "pass ", "pas", "merit|pass"] {
        assert_eq!(check_issued("grade", value), Err(FieldRule::Code), "{value}");
    }
    assert_eq!(check_issued("course", &"A".repeat(64)), Ok(()));
    assert_eq!(check_issued("course", &"A".repeat(65)), Err(FieldRule::TooLong));
    for value in ["lambda", "A-", "A B", " A"] {
        assert_eq!(check_issued("course", value), Err(FieldRule::Pattern), "{value}");
    }
}

#[test]
fn personal_values_are_refused_unless_the_field_is_exempt() {
    let personal = |kind| Err(FieldRule::Personal(kind));
    let dutch = PersonalKind::NationalId(Country::Nl);
    assert_eq!(check_issued("course", "jane@example.com"), personal(PersonalKind::Email));
    assert_eq!(check_issued("course", "AB-123456782"), personal(dutch));
    assert_eq!(check_issued("hours", "123456782"), personal(dutch));
    assert_eq!(check_issued("badge", "123456782"), Ok(()));
    assert_eq!(check_issued("badge", "12345678"), Err(FieldRule::Pattern));
}

#[test]
fn a_refusal_names_field_and_rule_and_never_the_value() {
    let course = ("course", "A");
    let message = |name, value| {
        let refusal =
            check(ChangeKind::Issued, &[course, ("grade", "pass"), (name, value)]).unwrap_err();
        format!("{refusal}")
    };
    assert_eq!(
        message("hours", "123456782"),
        "field hours: looks like personal data: national-id-nl"
    );
    assert_eq!(
        message("expires-on", "jane@example.com"),
        "field expires-on: not a calendar date YYYY-MM-DD of the years 1900 to 9999"
    );
    assert_eq!(message("town", "Paris"), "field town: not a field of this claim type");
    // A name that no schema has may be the personal value itself.
    assert_eq!(message("123-45-6789", "x"), "field (withheld): not a field of this claim type");
}

#[test]
fn a_document_is_valid_to_the_end_of_its_last_day() {
    let valid_until = |schema: &str, fields: &[(&str, &str)]| {
        let text = Details::encode([7; 16], fields).unwrap();
        Schema::parse(schema).unwrap().valid_until(&Details::parse(text.as_bytes()).unwrap())
    };
    assert_eq!(valid_until(TEXT, &[("expires-on", "1970-01-01")]), Some(86_400_000_000));
    assert_eq!(valid_until(TEXT, &[("expires-on", "2026-01-03")]), Some(1_767_484_800_000_000));
    assert_eq!(valid_until(TEXT, &[("expires-on", "never")]), None);
    assert_eq!(valid_until(TEXT, &[("course", "A")]), None);
    let without = TEXT.replace("valid-until expires-on\n", "");
    assert_eq!(valid_until(&without, &[("expires-on", "2026-01-03")]), None);
}

#[test]
fn each_change_has_its_word() {
    use ChangeKind::{Amended, Deleted, Issued, Replaced, Restored, Status};
    let kinds = [Issued, Replaced, Amended, Status, Deleted, Restored];
    assert_eq!(
        kinds.map(ChangeKind::word).join(" "),
        "issued replaced amended status deleted restored"
    );
    for kind in kinds {
        assert_eq!(ChangeKind::from_word(kind.word()), Some(kind));
        let text = format!("field a {} - date\n", kind.word());
        assert_eq!(Schema::parse(&text).unwrap().encode(), text);
    }
    assert_eq!(ChangeKind::from_word("-"), None);
    let all = "field a amended,deleted,issued,replaced,restored,status - date\n";
    assert_eq!(Schema::parse(all).unwrap().encode(), all);
}
