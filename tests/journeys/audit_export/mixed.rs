//! Exports that would mix what is of two scopes in one folder: refused, both named, with nothing touched.

use std::fs;

use serde_json::json;
use witness_tests::Data;

use super::{
    Desk,
    cut_off::{cut, is_begun, long, timeless},
    files,
};
use crate::audit_search::GB;

const LOG: &str = "witness.example/log1";

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_begun_in_one_scope_takes_nothing_of_another_one() {
    let data = Data::new();
    let firm = long(&data).await;
    let (server, desk) = (&firm.server, Desk::of(&data, &firm.server));
    let said = desk.export(server, ("gb", "whole"), &[]).expect(0).json();
    let events = u64::try_from(firm.of(&GB).len()).unwrap();
    // Which log is the only one, is said where it is not asked.
    let shown = desk.asking(server).run(&["issuer", "--json", "show"]).expect(0).json();
    assert_eq!((&said["origin"], &shown["origin"]), (&json!(LOG), &json!(LOG)), "{said}");
    let shown = desk.asking(server).run(&["issuer", "show"]).expect(0);
    assert!(shown.stdout.starts_with(&format!("{LOG}: ")), "{shown}");
    assert_eq!(said["scope"]["jurisdictions"], "GB", "{said}");
    assert_eq!(said["streams"].as_u64(), Some(u64::try_from(GB.len()).unwrap()), "{said}");
    assert_eq!(said["events"].as_u64(), Some(events), "{said}");
    let total = usize::try_from(said["bytes"].as_u64().unwrap()).unwrap();
    let through = cut(server.address(), (total * 3 / 4, true));
    let broken_off = desk.export(server, ("gb", "gb"), &["--server", &through]);
    assert_eq!(broken_off.code, Some(2), "{broken_off}");
    let bundle = desk.path("gb/bundle");
    assert!(is_begun(&bundle));
    let before = files(&bundle);
    // The same file of a token, and the grant behind it is another one.
    fs::copy(desk.path("gb.token"), desk.path("own.token")).unwrap();
    fs::copy(desk.path("de.token"), desk.path("gb.token")).unwrap();
    let others: [(&str, &[&str], &str); 4] = [
        ("gb", &[], "streams in DE"),
        ("both", &[], "every stream of both.example"),
        ("own", &["--issuer", "both.example"], "streams of both.example in GB"),
        ("own", &["--log", "witness.example/log2"], "witness.example/log2"),
    ];
    for (who, more, named) in others {
        let refused = desk.export(server, (who, "gb"), more).expect(1).json();
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains("holds the begin of another export"), "{refused}");
        assert!(message.contains(named), "{refused}");
        let is_of_scope = named.contains("stream");
        assert_eq!(message.contains("it is of streams in GB,"), is_of_scope, "{refused}");
        assert!(refused["next_step"].as_str().unwrap().contains("a new folder"), "{refused}");
        assert!(files(&bundle) == before, "{who} {more:?}");
    }
    // Another grant of the same scope goes on.
    desk.let_in(server, "new", ["--role", "regulator", "--jurisdictions", "GB"]);
    let resumed = desk.export(server, ("new", "gb"), &[]).expect(0).json();
    assert!(resumed["files"].as_u64() < said["files"].as_u64(), "it began anew: {resumed}");
    assert_eq!(resumed["events"].as_u64(), Some(events), "{resumed}");
    assert!(timeless(&bundle) == timeless(&desk.path("whole/bundle")));
    assert_eq!(desk.check("gb", &[]).said.code, Some(0));
    firm.server.stop();
}
