//! What becomes of submissions that do not fit: in a stream of calls each answer stands in its place, and a
//! conflict is refused and logged, once, because the two notes convict the issuer.

use std::collections::BTreeMap;

use tokio_stream::iter;
use witness_core::{
    entry::{Entry, EntryKind},
    event::Change,
};
use witness_tests::{
    Clients, Data, Issuer, Stream, Trust, document, issued, occurred, pushed_back, refusal, request,
};
use witness_wire::{
    Bytes, MESSAGE_BYTES_MAX,
    v1::{self, submit_response::Answer},
};

const DAY_US: u64 = 24 * 3_600 * 1_000_000;

/// Reasons of the answers to a stream of submissions, in order; empty for a receipt.
async fn answers(clients: &mut Clients, requests: Vec<v1::SubmitRequest>) -> Vec<String> {
    let call = clients.ingest.submit_stream(iter(requests)).await.unwrap();
    let mut answers = call.into_inner();
    let mut reasons = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        reasons.push(pushed_back(answer).map(|refusal| refusal.reason).unwrap_or_default());
    }
    reasons
}

fn one(stream: &mut Stream, name: &str) -> v1::SubmitRequest {
    stream.next(&[issued(document(format!("{} {name}", stream.name)))])
}

/// Entries of kind conflict: their bodies, in order.
async fn conflicts(clients: &mut Clients) -> Vec<String> {
    logged_conflicts(clients).await.into_iter().map(|entry| entry.body).collect()
}

