//! Each rule on a case that was made for it: it fires, names its place, and no other rule fires.

use tempfile::TempDir;
use witness_core::{
    entry::EntryKind,
    event::{Change, StatusClass},
    hash::Hash,
    name::Name,
};
use witness_tests::{Audited, MadeBundle, Stray};

use super::{DAY_US, HOUR_US, SCHOOL, START_US, event, founded, status};

/// Checks that exactly one rule fires in a bundle, and gives what was said.
fn fires(folder: &TempDir, rule: &str, code: i32) -> Audited {
    let audited = Audited::of(folder.path(), &[]);
    assert_eq!(audited.rules().into_iter().collect::<Vec<_>>(), [rule], "{}", audited.said);
    assert_eq!(audited.said.code, Some(code), "{}", audited.said);
    let page = include_str!("../../../proto/README.md");
    let rows = ["broken", "finding"].map(|severity| format!("| `{rule}` | {severity} |"));
    let is_row = |line: &&str| rows.iter().any(|row| line.starts_with(row));
    let row = page.lines().find(is_row).unwrap();
    for input in audited.findings.iter().flat_map(|it| it["inputs"].as_object().unwrap().keys()) {
        assert!(row.contains(&format!("`{input}`")), "proto/README.md lacks {input}: {row}");
    }
    audited
}

fn days(count: u64) -> i64 {
    i64::try_from(count * DAY_US).unwrap()
}

#[test]
fn late_future_and_back_dated_events_are_found() {
    for (rule, ago) in [("late-report", days(8)), ("future-occurrence", -days(1))] {
        let (folder, mut made) = founded();
        let mut odd = event(&made, 1, Change::Issued);
        odd.occurred_at -= ago;
        let index = made.submit(SCHOOL, "main", &[odd]);
        made.finish();
        assert!(fires(&folder, rule, 0).names(rule, "main", 0, index.0));
        let wide = ["--late-after", "9d", "--future-tolerance", "2d"];
        assert_eq!(Audited::of(folder.path(), &wide).findings.len(), 0);
    }
    // Within one submission, and from one to the next.
    for together in [true, false] {
        let (folder, mut made) = founded();
        let good = event(&made, 1, Change::Issued);
        let mut odd = event(&made, 2, Change::Issued);
        odd.occurred_at -= days(2);
        let index = if together {
            made.submit(SCHOOL, "main", &[good, odd])
        } else {
            made.submit(SCHOOL, "main", &[good]);
            made.submit(SCHOOL, "main", &[odd])
        };
        made.finish();
        assert!(fires(&folder, "back-dated", 0).names("back-dated", "main", 1, index.0));
    }
    // Of one document, within the tolerance of its stream.
    let (folder, mut made) = founded();
    let issued = event(&made, 1, Change::Issued);
    let mut odd = event(&made, 1, status(StatusClass::Administrative, "EXPIRED"));
    odd.occurred_at -= i64::try_from(HOUR_US).unwrap();
    made.submit(SCHOOL, "main", &[issued]);
    let index = made.submit(SCHOOL, "main", &[odd]);
    made.finish();
    assert!(fires(&folder, "back-dated", 0).names("back-dated", "main", 1, index.0));
    assert_eq!(Audited::of(folder.path(), &["--document-tolerance", "2h"]).findings.len(), 0);
}

#[test]
fn a_stream_that_brings_in_the_past_is_not_late() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = MadeBundle::found(folder.path(), "DE", START_US);
    made.issuer(SCHOOL);
    made.open_as(SCHOOL, "main", ("DE", true));
    let mut old = event(&made, 1, Change::Issued);
    old.occurred_at -= days(4000);
    let mut older = event(&made, 2, Change::Issued);
    older.occurred_at -= days(5000);
    made.submit(SCHOOL, "main", &[old, older]);
    made.now_us += 100 * DAY_US;
    made.finish();
    assert_eq!(Audited::of(folder.path(), &["--strict"]).said.code, Some(0));
}

