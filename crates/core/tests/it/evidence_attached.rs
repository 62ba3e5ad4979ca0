//! Anchors that were attached to a file after it was made: a good one counts like a row, a bad one is named and never
//! harms the file.

use witness_core::{
    event::Change,
    evidence::{Attachment, Evidence, LaterAnchor, NotProved, RefusalClass, Verdict, verify},
    hash::Hash,
    note::{Note, Strict},
    policy::Policy,
};

use crate::{
    chain::{self, BASE, block_of},
    evidence_dishonest::plain,
    world::{FIRM, START, World, issuer_key, key, log_key, rollup_key, signed, timestamp_key},
    world_anchored::value_of,
};

/// A file with one document and nothing of a chain, and the world as it goes on: another document, and an anchor over
/// both.
fn later() -> (Evidence, World, LaterAnchor) {
    let mut world = plain();
    let evidence = world.evidence(&[1]);
    world.received_us = Some((START + 600) * 1_000_000);
    world.signed_at = START + 610;
    world.submit("main", &[(2, Change::Issued, None)], &issuer_key());
    let rollup = world.roll_up();
    world.anchor(rollup, BASE, START + 620);
    let later = world.later(6, &world.anchors[0]);
    (evidence, world, later)
}

fn judge(evidence: &Evidence, policy: &Policy) -> Verdict {
    let again = Evidence::parse(evidence.encode().as_bytes()).unwrap();
    verify(&again, policy, &[], &Strict).unwrap()
}

fn with(evidence: &Evidence, attachment: Attachment) -> Evidence {
    let mut evidence = evidence.clone();
    evidence.attach(attachment);
    evidence
}

#[test]
fn a_good_one_counts_like_a_row() {
    let (evidence, world, later) = later();
    let before = judge(&evidence, &world.trusting());
    let attached = with(&evidence, later.attachment());
    let verdict = judge(&attached, &world.trusting());
    let facts = &verdict.items[0].events[0];
    let anchored = facts.anchored.unwrap();
    assert_eq!((anchored.size.0, anchored.at.seconds()), (7, START + 620));
    assert_eq!((anchored.rollup, anchored.sequence), (0, 17));
    let rolled_up = facts.rolled_up.unwrap();
    assert_eq!((rolled_up.sequence, rolled_up.size.0), (0, 7));
    assert_eq!(verdict.unchecked, []);
    assert!(!verdict.not_proved.contains(&NotProved::Times));
    // All else is as before.
    let mut without = verdict.clone();
    (without.items[0].events[0].anchored, without.items[0].events[0].rolled_up) = (None, None);
    without.not_proved = before.not_proved.clone();
    assert_eq!(without, before);
    // The same one twice is one.
    assert_eq!(with(&attached, later.attachment()), attached);
}

#[test]
fn one_that_is_not_believed_is_named_and_its_rollup_counts() {
    let (evidence, world, later) = later();
    let mut policy = world.trusting();
    policy.chains[1].blocks.clear();
    let verdict = judge(&with(&evidence, later.attachment()), &policy);
    let facts = &verdict.items[0].events[0];
    assert_eq!((facts.anchored, facts.rolled_up.is_some()), (None, true));
    let [unchecked] = verdict.unchecked.as_slice() else { panic!("one is not checked") };
    let expected = format!("attachments[0], number 17 of {BASE}: nobody says that its block");
    assert!(unchecked.what.starts_with(&expected), "{}", unchecked.what);
    let json = serde_json::to_string(&later.attachment()).unwrap();
    assert_eq!(unchecked.digest, Hash::of(json.as_bytes()));
}

/// That an attachment costs nothing, proves nothing, and is named with a reason.
fn check_bad(evidence: &Evidence, world: &World, attachment: &Attachment, why: &str) {
    let before = judge(evidence, &world.trusting());
    let verdict = judge(&with(evidence, attachment.clone()), &world.trusting());
    let unchecked = verdict.unchecked.clone();
    let [unchecked] = unchecked.as_slice() else { panic!("{why}: {unchecked:?}") };
    assert_eq!(Verdict { unchecked: Vec::new(), ..verdict }, before, "{why}");
    let start = "attachments[0], ";
    assert!(
        unchecked.what.starts_with(start) && unchecked.what.contains(why),
        "{why}: {}",
        unchecked.what
    );
    let json = serde_json::to_string(attachment).unwrap();
    assert_eq!(unchecked.digest, Hash::of(json.as_bytes()));
}

