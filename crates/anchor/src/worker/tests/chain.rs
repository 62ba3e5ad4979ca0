//! A tiny model of a chain with the contract and a pool, so that every order of events can be tried on it.

use std::rc::Rc;

use alloy_primitives::{Address, Bytes};
use witness_core::{
    evm::{Word, entry_leaf},
    hash::Hash,
    merkle::CompactRange,
};

use crate::worker::{Block, Sign};

pub(super) const US: Address = Address::repeat_byte(0x0a);
pub(super) const OTHER: Address = Address::repeat_byte(0x0b);

/// The value of our roll-up with this sequence.
pub(super) fn value(rollup: u64) -> Hash {
    let mut value = *foreign().as_bytes();
    value[..8].copy_from_slice(&rollup.to_be_bytes());
    Hash::new(value)
}

/// A value that is no roll-up of ours.
pub(super) fn foreign() -> Hash {
    Hash::new([0xff; 32])
}

/// A transaction of the account.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) nonce: u64,
    /// What it commits; a mere transfer if nothing.
    pub(super) commit: Option<(u64, Hash)>,
    pub(super) fee: u128,
    pub(super) raw: Bytes,
    pub(super) hash: Word,
}

impl Transaction {
    /// The mark tells transactions of others from ours.
    pub(super) fn new(nonce: u64, commit: Option<(u64, Hash)>, fee: u128, mark: u8) -> Rc<Self> {
        let mut raw = vec![mark];
        raw.extend(nonce.to_be_bytes());
        raw.extend(fee.to_be_bytes());
        if let Some((sequence, value)) = &commit {
            raw.extend(sequence.to_be_bytes());
            raw.extend(value.as_bytes());
        }
        let hash = Word(*Hash::of(&raw).as_bytes());
        Rc::new(Self { nonce, commit, fee, raw: raw.into(), hash })
    }

    pub(super) fn of(sign: &Sign) -> Rc<Self> {
        Self::new(sign.nonce, Some((sign.sequence, sign.value)), sign.bid.max_fee, 0)
    }
}

/// A transaction in a block.
#[derive(Debug)]
pub(super) struct Included {
    pub(super) transaction: Rc<Transaction>,
    pub(super) is_good: bool,
}

/// A block, with the state after it.
#[derive(Debug)]
pub(super) struct ModelBlock {
    pub(super) block: Block,
    pub(super) included: Vec<Included>,
    pub(super) committer: Address,
    /// Transactions of the account.
    pub(super) nonce: u64,
    /// Entries of the contract.
    pub(super) entries: Vec<Rc<ModelEntry>>,
    range: CompactRange,
}

impl ModelBlock {
    pub(super) fn size(&self) -> u64 {
        self.range.size().0
    }

    pub(super) fn root(&self) -> Hash {
        self.range.root()
    }
}

/// An entry of the contract.
#[derive(Debug)]
pub(super) struct ModelEntry {
    pub(super) value: Hash,
    pub(super) block: Block,
    pub(super) transaction: Word,
    pub(super) index: u64,
}

/// The chain, its pool, and all that was ever sent to it.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) blocks: Vec<Rc<ModelBlock>>,
    pub(super) pool: Vec<Rc<Transaction>>,
    pub(super) sent: Vec<Rc<Transaction>>,
    /// Index of the newest final block.
    pub(super) last_final: usize,
    /// How often blocks were taken back, so that a block that is made anew has another hash.
    pub(super) forks: u8,
}

impl Chain {
    pub(super) fn new() -> Self {
        let block = Block { number: 100, hash: Word([0x11; 32]), time: 1_000 };
        let (included, entries, range) = (vec![], vec![], CompactRange::default());
        let genesis = ModelBlock { block, included, committer: US, nonce: 0, entries, range };
        let blocks = vec![Rc::new(genesis)];
        Self { blocks, pool: vec![], sent: vec![], last_final: 0, forks: 0 }
    }

    pub(super) fn tip(&self) -> &ModelBlock {
        self.blocks.last().unwrap()
    }

    pub(super) fn finalize(&mut self) {
        self.last_final = self.blocks.len() - 1;
    }

    pub(super) fn send(&mut self, transaction: &Rc<Transaction>) {
        if !self.sent.contains(transaction) {
            self.sent.push(transaction.clone());
        }
        if transaction.nonce >= self.tip().nonce && !self.pool.contains(transaction) {
            self.pool.push(transaction.clone());
        }
    }

    /// A block of these transactions, as far as their nonces fit.
    pub(super) fn mine(&mut self, transactions: Vec<Rc<Transaction>>) {
        let committer = self.tip().committer;
        self.mine_as(transactions, committer);
    }

    /// The same, with another committer after it.
    pub(super) fn mine_as(&mut self, transactions: Vec<Rc<Transaction>>, committer: Address) {
        let parent = self.tip();
        let (mut nonce, mut preimage) = (parent.nonce, parent.block.hash.0.to_vec());
        let transactions: Vec<_> = transactions
            .into_iter()
            .filter(|it| {
                let fits = it.nonce == nonce;
                nonce += u64::from(fits);
                fits
            })
            .collect();
        preimage.push(self.forks);
        preimage.extend(committer);
        preimage.extend(transactions.iter().flat_map(|it| it.hash.0));
        let (number, time) = (parent.block.number + 1, parent.block.time + 12);
        let block = Block { number, hash: Word(*Hash::of(&preimage).as_bytes()), time };
        let (mut entries, mut range) = (parent.entries.clone(), parent.range.clone());
        let mut included = Vec::new();
        for (index, transaction) in (0..).zip(transactions) {
            let is_good = transaction
                .commit
                .is_none_or(|(sequence, _)| sequence == range.size().0 && parent.committer == US);
            if let (Some((sequence, value)), true) = (transaction.commit, is_good) {
                range.push(entry_leaf(sequence, time, &value));
                let transaction = transaction.hash;
                entries.push(Rc::new(ModelEntry { value, block, transaction, index }));
            }
            included.push(Included { transaction, is_good });
        }
        self.blocks.push(Rc::new(ModelBlock { block, included, committer, nonce, entries, range }));
        self.pool.retain(|it| it.nonce >= nonce);
    }

    /// What a block builder takes: of each nonce the one that pays most.
    pub(super) fn best(&self) -> Vec<Rc<Transaction>> {
        let mut best = self.pool.clone();
        best.sort_by_key(|it| (it.nonce, u128::MAX - it.fee));
        best.dedup_by_key(|it| it.nonce);
        best
    }

    /// The cheapest attempt that was ever sent with the next nonce, though the pool may have forgotten it.
    pub(super) fn oldest(&self) -> Vec<Rc<Transaction>> {
        let next = self.tip().nonce;
        let fitting = self.sent.iter().filter(|it| it.nonce == next);
        fitting.min_by_key(|it| it.fee).cloned().into_iter().collect()
    }

    /// Takes the newest block back, unless it is final; what was in it is in no pool.
    pub(super) fn take_back(&mut self) -> bool {
        if self.blocks.len() - 1 == self.last_final {
            return false;
        }
        self.blocks.pop();
        self.forks += 1;
        true
    }
}