#[test]
fn a_burst_is_held_against_the_streams_own_past() {
    // A day with none, ten days with so many revocations each, then a day with so many.
    for (usual, last, is_burst) in [(0, 19, false), (0, 20, true), (5, 22, false), (5, 23, true)] {
        let (folder, mut made) = founded();
        let all: Vec<_> = (0..200).map(|n| event(&made, n, Change::Issued)).collect();
        made.submit(SCHOOL, "main", &all);
        let mut next = 0;
        let mut index = None;
        for (day, count) in (0..).zip([usual; 10].into_iter().chain([last])) {
            made.now_us += DAY_US;
            let mut all = vec![event(&made, 1000 + day, Change::Issued)];
            let revoked = status(StatusClass::Punitive, "REVOKED");
            all.extend((next..next + count).map(|n| event(&made, n, revoked.clone())));
            next += count;
            index = Some(made.submit(SCHOOL, "main", &all));
        }
        made.finish();
        if is_burst {
            let audited = fires(&folder, "burst", 0);
            let first = 200 + 10 * (usual + 1);
            assert!(audited.names("burst", "main", first, index.unwrap().0), "{}", audited.said);
        } else {
            let audited = Audited::of(folder.path(), &[]);
            assert_eq!(audited.findings.len(), 0, "{usual} {last}: {}", audited.said);
        }
    }
}

#[test]
fn what_was_logged_under_a_key_revoked_as_of_before_is_suspect() {
    let (folder, mut made) = founded();
    let one = event(&made, 1, Change::Issued);
    let before = made.submit(SCHOOL, "main", &[one]);
    made.now_us += HOUR_US;
    let one = event(&made, 2, Change::Issued);
    let suspect = made.submit(SCHOOL, "main", &[one]);
    made.now_us += HOUR_US;
    let _revoked = made.revoke(SCHOOL, START_US + HOUR_US);
    let one = event(&made, 3, Change::Issued);
    made.submit(SCHOOL, "main", &[one]);
    made.finish();
    let audited = fires(&folder, "suspect-key", 0);
    assert!(audited.names("suspect-key", "main", 1, suspect.0), "{}", audited.said);
    assert!(!audited.names("suspect-key", "main", 0, before.0), "{}", audited.said);
    assert_eq!(audited.findings.len(), 1);
}

#[test]
fn a_revoked_key_a_gap_and_another_past_fail_the_check() {
    let (folder, mut made) = founded();
    let revoked = made.revoke(SCHOOL, START_US + DAY_US);
    made.sign_with(revoked);
    let one = event(&made, 1, Change::Issued);
    let index = made.submit(SCHOOL, "main", &[one]);
    made.finish();
    assert!(fires(&folder, "revoked-key", 1).names("revoked-key", "main", 0, index.0));

    for (stray, sequence) in [(Stray::Gap(5), 6), (Stray::Previous, 1)] {
        let (folder, mut made) = founded();
        let one = event(&made, 1, Change::Issued);
        made.submit(SCHOOL, "main", &[one]);
        let one = event(&made, 2, Change::Issued);
        let index = made.submit_stray(SCHOOL, "main", &[one], stray);
        let one = event(&made, 3, Change::Issued);
        made.submit(SCHOOL, "main", &[one]);
        made.finish();
        let audited = fires(&folder, "gap", 1);
        assert!(audited.names("gap", "main", sequence, index.0), "{}", audited.said);
        assert_eq!(audited.findings.len(), 1, "it is found once");
    }
}

