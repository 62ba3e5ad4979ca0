//! A service that says when to call again is called again then, and no earlier, by who says that it waits.

use std::fs;

use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
};
use witness_tests::{Said, Server, Trust, Witness};

use super::{check_journal, table::Table};
use crate::access::site::{Site, bearing, connect_plain};

const ROWS: u64 = 200;
const LIMITS: &str = "[limits.known]\ncalls_per_s = 1\nstreams = 1\n";

/// Calls over a limit so far.
fn refused(server: &Server, limit: &str) -> u64 {
    server.metric_under("witness_over_limit_total", ("limit", limit))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_to_call_again_later_waits_as_long_and_brings_every_row_into_the_log() {
    let site = Site::new();
    let server = site.start(LIMITS);
    // The only long call at a time that this caller may have.
    let held = hold_a_call(&site, &server).await;
    let folder = tempfile::tempdir().unwrap();
    Table::Ndjson.write(folder.path(), &Table::Ndjson.rows(ROWS));
    let path = |name: &str| site.data.path().join(name).display().to_string();
    let (key, policy) = (path("issuer.example.skey"), path("policy.json"));
    let token = site.path("issuer.token").display().to_string();
    let submit = ["submit", "--json", "--key", &key, "--policy", &policy, "--token-file", &token];
    let rest = ["--stream", "main", "--batch", "8", Table::Ndjson.file()];
    let witness = Witness::within(folder.path()).asking(&server);
    let mut running = witness.start(&[&submit[..], &rest].concat());
    assert!(running.wait_for(|| refused(&server, "streams") > 0), "it ended by itself");
    drop(held);
    let said: Said = running.end().expect(0);
    assert!(said.stderr.contains("note: waiting for the server: one caller may"), "{said}");
    assert_eq!(said.json()["accepted"]["events"], ROWS, "{said}");
    // It makes three calls. One that comes when it was told to is refused no second time for being early.
    let (early, streams) = (refused(&server, "calls_per_s"), refused(&server, "streams"));
    assert!(
        early <= 3 + streams,
        "refused {early} times for being early, {streams} for another call"
    );
    let journal = folder.path().join(super::JOURNAL);
    assert_eq!(check_journal(&journal, &Trust::of_dev(&site.data)), ROWS);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_the_first_call_is_as_patient_as_the_others() {
    let site = Site::new();
    let server = site.start("[limits.known]\ncalls = 1\n");
    // The only call at a time that this caller may have.
    let held = hold_a_call(&site, &server).await;
    let folder = tempfile::tempdir().unwrap();
    Table::Ndjson.write(folder.path(), &Table::Ndjson.rows(8));
    let key = site.data.path().join("issuer.example.skey").display().to_string();
    let token = site.path("issuer.token").display().to_string();
    let submit = ["submit", "--json", "--key", &key, "--token-file", &token, "--stream", "main"];
    let witness = Witness::within(folder.path()).asking(&server);
    let mut running = witness.start(&[&submit[..], &[Table::Ndjson.file()]].concat());
    assert!(running.wait_for(|| refused(&server, "calls") > 0), "it ended by itself");
    drop(held);
    let said = running.end().expect(0);
    assert!(said.stderr.contains("note: waiting for the server: one caller may"), "{said}");
    assert!(said.stderr.contains("no --policy was given"), "{said}");
    assert_eq!(said.json()["accepted"]["events"], 8, "{said}");
    server.stop();
}

/// Lets the issuer in, by `issuer.token`, and opens a long call of its, which ends when this is dropped.
async fn hold_a_call(site: &Site, server: &Server) -> impl Sized + use<> {
    let grant = ["access", "grant", "--role", "issuer", "--issuer", "issuer.example"];
    let named = ["--name", "issuer", "--until", "2999-12-31", "--token-file", "issuer.token"];
    let _granted = site.witness(server, &[&grant[..], &named].concat()).expect(0);
    let token = fs::read_to_string(site.path("issuer.token")).unwrap();
    let (questions, asked) = tokio::sync::mpsc::unbounded_channel::<ServerReflectionRequest>();
    let mut client = ServerReflectionClient::new(connect_plain(server).await);
    let asked = bearing(UnboundedReceiverStream::new(asked), token.trim_end());
    let answers = client.server_reflection_info(asked).await.unwrap();
    (questions, answers)
}
