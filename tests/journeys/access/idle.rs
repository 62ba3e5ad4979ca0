//! Long calls on which nothing happens any more.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Streaming};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use witness_tests::{Issuer, Server, document, issued, pushed_back, refusal, until};
use witness_wire::v1::SubmitRequest;

use super::site::Site;
use crate::cli_submit::table::Table;

/// Waits until so many calls are under way, the one that asks included.
async fn until_under_way(server: &Server, calls: u64) {
    let under_way = async || server.metric("witness_calls_under_way") == calls;
    until(&format!("{calls} calls are under way"), under_way).await;
}

/// Waits until a call ends, and looks at why.
async fn ends_idle<T>(answers: &mut Streaming<T>) {
    let bound = Duration::from_mins(2);
    let ended = tokio::time::timeout(bound, answers.message()).await.unwrap();
    let Err(status) = ended else { panic!("there is another answer") };
    assert_eq!((status.code(), &*refusal(&status).reason), (Code::Unavailable, "STREAM_IDLE"));
    assert!(refusal(&status).message.contains("open it again"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_of_submissions_ends_behind_its_answers_and_gives_its_place_back() {
    let site = Site::new();
    let limits =
        "[limits]\nidle_after_s = 1\nstalled_after_s = 3600\n[limits.anybody]\nstreams = 1\n";
    let server = site.start(limits);
    let idle = server.metric("witness_calls_under_way");
    let mut stream = Issuer::of_dev(&site.data).stream("main");
    let mut clients = server.clients().await;
    let mut next = |name: &str| stream.next(&[issued(document(name))]);
    for round in 0..2 {
        // The second call finds the one place that there is.
        let (requests, receiver) = mpsc::unbounded_channel::<SubmitRequest>();
        let answers = clients.ingest.submit_stream(UnboundedReceiverStream::new(receiver));
        let mut answers = answers.await.unwrap().into_inner();
        for number in 0..3 {
            requests.send(next(&format!("{round} {number}"))).unwrap();
        }
        for _ in 0..3 {
            assert_eq!(pushed_back(answers.message().await.unwrap().unwrap()), None);
        }
        ends_idle(&mut answers).await;
        until_under_way(&server, idle).await;
        drop(requests);
    }
    assert_eq!(server.metric("witness_submissions_total"), 6);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_nothing_more_ends_and_gives_its_place_back() {
    let site = Site::new();
    let server = site.start("[limits]\nidle_after_s = 1\n");
    let idle = server.metric("witness_calls_under_way");
    let channel = server.clients().await.channel;
    let mut client = HealthClient::new(channel);
    let watched = client.watch(HealthCheckRequest { service: String::new() });
    let mut watched = watched.await.unwrap().into_inner();
    let _serving = watched.message().await.unwrap().unwrap();
    ends_idle(&mut watched).await;
    until_under_way(&server, idle).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn witness_submit_goes_on_over_a_pause_that_ends_its_stream() {
    let site = Site::new();
    let server = site.start("[limits]\nidle_after_s = 1\n");
    let idle = server.metric("witness_calls_under_way");
    let path = |name: &str| site.data.path().join(name).display().to_string();
    let (key, policy) = (path("issuer.example.skey"), path("policy.json"));
    let command = ["submit", "--key", &key, "--policy", &policy, "--stream", "main"];
    let options = ["--batch", "8", "--format", "ndjson", "--json", "-"];
    let mut running = site.beside(&server).start_to_feed(&[&command[..], &options].concat());
    let row = |number: u64| Table::Ndjson.row(number, "issued", "MOD-0001");
    for pause in 1..=2 {
        let rows: String = (pause * 16..pause * 16 + 16).map(row).collect();
        running.feed(&rows);
        let logged = || server.metric("witness_events_total") >= pause * 16 - 8;
        assert!(running.wait_for(logged));
        // Its stream is ended, and it does not know yet.
        until_under_way(&server, idle).await;
    }
    running.feed(&row(48));
    let said = running.end().expect(0);
    assert!(!said.stderr.contains("waiting for the server"), "nobody waits: {said}");
    let said = said.json();
    assert_eq!((&said["outcome"], &said["next_sequence"]), (&"done".into(), &33.into()), "{said}");
    assert_eq!(said["accepted"]["events"], 33, "{said}");
    server.stop();
}
