//! What is there and is not the caller's, beside what is not there.

use std::sync::LazyLock;

use prost::Message;
use tonic::Code;
use witness_core::hash::DocumentHash;
use witness_tests::{document, now_us};
use witness_wire::v1;

use super::{
    ROUNDS,
    call::{Answer, Caller},
    firm::{Firm, LONG_AGO_US, document_of},
    measured,
};

/// Rounds that count, in each of which both are asked.
const COUNTED: usize = 5;

/// Something that is there, and something that is not.
pub(crate) struct Case {
    name: String,
    path: String,
    caller: Caller,
    /// Who sees what is there; none for tokens of pages, which are nothing to see.
    owner: Option<Caller>,
    there: Vec<u8>,
    absent: Vec<u8>,
}

/// A pair of requests, with a name.
type Pair = (&'static str, Vec<u8>, Vec<u8>);

fn pair(name: &'static str, there: &impl Message, absent: &impl Message) -> Pair {
    (name, there.encode_to_vec(), absent.encode_to_vec())
}

/// Every case.
pub(crate) async fn cases(firm: &Firm) -> Vec<Case> {
    let mut cases = Vec::new();
    // Each for a caller, and the one whose it is.
    let regulators = (&firm.regulator, &firm.other_regulator);
    let issuers = (&firm.issuer, &firm.other_issuer);
    let mut add = |(caller, owner): (&Caller, &Caller), path: &str, pairs: Vec<Pair>| {
        for (name, there, absent) in pairs {
            let (caller, owner) = (caller.clone(), Some(owner.clone()));
            let (name, path) = (name.to_owned(), path.to_owned());
            cases.push(Case { name, path, caller, owner, there, absent });
        }
    };
    for whose in [regulators, issuers] {
        add(
            whose,
            "/witness.v1.AuditService/Search",
            filtered(|filter| {
                let filter = Some(filter);
                v1::SearchRequest { filter, ..Default::default() }
            }),
        );
        add(
            whose,
            "/witness.v1.AuditService/Tail",
            filtered(|filter| {
                let filter = Some(filter);
                v1::TailRequest { filter, ..Default::default() }
            }),
        );
        add(whose, "/witness.v1.AuditService/GetStatistics", counted());
        add(whose, "/witness.v1.AuditService/GetHistoryAsAt", held());
    }
    // Of an issuer that the caller sees another stream of.
    let stream = |stream: &str| v1::AuditFilter {
        issuer: "both.example".to_owned(),
        stream: stream.to_owned(),
        ..Default::default()
    };
    let search = |it| v1::SearchRequest { filter: Some(stream(it)), ..Default::default() };
    let tail = |it| v1::TailRequest { filter: Some(stream(it)), ..Default::default() };
    let searched = vec![pair("stream", &search("bavaria"), &search("none"))];
    add(regulators, "/witness.v1.AuditService/Search", searched);
    let tailed = vec![pair("stream", &tail("bavaria"), &tail("none"))];
    add(regulators, "/witness.v1.AuditService/Tail", tailed);
    let own = document_of("both.example", "bavaria");
    let more = pair(
        "document of a stream",
        &as_at("both.example", own),
        &as_at("both.example", document("none")),
    );
    add(regulators, "/witness.v1.AuditService/GetHistoryAsAt", vec![more]);
    let issuer = |issuer: &str| v1::ExportRequest {
        issuer: issuer.to_owned(),
        size: firm.size,
        ..Default::default()
    };
    let exported = || vec![pair("issuer", &issuer("munich.example"), &issuer("nobody.example"))];
    add(regulators, "/witness.v1.AuditService/Export", exported());
    add(issuers, "/witness.v1.AuditService/Export", exported());
    cases.extend(evidence(firm));
    cases.push(page(firm).await);
    cases
}

/// Filters for what only German streams have, each beside one for what none has.
fn filtered<T: Message>(request: impl Fn(v1::AuditFilter) -> T) -> Vec<Pair> {
    let text = str::to_owned;
    let none = v1::AuditFilter::default;
    let issuer = |it| v1::AuditFilter { issuer: text(it), ..none() };
    let jurisdiction = |it| v1::AuditFilter { jurisdiction: text(it), ..none() };
    let status = |it| v1::AuditFilter { status: text(it), ..none() };
    let class = |it| v1::AuditFilter { status_class: text(it), ..none() };
    let change = |it| v1::AuditFilter { change: text(it), ..none() };
    let identifier = |it| v1::AuditFilter { field: text("module"), value: text(it), ..none() };
    let in_1_s = |from_us| v1::AuditFilter {
        occurred_from_us: Some(from_us),
        occurred_until_us: Some(from_us + 1_000_000),
        ..none()
    };
    let named = |name, there, absent| pair(name, &request(there), &request(absent));
    vec![
        named("issuer", issuer("munich.example"), issuer("nobody.example")),
        named("jurisdiction", jurisdiction("DE-BY"), jurisdiction("FR")),
        named("status", status("HELD"), status("NONE")),
        named("class", class("paused"), class("administrative")),
        named("change", change("deleted"), change("restored")),
        named("time of occurrence", in_1_s(LONG_AGO_US), in_1_s(LONG_AGO_US - 1_000_000)),
        named("identifier", identifier("MUNI-07"), identifier("MUNI-08")),
        named(
            "identifier of an issuer",
            v1::AuditFilter {
                field: text("module"),
                value: text("MUNI-07"),
                ..issuer("munich.example")
            },
            v1::AuditFilter {
                field: text("module"),
                value: text("MUNI-08"),
                ..issuer("nobody.example")
            },
        ),
    ]
}

/// The same for counting.
fn counted() -> Vec<Pair> {
    let text = str::to_owned;
    let none = v1::GetStatisticsRequest::default;
    let issuer = |it| v1::GetStatisticsRequest { issuer: text(it), ..none() };
    let jurisdiction = |it| v1::GetStatisticsRequest { jurisdiction: text(it), ..none() };
    vec![
        pair("issuer", &issuer("munich.example"), &issuer("nobody.example")),
        pair("jurisdiction", &jurisdiction("DE-BY"), &jurisdiction("FR")),
    ]
}

/// One time for all questions, after everything was received: the answers name it.
static AT_US: LazyLock<u64> = LazyLock::new(|| u64::try_from(now_us()).unwrap());

fn as_at(issuer: &str, document: DocumentHash) -> v1::GetHistoryAsAtRequest {
    let document_hash = document.0.as_bytes().to_vec().into();
    v1::GetHistoryAsAtRequest { issuer: issuer.to_owned(), document_hash, at_us: *AT_US }
}

fn held() -> Vec<Pair> {
    let munich = document_of("munich.example", "main");
    let there = as_at("munich.example", munich);
    vec![
        pair("document", &there, &as_at("munich.example", document("none"))),
        pair("document of nobody", &there, &as_at("nobody.example", munich)),
    ]
}

/// What a hash opens, it opens under its own issuer alone, whoever asks.
fn evidence(firm: &Firm) -> Vec<Case> {
    let anybody = Caller { name: "anybody", token: None, ..firm.regulator.clone() };
    let munich = document_of("munich.example", "main");
    let ask = |issuer, document| witness_tests::ask(issuer, document).encode_to_vec();
    let mut cases = Vec::new();
    for method in ["GetStatus", "GetHistory", "GetEvidence"] {
        for caller in [&anybody, &firm.issuer, &firm.regulator] {
            for issuer in ["london.example", "both.example", "nobody.example"] {
                cases.push(Case {
                    name: format!("document of another issuer than {issuer}"),
                    path: format!("/witness.v1.EvidenceService/{method}"),
                    caller: caller.clone(),
                    owner: None,
                    there: ask(issuer, munich),
                    absent: ask(issuer, document("none")),
                });
            }
        }
    }
    cases
}

/// The token of another caller's page, beside one that nobody was given.
async fn page(firm: &Firm) -> Case {
    let path = "/witness.v1.AuditService/Search".to_owned();
    let first = v1::SearchRequest { page_size: 1, ..Default::default() };
    let answer = firm.other_regulator.call(&path, first.encode_to_vec(), 1).await;
    let page = v1::SearchResponse::decode(&*answer.messages[0]).unwrap().next_page;
    assert!(!page.is_empty());
    let next = |page: String| v1::SearchRequest { page, ..first.clone() }.encode_to_vec();
    let absent = next("A".repeat(page.len()));
    let (caller, owner) = (firm.regulator.clone(), Some(firm.other_regulator.clone()));
    Case { name: "page".to_owned(), path, caller, owner, there: next(page), absent }
}

/// Asks for both, and demands that they are answered alike; and not alike to the owner.
pub(crate) async fn is_absent(firm: &Firm, case: &Case) {
    let (server, path) = (&firm.server, case.path.as_str());
    let what = format!("{path} by {}: {}", case.caller.name, case.name);
    // Two answers of a tail tell that nothing more comes; all others end.
    let answers_max = if path.ends_with("/Tail") { 2 } else { usize::MAX };
    let mut reads = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (there, of_there) =
            measured(server, &case.caller, path, &case.there, answers_max).await;
        let (absent, of_absent) =
            measured(server, &case.caller, path, &case.absent, answers_max).await;
        let (again, of_again) =
            measured(server, &case.caller, path, &case.there, answers_max).await;
        let (there, again) = (seen(path, &there), seen(path, &again));
        if there != again || of_there != of_again {
            // The service did something else meanwhile.
            continue;
        }
        assert_eq!(there, seen(path, &absent), "{what}");
        reads.0.push(of_there);
        reads.1.push(of_absent);
        if reads.0.len() == COUNTED {
            break;
        }
    }
    assert_eq!(reads.0.len(), COUNTED, "{what}: it is never quiet");
    assert_eq!(reads.0.iter().min(), reads.1.iter().min(), "{what}: reads {reads:?}");
    let Some(owner) = &case.owner else { return };
    let there = owner.call(path, case.there.clone(), answers_max).await;
    let absent = owner.call(path, case.absent.clone(), answers_max).await;
    assert_ne!(seen(path, &there), seen(path, &absent), "{what}: its owner sees nothing either");
}

/// What is seen of an answer, without the time at which it was given, and with one issuer's name for both: each
/// answer names whom it was asked for.
fn seen(path: &str, answer: &Answer) -> (Vec<String>, Code, String, Vec<u8>) {
    let (mut messages, code, message, details) = answer.seen();
    if path.ends_with("/GetHistoryAsAt") {
        for message in &mut messages {
            let told = v1::GetHistoryAsAtResponse::decode(&**message).unwrap();
            *message = v1::GetHistoryAsAtResponse { stated_at_us: 0, ..told }.encode_to_vec();
        }
    }
    let messages: Vec<String> = messages
        .iter()
        .map(|message| {
            let text: String = message.iter().map(|byte| char::from(*byte)).collect();
            without_time(&text).replace("munich.example", "nobody.example")
        })
        .collect();
    (messages, code, message, details)
}

/// A bundle says when it was exported.
fn without_time(text: &str) -> String {
    let Some((before, after)) = text.split_once("\"exported_at\":\"") else {
        return text.to_owned();
    };
    format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
}