#[test]
fn documents_that_come_back_are_found() {
    let again = [
        (vec![Change::Issued, Change::Deleted, Change::Restored], 2),
        (vec![Change::Issued, Change::Deleted, Change::Issued], 2),
        (
            vec![
                Change::Issued,
                status(StatusClass::Punitive, "REVOKED"),
                status(StatusClass::Affirming, "VALID"),
            ],
            2,
        ),
    ];
    for (changes, sequence) in again {
        let (folder, mut made) = founded();
        let mut index = None;
        for change in changes {
            let one = event(&made, 1, change);
            index = Some(made.submit(SCHOOL, "main", &[one]));
        }
        made.finish();
        let audited = fires(&folder, "resurrected", 0);
        assert!(audited.names("resurrected", "main", sequence, index.unwrap().0));
        assert_eq!(audited.findings.len(), 1, "{}", audited.said);
    }
}

#[test]
fn changes_that_do_not_go_with_a_document_are_found() {
    let (folder, mut made) = founded();
    let one = event(&made, 1, status(StatusClass::Punitive, "REVOKED"));
    let index = made.submit(SCHOOL, "main", &[one]);
    made.finish();
    assert!(fires(&folder, "never-issued", 0).names("never-issued", "main", 0, index.0));

    for odd in [Change::Issued, Change::Restored] {
        let (folder, mut made) = founded();
        let all = [event(&made, 1, Change::Issued), event(&made, 1, odd)];
        let index = made.submit(SCHOOL, "main", &all);
        made.finish();
        let audited = fires(&folder, "unexpected-change", 0);
        assert!(audited.names("unexpected-change", "main", 1, index.0));
    }
}

#[test]
fn what_may_have_been_issued_out_of_sight_is_not_called_never_issued() {
    let (folder, mut made) = founded();
    made.open(SCHOOL, "island", "GB");
    let one = event(&made, 1, Change::Issued);
    made.submit(SCHOOL, "island", &[one]);
    let one = event(&made, 1, status(StatusClass::Punitive, "REVOKED"));
    made.submit(SCHOOL, "main", &[one]);
    made.finish();
    let audited = Audited::of(folder.path(), &["--strict"]);
    assert_eq!(audited.said.code, Some(0), "{}", audited.said);
    assert_eq!(audited.summary["undecided"], 1);
}

#[test]
fn a_conflict_is_found() {
    let (folder, mut made) = founded();
    let one = event(&made, 1, Change::Issued);
    made.submit(SCHOOL, "main", &[one]);
    let index = made.conflict(SCHOOL, "main", 0);
    made.finish();
    let audited = fires(&folder, "conflict", 0);
    assert!(audited.names("conflict", "main", 0, index.0));
    assert_eq!(audited.findings[0]["inputs"]["against_index"], index.0 - 1);
}

#[test]
fn nobody_is_convicted_by_the_firms_word_alone() {
    // Another range: whether an event differs the notes do not show.
    let (folder, mut made) = founded();
    let two = [1, 2].map(|n| event(&made, n, Change::Issued));
    made.submit(SCHOOL, "main", &two);
    made.conflict(SCHOOL, "main", 1);
    made.finish();
    let audited = fires(&folder, "conflict", 0);
    assert!(audited.findings[0]["inputs"].get("against_index").is_none(), "{}", audited.said);
    // Nothing is logged there.
    let (folder, mut made) = founded();
    let one = event(&made, 1, Change::Issued);
    made.submit(SCHOOL, "main", &[one]);
    let index = made.conflict(SCHOOL, "main", 1);
    made.finish();
    assert!(fires(&folder, "entry", 1).names("entry", "main", 1, index.0));
}

