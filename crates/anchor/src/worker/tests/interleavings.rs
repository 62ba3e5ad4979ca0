//! All orders of up to six events, from several beginnings: whatever happens, what must hold holds, and once it is
//! calm every roll-up is evidenced, or the worker has stopped for a reason that did happen.

use std::collections::BTreeSet;

use witness_core::hash::Hash;

use super::{
    chain::{OTHER, Transaction, US, foreign, value},
    world::{Crash, Sight, World},
};
use crate::worker::Halt;

const CALM_TICKS_MAX: usize = 40;

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// The worker ticks, and sees what the nodes show, and may crash.
    Tick(Sight, Crash),
    /// A block with what pays most.
    Mined,
    /// A block with the cheapest attempt that was ever sent.
    OlderMined,
    /// A block without any of our transactions.
    EmptyBlock,
    /// Pools forget everything.
    Dropped,
    /// The newest block is replaced by an empty one.
    Reorganised,
    /// The newest block is taken back, and none takes its place yet.
    RolledBack,
    /// What is newest becomes final.
    Final,
    /// A second worker with our key anchors our next roll-up.
    SecondWorker,
    /// Somebody anchors something else with our key.
    ForeignCommit,
    /// Somebody sends a transfer with our key.
    ForeignNonce,
    /// The cold key sets another committer.
    Rotated,
}

const EVENTS: [Event; 17] = [
    Event::Tick(Sight::Clear, Crash::Never),
    Event::Tick(Sight::Clear, Crash::BeforeActions),
    Event::Tick(Sight::Clear, Crash::BeforeSignatureIsWritten),
    Event::Tick(Sight::Clear, Crash::BeforeSending),
    Event::Tick(Sight::Half, Crash::Never),
    Event::Tick(Sight::Stale, Crash::Never),
    Event::Mined,
    Event::OlderMined,
    Event::EmptyBlock,
    Event::Dropped,
    Event::Reorganised,
    Event::RolledBack,
    Event::Final,
    Event::SecondWorker,
    Event::ForeignCommit,
    Event::ForeignNonce,
    Event::Rotated,
];

/// A world, and which reasons to stop it has seen.
#[derive(Debug, Clone)]
struct Node {
    world: World,
    has_foreign_commit: bool,
    has_foreign_nonce: bool,
    has_second_worker: bool,
    history: Vec<Event>,
}

impl Node {
    fn after(&self, event: Event) -> Self {
        let mut next = self.clone();
        next.history.push(event);
        next.world.now += 61;
        let chain = &mut next.world.chain;
        match event {
            Event::Tick(sight, crash) => next.world.tick(sight, crash),
            Event::Mined => chain.mine(chain.best()),
            Event::OlderMined => chain.mine(chain.oldest()),
            Event::EmptyBlock => chain.mine(vec![]),
            Event::Dropped => chain.pool.clear(),
            Event::Reorganised => {
                if chain.take_back() {
                    chain.mine(vec![]);
                }
            }
            Event::RolledBack => {
                chain.take_back();
            }
            Event::Final => chain.finalize(),
            Event::SecondWorker => {
                let size = chain.tip().size();
                let rollup = next.world.rollup_for(size);
                next.has_second_worker = true;
                next.foreign(Some((size, value(rollup))));
            }
            Event::ForeignCommit => {
                let size = chain.tip().size();
                next.has_foreign_commit = true;
                next.foreign(Some((size, foreign())));
            }
            Event::ForeignNonce => {
                next.has_foreign_nonce = true;
                next.foreign(None);
            }
            Event::Rotated => chain.mine_as(vec![], OTHER),
        }
        next
    }

    fn foreign(&mut self, commit: Option<(u64, Hash)>) {
        let chain = &mut self.world.chain;
        let nonce = chain.tip().nonce;
        chain.mine(vec![Transaction::new(nonce, commit, 1_000_000, 1)]);
        // Where nobody with our key may append any more, only the nonce is used.
        self.has_foreign_nonce |= !chain.tip().included.iter().all(|it| it.is_good);
    }

