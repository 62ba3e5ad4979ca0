//! Odd truths are recorded, not censored: flagged in receipt and history. And keys: added with proof of
//! possession, rotated, recovered, revoked, and counted by log order alone.

use std::{fs, sync::Arc};

use prost::Message as _;
use witness_core::{
    drafting::Occurrence,
    event::{Change, StatusClass},
    evidence::{self, Evidence},
    note::Strict,
    policy::Policy,
};
use witness_tests::{
    Clients, Data, Issuer, Server, amends, ask, document, issued, now_us, occurred, reason, status,
};
use witness_wire::v1;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

fn at(occurrence: Occurrence, occurred_at: i64) -> Occurrence {
    Occurrence { occurred_at, ..occurrence }
}

/// What happens to a document called after the oddity, and the event that is odd then.
fn oddities() -> Vec<(&'static str, Vec<Occurrence>, u32)> {
    let affirmed = |name| status(document(name), StatusClass::Affirming, "VALID");
    let punished = |name| status(document(name), StatusClass::Punitive, "REVOKED");
    let (gone, back) = (Change::Deleted, Change::Restored);
    vec![
        ("never-issued", vec![punished("never-issued")], 0),
        (
            "issued-again",
            vec![issued(document("issued-again")), issued(document("issued-again"))],
            1,
        ),
        (
            "after-deletion",
            vec![
                issued(document("after-deletion")),
                occurred(document("after-deletion"), gone),
                affirmed("after-deletion"),
            ],
            2,
        ),
        (
            "not-deleted",
            vec![issued(document("not-deleted")), occurred(document("not-deleted"), back)],
            1,
        ),
        (
            "after-replacement",
            vec![
                issued(document("after-replacement")),
                amends(document("after-replacement"), document("new")),
                affirmed("after-replacement"),
            ],
            3,
        ),
        (
            "revocation-undone",
            vec![
                issued(document("revocation-undone")),
                punished("revocation-undone"),
                affirmed("revocation-undone"),
            ],
            2,
        ),
        (
            "future-occurrence",
            vec![at(issued(document("future-occurrence")), now_us() + HOUR_US)],
            0,
        ),
        ("late-report", vec![at(issued(document("late-report")), now_us() - 30 * DAY_US)], 0),
    ]
}

async fn history(clients: &mut Clients, name: &str) -> Vec<v1::get_history_response::Item> {
    let asked = ask("issuer.example", document(name));
    clients.evidence.get_history(asked).await.unwrap().into_inner().items
}

fn flags(receipt: &v1::Receipt) -> Vec<(u32, Vec<String>)> {
    let flag = |anomaly: &v1::Anomaly| (anomaly.event_index, anomaly.anomalies.clone());
    receipt.anomalies.iter().map(flag).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_oddity_is_logged_and_flagged_in_receipt_and_history() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    for (word, occurrences, event) in oddities() {
        let request = stream.next(&occurrences);
        let receipt = clients.submit(request.clone()).await.unwrap();
        assert_eq!(flags(&receipt), [(event, vec![word.to_owned()])], "{word}");
        let again = clients.submit(request).await.unwrap();
        assert_eq!(again.encode_to_vec(), receipt.encode_to_vec(), "{word}: the flags are kept");
        let items = history(&mut clients, word).await;
        let (last, before) = items.split_last().unwrap();
        assert_eq!(last.anomalies, [word], "{word}");
        assert!(before.iter().all(|item| item.anomalies.is_empty()), "{word}: {before:?}");
    }
    let plain = clients.submit(stream.next(&[issued(document("plain"))])).await.unwrap();
    assert_eq!(flags(&plain), []);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_document_goes_over_all_streams_of_its_issuer_and_no_other() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let issuer = Issuer::of_dev(&data);
    let mut main = issuer.stream("main");
    let mut side = server.open_stream(&issuer, "side").await;
    let (shared, gone) = (document("shared"), Change::Deleted);
    let first = clients.submit(main.next(&[issued(shared)])).await.unwrap();
    let deleted = clients.submit(side.next(&[occurred(shared, gone)])).await.unwrap();
    assert_eq!((flags(&first), flags(&deleted)), (vec![], vec![]));
    let after = status(shared, StatusClass::Other, "MOVED");
    let odd = clients.submit(main.next(&[after])).await.unwrap();
    assert_eq!(flags(&odd), [(0, vec!["after-deletion".to_owned()])]);
    let streams: Vec<_> =
        history(&mut clients, "shared").await.into_iter().map(|item| item.stream).collect();
    assert_eq!(streams, ["main", "side", "main"]);

    let neighbour = neighbour(&server).await;
    let mut theirs = server.open_stream(&neighbour, "main").await;
    let apart = clients.submit(theirs.next(&[issued(shared)])).await.unwrap();
    assert_eq!(flags(&apart), []);
    assert_eq!(history(&mut clients, "shared").await.len(), 3);
    // A back-fill brings in the past: late is nothing odd there.
    let opened = format!("stream-opened {} archive INT back-fill\n", issuer.domain);
    server.register(&opened, &[]).await.unwrap();
    let old = at(issued(document("old")), now_us() - 3_650 * DAY_US);
    let filed = clients.submit(issuer.stream("archive").next(&[old])).await.unwrap();
    assert_eq!(flags(&filed), []);
    server.stop();
}

