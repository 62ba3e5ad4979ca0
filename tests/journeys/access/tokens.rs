//! Tokens, from their grant to their revocation; and that nothing keeps them.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Request};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};
use witness_tests::{Witness, reason};
use witness_wire::v1::{
    GetRegistryRequest, ListLogsRequest, SearchRequest, admin_service_client::AdminServiceClient,
};

use super::site::{Site, bearing, connect_plain, list_logs, search, unauthenticated};

const LONG: [&str; 2] = ["--until", "2999-12-31"];

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_its_caller_in_until_it_is_revoked_and_is_kept_nowhere() {
    let site = Site::new();
    let server = site.start("");
    let (id, token) = site.grant(&server, &LONG);
    let (other_id, other) = site.grant(&server, &LONG);
    let channel = connect_plain(&server).await;
    let ask = |token: &str| search(&channel, bearing(SearchRequest::default(), token));

    let nobody = search(&channel, Request::new(SearchRequest::default())).await;
    assert_eq!(unauthenticated(nobody), "CREDENTIALS_MISSING");
    ask(&token).await.unwrap();
    ask(&other).await.unwrap();
    // A wrong one is refused, also where anybody may call.
    let guess = format!("wit_{}", "A".repeat(43));
    assert_eq!(unauthenticated(ask(&guess).await), "TOKEN_REFUSED");
    let public = list_logs(&channel, bearing(ListLogsRequest {}, &guess)).await;
    assert_eq!(unauthenticated(public), "TOKEN_REFUSED");
    list_logs(&channel, bearing(ListLogsRequest {}, &token)).await.unwrap();
    list_logs(&channel, Request::new(ListLogsRequest {})).await.unwrap();

    site.revoke(&server, &id);
    assert_eq!(unauthenticated(ask(&token).await), "TOKEN_REFUSED");
    ask(&other).await.unwrap();
    let listed = site.witness(&server, &["access", "list", "--json"]).expect(0).json();
    let standings: Vec<_> = listed["callers"].as_array().unwrap().iter().collect();
    let standing = |id: &str| {
        let caller = standings.iter().find(|caller| caller["id"] == id).unwrap();
        caller["standing"].as_str().unwrap().to_owned()
    };
    assert_eq!((standing(&id), standing(&other_id)), ("revoked".to_owned(), "living".to_owned()));

    let first = server.stop();
    let server = site.start("");
    let channel = connect_plain(&server).await;
    let ask = |token: &str| search(&channel, bearing(SearchRequest::default(), token));
    assert_eq!(unauthenticated(ask(&token).await), "TOKEN_REFUSED");
    ask(&other).await.unwrap();
    let logs = [first, server.stop()].concat();
    assert!(logs.contains("GrantAccess"), "the log says nothing of what was done:\n{logs}");
    for token in [&token, &other] {
        let secret = token.strip_prefix("wit_").unwrap();
        assert!(!logs.contains(secret), "a token is in the log");
        assert_is_nowhere(secret, &site.data.path());
    }
}

