//! The access log: what the operator asked is there, in order and whatever was killed; what was done to it is found;
//! its head stands in the log, and a watcher is content with that.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;
use witness_core::{
    access_record::{AccessRecord, Chain, Role},
    entry::{Entry, EntryKind},
    hash::Hash,
    observation::{Observation, Seen},
};
use witness_tests::{Data, Issuer, Said, Server, Witness, awaited, copy_folder, reason};
use witness_wire::v1;

/// Blocks of 512 bytes that a file may have: a stand-in for the end of the disk.
const FILE_BLOCKS_MAX: u32 = 600;
/// More than so many records find no room in such a file.
const CALLS_MAX: usize = 3000;
/// A head each second, and not each day.
const OFTEN: [&str; 2] = ["--access-head-every-s", "1"];

/// All records up to this call, which must be a chain.
pub(crate) async fn records(server: &Server) -> Vec<AccessRecord> {
    let request = v1::ReadAccessLogRequest { from: 0, limit: 0 };
    let mut pages = server.admin().await.read_access_log(request).await.unwrap().into_inner();
    let (mut chain, mut records) = (Chain::new(), Vec::new());
    while let Some(page) = pages.message().await.unwrap() {
        records.extend(page.records.iter().map(|text| chain.follow(text).unwrap()));
    }
    records
}

/// Method, filter and number of results of each; the operator has asked them all.
fn asked(records: &[AccessRecord]) -> Vec<(String, String, Option<u64>)> {
    let short = |record: &AccessRecord| {
        let access = &record.access;
        assert_eq!((access.caller.as_str(), access.role), ("operator", Role::Operator));
        let (method, filter) = (access.method.as_str(), access.filter.as_str());
        (method.to_owned(), filter.to_owned(), access.results)
    };
    records.iter().map(short).collect()
}

