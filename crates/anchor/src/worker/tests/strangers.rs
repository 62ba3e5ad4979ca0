//! Somebody else with our key, another key, and the end of the log.

use alloy_primitives::Address;

use super::{
    chain::{OTHER, Transaction, US, foreign},
    world::{Crash, Sight, World},
};
use crate::worker::{Alarm, Halt, State};

#[test]
fn a_commit_that_is_not_ours_halts_whether_one_of_ours_is_under_way_or_not() {
    for is_under_way in [true, false] {
        let mut world = World::new();
        if is_under_way {
            world.tick_well();
        }
        world.chain.mine(vec![Transaction::new(0, Some((0, foreign())), 1_000, 1)]);
        world.tick_well();
        let halt = world.written.halted.clone().unwrap();
        assert!(matches!(halt, Halt::ForeignCommit { sequence: 0, .. }), "{halt}");
        let sent = world.chain.sent.len();
        world.tick_well();
        assert_eq!(world.chain.sent.len(), sent, "nothing is sent any more");
        assert!(matches!(&world.alarms[..], [Alarm::Halted(_)]));
        // It is still so when an operator says to go on.
        world.written.resume();
        world.tick_well();
        assert_eq!(world.written.halted, Some(halt));
    }
}

#[test]
fn what_was_mined_before_a_foreign_commit_still_becomes_evidence() {
    let mut world = World::with_mined(1);
    world.chain.mine(vec![Transaction::new(1, Some((1, foreign())), 1_000, 1)]);
    world.tick_well();
    assert!(world.written.halted.is_some());
    world.chain.finalize();
    world.tick_well();
    assert_eq!(world.evidenced.len(), 1);
}

#[test]
fn a_nonce_that_is_not_ours_alarms_and_halts_once_it_is_final() {
    for is_under_way in [true, false] {
        let mut world = World::with_mined(1);
        world.fees = is_under_way.then_some(super::world::FEES);
        world.tick_well();
        world.chain.mine(vec![Transaction::new(1, None, 1_000, 1)]);
        world.tick_well();
        assert_eq!(world.written.halted, None);
        assert!(world.alarms.contains(&Alarm::NonceTaken { ours: 1, chain: 2 }));
        world.chain.finalize();
        world.tick_well();
        assert_eq!(world.written.halted, Some(Halt::ForeignNonce { ours: 1, chain: 2 }));
        // Looked into: what could not be mined is signed anew.
        world.written.resume();
        world.signed.clear();
        world.fees = Some(super::world::FEES);
        for _ in 0..10 {
            world.calm_down();
        }
        assert!(world.is_done(), "{:#?}", world.written);
    }
}

#[test]
fn a_transaction_that_fails_halts_and_is_signed_anew_only_when_told() {
    let mut world = World::new();
    world.tick_well();
    // Out of gas, say: the nonce is used, and there is no entry.
    let hash = world.written.window[0].sending.as_ref().unwrap().attempts[0].hash;
    world.chain.mine(vec![Transaction::new(0, None, 1, 1)]);
    world.tick_seeing(|seen| {
        let block = seen.latest.as_ref().unwrap().block;
        let receipt = crate::worker::Receipt { block, index: 0, anchored: None, cost: 9 };
        seen.receipts.insert(hash, Some(receipt));
    });
    assert_eq!(world.written.halted, Some(Halt::Reverted { sequence: 0, transaction: hash }));
    let attempts = world.chain.sent.len();
    world.tick_well();
    assert_eq!(world.chain.sent.len(), attempts);
    let spent = |world: &World| {
        let now = witness_core::time::Timestamp::from_seconds(world.now);
        world.written.spent(now, crate::worker::DAY, None)
    };
    let before = spent(&world);
    world.written.resume();
    assert_eq!((world.states(), spent(&world)), (vec![State::Planned], before), "it is paid for");
    world.signed.clear();
    for _ in 0..10 {
        world.calm_down();
    }
    assert!(world.is_done(), "{:#?}", world.written);
}

