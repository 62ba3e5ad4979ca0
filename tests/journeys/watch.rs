//! `witness watch`: a stranger who follows a log over its public files alone is content with an honest firm,
//! and catches one that shows another history, also under the right keys.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use witness_core::{checkpoint::Checkpoint, drafting::Position, hash::Hash, name::Name};
use witness_tests::{Data, Issuer, Said, Server, Trust, Witness, document, issued};

/// A watcher, with its state and a policy of its own.
struct Watcher {
    folder: TempDir,
    trust: Trust,
}

impl Watcher {
    fn of(data: &Data) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(data.path().join("policy.json"), folder.path().join("policy.json")).unwrap();
        Self { folder, trust: Trust::of_dev(data) }
    }

    fn look(&self, server: &Server) -> Said {
        let options = ["--origin", Issuer::ORIGIN, "--policy", "policy.json", "--state", "state"];
        let looks = ["watch", "--once", "--full", "--json"];
        Witness::within(self.folder.path())
            .asking(server)
            .run(&[looks.as_slice(), &options].concat())
    }

    /// Looks at a server that must be consistent with all that was seen.
    fn is_content(&self, server: &Server) -> Value {
        let seen = self.look(server).expect(0).json();
        assert_eq!(seen["outcome"], "consistent", "{seen}");
        seen
    }

    /// Looks at a server that must be caught: gives what was said, and both checkpoints that were kept, the
    /// smaller one first.
    fn catches(&self, server: &Server) -> (String, [Checkpoint; 2]) {
        let said = self.look(server).expect(1).json();
        assert_eq!(said["outcome"], "refused", "{said}");
        let next_step = said["next_step"].as_str().unwrap();
        let proofs = self.proofs();
        let name = proofs.iter().find(|name| next_step.contains(*name));
        let name = name.unwrap_or_else(|| panic!("none of {proofs:?} in {next_step}"));
        let file = fs::read(self.folder.path().join("state").join(name)).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let of = |member: &str| self.trust.published(file[member].as_str().unwrap().as_bytes());
        (said["message"].as_str().unwrap().to_owned(), [of("smaller"), of("larger")])
    }

    fn proofs(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.path().join("state")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("proof-")).collect()
    }
}

