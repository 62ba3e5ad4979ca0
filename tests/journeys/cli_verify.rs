//! `witness` for whoever holds a document: hash, status, evidence, verify. Exit codes are 0 for what is
//! verified, 1 for what is refused, 2 where it cannot tell; `--json` is JSON in each case.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;
use witness_core::document::Document;
use witness_tests::{Data, Server, Witness};

const GOOD: &str = "good.txt";
const REVOKED: &str = "revoked.txt";
const STRANGE: &str = "strange.txt";

/// A holder's folder, in which everything lies that the issuer made, too.
struct Place {
    data: Data,
    folder: TempDir,
}

impl Place {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn witness(&self) -> Witness {
        Witness::within(self.path())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// A folder that holds these files and nothing else.
    fn with_only(&self, names: &[&str]) -> TempDir {
        let empty = tempfile::tempdir().unwrap();
        for name in names {
            fs::copy(self.path().join(name), empty.path().join(name)).unwrap();
        }
        empty
    }
}

fn arguments<'a>(command: &'a str, document: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let about = [command, "--json", "--issuer", "issuer.example", "--file", document];
    [about.as_slice(), more].concat()
}

fn row(document: &str, change: &str) -> String {
    format!(
        "{{\"document_file\":\"{document}\",\"claim_type\":\"skill-module\",\
         \"occurred_at\":\"2026-03-01\",{change}}}\n"
    )
}

/// Two documents, submitted: one stands, one is revoked. The server goes on.
fn submitted() -> (Place, Server) {
    let data = Data::new();
    let server = data.start();
    let folder = tempfile::tempdir().unwrap();
    let place = Place { data, folder };
    for name in ["policy.json", "issuer.example.skey"] {
        fs::copy(place.data.path().join(name), place.path().join(name)).unwrap();
    }
    for name in [GOOD, REVOKED, STRANGE] {
        let text = format!("Certificate of completion\nModule {name}\nverify:issuer.example/c\n");
        fs::write(place.path().join(name), text).unwrap();
    }
    let issued =
        "\"change\":\"issued\",\"details\":{\"awarded\":\"2026-02-27\",\"module\":\"AB-12\"}";
    let revoked = "\"change\":\"status\",\"status\":\"Revoked\",\"class\":\"punitive\"";
    let rows = [row(GOOD, issued), row(REVOKED, issued), row(REVOKED, revoked)].concat();
    fs::write(place.path().join("events.ndjson"), rows).unwrap();
    let submit = ["submit", "--json", "--key", "issuer.example.skey", "--stream", "main"];
    let rest = ["--policy", "policy.json", "events.ndjson"];
    let witness = place.witness().asking(&server);
    let said = witness.run(&[submit.as_slice(), &rest].concat()).expect(0).json();
    assert_eq!((&said["outcome"], &said["accepted"]["events"]), (&"done".into(), &3.into()));
    (place, server)
}

/// Evidence of both documents, in files; the server is stopped.
fn with_evidence() -> Place {
    let (place, server) = submitted();
    let witness = place.witness().asking(&server);
    for document in [GOOD, REVOKED] {
        let file = format!("{document}.json");
        let to = ["--policy", "policy.json", "--out", &file];
        let said = witness.run(&arguments("evidence", document, &to)).expect(0).json();
        assert_eq!((&said["outcome"], &said["verified"]), (&"verified".into(), &true.into()));
        // A file that is there is not written over, unless one says so.
        let _there = witness.run(&arguments("evidence", document, &to)).expect(1);
        let forced = [to.as_slice(), &["--force"]].concat();
        let _again = witness.run(&arguments("evidence", document, &forced)).expect(0);
    }
    server.stop();
    place
}

/// What `witness verify` says, in a folder that holds the evidence, the policy, and what more is named.
fn verify(place: &Place, file: &str, more: &[&str]) -> (Option<i32>, Value) {
    let names: Vec<&str> = more.iter().copied().filter(|name| !name.starts_with('-')).collect();
    let empty = place.with_only(&[[file, "policy.json"].as_slice(), &names].concat());
    let options = ["verify", "--json", file, "--policy", "policy.json"];
    let said = Witness::within(empty.path()).run(&[options.as_slice(), more].concat());
    let json = said.json();
    (said.code, json)
}

/// What it says of a changed file, and why.
fn verify_changed(place: &Place, name: &str, content: &[u8]) -> (Option<i32>, String) {
    fs::write(place.path().join(name), content).unwrap();
    let (code, said) = verify(place, name, &[]);
    (code, said["reason"].as_str().unwrap_or_else(|| panic!("no reason: {said}")).to_owned())
}

#[test]
fn a_document_has_the_hash_that_the_core_computes_and_only_what_stands_is_verified() {
    let (place, server) = submitted();
    let witness = place.witness().asking(&server);
    for (document, code, outcome, shown) in
        [(GOOD, 0, "verified", "VERIFIED"), (REVOKED, 1, "refused", "REVOKED")]
    {
        let hashed = place.witness().run(&["hash", "--json", document]).expect(0).json();
        let text = Document::read(place.read(document).as_bytes(), None).unwrap();
        let hash = witness_core::encoding::hex(&text.sha256());
        assert_eq!(hashed["document_hash"], hash.as_str());
        let by_file = witness.run(&arguments("status", document, &[])).expect(code).json();
        assert_eq!((&by_file["outcome"], &by_file["shown"]), (&outcome.into(), &shown.into()));
        let asked = ["status", "--json", "--issuer", "issuer.example", "--document", &hash];
        assert_eq!(witness.run(&asked).expect(code).json(), by_file);
    }
    for command in
        [arguments("status", STRANGE, &[]), arguments("evidence", STRANGE, &["--out", "x"])]
    {
        let said = witness.run(&command).expect(1).json();
        assert_eq!((&said["outcome"], &said["reason"]), (&"refused".into(), &"NOT_FOUND".into()));
    }
    assert!(!place.path().join("x").exists());
    server.stop();
}

