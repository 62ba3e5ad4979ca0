//! Exports that are cut off, by whatever: the same command goes on, and in the end nothing tells the difference.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread,
};

use serde_json::Value;
use witness_tests::{Data, Server};

use super::{Desk, erase, files};
use crate::audit_search::Firm;

/// What is sent until a connection is cut, in bytes.
type Bytes = usize;

/// Lets so many bytes of answers through on one connection, and then none: the client sees an end when the
/// server's own comes, or at once.
pub(super) fn cut(server: SocketAddr, (limit, at_once): (Bytes, bool)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(server).unwrap();
        let (mut asks, mut asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        // It takes what the client says to the end: else the client might lose what it has not read yet.
        thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = asks.read(&mut buffer) {
                asked.write_all(&buffer[..count]).ok();
            }
        });
        let (mut answers, mut client) = (server, client);
        let mut buffer = [0; 1024];
        let mut left = limit;
        while let Ok(count @ 1..) = answers.read(&mut buffer) {
            let passed = count.min(left);
            left -= passed;
            if client.write_all(&buffer[..passed]).is_err() || (left == 0 && at_once) {
                break;
            }
        }
        // Either may be gone already.
        client.shutdown(Shutdown::Write).ok();
        answers.shutdown(Shutdown::Both).ok();
    });
    format!("http://{address}")
}

/// The files, without the time of the export.
pub(super) fn timeless(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = files(folder);
    let mut bundle: Value = serde_json::from_slice(&all["bundle.json"]).unwrap();
    bundle.as_object_mut().unwrap().remove("exported_at").unwrap();
    all.insert("bundle.json".to_owned(), bundle.to_string().into_bytes());
    all
}

/// A log of more than two entry bundles.
pub(super) async fn long(data: &Data) -> Firm {
    let mut firm = Firm::new(data).await;
    for round in 0..110 {
        firm.round(round).await;
    }
    firm.server.published(firm.size());
    firm
}