    /// Two worlds with one key go on alike: times are left out, for whatever waits is due after each event.
    fn key(&self) -> [u8; 32] {
        let reasons = [self.has_foreign_commit, self.has_foreign_nonce, self.has_second_worker];
        let mut key = reasons.map(u8::from).to_vec();
        let (chain, record) = (&self.world.chain, &self.world.written);
        key.push(chain.forks);
        key.extend(chain.last_final.to_be_bytes());
        key.extend(chain.blocks.len().to_be_bytes());
        key.extend(chain.tip().block.hash.0);
        for it in chain.pool.iter().chain(&chain.sent) {
            key.extend(it.hash.0);
        }
        key.extend(chain.pool.len().to_be_bytes());
        key.extend(record.mirror.size().to_be_bytes());
        key.extend(record.mirror.root().as_bytes());
        key.extend(record.nonces.next.to_be_bytes());
        key.push(u8::from(record.nonces.adrift));
        key.push(u8::from(record.halted.is_some()));
        key.extend(record.cadence.value.iter().flat_map(|it| *it.as_bytes()));
        key.extend(record.newest_final.iter().flat_map(|it| it.hash.0));
        for it in &record.window {
            key.extend(it.value.as_bytes());
            key.extend([0xee; 3]);
            if let Some(sending) = &it.sending {
                key.extend(sending.nonce.to_be_bytes());
                key.push(u8::from(sending.first_sent_at.is_some()));
                key.extend(sending.waits_since_block.to_be_bytes());
                key.extend(sending.attempts.iter().flat_map(|it| it.hash.0));
            }
            key.extend([0xff; 3]);
            if let Some(place) = &it.place {
                key.extend(place.block.hash.0);
                key.extend(place.transaction.0);
                key.push(u8::from(place.final_at.is_some()));
                key.push(u8::from(place.proof.is_some()));
            }
        }
        for (nonce, (sequence, value)) in &self.world.signed {
            key.extend(nonce.to_be_bytes());
            key.extend(sequence.to_be_bytes());
            key.extend(value.as_bytes());
        }
        *Hash::of(&key).as_bytes()
    }

    /// Once it is calm, all is evidenced, or there is a reason. Worlds that are known to end well are not followed
    /// again.
    fn check_end(mut self, good: &mut BTreeSet<[u8; 32]>) {
        let mut way = Vec::new();
        for _ in 0..CALM_TICKS_MAX {
            if self.world.is_done() || self.world.written.halted.is_some() {
                break;
            }
            let key = self.key();
            if good.contains(&key) {
                return good.extend(way);
            }
            way.push(key);
            self.world.calm_down();
        }
        good.extend(way);
        let world = &self.world;
        let (is_rotated, history) = (world.chain.tip().committer != US, &self.history);
        match &world.written.halted {
            Some(Halt::ForeignCommit { .. }) if self.has_foreign_commit => {}
            // The other worker went on without us, and stood where we had signed something newer.
            Some(Halt::ForeignCommit { value, .. })
                if self.has_second_worker && *value != foreign() => {}
            // Where a nonce was taken from a commit, the later ones do not fit any more.
            Some(Halt::ForeignNonce { .. } | Halt::Reverted { .. })
                if self.has_foreign_nonce || self.has_foreign_commit => {}
            Some(halt) => panic!("{history:?} halts: {halt}"),
            None if world.is_done() || is_rotated => {}
            None => panic!("{history:?} never ends: {:#?}", self.world.written),
        }
    }
}

fn explore(beginning: &[Event], depth_max: usize) -> usize {
    let world = World::new();
    let node = Node {
        world,
        has_foreign_commit: false,
        has_foreign_nonce: false,
        has_second_worker: false,
        history: vec![],
    };
    let node = beginning.iter().fold(node, |node, event| node.after(*event));
    let (mut known, mut good) = (BTreeSet::from([node.key()]), BTreeSet::new());
    let mut level = vec![node];
    for depth in 0..=depth_max {
        let mut next = Vec::new();
        // A world that was reached in fewer events was followed further already, and a halted one stands still.
        let moving = level.iter().filter(|node| node.world.written.halted.is_none());
        for node in moving.filter(|_| depth < depth_max) {
            let after = EVENTS.into_iter().map(|event| node.after(event));
            next.extend(after.filter(|node| known.insert(node.key())));
        }
        for node in level {
            node.check_end(&mut good);
        }
        level = next;
    }
    known.len()
}

const TICK: Event = Event::Tick(Sight::Clear, Crash::Never);

#[test]
fn every_order_of_six_events_from_the_start_keeps_what_must_hold() {
    let worlds = explore(&[], 6);
    assert!(worlds > 50_000, "{worlds}");
}

#[test]
fn every_order_of_five_events_with_two_anchors_waiting_for_finality_keeps_what_must_hold() {
    let worlds = explore(&[TICK, Event::Mined, TICK, Event::Mined, TICK], 5);
    assert!(worlds > 20_000, "{worlds}");
}

#[test]
fn every_order_of_five_events_with_raised_fees_keeps_what_must_hold() {
    let worlds = explore(&[TICK, Event::EmptyBlock, TICK, Event::EmptyBlock, TICK], 5);
    assert!(worlds > 20_000, "{worlds}");
}
