//! Roll-ups and anchors of a firm that does what it must not, or of somebody who puts a file together wrongly: each is
//! refused by name.

use witness_core::{
    event::Change,
    evidence::{Evidence, Reference, RefusalClass, verify},
    evm::Anchor,
    firm::Role,
    hash::Hash,
    key::SigningKey,
    merkle::TreeSize,
    name::Domain,
    note::{Note, Strict},
    rollup::{Contract, RollUp},
};

use crate::{
    chain::{self, BASE, ETHEREUM},
    evidence_dishonest::plain,
    world::{FIRM, START, World, issuer_key, key, log_key, rollup_key, signed},
    world_anchored::value_of,
};

fn judged(evidence: &Evidence, world: &World) -> Result<(), (&'static str, RefusalClass)> {
    let again = Evidence::parse(evidence.encode().as_bytes()).unwrap();
    let verdict = verify(&again, &world.trusting(), &[], &Strict);
    verdict.map(|_| ()).map_err(|refusal| (refusal.reason(), refusal.class()))
}

fn reason(world: &World) -> &'static str {
    judged(&world.evidence(&[1]), world).unwrap_err().0
}

/// The text of a roll-up, altered and signed again, with whatever anchors it has.
fn resign(world: &mut World, at: usize, alter: impl FnOnce(&mut RollUp), keys: &[&SigningKey]) {
    let note = Note::parse(world.rollups[at].note.as_bytes()).unwrap();
    let mut rollup = RollUp::parse(note.text()).unwrap();
    alter(&mut rollup);
    put(world, at, signed(rollup.encode(), keys).to_string());
}

/// Puts a note in the place of a roll-up, and anchors it anew.
fn put(world: &mut World, at: usize, note: String) {
    world.rollups[at].note = note;
    let value = value_of(&world.rollups[at].note);
    for (rollup, anchor) in &mut world.anchors {
        if *rollup == u64::try_from(at).unwrap() {
            let place = (anchor.sequence + 1000, START + 1270);
            *anchor = chain::anchor(anchor.contract, anchor.sequence, &value, place);
        }
    }
}

fn resigned(at: usize, alter: impl FnOnce(&mut RollUp)) -> &'static str {
    let mut world = World::anchored();
    resign(&mut world, at, alter, &[&rollup_key()]);
    reason(&world)
}

#[test]
fn a_rollup_is_the_firms_own() {
    let rival = Domain::parse("rival.example").unwrap();
    assert_eq!(resigned(2, |rollup| rollup.firm = rival), "rollup-firm");
    let by = |keys: &[&SigningKey]| {
        let mut world = World::anchored();
        resign(&mut world, 2, |_| {}, keys);
        reason(&world)
    };
    let (own, other) = (rollup_key(), key(FIRM, 55));
    assert_eq!(by(&[&other]), "stray-signature");
    assert_eq!(by(&[&log_key()]), "stray-signature");
    assert_eq!(by(&[&own, &other]), "stray-signature");
    assert_eq!(by(&[&own, &own]), "stray-signature");
    let mut world = World::anchored();
    let note = Note::parse(world.rollups[2].note.as_bytes()).unwrap();
    let mut lines = note.signatures().to_vec();
    lines[0].signature[3] ^= 1;
    put(&mut world, 2, Note::new(note.text().to_owned(), lines).to_string());
    assert_eq!(reason(&world), "rollup-signature");
    world.rollups[2].note = "no note".to_owned();
    assert_eq!(judged(&world.evidence(&[1]), &world).unwrap_err().0, "reference-out-of-range");
    world.anchors.retain(|(rollup, _)| *rollup != 2);
    let mut evidence = world.evidence(&[1]);
    evidence.rollups[2].note = "no note".to_owned();
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "rollup-note");
}