async fn neighbour(server: &Server) -> Arc<Issuer> {
    let neighbour = Issuer::from_seed("neighbour.example", 3);
    server.register("issuer-added neighbour.example\n", &[]).await.unwrap();
    let vkey = neighbour.key.verifying_key();
    let added = format!("key-added neighbour.example {vkey}\n");
    server.register(&added, &[&neighbour.key]).await.unwrap();
    neighbour
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_gets_the_same_receipt_also_after_its_key_was_revoked() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let issuer = Issuer::of_dev(&data);
    let mut stream = issuer.stream("main");
    let odd = status(document("x"), StatusClass::Punitive, "REVOKED");
    let request = stream.next(&[issued(document("y")), odd]);
    let receipt = clients.submit(request.clone()).await.unwrap();
    let id = issuer.key.verifying_key().id();
    let revoked = format!("key-revoked {} {id} {}\n", issuer.domain, now_us());
    server.register(&revoked, &[&issuer.key]).await.unwrap();
    let again = clients.submit(request.clone()).await.unwrap();
    assert_eq!(again.encode_to_vec(), receipt.encode_to_vec());
    let refused = clients.refused(stream.next(&[issued(document("z"))])).await;
    assert_eq!(refused.reason, "REVOKED_KEY");
    let twice = server.register(&revoked, &[]).await.unwrap_err();
    assert_eq!(reason(&twice), "REGISTRY_REFUSED");
    server.stop();
    let server = data.start();
    let mut clients = server.clients().await;
    let after_restart = clients.submit(request).await.unwrap();
    assert_eq!(after_restart.encode_to_vec(), receipt.encode_to_vec());
    server.stop();
}