async fn get_registry(server: &Server) -> v1::GetRegistryResponse {
    let request = v1::GetRegistryRequest { origin: String::new() };
    server.admin().await.get_registry(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_of_the_operator_is_recorded_once_in_order_and_survives_being_killed() {
    let data = Data::new();
    let mut expected = Vec::new();
    let log = "origin=witness.example/log1";
    for round in 0..4 {
        let server = data.start();
        get_registry(&server).await;
        expected.push(("GetRegistry", log.to_owned(), Some(1)));
        let change = format!("stream-opened {} s{round} INT live\n", Issuer::of_dev(&data).domain);
        server.register(&change, &[]).await.unwrap();
        let change = format!("{log} change=stream-opened issuer={}", Issuer::of_dev(&data).domain);
        expected.push(("DraftChange", change.clone(), Some(1)));
        expected.push(("Register", change.clone(), None));
        expected.push(("Register", change, Some(1)));
        if round > 0 {
            let read = records(&server).await;
            let number = u64::try_from(expected.len()).unwrap();
            assert_eq!(u64::try_from(read.len()).unwrap(), number);
            expected.push(("ReadAccessLog", "from=0".to_owned(), Some(number)));
        }
        get_registry(&server).await;
        expected.push(("GetRegistry", log.to_owned(), Some(1)));
        server.kill();
    }
    let server = data.start();
    let named = expected
        .into_iter()
        .map(|(method, filter, results)| (format!("AdminService.{method}"), filter, results));
    assert_eq!(asked(&records(&server).await), named.collect::<Vec<_>>());
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_is_recorded_before_it_is_done_and_after_with_what_became_of_it() {
    let data = Data::new();
    let server = data.start();
    let regulator = server.regulator("GB").await;
    server.shut_out(&regulator).await;
    let issuer = Issuer::of_dev(&data).domain.to_string();
    let (reason, stream) = ("request".to_owned(), "main".to_owned());
    let erase = v1::EraseRequest { issuer, reason, stream, count: 1, ..Default::default() };
    server.admin().await.erase(erase).await.ok();
    let mut admin = server.admin().await;
    admin.revoke_access(v1::RevokeAccessRequest { id: "c-00000000".to_owned() }).await.unwrap_err();
    server.register("stream-opened nobody.example main GB live\n", &[]).await.unwrap_err();
    let all = asked(&records(&server).await);
    let short: Vec<_> = all.iter().map(|(method, _, results)| (&**method, *results)).collect();
    let expected = [
        ("AdminService.GrantAccess", None),
        ("AdminService.GrantAccess", Some(1)),
        ("AdminService.RevokeAccess", None),
        ("AdminService.RevokeAccess", Some(1)),
        ("AdminService.Erase", None),
        ("AdminService.Erase", Some(0)),
        ("AdminService.RevokeAccess", None),
        ("AdminService.RevokeAccess", Some(0)),
        ("AdminService.DraftChange", Some(1)),
        ("AdminService.Register", None),
        ("AdminService.Register", Some(0)),
    ];
    assert_eq!(short, expected);
    let [(_, before, _), (_, after, _), ..] = all.as_slice() else { panic!("{all:?}") };
    assert!(before.starts_with("role=regulator jurisdictions=GB from=now"), "{before}");
    assert_eq!(*after, format!("id={} {before}", regulator.id));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_are_each_recorded_once() {
    let data = Data::new();
    let server = data.start();
    let mut calls = JoinSet::new();
    let admin = server.admin().await;
    for _ in 0..100 {
        let mut admin = admin.clone();
        calls.spawn(async move {
            let request = v1::GetRegistryRequest { origin: String::new() };
            admin.get_registry(request).await.unwrap();
        });
    }
    calls.join_all().await;
    assert_eq!(records(&server).await.len(), 100);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_not_answered() {
    let data = Data::new();
    data.start().stop();
    let server = data.start_with_file_limit(FILE_BLOCKS_MAX);
    let mut admin = server.admin().await;
    let (mut answered, mut refused) = (0, None);
    while refused.is_none() && answered < CALLS_MAX {
        match admin.get_registry(v1::GetRegistryRequest { origin: String::new() }).await {
            Ok(_) => answered += 1,
            Err(status) => refused = Some(status),
        }
    }
    let refused = refused.unwrap();
    assert_eq!(reason(&refused), "ACCESS_LOG", "{refused:?}");
    let change = format!("stream-opened {} more INT live\n", Issuer::of_dev(&data).domain);
    let refused = server.register(&change, &[]).await.unwrap_err();
    assert_eq!(reason(&refused), "ACCESS_LOG", "{refused:?}");
    server.kill();

    let server = data.start();
    let read = records(&server).await;
    // Those that were not answered may be there or not.
    assert!(answered > 3 && read.len() >= answered, "{answered} answered, {} read", read.len());
    server.stop();
}

/// Whoever checks the access log.
struct Checker {
    folder: TempDir,
}

impl Checker {
    fn of(data: &Data) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(data.path().join("policy.json"), folder.path().join("policy.json")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// `witness access log` against the firm's logs.
    fn says(&self, server: &Server, options: &[&str]) -> Said {
        let asks = ["access", "log", "--policy", "policy.json", "--json"];
        Witness::within(self.folder.path()).asking(server).run(&[asks.as_slice(), options].concat())
    }

    /// The last line of what is said, which must be that all is well.
    fn is_content(&self, server: &Server, options: &[&str]) -> Value {
        let said = self.says(server, options).expect(0);
        serde_json::from_str(said.stdout.lines().last().unwrap()).unwrap()
    }

    /// Why it is refused.
    fn refuses(&self, server: &Server, options: &[&str]) -> String {
        let said = self.says(server, options).expect(1);
        let last: Value = serde_json::from_str(said.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(last["outcome"], "refused", "{last}");
        last["message"].as_str().unwrap().to_owned()
    }
}

/// Heads that stand in the published log: how many records, and the hash of the newest.
async fn heads(server: &Server) -> Vec<(u64, Hash)> {
    let entries = server.clients().await.entries(0).await;
    let entries = entries.iter().map(|entry| Entry::parse(&entry.text).unwrap());
    let observed = entries.filter(|entry| entry.kind == EntryKind::Observation);
    let seen = observed.map(|entry| match Observation::parse(&entry.body).unwrap().seen {
        Seen::AccessLog { records, head } => (records, head),
        seen @ Seen::Domain { .. } => panic!("nobody asked for {seen:?}"),
    });
    seen.collect()
}

/// Waits until a head over at least so many records is published.
async fn head_over(server: &Server, records: u64) -> Vec<(u64, Hash)> {
    awaited(&format!("a head over {records} records"), async || {
        let heads = heads(server).await;
        heads.last().is_some_and(|(over, _)| *over >= records).then_some(heads)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_logged_over_restarts_and_a_watcher_is_content_with_them() {
    let data = Data::new();
    let mut records = 0;
    for round in 0..3 {
        let server = data.start_with(&OFTEN);
        for _ in 0..3 {
            get_registry(&server).await;
        }
        records += 3;
        let heads = head_over(&server, records).await;
        assert!(heads.len() > round, "{heads:?}");
        assert!(heads.is_sorted_by(|one, next| one.0 < next.0), "one was repeated: {heads:?}");
        if round == 1 {
            server.kill();
        } else {
            server.stop();
        }
    }
    let server = data.start();
    let checker = Checker::of(&data);
    let said = checker.is_content(&server, &[]);
    let logged = heads(&server).await;
    assert_eq!(said["heads"].as_array().unwrap().len(), logged.len(), "{said}");
    assert_eq!((&said["records"], &said["after_newest_head"]), (&9.into(), &0.into()), "{said}");
    let watch = ["watch", "--once", "--full", "--json", "--state", "state"];
    let of = ["--origin", Issuer::ORIGIN, "--policy", "policy.json"];
    let follower = Witness::within(checker.folder.path()).asking(&server);
    let watched = follower.run(&[watch.as_slice(), &of].concat()).expect(0).json();
    assert_eq!(watched["outcome"], "consistent", "{watched}");
    assert_eq!(watched["entries_of_unknown_kind"], 0, "{watched}");
    server.stop();
}

/// The records of a file, each of six lines.
fn texts(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.chunks(6).map(<[&str]>::concat).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_log_is_checked_by_anybody_and_what_was_done_to_it_is_found() {
    let data = Data::new();
    let server = data.start_with(&OFTEN);
    for _ in 0..6 {
        get_registry(&server).await;
    }
    head_over(&server, 6).await;
    let checker = Checker::of(&data);
    checker.is_content(&server, &["--out", "kept", "--limit", "6"]);
    let kept = texts(&checker.path("kept"));
    assert_eq!(kept.len(), 6);
    let file = ["--file", "kept"];
    assert_eq!(checker.is_content(&server, &file)["records"], 6);
    let write = |records: &[&[String]]| {
        fs::write(checker.path("kept"), records.concat().concat()).unwrap();
    };
    let changed = kept[2].replace("GetRegistry 1\n", "GetRegistry 0\n");
    assert_ne!(changed, kept[2]);
    write(&[&kept[..2], &[changed], &kept[3..]]);
    assert!(checker.refuses(&server, &file).contains("record 3 names another record"));
    write(&[&kept[..2], &kept[3..]]);
    assert!(checker.refuses(&server, &file).contains("number 2 should follow, and number 3 does"));
    write(&[&kept[..3], &kept[2..]]);
    assert!(checker.refuses(&server, &file).contains("number 3 should follow, and number 2 does"));
    // Written anew from some record on, the chain holds; the head over it does not.
    let mut chain = Chain::new();
    let anew = kept.iter().map(|text| {
        let access = AccessRecord::parse(text.as_bytes()).unwrap().access;
        chain.append(witness_core::access_record::Access { results: None, ..access })
    });
    write(&[&anew.collect::<Vec<_>>()]);
    assert!(checker.refuses(&server, &file).contains("is another one than when the head"));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_or_written_over_is_found_by_the_head_in_the_log() {
    let data = Data::new();
    let server = data.start_with(&OFTEN);
    get_registry(&server).await;
    server.stop();
    let aside = tempfile::tempdir().unwrap();
    let firm = data.path().join("firm");
    copy_folder(&firm, aside.path());
    let server = data.start_with(&OFTEN);
    for _ in 0..3 {
        get_registry(&server).await;
    }
    let logged = head_over(&server, 4).await;
    server.stop();
    // The firm's store as it was: it reads well by itself.
    fs::remove_dir_all(&firm).unwrap();
    copy_folder(aside.path(), &firm);
    let server = data.start_with(&OFTEN);
    let checker = Checker::of(&data);
    let why = checker.refuses(&server, &[]);
    assert!(why.contains("has 1 records, and had 4") && why.contains("cut off"), "{why}");
    for _ in 0..3 {
        get_registry(&server).await;
    }
    let why = checker.refuses(&server, &[]);
    // The last record of the first head that is over more than what was kept.
    let (over, _) = logged.iter().find(|(over, _)| *over > 1).unwrap();
    let other = format!("record {} is another one than when the head", over - 1);
    assert!(why.contains(&other), "{other}: {why}");
    assert_eq!(heads(&server).await, logged, "no head was logged that contradicts the last one");
    let log = server.stop();
    assert!(log.contains("the head of the access log was not logged"), "{log}");
}
