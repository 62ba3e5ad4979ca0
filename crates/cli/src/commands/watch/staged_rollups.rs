//! A watcher before a firm whose roll-ups misbehave. Each case shows it an honest beginning first, and then
//! something else.

use serde_json::Value;
use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    firm::{Firm, FirmText, Role, RoleKey},
    firm_keys::firm_key_file,
    hash::Hash,
    key::{SignatureType, SigningKey},
    merkle::{leaves_root, verify_consistency},
    note::{Note, Strict},
    rollup::RollUp,
    time::Timestamp,
};

use super::{
    growth::tests::Leaves,
    stage::{Seen, Stage, signed},
};
use crate::outcome::Outcome;

/// Checkpoints of the log at a size of a tree, and of another log.
pub(super) fn bodies(tree: &[String], size: usize) -> Vec<String> {
    let texts: Vec<&str> = tree.iter().map(String::as_str).collect();
    let other = format!("witness.example/log0\n9\n{}\n", Hash::of(b"another log").to_base64());
    vec![other, Leaves::new(&texts).checkpoint(size).encode()]
}

/// A watcher that has seen an honest log of the sizes 1, 3 and 5 and two roll-ups of the sizes 1 and 3, and what it
/// has seen.
fn watched() -> (Stage, Vec<String>, [RollUp; 2]) {
    let stage = Stage::new();
    let tree = stage.tree("b");
    stage.show(&tree, &[(1, 10), (3, 11), (5, 12)]);
    let first = stage.roll_up(0, Hash::ZERO, &bodies(&tree, 1));
    let second = stage.roll_up(1, first.value(), &bodies(&tree, 3));
    let seen = stage.look().unwrap();
    assert_eq!(seen, Seen { taken: 3, rollups: 2, covering: Some((1, 3)) });
    (stage, tree, [first, second])
}

/// Refused in these words, with a proof.
fn caught(stage: &Stage, words: &str) -> Value {
    let before = stage.proofs().len();
    let (outcome, message) = stage.refusal();
    assert_eq!(outcome, Outcome::Refused, "{message}");
    assert!(message.contains(words), "{message}");
    // The same again is kept once.
    assert_eq!(stage.refusal(), (outcome, message));
    let proofs = stage.proofs();
    assert_eq!(proofs.len(), before + 1, "{proofs:?}");
    stage.proof(proofs.iter().find(|name| name.starts_with("proof-rollup-")).unwrap())
}

/// What a proof holds in a member, verified with the firm's keys.
fn rollup_in(stage: &Stage, proof: &Value, member: &str) -> RollUp {
    let mut firm = Firm::new(stage.keys.root.verifying_key().clone());
    firm.apply(&stage.keys.note, &Strict).unwrap();
    let note = Note::parse(proof[member].as_str().unwrap().as_bytes()).unwrap();
    let text = RollUp::parse(note.text()).unwrap();
    firm.verify(&note, (Role::RollUp, "witness.example", text.sequence), &Strict).unwrap();
    text
}

/// The checkpoint of the log under a roll-up of a proof.
fn own_in(proof: &Value, rollup: &RollUp, member: &str) -> Checkpoint {
    let bodies = proof[member].as_array().unwrap().iter().map(|body| body.as_str().unwrap());
    let leaves: Vec<Hash> = bodies.clone().map(|body| Hash::leaf(body.as_bytes())).collect();
    assert_eq!(leaves_root(&leaves), rollup.root);
    let mut checkpoints = bodies.map(|body| Checkpoint::parse(body).unwrap());
    checkpoints.find(|checkpoint| checkpoint.origin == "witness.example/log1").unwrap()
}

#[test]
fn rollups_that_grow_with_the_log_are_followed() {
    let (stage, tree, [_, second]) = watched();
    assert_eq!(stage.look().unwrap().rollups, 2);
    stage.show(&tree, &[(1, 10), (3, 11), (5, 12), (6, 13)]);
    let third = stage.roll_up(2, second.value(), &bodies(&tree, 6));
    let fourth = stage.roll_up(3, third.value(), &bodies(&tree, 6));
    let seen = stage.look().unwrap();
    assert_eq!(seen, Seen { taken: 1, rollups: 4, covering: Some((3, 6)) });
    // A log that takes no writes is left out.
    stage.roll_up(4, fourth.value(), &bodies(&tree, 6)[..1]);
    let seen = stage.look().unwrap();
    assert_eq!(seen, Seen { taken: 0, rollups: 5, covering: Some((3, 6)) });
    // An older answer, as a cache gives it.
    stage.set("rollup", Some(stage.served("rollup/1")));
    assert_eq!(stage.look().unwrap().rollups, 5);
    assert_eq!(stage.proofs(), [""; 0]);
}