type Alter = fn(&mut LaterAnchor);

#[test]
fn a_bad_one_is_named_with_the_reason_and_harms_nothing() {
    let (evidence, world, good) = later();
    let cases: Vec<(&str, Alter)> = vec![
        ("checkpoint: a note must be", |it| it.checkpoint.truncate(9)),
        ("log key: the signature", |it| {
            let note = Note::parse(it.checkpoint.as_bytes()).unwrap();
            let mut lines = note.signatures().to_vec();
            lines[0].signature[5] ^= 1;
            it.checkpoint = Note::new(note.text().to_owned(), lines).to_string();
        }),
        ("log key: the note has no signature", |it| {
            let note = Note::parse(it.checkpoint.as_bytes()).unwrap();
            it.checkpoint = signed(note.text().to_owned(), &[&timestamp_key()]).to_string();
        }),
        ("must be of one log of the firm", |it| {
            let text = "witness.example/log2\n9\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
            it.checkpoint = signed(text.to_owned(), &[&log_key()]).to_string();
        }),
        ("consistency, from the checkpoint before", |it| it.consistency[0] = Hash::ZERO),
        ("consistency, from the checkpoint before", |it| it.consistency.clear()),
        ("note: a note must be", |it| it.note.clear()),
        ("note: signature line 1 must be of a key", |it| {
            let note = Note::parse(it.note.as_bytes()).unwrap();
            it.note = signed(note.text().to_owned(), &[&key(FIRM, 77)]).to_string();
        }),
        ("note, inclusion of its checkpoint", |it| it.index.0 = 2),
        ("note, inclusion of its checkpoint", |it| it.path[0] = Hash::ZERO),
        ("anchor: the event must have the sequence number", |it| it.anchor.sequence = 1),
        ("anchor must be in a contract that its roll-up's note names", |it| {
            it.anchor.contract.chain = 9;
        }),
        ("anchor: an anchor's receipt proof must lead", |it| it.anchor.receipt_index = 0),
        ("anchor: the event must hold the value of the roll-up", |it| {
            it.anchor = chain::anchor(BASE, 17, &Hash::of(b"another"), (1017, START + 620));
        }),
        ("anchor must be in a block with a time", |it| {
            let value = value_of(&it.note);
            it.anchor = chain::anchor(BASE, 17, &value, (1017, u64::MAX));
        }),
    ];
    for (why, alter) in cases {
        let mut bad = good.clone();
        alter(&mut bad);
        check_bad(&evidence, &world, &bad.attachment(), why);
    }
    let attachment = good.attachment();
    for body in [
        String::new(),
        "{}".to_owned(),
        format!(" {}", attachment.body),
        attachment.body.replacen("\"index\":\"1\"", "\"index\":\"01\"", 1),
        attachment.body.replacen("\"index\"", "\"more\":\"\",\"index\"", 1),
        attachment.body.replacen("evm-anchor-log/v1", "evm-anchor-log/v2", 1),
    ] {
        assert_ne!(body, attachment.body);
        let bad = Attachment { body, ..attachment.clone() };
        check_bad(&evidence, &world, &bad, "body must be a later anchor as canonical JSON");
    }
}

#[test]
fn every_flipped_bit_of_one_is_named() {
    let (evidence, world, good) = later();
    let (policy, body) = (world.trusting(), good.attachment().body);
    let memo = crate::world::Memo::default();
    let untouched = verify(&evidence, &policy, &[], &memo).unwrap();
    let accepted = verify(&with(&evidence, good.attachment()), &policy, &[], &memo).unwrap();
    for bit in
        (0..body.len() * 8).filter(|bit| !body.as_bytes()[bit / 8..].starts_with(b"00000000"))
    {
        let mut bytes = body.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(body) = String::from_utf8(bytes) else { continue };
        let attached = with(&evidence, Attachment { body, kind: "anchor".to_owned() });
        let verdict = verify(&attached, &policy, &[], &memo).unwrap();
        assert_eq!(verdict.unchecked.len(), 1, "bit {bit}");
        // Another block, or another key's signature, is all that can change without a refusal of the attachment.
        let facts = &verdict.items[0].events[0];
        let is_unsigned = facts.anchored == accepted.items[0].events[0].anchored;
        assert!(facts.anchored.is_none() || is_unsigned, "bit {bit}");
        assert!(
            facts.rolled_up.is_none() || facts.rolled_up == accepted.items[0].events[0].rolled_up
        );
        assert_eq!(facts.published, untouched.items[0].events[0].published);
    }
}

