//! The stage for a watcher: real files over real HTTP, signed with real keys, of a firm that shows whatever a case
//! wants it to.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::Value;
use witness_core::{
    entry::{Entry, EntryKind},
    firm::Role,
    firm_keys::{KeySet, firm_key_file, log_key_file, plan_keys},
    hash::Hash,
    key::SigningKey,
    merkle::leaves_root,
    name::{Domain, Name, Origin},
    note::Note,
    policy::{Policy, TrustedChain},
    rollup::RollUp,
    time::Timestamp,
};

use super::{
    anchors::{Anchored, Anchors, Sight},
    follow::Follower,
    growth::tests::Leaves,
    on_chain::Chains,
    rollups::RollUps,
    state::StateFolder,
};
use crate::{args::ServerArgs, http::PublicFiles, outcome::Outcome};

/// What the firm serves, by path.
type Served = BTreeMap<String, Vec<u8>>;

pub(super) struct Stage {
    pub(super) keys: KeySet,
    served: Arc<Mutex<Served>>,
    files: PublicFiles,
    files_of_firm: PublicFiles,
    folder: tempfile::TempDir,
}

/// Published: a size, and its time.
pub(super) type Published = (usize, u64);

/// What a look has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Checkpoints that were new.
    pub(super) taken: u64,
    /// Roll-ups that were verified, in this look and before.
    pub(super) rollups: u64,
    /// The newest one that covers the log, and to which size.
    pub(super) covering: Option<(u64, u64)>,
}

impl Stage {
    pub(super) fn new() -> Self {
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
        let asked = ServerArgs::at(&address);
        let files = PublicFiles::of_log(&asked, &origin()).unwrap();
        let files_of_firm = PublicFiles::of_firm(&asked).unwrap();
        Self { keys, served, files, files_of_firm, folder: tempfile::tempdir().unwrap() }
    }

