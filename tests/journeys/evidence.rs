//! Evidence: asked for by issuer and document hash, saved, and verified after the server is gone, by the
//! core and a trust policy alone.

use std::fs;

use witness_core::{
    event::{Change, StatusClass},
    evidence::{self, Evidence, FactKind, Verdict},
    note::Strict,
    policy::Policy,
};
use witness_tests::{
    Clients, Data, Issuer, Rng, amends, ask, document, issued, occurred, reason, scaled, status,
    tell,
};
use witness_wire::v1::{self, DocumentRequest, admin_service_client::AdminServiceClient};

/// What a bearer does: no more than the file and a policy.
fn verified(file: &[u8], policy: &Policy) -> Result<Verdict, String> {
    let evidence = Evidence::parse(file).map_err(|error| error.to_string())?;
    let verdict =
        evidence::verify(&evidence, policy, &[], &Strict).map_err(|error| error.to_string())?;
    match verdict.missing(policy).as_slice() {
        [] => Ok(verdict),
        missing => Err(format!("missing {missing:?}")),
    }
}

/// Documents, with the words of their last change and the number of their events.
fn documents() -> [(&'static str, &'static str, u32); 6] {
    [
        ("issued", "issued", 1),
        ("amended", "amended", 1),
        ("replaced", "replaced", 2),
        ("revoked", "status", 2),
        ("deleted", "deleted", 2),
        ("restored", "restored", 3),
    ]
}

