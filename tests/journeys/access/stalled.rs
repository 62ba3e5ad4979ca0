//! Requests that are begun and never finished.

use std::{
    fs,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame};
use tonic::{Code, Status, codegen::http, transport::Channel};
use tower::{Service as _, ServiceExt as _};
use witness_tests::{Issuer, Server, document, issued, refusal};

use super::site::{Site, connect_plain};

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

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_is_cut_off_and_leaves_nothing_behind() {
    const MESSAGE: u32 = 4 << 20;
    let site = Site::new();
    let server = site.start("[limits]\nstalled_after_s = 2\n");
    let idle = server.metric("witness_calls_under_way");
    let before_mib = resident_mib(&server);
    let mut begun = Vec::new();
    for _ in 0..25 {
        // As much of each as a connection lets through.
        let channel = connect_plain(&server).await;
        for _ in 0..4 {
            let half = (MESSAGE, 3 << 20);
            begun.push(tokio::spawn(begin(channel.clone(), "Submit", half)));
        }
    }
    while server.metric("witness_calls_under_way") < idle + 100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Others are served meanwhile.
    let mut stream = Issuer::of_dev(&site.data).stream("main");
    let mut clients = server.clients().await;
    clients.submit(stream.next(&[issued(document("meanwhile"))])).await.unwrap();
    for call in begun {
        let status = call.await.unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        assert_eq!(refusal(&status).reason, "REQUEST_STALLED");
    }
    assert_eq!(server.metric("witness_calls_under_way"), idle);
    // 300 MiB were sent.
    let after_mib = resident_mib(&server);
    assert!(after_mib < before_mib + 100, "{before_mib} MiB have become {after_mib} MiB");
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