#[test]
fn one_of_another_history_is_named() {
    let (evidence, ..) = later();
    let mut other = plain();
    other.entries[5] = other.entries[5].replacen("1770000005000000", "1770000005000001", 1);
    // The same size.
    let rollup = other.roll_up();
    let anchor = other.anchor(rollup, BASE, START + 70);
    let same_size = other.later(6, &(rollup, anchor));
    check_bad(
        &evidence,
        &other,
        &same_size.attachment(),
        "checkpoint has the size of another checkpoint",
    );
    // A larger one, with the best proof that there is.
    other.received_us = Some((START + 600) * 1_000_000);
    other.signed_at = START + 610;
    other.submit("main", &[(2, Change::Issued, None)], &issuer_key());
    let rollup = other.roll_up();
    let anchor = other.anchor(rollup, BASE, START + 620);
    let larger = other.later(6, &(rollup, anchor));
    check_bad(&evidence, &other, &larger.attachment(), "consistency, from the checkpoint before");
}

#[test]
fn one_over_a_checkpoint_of_the_file_needs_no_consistency_proof() {
    let mut world = plain();
    let rollup = world.roll_up();
    let anchor = world.anchor(rollup, BASE, START + 70);
    let evidence = {
        let mut bare = plain();
        bare.signed_at = world.signed_at;
        bare.evidence(&[1])
    };
    let mut later = world.later(6, &(rollup, anchor));
    assert!(later.consistency.is_empty());
    let verdict = judge(&with(&evidence, later.attachment()), &world.trusting());
    assert!(verdict.items[0].events[0].anchored.is_some());
    later.consistency = vec![Hash::ZERO];
    let why = "consistency, from the checkpoint before";
    check_bad(&evidence, &world, &later.attachment(), why);
}

#[test]
fn one_over_an_older_checkpoint_bounds_from_below_if_the_file_holds_that_checkpoint() {
    let world = World::anchored();
    let mut evidence = world.evidence(&[1]);
    let first = world.later(5, &world.anchors[0]);
    evidence.anchors.retain(|row| row.rollup.0 != 0);
    let not_before = |evidence: &Evidence| {
        judge(evidence, &world.trusting()).items[0].events[0].anchored.unwrap().not_before
    };
    assert_eq!(not_before(&evidence), None);
    let attached = with(&evidence, first.attachment());
    assert_eq!(not_before(&attached).unwrap().seconds(), START + 60 - 300);
    // A file that does not hold it has no proof that it is of the same history.
    let mut without = World::anchored();
    without.anchors.remove(0);
    without.anchors.remove(0);
    let mut evidence = without.evidence(&[1]);
    evidence.anchors.iter_mut().for_each(|row| row.rollup.0 -= 1);
    evidence.rollups.remove(0);
    evidence.rollups.iter_mut().for_each(|row| row.checkpoint.0 -= 1);
    evidence.checkpoints.remove(0);
    evidence.consistency.remove(0);
    evidence.entries.iter_mut().for_each(|row| row.checkpoint.0 -= 1);
    check_bad(
        &evidence,
        &world,
        &first.attachment(),
        "one of the file's, or larger than all of them",
    );
}

#[test]
fn one_that_contradicts_the_rollups_of_the_file_is_named() {
    let world = World::anchored();
    let evidence = world.evidence(&[1]);
    let contradict = |alter: &dyn Fn(&mut witness_core::rollup::RollUp), why: &str| {
        let mut other = World::anchored();
        let note = Note::parse(other.rollups[2].note.as_bytes()).unwrap();
        let mut rollup = witness_core::rollup::RollUp::parse(note.text()).unwrap();
        alter(&mut rollup);
        other.rollups[2].note = signed(rollup.encode(), &[&rollup_key()]).to_string();
        let value = value_of(&other.rollups[2].note);
        other.anchors[2].1 = chain::anchor(BASE, 18, &value, (1018, START + 1270));
        let later = other.later(7, &other.anchors[2]);
        let mut policy = world.trusting();
        policy.chains[1].blocks.push(block_of(&later.anchor));
        let before = judge(&evidence, &policy);
        let verdict = judge(&with(&evidence, later.attachment()), &policy);
        assert_eq!(verdict.items, before.items);
        assert!(verdict.unchecked[0].what.contains(why), "{:?}", verdict.unchecked);
    };
    contradict(&|rollup| rollup.previous = Hash::ZERO, "has the number of another roll-up");
    contradict(&|rollup| rollup.sequence = 3, "must name the roll-up before it");
    contradict(&|rollup| rollup.sequence = 1, "has the number of another roll-up");
    // A later roll-up over an older checkpoint of the file.
    let mut other = World::anchored();
    let older = Note::parse(other.rollups[1].checkpoint.as_bytes()).unwrap();
    for number in [3, 4] {
        assert_eq!(other.roll_up_over(&older), number);
    }
    let anchor = other.anchor(4, BASE, START + 1280);
    let later = other.later(7, &(4, anchor));
    check_bad(&evidence, &other, &later.attachment(), "must not be over a smaller checkpoint");
}