async fn log_documents(clients: &mut Clients, data: &Data) -> Vec<v1::Receipt> {
    let mut stream = Issuer::of_dev(data).stream("main");
    let first = [
        issued(document("issued")),
        issued(document("replaced")),
        issued(document("revoked")),
        issued(document("deleted")),
        issued(document("restored")),
    ];
    let second = [
        amends(document("replaced"), document("amended")),
        status(document("revoked"), StatusClass::Punitive, "REVOKED"),
        occurred(document("deleted"), Change::Deleted),
        occurred(document("restored"), Change::Deleted),
    ];
    let third = [occurred(document("restored"), Change::Restored)];
    let mut receipts = Vec::new();
    for occurrences in [first.as_slice(), &second, &third] {
        receipts.push(clients.submit(stream.next(occurrences)).await.unwrap());
    }
    receipts
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_verifies_after_the_server_is_gone_with_the_file_and_a_policy_only() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let receipts = log_documents(&mut clients, &data).await;
    let mut files = Vec::new();
    for (name, change, events) in documents() {
        // Asked for at once: the checkpoint over the last event is waited for.
        let answer = clients.evidence.get_evidence(ask("issuer.example", document(name))).await;
        files.push((name, change, events, answer.unwrap().into_inner().evidence));
    }
    drop(clients);
    server.stop();
    let empty = tempfile::tempdir().unwrap();
    let policy = fs::read(data.path().join("policy.json")).unwrap();
    drop(data);
    let policy = Policy::parse(&policy).unwrap();
    for (name, change, events, file) in files {
        let path = empty.path().join(format!("{name}.evidence.json"));
        fs::write(&path, &file).unwrap();
        let verdict = verified(&fs::read(&path).unwrap(), &policy).unwrap();
        let [item] = verdict.items.as_slice() else { panic!("{name}: not one document") };
        assert_eq!(item.document, document(name));
        assert_eq!(item.issuer.as_str(), "issuer.example");
        assert_eq!(item.events.len(), usize::try_from(events).unwrap(), "{name}");
        let last = item.last().unwrap();
        assert_eq!(last.change.kind().word(), change, "{name}");
        assert!(
            [FactKind::Signed, FactKind::Logged, FactKind::Published]
                .iter()
                .all(|fact| last.has(*fact))
        );
        assert!(receipts.iter().any(|receipt| receipt.index == last.logged.index.0));
        // A bearer's file holds no details, and no hash but the one that was asked for.
        assert!(!String::from_utf8_lossy(&file).contains("RUST-101"));
        for (other, _, _) in documents().iter().filter(|(other, _, _)| *other != name) {
            let hash = document(other).0.to_hex();
            assert!(!String::from_utf8_lossy(&file).contains(&hash), "{name} tells of {other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_with_one_byte_changed_is_refused_and_so_is_another_firms() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    log_documents(&mut clients, &data).await;
    let asked = ask("issuer.example", document("revoked"));
    let file = clients.evidence.get_evidence(asked).await.unwrap().into_inner().evidence.to_vec();
    server.stop();
    let policy = Policy::parse(&fs::read(data.path().join("policy.json")).unwrap()).unwrap();
    let honest = verified(&file, &policy).unwrap();
    let mut rng = Rng::from_environment();
    tell(&format!("evidence: {rng}"));
    for _ in 0..scaled(60, 2_000) {
        let mut changed = file.clone();
        let place =
            usize::try_from(rng.between(0, u64::try_from(file.len()).unwrap() - 1)).unwrap();
        changed[place] ^= 1 << rng.between(0, 7);
        // A line that is nobody's concern (a signature of a key that is not ours) may change and lack its
        // fact; the same facts never come out.
        let facts = verified(&changed, &policy).ok();
        assert_ne!(facts.as_ref(), Some(&honest), "bit flipped at byte {place}");
    }
    let other = Data::new();
    let elsewhere = other.start();
    elsewhere.stop();
    let foreign = Policy::parse(&fs::read(other.path().join("policy.json")).unwrap()).unwrap();
    assert!(verified(&file, &foreign).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_history_tell_one_document_and_unknown_ones_get_one_answer() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let receipts = log_documents(&mut clients, &data).await;
    for (name, change, events) in documents() {
        let asked = ask("issuer.example", document(name));
        let status = clients.evidence.get_status(asked.clone()).await.unwrap().into_inner();
        assert_eq!((status.change.as_str(), status.events), (change, events), "{name}");
        assert_eq!(status.origin, Issuer::ORIGIN);
        let history = clients.evidence.get_history(asked).await.unwrap().into_inner();
        assert_eq!(history.items.len(), usize::try_from(events).unwrap(), "{name}");
        let last = history.items.last().unwrap();
        assert_eq!((last.index, last.received_at_us), (status.index, status.received_at_us));
        assert!(history.items.is_sorted_by_key(|item| (item.index, item.event_index)));
        let text = String::from_utf8(last.event.to_vec()).unwrap();
        assert!(text.contains(&document(name).0.to_hex()), "{text}");
    }
    let revoked = ask("issuer.example", document("revoked"));
    let status = clients.evidence.get_status(revoked).await.unwrap().into_inner();
    assert_eq!((status.status.as_str(), status.status_class.as_str()), ("REVOKED", "punitive"));
    assert_eq!(status.index, receipts[1].index);

    server.register("issuer-added neighbour.example\n", &[]).await.unwrap();
    let strangers = [
        ask("issuer.example", document("unheard of")),
        ask("neighbour.example", document("issued")),
        ask("nobody.example", document("issued")),
    ];
    let mut answers = Vec::new();
    for asked in strangers {
        let mut said = Vec::new();
        said.push(clients.evidence.get_status(asked.clone()).await.unwrap_err());
        said.push(clients.evidence.get_history(asked.clone()).await.unwrap_err());
        said.push(clients.evidence.get_evidence(asked).await.unwrap_err());
        answers.extend(said.iter().map(|status| (reason(status), status.message().to_owned())));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers tell strangers apart: {answers:?}");
    assert_eq!(answers[0].0, "NOT_FOUND");
    let short = DocumentRequest {
        document_hash: vec![7; 31].into(),
        ..ask("issuer.example", document("x"))
    };
    assert_eq!(reason(&clients.evidence.get_status(short).await.unwrap_err()), "INVALID_ARGUMENT");
    let log = server.stop();
    for (name, _, _) in documents() {
        assert!(!log.contains(&document(name).0.to_hex()), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_answer() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let data = Data::new();
    let server = data.start();
    let clients = server.clients().await;
    let mut health = HealthClient::new(clients.channel.clone());
    for service in [
        "",
        "witness.v1.IngestService",
        "witness.v1.LedgerService",
        "witness.v1.EvidenceService",
        "witness.v1.AuditService",
    ] {
        let asked = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(asked).await.unwrap().into_inner();
        assert_eq!(answer.status().as_str_name(), "SERVING", "{service}");
    }
    let mut reflection = ServerReflectionClient::new(clients.channel.clone());
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let asked = ServerReflectionRequest { host: String::new(), message_request };
    let mut answers =
        reflection.server_reflection_info(tokio_stream::once(asked)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    for service in ["IngestService", "LedgerService", "EvidenceService", "AuditService"] {
        assert!(names.contains(&format!("witness.v1.{service}").as_str()), "{names:?}");
    }
    let mut stranger = AdminServiceClient::new(clients.channel);
    let refused = stranger.get_registry(v1::GetRegistryRequest::default()).await.unwrap_err();
    assert_eq!(
        refused.code(),
        tonic::Code::Unauthenticated,
        "the operator's service is not for all"
    );
    assert_eq!(server.found("/healthz").text(), "ok\n");
    server.stop();
}
