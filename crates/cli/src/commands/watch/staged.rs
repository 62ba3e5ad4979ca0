//! A watcher before a log that misbehaves: real files over real HTTP, signed with real keys. Each case shows
//! it an honest beginning first, and then something else.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use anyhow::Result;
use indicatif::ProgressBar;
use witness_core::{
    entry::{Entry, EntryKind},
    firm::Role,
    firm_keys::{KeySet, log_key_file, plan_keys},
    hash::Hash,
    name::{Domain, Name, Origin},
    note::Note,
    policy::Policy,
    time::Timestamp,
};

use super::{follow::Follower, growth::tests::Leaves, state::StateFolder};
use crate::{http::LogFiles, outcome::Outcome};

/// What the log serves, by path.
type Served = BTreeMap<String, Vec<u8>>;

struct Stage {
    keys: KeySet,
    served: Arc<Mutex<Served>>,
    files: LogFiles,
    folder: tempfile::TempDir,
}

/// Published: a size, and its time.
type Published = (usize, u64);

impl Stage {
    fn new() -> Self {
        let (mut seed, firm) = (0, Domain::parse("witness.example").unwrap());
        let next = || {
            seed += 1;
            [seed; 32]
        };
        let keys = plan_keys(&firm, &[Name::parse("log1").unwrap()], next).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(Mutex::new(Served::new()));
        let shared = Arc::clone(&served);
        thread::spawn(move || {
            listener
                .incoming()
                .for_each(|stream| answer(&stream.unwrap(), &shared.lock().unwrap()));
        });
        let files = LogFiles::new(&address, &origin()).unwrap();
        Self { keys, served, files, folder: tempfile::tempdir().unwrap() }
    }

    /// Six entries, the first a firm note; the second is another one in another history.
    fn tree(&self, second: &str) -> Vec<String> {
        let entry = Entry {
            kind: EntryKind::Firm,
            received_at: Timestamp::EPOCH,
            registry_sequence: 0,
            body: self.keys.note.to_string(),
        };
        let mut tree = vec![entry.encode(), second.to_owned()];
        tree.extend(["c", "d", "e", "f"].map(str::to_owned));
        tree
    }

    fn checkpoint(&self, tree: &[String], (size, at): Published) -> Vec<u8> {
        let texts: Vec<&str> = tree.iter().map(String::as_str).collect();
        let text = Leaves::new(&texts).checkpoint(size).encode();
        let sign = |role| {
            let file = log_key_file("log1", role);
            let (_, key) = self.keys.files.iter().find(|(name, _)| *name == file).unwrap();
            key.sign(&text, Timestamp::from_micros(at * 1_000_000))
        };
        let lines = vec![sign(Role::Log), sign(Role::Timestamp)];
        Note::new(text, lines).to_string().into_bytes()
    }

    /// Serves the tiles of a tree, checkpoints of it, and the last of them as the newest.
    fn show(&self, tree: &[String], published: &[Published]) {
        let mut served = Served::new();
        for size in 1..=tree.len() {
            let hashes = tree[..size].iter().map(|text| Hash::leaf(text.as_bytes()));
            let tile = hashes.flat_map(|hash| hash.as_bytes().to_vec()).collect();
            let framed = |text: &String| {
                let length = u16::try_from(text.len()).unwrap().to_be_bytes();
                [&length, text.as_bytes()].concat()
            };
            let bundle = tree[..size].iter().flat_map(framed).collect();
            served.insert(format!("tile/0/000.p/{size}"), tile);
            served.insert(format!("tile/entries/000.p/{size}"), bundle);
        }
        for from in 0..=tree.len() + 1 {
            let sizes = published.iter().filter(|(size, _)| *size >= from);
            let list: Vec<String> = sizes.map(|(size, _)| size.to_string()).collect();
            served.insert(format!("checkpoints?from={from}"), list.join("\n").into_bytes());
        }
        for one in published {
            let note = self.checkpoint(tree, *one);
            served.insert(format!("checkpoint/{}", one.0), note.clone());
            served.insert("checkpoint".to_owned(), note);
        }
        *self.served.lock().unwrap() = served;
    }

    fn set(&self, path: &str, bytes: Option<Vec<u8>>) {
        let mut served = self.served.lock().unwrap();
        match bytes {
            Some(bytes) => served.insert(path.to_owned(), bytes),
            None => served.remove(path),
        };
    }

    /// Looks once; a new process each time, which knows what was remembered.
    fn look(&self) -> Result<u64> {
        let folder = StateFolder::open(self.folder.path()).unwrap();
        let policy = Policy::for_firm(self.keys.root.verifying_key().clone());
        let follower = Follower::new(&self.files, &folder, &policy, origin());
        follower.unwrap().advance(&ProgressBar::hidden())
    }

