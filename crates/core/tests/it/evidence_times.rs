//! When something was received, as the chain tells: every rule at its edge, and firms whose clock lies.

use witness_core::{
    event::Change,
    evidence::{Anchored, EventFacts, NotProved, Verdict, verify},
    note::Strict,
    policy::Policy,
};

use crate::{
    chain::{BASE, ETHEREUM},
    world::{START, World, issuer_key},
};

/// How far clocks may lie apart, and how long a checkpoint may wait for its anchor: the policy's defaults.
const TOLERANCE: u64 = 300;
const DELAY: u64 = 86_400;

/// When the checkpoint before the entry is signed, unless a story says otherwise.
const NOON: u64 = START + 100_000;

/// One entry between two anchored checkpoints. In seconds, but for the time of receipt.
#[derive(Clone, Copy)]
struct Story {
    signed_before: u64,
    anchored_before: u64,
    received_us: u64,
    signed: u64,
    anchored: u64,
}

const HONEST: Story = Story {
    signed_before: NOON,
    anchored_before: NOON + 10,
    received_us: micros(NOON + 100),
    signed: NOON + 110,
    anchored: NOON + 120,
};

const fn micros(seconds: u64) -> u64 {
    seconds * 1_000_000
}

impl Story {
    fn world(self) -> World {
        let mut world = World::founded();
        world.signed_at = self.signed_before;
        let before = world.roll_up();
        world.anchor(before, BASE, self.anchored_before);
        world.received_us = Some(self.received_us);
        world.signed_at = self.signed;
        world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
        let after = world.roll_up();
        world.anchor(after, BASE, self.anchored);
        world
    }

    fn judge(self) -> Result<Anchored, &'static str> {
        let world = self.world();
        judge(&world, &world.trusting()).map(|verdict| facts(&verdict).anchored.unwrap())
    }

    /// The seconds of the lower bound, if there is one.
    fn not_before(self) -> Option<u64> {
        self.judge().unwrap().not_before.map(|at| at.micros() / 1_000_000)
    }
}

fn judge(world: &World, policy: &Policy) -> Result<Verdict, &'static str> {
    verify(&world.evidence(&[1]), policy, &[], &Strict).map_err(|refusal| refusal.reason())
}

fn facts(verdict: &Verdict) -> &EventFacts {
    &verdict.items[0].events[0]
}

#[test]
fn an_honest_entry_lies_between_its_blocks() {
    let anchored = HONEST.judge().unwrap();
    assert_eq!(anchored.at.seconds(), NOON + 120);
    assert_eq!(anchored.not_after.micros(), micros(NOON + 120 + TOLERANCE));
    assert_eq!(anchored.not_before.unwrap().micros(), micros(NOON - TOLERANCE));
    assert!(!anchored.late);
}

#[test]
fn nothing_is_received_after_the_block_that_covers_it() {
    let at_edge = micros(HONEST.anchored + TOLERANCE);
    let story = |received_us| Story { received_us, signed: HONEST.anchored + 10, ..HONEST };
    assert!(story(at_edge).judge().is_ok());
    assert_eq!(story(at_edge + 1).judge(), Err("anchored-before-received"));
    assert_eq!(story(at_edge + micros(9)).judge(), Err("anchored-before-received"));
}

#[test]
fn no_checkpoint_is_signed_after_the_block_that_covers_it() {
    let story = |signed| Story { signed, ..HONEST };
    assert!(story(HONEST.anchored + TOLERANCE).judge().is_ok());
    let refused = story(HONEST.anchored + TOLERANCE + 1).judge();
    assert_eq!(refused, Err("anchored-before-published"));
}

#[test]
fn nothing_is_received_before_a_checkpoint_that_was_anchored_without_it() {
    let at_edge = micros(NOON - TOLERANCE);
    let story = |received_us| Story { received_us, ..HONEST };
    assert!(story(at_edge).judge().is_ok());
    assert_eq!(story(at_edge - 1).judge(), Err("back-dated"));
    // A clock that was set back by an hour.
    assert_eq!(story(HONEST.received_us - micros(3600)).judge(), Err("back-dated"));
}

#[test]
fn a_checkpoint_before_bounds_nothing_unless_its_own_block_bears_out_its_time() {
    let story = |anchored_before| Story { anchored_before, ..HONEST };
    let bound = Some(NOON - TOLERANCE);
    assert_eq!(story(NOON + DELAY).not_before(), bound);
    assert_eq!(story(NOON + DELAY + 1).not_before(), None);
    assert_eq!(story(NOON - TOLERANCE).not_before(), bound);
    assert_eq!(story(NOON - TOLERANCE - 1).not_before(), None);
    // What bounds nothing refuses nothing.
    let back_dated =
        |anchored_before| Story { received_us: 1_770_000_005_000_000, ..story(anchored_before) };
    assert_eq!(back_dated(NOON + DELAY).judge(), Err("back-dated"));
    assert_eq!(back_dated(NOON + DELAY + 1).not_before(), None);
    assert_eq!(back_dated(NOON - TOLERANCE - 1).not_before(), None);
}