#[test]
fn a_rollup_of_another_tree_is_a_rewritten_past() {
    for size in [4, 5] {
        let (stage, _, [_, second]) = watched();
        stage.roll_up(2, second.value(), &bodies(&stage.tree("X"), size));
        let words = format!("REWRITTEN ITS PAST: roll-up 2 covers another tree of size {size}");
        let proof = caught(&stage, &words);
        assert_eq!(stage.proofs(), ["proof-rollup-2-1.json"]);
        let rollup = rollup_in(&stage, &proof, "rollup");
        let own = own_in(&proof, &rollup, "checkpoints");
        let newest = Note::parse(proof["newest"].as_str().unwrap().as_bytes()).unwrap();
        let newest = Checkpoint::parse(newest.text()).unwrap();
        if size == 5 {
            assert_eq!(own.size, newest.size);
            assert_ne!(own.root, newest.root);
            continue;
        }
        let hash = |value: &Value| Hash::from_base64(value.as_str().unwrap()).unwrap();
        let path = proof["consistency_path"].as_array().unwrap().iter().map(hash);
        let (path, prefix_root): (Vec<Hash>, Hash) = (path.collect(), hash(&proof["prefix_root"]));
        let (old, new) = ((own.size, &prefix_root), (newest.size, &newest.root));
        assert_eq!(verify_consistency(old, new, &path), Ok(()));
        assert_ne!(prefix_root, own.root);
    }
}

#[test]
fn a_rollup_of_more_than_the_log_shows_convicts_unless_the_rest_is_there() {
    let (stage, tree, [_, second]) = watched();
    stage.roll_up(2, second.value(), &bodies(&tree, 6));
    stage.set("log1/checkpoint/6", Some(stage.checkpoint(&tree, (6, 13))));
    assert_eq!(stage.refusal().0, Outcome::CannotTell);
    stage.set("log1/checkpoint/6", None);
    let proof = caught(&stage, "covers 6 entries of the log, which shows no more than 5");
    let rollup = rollup_in(&stage, &proof, "rollup");
    assert_eq!(own_in(&proof, &rollup, "checkpoints").size.0, 6);
}

#[test]
fn a_rollup_that_covers_less_than_the_one_before_runs_backwards() {
    let (stage, tree, [_, second]) = watched();
    stage.roll_up(2, second.value(), &bodies(&tree, 2));
    let proof = caught(&stage, "RUN BACKWARDS");
    let (rollup, other) =
        (rollup_in(&stage, &proof, "rollup"), rollup_in(&stage, &proof, "other_rollup"));
    assert_eq!(own_in(&proof, &rollup, "checkpoints").size.0, 2);
    assert_eq!(own_in(&proof, &other, "other_checkpoints").size.0, 3);
}

#[test]
fn a_rollup_that_was_replaced_is_kept_with_the_one_that_was_seen() {
    let (stage, tree, [first, second]) = watched();
    let replaced = stage.roll_up(1, first.value(), &bodies(&tree, 5));
    let proof = caught(&stage, "REPLACED A ROLL-UP: two are signed under the number 1");
    assert_eq!(rollup_in(&stage, &proof, "other_rollup"), second);
    assert_eq!(rollup_in(&stage, &proof, "rollup"), replaced);
    // Also where only the newest one is another.
    let (stage, tree, [first, second]) = watched();
    let note = stage.served("rollup/1");
    let replaced = stage.roll_up(1, first.value(), &bodies(&tree, 5));
    stage.set("rollup/1", Some(note));
    let proof = caught(&stage, "REPLACED A ROLL-UP");
    assert_eq!(rollup_in(&stage, &proof, "other_rollup"), second);
    assert_eq!(rollup_in(&stage, &proof, "rollup"), replaced);
}

#[test]
fn a_rollup_must_name_the_one_before_it() {
    let (stage, tree, [first, second]) = watched();
    stage.roll_up(2, first.value(), &bodies(&tree, 5));
    let proof = caught(&stage, "REWRITTEN ITS ROLL-UPS: roll-up 2");
    assert_eq!(rollup_in(&stage, &proof, "other_rollup"), second);
    assert_ne!(rollup_in(&stage, &proof, "rollup").previous, second.value());
    let stage = Stage::new();
    stage.show(&tree, &[(5, 12)]);
    stage.roll_up(0, first.value(), &bodies(&tree, 5));
    caught(&stage, "roll-up 0 names one before it");
}

