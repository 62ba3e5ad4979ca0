//! Requests that are begun and never finished.

use std::{
    fs,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame};
use tokio::task::JoinHandle;
use tonic::{
    Code, Request, Status,
    codegen::http,
    transport::{Channel, Endpoint},
};
use tower::{Service as _, ServiceExt as _};
use witness_tests::{Issuer, Server, document, issued, refusal};
use witness_wire::v1::ListLogsRequest;

use super::site::{Site, bearing, connect_plain, list_logs};

/// A body that begins and does not go on.
struct Half(Option<Bytes>);

impl Body for Half {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

/// Begins a message of so many bytes, sends some of them, and gives how it ends.
async fn begin(mut channel: Channel, method: &str, (length, sent): (u32, usize)) -> Status {
    let head = [&[0][..], &length.to_be_bytes()].concat();
    let begun = [head, vec![b'x'; sent]].concat();
    let request = http::Request::post(format!("/witness.v1.IngestService/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::new(Half(Some(begun.into()))))
        .unwrap();
    let response = channel.ready().await.unwrap().call(request).await.unwrap();
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let mut body = Box::pin(response.into_body());
    loop {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await;
        let frame = frame.unwrap().unwrap();
        if let Some(trailers) = frame.trailers_ref() {
            return Status::from_header_map(trailers).unwrap();
        }
    }
}

/// Memory of the process that lies in the machine's, in MiB.
fn resident_mib(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() / 1024
}

/// Begins 100 requests of 4 MiB, sends 3 MiB of each, and waits until they are cut off.
async fn send_halves(server: &Server, idle: u64) {
    let mut begun = Vec::new();
    for _ in 0..25 {
        // As much of each as a connection lets through.
        let channel = connect_plain(server).await;
        for _ in 0..4 {
            let half = (4 << 20, 3 << 20);
            begun.push(tokio::spawn(begin(channel.clone(), "Submit", half)));
        }
    }
    for call in begun {
        let status = call.await.unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        assert_eq!(refusal(&status).reason, "REQUEST_STALLED");
    }
    assert_eq!(server.metric("witness_calls_under_way"), idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_is_cut_off_and_leaves_nothing_behind() {
    let site = Site::new();
    let server =
        site.start("[limits]\nstalled_after_s = 3\n[limits.anybody]\nunfinished_mib = 512\n");
    let idle = server.metric("witness_calls_under_way");
    let before_mib = resident_mib(&server);
    // Each time 300 MiB are sent.
    for _ in 0..2 {
        send_halves(&server, idle).await;
    }
    // The allocator gives back what is free a little later, as it is used.
    for _ in 0..1_200 {
        if resident_mib(&server) < before_mib + 100 {
            server.stop();
            return;
        }
        assert_eq!(server.metric("witness_calls_under_way"), idle);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{before_mib} MiB have become {} MiB, and stay so", resident_mib(&server));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_has_so_much_unfinished_and_others_are_served_meanwhile() {
    let site = Site::new();
    let server = site.start("[limits.anybody]\nunfinished_mib = 8\n");
    let (_, token) = site.grant(&server, &["--until", "2999-12-31"]);
    let channel = connect_plain(&server).await;
    let half = || tokio::spawn(begin(channel.clone(), "Submit", (4 << 20, 4_000_000)));
    let mut calls: Vec<_> = (0..3).map(|_| half()).collect();
    // One of them is too much, whichever it is.
    let refused = loop {
        if let Some(index) = calls.iter().position(JoinHandle::is_finished) {
            break calls.remove(index).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let told = refusal(&refused);
    assert_eq!((refused.code(), &*told.reason), (Code::ResourceExhausted, "OVER_LIMIT"));
    assert_eq!(told.metadata["limit"], "unfinished_mib");
    assert!(witness_wire::refusal::retry_after(&refused).is_some());
    let mut stream = Issuer::of_dev(&site.data).stream("main");
    let submission = bearing(stream.next(&[issued(document("meanwhile"))]), &token);
    server.clients().await.ingest.submit(submission).await.unwrap();
    // What is given up is free again.
    calls.iter().for_each(JoinHandle::abort);
    for call in calls {
        assert!(call.await.is_err_and(|error| error.is_cancelled()), "two fit");
    }
    let many: Vec<_> = (0..4_000).map(|n| issued(document(n))).collect();
    let (many, mut clients) = (stream.next(&many), server.clients().await);
    // The service hears of it a little later.
    while let Err(status) = clients.submit(many.clone()).await {
        assert_eq!(refusal(&status).reason, "OVER_LIMIT");
        tokio::time::sleep(witness_wire::refusal::retry_after(&status).unwrap()).await;
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_one_message_takes_no_second_one() {
    let site = Site::new();
    let server = site.start("");
    let idle = server.metric("witness_calls_under_way");
    // An empty message after an empty one.
    let status = begin(connect_plain(&server).await, "Position", (0, 5)).await;
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(server.metric("witness_calls_under_way"), idle);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_an_answer_is_hung_up_on_and_others_are_served() {
    let site = Site::new();
    let server = site.start("[limits]\nstalled_after_s = 1\n");
    let idle = server.metric("witness_calls_under_way");
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
    let channel = endpoint.initial_stream_window_size(0).connect().await.unwrap();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { list_logs(&channel, Request::new(ListLogsRequest {})).await })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().is_err(), "it was answered without being able to");
    }
    let other = connect_plain(&server).await;
    list_logs(&other, Request::new(ListLogsRequest {})).await.unwrap();
    assert_eq!(server.metric("witness_calls_under_way"), idle);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_call_may_be_silent_between_two_messages_and_not_within_one() {
    let site = Site::new();
    let server = site.start("[limits]\nstalled_after_s = 1\n");
    let channel = connect_plain(&server).await;
    let silent = tokio::spawn(begin(channel.clone(), "SubmitStream", (0, 0)));
    let within = begin(channel, "SubmitStream", (1_000, 10)).await;
    assert_eq!(refusal(&within).reason, "REQUEST_STALLED");
    // An empty message is refused as an answer in its place; the call goes on.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!silent.is_finished(), "it was ended");
    silent.abort();
    server.stop();
}