#[test]
fn evidence_verifies_without_a_server_in_an_empty_folder_with_the_file_and_a_policy_only() {
    let mut place = with_evidence();
    place.data = Data::new();
    for (document, changes) in [(GOOD, vec!["issued"]), (REVOKED, vec!["issued", "status"])] {
        let file = format!("{document}.json");
        for more in [[].as_slice(), &["--document", document]] {
            let (code, said) = verify(&place, &file, more);
            assert_eq!((code, &said["outcome"]), (Some(0), &"verified".into()), "{said}");
            assert_eq!(said["document_matches"].as_bool(), (!more.is_empty()).then_some(true));
            assert_eq!(said["missing"], Value::Array(Vec::new()));
            // A revocation is part of what is proved.
            let verdict = said["verdict"].to_string();
            assert!(changes.iter().all(|change| verdict.contains(change)), "{verdict}");
            assert_eq!(verdict.contains("Revoked"), document == REVOKED, "{verdict}");
        }
        let plain = place.with_only(&[&file, "policy.json"]);
        let said = Witness::within(plain.path()).run(&["verify", &file, "--policy", "policy.json"]);
        let said = said.expect(0);
        assert!(said.stdout.contains("the evidence proves what it says"), "{said}");
        assert_eq!(said.stdout.contains("Revoked"), document == REVOKED, "{said}");
    }
}

#[test]
fn a_tampered_file_another_firms_policy_and_another_document_are_refused() {
    let place = with_evidence();
    let file = "good.txt.json";
    let good = place.read(file);
    let issuee = good.replacen("issued", "issuee", 1);
    assert_ne!(issuee, good);
    let (code, _reason) = verify_changed(&place, "tampered.json", issuee.as_bytes());
    assert_eq!(code, Some(1));
    let mut spaced = good.clone().into_bytes();
    spaced.push(b'\n');
    assert_eq!(
        verify_changed(&place, "spaced.json", &spaced),
        (Some(1), "file-not-canonical".to_owned())
    );
    let half = good.as_bytes().split_at(good.len() / 2).0;
    assert_eq!(verify_changed(&place, "half.json", half), (Some(1), "file-shape".to_owned()));

    let (code, said) = verify(&place, file, &["--document", REVOKED]);
    assert_eq!((code, &said["outcome"]), (Some(1), &"refused".into()), "{said}");
    assert_eq!(said["document_matches"], false);

    let other = ["firm", "init", "--firm", "witness.example", "--log", "log1", "--out", "other"];
    let _made = place.witness().run(&other).expect(0);
    let policy = ["verify", "--json", file, "--policy", "other/policy.json"];
    let said = place.witness().run(&policy).expect(1).json();
    assert_eq!(said["outcome"], "refused", "{said}");
}

#[test]
fn what_it_does_not_know_or_cannot_reach_it_says_and_refuses_nothing() {
    let place = with_evidence();
    let good = place.read("good.txt.json");
    let next_version = good.replacen("witness-evidence/v1", "witness-evidence/v2", 1);
    assert_eq!(
        verify_changed(&place, "v2.json", next_version.as_bytes()),
        (Some(2), "file-version".to_owned())
    );
    let later = "\"anchors\":[{\"anchor\":{\"kind\":\"evm-anchor-log/v2\"},\"rollup\":\"0\"}]";
    let anchored = good.replacen("\"anchors\":[]", later, 1);
    assert_eq!(
        verify_changed(&place, "anchored.json", anchored.as_bytes()),
        (Some(2), "file-version".to_owned())
    );
    let policy = place.read("policy.json");
    let strict =
        policy.replacen("\"require\":[\"logged\"", "\"require\":[\"anchored\",\"logged\"", 1);
    assert_ne!(strict, policy);
    fs::write(place.path().join("strict.json"), strict).unwrap();
    let asked = ["verify", "--json", "good.txt.json", "--policy", "strict.json"];
    let said = place.witness().run(&asked).expect(2).json();
    assert_eq!(said["outcome"], "cannot-tell");
    assert_eq!(said["missing"][0]["fact"], "anchored", "{said}");

    let _no_file =
        place.witness().run(&["verify", "none.json", "--policy", "policy.json"]).expect(2);
    // Port 9 discards: nobody listens there.
    let nowhere = ["--server", "http://127.0.0.1:9"];
    let evidence = [nowhere.as_slice(), &["--out", "y"]].concat();
    let submit =
        ["submit", "--json", "--key", "issuer.example.skey", "--stream", "main", "events.ndjson"];
    let watch = ["watch", "--json", "--once", "--policy", "policy.json", "--state", "state"];
    let origin = ["--origin", "witness.example/log1"];
    for command in [
        arguments("status", GOOD, &nowhere),
        arguments("history", GOOD, &nowhere),
        arguments("evidence", GOOD, &evidence),
        [submit.as_slice(), &nowhere].concat(),
        [watch.as_slice(), &origin, &nowhere].concat(),
    ] {
        let said = place.witness().run(&command).expect(2).json();
        assert_eq!(said["outcome"], "cannot-tell", "{said}");
    }
    assert!(!place.path().join("y").exists());
}
