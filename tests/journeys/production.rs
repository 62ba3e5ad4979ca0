//! In earnest, as `deploy/README.md` says: keys from `witness firm init`, a configuration file, issuers
//! registered over the operator's socket, two logs, and a log key that is rotated.

pub(crate) mod machine;

use std::fs;

use witness_core::{
    firm::{FirmText, Role},
    note::Note,
};
use witness_tests::witnessd_says;

use self::machine::{BANK, EXAMPLE, Machine, SCHOOL, read_key, signed};

#[test]
fn two_logs_serve_an_issuer_each_from_a_configuration_file() {
    let machine = Machine::new();
    let server = machine.start();
    assert_eq!(server.found("/healthz").text(), "ok\n");
    for (place, name) in [(SCHOOL, "course"), (BANK, "account")] {
        machine.register(&server, place);
        machine.submit(&server, place, name);
        machine.fetch(&server, place, (name, &format!("{name}.json")));
        let path = format!("/{}/checkpoint", place.log);
        assert!(server.found(&path).text().starts_with(place.origin));
    }
    // An issuer lives in one log: another is refused, and nobody can hide in it.
    let operator = machine.witness().asking(&server);
    let said = operator.run(&["issuer", "--log", BANK.origin, "add", SCHOOL.issuer]);
    assert_eq!(said.code, Some(1), "{said}");
    // With two logs, the operator must say which.
    let said = operator.run(&["issuer", "add", "other.example"]);
    assert!(said.code != Some(0) && said.stderr.contains("--log ORIGIN"), "{said}");
    machine.watch(&server);
    server.stop();
    for name in ["course", "account"] {
        machine.verify(name, &format!("{name}.json"));
    }
    // It goes on where it was.
    let server = machine.start();
    for (place, name) in [(SCHOOL, "second course"), (BANK, "second account")] {
        machine.submit(&server, place, name);
        machine.fetch(&server, place, (name, "second.json"));
        machine.verify(name, "second.json");
        fs::remove_file(machine.path("second.json")).unwrap();
    }
    machine.watch(&server);
    server.stop();
}

#[test]
fn a_logs_key_is_rotated_and_evidence_from_before_and_after_verifies() {
    let machine = Machine::new();
    let server = machine.start();
    for (place, name) in [(SCHOOL, "course"), (BANK, "account")] {
        machine.register(&server, place);
        machine.submit(&server, place, name);
        machine.fetch(&server, place, (name, &format!("{name}.json")));
    }
    machine.watch(&server);
    server.stop();
    let (size, firm) = machine.rotate();
    for round in 0..2 {
        let server = machine.start();
        let keys = server.found("/keys");
        for key in firm.keys.iter().filter(|key| key.key.name() == SCHOOL.origin) {
            assert!(keys.text().contains(&key.key.to_string()), "{}", keys.text());
        }
        assert!(keys.text().contains(&(size + 1).to_string()), "{}", keys.text());
        for (place, old, new) in [(SCHOOL, "course", "later"), (BANK, "account", "saving")] {
            let new = format!("{new} {round}");
            machine.submit(&server, place, &new);
            machine.fetch(&server, place, (&new, &format!("{new}.json")));
            machine.fetch(&server, place, (old, &format!("{old} {round}.json")));
        }
        machine.watch(&server);
        server.stop();
    }
    for (name, files) in [
        ("course", ["course.json", "course 0.json", "course 1.json"]),
        ("account", ["account.json", "account 0.json", "account 1.json"]),
    ] {
        for file in files {
            machine.verify(name, file);
        }
    }
    for name in ["later 0", "later 1", "saving 0", "saving 1"] {
        machine.verify(name, &format!("{name}.json"));
    }
}

#[test]
fn a_rotation_that_does_not_follow_stops_the_start_and_says_why() {
    let machine = Machine::new();
    machine.start().stop();
    let (_size, firm) = machine.rotate();
    let note = machine.path("etc/keys/firm-1.note");
    let good = fs::read(&note).unwrap();
    // The new key, and no note that names it.
    fs::remove_file(&note).unwrap();
    machine
        .refuses("the log key is not the one that the firm's notes name for witness.example/log1");
    let root = read_key(&machine.path("firm/root/root.skey"));
    let thief = read_key(&machine.path("fresh/root/root.skey"));
    let mut later = firm.clone();
    later.sequence = 2;
    let mut forgetful = firm.clone();
    forgetful.keys.retain(|key| key.until.is_none());
    for (text, key, why) in [
        (&firm, &thief, "the firm note was refused: "),
        (&later, &root, "the firm note must have number 1"),
        (&forgetful, &root, "a firm note must keep every key of the one before it"),
    ] {
        fs::write(&note, signed(text, key)).unwrap();
        machine.refuses(why);
    }
    fs::write(&note, good).unwrap();
    machine.start().stop();
}

#[test]
fn a_note_with_the_number_of_a_logged_one_must_be_that_note() {
    let machine = Machine::new();
    machine.start().stop();
    let note = machine.path("etc/keys/firm.note");
    let good = fs::read_to_string(&note).unwrap();
    let mut other = FirmText::parse(Note::parse(good.as_bytes()).unwrap().text()).unwrap();
    other.keys.retain(|key| key.role != Role::RollUp);
    // By the root itself: it would have signed two histories of its keys. By anybody else: a wrong folder.
    for key in ["firm/root/root.skey", "etc/keys/registrar.skey"] {
        fs::write(&note, signed(&other, &read_key(&machine.path(key)))).unwrap();
        machine.refuses("the firm note");
    }
    fs::write(&note, good).unwrap();
    machine.start().stop();
}

#[test]
fn a_root_key_that_is_another_firms_spoils_nothing() {
    let machine = Machine::new();
    let config = machine.path("etc/witnessd.toml");
    let right = fs::read_to_string(&config).unwrap();
    let example = EXAMPLE.lines().find(|line| line.starts_with("root_vkey = ")).unwrap();
    let wrong =
        right.lines().map(|line| if line.starts_with("root_vkey = ") { example } else { line });
    fs::write(&config, wrong.collect::<Vec<_>>().join("\n")).unwrap();
    machine.refuses("check root_vkey in the configuration");
    fs::write(&config, right).unwrap();
    machine.start().stop();
}

#[test]
fn no_log_begins_unless_it_is_told_to() {
    let machine = Machine::new();
    let config = machine.path("etc/witnessd.toml").display().to_string();
    let said = witnessd_says(&["--config", &config]);
    assert_eq!(said.code, Some(1), "{said}");
    assert!(said.stderr.contains("start once with --init"), "{said}");
    assert!(!machine.path("lib/logs").exists());
    machine.start().stop();
}

#[test]
fn without_a_configuration_it_ends_with_one_plain_error() {
    for (arguments, word) in [
        ([].as_slice(), "give either --config FILE, or --dev"),
        (&["--config", "/nowhere/witnessd.toml"], "/nowhere/witnessd.toml cannot be read"),
    ] {
        let said = witnessd_says(arguments).expect(1);
        assert!(said.stderr.contains(word) && said.stderr.lines().count() == 1, "{said}");
    }
    let both = witnessd_says(&["--config", "witnessd.toml", "--dev"]).expect(2);
    assert!(both.stderr.contains("cannot be used with"), "{both}");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("witnessd.toml");
    fs::write(&config, format!("{EXAMPLE}\nlisen = 1\n")).unwrap();
    let said = witnessd_says(&["--config", config.to_str().unwrap()]).expect(1);
    assert!(said.stderr.contains("unknown field `lisen`"), "{said}");
}
