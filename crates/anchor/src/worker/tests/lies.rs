//! Nodes that lag, or say what is not so.

use witness_core::evm::Word;

use super::{
    chain::value,
    faults::ends_well,
    world::{Crash, Sight, World},
};
use crate::worker::{Alarm, Halt, Receipt, State};

#[test]
fn a_receipt_of_a_block_that_is_only_promised_is_not_mined() {
    let mut world = World::new();
    world.tick_well();
    let hash = world.written.window[0].sending.as_ref().unwrap().attempts[0].hash;
    world.tick_seeing(|seen| {
        let mut block = seen.latest.as_ref().unwrap().block;
        block.hash = Word([0x77; 32]);
        let anchored = Some((0, value(0)));
        seen.receipts.insert(hash, Some(Receipt { block, index: 0, anchored, cost: 1 }));
    });
    assert_eq!(world.states(), [State::Sent]);
    ends_well(world);
}

#[test]
fn nodes_that_lag_change_nothing() {
    let mut world = World::with_mined(2);
    let before = world.written.clone();
    world.tick(Sight::Stale, Crash::Never);
    assert_eq!(world.written, before);
    world.tick(Sight::Blind, Crash::Never);
    assert_eq!(world.written, before);
    assert!(world.alarms.contains(&Alarm::NoSight));
    ends_well(world);
}

#[test]
fn final_blocks_that_go_back_are_nodes_that_lag_and_finality_waits() {
    let mut world = World::with_mined(2);
    world.chain.finalize();
    world.tick_well();
    assert_eq!(world.evidenced.len(), 2);
    world.tick_seeing(|seen| seen.last_final.as_mut().unwrap().block.number = 100);
    assert!(world.alarms.iter().any(|it| matches!(it, Alarm::FinalWentBack { seen: 100, .. })));
    assert_eq!(world.written.halted, None);
    ends_well(world);
}

#[test]
fn an_entry_that_no_event_shows_is_waited_for() {
    let mut world = World::new();
    world.tick_well();
    world.mine();
    world.tick_seeing(|seen| {
        seen.anchored.clear();
        seen.receipts.clear();
    });
    assert_eq!(world.states(), [State::Sent]);
    assert!(world.alarms.contains(&Alarm::EventMissing { sequence: 0 }));
    ends_well(world);
}

#[test]
fn a_block_that_was_final_and_changes_halts_and_makes_no_evidence() {
    let mut world = World::with_mined(1);
    world.written.window[0].place.as_mut().unwrap().proof = None;
    world.chain.finalize();
    world.tick(Sight::Clear, Crash::BeforeActions);
    world.tick_seeing(|seen| {
        let number = seen.latest.as_ref().unwrap().block.number;
        seen.canonical.insert(number, Word([0x77; 32]));
    });
    assert!(matches!(world.written.halted, Some(Halt::FinalChanged { .. })));
    world.tick_well();
    assert!(world.evidenced.is_empty());
    assert!(matches!(&world.alarms[..], [Alarm::Halted(Halt::FinalChanged { .. })]));
    world.written.resume();
    ends_well(world);
}

#[test]
fn a_contract_that_has_less_or_another_root_than_what_is_final_halts() {
    let mut world = World::with_mined(2);
    world.chain.finalize();
    world.tick_well();
    let mut shrunk = world.clone();
    shrunk.tick_seeing(|seen| seen.last_final.as_mut().unwrap().size = 1);
    assert_eq!(shrunk.written.halted, Some(Halt::Shrunk { held: 2, size: 1 }));
    world.mine();
    world.chain.finalize();
    world.tick_seeing(|seen| seen.last_final.as_mut().unwrap().root = value(9));
    assert!(matches!(world.written.halted, Some(Halt::RootDiffers { size: 3, .. })));
    assert_eq!(world.evidenced.len(), 2, "nothing that such nodes say is evidence");
    world.written.resume();
    ends_well(world);
}

#[test]
fn parts_that_do_not_belong_together_are_waited_out() {
    let mut world = World::new();
    world.tick_well();
    world.mine();
    world.tick_seeing(|seen| {
        seen.latest.as_mut().unwrap().size = 0;
        seen.receipts.clear();
    });
    assert_eq!(world.states(), [State::Sent], "an event of an entry that is not there");
    world.fees = None;
    world.tick_well();
    world.chain.finalize();
    world.tick_seeing(|seen| seen.last_final.as_mut().unwrap().nonce = 0);
    assert_eq!(world.states(), [State::Finalized], "a nonce that could still be used");
    world.tick_well();
    assert_eq!(world.evidenced.len(), 1);
    world.fees = Some(super::world::FEES);
    world.tick_seeing(|seen| seen.latest.as_mut().unwrap().nonce = 0);
    assert_eq!(world.states(), [], "a nonce that was used before");
    assert!(world.alarms.contains(&Alarm::NonceUnsettled { chain: 0, last: 1 }));
    ends_well(world);
}