#[test]
fn an_anchor_that_came_late_is_said_to_be_late() {
    let story = |anchored| Story { anchored, ..HONEST };
    let at_edge = HONEST.received_us / 1_000_000 + DELAY + TOLERANCE;
    assert!(!story(at_edge).judge().unwrap().late);
    assert!(story(at_edge + 1).judge().unwrap().late);
    // Published and anchored at once, and received long before, by the firm's own word.
    let received = HONEST.received_us / 1_000_000;
    let back_dated = Story { signed: received + DELAY + TOLERANCE, ..story(at_edge + 1) };
    assert!(back_dated.judge().unwrap().late);
    let world = story(at_edge + 1).world();
    let verdict = judge(&world, &world.trusting()).unwrap();
    let late = "anchored late: longer after its receipt than the policy allows";
    assert!(verdict.lines().iter().any(|line| line.contains(late)), "{:?}", verdict.lines());
}

#[test]
fn without_a_signed_time_the_time_of_receipt_says_whether_an_anchor_came_late() {
    let late = |anchored| {
        let mut world = World::founded();
        world.signed_at = NOON;
        let before = world.roll_up();
        world.anchor(before, BASE, NOON + 10);
        world.received_us = Some(HONEST.received_us);
        world.is_published = false;
        world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
        let after = world.roll_up();
        world.anchor(after, BASE, anchored);
        facts(&judge(&world, &world.trusting()).unwrap()).anchored.unwrap().late
    };
    let at_edge = NOON + 100 + DELAY + TOLERANCE;
    assert_eq!([at_edge, at_edge + 1].map(late), [false, true]);
}

#[test]
fn a_checkpoint_without_a_signed_time_bounds_nothing() {
    let mut world = World::founded();
    world.is_published = false;
    let before = world.roll_up();
    world.anchor(before, BASE, NOON + 10);
    world.is_published = true;
    world.received_us = Some(HONEST.received_us);
    world.signed_at = HONEST.signed;
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    let after = world.roll_up();
    world.anchor(after, BASE, HONEST.anchored);
    let verdict = judge(&world, &world.trusting()).unwrap();
    assert_eq!(facts(&verdict).anchored.unwrap().not_before, None);
}

#[test]
fn without_an_anchor_before_there_is_no_lower_bound_and_the_verdict_says_so() {
    let mut world = Story { received_us: micros(START + 5), ..HONEST }.world();
    let policy = world.trusting();
    assert_eq!(judge(&world, &policy).map(|_| ()), Err("back-dated"));
    world.anchors.remove(0);
    let verdict = judge(&world, &policy).unwrap();
    assert_eq!(facts(&verdict).anchored.unwrap().not_before, None);
    assert!(verdict.not_proved.contains(&NotProved::Earliest));
    assert!(!verdict.not_proved.contains(&NotProved::Times));
    let lines = verdict.lines().join("\n");
    assert!(
        lines.contains("no lower bound: no earlier anchored checkpoint is in this file"),
        "{lines}"
    );
    // With a lower bound, it is not said.
    let verdict = judge(&HONEST.world(), &HONEST.world().trusting()).unwrap();
    assert!(!verdict.not_proved.contains(&NotProved::Earliest));
}

#[test]
fn an_entry_that_is_not_anchored_yet_is_bounded_from_below_all_the_same() {
    let story = |received_us| {
        let mut world = Story { received_us, ..HONEST }.world();
        let policy = world.trusting();
        world.anchors.pop();
        judge(&world, &policy)
    };
    assert_eq!(story(micros(NOON - TOLERANCE) - 1).map(|_| ()), Err("back-dated"));
    let verdict = story(micros(NOON - TOLERANCE)).unwrap();
    assert_eq!(facts(&verdict).anchored, None);
    assert!(verdict.not_proved.contains(&NotProved::Times));
    assert!(!verdict.not_proved.contains(&NotProved::Earliest));
}

