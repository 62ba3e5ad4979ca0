//! `witness audit search`, `tail`, `stats` and `as-at`, as a regulator types them.

use serde_json::Value;
use witness_tests::{Data, Said, document, now_us};

use super::{Desk, erase};
use crate::audit_search::{Firm, GB};

/// The objects of an answer, one on each line.
pub(super) fn lines(said: &Said) -> Vec<Value> {
    said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn places(events: &[Value]) -> Vec<(u64, u32)> {
    let place = |event: &Value| {
        let event_index = event["event_index"].as_u64().unwrap();
        (event["index"].as_u64().unwrap(), u32::try_from(event_index).unwrap())
    };
    events.iter().map(place).collect()
}

pub(super) async fn firm_with(rounds: u64, data: &Data) -> (Firm, Desk) {
    let mut firm = Firm::new(data).await;
    for round in 0..rounds {
        firm.round(round).await;
    }
    firm.server.regulator("GB").await.indexed(firm.size()).await;
    let desk = Desk::of(data, &firm.server);
    (firm, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regulator_searches_counts_and_looks_back_by_command() {
    let data = Data::new();
    let (firm, desk) = firm_with(3, &data).await;
    let ask = |what: &str, more: &[&str]| {
        let words = ["audit", what, "--json", "--token-file", "gb.token"];
        desk.asking(&firm.server).run(&[&words[..], more].concat())
    };
    let search = |more: &[&str]| {
        let mut found = lines(&ask("search", more).expect(0));
        let end = found.pop().unwrap();
        let said = (&end["outcome"], end["events"].as_u64(), &end["indexed_to"]);
        let count = u64::try_from(found.len()).ok();
        assert_eq!(said, (&"done".into(), count, &firm.size().into()), "{end}");
        (found, end)
    };
    let (found, end) = search(&[]);
    assert_eq!(places(&found), firm.of(&GB));
    assert_eq!((&end["more"], &end["next_step"]), (&false.into(), &Value::Null));
    assert_eq!(search(&["--limit", "4"]).1["more"], true);
    // What is not there and what is not in scope are told apart by nobody.
    let nothing = |issuer: &str| {
        let (_, end) = search(&["--issuer", issuer]);
        end["next_step"].as_str().unwrap().replace(issuer, "it")
    };
    assert_eq!(nothing("munich.example"), nothing("nobody.example"));
    assert!(nothing("munich.example").ends_with("check --issuer it"));
    let (issuer, revoked) = (["--issuer", "both.example"], ["--status", "REVOKED"]);
    for (more, expected) in [
        (&["--change", "deleted"][..], 6),
        (&[revoked, issuer].concat(), 3),
        (&[&revoked[..], &["--change", "issued"]].concat(), 0),
        (&["--class", "punitive"], 6),
        (&["--jurisdiction", "GB"], 18),
        (&["--jurisdiction", "DE"], 0),
        (&["--issuer", "munich.example"], 0),
        (&["--field", "module=RUST-101"], 6),
        (&["--received-until", "2020-01-01"], 0),
        (&["--occurred-from", "2020-01-01"], 18),
        (&["--limit", "4"], 4),
    ] {
        assert_eq!(search(more).0.len(), expected, "{more:?}");
    }
    assert_eq!(found[0]["details"]["module"], "RUST-101");
    let wrong = ask("search", &["--jurisdiction", "DE,GB"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
    let nobody = desk.asking(&firm.server).run(&["audit", "search", "--json"]);
    assert_eq!(nobody.code, Some(1), "{nobody}");

    let mut counted = lines(&ask("stats", &["--days"]).expect(0));
    let end = counted.pop().unwrap();
    assert_eq!((&end["outcome"], &end["streams"]), (&"done".into(), &2.into()), "{end}");
    assert_eq!((counted.len(), &end["indexed_to"]), (2, &firm.size().into()), "{end}");
    for stream in &counted {
        assert_eq!((&stream["total"]["events"], &stream["silent"]), (&9.into(), &false.into()));
        let days = stream["days"].as_array().unwrap().iter();
        assert_eq!(days.filter_map(|day| day["counts"]["events"].as_u64()).sum::<u64>(), 9);
    }
    check_looking_back(&ask);
}

/// What was held at a past time, and of which time nothing can be said.
fn check_looking_back(ask: &dyn Fn(&str, &[&str]) -> Said) {
    let hex = |number: usize| document(format!("{number} 0")).0.to_hex();
    let asked = |number: usize, issuer: &str, at: &str| {
        let hash = hex(number);
        lines(&ask("as-at", &["--issuer", issuer, "--document", &hash, "--at", at]).expect(0))
    };
    let now = now_us().to_string();
    let own = asked(0, "london.example", &now);
    let last = own.last().unwrap();
    assert_eq!((own.len(), last["change"].as_str()), (4, Some("deleted")));
    assert_eq!((&last["outcome"], &last["events"]), (&"done".into(), &3.into()));
    assert!(own[..3].iter().all(|event| event["index"].is_u64() && event["outcome"].is_null()));
    assert_eq!(asked(0, "london.example", "2020-01-01").len(), 1);
    assert_eq!(asked(1, "munich.example", &now).len(), 1, "not its own");
    let nothing = asked(1, "munich.example", &now).remove(0);
    assert!(nothing["next_step"].as_str().unwrap().starts_with("check the issuer"), "{nothing}");
    let of = ["--issuer", "london.example", "--document", &hex(0)];
    let ahead = ask("as-at", &[&of[..], &["--at", "2999-01-01"]].concat()).expect(1).json();
    let message = ahead["message"].as_str().unwrap();
    assert!(
        message.starts_with("at_us must be a time that has come: by this service's clock"),
        "{ahead}"
    );
    assert_eq!(ahead["expected"]["argument"], "at_us", "{ahead}");
    assert!(ahead["next_step"].as_str().unwrap().contains("--at"), "{ahead}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regulator_is_told_when_and_why_an_event_was_erased() {
    let data = Data::new();
    let (firm, desk) = firm_with(1, &data).await;
    erase(&desk, &firm.server);
    let london = ["--token-file", "gb.token", "--issuer", "london.example"];
    let ask =
        |what: &[&str]| desk.asking(&firm.server).run(&[what, &london].concat()).expect(0).stdout;
    for what in [&["audit", "search"][..], &["audit", "tail", "--once", "--from", "0"]] {
        let said = ask(what);
        assert_eq!(said.matches("Z, for the reason: request").count(), 1, "{said}");
        let said = ask(&[what, &["--json"]].concat());
        let mut events = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let erased = events.find(|event| event["erased_at"].is_string()).unwrap();
        assert_eq!(
            (&erased["erasure_reason"], &erased["sequence"]),
            (&"request".into(), &1.into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_was_killed_goes_on_without_a_gap() {
    let data = Data::new();
    let (mut firm, desk) = firm_with(2, &data).await;
    let words = ["audit", "tail", "--json", "--token-file", "gb.token", "--state", "tail.json"];
    let mut told = Vec::new();
    for round in 2..5 {
        let reached = || {
            let state = std::fs::read(desk.path("tail.json")).unwrap_or_default();
            let state: Value = serde_json::from_slice(&state).unwrap_or_default();
            state["next_index"].as_u64() >= Some(firm.size())
        };
        let mut running = desk.asking(&firm.server).start(&words);
        assert!(running.wait_for(reached), "it ended by itself");
        told.extend(lines(&running.kill()));
        firm.round(round).await;
        firm.server.published(firm.size());
    }
    let once = desk.asking(&firm.server).run(&[&words[..], &["--once"]].concat()).expect(0);
    let mut once = lines(&once);
    let end = once.pop().unwrap();
    assert_eq!((&end["outcome"], &end["events"]), (&"done".into(), &once.len().into()));
    assert_eq!(end["next_index"], firm.size(), "{end}");
    told.extend(once);
    assert_eq!(places(&told), firm.of(&GB));
    let nothing = desk.asking(&firm.server).run(&[&words[..], &["--once"]].concat()).expect(0);
    assert_eq!(
        (&nothing.json()["outcome"], &nothing.json()["events"]),
        (&"done".into(), &0.into())
    );
    std::fs::write(desk.path("tail.json"), "something else").unwrap();
    let refused = desk.asking(&firm.server).run(&[&words[..], &["--once"]].concat());
    assert_eq!(refused.code, Some(2), "{refused}");
    assert_eq!(std::fs::read(desk.path("tail.json")).unwrap(), b"something else");
}
