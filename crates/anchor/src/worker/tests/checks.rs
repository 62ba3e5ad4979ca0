//! What must hold after every step, whatever happened.

use witness_core::{evm::Word, hash::Hash};

use super::{
    chain::{foreign, value},
    world::World,
};
use crate::worker::{Seen, Sign};

impl World {
    /// A nonce has one payload for ever, a sequence one nonce, and one transaction is under way at a time.
    pub(super) fn check_sign(&mut self, sign: &Sign, seen: &Seen) {
        let payload = (sign.sequence, sign.value);
        let before = self.signed.insert(sign.nonce, payload);
        assert!(before.is_none_or(|before| before == payload), "another payload for {sign:?}");
        let nonces = self.signed.iter().filter(|(_, it)| it.0 == sign.sequence).count();
        assert_eq!(nonces, 1, "a second nonce for {sign:?}");
        let latest = seen.latest.as_ref().unwrap();
        assert_eq!((latest.size, latest.nonce), (sign.sequence, sign.nonce), "{sign:?}");
        let before = self.written.window.iter().take_while(|it| it.sequence < sign.sequence);
        assert!(before.into_iter().all(|it| it.place.is_some()), "{sign:?} is not the only one");
    }

    /// What is said to be final is final, and is ours; the mirror is the contract.
    pub(super) fn check(&self) {
        let entries = &self.chain.blocks[self.chain.last_final].entries;
        let is_there = |sequence: u64, hash: Word, value: Hash| {
            let entry = entries.get(usize::try_from(sequence).unwrap());
            entry.is_some_and(|it| it.block.hash == hash && it.value == value)
        };
        for it in &self.evidenced {
            assert!(is_there(it.sequence, it.block.hash, value(it.rollup)), "{it:?} is not final");
        }
        for it in &self.written.window {
            let Some(place) = it.place.as_ref().filter(|place| place.final_at.is_some()) else {
                continue;
            };
            assert!(is_there(it.sequence, place.block.hash, it.value), "{it:?} is not final");
        }
        assert!(self.evidenced.iter().map(|it| it.sequence).eq(0..self.written.mirror.size()));
        let upto =
            self.chain.blocks.iter().rev().find(|it| it.size() == self.written.mirror.size());
        assert_eq!(Some(self.written.mirror.root()), upto.map(|it| it.root()));
        assert!(self.written.window.iter().all(|it| it.value != foreign()));
    }
}
