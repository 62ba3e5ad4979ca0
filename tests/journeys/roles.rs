//! Every role by every method of the schema and every path of the router, within its scope and beyond: what is not
//! the role's is refused, and what is not the caller's is answered as if it were absent, by the same bytes and after
//! the same number of reads.

mod absent;
mod call;
mod firm;
mod methods;
mod paths;

use tonic::Code;
use witness_tests::{Data, Server, reason};

use self::{
    absent::{cases, is_absent},
    call::{Answer, Caller},
    firm::Firm,
    methods::{Whose, bytes_of, methods, whose},
    paths::{paths, requested},
};

/// Most times that something is measured again because the service did something else meanwhile.
const ROUNDS: usize = 50;

/// What a role gets from a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The method looks at the request.
    LetIn,
    /// Refused, by a code and a reason.
    Refused(Code, &'static str),
    /// The operator's socket serves nothing that is anybody's: that is on the public port.
    NotHere,
}

fn expected(caller: &Caller, whose: Whose) -> Expected {
    match (caller.name, whose) {
        ("revoked", _) => Expected::Refused(Code::Unauthenticated, "TOKEN_REFUSED"),
        ("expired", _) => Expected::Refused(Code::Unauthenticated, "TERM_ENDED"),
        ("operator", Whose::Anybody) => Expected::NotHere,
        ("anybody" | "issuer" | "regulator", Whose::Anybody)
        | ("issuer" | "regulator", Whose::Scoped)
        | ("operator", Whose::Operator) => Expected::LetIn,
        ("anybody", Whose::Scoped | Whose::Operator) => {
            Expected::Refused(Code::Unauthenticated, "CREDENTIALS_MISSING")
        }
        ("issuer" | "regulator", Whose::Operator) | ("operator", Whose::Scoped) => {
            Expected::Refused(Code::PermissionDenied, "PERMISSION_DENIED")
        }
        (other, _) => panic!("{other} is no role"),
    }
}

/// An answer, with how many reads of the log's store it took.
async fn measured(
    server: &Server,
    caller: &Caller,
    path: &str,
    request: &[u8],
    answers_max: usize,
) -> (Answer, u64) {
    let before = server.metric("witness_store_reads_total");
    let answer = caller.call(path, request.to_vec(), answers_max).await;
    (answer, server.metric("witness_store_reads_total") - before)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_let_in_to_its_own_methods_and_to_no_others() {
    let data = Data::new();
    let firm = Firm::new(&data).await;
    let callers = firm.callers().await;
    let mut cells = 0;
    for path in methods() {
        let whose = whose(&path);
        let whose = whose.unwrap_or_else(|| panic!("{path}: say in `methods.rs` whose it is"));
        for caller in &callers {
            let expected = expected(caller, whose);
            for request in bytes_of(&path, &firm) {
                let cell = format!("{path} by {}, {} bytes", caller.name, request.len());
                let mut reads = u64::MAX;
                for _ in 0..ROUNDS {
                    let (answer, read) = measured(&firm.server, caller, &path, &request, 1).await;
                    is_as_expected(&answer, expected, &cell);
                    reads = reads.min(read);
                    if expected == Expected::LetIn || reads == 0 {
                        break;
                    }
                }
                assert!(expected == Expected::LetIn || reads == 0, "{cell}: {reads} reads");
                cells += 1;
                if caller.name == "operator" && expected == Expected::LetIn {
                    // The operator's other requests would do what they say.
                    break;
                }
            }
        }
    }
    assert!(cells > 6 * 28, "{cells}");
    firm.server.stop();
}

#[track_caller]
fn is_as_expected(answer: &Answer, expected: Expected, cell: &str) {
    let code = answer.status.code();
    match expected {
        Expected::LetIn => {
            let not_let_in = [
                Code::Unauthenticated,
                Code::PermissionDenied,
                Code::Unimplemented,
                Code::Internal,
                Code::Unknown,
            ];
            assert!(!not_let_in.contains(&code), "{cell}: {answer:?}");
        }
        Expected::Refused(refused, why) => {
            assert_eq!((code, &*reason(&answer.status)), (refused, why), "{cell}");
            assert!(answer.messages.is_empty(), "{cell}");
        }
        Expected::NotHere => assert_eq!(code, Code::Unimplemented, "{cell}: {answer:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_path_is_served_to_whoever_there_is_but_not_under_a_token_that_counts_no_more() {
    let data = Data::new();
    let firm = Firm::new(&data).await;
    firm.server.rolled_up(0);
    let callers = firm.callers().await;
    let (anybody, absent) = (&callers[0], "/other/checkpoint");
    assert_eq!(anybody.get(absent).await.0, 404);
    for path in paths() {
        let requested = requested(path, firm.size);
        let requested =
            requested.unwrap_or_else(|| panic!("{path}: say in `paths.rs` what to ask"));
        for caller in &callers {
            let (status, body) = caller.get(&requested).await;
            let cell = format!("{requested} by {}: {status} {body}", caller.name);
            match caller.name {
                "anybody" | "issuer" | "regulator" => {
                    // Nothing is anchored here.
                    let is_there = !path.starts_with("/anchors/{contract}/");
                    assert_eq!(status, if is_there { 200 } else { 404 }, "{cell}");
                }
                "revoked" | "expired" => assert_eq!(status, 401, "{cell}"),
                // The operator's socket serves no paths: its answer is that of gRPC.
                _ => assert_eq!(body, "grpc-status 12", "{cell}"),
            }
        }
    }
    firm.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_callers_is_answered_as_if_it_were_absent_after_as_many_reads() {
    let data = Data::new();
    let firm = Firm::new(&data).await;
    let cases = cases(&firm).await;
    assert!(cases.len() > 40, "{}", cases.len());
    for case in &cases {
        is_absent(&firm, case).await;
    }
    firm.server.stop();
}