/// Logs documents, each in a submission of its own, until all are published; gives the size.
async fn log_documents(server: &Server, data: &Data, names: &[&str]) -> u64 {
    let issuer = Issuer::of_dev(data);
    let mut clients = server.clients().await;
    // Where the stream stands is asked for: the folder may be a copy that was gone on with.
    let stands = clients.position(&issuer.domain, &Name::parse("main").unwrap()).await;
    let previous = Hash::from_slice(&stands.previous_hash).unwrap();
    let position = Position { next_sequence: stands.next_sequence, previous };
    let mut stream = issuer.stream_at("main", position);
    for name in names {
        clients.submit(stream.next(&[issued(document(name))])).await.unwrap();
    }
    server.settled()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_follows_an_honest_log_over_restarts() {
    let data = Data::new();
    let mut watcher = None;
    let mut last_size = 0;
    for round in 0..3 {
        let server = data.start();
        let watcher = watcher.get_or_insert_with(|| Watcher::of(&data));
        let name = format!("round {round}");
        let size = log_documents(&server, &data, &[&name, "again", "and again"]).await;
        let seen = watcher.is_content(&server);
        assert_eq!(seen["size"], size);
        assert_eq!(seen["entries_checked"], size);
        assert_eq!(seen["entries_of_unknown_kind"], 0);
        let from = server.published_sizes().into_iter().filter(|size| *size > last_size);
        assert_eq!(seen["new_checkpoints"], u64::try_from(from.count()).unwrap(), "{seen}");
        let again = watcher.is_content(&server);
        assert_eq!((&again["size"], &again["new_checkpoints"]), (&seen["size"], &Value::from(0)));
        if round == 1 {
            server.kill();
        } else {
            server.stop();
        }
        last_size = size;
    }
    assert!(watcher.unwrap().proofs().is_empty());
}

/// A firm that goes on from one point in two ways, with its own keys.
struct Forked {
    shown: (Data, u64),
    hidden: (Data, u64),
    watcher: Watcher,
}

/// The watcher has seen the history that is shown, up to its end.
async fn fork(shown: &[&str], hidden: &[&str]) -> Forked {
    let data = Data::new();
    let server = data.start();
    let watcher = Watcher::of(&data);
    log_documents(&server, &data, &["of both"]).await;
    watcher.is_content(&server);
    server.stop();
    let other = data.copy();
    let mut sizes = Vec::new();
    for (folder, names) in [(&data, shown), (&other, hidden)] {
        let server = folder.start();
        assert_eq!(server.found("/healthz").text(), "ok\n");
        sizes.push(log_documents(&server, folder, names).await);
        if sizes.len() == 1 {
            assert_eq!(watcher.is_content(&server)["size"], sizes[0]);
        }
        server.stop();
    }
    Forked { shown: (data, sizes[0]), hidden: (other, sizes[1]), watcher }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firm_that_signs_two_trees_of_one_size_is_caught_with_both_checkpoints() {
    let forked = fork(&["shown", "to all"], &["denied", "to one"]).await;
    assert_eq!(forked.shown.1, forked.hidden.1);
    let hidden = forked.hidden.0.start();
    // It does not take the other history for its own by being shown it twice.
    for _ in 0..2 {
        let (message, [one, other]) = forked.watcher.catches(&hidden);
        assert!(message.contains("THE LOG HAS FORKED"), "{message}");
        assert_eq!((one.size.0, other.size), (forked.shown.1, one.size));
        assert_ne!(one.root, other.root);
    }
    // By itself the other history is without a flaw: only who remembers can tell.
    Watcher::of(&forked.hidden.0).is_content(&hidden);
    hidden.stop();
    let shown = forked.shown.0.start();
    assert_eq!(forked.watcher.is_content(&shown)["size"], forked.shown.1);
    shown.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firm_that_goes_on_from_an_older_point_is_caught_also_when_its_log_is_longer() {
    let forked = fork(&["shown"], &["denied", "and", "more", "and more"]).await;
    let hidden = forked.hidden.0.start();
    let (message, [one, other]) = forked.watcher.catches(&hidden);
    assert!(message.contains("THE LOG HAS FORKED"), "{message}");
    assert_eq!(one.size.0, forked.shown.1);
    assert!(other.size >= one.size && other.root != one.root, "{one:?} {other:?}");
    hidden.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_set_back_to_an_older_copy_is_caught() {
    let data = Data::new();
    let server = data.start();
    let watcher = Watcher::of(&data);
    let old_size = log_documents(&server, &data, &["kept"]).await;
    server.stop();
    // With its head copies: the firm hides its own guard.
    let older = data.copy();
    let server = data.start();
    let size = log_documents(&server, &data, &["lost", "lost too"]).await;
    watcher.is_content(&server);
    server.stop();
    let server = older.start();
    assert_eq!(server.found("/healthz").text(), "ok\n");
    let (message, [one, other]) = watcher.catches(&server);
    assert!(message.contains("THE LOG HAS SHRUNK"), "{message}");
    assert_eq!((one.size.0, other.size.0), (old_size, size));
    // Nor does it help to log what was lost once more.
    log_documents(&server, &older, &["lost", "lost too"]).await;
    let said = watcher.look(&server).expect(1).json();
    assert!(said["message"].as_str().unwrap().contains("THE LOG HAS FORKED"), "{said}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_firms_log_under_the_same_name_is_refused() {
    let (data, other) = (Data::new(), Data::new());
    let server = data.start();
    let watcher = Watcher::of(&data);
    watcher.is_content(&server);
    let impostor = other.start();
    impostor.settled();
    let said = watcher.look(&impostor).expect(1).json();
    assert_eq!(said["outcome"], "refused", "{said}");
    assert!(watcher.proofs().is_empty(), "its own firm signed nothing of this");
    watcher.is_content(&server);
    impostor.stop();
    server.stop();
}