async fn logged_conflicts(clients: &mut Clients) -> Vec<Entry> {
    let entries = clients.entries(0).await;
    let parsed = entries.iter().map(|entry| Entry::parse(&entry.text).unwrap());
    parsed.filter(|entry| entry.kind == EntryKind::Conflict).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_stream_of_calls_a_refusal_is_an_answer_in_its_place_and_other_streams_are_not_touched()
 {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    let mut main = issuer.stream("main");
    let mut side = server.open_stream(&issuer, "side").await;
    let first = one(&mut main, "first");
    let mut spoilt = one(&mut main, "second");
    let good = spoilt.clone();
    spoilt.details[0] = Bytes::from_static(b"witness-details/v1\n");
    let (third, fourth) = (one(&mut main, "third"), one(&mut main, "fourth"));
    let (side_one, side_two) = (one(&mut side, "one"), one(&mut side, "two"));
    let requests = vec![
        first.clone(),
        side_one,
        spoilt,
        third.clone(),
        side_two,
        fourth.clone(),
        good,
        third,
        first,
        fourth,
    ];
    let expected =
        ["", "", "DETAILS_HASH_MISMATCH", "OUT_OF_SEQUENCE", "", "OUT_OF_SEQUENCE", "", "", "", ""];
    assert_eq!(answers(&mut clients, requests).await, expected);
    let position = clients.position(&issuer.domain, &main.name).await;
    assert_eq!(position.next_sequence, 4);
    assert_eq!(position.previous_hash, main.position().previous.as_bytes().as_slice());
    assert_eq!(clients.position(&issuer.domain, &side.name).await.next_sequence, 2);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_names_the_position_from_which_the_issuer_can_go_on() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    let mut stream = issuer.stream("main");
    let first = one(&mut stream, "first");
    clients.submit(first.clone()).await.unwrap();
    let expected = stream.position();
    let _never_sent = one(&mut stream, "second");
    let refused = clients.refused(one(&mut stream, "third")).await;
    assert_eq!(refused.reason, "OUT_OF_SEQUENCE");
    let value = |name: &str| refused.metadata[name].clone();
    assert_eq!(value("expected_sequence"), "1");
    assert_eq!(value("expected_previous_hash"), expected.previous.to_base64());
    // Whoever lost its journal resumes from what the refusal says.
    let mut resumed = issuer.stream_at("main", expected);
    clients.submit(one(&mut resumed, "second")).await.unwrap();
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_bound_ends_its_call_after_the_answers_that_came_before() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    let mut stream = issuer.stream("main");
    let mut requests: Vec<_> = (0..40).map(|n| one(&mut stream, &n.to_string())).collect();
    let light = requests[0].clone();
    let mut heavy = light.clone();
    heavy.events[0] = Bytes::from(vec![b'x'; MESSAGE_BYTES_MAX]);
    requests.push(heavy.clone());
    requests.push(one(&mut stream, "later"));
    let call = clients.ingest.submit_stream(iter(requests)).await.unwrap();
    let mut answers = call.into_inner();
    for n in 0..40 {
        let answer = answers.message().await;
        let answer = answer.unwrap_or_else(|status| panic!("instead of answer {n}: {status:?}"));
        assert_eq!(pushed_back(answer.unwrap()), None);
    }
    let refused = refusal(&answers.message().await.unwrap_err());
    assert_eq!(refused.reason, "MESSAGE_TOO_LARGE");
    assert!(refused.message.contains(&MESSAGE_BYTES_MAX.to_string()), "{refused:?}");
    // Little on the wire, much in memory.
    let details = vec![Bytes::new(); witness_wire::codec::FIELDS_MAX];
    let wide = clients.refused(v1::SubmitRequest { details, ..light }).await;
    assert_eq!(wide.reason, "MESSAGE_TOO_LARGE");
    let alone = clients.refused(heavy).await;
    assert_eq!((alone.reason, alone.message), (refused.reason, refused.message));
    assert_eq!(clients.position(&issuer.domain, &stream.name).await.next_sequence, 40);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_refused_with_the_logged_note_and_logged_once() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let trust = Trust::of_dev(&data);
    let mut clients = server.clients().await;
    let mut stream = issuer.stream("main");
    let logged = stream.cut(&[issued(document("a")), issued(document("b")), issued(document("c"))]);
    let receipt = clients.submit(request(&logged)).await.unwrap();
    let mut other = issuer.stream("main");
    let denial = [issued(document("a")), occurred(document("b"), Change::Deleted)];
    let contradicting = request(&other.cut(&denial));
    for _ in 0..3 {
        let refused = clients.refused(contradicting.clone()).await;
        assert_eq!(refused.reason, "CONFLICT");
        assert_eq!(refused.metadata["logged_note"], logged.note.to_string());
        assert_eq!(refused.metadata["expected_sequence"], "3");
        // Salts depend on the content, so the drafts part at the first event that differs.
        assert!(["0", "1"].contains(&refused.metadata["conflicting_sequence"].as_str()));
    }
    server.settled();
    let note = String::from_utf8(contradicting.submission.to_vec()).unwrap();
    assert_eq!(conflicts(&mut clients).await, [note]);
    // The issuer goes on from where it stood, and what it had logged stands.
    let again = clients.submit(request(&logged)).await.unwrap();
    assert_eq!(again, receipt);
    let next = clients.submit(stream.next(&[issued(document("d"))])).await.unwrap();
    assert_eq!(next.index, receipt.index + 2);
    server.stop();
    let server = data.start();
    let mut clients = server.clients().await;
    assert_eq!(clients.refused(contradicting).await.reason, "CONFLICT");
    server.settled();
    assert_eq!(conflicts(&mut clients).await.len(), 1);
    assert_eq!(trust.receipt(logged.note.to_string().as_bytes(), &again).size.0, again.index + 1);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_of_one_stream_are_bounded_and_an_issuer_cannot_fill_the_log_with_them() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    let mut stream = issuer.stream("main");
    clients.submit(one(&mut stream, "said")).await.unwrap();
    let denials = (0..40).map(|n| one(&mut issuer.stream("main"), &format!("denied {n}")));
    let call = clients.ingest.submit_stream(iter(denials.collect::<Vec<_>>())).await.unwrap();
    let mut answers = call.into_inner();
    let mut refused = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        assert!(
            matches!(answer.answer, Some(Answer::Refusal(ref why)) if why.reason == "CONFLICT")
        );
        refused += 1;
    }
    assert_eq!(refused, 40);
    server.settled();
    // The bound is for a day of UTC, which may end between two of them.
    let mut by_day: BTreeMap<u64, u32> = BTreeMap::new();
    for entry in logged_conflicts(&mut clients).await {
        *by_day.entry(entry.received_at.micros() / DAY_US).or_default() += 1;
    }
    assert_eq!(by_day.values().max(), Some(&16), "{by_day:?}");
    server.stop();
}
