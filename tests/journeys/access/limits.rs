//! How much each caller may take, and that it takes it from nobody else.

use std::time::Duration;

use tokio_stream::{iter, wrappers::UnboundedReceiverStream};
use tonic::{Code, Request, Status};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
};
use witness_tests::{Issuer, document, issued, refusal};
use witness_wire::{
    refusal::retry_after,
    v1::{
        ListLogsRequest, SubmitRequest, ingest_service_client::IngestServiceClient,
        submit_response::Answer,
    },
};

use super::site::{Site, bearing, connect_plain, list_logs};

/// Which limit a call is over, and when it is to be tried again.
#[track_caller]
fn over(result: Result<(), Status>) -> (String, Duration) {
    let status = result.unwrap_err();
    let told = refusal(&status);
    assert_eq!((status.code(), &*told.reason), (Code::ResourceExhausted, "OVER_LIMIT"));
    assert!(status.metadata().contains_key("grpc-retry-pushback-ms"), "{status:?}");
    (told.metadata["limit"].clone(), retry_after(&status).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_too_often_is_told_when_to_try_again_and_others_are_unaffected() {
    let site = Site::new();
    let server = site.start("[limits.anybody]\ncalls_per_s = 3\n");
    let (_, token) = site.grant(&server, &["--until", "2999-12-31"]);
    let channel = connect_plain(&server).await;
    let anybody = || list_logs(&channel, Request::new(ListLogsRequest {}));
    let mut refused = anybody().await;
    while refused.is_ok() {
        refused = anybody().await;
    }
    let (limit, mut after) = over(refused);
    assert_eq!(limit, "calls_per_s");
    for _ in 0..50 {
        list_logs(&channel, bearing(ListLogsRequest {}, &token)).await.unwrap();
    }
    // Over HTTP it is the same caller: by its address.
    let http = (0..50).map(|_| server.get("/keys")).find(|answer| answer.status != 200).unwrap();
    assert_eq!(http.status, 429);
    // Whoever heeds the hint gets through.
    for round in 0.. {
        tokio::time::sleep(after).await;
        match anybody().await {
            Ok(()) => break,
            refused => (_, after) = over(refused),
        }
        assert!(round < 50, "the hint is no help");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_has_so_many_long_calls_at_a_time_and_another_one_has_its_own() {
    let site = Site::new();
    let server = site.start("[limits.anybody]\nstreams = 1\n[limits.known]\nstreams = 1\n");
    let (_, token) = site.grant(&server, &["--until", "2999-12-31"]);
    let channel = connect_plain(&server).await;
    let open = async |token: Option<&str>| {
        let (questions, asked) = tokio::sync::mpsc::unbounded_channel::<ServerReflectionRequest>();
        let asked = UnboundedReceiverStream::new(asked);
        let request = match token {
            Some(token) => bearing(asked, token),
            None => Request::new(asked),
        };
        let mut client = ServerReflectionClient::new(channel.clone());
        client.server_reflection_info(request).await.map(|answers| (questions, answers))
    };
    let first = open(None).await.unwrap();
    assert_eq!(over(open(None).await.map(drop)).0, "streams");
    let _known = open(Some(&token)).await.unwrap();
    assert_eq!(over(open(Some(&token)).await.map(drop)).0, "streams");
    list_logs(&channel, Request::new(ListLogsRequest {})).await.unwrap();
    drop(first);
    // The service hears of it a little later.
    while let Err(status) = open(None).await {
        let (_, after) = over(Err(status));
        tokio::time::sleep(after).await;
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_over_the_rate_slow_a_call_down_and_do_not_break_it() {
    let site = Site::new();
    let server = site.start("[limits.anybody]\nmib_per_s = 1\n");
    let mut stream = Issuer::of_dev(&site.data).stream("main");
    let requests: Vec<SubmitRequest> = (0..10_u64)
        .map(|n| {
            let many: Vec<_> = (0..1_000).map(|m| issued(document(n * 1_000 + m))).collect();
            stream.next(&many)
        })
        .collect();
    let mut ingest = IngestServiceClient::new(connect_plain(&server).await);
    let mut answers = ingest.submit_stream(iter(requests)).await.unwrap().into_inner();
    let mut receipts = 0;
    while let Some(response) = answers.message().await.unwrap() {
        assert!(matches!(response.answer, Some(Answer::Receipt(_))), "{response:?}");
        receipts += 1;
    }
    assert_eq!(receipts, 10);
    server.stop();
}