#[test]
fn two_that_contradict_each_other_are_one_good_and_one_bad() {
    let (evidence, world, good) = later();
    let mut other = good.clone();
    let note = Note::parse(good.note.as_bytes()).unwrap();
    let mut rollup = witness_core::rollup::RollUp::parse(note.text()).unwrap();
    rollup.contracts = vec![BASE];
    other.note = signed(rollup.encode(), &[&rollup_key()]).to_string();
    other.anchor = chain::anchor(BASE, 17, &value_of(&other.note), (1017, START + 620));
    let mut policy = world.trusting();
    policy.chains[1].blocks.push(block_of(&other.anchor));
    for (first, second) in [(&good, &other), (&other, &good)] {
        let both = with(&with(&evidence, first.attachment()), second.attachment());
        let verdict = judge(&both, &policy);
        let anchored = verdict.items[0].events[0].anchored.unwrap();
        assert_eq!(anchored.block_hash, block_of(&first.anchor));
        assert!(
            verdict.unchecked[0].what.starts_with("attachments[1], note has the number of another")
        );
    }
}

#[test]
fn the_time_rules_hold_for_a_good_one_too() {
    let (evidence, mut world, _) = later();
    // The chain shows that what the file says to be received at START + 5 was there an hour before.
    let value = value_of(&world.rollups[0].note);
    let judged = |world: &World| {
        let attached = with(&evidence, world.later(6, &world.anchors[0]).attachment());
        let verdict = verify(&attached, &world.trusting(), &[], &Strict);
        verdict.map_err(|refusal| (refusal.reason(), refusal.class()))
    };
    world.anchors[0].1 = chain::anchor(BASE, 17, &value, (1017, START + 5 - 300));
    assert_eq!(judged(&world).unwrap_err(), ("anchored-before-published", RefusalClass::Refuted));
    world.anchors[0].1 = chain::anchor(BASE, 17, &value, (1017, START + 610 - 300));
    assert!(judged(&world).is_ok());
    // A checkpoint that bears a time from before what it covers is not good in the first place.
    let mut early = plain();
    early.entries[5] = early.entries[5].replacen("1770000005000000", "1770001005000000", 1);
    early.signed_at = START + 1000;
    let evidence = early.evidence(&[1]);
    early.signed_at = START + 700;
    early.received_us = Some((START + 1010) * 1_000_000);
    early.submit("main", &[(2, Change::Issued, None)], &issuer_key());
    let rollup = early.roll_up();
    let anchor = early.anchor(rollup, BASE, START + 1100);
    let later = early.later(6, &(rollup, anchor));
    check_bad(&evidence, &early, &later.attachment(), "bears a time before that of receipt");
}

#[test]
fn lines_of_unknown_keys_on_the_checkpoint_of_a_good_one_are_named() {
    let (evidence, mut world, _) = later();
    let stranger = key("stranger.example", 29);
    let note = Note::parse(world.rollups[0].checkpoint.as_bytes()).unwrap();
    let mut lines = note.signatures().to_vec();
    lines.push(stranger.sign(note.text(), witness_core::time::Timestamp::EPOCH));
    world.rollups[0].checkpoint = Note::new(note.text().to_owned(), lines).to_string();
    let later = world.later(6, &world.anchors[0]);
    let verdict = judge(&with(&evidence, later.attachment()), &world.trusting());
    assert!(verdict.items[0].events[0].anchored.is_some());
    assert_eq!(verdict.unchecked[0].what, "attachments[0], checkpoint, signature line 3");
}
