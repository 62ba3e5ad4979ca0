//! `witness audit check`: a bundle that is good, one that is not, and each rule on a case that was made for it.

mod altered;
pub(crate) mod left_out;
mod rules;

use std::{fs, path::Path};

use tempfile::TempDir;
use witness_core::{
    event::{Change, Status, StatusClass},
    hash::Hash,
};
use witness_tests::{Audited, MadeBundle, MadeEvent, copy_folder, tell};

/// 2026-03-01T00:00:00Z.
const START_US: u64 = 1_772_323_200_000_000;
const HOUR_US: u64 = 3_600_000_000;
const DAY_US: u64 = 24 * HOUR_US;
const SCHOOL: &str = "school.example";

/// The bundle that the documentation of the formats quotes, with the policy that goes with it.
fn golden() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    copy_folder(&vectors.join("bundle"), &folder.path().join("bundle"));
    let policy = vectors.join("golden/policy-chain.txt");
    fs::copy(policy, folder.path().join("policy.json")).unwrap();
    folder
}

/// A firm, one issuer and one live stream of it, in a bundle for Germany.
fn founded() -> (TempDir, MadeBundle) {
    let folder = tempfile::tempdir().unwrap();
    let mut made = MadeBundle::found(folder.path(), "DE", START_US);
    made.issuer(SCHOOL);
    made.open(SCHOOL, "main", "DE");
    (folder, made)
}

/// An event of just now.
fn event(made: &MadeBundle, document: u64, change: Change) -> MadeEvent {
    let occurred_at = i64::try_from(made.now_us).unwrap() - 60_000_000;
    MadeEvent { document, change, occurred_at, has_details: document.is_multiple_of(2) }
}

fn status(class: StatusClass, word: &str) -> Change {
    Change::Status { class, status: Status::parse(word).unwrap() }
}

#[test]
fn the_bundle_of_the_documentation_holds_and_its_anchor_counts() {
    let folder = golden();
    let audited = Audited::of(folder.path(), &[]);
    assert_eq!(audited.said.code, Some(0), "{}", audited.said);
    assert_eq!(audited.rules().into_iter().collect::<Vec<_>>(), ["suspect-key"]);
    assert!(audited.names("suspect-key", "main", 0, 5));
    let inputs = &audited.findings[0]["inputs"];
    assert!(inputs["received_at_us"].is_u64() && inputs["key"].is_string(), "{inputs}");
    let summary = &audited.summary;
    assert!(
        summary["published_at"].is_string() && summary["thresholds"]["late_us"].is_u64(),
        "{summary}"
    );
    for (member, value) in [("anchors", 1), ("rollups", 1), ("events", 6), ("erased", 2)] {
        assert_eq!(audited.summary[member], value, "{member}");
    }
    assert_eq!(Audited::of(folder.path(), &["--strict"]).said.code, Some(1));
    assert_eq!(Audited::of(folder.path(), &["--jurisdictions", "DE"]).said.code, Some(0));
    assert_eq!(Audited::of(folder.path(), &["--jurisdictions", "GB"]).said.code, Some(1));
}

#[test]
fn nothing_is_found_in_a_hundred_thousand_events_of_good_streams() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = MadeBundle::found(folder.path(), "DE,EU", START_US);
    for (issuer, stream, codes) in [
        (SCHOOL, "main", "DE"),
        ("bank.example", "live", "DE-BY,EU"),
        ("guild.example", "past", "EU"),
    ] {
        made.issuer(issuer);
        made.open_as(issuer, stream, (codes, stream == "past"));
    }
    let streams = [(SCHOOL, "main"), ("bank.example", "live"), ("guild.example", "past")];
    let mut document = 0;
    let mut events = 0;
    while events < 100_000 {
        for (issuer, stream) in streams {
            made.now_us += 2 * HOUR_US;
            let mut all: Vec<MadeEvent> =
                (0..240).map(|n| event(&made, document + n, Change::Issued)).collect();
            let link = Hash::of(&document.to_be_bytes());
            all.push(event(&made, document, Change::Replaced { link }));
            all.push(event(&made, document + 1_000_000_000, Change::Amended { link }));
            all.push(event(&made, document + 1, status(StatusClass::Punitive, "REVOKED")));
            all.push(event(&made, document + 2, status(StatusClass::Administrative, "EXPIRED")));
            all.push(event(&made, document + 2, status(StatusClass::Affirming, "VALID")));
            all.push(event(&made, document + 3, Change::Deleted));
            if stream == "past" {
                for event in &mut all {
                    event.occurred_at -= 400 * 86_400_000_000;
                }
            }
            events += all.len();
            document += 240;
            made.submit(issuer, stream, &all);
        }
        made.heartbeat(SCHOOL, "main");
    }
    made.finish();
    let audited = Audited::of(folder.path(), &["--strict"]);
    assert_eq!(audited.said.code, Some(0), "{}", audited.said);
    assert_eq!(audited.findings.len(), 0);
    assert_eq!(audited.summary["events"], events);
    tell(&format!("audit check: {events} events without a finding"));
}

#[test]
fn a_bundle_that_is_not_whole_or_of_a_later_kind_is_not_judged() {
    let folder = golden();
    fs::remove_file(folder.path().join("bundle/bundle.json")).unwrap();
    assert_eq!(Audited::of(folder.path(), &[]).said.code, Some(2));

    let (folder, mut made) = founded();
    made.log(witness_core::entry::EntryKind::Unknown("state".to_owned()), "new\n".to_owned());
    made.finish();
    let audited = Audited::of(folder.path(), &[]);
    assert_eq!(audited.said.code, Some(2), "{}", audited.said);
    assert_eq!(audited.summary["unknown"], 1);
}