#[test]
fn of_several_anchors_the_earliest_block_that_is_believed_counts() {
    let mut world = HONEST.world();
    // The same roll-up again, earlier and later than on the first chain.
    for time in [NOON + 115, NOON + 500] {
        world.anchor(1, ETHEREUM, time);
    }
    let all = world.trusting();
    let anchored = |policy: &Policy| facts(&judge(&world, policy).unwrap()).anchored.unwrap();
    let earliest = anchored(&all);
    assert_eq!((earliest.contract, earliest.sequence), (ETHEREUM, 17));
    assert_eq!(earliest.at.seconds(), NOON + 115);
    let mut some = all.clone();
    let block = earliest.block_hash;
    some.chains[0].blocks.retain(|other| *other != block);
    let next = anchored(&some);
    assert_eq!((next.contract, next.at.seconds()), (BASE, NOON + 120));
    some.chains.remove(1);
    let last = anchored(&some);
    assert_eq!((last.contract, last.sequence, last.at.seconds()), (ETHEREUM, 18, NOON + 500));
    // The checkpoint before was anchored on the other chain alone, so nothing bounds from below any more.
    assert_eq!((next.not_before.is_some(), last.not_before), (true, None));
}

#[test]
fn only_blocks_that_are_believed_refuse_anything() {
    let ahead = Story {
        received_us: micros(HONEST.anchored + TOLERANCE + 5),
        signed: HONEST.anchored + 10,
        ..HONEST
    };
    let back_dated = Story { received_us: micros(START + 5), ..HONEST };
    for (story, at, reason) in
        [(ahead, 1, "anchored-before-received"), (back_dated, 0, "back-dated")]
    {
        let world = story.world();
        let mut policy = world.trusting();
        assert_eq!(judge(&world, &policy).map(|_| ()), Err(reason));
        let unbelieved = crate::chain::block_of(&world.anchors[at].1);
        policy.chains[1].blocks.retain(|block| *block != unbelieved);
        assert_eq!(judge(&world, &policy).unwrap().unchecked.len(), 1);
    }
}

#[test]
fn a_clock_that_is_set_back_between_two_anchored_checkpoints_does_not_hide_behind_the_second() {
    let mut world = World::founded();
    let hour = 3600;
    // Honest until noon; then the clock goes an hour back, and a checkpoint with that time is anchored too.
    for (signed, anchored, received) in [
        (NOON, NOON + 10, NOON - hour + 30),
        (NOON - hour + 40, NOON + 50, NOON - hour + 60),
        (NOON - hour + 70, NOON + 80, 0),
    ] {
        world.signed_at = signed;
        let rollup = world.roll_up();
        world.anchor(rollup, BASE, anchored);
        if received > 0 {
            world.received_us = Some(micros(received));
            let number = u8::try_from(world.rollups.len()).unwrap();
            world.submit("main", &[(number, Change::Issued, None)], &issuer_key());
        }
    }
    let policy = world.trusting();
    for document in [1, 2] {
        let verdict = verify(&world.evidence(&[document]), &policy, &[], &Strict);
        assert_eq!(verdict.unwrap_err().reason(), "back-dated", "{document}");
    }
}

#[test]
fn the_tolerance_and_the_delay_are_the_policys() {
    let judge_with = |story: Story, tolerance, delay| {
        let world = story.world();
        let mut policy = world.trusting();
        (policy.time_tolerance_s, policy.max_anchor_delay_s) = (tolerance, delay);
        judge(&world, &policy).map(|verdict| facts(&verdict).anchored.unwrap())
    };
    let back = Story { received_us: micros(NOON - 7), ..HONEST };
    assert_eq!(judge_with(back, 6, DELAY), Err("back-dated"));
    assert!(judge_with(back, 7, DELAY).is_ok());
    // 10 seconds from signing to block, both times.
    let late = |delay| judge_with(HONEST, 0, delay).unwrap();
    let both = |delay| (late(delay).late, late(delay).not_before.is_some());
    // The entry waited twenty seconds for its anchor, the checkpoint before it ten.
    assert_eq!([20, 19].map(both), [(false, true), (true, true)]);
    assert_eq!([10, 9].map(both), [(true, true), (true, false)]);
    // Sums beyond all times do not overflow.
    let most = u64::MAX >> 1;
    assert!(judge_with(HONEST, most, most).is_ok());
    assert!(!judge_with(HONEST, 0, most).unwrap().late);
}

#[test]
fn a_checkpoint_that_covers_an_entry_is_not_signed_before_its_receipt_whichever_proves_it() {
    // The newest checkpoint proves the entry; an older one covers it too, and bears a time from before.
    let mut world = World::founded();
    world.received_us = Some(micros(NOON + 1000));
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    world.signed_at = NOON;
    world.roll_up();
    world.signed_at = NOON + 2000;
    world.submit("main", &[(2, Change::Issued, None)], &issuer_key());
    let refusal = verify(&world.evidence(&[1]), &World::policy(), &[], &Strict).unwrap_err();
    assert_eq!(refusal.reason(), "published-before-received");
}