fn assert_is_nowhere(secret: &str, folder: &Path) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            assert_is_nowhere(secret, &path);
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a token is in {}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_within_its_term_alone() {
    let site = Site::new();
    let server = site.start("");
    let channel = connect_plain(&server).await;
    let ask = |token: &str| search(&channel, bearing(SearchRequest::default(), token));
    let (_, early) = site.grant(&server, &["--from", "2998-01-01", "--until", "2999-12-31"]);
    assert_eq!(unauthenticated(ask(&early).await), "TERM_NOT_BEGUN");
    let over = site.witness(
        &server,
        &[
            "access",
            "grant",
            "--role",
            "regulator",
            "--name",
            "BaFin",
            "--jurisdictions",
            "DE",
            "--until",
            "2001-01-01",
        ],
    );
    assert!(over.expect(1).stderr.contains("term"));
    // One that ends while it is used.
    let until = (witness_tests::now_us() + 4_000_000).to_string();
    let (_, short) = site.grant(&server, &["--until", &until]);
    ask(&short).await.unwrap();
    let mut ended = ask(&short).await;
    while ended.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        ended = ask(&short).await;
    }
    assert_eq!(unauthenticated(ended), "TERM_ENDED");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_calls_are_answered_on_the_socket_alone() {
    let site = Site::new();
    let server = site.start("");
    let (_, token) = site.grant(&server, &LONG);
    let mut admin = AdminServiceClient::new(connect_plain(&server).await);
    let nobody = admin.get_registry(GetRegistryRequest::default()).await.unwrap_err();
    assert_eq!(
        (nobody.code(), reason(&nobody)),
        (Code::Unauthenticated, "CREDENTIALS_MISSING".to_owned())
    );
    let known = admin.get_registry(bearing(GetRegistryRequest::default(), &token)).await;
    let known = known.unwrap_err();
    assert_eq!(
        (known.code(), reason(&known)),
        (Code::PermissionDenied, "PERMISSION_DENIED".to_owned())
    );
    server.admin().await.get_registry(GetRegistryRequest::default()).await.unwrap();
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_shut_out_gets_no_more_of_a_long_answer() {
    let site = Site::new();
    let server = site.start("");
    let (id, token) = site.grant(&server, &LONG);
    let (questions, asked) = tokio::sync::mpsc::unbounded_channel();
    let ask = || {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        questions.send(ServerReflectionRequest { host: String::new(), message_request }).unwrap();
    };
    let mut reflection = ServerReflectionClient::new(connect_plain(&server).await);
    ask();
    let call = bearing(UnboundedReceiverStream::new(asked), &token);
    let mut answers = reflection.server_reflection_info(call).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
    site.revoke(&server, &id);
    ask();
    let cut = answers.message().await.map(drop);
    assert_eq!(unauthenticated(cut), "SHUT_OUT");
    server.stop();
}

#[test]
fn a_token_lies_in_a_private_file_that_replaces_none_and_the_command_line_bears_it() {
    let site = Site::new();
    let server = site.start("");
    let grant = [
        "access",
        "grant",
        "--role",
        "issuer",
        "--name",
        "The issuer",
        "--issuer",
        "issuer.example",
        "--until",
        "2999-12-31",
        "--token-file",
        "issuer.token",
    ];
    let said = site.witness(&server, &grant).expect(0);
    let token = fs::read_to_string(site.path("issuer.token")).unwrap();
    let mode = fs::metadata(site.path("issuer.token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!said.stdout.contains(token.trim()), "it is in the file, and shown too");
    let again = site.witness(&server, &grant).expect(1);
    assert!(again.stderr.contains("not overwritten"), "{again}");
    let listed = site.witness(&server, &["access", "list", "--json"]).expect(0).json();
    assert_eq!(listed["callers"].as_array().unwrap().len(), 1, "one was made for nothing");

    let history = [
        "history",
        "--issuer",
        "issuer.example",
        "--document",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "--token-file",
    ];
    let ask = |file: &str| site.witness(&server, &[&history[..], &[file]].concat());
    let known = ask("issuer.token").expect(1);
    assert!(known.stderr.contains("NOT_FOUND"), "{known}");
    fs::write(site.path("other.token"), format!("wit_{}\n", "A".repeat(43))).unwrap();
    fs::set_permissions(site.path("other.token"), fs::Permissions::from_mode(0o600)).unwrap();
    let unknown = ask("other.token").expect(1);
    assert!(unknown.stderr.contains("TOKEN_REFUSED"), "{unknown}");
    fs::set_permissions(site.path("issuer.token"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(ask("issuer.token").expect(2).stderr.contains("read by others"));
    // Beyond this machine nothing of it leaves in the clear.
    let plain = Witness::within(&site.path(""))
        .run(&[&history[..], &["other.token", "--server", "http://192.0.2.1:7761"]].concat());
    assert!(plain.expect(2).stderr.contains("plain http"));
    server.stop();
}
