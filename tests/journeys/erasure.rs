//! Erasures: what is erased is in no file any more, whatever proves the rest stays, and a legal hold stops it.

mod traces;

use std::{fs, time::Duration};

use prost::Message as _;
use tonic::Status;
use witness_core::{
    drafting::Draft,
    entry::{Entry, EntryKind},
    erasure::Erasure,
    event::StatusClass,
    evidence::{self, Evidence, FactKind},
    hash::DocumentHash,
    note::Strict,
    policy::Policy,
};
use witness_tests::{
    Clients, Data, Issuer, Remains, Rng, Server, Stream, Witness, ask, document, issued, refusal,
    request, scaled, status, tell,
};
use witness_wire::v1;

use self::traces::{Traces, issued_with};

const ISSUER: &str = "issuer.example";

async fn evidence_of(clients: &mut Clients, document: DocumentHash) -> Evidence {
    let answer = clients.evidence.get_evidence(ask(ISSUER, document)).await.unwrap();
    Evidence::parse(&answer.into_inner().evidence).unwrap()
}

/// Evidence verifies; gives how many events it proves.
async fn proved(clients: &mut Clients, policy: &Policy, document: DocumentHash) -> usize {
    let evidence = evidence_of(clients, document).await;
    let verdict = evidence::verify(&evidence, policy, &[], &Strict).unwrap();
    let [item] = verdict.items.as_slice() else { panic!("not one document") };
    let facts = [FactKind::Signed, FactKind::Logged, FactKind::Published];
    assert!(item.events.iter().all(|event| facts.iter().all(|fact| event.has(*fact))));
    item.events.len()
}

/// Two submissions of many events each, with a document that goes whole, one that goes in part, and neighbours.
async fn log_documents(clients: &mut Clients, stream: &mut Stream) -> [(Draft, v1::Receipt); 2] {
    let neighbour = |n: u32| issued(document(format!("neighbour {n}")));
    let mut first: Vec<_> = (0..40).map(neighbour).collect();
    first[17] = issued_with("whole", "WHOL-17");
    first[19] = issued_with("partly", "PART-19");
    let mut second: Vec<_> = (40..60).map(neighbour).collect();
    second[3] = status(document("partly"), StatusClass::Affirming, "Renewed");
    let [first, second] = [first, second].map(|occurrences| stream.cut(&occurrences));
    let receipts = [
        clients.submit(request(&first)).await.unwrap(),
        clients.submit(request(&second)).await.unwrap(),
    ];
    let [one, two] = receipts;
    [(first, one), (second, two)]
}

async fn neighbours_are_proved(clients: &mut Clients, policy: &Policy) {
    for n in (0..60).filter(|n| ![17, 19, 43].contains(n)) {
        let document = document(format!("neighbour {n}"));
        assert_eq!(proved(clients, policy, document).await, 1, "neighbour {n}");
    }
}