    /// Six entries, the first a firm note; the second is another one in another history.
    pub(super) fn tree(&self, second: &str) -> Vec<String> {
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

    pub(super) fn checkpoint(&self, tree: &[String], (size, at): Published) -> Vec<u8> {
        let texts: Vec<&str> = tree.iter().map(String::as_str).collect();
        let text = Leaves::new(&texts).checkpoint(size).encode();
        let at = Timestamp::from_seconds(at);
        let sign = |role| self.key(&log_key_file("log1", role)).sign(&text, at);
        let lines = vec![sign(Role::Log), sign(Role::Timestamp)];
        Note::new(text, lines).to_string().into_bytes()
    }

    pub(super) fn key(&self, file: &str) -> &SigningKey {
        &self.keys.files.iter().find(|(name, _)| name == file).unwrap().1
    }

    /// Serves the tiles of a tree, checkpoints of it, and the last of them as the newest.
    pub(super) fn show(&self, tree: &[String], published: &[Published]) {
        let mut served = self.served.lock().unwrap();
        served.retain(|path, _| !path.starts_with("log1/"));
        for size in 1..=tree.len() {
            let hashes = tree[..size].iter().map(|text| Hash::leaf(text.as_bytes()));
            let tile = hashes.flat_map(|hash| hash.as_bytes().to_vec()).collect();
            let framed = |text: &String| {
                let length = u16::try_from(text.len()).unwrap().to_be_bytes();
                [&length, text.as_bytes()].concat()
            };
            let bundle = tree[..size].iter().flat_map(framed).collect();
            served.insert(format!("log1/tile/0/000.p/{size}"), tile);
            served.insert(format!("log1/tile/entries/000.p/{size}"), bundle);
        }
        for from in 0..=tree.len() + 1 {
            let sizes = published.iter().filter(|(size, _)| *size >= from);
            let list: Vec<String> = sizes.map(|(size, _)| size.to_string()).collect();
            served.insert(format!("log1/checkpoints?from={from}"), list.join("\n").into_bytes());
        }
        for one in published {
            let note = self.checkpoint(tree, *one);
            served.insert(format!("log1/checkpoint/{}", one.0), note.clone());
            served.insert("log1/checkpoint".to_owned(), note);
        }
    }

    pub(super) fn set(&self, path: &str, bytes: Option<Vec<u8>>) {
        let mut served = self.served.lock().unwrap();
        match bytes {
            Some(bytes) => served.insert(path.to_owned(), bytes),
            None => served.remove(path),
        };
    }

    pub(super) fn served(&self, path: &str) -> Vec<u8> {
        self.served.lock().unwrap()[path].clone()
    }

    /// Serves a roll-up over checkpoints as the newest one, signed with the firm's key; gives its text.
    pub(super) fn roll_up(&self, sequence: u64, previous: Hash, bodies: &[String]) -> RollUp {
        let leaves: Vec<Hash> = bodies.iter().map(|body| Hash::leaf(body.as_bytes())).collect();
        let text = RollUp {
            firm: Domain::parse("witness.example").unwrap(),
            sequence,
            logs: u64::try_from(leaves.len()).unwrap(),
            root: leaves_root(&leaves),
            previous,
            contracts: Vec::new(),
        };
        let note = signed(&text, self.key(&firm_key_file(Role::RollUp)));
        self.set(&format!("rollup/{sequence}"), Some(note.clone()));
        self.set(&format!("rollup/{sequence}/checkpoints"), Some(bodies.concat().into_bytes()));
        self.set("rollup", Some(note));
        text
    }

    pub(super) fn state_folder(&self) -> StateFolder {
        StateFolder::open(self.folder.path()).unwrap()
    }

    /// Looks once; a new process each time, which knows what was remembered.
    pub(super) fn look(&self) -> Result<Seen> {
        let now = Timestamp::from_seconds(20);
        self.look_at_anchors(&[], &Chains::new(), now).map(|(seen, _)| seen)
    }

    /// Looks once, at anchors on these contracts, too.
    pub(super) fn look_at_anchors(
        &self,
        trusted: &[TrustedChain],
        chains: &Chains,
        now: Timestamp,
    ) -> Result<(Seen, Vec<Anchored>)> {
        let folder = self.state_folder();
        let policy = Policy::for_firm(self.keys.root.verifying_key().clone());
        let bar = ProgressBar::hidden();
        let mut follower = Follower::new(&self.files, &folder, &policy, origin()).unwrap();
        let state = (&follower.state.rollups, &origin());
        let mut rollups = RollUps::new(&self.files_of_firm, &folder, state).unwrap();
        follower.advance(&bar)?;
        rollups.advance(&mut follower, &bar)?;
        assert!(!rollups.are_behind());
        let anchors = Anchors::new(&self.files_of_firm, trusted);
        let mut sight = Sight { follower: &mut follower, rollups: &mut rollups, now };
        let anchored = anchors.advance(&mut sight, chains, &bar)?;
        let covering = rollups.covering().map(|(sequence, size)| (sequence, size.0));
        let seen = Seen { taken: follower.taken, rollups: rollups.values().count(), covering };
        Ok((seen, anchored))
    }

    /// Looks, and gives how it ended and in which words.
    pub(super) fn refusal(&self) -> (Outcome, String) {
        let error = self.look().unwrap_err();
        (Outcome::of(&error), error.to_string())
    }

    /// A proof that was kept.
    pub(super) fn proof(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.path().join(name)).unwrap()).unwrap()
    }

    pub(super) fn proofs(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("proof-")).collect()
    }
}

pub(super) fn signed(text: &RollUp, key: &SigningKey) -> Vec<u8> {
    let text = text.encode();
    let signature = key.sign(&text, Timestamp::EPOCH);
    Note::new(text, vec![signature]).to_string().into_bytes()
}

pub(super) fn origin() -> Origin {
    Origin::parse("witness.example/log1").unwrap()
}

fn answer(mut stream: &TcpStream, served: &Served) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = request.split(' ').nth(1).and_then(|path| path.strip_prefix('/'));
    let (status, body) = match path.and_then(|path| served.get(path)) {
        Some(body) => ("200 OK", body.as_slice()),
        None => ("404 Not Found", &[][..]),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).ok();
}
