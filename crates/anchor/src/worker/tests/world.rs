//! A firm before the model chain: what its nodes show, how its driver takes steps, and what must always hold.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::Address;
use witness_core::{evm::Word, hash::Hash, rollup::Contract, time::Timestamp};

use super::chain::{Chain, Transaction, US, value};
use crate::fees::Bid;
use crate::worker::{
    Action, Alarm, Anchored, At, Attempt, Evidenced, Fees, Limits, Now, Proof, Receipt, Record,
    Seen, State, Step, step,
};

/// Roll-ups that the firm makes.
pub(super) const ROLLUPS: u64 = 3;
pub(super) const FEES: Fees = Fees { bid: Bid { max_fee: 100, tip: 10 }, l1_fee: 5 };

pub(super) fn limits() -> Limits {
    Limits {
        interval: Duration::from_secs(1),
        heartbeat: Duration::from_hours(24 * 365),
        bump_after: Duration::from_mins(1),
        bump_after_blocks: 1,
        ..Limits::layer2(1_000_000_000, 1_000_000_000, 1_000_000_000)
    }
}

pub(super) fn record() -> Record {
    Record::new(Contract { chain: 31_337, address: [0xcc; 20] }, US)
}

/// Where a process ends in the middle of a tick; what comes after is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    Never,
    /// The record of the step is written, and nothing else is done.
    BeforeActions,
    /// A transaction is signed, and the signature is not written.
    BeforeSignatureIsWritten,
    /// A signature is written, and nothing is sent.
    BeforeSending,
}