#[test]
fn a_rollup_key_signs_the_numbers_that_it_covers() {
    for (from, until, expected) in [
        (0, None, Ok(())),
        (2, Some(3), Ok(())),
        (3, None, Err("stray-signature")),
        (0, Some(2), Err("stray-signature")),
    ] {
        let second = key(FIRM, 55);
        let mut world = World::founded();
        world.amend_firm_between(&[(Role::RollUp, key(FIRM, 55))], (from, until));
        world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
        for number in 0..3 {
            assert_eq!(world.roll_up(), number);
        }
        resign(&mut world, 2, |_| {}, &[&second]);
        let verdict = judged(&world.evidence(&[1]), &world);
        assert_eq!(verdict.map_err(|(reason, _)| reason), expected, "{from} {until:?}");
    }
}

#[test]
fn a_text_of_a_later_version_cannot_be_judged_if_the_firm_signed_it() {
    let text = |world: &World| {
        let note = Note::parse(world.rollups[2].note.as_bytes()).unwrap();
        note.text().replacen("witness-rollup/v1", "witness-rollup/v2", 1)
    };
    let judge = |signer: &SigningKey, text: &dyn Fn(&World) -> String| {
        let world = World::anchored();
        let mut evidence = world.evidence(&[1]);
        evidence.rollups[2].note = signed(text(&world), &[signer]).to_string();
        judged(&evidence, &world).unwrap_err()
    };
    assert_eq!(judge(&rollup_key(), &text), ("rollup-text", RefusalClass::CannotTell));
    assert_eq!(judge(&log_key(), &text), ("stray-signature", RefusalClass::Refuted));
    let rubbish = |_: &World| "witness-rollup/v1\nrubbish\n".to_owned();
    assert_eq!(judge(&rollup_key(), &rubbish), ("rollup-text", RefusalClass::Refuted));
}

#[test]
fn a_rollup_is_over_the_checkpoint_to_which_it_refers() {
    assert_eq!(resigned(2, |rollup| rollup.root = Hash::ZERO), "rollup-proof");
    assert_eq!(resigned(2, |rollup| rollup.logs = 1), "rollup-proof");
    let world = World::anchored();
    let mut evidence = world.evidence(&[1]);
    evidence.rollups[1].checkpoint = Reference(0);
    // The checkpoint is still referred to by the roll-up before, so this is all that is wrong.
    evidence.entries[0].checkpoint = Reference(1);
    evidence.entries[0].path = prefix(6).proved(0).path;
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "rollup-proof");
}

/// The first entries of [`World::anchored`] alone.
fn prefix(size: usize) -> World {
    let mut world = World::anchored();
    world.entries.truncate(size);
    world
}

#[test]
fn rollups_are_one_chain() {
    let mut first = World::anchored();
    first.anchors.clear();
    first.rollups.truncate(1);
    resign(&mut first, 0, |rollup| rollup.previous = Hash::of(b"x"), &[&rollup_key()]);
    assert_eq!(reason(&first), "rollup-previous");
    assert_eq!(resigned(2, |rollup| rollup.previous = Hash::ZERO), "rollup-previous");
    // What lies between need not be in the file.
    assert_eq!(
        resigned(2, |rollup| (rollup.sequence, rollup.previous) = (3, Hash::of(b"unseen"))),
        "reference-out-of-range"
    );
    let mut world = World::anchored();
    world.anchors.clear();
    let alter = |rollup: &mut RollUp| (rollup.sequence, rollup.previous) = (3, Hash::of(b"x"));
    resign(&mut world, 2, alter, &[&rollup_key()]);
    assert_eq!(judged(&world.evidence(&[1]), &world), Ok(()));
}

#[test]
fn two_rollups_with_one_number_are_a_fork() {
    let world = World::anchored();
    let mut evidence = world.evidence(&[1]);
    evidence.anchors.clear();
    let mut again = evidence.rollups[2].clone();
    evidence.rollups.push(again.clone());
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "table-order");
    let note = Note::parse(again.note.as_bytes()).unwrap();
    let mut rollup = RollUp::parse(note.text()).unwrap();
    rollup.contracts.clear();
    again.note = signed(rollup.encode(), &[&rollup_key()]).to_string();
    evidence.rollups[3] = again;
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "rollup-fork");
    evidence.rollups.swap(1, 2);
    evidence.rollups.pop();
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "table-order");
}

