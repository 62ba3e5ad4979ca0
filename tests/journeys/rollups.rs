//! Roll-ups: made without any chain, each naming the one before, and what they say of a log that went back.

use std::fs;

use witness_core::{
    firm::Role,
    hash::Hash,
    note::{Note, Strict},
    rollup::RollUpTree,
};
use witness_tests::{Data, Issuer, Server, Trust, copy_folder, document, issued, reason, rollup};

const EACH_SECOND: [&str; 2] = ["--rollup-every-s", "1"];

/// Every roll-up up to this one, checked as anybody can check it; how many there are.
fn check_all(server: &Server, trust: &Trust, newest: u64) {
    let mut previous = Hash::ZERO;
    let mut size = 0;
    for sequence in 0..=newest {
        let answer = server.found(&format!("/rollup/{sequence}"));
        assert!(answer.cache_control.contains("immutable"));
        let note = Note::parse(&answer.body).unwrap();
        let role = (Role::RollUp, "witness.example", sequence);
        trust.firm.verify(&note, role, &Strict).unwrap();
        let text = rollup(&answer.body);
        assert_eq!((text.firm.as_str(), text.sequence), ("witness.example", sequence));
        assert_eq!((text.logs, text.previous, text.contracts.len()), (1, previous, 0));
        let body = server.found(&format!("/rollup/{sequence}/checkpoints")).text().to_owned();
        assert_eq!(RollUpTree::new([body.as_str()]).unwrap().root(), text.root);
        let rolled: u64 = body.lines().nth(1).unwrap().parse().unwrap();
        assert!(rolled > size, "a roll-up of nothing new");
        let checkpoint = server.found(&format!("/log1/checkpoint/{rolled}"));
        assert_eq!(Note::parse(&checkpoint.body).unwrap().text(), body);
        (previous, size) = (text.value(), rolled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rollup_names_the_one_before_and_none_is_lost_by_a_kill() {
    let data = Data::new();
    let mut server = data.start_with(&EACH_SECOND);
    let trust = Trust::of_dev(&data);
    let mut stream = Issuer::of_dev(&data).stream("main");
    let mut last = None;
    for round in 0..4 {
        let mut clients = server.clients().await;
        clients.submit(stream.next(&[issued(document(round))])).await.unwrap();
        let newest = server.rolled_up(server.settled());
        assert!(last.is_none_or(|last| newest > last), "{newest} after {last:?}");
        check_all(&server, &trust, newest);
        last = Some(newest);
        // No chain is configured: nobody is asked, and nothing claims to be anchored.
        assert_eq!(server.found("/anchors").text(), "");
        server.kill();
        server = data.start_with(&EACH_SECOND);
        assert!(server.found("/rollup").text().contains(&format!("\n{newest} 1\n")));
    }
    for nothing in ["/rollup/999", "/rollup/x", "/rollup/00", "/rollup/999/checkpoints"] {
        assert_eq!(server.get(nothing).status, 404, "{nothing}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_stands_behind_its_last_rollup_takes_no_writes() {
    let data = Data::new();
    let server = data.start_with(&EACH_SECOND);
    let mut stream = Issuer::of_dev(&data).stream("main");
    server.clients().await.submit(stream.next(&[issued(document("old"))])).await.unwrap();
    server.rolled_up(server.settled());
    server.stop();
    // Somebody who has the log's folder and its head copy, both of yesterday, but not the firm's.
    let yesterday = tempfile::tempdir().unwrap();
    for folder in ["logs", "head-copies"] {
        copy_folder(&data.path().join(folder), &yesterday.path().join(folder));
    }
    let server = data.start_with(&EACH_SECOND);
    server.clients().await.submit(stream.next(&[issued(document("new"))])).await.unwrap();
    let newest = server.rolled_up(server.settled());
    server.stop();
    for folder in ["logs", "head-copies"] {
        fs::remove_dir_all(data.path().join(folder)).unwrap();
        copy_folder(&yesterday.path().join(folder), &data.path().join(folder));
    }
    let mut server = data.start_with(&EACH_SECOND);
    // And once more after it was started once: what was rolled up is not forgotten.
    for _ in 0..2 {
        is_read_only(&server, newest);
        let other = stream.next(&[issued(document("other"))]);
        let refused = server.clients().await.submit(other).await;
        assert_eq!(reason(&refused.unwrap_err()), "READ_ONLY");
        server.stop();
        server = data.start_with(&EACH_SECOND);
    }
    server.stop();
}

/// It takes no writes, still reads, and makes no roll-up over the old copy.
fn is_read_only(server: &Server, newest: u64) {
    let health = server.get("/healthz");
    assert_eq!(health.status, 503);
    let expected = format!("is under roll-up {newest} of this firm");
    assert!(health.text().contains(&expected), "{}", health.text());
    assert_eq!(server.found("/rollup").text(), server.found(&format!("/rollup/{newest}")).text());
    assert_eq!(server.get("/log1/checkpoint").status, 200);
}
