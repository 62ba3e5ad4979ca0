//! Each rule of C2SP tlog-policy.

use std::collections::BTreeSet;

use witness_core::{
    key::{SignatureType, SigningKey},
    tlog_policy::{TLOG_POLICY_BYTES_MAX, TlogPolicy, TlogPolicyError as Error},
};

fn vkey(name: &str, signature_type: SignatureType, seed: u8) -> String {
    let key = SigningKey::from_seed(name, signature_type, &[seed; 32]).unwrap();
    key.verifying_key().to_string()
}

fn log(seed: u8) -> String {
    format!("log {}\n", vkey("witness.example/log1", SignatureType::Ed25519, seed))
}

fn cosigner(name: &str, seed: u8) -> String {
    format!("witness {name} {}\n", vkey(&format!("{name}.example"), SignatureType::Timestamp, seed))
}

fn parse(text: &str) -> Result<TlogPolicy, Error> {
    TlogPolicy::parse(text.as_bytes())
}

fn three() -> String {
    cosigner("a", 1) + &cosigner("b", 2) + &cosigner("c", 3)
}

fn is_met(text: &str, names: &[&str]) -> bool {
    let names: BTreeSet<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    parse(text).unwrap().is_met(&names)
}

#[test]
fn a_policy_lists_logs_cosigners_and_a_quorum() {
    let text = format!(
        "# comment\n\n \t# another\n{}{}witness\td  {} https://d.example/\nquorum none",
        log(9).trim_end().to_owned() + " https://witness.example/log1/\n",
        three(),
        vkey("d.example", SignatureType::Timestamp, 4)
    );
    let policy = parse(&text).unwrap();
    assert_eq!((policy.logs().len(), policy.cosigners().len()), (1, 4));
    assert_eq!(policy.logs()[0].url.as_deref(), Some(&b"https://witness.example/log1/"[..]));
    assert_eq!(policy.cosigners()[3].url.as_deref(), Some(&b"https://d.example/"[..]));
    assert!(policy.is_met(&BTreeSet::new()));
}

#[test]
fn names_are_opaque_bytes() {
    let mut bytes = b"witness \xff\x80".to_vec();
    let vkey = vkey("a.example", SignatureType::Timestamp, 1);
    bytes.extend_from_slice(format!(" {vkey}\nquorum ").as_bytes());
    bytes.extend_from_slice(b"\xff\x80\n");
    let policy = TlogPolicy::parse(&bytes).unwrap();
    assert!(policy.is_met(&BTreeSet::from([&b"\xff\x80"[..]])));
    assert!(!policy.is_met(&BTreeSet::from([&b"\xff"[..]])));
}

#[test]
fn quorums_are_counted_through_groups_of_groups() {
    let text = three()
        + &cosigner("d", 4)
        + "group two 2 a b c\ngroup any any d\ngroup top all two any\nquorum top\n";
    let cases: [(&[&str], bool); 6] = [
        (&["a", "b", "d"], true),
        (&["a", "b", "c", "d"], true),
        (&["a", "d"], false),
        (&["a", "b", "c"], false),
        (&[], false),
        (&["two", "any", "top", "none"], false),
    ];
    for (names, expected) in cases {
        assert_eq!(is_met(&text, names), expected, "{names:?}");
    }
    assert!(is_met(&(cosigner("a", 1) + "quorum a\n"), &["a"]));
    assert!(!is_met(&(cosigner("a", 1) + "quorum a\n"), &[]));
    let all = three() + "group g all a b c\nquorum g\n";
    assert!(is_met(&all, &["a", "b", "c"]) && !is_met(&all, &["a", "b"]));
}

#[test]
fn each_rule_refuses_by_name() {
    let quorum = "quorum none\n";
    let as_0x01 = format!("witness a {}\n", vkey("a.example", SignatureType::Ed25519, 1));
    let as_0x04 = format!("log {}\n", vkey("a.example", SignatureType::Timestamp, 1));
    let same_key = format!("witness b {}\n", vkey("b.example", SignatureType::Timestamp, 1));
    let same_log = format!("log {}\n", vkey("witness.example/log2", SignatureType::Ed25519, 9));
    let cases = [
        ("\r\n".to_owned(), Error::Bytes { line: 1 }),
        ("\n\u{7f}".to_owned(), Error::Bytes { line: 2 }),
        ("\0".to_owned(), Error::Bytes { line: 1 }),
        (String::new(), Error::NoQuorum),
        (three(), Error::NoQuorum),
        (quorum.repeat(2), Error::SecondQuorum { line: 2 }),
        ("quorum none # trailing\n".to_owned(), Error::Form { line: 1 }),
        ("quorum\n".to_owned(), Error::Form { line: 1 }),
        ("Quorum none\n".to_owned(), Error::Form { line: 1 }),
        ("log\n".to_owned(), Error::Form { line: 1 }),
        (log(9).trim_end().to_owned() + " url more\n", Error::Form { line: 1 }),
        (cosigner("a", 1).trim_end().to_owned() + " url more\n", Error::Form { line: 1 }),
        (three() + "group g any\n", Error::Form { line: 4 }),
        (as_0x01, Error::KeyType { line: 1 }),
        (as_0x04, Error::KeyType { line: 1 }),
        (cosigner("a", 1) + &same_key, Error::KeyRepeated { line: 2 }),
        (log(9) + &same_log, Error::KeyRepeated { line: 2 }),
        (cosigner("a", 1) + &cosigner("a", 2), Error::NameTaken { line: 2 }),
        (cosigner("none", 1), Error::NameTaken { line: 1 }),
        (three() + "group a any b\n", Error::NameTaken { line: 4 }),
        (three() + "group none any b\n", Error::NameTaken { line: 4 }),
        (three() + "group g any g\n", Error::NameUnknown { line: 4 }),
        ("group g any a\n".to_owned() + &three(), Error::NameUnknown { line: 1 }),
        ("quorum a\n".to_owned() + &three(), Error::NameUnknown { line: 1 }),
        (three() + "group g any a none\n", Error::NameUnknown { line: 4 }),
        (three() + "group g any a a\n", Error::MemberRepeated { line: 4 }),
        (three() + "group g any a\ngroup h any a\n", Error::MemberRepeated { line: 5 }),
        (three() + "group g 0 a\n", Error::Threshold { line: 4 }),
        (three() + "group g 4 a b c\n", Error::Threshold { line: 4 }),
        (three() + "group g 01 a\n", Error::Threshold { line: 4 }),
        (three() + "group g most a\n", Error::Threshold { line: 4 }),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(&text), Err(expected), "{text}");
    }
    assert!(matches!(parse("log a+b+c\nquorum none\n"), Err(Error::Key { line: 1, .. })));
    let long = "\n".repeat(TLOG_POLICY_BYTES_MAX + 1);
    assert_eq!(parse(&long), Err(Error::TooLong));
}

#[test]
fn a_log_and_a_cosigner_may_share_a_public_key_and_many_are_supported() {
    let mut text = log(1) + &cosigner("a", 1);
    for seed in 2..60 {
        text += &log(seed);
        text += &cosigner(&format!("w{seed}"), seed);
        let group = format!("group g{seed} 1 w{seed}\n");
        text += &group;
    }
    assert!(is_met(&(text + "quorum g59\n"), &["w59"]));
}