#[test]
fn two_checkpoints_of_the_log_in_one_rollup_are_a_fork() {
    use witness_core::{
        evidence::RollUpRow,
        merkle::{LeafIndex, leaves_path, leaves_root},
    };
    let mut world = World::anchored();
    world.anchors.clear();
    let bodies = [1, 2]
        .map(|at| Note::parse(world.rollups[at].checkpoint.as_bytes()).unwrap().text().to_owned());
    let leaves = bodies.map(|body| Hash::leaf(body.as_bytes()));
    resign(
        &mut world,
        2,
        |rollup| (rollup.logs, rollup.root) = (2, leaves_root(&leaves)),
        &[&rollup_key()],
    );
    let mut evidence = world.evidence(&[1]);
    let row = |index: u64| RollUpRow {
        checkpoint: Reference(usize::try_from(index).unwrap() + 1),
        index: LeafIndex(index),
        note: world.rollups[2].note.clone(),
        path: leaves_path(&leaves, LeafIndex(index)).unwrap(),
    };
    evidence.rollups[2] = row(1);
    assert_eq!(judged(&evidence, &world), Ok(()));
    evidence.rollups.insert(2, row(0));
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "rollup-fork");
}

#[test]
fn a_log_that_is_set_back_between_two_rollups_is_refused() {
    let mut world = World::anchored();
    world.anchors.clear();
    let newest = world.rollups[2].checkpoint.clone();
    let old = world.rollups[1].checkpoint.clone();
    world.rollups.truncate(1);
    for checkpoint in [newest, old] {
        let sequence = world.roll_up_over(&Note::parse(checkpoint.as_bytes()).unwrap());
        assert!(sequence > 0);
    }
    assert_eq!(reason(&world), "rollup-shrinks");
}

#[test]
fn an_anchor_is_in_a_contract_to_which_its_rollup_goes() {
    assert_eq!(resigned(2, |rollup| rollup.contracts.clear()), "rollup-contract");
    assert_eq!(resigned(2, |rollup| rollup.contracts = vec![ETHEREUM]), "rollup-contract");
    let moved = |alter: &dyn Fn(&mut Anchor)| {
        let mut world = World::anchored();
        let (_, anchor) = world.anchors.last_mut().unwrap();
        alter(anchor);
        reason(&world)
    };
    let elsewhere = Contract { chain: 10, ..BASE };
    assert_eq!(moved(&|anchor| anchor.contract = elsewhere), "rollup-contract");
    assert_eq!(moved(&|anchor| anchor.contract = ETHEREUM), "anchor-contract");
    assert_eq!(moved(&|anchor| anchor.sequence = 99), "anchor-sequence");
    assert_eq!(moved(&|anchor| anchor.log_index = 1), "anchor-log");
    assert_eq!(moved(&|anchor| anchor.receipt_index = 2), "anchor-receipt-proof");
}

#[test]
fn an_anchor_is_of_the_rollup_to_which_it_refers() {
    let world = World::anchored();
    let mut evidence = world.evidence(&[1]);
    for rollup in [1, 2] {
        evidence.anchors[0].rollup = Reference(rollup);
        assert_eq!(judged(&evidence, &world).unwrap_err().0, "anchor-rollup");
    }
    evidence.anchors[0].rollup = Reference(3);
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "reference-out-of-range");
}

