//! `witness audit tail` while the service, or the tail itself, is stopped, killed and started again.

use std::fs;

use serde_json::{Value, json};
use witness_tests::{Data, Said, Server};

use super::{
    Desk,
    asked::{firm_with, lines, places},
};
use crate::audit_search::{Firm, GB};

const TAIL: [&str; 7] =
    ["audit", "tail", "--json", "--token-file", "gb.token", "--state", "tail.json"];

/// Index and number of the events that were told.
fn told(said: &Said) -> Vec<(u64, u32)> {
    let events: Vec<Value> =
        lines(said).into_iter().filter(|line| line["index"].is_u64()).collect();
    places(&events)
}

fn state(desk: &Desk) -> Value {
    let state = fs::read(desk.path("tail.json")).unwrap_or_default();
    serde_json::from_slice(&state).unwrap_or_default()
}

fn has_reached(desk: &Desk, size: u64) -> bool {
    state(desk)["next_index"].as_u64() >= Some(size)
}

fn once(desk: &Desk, firm: &Firm, more: &[&str]) -> Said {
    desk.asking(&firm.server).run(&[&TAIL[..], &["--once"], more].concat())
}

/// The same firm after its service has ended in some way, and was started again where it was.
async fn again(firm: Firm, data: &Data, end: impl FnOnce(Server) -> String) -> Firm {
    let Firm { server, streams, logged, .. } = firm;
    let address = server.address().to_string();
    end(server);
    let server = data.start_at(&address);
    let clients = server.clients().await;
    Firm { server, clients, streams, logged }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_outlives_its_service_and_tells_each_event_once_in_order() {
    let data = Data::new();
    let (mut firm, desk) = firm_with(1, &data).await;
    let mut running = desk.asking(&firm.server).start(&TAIL);
    assert!(running.wait_for(|| has_reached(&desk, firm.size())), "it ended by itself");
    // In the midst of an entry that comes in several answers.
    firm.many(4000).await;
    let is_begun = || state(&desk)["told"].as_u64() > Some(6);
    assert!(running.wait_for(is_begun), "it ended by itself");
    firm = again(firm, &data, Server::kill).await;
    firm.round(1).await;
    assert!(running.wait_for(|| has_reached(&desk, firm.size())), "it ended by itself");
    firm = again(firm, &data, Server::stop).await;
    firm.round(2).await;
    assert!(running.wait_for(|| has_reached(&desk, firm.size())), "it ended by itself");
    let said = running.stop().expect(0);
    assert!(told(&said) == firm.of(&GB), "{}", said.stderr);
    assert_eq!(said.stderr.matches("waiting for the server").count(), 2, "{}", said.stderr);
    assert_eq!(told(&once(&desk, &firm, &[]).expect(0)), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_is_asked_to_stop_goes_on_behind_the_event_that_it_told_last() {
    let data = Data::new();
    let (mut firm, desk) = firm_with(1, &data).await;
    firm.many(4000).await;
    let entry = firm.size() - 1;
    firm.round(1).await;
    firm.server.published(firm.size());
    let mut all = Vec::new();
    let mut running = desk.asking(&firm.server).start(&TAIL);
    assert!(running.wait_for(|| state(&desk)["told"].as_u64() > Some(6)), "it ended by itself");
    all.extend(told(&running.stop().expect(0)));
    all.extend(told(&once(&desk, &firm, &[]).expect(0)));
    assert!(all == firm.of(&GB), "{} events of {}", all.len(), firm.of(&GB).len());
    // As if it had been stopped somewhere in the entry.
    for event in [1, 2047, 2048, 3999, 4000] {
        let mut within = state(&desk);
        (within["next_index"], within["next_event"]) = (json!(entry), json!(event));
        fs::write(desk.path("tail.json"), within.to_string()).unwrap();
        let rest = told(&once(&desk, &firm, &[]).expect(0));
        let expected: Vec<_> =
            firm.of(&GB).into_iter().filter(|place| *place >= (entry, event)).collect();
        assert!(rest == expected, "from event {event}: {:?}", rest.first());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_whose_reader_goes_away_goes_on_behind_what_it_wrote_out() {
    let data = Data::new();
    let (mut firm, desk) = firm_with(1, &data).await;
    firm.many(4000).await;
    firm.server.published(firm.size());
    let tail = desk.asking(&firm.server);
    let taken = told(&tail.run_for_head(&[&TAIL[..], &["--once"]].concat(), 10).expect(0));
    assert_eq!(taken, firm.of(&GB)[..10]);
    let written = usize::try_from(state(&desk)["told"].as_u64().unwrap()).unwrap();
    assert!((10..2000).contains(&written), "{written}");
    assert!(told(&once(&desk, &firm, &[]).expect(0)) == firm.of(&GB)[written..], "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_not_taken_for_that_of_another_filter_or_firm_and_is_tried_before_anything() {
    let data = Data::new();
    let (firm, desk) = firm_with(1, &data).await;
    let _told = once(&desk, &firm, &[]).expect(0);
    let kept = fs::read(desk.path("tail.json")).unwrap();
    let refused = |said: &Said, why: &str| {
        let said = lines(said).pop().unwrap();
        assert!(said["message"].as_str().unwrap().contains(why), "{said}");
        assert!(said["next_step"].as_str().unwrap().contains("--state"), "{said}");
    };
    refused(&once(&desk, &firm, &["--change", "deleted"]).expect(2), "a tail without filters");
    let elsewhere = Data::new();
    let (other, others) = firm_with(1, &elsewhere).await;
    fs::write(others.path("tail.json"), &kept).unwrap();
    refused(&once(&others, &other, &[]).expect(2), "another firm");
    assert_eq!(fs::read(others.path("tail.json")).unwrap(), kept);
    assert_eq!(fs::read(desk.path("tail.json")).unwrap(), kept);
    let nowhere = ["--once", "--state", "nowhere/tail.json"];
    let said = desk.asking(&firm.server).run(&[&TAIL[..5], &nowhere].concat()).expect(2);
    assert!(told(&said).is_empty(), "{said}");
    refused(&said, "cannot write nowhere/tail.json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_says_where_it_begins_and_what_to_look_into_and_ends_when_it_is_shut_out() {
    let data = Data::new();
    let (firm, desk) = firm_with(1, &data).await;
    let ask = |more: &[&str]| {
        let said = desk.asking(&firm.server).run(&[&TAIL[..5], &["--once"], more].concat());
        assert!(told(&said).is_empty(), "{said}");
        said
    };
    let said = ask(&["--from", "900"]).expect(0).stderr;
    assert!(said.contains("nothing is published from entry 900 on"), "{said}");
    let said = ask(&["--from", "0", "--issuer", "nobody.example"]).expect(0).stderr;
    assert!(said.contains("check --issuer nobody.example"), "{said}");
    let span = ["--received-from", "2026-03-01", "--received-until", "2026-03-01"];
    let said = ask(&span).expect(2).stdout;
    assert!(said.contains("--received-until a later time"), "{said}");
    let _usage = ask(&["--jurisdiction", "XX"]).expect(2);
    let mut running = desk.asking(&firm.server).start(&TAIL);
    assert!(running.wait_for(|| has_reached(&desk, firm.size())), "it ended by itself");
    desk.shut_out(&firm.server, "gb");
    let said = running.end().expect(1);
    assert!(said.stderr.contains("beginning with entry 0, then waiting for more"), "{said}");
    assert!(!said.stderr.contains("waiting for the server"), "{said}");
    let end = lines(&said).pop().unwrap();
    assert_eq!(end["reason"], "SHUT_OUT");
    assert!(end["next_step"].is_string(), "{end}");
}