    /// Looks, and gives how it ended and in which words.
    fn refusal(&self) -> (Outcome, String) {
        let error = self.look().unwrap_err();
        (Outcome::of(&error), error.to_string())
    }

    fn proofs(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("proof-")).collect()
    }
}

fn origin() -> Origin {
    Origin::parse("witness.example/log1").unwrap()
}

fn answer(mut stream: &TcpStream, served: &Served) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = request.split(' ').nth(1).and_then(|path| path.strip_prefix("/log1/"));
    let (status, body) = match path.and_then(|path| served.get(path)) {
        Some(body) => ("200 OK", body.as_slice()),
        None => ("404 Not Found", &[][..]),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).ok();
}

/// A watcher that has seen an honest log of the sizes 1, 3 and 5, and what it has seen.
fn watched() -> (Stage, Vec<String>) {
    let stage = Stage::new();
    let tree = stage.tree("b");
    stage.show(&tree, &[(1, 10), (3, 11), (5, 12)]);
    assert_eq!(stage.look().unwrap(), 3);
    (stage, tree)
}

#[test]
fn a_log_that_grows_is_followed_and_an_older_answer_is_none_of_its_misdeeds() {
    let (stage, tree) = watched();
    assert_eq!(stage.look().unwrap(), 0);
    stage.show(&tree, &[(1, 10), (3, 11), (5, 12), (6, 13)]);
    assert_eq!(stage.look().unwrap(), 1);
    stage.set("checkpoint", Some(stage.checkpoint(&tree, (3, 11))));
    assert_eq!(stage.look().unwrap(), 0);
    assert_eq!(stage.proofs(), [""; 0]);
}

#[test]
fn a_larger_tree_that_does_not_begin_with_what_was_seen_is_a_fork() {
    let (stage, tree) = watched();
    stage.show(&stage.tree("X"), &[(6, 13)]);
    stage.set("checkpoint/5", Some(stage.checkpoint(&tree, (5, 12))));
    let (outcome, message) = stage.refusal();
    assert_eq!(outcome, Outcome::Refused);
    assert!(message.contains("no prefix"), "{message}");
    assert_eq!(stage.proofs(), ["proof-5-6-1.json"]);
}

#[test]
fn a_smaller_tree_that_what_was_seen_does_not_begin_with_is_a_fork() {
    let (stage, _) = watched();
    stage.set("checkpoint", Some(stage.checkpoint(&stage.tree("X"), (4, 12))));
    let (outcome, message) = stage.refusal();
    assert_eq!(outcome, Outcome::Refused);
    assert!(message.contains("no prefix"), "{message}");
    assert_eq!(stage.proofs(), ["proof-4-5-1.json"]);
}

#[test]
fn damaged_tiles_convict_nobody() {
    let (stage, tree) = watched();
    stage.show(&stage.tree("X"), &[(6, 13)]);
    for one in [(5, 12), (6, 13)] {
        stage.set(&format!("checkpoint/{}", one.0), Some(stage.checkpoint(&tree, one)));
    }
    stage.set("checkpoint", Some(stage.checkpoint(&tree, (6, 13))));
    let (outcome, message) = stage.refusal();
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(message.contains("tiles"), "{message}");
    assert_eq!(stage.proofs(), [""; 0]);
}

#[test]
fn a_log_that_was_set_back_is_told_by_what_it_shows_no_more() {
    let (stage, tree) = watched();
    stage.show(&tree[..3], &[(1, 10), (3, 11)]);
    let (outcome, message) = stage.refusal();
    assert_eq!(outcome, Outcome::Refused);
    assert!(message.contains("SHRUNK"), "{message}");
    stage.show(&tree, &[(1, 10), (3, 11), (6, 13)]);
    assert!(stage.refusal().1.contains("HIDES"));
    assert_eq!(stage.proofs().len(), 2);
}

#[test]
fn two_roots_for_one_size_and_times_that_run_backwards_are_kept_as_proofs() {
    let (stage, tree) = watched();
    stage.show(&stage.tree("X"), &[(5, 12)]);
    assert!(stage.refusal().1.contains("two roots"));
    stage.show(&tree, &[(5, 12), (6, 9)]);
    assert!(stage.refusal().1.contains("BACKWARDS"));
    assert_eq!(stage.proofs().len(), 2);
}

#[test]
fn the_newest_checkpoint_must_be_among_those_listed() {
    let (stage, tree) = watched();
    stage.show(&tree, &[(5, 12), (6, 13)]);
    stage.set("checkpoints?from=6", Some(Vec::new()));
    let (outcome, message) = stage.refusal();
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(message.contains("listed"), "{message}");
}