fn policy(data: &Data) -> Policy {
    Policy::parse(&fs::read(data.path().join("policy.json")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_in_no_file_and_its_neighbours_are_proved() {
    let data = Data::new();
    let server = data.start();
    let policy = policy(&data);
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    let submitted = log_documents(&mut clients, &mut issuer.stream("main")).await;
    let whole = Traces::of(&submitted[0].0, 17, "WHOL-17");
    let partly = Traces::of(&submitted[0].0, 19, "PART-19").without_document();
    in_write_ahead_log(&Remains::of(&data.path()), &[&whole, &partly]);
    // A conflict holds the text too.
    let mut lie: Vec<_> = (0..17).map(|n| issued(document(format!("neighbour {n}")))).collect();
    lie.push(issued_with("whole", "LIAR-17"));
    let lie = issuer.stream("main").cut(&lie);
    assert_eq!(refusal(&clients.submit(request(&lie)).await.unwrap_err()).reason, "CONFLICT");
    drop(clients);
    server.stop();
    let server = data.start();
    let mut clients = server.clients().await;
    let index = erase_both(&data, &server, (&whole, &partly));

    server.published(index + 1);
    neighbours_are_proved(&mut clients, &policy).await;
    what_is_told(&mut clients, &policy, index).await;

    // The same text again gets the same receipt, and no body comes back; nor by way of a contradiction.
    for (draft, receipt) in &submitted {
        let again = clients.submit(request(draft)).await.unwrap();
        assert_eq!(again.encode_to_vec(), receipt.encode_to_vec());
    }
    assert_eq!(refusal(&clients.submit(request(&lie)).await.unwrap_err()).reason, "CONFLICT");
    nowhere(&data, &[&whole, &partly]);
    let log = server.stop();
    let hex = document("whole").0.to_hex();
    assert!(!log.contains(&hex), "the operator's log holds no document hash");
    data.start().stop();
    nowhere(&data, &[&whole, &partly]);
}

/// In the write-ahead log, as it came.
fn in_write_ahead_log(remains: &Remains, traces: &[&Traces]) {
    for (what, bytes) in traces.iter().flat_map(|traces| &traces.stored) {
        let found = remains.holding(bytes);
        assert!(found.iter().any(|name| name.ends_with(".log, put together")), "{what}: {found:?}");
    }
}

fn nowhere(data: &Data, traces: &[&Traces]) {
    let remains = Remains::of(&data.path());
    assert!(remains.tables() > 0);
    for traces in traces {
        traces.assert_nowhere(&remains);
    }
}

/// Erases one document by its hash, and then an event of another by its place, at once; gives the second entry.
fn erase_both(data: &Data, server: &Server, (whole, partly): (&Traces, &Traces)) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let operator = Witness::within(folder.path()).asking(server);
    let remains = Remains::of(&data.path());
    whole.assert_in_tables(&remains);
    partly.assert_in_tables(&remains);
    let erase = ["--json", "erase", "--issuer", ISSUER, "--reason", "request", "--yes"];
    let hex = document("whole").0.to_hex();
    let said = operator.run(&[&erase[..], &["--document", &hex]].concat()).expect(0).json();
    assert_eq!(
        (said["erased"].as_u64(), said["files_rewritten"].as_bool()),
        (Some(1), Some(false))
    );
    // Files are not rewritten by that alone: else the search would prove nothing.
    whole.assert_in_tables(&Remains::of(&data.path()));
    let by_place = [&erase[..], &["--stream", "main", "--first", "19", "--now"]].concat();
    let said = operator.run(&by_place).expect(0).json();
    nowhere(data, &[whole, partly]);
    said["index"].as_u64().unwrap()
}

async fn what_is_told(clients: &mut Clients, policy: &Policy, index: u64) {
    let gone = clients.evidence.get_evidence(ask(ISSUER, document("whole"))).await.unwrap_err();
    let gone = refusal(&gone);
    assert_eq!(gone.reason, "ERASED");
    assert!(gone.metadata.contains_key("erased_at_us"), "{gone:?}");
    let unknown = clients.evidence.get_status(ask(ISSUER, document("unknown"))).await.unwrap_err();
    assert_eq!(refusal(&unknown).reason, "NOT_FOUND");
    let asked = ask(ISSUER, document("partly"));
    let history = clients.evidence.get_history(asked.clone()).await.unwrap().into_inner();
    let erased: Vec<_> = history.items.iter().map(|item| item.erased_at_us.is_some()).collect();
    assert_eq!(erased, [true, false]);
    assert!(history.items[0].event.is_empty());
    let state = clients.evidence.get_status(asked).await.unwrap().into_inner();
    assert_eq!((state.change.as_str(), state.status.as_str()), ("status", "Renewed"));
    assert_eq!(proved(clients, policy, document("partly")).await, 1);
    let evidence = evidence_of(clients, document("partly")).await;
    let verdict = evidence::verify(&evidence, policy, &[], &Strict).unwrap();
    let [erased] = verdict.items[0].erased.as_slice() else { panic!("not one erased event") };
    assert_eq!((erased.sequence, erased.erasure.logged.index.0), (19, index));
    assert!(verdict.items[0].is_last_known());
    let entry = clients.entries(index).await.remove(0);
    let entry = Entry::parse(&entry.text).unwrap();
    assert_eq!(entry.kind, EntryKind::Erasure);
    let erasure = Erasure::parse(&entry.body).unwrap();
    assert_eq!((erasure.ranges[0].first_sequence, erasure.ranges.len()), (19, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_document_whose_last_event_was_erased_no_state_is_told() {
    let data = Data::new();
    let folder = tempfile::tempdir().unwrap();
    let server = data.start();
    let policy = policy(&data);
    let mut clients = server.clients().await;
    log_documents(&mut clients, &mut Issuer::of_dev(&data).stream("main")).await;
    let operator = Witness::within(folder.path()).asking(&server);
    let erase = ["erase", "--issuer", ISSUER, "--stream", "main", "--first", "43", "--yes"];
    let said = operator.run(&[&erase[..], &["--reason", "order"]].concat()).expect(0);
    assert!(said.stdout.contains("erased 1 event"), "{said}");
    let asked = ask(ISSUER, document("partly"));
    let state = clients.evidence.get_status(asked).await.unwrap().into_inner();
    assert_eq!((state.change.as_str(), state.status.as_str(), state.events), ("erased", "", 2));
    assert!(state.erased_at_us.is_some());
    let hex = document("partly").0.to_hex();
    let bearer = ["--issuer", ISSUER, "--document", &hex];
    let said = operator.run(&[&["--json", "status"], &bearer[..]].concat()).expect(2).json();
    assert!(said["erased_at"].is_string() && said["occurred_at"].is_null(), "{said}");
    let said = operator.run(&[&["history"], &bearer[..]].concat()).expect(0);
    assert!(said.stdout.contains("erased"), "{said}");
    let said = operator.run(&[&["--json", "history"], &bearer[..]].concat()).expect(0);
    let lines = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert_eq!((&lines[2]["outcome"], &lines[2]["events"]), (&"done".into(), &2.into()), "{said}");
    assert!(lines[..2].iter().all(|line| line["outcome"].is_null()), "{said}");
    // At once: the checkpoint over the erasure is waited for.
    let evidence = evidence_of(&mut clients, document("partly")).await;
    let verdict = evidence::verify(&evidence, &policy, &[], &Strict).unwrap();
    assert!(!verdict.items[0].is_last_known());
    assert_eq!((verdict.items[0].events.len(), verdict.items[0].erased.len()), (1, 1));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_document_expires_is_not_told_by_an_older_date_than_the_erased_one() {
    let data = Data::new();
    let folder = tempfile::tempdir().unwrap();
    let server = data.start();
    let mut clients = server.clients().await;
    let until = |date: &str| {
        let mut occurrence = issued(document("dated"));
        occurrence.details.push(("valid-until".to_owned(), date.to_owned()));
        occurrence
    };
    let last = status(document("dated"), StatusClass::Affirming, "VALID");
    let mut stream = Issuer::of_dev(&data).stream("main");
    clients.submit(stream.next(&[until("2020-02-29"), until("2999-12-31"), last])).await.unwrap();
    let state = async |clients: &mut Clients| {
        let asked = ask(ISSUER, document("dated"));
        let state = clients.evidence.get_status(asked).await.unwrap().into_inner();
        (state.change, state.expired, state.erased_at_us.is_some())
    };
    assert_eq!(state(&mut clients).await, ("status".to_owned(), false, false));
    let operator = Witness::within(folder.path()).asking(&server);
    let erase = ["erase", "--issuer", ISSUER, "--stream", "main", "--first", "1", "--yes"];
    let _erased = operator.run(&[&erase[..], &["--reason", "order"]].concat()).expect(0);
    assert_eq!(state(&mut clients).await, ("erased".to_owned(), false, true));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_without_haste_is_in_no_file_after_the_next_start() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    let mut stream = issuer.stream("main");
    let [(draft, _), _] = log_documents(&mut clients, &mut stream).await;
    let traces = Traces::of(&draft, 17, "WHOL-17");
    erase(&server, document("whole")).await.unwrap();
    server.kill();
    let server = data.start();
    for _ in 0..scaled(600, 6_000) {
        let remains = Remains::of(&data.path());
        if traces.stored.iter().all(|(_, bytes)| remains.holding(bytes).is_empty()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    traces.assert_nowhere(&Remains::of(&data.path()));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_without_haste_goes_out_of_all_files_when_that_is_asked_for_again() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    let [(draft, _), _] = log_documents(&mut clients, &mut stream).await;
    let traces = Traces::of(&draft, 17, "WHOL-17");
    let (issuer, reason, stream) = (ISSUER.to_owned(), "request".to_owned(), "main".to_owned());
    let later = v1::EraseRequest {
        issuer,
        reason,
        stream,
        first_sequence: 17,
        count: 1,
        ..Default::default()
    };
    let now = v1::EraseRequest { now: true, ..later.clone() };
    let mut admin = server.admin().await;
    assert_eq!(admin.erase(later).await.unwrap().into_inner().erased, 1);
    in_write_ahead_log(&Remains::of(&data.path()), &[&traces]);
    assert_eq!(admin.erase(now).await.unwrap().into_inner().erased, 0);
    nowhere(&data, &[&traces]);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_under_load_is_in_no_file_when_it_is_said_to_be() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    let mut stream = issuer.stream("main");
    let load = tokio::spawn({
        let (server, mut stream) =
            (server.clients().await, server.open_stream(&issuer, "load").await);
        let mut clients = server;
        async move {
            for round in 0..scaled(150, 2_000) {
                let occurrences: Vec<_> =
                    (0..256).map(|n| issued(document(format!("load {round} {n}")))).collect();
                clients.submit(stream.next(&occurrences)).await.unwrap();
            }
        }
    });
    for round in 0..scaled(6, 40) {
        let (name, module) = (format!("round {round}"), format!("RND-{:04}-X", 1000 + round));
        let draft = stream.cut(&[issued_with(&name, &module), issued(document("neighbour"))]);
        clients.submit(request(&draft)).await.unwrap();
        erase_now(&server, document(&name)).await.unwrap();
        Traces::of(&draft, 0, &module).assert_nowhere(&Remains::of(&data.path()));
    }
    load.await.unwrap();
    assert!(proved(&mut clients, &policy(&data), document("neighbour")).await >= 6);
    server.stop();
}

fn erasing(document: DocumentHash) -> v1::EraseRequest {
    v1::EraseRequest {
        issuer: ISSUER.to_owned(),
        reason: "request".to_owned(),
        document_hash: document.0.as_bytes().to_vec().into(),
        ..v1::EraseRequest::default()
    }
}

async fn erase(server: &Server, document: DocumentHash) -> Result<v1::EraseResponse, Status> {
    Ok(server.admin().await.erase(erasing(document)).await?.into_inner())
}

async fn erase_now(server: &Server, document: DocumentHash) -> Result<v1::EraseResponse, Status> {
    let request = v1::EraseRequest { now: true, ..erasing(document) };
    Ok(server.admin().await.erase(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legal_hold_stops_an_erasure_until_it_is_lifted() {
    let data = Data::new();
    let folder = tempfile::tempdir().unwrap();
    let server = data.start();
    let mut clients = server.clients().await;
    log_documents(&mut clients, &mut Issuer::of_dev(&data).stream("main")).await;
    server.register(&format!("legal-hold case-17 {ISSUER} main 16 2\n"), &[]).await.unwrap();
    let refused = refusal(&erase(&server, document("whole")).await.unwrap_err());
    assert_eq!(refused.reason, "LEGAL_HOLD");
    assert_eq!(refused.metadata["hold"], "case-17");
    let operator = Witness::within(folder.path()).asking(&server);
    let erase_range = ["erase", "--issuer", ISSUER, "--reason", "mistake", "--stream", "main"];
    let held = [&erase_range[..], &["--first", "10", "--count", "20", "--yes"]].concat();
    let said = operator.run(&held).expect(1);
    assert!(said.stderr.contains("LEGAL_HOLD") && said.stderr.contains("case-17"), "{said}");
    let state = clients.evidence.get_status(ask(ISSUER, document("neighbour 10"))).await;
    assert_eq!(state.unwrap().into_inner().change, "issued", "nothing of the request was erased");
    // Nobody is there to confirm.
    let unconfirmed = [&erase_range[..], &["--first", "10"]].concat();
    let said = operator.run(&unconfirmed).expect(2);
    assert!(said.stderr.contains("--yes"), "{said}");
    let beyond = [&erase_range[..], &["--first", "59", "--count", "2", "--yes"]].concat();
    let said = operator.run(&beyond).expect(1);
    assert!(said.stderr.contains("BEYOND_END"), "{said}");
    server.register("legal-hold-lifted case-17\n", &[]).await.unwrap();
    let said = operator.run(&held).expect(0);
    assert!(said.stdout.contains("erased 20 events"), "{said}");
    let gone = clients.evidence.get_status(ask(ISSUER, document("whole"))).await.unwrap_err();
    assert_eq!(refusal(&gone).reason, "ERASED");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_younger_than_its_term_stays() {
    let data = Data::new();
    let server = data.start();
    let policy = policy(&data);
    log_documents(&mut server.clients().await, &mut Issuer::of_dev(&data).stream("main")).await;
    server.register("retention skill-module 1\n", &[]).await.unwrap();
    server.stop();
    // It is looked at each start.
    let server = data.start();
    let looked = |log: &str| log.contains("no event's retention has ended");
    for _ in 0..scaled(600, 6_000) {
        if looked(&server.log()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(looked(&server.log()), "{}", server.log());
    let mut clients = server.clients().await;
    neighbours_are_proved(&mut clients, &policy).await;
    assert!(erased_by_entries(&mut clients).await.is_empty());
    server.stop();
}

/// Numbers of erased events by the entries of the log.
async fn erased_by_entries(clients: &mut Clients) -> Vec<u64> {
    let mut erased = Vec::new();
    for entry in clients.entries(0).await {
        let entry = Entry::parse(&entry.text).unwrap();
        if entry.kind == EntryKind::Erasure {
            let ranges = Erasure::parse(&entry.body).unwrap().ranges;
            erased.extend(ranges.iter().flat_map(|range| range.first_sequence..range.end()));
        }
    }
    erased
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_is_killed_is_done_or_not_done() {
    let mut rng = Rng::from_environment();
    tell(&format!("erasure: {rng}"));
    let data = Data::new();
    let rounds = scaled(25, 200);
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut stream = issuer.stream("main");
    let occurrences: Vec<_> = (0..rounds).map(|n| issued(document(n))).collect();
    server.clients().await.submit(stream.next(&occurrences)).await.unwrap();
    server.stop();
    let (mut done, mut answered) = (0, 0);
    for round in 0..rounds {
        let server = data.start();
        let mut admin = server.admin().await;
        let erasing = tokio::spawn(async move { admin.erase(erasing(document(round))).await });
        tokio::time::sleep(Duration::from_micros(rng.between(0, 6_000))).await;
        server.kill();
        let answer = erasing.await.unwrap();
        let server = data.start();
        let mut clients = server.clients().await;
        server.settled();
        let is_logged = erased_by_entries(&mut clients).await.contains(&round);
        let state = clients.evidence.get_status(ask(ISSUER, document(round))).await;
        match state {
            Ok(state) => {
                assert_eq!((state.into_inner().change.as_str(), is_logged), ("issued", false));
            }
            Err(status) => {
                assert_eq!((refusal(&status).reason.as_str(), is_logged), ("ERASED", true));
            }
        }
        assert!(answer.is_err() || is_logged, "it was answered, and is not there");
        done += u64::from(is_logged);
        answered += u64::from(answer.is_ok());
        server.stop();
    }
    tell(&format!("erasure: {done} of {rounds} were done, {answered} answered"));
    assert!(
        done > 0 && done < rounds,
        "the kills hit none in flight: {done} of {rounds} were done"
    );
}