/// Whether the evidence of a document says that its last event rests on a recovered key.
async fn rests_on_recovery(clients: &mut Clients, data: &Data, name: &str) -> bool {
    let asked = ask("issuer.example", document(name));
    let file = clients.evidence.get_evidence(asked).await.unwrap().into_inner().evidence;
    let policy = Policy::parse(&fs::read(data.path().join("policy.json")).unwrap()).unwrap();
    let evidence = Evidence::parse(&file).unwrap();
    let verdict = evidence::verify(&evidence, &policy, &[], &Strict).unwrap();
    verdict.items[0].last().unwrap().signed.recovery.is_marked()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_with_proof_of_possession_and_recovery_leaves_its_mark() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let first = Issuer::of_dev(&data);
    let domain = first.domain.to_string();
    let (second, third) = (Issuer::from_seed(&domain, 2), Issuer::from_seed(&domain, 3));
    let added = |issuer: &Issuer, mark: &str| {
        format!("key-added {domain} {}{mark}\n", issuer.key.verifying_key())
    };
    let rotation = added(&second, "");
    for lacking in [&[][..], &[&first.key], &[&second.key], &[&second.key, &third.key]] {
        let refused = server.register(&rotation, lacking).await.unwrap_err();
        assert_eq!(reason(&refused), "REGISTRY_REFUSED", "{} signatures", lacking.len());
    }
    // Who has a living key to vouch with must not call it a recovery.
    let refused = server.register(&added(&second, " recovery"), &[&second.key, &first.key]).await;
    assert!(refused.unwrap_err().message().contains("recovery"));
    server.register(&rotation, &[&second.key, &first.key]).await.unwrap();
    let revoked = |issuer: &Issuer| {
        format!("key-revoked {domain} {} {}\n", issuer.key.verifying_key().id(), now_us())
    };
    server.register(&revoked(&first), &[]).await.unwrap();
    let mut stream = second.stream("main");
    clients.submit(stream.next(&[issued(document("by the second"))])).await.unwrap();
    assert!(!rests_on_recovery(&mut clients, &data, "by the second").await);

    server.register(&revoked(&second), &[]).await.unwrap();
    // The dead cannot vouch.
    let dead = server.register(&added(&third, ""), &[&third.key, &second.key]).await.unwrap_err();
    assert_eq!(reason(&dead), "REGISTRY_REFUSED");
    server.register(&added(&third, " recovery"), &[&third.key]).await.unwrap();
    let mut stream = third.stream_at("main", stream.position());
    clients.submit(stream.next(&[issued(document("by the third"))])).await.unwrap();
    assert!(rests_on_recovery(&mut clients, &data, "by the third").await);
    assert!(!rests_on_recovery(&mut clients, &data, "by the second").await, "it stays as it was");

    let mut admin = server.admin().await;
    let registry =
        admin.get_registry(v1::GetRegistryRequest::default()).await.unwrap().into_inner();
    let keys: Vec<_> = registry.issuers[0]
        .keys
        .iter()
        .map(|key| (key.vkey.clone(), key.recovery, key.revoked_index.is_some()))
        .collect();
    let vkey = |issuer: &Issuer| issuer.key.verifying_key().to_string();
    assert_eq!(
        keys,
        [(vkey(&first), false, true), (vkey(&second), false, true), (vkey(&third), true, false)]
    );
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn expiry_is_known_while_the_issuer_is_silent_and_goes_by_the_last_date_given() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    let until = |occurrence: Occurrence, date: &str| {
        let mut details = occurrence.details.clone();
        details.push(("valid-until".to_owned(), date.to_owned()));
        Occurrence { details, ..occurrence }
    };
    let past = until(issued(document("past")), "2020-02-29");
    let prolonged = until(issued(document("prolonged")), "2020-02-29");
    let again = until(amends(document("prolonged"), document("prolonged anew")), "2999-12-31");
    let renewed = until(status(document("past"), StatusClass::Affirming, "VALID"), "2999-12-31");
    let expired = async |clients: &mut Clients, name: &str| {
        let asked = ask("issuer.example", document(name));
        clients.evidence.get_status(asked).await.unwrap().into_inner().expired
    };
    let plain = issued(document("plain"));
    clients.submit(stream.next(&[past, prolonged, plain])).await.unwrap();
    assert!(expired(&mut clients, "past").await);
    assert!(expired(&mut clients, "prolonged").await);
    assert!(!expired(&mut clients, "plain").await);
    clients.submit(stream.next(&[again])).await.unwrap();
    assert!(!expired(&mut clients, "prolonged anew").await);
    // A status moves the date where a document is renewed.
    clients.submit(stream.next(&[renewed])).await.unwrap();
    assert!(!expired(&mut clients, "past").await);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_signed_after_it_was_lost_is_called_suspect_in_status_and_history() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let issuer = Issuer::of_dev(&data);
    let mut stream = issuer.stream("main");
    clients.submit(stream.next(&[issued(document("before"))])).await.unwrap();
    let lost_at = now_us();
    clients.submit(stream.next(&[issued(document("after"))])).await.unwrap();
    let suspect = async |clients: &mut Clients, name: &str| {
        let asked = ask("issuer.example", document(name));
        let status = clients.evidence.get_status(asked).await.unwrap().into_inner().suspect;
        assert_eq!(history(clients, name).await.last().unwrap().suspect, status, "{name}");
        status
    };
    assert!(!suspect(&mut clients, "after").await);
    let id = issuer.key.verifying_key().id();
    server.register(&format!("key-revoked {} {id} {lost_at}\n", issuer.domain), &[]).await.unwrap();
    assert!(suspect(&mut clients, "after").await);
    assert!(!suspect(&mut clients, "before").await);
    server.stop();
}
