//! The disk: it fills up, its volumes are not mounted. Nothing acknowledged is lost, and no second history
//! begins.

use std::fs;

use prost::Message as _;
use witness_tests::{Data, Issuer, Trust, document, issued, request};

/// Blocks of 512 bytes that a file may have: a stand-in for the end of the disk. The write that would go beyond
/// fails, as it does on a full one.
const FILE_BLOCKS_MAX: u32 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_ends_the_process_and_loses_nothing_that_was_acknowledged() {
    let data = Data::new();
    data.start().stop();
    let trust = Trust::of_dev(&data);
    let server = data.start_with_file_limit(FILE_BLOCKS_MAX);
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    let mut acknowledged = Vec::new();
    let unanswered = loop {
        let many: Vec<_> = (0..20).map(|n| issued(document(stream_name(&stream, n)))).collect();
        let draft = stream.cut(&many);
        match clients.submit(request(&draft)).await {
            Ok(receipt) => acknowledged.push((draft, receipt)),
            Err(_gone) => break draft,
        }
    };
    let log = server.ended();
    assert!(log.contains("the sequencer cannot go on"), "{log}");
    assert!(acknowledged.len() > 3, "the limit leaves no room to test anything");

    let server = data.start();
    let mut clients = server.clients().await;
    for (draft, receipt) in &acknowledged {
        let again = clients.submit(request(draft)).await.unwrap();
        assert_eq!(again.encode_to_vec(), receipt.encode_to_vec());
        let _checkpoint = trust.receipt(draft.note.to_string().as_bytes(), &again);
    }
    // Whether or not it was written, it is accepted once.
    clients.submit(request(&unanswered)).await.unwrap();
    let events = u64::try_from(acknowledged.len() + 1).unwrap() * 20;
    let position = clients.position(&stream.issuer.domain, &stream.name).await;
    assert_eq!(position.next_sequence, events);
    server.stop();
}

fn stream_name(stream: &witness_tests::Stream, number: u64) -> String {
    format!("{} {}", stream.position().next_sequence, number)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_head_copy_a_log_takes_no_writes_until_the_copy_is_back() {
    let data = Data::new();
    let server = data.start();
    let mut stream = Issuer::of_dev(&data).stream("main");
    server.clients().await.submit(stream.next(&[issued(document("a"))])).await.unwrap();
    server.settled();
    server.stop();
    let copy = data.path().join("head-copies/log1.checkpoint");
    let aside = data.path().join("aside");
    fs::rename(&copy, &aside).unwrap();
    let server = data.start();
    let next = stream.next(&[issued(document("b"))]);
    let refused = server.clients().await.refused(next.clone()).await;
    assert_eq!(refused.reason, "READ_ONLY");
    assert!(refused.message.contains("is not there"), "{refused:?}");
    assert_eq!(server.get("/healthz").status, 503);
    // What it serves is what the copy was.
    assert_eq!(server.found("/log1/checkpoint").body, fs::read(&aside).unwrap());
    server.stop();
    fs::rename(&aside, &copy).unwrap();
    let server = data.start();
    server.clients().await.submit(next).await.unwrap();
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_lost_does_not_begin_again() {
    let data = Data::new();
    data.start().stop();
    let (logs, aside) = (data.path().join("logs/log1"), data.path().join("aside"));
    fs::rename(&logs, &aside).unwrap();
    let log = data.refused("127.0.0.1:0");
    assert!(log.contains("was served from this data") && log.contains("restore it"), "{log}");
    fs::rename(&aside, &logs).unwrap();
    data.start().stop();
}