#[test]
fn silence_is_held_against_the_streams_own_pace_and_a_heartbeat_breaks_it() {
    // Nothing at the end, nothing in between; and a heartbeat in time.
    for (gap_days, heartbeat, then, is_silent) in [
        (8, false, false, true),
        (8, false, true, true),
        (6, false, false, false),
        (8, true, true, false),
    ] {
        let (folder, mut made) = founded();
        let one = event(&made, 1, Change::Issued);
        made.submit(SCHOOL, "main", &[one]);
        made.now_us += gap_days * DAY_US / 2;
        if heartbeat {
            made.heartbeat(SCHOOL, "main");
        }
        made.now_us += gap_days * DAY_US / 2;
        if then {
            let one = event(&made, 2, Change::Issued);
            made.submit(SCHOOL, "main", &[one]);
        }
        made.finish();
        if is_silent {
            let audited = fires(&folder, "silence", 0);
            assert_eq!(audited.findings[0]["place"]["stream"], "main");
            assert_eq!(audited.findings.len(), 1);
        } else {
            assert_eq!(Audited::of(folder.path(), &["--strict"]).said.code, Some(0));
        }
    }
    // A stream with something once a week may be silent for a month.
    let (folder, mut made) = founded();
    for number in 0..6 {
        let one = event(&made, number, Change::Issued);
        made.submit(SCHOOL, "main", &[one]);
        made.now_us += 7 * DAY_US;
    }
    made.now_us += 23 * DAY_US;
    made.finish();
    assert_eq!(Audited::of(folder.path(), &["--strict"]).said.code, Some(0));
    assert_eq!(Audited::of(folder.path(), &["--silence-factor", "4"]).findings.len(), 1);
}

#[test]
fn what_was_erased_must_be_named_and_what_is_named_be_erased() {
    let three = |made: &MadeBundle| [1, 2, 3].map(|n| event(made, n, Change::Issued));
    for (is_gone, is_named, rule, code) in [
        (true, true, None, 0),
        (true, false, Some("erased"), 1),
        (false, true, Some("not-erased"), 0),
    ] {
        let (folder, mut made) = founded();
        if is_gone {
            made.erased.insert((Name::parse("main").unwrap(), 1));
        }
        let events = three(&made);
        let index = made.submit(SCHOOL, "main", &events);
        if is_named {
            made.erasure(SCHOOL, "main", (1, 1));
        }
        made.finish();
        if let Some(rule) = rule {
            let audited = fires(&folder, rule, code);
            assert!(audited.names(rule, "main", 1, index.0), "{}", audited.said);
        } else {
            let audited = Audited::of(folder.path(), &["--strict"]);
            assert_eq!(audited.said.code, Some(0), "{}", audited.said);
            assert_eq!(audited.summary["erased"], 1);
        }
    }
}

#[test]
fn an_erasure_logged_ahead_hides_nothing() {
    let (folder, mut made) = founded();
    made.erased.extend([1, 2].map(|sequence| (Name::parse("main").unwrap(), sequence)));
    let one = event(&made, 1, Change::Issued);
    made.submit(SCHOOL, "main", &[one]);
    let ahead =
        "witness-erasure/v1\nwitness.example/log1\nschool.example\nrequest\nmain 0 1000000000\n";
    let early = made.log(EntryKind::Erasure, ahead.to_owned());
    let two = [2, 3].map(|n| event(&made, n, Change::Issued));
    let left_out = made.submit(SCHOOL, "main", &two);
    made.finish();
    let audited = Audited::of(folder.path(), &[]);
    assert_eq!(audited.said.code, Some(1), "{}", audited.said);
    assert!(audited.names("erasure-early", "main", 1, early.0), "{}", audited.said);
    for sequence in [1, 2] {
        assert!(audited.names("erased", "main", sequence, left_out.0), "{}", audited.said);
    }
    // What it named of the past is there, and should not be.
    assert_eq!(
        audited.rules().into_iter().collect::<Vec<_>>(),
        ["erased", "erasure-early", "not-erased"]
    );
    assert_eq!(audited.findings.len(), 4, "{}", audited.said);
}

#[test]
fn half_of_an_amendment_fails_the_check() {
    let (folder, mut made) = founded();
    let link = Hash::of(b"link");
    let all = [event(&made, 1, Change::Issued), event(&made, 1, Change::Replaced { link })];
    let index = made.submit(SCHOOL, "main", &all);
    made.finish();
    assert!(fires(&folder, "bodies", 1).names("bodies", "main", 1, index.0));
}
