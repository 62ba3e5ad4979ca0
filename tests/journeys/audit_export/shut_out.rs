//! Exports whose caller is shut out in their midst: nothing more comes, and who is let in again goes on.

use std::{fs, path::Path};

use serde_json::Value;
use tonic::{Code, Request, Streaming};
use witness_tests::{Data, Server, Sluice, reason};
use witness_wire::v1::{self, audit_service_client::AuditServiceClient};

use super::{Desk, bytes, cut_off::timeless, exported, large, rest};
use crate::{
    access::site::{Authority, Site, connect},
    audit_search::GB,
};

/// What is on its way to who takes nothing; small beside the export.
const WINDOW: u32 = 1 << 20;
/// More than an entry bundle of small submissions with its bodies.
const THROUGH: u64 = 1 << 20;

/// All of an export, by another caller of the same scope.
async fn whole(server: &Server) -> Vec<v1::ExportResponse> {
    let another = server.regulator("GB").await;
    let mut pieces = another.export(v1::ExportRequest::default()).await.unwrap();
    let (whole, end) = rest(&mut pieces).await;
    assert!(end.is_none(), "{end:?}");
    whole
}

/// What an export gives whose caller has been shut out since its first piece: the begin of the whole, and the reason.
async fn comes_to_an_end(
    first: v1::ExportResponse,
    pieces: &mut Streaming<v1::ExportResponse>,
    whole: &[v1::ExportResponse],
) {
    let (more, end) = rest(pieces).await;
    let Some(end) = end else { panic!("it came whole") };
    assert_eq!((end.code(), reason(&end).as_str()), (Code::Unauthenticated, "SHUT_OUT"));
    let taken = [vec![first], more].concat();
    assert!(whole.starts_with(&taken), "it is no begin of the whole");
    // What was on its way when the caller was shut out arrives.
    assert!(bytes(&taken) < bytes(whole) / 2, "{} of {}", bytes(&taken), bytes(whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_shut_out_while_it_exports_gets_no_more() {
    let data = Data::new();
    let firm = large(data.start()).await;
    let (server, whole) = (&firm.server, whole(&firm.server).await);
    let gb = server.regulator("GB").await.taking(server, WINDOW).await;
    let mut pieces = gb.export(v1::ExportRequest::default()).await.unwrap();
    let first = pieces.message().await.unwrap().unwrap();
    server.shut_out(&gb).await;
    comes_to_an_end(first, &mut pieces, &whole).await;
    let results = exported(server, &gb.id, 1).await;
    let all = u64::try_from(firm.of(&GB).len()).unwrap();
    assert!(results.len() == 1 && results[0] < all, "{results:?} of {all}");
    let again = gb.export(v1::ExportRequest::default()).await.unwrap_err();
    assert_eq!(reason(&again), "TOKEN_REFUSED");
    firm.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_by_a_certificate_and_shut_out_gets_no_more() {
    let site = Site::new();
    let firm = large(site.data.start()).await;
    let whole = whole(&firm.server).await;
    firm.server.stop();
    let (ours, clients) = (Authority::new("ours"), Authority::new("of clients"));
    ours.serve(&site);
    fs::write(site.path("clients.pem"), &clients.pem).unwrap();
    let server = site.start(&site.tls(Some("clients.pem")));
    let regulator = clients.client(&site, "regulator");
    let role = ["access", "grant", "--role", "regulator", "--jurisdictions", "GB", "--name", "gb"];
    let grant = ["--until", "2999-12-31", "--certificate", "regulator.pem", "--json"];
    let granted = site.witness(&server, &[&role[..], &grant].concat()).expect(0).json();
    let id = granted["id"].as_str().unwrap();
    let tls = ours.trusting().identity(regulator);
    let channel = connect(server.address(), tls).await.unwrap();
    let mut client = AuditServiceClient::new(channel);
    let request = v1::ExportRequest { size: whole[0].size, ..Default::default() };
    let mut pieces = client.export(Request::new(request.clone())).await.unwrap().into_inner();
    let first = pieces.message().await.unwrap().unwrap();
    site.revoke(&server, id);
    comes_to_an_end(first, &mut pieces, &whole).await;
    assert_eq!(exported(&server, id, 1).await.len(), 1);
    let again = client.export(request).await.unwrap_err();
    assert_eq!(reason(&again), "CERTIFICATE_REFUSED");
    server.stop();
}

/// The entry bundle that an export into a folder would go on with.
fn next_bundle(bundle: &Path) -> Option<u64> {
    let state = fs::read(bundle.join("export.state.json")).ok()?;
    let state: Value = serde_json::from_slice(&state).unwrap();
    state["next_bundle"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_what_to_do_and_goes_on_when_its_caller_is_let_in_again() {
    let data = Data::new();
    let firm = large(data.start()).await;
    let (server, desk) = (&firm.server, Desk::of(&data, &firm.server));
    let whole = desk.export(server, ("gb", "whole"), &[]).expect(0).json();
    let sluice = Sluice::before(server.address(), THROUGH);
    let through = format!("http://{}", sluice.address());
    let words = ["audit", "export", "--json", "--token-file", "gb.token", "--out", "gb/bundle"];
    let export = [&words[..], &["--server", &through]].concat();
    let mut running = desk.asking(server).start(&export);
    let bundle = desk.path("gb/bundle");
    assert!(running.wait_for(|| next_bundle(&bundle) == Some(1)), "it ended by itself");
    let id = desk.shut_out(server, "gb");
    sluice.open();
    let said = running.end().expect(1).json();
    assert_eq!(said["reason"], "SHUT_OUT", "{said}");
    let step = said["next_step"].as_str().unwrap();
    assert!(step.contains("let you in again") && step.contains("the same command"), "{said}");
    assert!(!bundle.join("bundle.json").exists());
    let refused = desk.export(server, ("gb", "gb"), &[]).expect(1).json();
    assert_eq!(refused["reason"], "TOKEN_REFUSED", "{refused}");
    let [of_all, of_some] = exported(server, &id, 2).await[..] else { panic!("not two exports") };
    assert_eq!(of_all, u64::try_from(firm.of(&GB).len()).unwrap());
    assert!(of_some < of_all, "{of_some} of {of_all}");
    fs::remove_file(desk.path("gb.token")).unwrap();
    desk.let_in(server, "gb", ["--role", "regulator", "--jurisdictions", "GB"]);
    let said = desk.export(server, ("gb", "gb"), &[]).expect(0).json();
    assert!(said["files"].as_u64() < whole["files"].as_u64(), "it began anew: {said}");
    assert!(timeless(&bundle) == timeless(&desk.path("whole/bundle")));
    assert_eq!(desk.check("gb", &[]).said.code, Some(0));
    firm.server.stop();
}
