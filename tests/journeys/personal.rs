//! Values that look personal never come in: each is refused by its rule, and nothing of it is in answers,
//! the server's log, its metrics, or any file of its data folder, where an accepted value is found.

use std::{collections::BTreeSet, fs, path::Path};

use tokio_stream::iter;
use tonic::{Code, Status};
use witness_core::{
    drafting::{Occurrence, What},
    event::{self, Change, StatusClass},
    name::Name,
};
use witness_tests::{Data, Issuer, Stream, document, issued, now_us, pushed_back, refusal};
use witness_wire::v1;

/// All of printable ASCII: only the look of a value can refuse it.
const ANYTHING: &str = r##"[ !"#$%&'()*+,./0-9:;<=>?@A-Z_`a-z{|}~\[\]\\\^-]{1,64}"##;

/// Published samples, five of each kind.
const LOOK_ALIKES: [(&str, [&str; 5]); 12] = [
    (
        "email",
        [
            "john.q.public@example.com",
            "\"Fred Bloggs\"@example.com",
            "customer/department=shipping@example.com",
            "<jsmith@[192.168.2.1]>",
            "MARY@X.TEST",
        ],
    ),
    (
        "phone",
        [
            "+442079460958",
            "+22 607 123 4567",
            "202-555-0100",
            "07700 900077",
            "+49 (0)40 66969 123",
        ],
    ),
    (
        "payment-card",
        [
            "4111111111111111",
            "5555-5555-5555-4444",
            "ref-378282246310005",
            "6000 0707 3616 9237 003",
            "4000_0566 5566.5556",
        ],
    ),
    (
        "iban",
        [
            "DE89370400440532013000",
            "GB29 NWBK 6016 1331 9268 19",
            "id FR14-2004-1010-0505-0001-3M02-606",
            "mt84malt011000012345mtlcast001s",
            "NO9386011117947",
        ],
    ),
    (
        "national-id-us",
        ["078-05-1120", "219-09-9999", "457 55 5462", "987-65-4320", "SSN 189-09-2294"],
    ),
    (
        "national-id-gb",
        ["QQ123456C", "QQ 12 34 56 A", "mw200001a", "AA-11-22-33-A", "ref-LB765460D"],
    ),
    (
        "national-id-de",
        ["86095742719", "36 574 261 809", "65-929-970-489", "id 57549285017", "25.768.131.411"],
    ),
    (
        "national-id-fr",
        [
            "255081416802538",
            "2 69 05 49 588 157 80",
            "253072b07300470",
            "1801269552223 80",
            "2-95-10-99-126-111-93",
        ],
    ),
    ("national-id-es", ["54362315K", "12.345.678-Z", "X2482300W", "x-5253868-r", "ref 99999999R"]),
    (
        "national-id-it",
        [
            "RSSMRA85T10A562S",
            "mrtmtt25d09f205z",
            "RCC MNL 83S18 D969H",
            "VRDGPP-13R10-B293P",
            "RSSMRA85T10A56NH",
        ],
    ),
    ("national-id-nl", ["111222333", "1112.22.333", "232 262 536", "999-990-019", "BSN 010464554"]),
    (
        "national-id-pl",
        ["44051401359", "ref-02070803628", "(83010411457)", "PESEL 49040501580", "87123116221"],
    ),
];

/// Accepted, so it must be found where nothing of the others may be.
const HARMLESS: &str = "Quixotic-118-Zephyr";

fn in_details(value: &str) -> Occurrence {
    let details = vec![("value".to_owned(), value.to_owned())];
    of_type("anything", Change::Issued, value, details)
}

fn as_status(status: event::Status, value: &str) -> Occurrence {
    of_type("anything", Change::Status { class: StatusClass::Other, status }, value, Vec::new())
}

fn of_type(
    claim_type: &str,
    change: Change,
    name: &str,
    details: Vec<(String, String)>,
) -> Occurrence {
    let claim_type = Name::parse(claim_type).unwrap();
    let (what, document, occurred_at) = (What::One(change), document(name), now_us());
    Occurrence { what, document, claim_type, occurred_at, details }
}

/// A request that must be refused, with the field and the rule that its refusal must name.
struct Case {
    request: v1::SubmitRequest,
    field: &'static str,
    rule: &'static str,
}

fn cases(stream: &Stream) -> Vec<Case> {
    let mut cases = Vec::new();
    for (rule, values) in LOOK_ALIKES {
        for value in values {
            let mut case = |field, occurrence: Occurrence| {
                // Behind a good one, so that it is seen that the whole submission is refused.
                let sheet = stream.sheet(&[issued(document("good")), occurrence]);
                cases.push(Case { request: sheet.sign(&stream.issuer.key), field, rule });
            };
            case("value", in_details(value));
            if let Some(status) = event::Status::parse(value) {
                case("status", as_status(status, value));
            }
        }
    }
    cases
}