#[test]
fn anchors_ascend_by_contract_and_number() {
    let world = World::anchored();
    let good = world.evidence(&[1]);
    assert_eq!(judged(&good, &world), Ok(()));
    let altered = |alter: &dyn Fn(&mut Evidence)| {
        let mut evidence = good.clone();
        alter(&mut evidence);
        judged(&evidence, &world).unwrap_err().0
    };
    assert_eq!(altered(&|file| file.anchors.swap(0, 1)), "table-order");
    assert_eq!(altered(&|file| file.anchors.swap(1, 2)), "table-order");
    assert_eq!(altered(&|file| file.anchors.push(good.anchors[2].clone())), "table-order");
}

#[test]
fn a_block_whose_time_cannot_be_shown_is_refused() {
    let most = (u64::MAX >> 1) / 1_000_000;
    for (time, expected) in
        [(most, Ok(())), (most + 1, Err("anchor-time")), (u64::MAX, Err("anchor-time"))]
    {
        let mut world = World::anchored();
        let value = value_of(&world.rollups[2].note);
        world.anchors.last_mut().unwrap().1 = chain::anchor(BASE, 18, &value, (7, time));
        let verdict = judged(&world.evidence(&[1]), &world);
        assert_eq!(verdict.map_err(|(reason, _)| reason), expected, "{time}");
    }
}

#[test]
fn history_that_was_rewritten_after_it_was_anchored_is_refused() {
    let anchored = |world: &mut World| {
        let rollup = world.roll_up();
        world.anchor(rollup, BASE, START + 70);
    };
    let mut honest = plain();
    anchored(&mut honest);
    assert_eq!(judged(&honest.evidence(&[1]), &honest), Ok(()));
    // The same size, another entry: shown beside the checkpoint that was anchored.
    let mut rewritten = plain();
    rewritten.entries[5] = rewritten.entries[5].replacen("1770000005000000", "1770000005000001", 1);
    let mut evidence = rewritten.evidence(&[1]);
    (evidence.rollups, evidence.anchors) =
        (honest.evidence(&[1]).rollups, honest.evidence(&[1]).anchors);
    assert_eq!(judged(&evidence, &honest).unwrap_err().0, "rollup-proof");
    evidence.checkpoints.push(honest.checkpoint().to_string());
    evidence.rollups[0].checkpoint = Reference(1);
    assert_eq!(judged(&evidence, &honest).unwrap_err().0, "checkpoint-fork");
    // A later size, in which the anchored one is no beginning, with the best proof that there is.
    rewritten.submit("main", &[(2, Change::Issued, None)], &issuer_key());
    let mut evidence = rewritten.evidence(&[1]);
    (evidence.rollups, evidence.anchors) =
        (honest.evidence(&[1]).rollups, honest.evidence(&[1]).anchors);
    evidence.checkpoints.insert(0, honest.checkpoint().to_string());
    evidence.entries.iter_mut().for_each(|row| row.checkpoint = Reference(1));
    evidence.consistency = vec![rewritten.history(TreeSize(6), TreeSize(7))];
    assert_eq!(judged(&evidence, &honest).unwrap_err().0, "consistency-proof");
    evidence.consistency = vec![honest.history(TreeSize(6), TreeSize(6))];
    assert_eq!(judged(&evidence, &honest).unwrap_err().0, "consistency-proof");
    evidence.consistency.clear();
    assert_eq!(judged(&evidence, &honest).unwrap_err().0, "consistency-count");
}

#[test]
fn nothing_lies_in_the_file_that_is_not_referred_to() {
    let world = World::anchored();
    let mut evidence = world.evidence(&[1]);
    evidence.anchors.retain(|row| row.rollup.0 != 0);
    evidence.anchors.iter_mut().for_each(|row| row.rollup.0 -= 1);
    evidence.rollups.remove(0);
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "unreferenced");
    // A roll-up that was never anchored stands for itself.
    let mut evidence = world.evidence(&[1]);
    evidence.anchors.clear();
    assert_eq!(judged(&evidence, &world), Ok(()));
    evidence.rollups[2].checkpoint = Reference(3);
    assert_eq!(judged(&evidence, &world).unwrap_err().0, "reference-out-of-range");
}
