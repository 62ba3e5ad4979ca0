//! A deployed contract, and what its parties do with it.

use witness_anchor::{
    alloy::{Address, B256, Bytes, SolCall, SolEvent as _, U48, U256},
    contract::{WitnessAnchorLog as Contract, deployment},
};
use witness_core::hash::Hash;
use witness_tests::{Anvil, Mined};

/// What a commit may cost at most: the fixed limit of the committer.
pub(super) const COMMIT_GAS: u64 = 130_000;
pub(super) const DEPLOY_GAS: u64 = 2_000_000;

/// A number as the contract takes it.
pub(super) fn seq(number: u64) -> U48 {
    U48::from(number)
}

/// A roll-up of one's own.
pub(super) fn rollup(number: u64) -> B256 {
    B256::from(*Hash::of(format!("roll-up {number}").as_bytes()).as_bytes())
}

fn word(hash: &Hash) -> B256 {
    B256::from(*hash.as_bytes())
}

fn words(path: &[Hash]) -> Vec<B256> {
    path.iter().map(word).collect()
}

/// The contract with its parties: owner, committer, and two others.
pub(super) struct AnchorLog<'a> {
    anvil: &'a Anvil,
    pub(super) address: Address,
    pub(super) parties: [Address; 4],
    pub(super) deploy_gas: u64,
}

impl<'a> AnchorLog<'a> {
    pub(super) fn deploy(anvil: &'a Anvil) -> Self {
        let parties: [Address; 4] = anvil.accounts()[..4].try_into().unwrap();
        let code = deployment(parties[0], parties[1], B256::repeat_byte(0x77));
        let mined = anvil.send(parties[0], None, &code, DEPLOY_GAS);
        assert!(mined.is_good);
        Self { anvil, address: mined.contract.unwrap(), parties, deploy_gas: mined.gas }
    }

    fn send(&self, from: Address, call: &impl SolCall) -> Mined {
        self.anvil.send(from, Some(self.address), &call.abi_encode(), COMMIT_GAS)
    }

    fn ask<C: SolCall>(&self, call: &C) -> C::Return {
        let returned = self.anvil.call(self.parties[2], self.address, &call.abi_encode()).unwrap();
        C::abi_decode_returns(&returned).unwrap()
    }

    /// A transaction that must do what it says.
    pub(super) fn does(&self, from: Address, call: &impl SolCall) {
        assert!(self.send(from, call).is_good);
    }

    /// A transaction that must be refused, and changes nothing; the error.
    pub(super) fn reverts(&self, from: Address, call: &impl SolCall) -> Bytes {
        let error = self.anvil.call(from, self.address, &call.abi_encode()).unwrap_err();
        assert!(!self.send(from, call).is_good);
        error
    }

    /// Appends a roll-up: the leaf hash that the event names.
    pub(super) fn commit(&self, number: u64, rollup: B256) -> Option<Hash> {
        let mined = self.send(self.parties[1], &Contract::commitCall { seq: seq(number), rollup });
        let [(topics, data)] = mined.logs.as_slice() else { return None };
        let topics = topics.iter().map(|topic| B256::from_slice(topic));
        let event = Contract::Anchored::decode_raw_log(topics, data).unwrap();
        assert_eq!((event.seq, event.rollup), (seq(number), rollup));
        Some(Hash::new(event.leafHash.0))
    }

    pub(super) fn commit_gas(&self, number: u64) -> u64 {
        let call = Contract::commitCall { seq: seq(number), rollup: rollup(number) };
        let mined = self.send(self.parties[1], &call);
        assert!(mined.is_good);
        mined.gas
    }

    /// Size, time of the newest entry, root.
    pub(super) fn head(&self) -> (u64, u64, Hash) {
        let head = self.ask(&Contract::headCall {});
        assert_eq!(head.root_, self.ask(&Contract::rootCall {}));
        (head.size.to(), head.lastTime.to(), Hash::new(head.root_.0))
    }

    pub(super) fn verifies(
        &self,
        (leaf, index, size): (&Hash, usize, usize),
        root: &Hash,
        path: &[Hash],
    ) -> bool {
        self.ask(&Contract::verifyInclusionCall {
            leaf: word(leaf),
            index: U256::from(index),
            size: U256::from(size),
            root_: word(root),
            proof: words(path),
        })
    }

    pub(super) fn is_anchored(&self, number: u64, time: u64, rollup: B256, path: &[Hash]) -> bool {
        self.ask(&Contract::verifyAnchoredCall { seq: number, time, rollup, proof: words(path) })
    }
}
