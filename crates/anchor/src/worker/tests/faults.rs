//! What goes wrong with a chain, one fault at a time.

use super::{
    chain::{Transaction, value},
    world::{Crash, Sight, World},
};
use crate::worker::{Alarm, State};

pub(super) fn ends_well(mut world: World) {
    for _ in 0..10 {
        world.calm_down();
    }
    assert!(world.is_done(), "{:#?}", world.written);
    assert_eq!(world.written.halted, None);
}

#[test]
fn an_undisturbed_roll_up_is_signed_sent_mined_final_and_evidenced() {
    let mut world = World::new();
    world.tick(Sight::Clear, Crash::BeforeActions);
    assert_eq!(world.states(), [State::Planned]);
    world.tick(Sight::Clear, Crash::BeforeSending);
    assert_eq!(world.states(), [State::Sent], "to be sent, as it is written");
    world.tick(Sight::Clear, Crash::Never);
    world.mine();
    world.fees = None;
    world.tick_well();
    assert_eq!(world.states(), [State::Mined]);
    assert!(world.written.window[0].place.as_ref().unwrap().proof.is_some());
    world.chain.finalize();
    world.tick_well();
    assert_eq!((world.states(), world.evidenced.len()), (vec![], 1));
    assert_eq!((world.evidenced[0].rollup, world.evidenced[0].sequence), (0, 0));
    assert_eq!(world.evidenced[0].block.hash, world.chain.tip().block.hash);
    world.fees = Some(super::world::FEES);
    ends_well(world);
}

#[test]
fn two_workers_with_one_key_make_one_entry_and_both_know_it() {
    let (mut first, mut second) = (World::new(), World::new());
    first.tick_well();
    second.tick_well();
    assert_eq!(first.chain.sent, second.chain.sent, "the same bytes");
    second.mine();
    first.chain = second.chain.clone();
    first.tick_well();
    second.tick_well();
    for world in [first, second] {
        assert_eq!(world.chain.tip().entries.len(), 1);
        assert_eq!(world.states()[0], State::Mined);
        ends_well(world);
    }
}

#[test]
fn the_transaction_of_a_second_worker_is_adopted_and_ours_never_becomes_another() {
    let mut world = World::new();
    world.tick_well();
    let theirs = Transaction::new(0, Some((0, value(0))), 1_000, 1);
    world.chain.mine(vec![theirs.clone()]);
    world.tick_well();
    let entry = &world.written.window[0];
    assert_eq!(entry.place.as_ref().unwrap().transaction, theirs.hash);
    assert!(!entry.is_sent_by_us());
    ends_well(world);
}

#[test]
fn a_crash_between_journal_and_send_uses_no_second_nonce() {
    for crash in [Crash::BeforeActions, Crash::BeforeSignatureIsWritten, Crash::BeforeSending] {
        let mut world = World::new();
        for _ in 0..3 {
            world.tick(Sight::Clear, crash);
        }
        world.tick_well();
        let nonces: Vec<u64> = world.chain.sent.iter().map(|it| it.nonce).collect();
        assert!(nonces.iter().all(|nonce| *nonce == 0), "{crash:?}: {nonces:?}");
        assert!(!nonces.is_empty());
        ends_well(world);
    }
}

#[test]
fn what_pools_forget_is_sent_again_byte_for_byte() {
    let mut world = World::new();
    world.tick_well();
    let sent = world.chain.sent.clone();
    world.chain.pool.clear();
    world.tick(Sight::Clear, Crash::Never);
    assert_eq!(world.chain.pool, sent);
    ends_well(world);
}

#[test]
fn an_older_attempt_that_is_mined_is_found_by_its_hash_alone() {
    let mut world = World::new();
    for _ in 0..3 {
        world.tick_well();
        world.chain.mine(vec![]);
    }
    let sending = world.written.window[0].sending.clone().unwrap();
    assert_eq!(sending.attempts.len(), 3);
    world.chain.mine(world.chain.oldest());
    // No events, only receipts.
    world.tick_seeing(|seen| seen.anchored.clear());
    let place = world.written.window[0].place.clone().unwrap();
    assert_eq!(place.transaction, sending.attempts[0].hash);
    ends_well(world);
}

#[test]
fn a_rollback_between_two_looks_is_never_final_and_captured_anew() {
    let mut world = World::with_mined(2);
    let old = world.written.window.clone();
    // Both blocks go, and the chain passes their heights without our transactions.
    world.chain.take_back();
    world.chain.take_back();
    for _ in 0..4 {
        world.chain.mine(vec![]);
    }
    world.chain.finalize();
    world.tick(Sight::Clear, Crash::Never);
    assert_eq!(world.states(), [State::Sent, State::Sent], "nothing of it is final");
    assert!(world.evidenced.is_empty());
    let order: Vec<u64> = world.chain.pool.iter().map(|it| it.nonce).collect();
    assert_eq!(order, [0, 1], "in the order of their nonces");
    world.mine();
    world.fees = None;
    world.tick_well();
    for (old, new) in old.iter().zip(&world.written.window) {
        let (old, new) = (old.place.as_ref().unwrap(), new.place.as_ref().unwrap());
        assert_ne!(old.block, new.block);
        assert_eq!(*new.proof.as_ref().unwrap().block(), new.block);
    }
    world.fees = Some(super::world::FEES);
    ends_well(world);
}

#[test]
fn a_rollback_that_nothing_follows_sends_again_without_giving_up_the_place() {
    let mut world = World::with_mined(2);
    world.chain.take_back();
    world.chain.take_back();
    world.tick(Sight::Clear, Crash::Never);
    assert_eq!(world.states(), [State::Mined, State::Mined], "a node that lags looks the same");
    assert_eq!(world.chain.pool.len(), 2);
    ends_well(world);
}

#[test]
fn where_finality_stalls_entries_stay_mined_and_an_alarm_is_raised() {
    let mut world = World::with_mined(1);
    for _ in 0..200 {
        world.chain.mine(vec![]);
    }
    world.now += 3 * 3600;
    world.tick_well();
    assert_eq!(world.states()[0], State::Mined);
    assert!(world.alarms.iter().any(|it| matches!(it, Alarm::FinalityStalls { sequence: 0, .. })));
    // Nodes call it final, and do not agree on the block.
    world.chain.finalize();
    world.tick_seeing(|seen| seen.canonical.clear());
    assert_eq!(world.states()[0], State::Mined);
    assert_eq!(world.written.halted, None);
    ends_well(world);
}

#[test]
fn a_final_entry_waits_for_its_proof() {
    let mut world = World::with_mined(1);
    world.written.window[0].place.as_mut().unwrap().proof = None;
    world.chain.finalize();
    world.tick(Sight::Clear, Crash::BeforeActions);
    assert_eq!(world.states()[0], State::Finalized);
    world.now += 600;
    world.tick(Sight::Clear, Crash::BeforeActions);
    assert!(world.alarms.contains(&Alarm::NotProved { sequence: 0 }));
    ends_well(world);
}

#[test]
fn an_empty_record_before_a_contract_with_our_roll_ups_adopts_them() {
    let mut world = World::with_mined(2);
    world.chain.finalize();
    world.written = super::world::record();
    world.signed.clear();
    world.tick_seeing(|seen| seen.newest = Some((1, value(1))));
    assert_eq!(world.states(), [State::Finalized, State::Finalized]);
    assert_eq!((world.written.nonces.next, world.written.nonces.adrift), (2, true));
    ends_well(world);
}