#[test]
fn a_rollup_that_is_gone_or_left_out_is_hidden() {
    let (stage, tree, [_, second]) = watched();
    let third = stage.roll_up(2, second.value(), &bodies(&tree, 5));
    let note = stage.served("rollup/2");
    stage.roll_up(3, third.value(), &bodies(&tree, 5));
    stage.set("rollup/2", None);
    let proof = caught(&stage, "roll-up 2 is not shown, though roll-up 3 is");
    assert_eq!(rollup_in(&stage, &proof, "rollup").previous, third.value());

    stage.set("rollup/2", Some(note));
    assert_eq!(stage.look().unwrap().rollups, 4);
    let (stage, _, _) = watched();
    for path in ["rollup/1", "rollup"] {
        stage.set(path, None);
        let (outcome, message) = stage.refusal();
        assert_eq!(outcome, Outcome::Refused);
        assert!(message.contains("roll-up 1 was shown before"), "{message}");
    }
    assert_eq!(stage.proofs(), ["proof-rollup-1-1.json"]);
}

#[test]
fn checkpoints_that_do_not_make_the_root_convict_nobody() {
    let (stage, tree, [_, second]) = watched();
    stage.roll_up(2, second.value(), &bodies(&tree, 5));
    for damaged in
        [bodies(&stage.tree("X"), 5).concat(), bodies(&tree, 5)[1].clone(), String::new()]
    {
        stage.set("rollup/2/checkpoints", Some(damaged.into_bytes()));
        let (outcome, message) = stage.refusal();
        assert_eq!(outcome, Outcome::CannotTell);
        assert!(message.contains("does not make the root of roll-up 2"), "{message}");
    }
    assert_eq!(stage.proofs(), [""; 0]);
}

#[test]
fn a_log_that_stands_twice_under_a_rollup_convicts() {
    let (stage, tree, [_, second]) = watched();
    let [other, own] = bodies(&tree, 5).try_into().unwrap();
    let twice = [other, own, bodies(&stage.tree("X"), 5).remove(1)];
    stage.roll_up(2, second.value(), &twice);
    let proof = caught(&stage, "a log stands twice");
    let rollup = rollup_in(&stage, &proof, "rollup");
    own_in(&proof, &rollup, "checkpoints");
}

#[test]
fn a_rollup_under_another_key_or_number_or_of_another_firm_is_not_good() {
    let (stage, tree, [_, second]) = watched();
    let good = stage.roll_up(2, second.value(), &bodies(&tree, 5));
    let key = |role| stage.key(&firm_key_file(role));
    let firm = witness_core::name::Domain::parse("other.example").unwrap();
    let wrong = [
        signed(&good, key(Role::Registrar)),
        signed(&RollUp { sequence: 3, ..good.clone() }, key(Role::RollUp)),
        signed(&RollUp { firm, ..good }, key(Role::RollUp)),
        b"no note".to_vec(),
    ];
    for note in wrong {
        stage.set("rollup/2", Some(note));
        let (outcome, message) = stage.refusal();
        assert_eq!(outcome, Outcome::Refused);
        assert!(message.contains("not good"), "{message}");
    }
    assert_eq!(stage.proofs(), [""; 0]);
}

#[test]
fn a_new_rollup_key_is_found_in_the_firm_notes_that_name_it() {
    let (stage, mut tree, [_, second]) = watched();
    let new = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[77; 32]).unwrap();
    let first = FirmText::parse(stage.keys.note.text()).unwrap();
    let mut keys = first.keys.clone();
    keys.iter_mut().filter(|key| key.role == Role::RollUp).for_each(|key| key.until = Some(2));
    let key = new.verifying_key().clone();
    keys.push(RoleKey { role: Role::RollUp, key, from: 2, until: None });
    let previous = Hash::of(stage.keys.note.text().as_bytes());
    let text = FirmText { sequence: 1, previous, keys, ..first }.encode();
    let signature = stage.keys.root.sign(&text, Timestamp::EPOCH);
    let entry = Entry {
        kind: EntryKind::Firm,
        received_at: Timestamp::EPOCH,
        registry_sequence: 0,
        body: Note::new(text, vec![signature]).to_string(),
    };
    tree.push(entry.encode());
    let third = stage.roll_up(2, second.value(), &bodies(&tree, 5));
    let note = signed(&third, &new);
    for path in ["rollup", "rollup/2"] {
        stage.set(path, Some(note.clone()));
    }
    assert!(stage.refusal().1.contains("not good"), "the key is not named yet");
    stage.show(&tree, &[(5, 12), (7, 13)]);
    let seen = stage.look().unwrap();
    assert_eq!(seen, Seen { taken: 1, rollups: 3, covering: Some((2, 5)) });
}
