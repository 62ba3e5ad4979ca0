//! The Live Verify test vectors: documents, and what the canonical client makes of them.
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use witness_core::document::{Document, Meta, find_verify_line, normalize};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read_cases(path: &Path) -> Vec<Value> {
    let lines = fs::read_to_string(path).expect("the vectors should be there");
    lines.lines().map(|line| serde_json::from_str(line).expect("a vector is JSON")).collect()
}

fn member<'c>(case: &'c Value, name: &str) -> Option<&'c str> {
    case.get(name).and_then(Value::as_str)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect()
}

/// Checks one vector; every member that it has must be met.
fn check(case: &Value) {
    let name = member(case, "case").expect("a vector has a name");
    let meta = case.get("meta").map(|meta| {
        Meta::parse(meta.to_string().as_bytes()).expect("the meta file of a vector is usable")
    });
    let text = member(case, "text").or(member(case, "document")).expect("a vector has a text");
    let document = Document::read(text.as_bytes(), meta.as_ref()).expect("a vector can be read");

    let verify = document.verify().map(|line| [line.scheme_prefix(), line.base()].concat());
    assert_eq!(verify.as_deref(), member(case, "verify"), "{name}");
    assert_eq!(find_verify_line(text).as_ref(), document.verify(), "{name}");
    if let Some(claim_text) = member(case, "claim_text") {
        assert_eq!(document.claim_text(), claim_text, "{name}");
        let again = normalize(claim_text, None);
        assert_eq!(again.as_deref(), Ok(claim_text), "{name}: normalizing twice is once");
    }
    if let Some(sha256) = member(case, "sha256") {
        assert_eq!(hex(&document.sha256()), sha256, "{name}");
    }
    assert_eq!(document.hash_url().expect("safe").as_deref(), member(case, "url"), "{name}");
    if verify.is_none() || case.get("meta_url").is_some() {
        let meta_url = document.meta_url().expect("safe");
        assert_eq!(meta_url.as_deref(), member(case, "meta_url"), "{name}");
    }
}

#[test]
fn documents_are_read_as_the_canonical_client_reads_them() {
    let cases = read_cases(&repository().join("tests/vectors/live-verify.jsonl"));
    assert_eq!(cases.len(), 32);
    cases.iter().for_each(check);
}

/// Where all vectors may be: those of ours and the Live Verify documentation's samples, which are not copied
/// here for their licence. By default in a folder `shared` beside the repository.
fn all_vectors() -> PathBuf {
    let beside = || repository().join("../shared/vectors/live-verify/vectors.jsonl");
    std::env::var_os("LIVE_VERIFY_VECTORS").map_or_else(beside, PathBuf::from)
}

#[test]
fn samples_of_the_live_verify_documentation_are_read_where_they_are_at_hand() {
    let path = all_vectors();
    let cases = if path.exists() { read_cases(&path) } else { Vec::new() };
    cases.iter().for_each(check);
    println!("{} vectors of {} ran", cases.len(), path.display());
    let is_sample =
        |case: &&Value| member(case, "case").is_some_and(|n| n.starts_with("credential/"));
    let samples = cases.iter().filter(is_sample).count();
    assert!([(0, 0), (38, 6)].contains(&(cases.len(), samples)), "all of them, or none");
}