/// What the nodes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Clear,
    /// They do not agree on the newest block.
    Blind,
    /// They do not show events, nor the newest final block.
    Half,
    /// They show the block before the newest.
    Stale,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) chain: Chain,
    /// What is written, which is all that a restart finds.
    pub(super) written: Record,
    pub(super) evidenced: Vec<Evidenced>,
    pub(super) alarms: Vec<Alarm>,
    pub(super) now: u64,
    pub(super) account: Address,
    pub(super) balance: u128,
    pub(super) fees: Option<Fees>,
    pub(super) limits: Limits,
    /// Every payload that was signed and written, by nonce.
    pub(super) signed: BTreeMap<u64, (u64, Hash)>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            chain: Chain::new(),
            written: record(),
            evidenced: vec![],
            alarms: vec![],
            now: 2_000,
            account: US,
            balance: 1_000_000_000_000,
            fees: Some(FEES),
            limits: limits(),
            signed: BTreeMap::new(),
        }
    }

    pub(super) fn at(&self, index: usize) -> At {
        let it = &self.chain.blocks[index];
        At {
            block: it.block,
            size: it.size(),
            root: it.root(),
            committer: it.committer,
            successor: Address::ZERO,
            nonce: it.nonce,
            balance: self.balance,
        }
    }

    /// The newest roll-up: one that nothing is signed for yet, while there is one.
    fn newest(&self) -> u64 {
        let begun = self.written.window.iter().filter(|it| it.state() != State::Planned);
        let begun = begun.map(|it| it.rollup).chain(self.evidenced.iter().map(|it| it.rollup));
        begun.max().map_or(0, |rollup| rollup + 1).min(ROLLUPS - 1)
    }

    /// What another worker with our data would anchor under a sequence.
    pub(super) fn rollup_for(&self, sequence: u64) -> u64 {
        let entry = self.written.entry(sequence).filter(|it| it.state() != State::Planned);
        entry.map_or(self.newest(), |it| it.rollup)
    }

    pub(super) fn see(&self, sight: Sight) -> Seen {
        let tip = self.chain.blocks.len() - 1;
        let tip = if sight == Sight::Stale { tip.saturating_sub(1) } else { tip };
        let blocks = &self.chain.blocks[..=tip];
        let mut seen = Seen {
            account: self.account,
            latest: (sight != Sight::Blind).then(|| self.at(tip)),
            last_final: (sight != Sight::Half).then(|| self.at(self.chain.last_final.min(tip))),
            fees: self.fees,
            anchored: BTreeMap::new(),
            receipts: BTreeMap::new(),
            canonical: blocks.iter().map(|it| (it.block.number, it.block.hash)).collect(),
            newest: Some((self.newest(), value(self.newest()))),
        };
        let attempts = self.written.window.iter().filter_map(|it| it.sending.as_ref());
        let mut hashes: Vec<Word> =
            attempts.flat_map(|it| &it.attempts).map(|it| it.hash).collect();
        if sight != Sight::Half && sight != Sight::Blind {
            for (sequence, it) in (0..).zip(&blocks[tip].entries) {
                let (value, transaction, block) = (it.value, it.transaction, it.block);
                let rollup = (0..ROLLUPS).find(|rollup| self::value(*rollup) == value);
                let event = Anchored { value, rollup, transaction, index: it.index, block };
                seen.anchored.insert(sequence, event);
                hashes.push(transaction);
            }
        }
        for hash in hashes {
            let found = blocks.iter().find_map(|it| {
                let mut included = (0..).zip(&it.included);
                Some((it.block, included.find(|(_, it)| it.transaction.hash == hash)?))
            });
            let receipt = found.map(|(block, (index, it))| Receipt {
                block,
                index,
                anchored: it.transaction.commit.filter(|_| it.is_good),
                cost: 1_000,
            });
            seen.receipts.insert(hash, receipt);
        }
        seen
    }

    /// What the driver does in one tick.
    pub(super) fn tick(&mut self, sight: Sight, crash: Crash) {
        let seen = self.see(sight);
        self.act(&seen, crash);
    }

    /// The same for something seen that a test has made.
    pub(super) fn act(&mut self, seen: &Seen, crash: Crash) {
        let mut again = true;
        while again {
            again = false;
            let step = self.take(seen);
            if crash == Crash::BeforeActions {
                return;
            }
            for action in step.actions {
                match action {
                    Action::Broadcast(_) if crash == Crash::BeforeSending => return,
                    Action::Broadcast(raws) => self.broadcast(&raws),
                    Action::Sign(_) if crash == Crash::BeforeSignatureIsWritten => return,
                    Action::Sign(sign) => {
                        self.check_sign(&sign, seen);
                        let transaction = Transaction::of(&sign);
                        let attempt = Attempt {
                            raw: transaction.raw.clone(),
                            hash: transaction.hash,
                            bid: sign.bid,
                        };
                        let now = Timestamp::from_seconds(self.now);
                        self.written.add_attempt(&sign, attempt, now).unwrap();
                        again = true;
                    }
                    Action::Capture(it) => {
                        let block = it.block;
                        if self.chain.blocks.iter().any(|it| it.block == block) {
                            self.written.add_proof(it.sequence, Proof::unchecked(block));
                        }
                    }
                }
            }
        }
    }

    fn take(&mut self, seen: &Seen) -> Step {
        let now = Now { at: Timestamp::from_seconds(self.now), jitter: Duration::ZERO };
        let step = step(&self.written, seen, now, &self.limits);
        self.written = step.record.clone();
        self.evidenced.extend(step.evidenced.iter().cloned());
        self.alarms.clone_from(&step.alarms);
        self.check();
        step
    }

    fn broadcast(&mut self, raws: &[alloy_primitives::Bytes]) {
        let sendings = self
            .written
            .window
            .iter()
            .filter_map(|it| Some((it.sending.as_ref()?, it.sequence, it.value)));
        let mut known = Vec::new();
        for (sending, sequence, value) in sendings {
            assert!(sending.first_sent_at.is_some());
            known.extend(sending.attempts.iter().map(|it| {
                let commit = Some((sequence, value));
                Transaction::new(sending.nonce, commit, it.bid.max_fee, 0)
            }));
        }
        for raw in raws {
            let written = known.iter().find(|it| it.raw == *raw);
            self.chain.send(written.expect("only what is written is sent"));
        }
    }

    /// A tick that nothing disturbs, a minute later.
    pub(super) fn tick_well(&mut self) {
        self.now += 61;
        self.tick(Sight::Clear, Crash::Never);
    }

    /// A tick that sees something else than what is.
    pub(super) fn tick_seeing(&mut self, alter: impl FnOnce(&mut Seen)) {
        self.now += 61;
        let mut seen = self.see(Sight::Clear);
        alter(&mut seen);
        self.act(&seen, Crash::Never);
    }

    /// A block with all that waits.
    pub(super) fn mine(&mut self) {
        self.chain.mine(self.chain.best());
    }

    /// The state of each entry of the window.
    pub(super) fn states(&self) -> Vec<State> {
        self.written.window.iter().map(crate::worker::Entry::state).collect()
    }

    /// A world with so many anchors that are mined, and not final.
    pub(super) fn with_mined(anchors: usize) -> Self {
        let mut world = Self::new();
        for _ in 0..anchors {
            world.tick_well();
            world.mine();
        }
        // A last look, which plans nothing.
        world.fees = None;
        world.tick_well();
        world.fees = Some(FEES);
        assert_eq!(world.states(), vec![State::Mined; anchors]);
        world
    }

    /// A tick and a block that nothing disturbs.
    pub(super) fn calm_down(&mut self) {
        self.now += 61;
        self.tick(Sight::Clear, Crash::Never);
        self.chain.mine(self.chain.best());
        self.chain.finalize();
    }

    pub(super) fn is_done(&self) -> bool {
        let last = self.evidenced.last().map(|it| it.rollup);
        self.written.window.is_empty() && last == Some(ROLLUPS - 1)
    }
}
