//! A machine on which a firm runs its service in earnest, and what its people do there.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;
use witness_core::{
    checkpoint::Checkpoint,
    firm::{FirmText, Role, RoleKey},
    hash::Hash,
    key::SigningKey,
    note::Note,
    time::Timestamp,
};
use witness_tests::{Said, Server, Witness, copy_folder, witnessd_says};

pub(crate) const EXAMPLE: &str = include_str!("../../../deploy/witnessd.example.toml");
const FIRM_INIT: [&str; 8] =
    ["firm", "init", "--firm", "witness.example", "--log", "log1", "--log", "log2"];
const SCHEMA: &str =
    "field completed issued - date\nfield module issued - identifier [A-Z0-9-]{1,40}\n";

/// An issuer in a log of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) issuer: &'static str,
    pub(crate) log: &'static str,
    pub(crate) origin: &'static str,
}

pub(crate) const SCHOOL: Place =
    Place { issuer: "school.example", log: "log1", origin: "witness.example/log1" };
pub(crate) const BANK: Place =
    Place { issuer: "bank.example", log: "log2", origin: "witness.example/log2" };

/// A machine: what lies where.
pub(crate) struct Machine {
    folder: TempDir,
}

impl Machine {
    /// The firm is founded, and its keys are where the configuration says; the root stays apart.
    pub(crate) fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        let founded = machine.run(&[FIRM_INIT.as_slice(), &["--out", "firm", "--json"]].concat());
        let root_vkey = founded.json()["root_vkey"].as_str().unwrap().to_owned();
        copy_folder(&machine.path("firm/keys"), &machine.path("etc/keys"));
        fs::create_dir(machine.path("run")).unwrap();
        fs::write(machine.path("etc/witnessd.toml"), machine.configuration(&root_vkey)).unwrap();
        machine
    }

    /// The same firm on another machine, with all that lies on this one. No server may be running.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        copy_folder(self.folder.path(), copy.folder.path());
        let config = copy.path("etc/witnessd.toml");
        let [from, to] = [self, &copy].map(|machine| machine.folder.path().display().to_string());
        fs::write(&config, fs::read_to_string(&config).unwrap().replace(&from, &to)).unwrap();
        copy
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The example with values of this machine.
    fn configuration(&self, root_vkey: &str) -> String {
        let path = |name: &str| format!("\"{}\"", self.path(name).display());
        let mut values = vec![
            ("listen", "\"127.0.0.1:0\"".to_owned()),
            ("data", path("lib")),
            ("keys", path("etc/keys")),
            ("root_vkey", format!("\"{root_vkey}\"")),
            ("logs", "[\"log1\", \"log2\"]".to_owned()),
            ("admin_socket", path("run/admin.sock")),
            ("head_copies", path("heads")),
            // Who holds a domain is asked in `onboarding` alone.
            ("prove", "false".to_owned()),
        ];
        let mut lines = Vec::new();
        for line in EXAMPLE.lines() {
            let option = line.split(" = ").next().unwrap();
            let place = values.iter().position(|(name, _)| *name == option);
            lines.push(place.map_or(line.to_owned(), |place| {
                let (name, value) = values.remove(place);
                format!("{name} = {value}")
            }));
        }
        assert!(values.is_empty(), "the example lacks {values:?}");
        lines.join("\n")
    }

    /// Gives options of the configuration other values, also those that the example only shows.
    pub(crate) fn configure(&self, values: &[(&str, String)]) {
        let config = self.path("etc/witnessd.toml");
        let mut text = fs::read_to_string(&config).unwrap();
        for (name, value) in values {
            let is_it =
                |line: &&str| line.trim_start_matches('#').starts_with(&format!("{name} = "));
            let old = text.lines().find(is_it).unwrap_or_else(|| panic!("no option {name}"));
            text = text.replace(&format!("\n{old}\n"), &format!("\n{name} = {value}\n"));
        }
        fs::write(config, text).unwrap();
    }

    pub(crate) fn start(&self) -> Server {
        // Once, for what is not there yet; afterwards a log that is not there is lost.
        let arguments: &[&str] = if self.path("lib/logs").exists() { &[] } else { &["--init"] };
        let (config, socket) = (self.path("etc/witnessd.toml"), self.path("run/admin.sock"));
        Server::configured(&config, &socket, arguments)
    }

    pub(crate) fn witness(&self) -> Witness {
        Witness::within(self.folder.path())
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.witness().run(arguments).expect(0)
    }

    /// Submits that a document with this name was issued.
    pub(crate) fn submit(&self, server: &Server, place: Place, name: &str) -> Value {
        let said = self.try_submit(server, place, name).expect(0).json();
        assert_eq!(said["accepted"]["events"], 1, "{said}");
        said
    }

    /// The same, whatever comes of it.
    pub(crate) fn try_submit(&self, server: &Server, place: Place, name: &str) -> Said {
        let (key, file) = (format!("{}.skey", place.issuer), format!("{name}.ndjson"));
        let text = format!("Certificate of completion\nModule {name}\n");
        fs::write(self.path(&format!("{name}.txt")), text).unwrap();
        let row = format!(
            "{{\"document_file\":\"{name}.txt\",\"change\":\"issued\",\"claim_type\":\"module\",\
             \"occurred_at\":\"2026-03-01\",\
             \"details\":{{\"completed\":\"2026-02-27\",\"module\":\"AB-12\"}}}}\n"
        );
        fs::write(self.path(&file), row).unwrap();
        let submit = ["submit", "--json", "--key", &key, "--stream", "main"];
        let rest = ["--policy", "firm/policy.json", &file];
        self.witness().asking(server).run(&[submit.as_slice(), &rest].concat())
    }

    /// Fetches evidence of a document into a file.
    pub(crate) fn fetch(&self, server: &Server, place: Place, (name, file): (&str, &str)) {
        let text = format!("{name}.txt");
        let about = ["evidence", "--json", "--issuer", place.issuer, "--file", &text];
        let to = ["--policy", "firm/policy.json", "--out", file];
        let said = self.witness().asking(server).run(&[about.as_slice(), &to].concat());
        assert_eq!(said.expect(0).json()["verified"], true);
        let content = fs::read_to_string(self.path(file)).unwrap();
        assert!(content.contains(place.origin), "{content}");
    }

    /// Verifies a file with no server.
    pub(crate) fn verify(&self, name: &str, file: &str) {
        let text = format!("{name}.txt");
        let verify = ["verify", "--json", file, "--policy", "firm/policy.json"];
        let said = self.run(&[verify.as_slice(), &["--document", &text]].concat()).json();
        assert_eq!(
            (&said["outcome"], &said["document_matches"]),
            (&"verified".into(), &true.into())
        );
    }

    /// Watches both logs from where the watcher stood before: checkpoints alone, and every entry.
    pub(crate) fn watch(&self, server: &Server) {
        for place in [SCHOOL, BANK] {
            for (depth, state) in [([].as_slice(), "brief"), (&["--full"], "full")] {
                let state = format!("watch-{}-{state}", place.log);
                let watch = ["watch", "--once", "--json", "--origin", place.origin];
                let rest = ["--policy", "firm/policy.json", "--state", &state];
                let said = self.witness().asking(server);
                let said = said.run(&[watch.as_slice(), &rest, depth].concat());
                assert_eq!(said.expect(0).json()["outcome"], "consistent");
            }
        }
    }

    /// Registers an issuer as the operator and the issuer do it together, each on its own machine.
    pub(crate) fn register(&self, server: &Server, Place { issuer, origin, .. }: Place) {
        let operator = self.witness().asking(server);
        let operate = |arguments: &[&str]| {
            let arguments = [["issuer", "--log", origin].as_slice(), arguments].concat();
            operator.run(&arguments).expect(0)
        };
        let (skey, vkey) = (format!("{issuer}.skey"), format!("{issuer}.vkey"));
        let draft = format!("{issuer}.change.txt");
        self.run(&["keygen", "--name", issuer, "--out", &skey]);
        let _ = operate(&["add", issuer]);
        let _ = operate(&["key-add", issuer, "--key", &vkey, "--draft", &draft]);
        let signed = self.run(&["issuer", "sign-change", "--key", &skey, &draft]);
        let signature = signed.stdout.trim_end();
        assert!(signature.starts_with(&format!("— {issuer} ")), "{signed}");
        let _ = operate(&["key-add", issuer, "--key", &vkey, "--signature", signature]);
        fs::write(self.path("module.schema"), SCHEMA).unwrap();
        let _ = operate(&["claim-type", "--name", "module", "--schema", "module.schema"]);
        let _ = operate(&["stream-open", issuer, "main", "--jurisdictions", "DE,EU"]);
        let shown = operate(&["show", "--json"]).json().to_string();
        assert!(shown.contains(issuer) && shown.contains("main"), "{shown}");
    }

    /// Gives the first log another key, while the server stands still: "Rotate a key" in `deploy/README.md`.
    pub(crate) fn rotate(&self) -> (u64, FirmText) {
        let _fresh = self.run(&[FIRM_INIT.as_slice(), &["--out", "fresh"]].concat());
        let new = read_key(&self.path("fresh/keys/log1.log.skey"));
        let head = fs::read(self.path("heads/log1.checkpoint")).unwrap();
        let size = Checkpoint::parse(Note::parse(&head).unwrap().text()).unwrap().size.0;
        let first = Note::parse(&fs::read(self.path("etc/keys/firm.note")).unwrap()).unwrap();
        let mut text = FirmText::parse(first.text()).unwrap();
        text.sequence = 1;
        text.previous = Hash::of(first.text().as_bytes());
        let mut old = text
            .keys
            .iter_mut()
            .filter(|key| key.role == Role::Log && key.key.name() == SCHOOL.origin);
        old.next().unwrap().until = Some(size + 1);
        assert_eq!(old.next(), None);
        let key = new.verifying_key().clone();
        text.keys.push(RoleKey { role: Role::Log, key, from: size + 1, until: None });
        let root = read_key(&self.path("firm/root/root.skey"));
        fs::write(self.path("etc/keys/firm-1.note"), signed(&text, &root)).unwrap();
        let place = self.path("etc/keys/log1.log.skey");
        fs::copy(self.path("fresh/keys/log1.log.skey"), &place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).unwrap();
        (size, text)
    }

    /// Starts a server that must not come up, and say why.
    pub(crate) fn refuses(&self, why: &str) {
        let config = self.path("etc/witnessd.toml");
        let said = witnessd_says(&["--config", config.to_str().unwrap()]).expect(1);
        assert!(said.stderr.contains(why), "{said}");
    }
}

/// A firm note.
pub(crate) fn signed(text: &FirmText, key: &SigningKey) -> String {
    let text = text.encode();
    let signature = key.sign(&text, Timestamp::EPOCH);
    Note::new(text, vec![signature]).to_string()
}

pub(crate) fn read_key(path: &Path) -> SigningKey {
    SigningKey::parse(fs::read_to_string(path).unwrap().trim_end()).unwrap()
}