pub(super) fn is_begun(bundle: &Path) -> bool {
    bundle.join("export.state.json").is_file()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_cut_off_goes_on_and_gives_the_same_files() {
    let data = Data::new();
    let firm = long(&data).await;
    let desk = Desk::of(&data, &firm.server);
    let said = desk.export(&firm.server, ("gb", "whole"), &[]).expect(0).json();
    let whole = timeless(&desk.path("whole/bundle"));
    let total = usize::try_from(said["bytes"].as_u64().unwrap()).unwrap();
    assert!(whole.contains_key("tile/entries/001"), "it is of several entry bundles");
    let mut begins = BTreeSet::new();
    for part in 1..8 {
        let out = format!("cut{part}");
        let bundle = desk.path(&out).join("bundle");
        let through = cut(firm.server.address(), (total * part / 8, true));
        let said = desk.export(&firm.server, ("gb", &out), &["--server", &through]);
        assert_eq!(said.code, Some(2), "{said}");
        assert!(said.stdout.contains("run the same command again"), "{said}");
        assert!(!bundle.join("bundle.json").exists());
        // The first file may not have come.
        if is_begun(&bundle) {
            let state = fs::read(bundle.join("export.state.json")).unwrap();
            let state: Value = serde_json::from_slice(&state).unwrap();
            begins.insert(state["next_bundle"].as_u64());
            // Another question does not go on with it.
            let other = ["--issuer", "both.example"];
            let refused = desk.export(&firm.server, ("gb", &out), &other);
            assert!(refused.stdout.contains("another export"), "{refused}");
        }
        let _done = desk.export(&firm.server, ("gb", &out), &[]).expect(0);
        assert!(timeless(&bundle) == whole, "cut after {part} eighths");
    }
    assert!(begins.len() > 1, "it goes on from where it was: {begins:?}");
    assert_eq!(desk.check("cut5", &[]).said.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_when_the_client_or_the_service_was_killed_and_the_log_has_grown() {
    let data = Data::new();
    let mut firm = long(&data).await;
    let desk = Desk::of(&data, &firm.server);
    let said = desk.export(&firm.server, ("de", "whole"), &[]).expect(0).json();
    let whole = timeless(&desk.path("whole/bundle"));
    let most = usize::try_from(said["bytes"].as_u64().unwrap()).unwrap() * 7 / 8;
    let begin = |out: &str, server: &Server| {
        let through = cut(server.address(), (most, false));
        let (out, bundle) = (format!("{out}/bundle"), desk.path(out).join("bundle"));
        let words = ["--server", &through, "--token-file", "de.token", "--out", &out];
        let export = ["audit", "export", "--json"];
        let mut running = desk.asking(server).start(&[&export[..], &words].concat());
        assert!(running.wait_for(|| bundle.join("tile/entries/001").is_file()));
        running
    };
    let killed = begin("client", &firm.server).kill();
    assert_eq!(killed.code, None, "{killed}");
    let running = begin("service", &firm.server);
    firm.round(110).await;
    firm.server.published(firm.size());
    firm.server.kill();
    let said = running.end();
    assert_eq!(said.code, Some(2), "{said}");
    assert!(said.stdout.contains("run the same command again"), "{said}");
    let server = data.start();
    for out in ["client", "service"] {
        let _done = desk.export(&server, ("de", out), &[]).expect(0);
        assert!(timeless(&desk.path(out).join("bundle")) == whole, "{out}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_does_not_go_on_over_an_erasure_that_it_could_not_explain() {
    let data = Data::new();
    let mut firm = Firm::new(&data).await;
    for round in 0..12 {
        firm.round(round).await;
    }
    firm.server.published(firm.size());
    let desk = Desk::of(&data, &firm.server);
    let _whole = desk.export(&firm.server, ("gb", "whole"), &[]).expect(0);
    let whole = files(&desk.path("whole/bundle"));
    let (_, entries) = whole.iter().find(|(path, _)| path.starts_with("tile/entries")).unwrap();
    // A frame of HTTP/2 has 16 KiB and counts only as a whole.
    let through = cut(firm.server.address(), (entries.len() + 18_000, false));
    let words = ["--server", &through, "--token-file", "gb.token", "--out", "gb/bundle"];
    let export = ["audit", "export", "--json"];
    let mut running = desk.asking(&firm.server).start(&[&export[..], &words].concat());
    assert!(running.wait_for(|| is_begun(&desk.path("gb/bundle"))), "it ended by itself");
    assert_eq!(running.kill().code, None);
    erase(&desk, &firm.server);
    let said = desk.export(&firm.server, ("gb", "gb"), &[]).expect(1).json();
    assert_eq!(said["reason"], "OVERTAKEN", "{said}");
    let _done = desk.export(&firm.server, ("gb", "new"), &[]).expect(0);
    assert_eq!(desk.check("new", &[]).said.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_is_shut_out_gets_no_more_and_a_folder_of_something_else_is_not_touched() {
    let data = Data::new();
    let mut firm = Firm::new(&data).await;
    firm.round(0).await;
    firm.server.published(firm.size());
    let desk = Desk::of(&data, &firm.server);
    fs::create_dir_all(desk.path("taken/bundle")).unwrap();
    fs::write(desk.path("taken/bundle/notes.txt"), "mine").unwrap();
    let refused = desk.export(&firm.server, ("gb", "taken"), &[]);
    assert!(refused.code == Some(2) && refused.stdout.contains("is not empty"), "{refused}");
    let kept = files(&desk.path("taken/bundle"));
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [("notes.txt".into(), b"mine".to_vec())]);
    let _done = desk.export(&firm.server, ("gb", "gb"), &[]).expect(0);
    let again = desk.export(&firm.server, ("gb", "gb"), &[]).expect(2).json();
    let step = again["next_step"].as_str().unwrap();
    assert!(again["message"].as_str().unwrap().contains("is complete"), "{again}");
    assert!(step.contains("witness audit check gb/bundle --policy policy.json"), "{again}");
    desk.shut_out(&firm.server, "gb");
    let refused = desk.export(&firm.server, ("gb", "late"), &[]);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert!(!desk.path("late").exists(), "nothing is made for nothing");
}
