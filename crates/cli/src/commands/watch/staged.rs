//! A watcher before a log that misbehaves. Each case shows it an honest beginning first, and then something else.

use super::stage::Stage;
use crate::outcome::Outcome;

/// A watcher that has seen an honest log of the sizes 1, 3 and 5, and what it has seen.
fn watched() -> (Stage, Vec<String>) {
    let stage = Stage::new();
    let tree = stage.tree("b");
    stage.show(&tree, &[(1, 10), (3, 11), (5, 12)]);
    assert_eq!(stage.look().unwrap().taken, 3);
    (stage, tree)
}

#[test]
fn a_log_that_grows_is_followed_and_an_older_answer_is_none_of_its_misdeeds() {
    let (stage, tree) = watched();
    assert_eq!(stage.look().unwrap().taken, 0);
    stage.show(&tree, &[(1, 10), (3, 11), (5, 12), (6, 13)]);
    assert_eq!(stage.look().unwrap().taken, 1);
    stage.set("log1/checkpoint", Some(stage.checkpoint(&tree, (3, 11))));
    assert_eq!(stage.look().unwrap().taken, 0);
    assert_eq!(stage.proofs(), [""; 0]);
}

#[test]
fn a_larger_tree_that_does_not_begin_with_what_was_seen_is_a_fork() {
    let (stage, tree) = watched();
    stage.show(&stage.tree("X"), &[(6, 13)]);
    stage.set("log1/checkpoint/5", Some(stage.checkpoint(&tree, (5, 12))));
    let (outcome, message) = stage.refusal();
    assert_eq!(outcome, Outcome::Refused);
    assert!(message.contains("no prefix"), "{message}");
    assert_eq!(stage.proofs(), ["proof-5-6-1.json"]);
}

#[test]
fn a_smaller_tree_that_what_was_seen_does_not_begin_with_is_a_fork() {
    let (stage, _) = watched();
    stage.set("log1/checkpoint", Some(stage.checkpoint(&stage.tree("X"), (4, 12))));
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
        stage.set(&format!("log1/checkpoint/{}", one.0), Some(stage.checkpoint(&tree, one)));
    }
    stage.set("log1/checkpoint", Some(stage.checkpoint(&tree, (6, 13))));
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
    stage.set("log1/checkpoints?from=6", Some(Vec::new()));
    let (outcome, message) = stage.refusal();
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(message.contains("listed"), "{message}");
}
