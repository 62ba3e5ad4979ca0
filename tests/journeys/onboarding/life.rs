//! The whole life of an issuer by the command line: proof, keys, streams, claim types, and its end.

use std::fs;

use serde_json::Value;
use witness_tests::{Page, Said, reason};
use witness_wire::v1;

use super::{ISSUER, LOG, Place};
use crate::production::machine::SCHOOL;

/// Submits a document of a ready-made claim type with a key.
fn submit(place: &Place, key: &str, name: &str) {
    let said = try_submit(place, key, name).expect(0).json();
    assert_eq!(said["accepted"]["events"], 1, "{said}");
}

fn refused(place: &Place, (key, name): (&str, &str), reason: &str) {
    let said = try_submit(place, key, name).expect(1).json();
    assert_eq!(said["error"]["reason"], reason, "{said}");
}

/// The same, whatever comes of it.
fn try_submit(place: &Place, key: &str, name: &str) -> Said {
    let (text, rows) = (format!("{name}.txt"), format!("{name}.ndjson"));
    fs::write(place.machine.path(&text), format!("Certificate\nModule {name}\n")).unwrap();
    let row = format!(
        "{{\"document_file\":\"{text}\",\"change\":\"issued\",\"claim_type\":\"skill-module\",\
         \"occurred_at\":\"2026-03-01\",\
         \"details\":{{\"awarded\":\"2026-02-27\",\"module\":\"AB-12\"}}}}\n"
    );
    fs::write(place.machine.path(&rows), row).unwrap();
    let submit = ["submit", "--json", "--key", key, "--stream", "main"];
    let rest = ["--policy", "firm/policy.json", &rows];
    place.operator().run(&[submit.as_slice(), &rest].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_leads_an_issuer_through_its_whole_life_and_evidence_of_it_stays_good() {
    let place = Place::new(&[ISSUER]);
    place.holders.publish(ISSUER, Page::File(place.challenge(ISSUER)));
    let proved = place.does(&["prove", ISSUER]);
    assert_eq!(proved["next_step"], "witness issuer add school.example");
    let added = place.does(&["add", ISSUER]);
    assert!(added["next_step"].as_str().unwrap().contains("key-add school.example"), "{added}");
    for key in ["first", "second", "third"] {
        let file = format!("{key}.skey");
        let made = place.operator().run(&["keygen", "--name", ISSUER, "--out", &file]);
        assert_eq!(made.code, Some(0), "{made}");
    }
    place.does(&["key-add", ISSUER, "--key", "first.skey"]);
    place.does(&["stream-open", ISSUER, "main", "--jurisdictions", "DE-BY,EU"]);
    place.does(&["claim-type", "--ready", "skill-module"]);
    check_all_ready(&place);
    check_another_schema(&place);
    check_jurisdictions(&place).await;
    submit(&place, "first.skey", "bread");

    // Both keys live side by side; then the old one goes.
    let rotated =
        place.does(&["key-rotate", ISSUER, "--key", "second.skey", "--with", "first.skey"]);
    assert_eq!(rotated["living_keys"].as_array().unwrap().len(), 2, "{rotated}");
    submit(&place, "first.skey", "butter");
    submit(&place, "second.skey", "cheese");
    let revoke = rotated["next_step"][0].as_str().unwrap();
    let words: Vec<&str> = revoke.split(' ').skip(2).collect();
    place.does(&words);
    refused(&place, ("first.skey", "late"), "REVOKED_KEY");
    // That key is lost, so the next one is a recovery.
    let id =
        place.does(&["show", ISSUER])["issuers"][0]["keys"][1]["vkey"].as_str().unwrap().to_owned();
    let id = id.split('+').nth(1).unwrap();
    let as_of = "2999-01-01T00:00:00Z";
    place.does(&["key-revoke", ISSUER, "--id", id, "--as-of", as_of]);
    place.does(&["key-add", ISSUER, "--key", "third.skey", "--recovery"]);
    submit(&place, "third.skey", "salt");

    check_terms(&place);
    place.does(&[
        "hold", ISSUER, "--name", "case-17", "--stream", "main", "--first", "0", "--count", "2",
    ]);
    place.does(&["hold", ISSUER, "--name", "case-18"]);
    place.does(&["lift", "case-17"]);
    place.does(&["offboard", ISSUER, "--yes"]);
    refused(&place, ("third.skey", "after"), "ISSUER_OFFBOARDED");
    check_shown(&place.does(&["show"]));
    check_named(&place);
    for name in ["bread", "butter", "cheese", "salt"] {
        let file = format!("{name}.json");
        place.machine.fetch(&place.server, SCHOOL, (name, &file));
        place.machine.verify(name, &file);
    }
    check_told_to_holders(&place);
    // Parted for ever, in this log.
    for again in ["challenge", "prove", "add"] {
        let message = place.refuses(&[again, ISSUER], "REGISTRY_REFUSED");
        assert!(message.contains("was offboarded"), "{message}");
    }
    place.server.stop();
}

/// All that are ready, of which one stands already: a line for each, and how it ended on the last.
fn check_all_ready(place: &Place) {
    let size = place.size();
    let members = |line: &Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for logged in [9, 0] {
        let said = place.issuer(&["claim-type", "--ready", "all"]).expect(0);
        let lines = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines: Vec<Value> = lines.collect();
        let last = lines.pop().unwrap();
        let counts = (&last["outcome"], &last["claim_types"], &last["logged"]);
        assert_eq!(counts, (&"done".into(), &10.into(), &logged.into()), "{said}");
        assert_eq!(lines.iter().filter(|line| line["index"].is_u64()).count(), logged, "{said}");
        assert!(lines.iter().all(|line| line["outcome"].is_null()), "{said}");
        assert!(lines.iter().all(|line| members(line) == members(&lines[0])), "{said}");
    }
    assert_eq!(place.size(), size + 9, "what stands as it is is not logged again");
}

/// A schema that stands gives way to another one only where that is asked for, of several to none of them.
fn check_another_schema(place: &Place) {
    let schema = "field awarded issued - date\n";
    fs::write(place.machine.path("other.txt"), schema).unwrap();
    let (size, other) =
        (place.size(), ["claim-type", "--name", "open-badge", "--schema", "other.txt"]);
    let refused = place.issuer(&other).expect(1);
    assert!(refused.json()["message"].as_str().unwrap().contains("open-badge"), "{refused}");
    assert!(refused.stderr.contains("+ field awarded issued - date"), "{refused}");
    assert!(refused.stderr.contains("- field credential amended,issued status"), "{refused}");
    assert_eq!(place.size(), size, "nothing was logged");

    let replaced = place.does(&[&other[..], &["--replace"]].concat());
    assert_eq!((&replaced["claim_type"], place.size()), (&"open-badge".into(), size + 1));
    let again = place.does(&other);
    assert_eq!((&again["index"], place.size()), (&Value::Null, size + 1), "it stands as it is");
    let all = place.issuer(&["claim-type", "--ready", "all"]).expect(1);
    assert!(all.json()["next_step"].as_str().unwrap().contains("--replace"), "{all}");
    assert_eq!(place.size(), size + 1, "none of them is logged");
    place.does(&["claim-type", "--ready", "open-badge", "--replace"]);
    assert_eq!(place.size(), size + 2);
}

/// A stream is opened, and a regulator let in, only where there is such a jurisdiction.
async fn check_jurisdictions(place: &Place) {
    let size = place.size();
    let grant =
        ["access", "grant", "--role", "regulator", "--name", "XX", "--token-file", "xx.token"];
    let grant = [&grant[..], &["--until", "2099-01-01", "--jurisdictions", "DE,XX"]].concat();
    for open in [&["issuer", "stream-open", ISSUER, "xx", "--jurisdictions", "XX"][..], &grant] {
        let refused = place.operator().run(open).expect(2);
        assert!(
            refused.stderr.contains("XX is no jurisdiction: expected an assigned code"),
            "{refused}"
        );
    }
    // Neither does the service take it from a program of somebody else's.
    let change = format!("stream-opened {ISSUER} xx UK live\n");
    let request = v1::DraftChangeRequest { origin: LOG.to_owned(), change };
    let refused = place.server.admin().await.draft_change(request).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_ARGUMENT");
    assert!(refused.message().ends_with("UK is none"), "{refused}");
    let (role, jurisdictions) = ("regulator".to_owned(), "EU-BY".to_owned());
    let (name, until_us) = ("nobody".to_owned(), 4_000_000_000_000_000);
    let grant =
        v1::GrantAccessRequest { role, jurisdictions, name, until_us, ..Default::default() };
    let refused = place.server.admin().await.grant_access(grant).await.unwrap_err();
    assert!(refused.message().ends_with("EU-BY is none"), "{refused}");
    assert_eq!(place.size(), size, "nothing was logged");
}

/// Who names no log of the service's, or none, learns which there are and by which option to name one.
fn check_named(place: &Place) {
    for log in [&["--log", "witness.example/none"][..], &[]] {
        let show = [&["issuer", "--json"][..], log, &["show"]].concat();
        let refused = place.operator().run(&show).expect(1).json();
        let message = refused["message"].as_str().unwrap();
        assert!(message.starts_with("--log must be one of this server's logs: "), "{refused}");
        assert!(message.contains(LOG), "{refused}");
        assert!(refused["next_step"].as_str().unwrap().contains("--log ORIGIN"), "{refused}");
    }
}

/// A term that stands already is not logged again.
fn check_terms(place: &Place) {
    let members = |said: &Value| said.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let first = place.does(&["retention", "skill-module", "--days", "3650"]);
    let size = place.size();
    let again = place.does(&["retention", "skill-module", "--days", "3650"]);
    assert_eq!(members(&first), members(&again), "of what is logged and of what stood already");
    assert!(first["index"].is_u64(), "{first}");
    assert_eq!((&again["index"], &again["retention_days"]), (&Value::Null, &3650.into()));
    place.does(&["retention", "open-badge", "--for-ever"]);
    assert_eq!(place.size(), size, "nothing was logged");
    place.does(&["retention", "open-badge", "--days", "7"]);
    place.does(&["retention", "open-badge", "--for-ever"]);
    assert_eq!(place.size(), size + 2);
    place.does(&["retention", "open-badge", "--for-ever"]);
    assert_eq!(place.size(), size + 2, "nothing was logged");
}

/// Whoever holds a document learns that its issuer was offboarded, and when.
fn check_told_to_holders(place: &Place) {
    let witness = place.operator().asking(&place.server);
    let status = ["status", "--json", "--issuer", ISSUER, "--file", "bread.txt"];
    let status = witness.run(&status).expect(0).json();
    let offboarded_at = status["issuer_offboarded_at"].as_str().unwrap();
    assert!(offboarded_at > status["received_at"].as_str().unwrap(), "{status}");
    let status = witness.run(&["status", "--issuer", ISSUER, "--file", "bread.txt"]).expect(0);
    let told = format!("{offboarded_at}: the issuer says nothing more here");
    assert!(status.stdout.contains(&told), "{status}");
    let verify = ["verify", "bread.json", "--policy", "firm/policy.json"];
    let said = witness.run(&verify).expect(0);
    assert!(said.stdout.contains("school.example was offboarded later"), "{said}");
    let said = witness.run(&[&verify[..], &["--json"]].concat()).expect(0).json();
    let offboarded = &said["verdict"]["items"][0]["offboarded"];
    assert!(offboarded["received_at"].is_string() && offboarded["index"].is_string(), "{said}");
}

/// What has come to pass is shown, all of it.
fn check_shown(shown: &Value) {
    let issuer = &shown["issuers"][0];
    assert!(issuer["offboarded_index"].as_u64() > issuer["added_index"].as_u64(), "{issuer}");
    let keys = issuer["keys"].as_array().unwrap();
    let states: Vec<_> =
        keys.iter().map(|key| (key["revoked_index"].is_u64(), key["recovery"] == true)).collect();
    assert_eq!(states, [(true, false), (true, false), (false, true)], "{issuer}");
    assert!(keys[1]["revoked_as_of"].as_str().unwrap().starts_with("2999-01-01"), "{issuer}");
    assert_eq!(issuer["streams"][0]["jurisdictions"], "DE-BY,EU");
    let claim_types = shown["claim_types"].as_array().unwrap();
    let kept = claim_types.iter().find(|it| it["name"] == "skill-module").unwrap();
    assert_eq!((claim_types.len(), &kept["retention_days"]), (10, &3650.into()));
    let holds = shown["holds"].as_array().unwrap();
    assert_eq!(
        (holds[0]["name"].as_str(), holds[0]["lifted_index"].is_u64()),
        (Some("case-17"), true)
    );
    assert_eq!(
        (holds[1]["name"].as_str(), holds[1]["lifted_index"].is_null()),
        (Some("case-18"), true)
    );
}