#[test]
fn a_failed_transaction_before_one_that_is_under_way_takes_no_nonce_of_it() {
    let mut world = World::with_mined(2);
    let hash = world.written.window[0].sending.as_ref().unwrap().attempts[0].hash;
    world.chain.take_back();
    world.chain.take_back();
    world.chain.pool.clear();
    world.chain.mine(vec![Transaction::new(0, None, 1, 1)]);
    world.tick_seeing(|seen| {
        let block = seen.latest.as_ref().unwrap().block;
        let receipt = crate::worker::Receipt { block, index: 0, anchored: None, cost: 9 };
        seen.receipts.insert(hash, Some(receipt));
    });
    assert!(matches!(world.written.halted, Some(Halt::Reverted { sequence: 0, .. })));
    world.written.resume();
    world.tick_well();
    // The later one goes first and fails in its turn, since it does not fit; only then there is a nonce.
    assert_eq!(world.states(), [State::Planned, State::Sent]);
    world.mine();
    world.signed.clear();
    world.tick_well();
    assert_eq!(world.states(), [State::Sent, State::Sent]);
    world.mine();
    world.tick_well();
    assert!(matches!(world.written.halted, Some(Halt::Reverted { sequence: 1, .. })));
    world.written.resume();
    world.signed.clear();
    for _ in 0..10 {
        world.calm_down();
    }
    assert!(world.is_done(), "{:#?}", world.written);
}

#[test]
fn another_committer_stops_and_fails_what_is_under_way_without_a_second_try() {
    let mut world = World::new();
    world.tick_well();
    world.chain.mine_as(vec![], OTHER);
    world.mine();
    assert!(!world.chain.tip().included[0].is_good);
    let before = world.chain.sent.len();
    world.tick_well();
    assert!(world.alarms.contains(&Alarm::NotCommitter { committer: OTHER }));
    assert_eq!((world.written.halted.clone(), world.chain.sent.len()), (None, before));
    assert_eq!(world.states(), [State::Sent]);
    // Given back to the same key, the failed transaction is looked at by a person.
    world.chain.mine_as(vec![], US);
    world.tick_well();
    assert!(matches!(world.written.halted, Some(Halt::Reverted { sequence: 0, .. })));
}

#[test]
fn a_retired_contract_stops_and_what_is_mined_still_becomes_evidence() {
    let mut world = World::with_mined(1);
    let retired = |seen: &mut crate::worker::Seen| {
        for at in [&mut seen.latest, &mut seen.last_final].into_iter().flatten() {
            (at.committer, at.successor) = (Address::ZERO, OTHER);
        }
    };
    world.tick_seeing(retired);
    assert!(world.alarms.contains(&Alarm::Retired { successor: OTHER }));
    assert_eq!(world.written.window.len(), 1, "nothing is planned");
    world.chain.finalize();
    world.tick_seeing(retired);
    assert_eq!(world.evidenced.len(), 1);
}

#[test]
fn a_new_key_takes_over_once_the_old_one_cannot_append_any_more() {
    let mut world = World::with_mined(1);
    world.tick_well();
    assert_eq!(world.states(), [State::Mined, State::Sent]);
    world.chain.pool.clear();
    world.chain.mine_as(vec![], OTHER);
    world.account = OTHER;
    world.tick(Sight::Clear, Crash::Never);
    assert!(world.alarms.contains(&Alarm::KeyChanges));
    assert_eq!(world.written.account, US);
    world.chain.finalize();
    // The model counts nonces of one account: the new one has sent nothing.
    let fresh = |seen: &mut crate::worker::Seen| {
        for at in [&mut seen.latest, &mut seen.last_final].into_iter().flatten() {
            at.nonce = 0;
        }
    };
    world.signed.clear();
    let mut seen = world.see(Sight::Clear);
    fresh(&mut seen);
    world.act(&seen, Crash::BeforeActions);
    assert_eq!((world.evidenced.len(), world.written.account), (1, OTHER));
    assert_eq!(world.states(), [State::Planned]);
    assert_eq!(world.written.nonces.next, 0);
}
