//! Each refusal through gRPC: its own reason, a message that names what was expected, nothing logged, and
//! not a byte of what must stay hidden in message, server log or metrics.

mod cases;

use std::collections::BTreeSet;

use cases::{Case, WIDE, details, events, notes, places, sequences, sheet, sizes};

use tonic::Code;
use witness_core::{event::Event, name::Name, submission::Heartbeat, time::Timestamp};
use witness_tests::{Clients, Data, Issuer, Server, document, issued, now_us, refusal};
use witness_wire::{Bytes, v1};

/// Everything in a request that only its bearer may know.
fn secrets(request: &v1::SubmitRequest) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for event in &request.events {
        let text = String::from_utf8_lossy(event).into_owned();
        found.extend(text.lines().nth(1).map(str::to_owned));
        found.extend(text.lines().nth(2).and_then(|line| Some(line.split_once(' ')?.1.to_owned())));
        found.extend(Event::parse(event).map(|event| event.document.0.to_base64()));
    }
    for details in &request.details {
        let text = String::from_utf8_lossy(details).into_owned();
        found.extend(text.lines().nth(1).map(str::to_owned));
        found.extend(
            text.lines().skip(2).filter_map(|line| Some(line.split_once(['=', ':'])?.1.to_owned())),
        );
    }
    found
}

async fn refuse_each(
    cases: Vec<Case>,
    server: &Server,
    clients: &mut Clients,
    hidden: &mut BTreeSet<String>,
) -> BTreeSet<String> {
    let mut reasons = BTreeSet::new();
    for (request, reason, code, words) in cases {
        let secrets = secrets(&request);
        let before = server.metric("witness_log_size");
        let refused = clients.refused(request).await;
        assert_eq!(refused.reason, reason, "{refused:?}");
        assert_eq!(Code::from(i32::try_from(refused.code).unwrap()), code, "{refused:?}");
        assert!(refused.message.contains(words), "{words}: {refused:?}");
        let shown = format!("{refused:?}");
        let leak = secrets.iter().find(|secret| shown.contains(secret.as_str()));
        assert_eq!(leak, None, "{shown}");
        let grown = server.metric("witness_log_size") - before;
        assert_eq!(grown, u64::from(reason == "CONFLICT"), "{reason}");
        hidden.extend(secrets);
        reasons.insert(refused.reason);
    }
    reasons
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_a_reason_of_its_own_and_repeats_nothing_hidden() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    server.register(WIDE, &[]).await.unwrap();
    let mut stream = issuer.stream("main");
    let mut hidden = BTreeSet::new();
    let cases =
        [notes(&stream), places(&stream), sizes(&stream), events(&stream), details(&stream)];
    let mut seen = refuse_each(cases.concat(), &server, &mut clients, &mut hidden).await;

    let occurrences = [issued(document("a")), issued(document("b"))];
    let logged = stream.sheet(&occurrences);
    clients.submit(stream.next(&occurrences)).await.unwrap();
    let cases = sequences(&stream, &logged);
    seen.extend(refuse_each(cases, &server, &mut clients, &mut hidden).await);

    let second = Issuer::from_seed(issuer.domain.as_str(), 2);
    let added = format!("key-added {} {}\n", issuer.domain, second.key.verifying_key());
    server.register(&added, &[&second.key, &issuer.key]).await.unwrap();
    let id = second.key.verifying_key().id();
    let revoked = format!("key-revoked {} {id} {}\n", issuer.domain, now_us());
    server.register(&revoked, &[]).await.unwrap();
    let case = (
        sheet(&stream).sign(&second.key),
        "REVOKED_KEY",
        Code::Unauthenticated,
        "sign with a living key",
    );
    seen.extend(refuse_each(vec![case], &server, &mut clients, &mut hidden).await);

    let expected = [
        "ALREADY_LOGGED",
        "BAD_SIGNATURE",
        "BROKEN_PAIR",
        "CONFLICT",
        "DETAILS_COUNT_MISMATCH",
        "DETAILS_HASH_MISMATCH",
        "DETAILS_MISSING",
        "DETAILS_UNEXPECTED",
        "EVENT_COUNT_MISMATCH",
        "EVENT_TOO_LARGE",
        "FIELD_REFUSED",
        "MALFORMED_DETAILS",
        "MALFORMED_EVENT",
        "MALFORMED_NOTE",
        "MALFORMED_SUBMISSION",
        "OTHER_LOG",
        "OUT_OF_SEQUENCE",
        "PERSONAL_DATA",
        "REVOKED_KEY",
        "ROOT_MISMATCH",
        "SUBMISSION_TOO_LARGE",
        "TOO_MANY_EVENTS",
        "UNKNOWN_CLAIM_TYPE",
        "UNKNOWN_ISSUER",
        "UNKNOWN_KEY",
        "UNKNOWN_STREAM",
        "WRONG_PREVIOUS_HASH",
    ];
    assert!(seen.iter().eq(&expected), "{seen:?}");
    let metrics = server.found("/metrics").text().to_owned();
    for reason in expected {
        let counted = format!("witness_refusals_total{{reason=\"{reason}\"}} ");
        assert!(metrics.contains(&counted), "{reason} is not counted:\n{metrics}");
    }
    let log = server.stop();
    let leak = hidden.iter().find(|hidden| log.contains(*hidden) || metrics.contains(*hidden));
    assert_eq!(leak, None, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_is_logged_and_refused_when_it_is_stale() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let trust = witness_tests::Trust::of_dev(&data);
    let mut clients = server.clients().await;
    let beat = |at: u64, next_sequence: u64| {
        let (origin, domain) = (issuer.origin.clone(), issuer.domain.clone());
        let (stream, at) = (Name::parse("main").unwrap(), Timestamp::from_micros(at));
        let text = Heartbeat { origin, issuer: domain, stream, next_sequence, at }.encode();
        let note = witness_core::note::Note::new(text.clone(), vec![issuer.key.sign(&text, at)]);
        v1::HeartbeatRequest { heartbeat: Bytes::from(note.to_string()) }
    };
    let alive = beat(1_000, 0);
    let receipt =
        clients.ingest.heartbeat(alive.clone()).await.unwrap().into_inner().receipt.unwrap();
    let kind = witness_core::entry::EntryKind::Heartbeat;
    let checkpoint = trust.receipt_of(kind, &alive.heartbeat, &receipt);
    assert_eq!(checkpoint.size.0, receipt.index + 1);
    for stale in [beat(1_000, 0), beat(999, 0), beat(2_000, 1)] {
        let refused = refusal(&clients.ingest.heartbeat(stale).await.unwrap_err());
        assert_eq!(refused.reason, "STALE_HEARTBEAT");
        assert!(refused.message.contains("next sequence 0"), "{refused:?}");
    }
    server.stop();
}
