//! Details: what is read, what is refused, and how it is written.

use alloc::{format, string::ToString as _, vec::Vec};

use super::*;

const SALT: [u8; 16] = *b"0123456789abcdef";
const TEXT: &str = "\
witness-details/v1
MDEyMzQ1Njc4OWFiY2RlZg==
module=LAMBDA-DEEP-DIVE-2026
passed-on=2026-01-03
";

fn refused(text: &str) -> DetailsError {
    Details::parse(text.as_bytes()).unwrap_err()
}

/// The well-formed text with one part of it exchanged.
fn refused_with(old: &str, new: &str) -> DetailsError {
    assert!(TEXT.contains(old));
    refused(&TEXT.replacen(old, new, 1))
}

#[test]
fn a_well_formed_text_gives_its_fields_and_its_hash() {
    let details = Details::parse(TEXT.as_bytes()).unwrap();
    assert_eq!(details.get("module"), Some("LAMBDA-DEEP-DIVE-2026"));
    assert_eq!(details.get("passed-on"), Some("2026-01-03"));
    assert_eq!(details.get("passed"), None);
    assert_eq!(details.fields().len(), 2);
    assert_eq!(details.text(), TEXT);
    let expected: [u8; 32] = Sha256::digest(TEXT.as_bytes()).into();
    assert_eq!(details.hash(), expected);
}

#[test]
fn encoding_sorts_and_parses_back_to_the_same_fields() {
    let fields = [("passed-on", "2026-01-03"), ("module", "LAMBDA-DEEP-DIVE-2026")];
    assert_eq!(Details::encode(SALT, &fields).unwrap(), TEXT);
    let none = Details::encode(SALT, &[]).unwrap();
    assert_eq!(Details::parse(none.as_bytes()).unwrap().fields().len(), 0);
    let equals = Details::encode(SALT, &[("a", "=b=")]).unwrap();
    assert_eq!(Details::parse(equals.as_bytes()).unwrap().get("a"), Some("=b="));
}

#[test]
fn encoding_refuses_what_would_not_parse_back() {
    let refused = |fields: &[(&str, &str)]| Details::encode(SALT, fields).unwrap_err();
    assert_eq!(refused(&[("a", "1\nb=2")]), DetailsError::Value { line: 3 });
    assert_eq!(refused(&[("a", "1"), ("b", "")]), DetailsError::Value { line: 4 });
    assert_eq!(refused(&[("a", "é")]), DetailsError::Value { line: 3 });
    assert_eq!(refused(&[("A", "1")]), DetailsError::FieldName { line: 3 });
    assert_eq!(refused(&[("a", "1"), ("a", "2")]), DetailsError::Order { line: 4 });
    let names: Vec<_> = (0..20).map(|n| format!("field-{n:02}")).collect();
    let long = "x".repeat(256);
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), long.as_str())).collect();
    // 44 bytes of head, and 20 lines of 8 + 1 + 256 + 1.
    assert_eq!(refused(&many), DetailsError::TooLong { size: 44 + 20 * 266 });
}

#[test]
fn each_way_to_break_the_format_is_named() {
    assert_eq!(refused(""), DetailsError::UnfinishedLine);
    assert_eq!(refused(TEXT.trim_end()), DetailsError::UnfinishedLine);
    assert_eq!(refused_with("/v1", "/v2"), DetailsError::Version);
    assert_eq!(refused("witness-details/v1\n"), DetailsError::Salt);
    assert_eq!(refused_with("Zg==\n", "Zg\n"), DetailsError::Salt);
    assert_eq!(refused_with("Zg==", "Zh=="), DetailsError::Salt); // trailing bits set
    assert_eq!(refused_with("Zg==", "Zg=_"), DetailsError::Salt);
}

#[test]
fn each_way_to_break_a_line_is_named() {
    assert_eq!(refused_with("module=", "module"), DetailsError::NotAField { line: 3 });
    assert_eq!(refused_with("\nmodule", "\n\nmodule"), DetailsError::NotAField { line: 3 });
    assert_eq!(refused_with("module=", "Module="), DetailsError::FieldName { line: 3 });
    assert_eq!(refused_with("module=", "="), DetailsError::FieldName { line: 3 });
    let long = format!("{}=", "m".repeat(33));
    assert_eq!(refused_with("module=", &long), DetailsError::FieldName { line: 3 });
    assert_eq!(refused_with("2026-01-03", ""), DetailsError::Value { line: 4 });
    let long = "x".repeat(257);
    assert_eq!(refused_with("2026-01-03", &long), DetailsError::Value { line: 4 });
    assert_eq!(refused_with("passed-on", "course"), DetailsError::Order { line: 4 });
    assert_eq!(refused_with("passed-on", "module"), DetailsError::Order { line: 4 });
    assert_eq!(refused_with("2026-01-03\n", "2026-01-03\r\n"), DetailsError::NotPrintable);
    assert_eq!(refused_with("LAMBDA", "LÄMBDA"), DetailsError::NotPrintable);
    let long = format!("{TEXT}{}", "x".repeat(4096 - TEXT.len() + 1));
    assert_eq!(refused(&long), DetailsError::TooLong { size: 4097 });
}

#[test]
fn whatever_parses_is_written_back_byte_for_byte() {
    // Every text one byte away from a well-formed one: either it is refused or it is its own
    // canonical form.
    let mut parsed = 0;
    for at in 0..TEXT.len() {
        for byte in [b'\n', b'=', b' ', b'a', b'z', b'A', b'0', b'-', b'~', 0x7F] {
            let mut text = TEXT.as_bytes().to_vec();
            text[at] = byte;
            let Ok(details) = Details::parse(&text) else { continue };
            let mut salt = [0; 18];
            STANDARD.decode_slice(&text[19..43], &mut salt).unwrap();
            let fields: Vec<_> = details.fields().collect();
            let salt: [u8; 16] = salt[..16].try_into().unwrap();
            assert_eq!(Details::encode(salt, &fields).unwrap().as_bytes(), text);
            parsed += 1;
        }
    }
    assert!(parsed > 300, "only {parsed} texts parsed");
}

#[test]
fn debug_and_errors_show_names_and_never_values() {
    let details = Details::parse(TEXT.as_bytes()).unwrap();
    assert_eq!(format!("{details:?}"), r#"Details ["module", "passed-on"]"#);
    let error = refused_with("passed-on=2026-01-03", "jane.doe@example.com=2026-01-03");
    assert_eq!(
        error.to_string(),
        "line 4 of the details has a field name other than [a-z0-9-]{1,32}"
    );
}
