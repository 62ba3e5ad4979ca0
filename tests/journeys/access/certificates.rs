//! TLS, and callers that are known by their client certificates.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use tonic::Request;
use witness_tests::{Issuer, document, issued, witnessd_says};
use witness_wire::v1::{
    ListLogsRequest, SearchRequest, ingest_service_client::IngestServiceClient,
};

use super::site::{Authority, Site, bearing, connect, list_logs, search, unauthenticated};

fn logs() -> Request<ListLogsRequest> {
    Request::new(ListLogsRequest {})
}

fn asked() -> Request<SearchRequest> {
    Request::new(SearchRequest::default())
}

#[test]
fn without_tls_nothing_but_loopback_is_listened_on() {
    let site = Site::new();
    let config = site.configure("0.0.0.0:0", "");
    let said = witnessd_says(&["--config", config.to_str().unwrap()]).expect(1);
    assert!(said.stderr.contains("is not loopback, and there is no [tls]"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_names_its_caller_and_an_unknown_one_is_nobody() {
    let site = Site::new();
    let (ours, clients) = (Authority::new("ours"), Authority::new("of clients"));
    ours.serve(&site);
    std::fs::write(site.path("clients.pem"), &clients.pem).unwrap();
    let server = site.start(&site.tls(Some("clients.pem")));
    let to = server.address();

    // Who shows none is anybody, and may bear a token.
    let anybody = connect(to, ours.trusting()).await.unwrap();
    list_logs(&anybody, logs()).await.unwrap();
    assert_eq!(unauthenticated(search(&anybody, asked()).await), "CREDENTIALS_MISSING");
    let (_, token) = site.grant(&server, &["--until", "2999-12-31"]);
    search(&anybody, bearing(SearchRequest::default(), &token)).await.unwrap();

    let regulator = clients.client(&site, "regulator");
    let regulator = connect(to, ours.trusting().identity(regulator)).await.unwrap();
    assert_eq!(unauthenticated(list_logs(&regulator, logs()).await), "CERTIFICATE_REFUSED");
    let id = site.grant_certificate(&server, "regulator.pem");
    list_logs(&regulator, logs()).await.unwrap();
    search(&regulator, asked()).await.unwrap();
    let both = list_logs(&regulator, bearing(ListLogsRequest {}, &token)).await;
    assert_eq!(unauthenticated(both), "TWO_CREDENTIALS");
    // Another one of the same name by the same authority is another one.
    let namesake = clients.client(&site, "namesake");
    let namesake = connect(to, ours.trusting().identity(namesake)).await.unwrap();
    assert_eq!(unauthenticated(search(&namesake, asked()).await), "CERTIFICATE_REFUSED");
    // One by another authority does not get that far.
    let foreign = Authority::new("foreign").client(&site, "foreign");
    let foreign = connect(to, ours.trusting().identity(foreign)).await;
    let refused = match &foreign {
        Ok(channel) => list_logs(channel, logs()).await.is_err(),
        Err(_) => true,
    };
    assert!(refused, "a certificate of an unknown authority was accepted");

    site.revoke(&server, &id);
    assert_eq!(unauthenticated(search(&regulator, asked()).await), "CERTIFICATE_REFUSED");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_speaks_tls_and_shows_a_certificate() {
    let site = Site::new();
    let (ours, clients) = (Authority::new("ours"), Authority::new("of clients"));
    ours.serve(&site);
    std::fs::write(site.path("ours.pem"), &ours.pem).unwrap();
    std::fs::write(site.path("clients.pem"), &clients.pem).unwrap();
    clients.client(&site, "known");
    clients.client(&site, "unknown");
    let server = site.start(&site.tls(Some("clients.pem")));
    site.grant_certificate(&server, "known.pem");
    let to = format!("https://localhost:{}", server.address().port());
    let history = [
        "history",
        "--issuer",
        "issuer.example",
        "--document",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "--server",
        &to,
    ];
    let ask = |more: &[&str]| site.witness(&server, &[&history[..], more].concat());
    assert!(ask(&["--ca", "ours.pem"]).expect(1).stderr.contains("NOT_FOUND"));
    // Nobody vouches for it, as far as the system knows.
    let _unknown_authority = ask(&[]).expect(2);
    assert!(ask(&["--ca", "clients.pem"]).expect(2).stderr.contains("no connection"));
    let by = |name: &str| {
        let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
        ask(&["--ca", "ours.pem", "--certificate", &pem, "--certificate-key", &key])
    };
    assert!(by("known").expect(1).stderr.contains("NOT_FOUND"));
    assert!(by("unknown").expect(1).stderr.contains("CERTIFICATE_REFUSED"));
    // Plain files, too.
    let anchors = |more: &[&str]| {
        let arguments = ["anchor", "status", "--server", &to, "--json"];
        site.witness(&server, &[&arguments[..], more].concat())
    };
    let _served = anchors(&["--ca", "ours.pem"]).expect(0);
    let _unknown_authority = anchors(&["--ca", "clients.pem"]).expect(2);
    let _unknown_authority = anchors(&[]).expect(2);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_are_never_finished_hold_up_nobody() {
    let site = Site::new();
    let ours = Authority::new("ours");
    ours.serve(&site);
    let server = site.start(&site.tls(None));
    let open = |number: usize| {
        let mut connection = TcpStream::connect(server.address()).unwrap();
        // Some say nothing; some begin a record of a handshake and leave it at that.
        connection.write_all([0x16, 3, 1, 2, 0, 1].get(..number % 7).unwrap()).unwrap();
        connection
    };
    let unfinished: Vec<TcpStream> = (0..200).map(open).collect();
    let channel = connect(server.address(), ours.trusting()).await.unwrap();
    let mut stream = Issuer::of_dev(&site.data).stream("main");
    let submitted = stream.next(&[issued(document("over TLS"))]);
    IngestServiceClient::new(channel).submit(submitted).await.unwrap();
    for mut connection in unfinished {
        assert_eq!(connection.read(&mut [0; 64]).unwrap_or(0), 0, "it was told something");
    }
    server.stop();
}