/// What must be nowhere: each value as it was sent and without its separators, in both cases.
fn needles() -> BTreeSet<Vec<u8>> {
    let mut needles = BTreeSet::new();
    for value in LOOK_ALIKES.iter().flat_map(|(_, values)| values) {
        let bare: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
        // Without the word that stands before some of them.
        let bare = ["ref", "id", "SSN", "BSN", "PESEL"]
            .iter()
            .find_map(|word| bare.strip_prefix(word))
            .unwrap_or(&bare)
            .to_owned();
        for text in [(*value).to_owned(), bare] {
            needles.insert(text.to_lowercase().into_bytes());
        }
    }
    needles
}

fn leak_in<'a>(needles: &'a BTreeSet<Vec<u8>>, place: &[u8]) -> Option<&'a Vec<u8>> {
    let place = place.to_ascii_lowercase();
    let is_in = |needle: &&Vec<u8>| place.windows(needle.len()).any(|window| window == **needle);
    needles.iter().find(is_in)
}

fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else if path.is_file() {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files
}

/// All of an answer: message, encoded details, metadata.
fn bytes_of(status: &Status) -> Vec<u8> {
    [status.message().as_bytes(), status.details(), format!("{status:?}").as_bytes()].concat()
}

fn assert_refused(refused: &v1::Refusal, case: &Case) {
    assert_eq!(refused.reason, "PERSONAL_DATA", "{refused:?}");
    assert_eq!(Code::from(i32::try_from(refused.code).unwrap()), Code::InvalidArgument);
    let named = |name: &str| refused.metadata.get(name).map(String::as_str);
    let found = (named("event_index"), named("field"), named("rule"));
    assert_eq!(found, (Some("1"), Some(case.field), Some(case.rule)));
}

fn assert_nowhere(data: &Data, needles: &BTreeSet<Vec<u8>>) {
    let files = files_of(&data.path());
    for (file, bytes) in &files {
        assert_eq!(leak_in(needles, bytes), None, "in {file}");
    }
    // The same search finds what is there, in the write-ahead log as in tables: LZ4 leaves what comes for
    // the first time as it is.
    let accepted = BTreeSet::from([HARMLESS.to_lowercase().into_bytes()]);
    assert!(files.iter().any(|(_, bytes)| leak_in(&accepted, bytes).is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_value_that_looks_personal_is_in_answers_log_metrics_or_files() {
    let data = Data::new();
    let server = data.start_saying("debug,witnessd=trace,witness_ledger=trace,witness_core=trace");
    let issuer = Issuer::of_dev(&data);
    let mut clients = server.clients().await;
    let claim_type = format!("claim-type anything\nfield value - issued identifier {ANYTHING}\n");
    server.register(&claim_type, &[]).await.unwrap();
    let mut stream = issuer.stream("main");
    let (cases, needles) = (cases(&stream), needles());
    assert!(cases.len() >= 90, "{} cases", cases.len());
    let size = server.metric("witness_log_size");

    for case in &cases {
        let status = clients.submit(case.request.clone()).await.unwrap_err();
        assert_refused(&refusal(&status), case);
        assert_eq!(leak_in(&needles, &bytes_of(&status)), None, "{status:?}");
    }
    let requests: Vec<_> = cases.iter().map(|case| case.request.clone()).collect();
    let mut answers = clients.ingest.submit_stream(iter(requests)).await.unwrap().into_inner();
    for case in &cases {
        let answer = answers.message().await.unwrap().unwrap();
        let refused = pushed_back(answer).unwrap();
        assert_refused(&refused, case);
        assert_eq!(leak_in(&needles, format!("{refused:?}").as_bytes()), None, "{refused:?}");
    }
    assert_eq!(server.metric("witness_log_size"), size, "nothing of them was logged");

    clients.submit(stream.next(&[in_details(HARMLESS)])).await.unwrap();
    let metrics = server.found("/metrics").text().to_owned();
    let counted =
        format!("witness_refusals_total{{reason=\"PERSONAL_DATA\"}} {}\n", 2 * cases.len());
    assert!(metrics.contains(&counted), "{counted}{metrics}");
    assert_eq!(leak_in(&needles, metrics.as_bytes()), None, "{metrics}");
    assert_nowhere(&data, &needles);
    let log = server.stop();
    assert!(log.contains("DEBUG"), "{log}");
    assert_eq!(leak_in(&needles, log.as_bytes()), None, "{log}");

    // Opened again, the write-ahead log becomes tables.
    let log = data.start().stop();
    assert_eq!(leak_in(&needles, log.as_bytes()), None, "{log}");
    assert_nowhere(&data, &needles);
}
