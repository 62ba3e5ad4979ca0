//! What the driver sees in one look: each part by quorum, or not at all.
//!
//! What must hold: the state at a block is read at its number, and counts only if the block still has its hash
//! afterwards; a block that nodes call final is compared with all of them, by number.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use witness_core::{evm::Word, hash::Hash};

use super::{Setup, WorkerError, failed, read};
use crate::{
    contract,
    fees::Bid,
    nodes::{Nodes, NodesError},
    rpc,
    worker::{
        alarm::Alarm,
        journal::Journal,
        record::{Block, Entry, Record},
        seen::{Anchored, At, Fees, Receipt, Seen},
    },
};

/// Most events that one look searches for.
const EVENTS_MAX: u64 = 64;
/// How many of the newest entries that are not final are held against the chain in one look: where one is displaced,
/// so is all that follows.
const PLACES_MAX: usize = 8;
/// About as long as a commit as it is signed.
const COMMIT_BYTES: usize = 192;

/// Someone who looks.
pub(super) struct Sight<'a, J> {
    pub(super) setup: &'a Setup<J>,
    pub(super) record: &'a Record,
}

impl<J: Journal + 'static> Sight<'_, J> {
    /// Looks; what could not be seen is named among the alarms.
    pub(super) async fn look(&self, alarms: &mut Vec<Alarm>) -> Result<Seen, WorkerError> {
        let nodes = &*self.setup.nodes;
        let account = self.setup.wallet.address();
        let latest = noted("looking at the newest block", latest(nodes, account).await, alarms);
        let last_final = last_final(nodes, account, self.setup.first_block).await;
        let last_final = noted("looking at the newest final block", last_final, alarms);
        let fees = noted("looking at fees", self.fees().await, alarms);
        let mut seen = Seen {
            account,
            latest: latest.flatten(),
            last_final: last_final.flatten(),
            fees,
            anchored: BTreeMap::new(),
            receipts: BTreeMap::new(),
            canonical: BTreeMap::new(),
            newest: read(&self.setup.journal, J::newest_rollup).await?,
        };
        if let Some(at) = seen.latest.clone() {
            self.look_for_places(&mut seen, alarms).await;
            self.look_for_receipts(&at, &mut seen, alarms).await;
            if !self.is_over() {
                self.look_for_events(&at, &mut seen, alarms).await?;
            }
            self.confirm_final(&mut seen, alarms).await;
        }
        Ok(seen)
    }

    /// Whether no event changes anything any more: the worker has halted, and no entry waits to be final.
    fn is_over(&self) -> bool {
        let places = self.record.window.iter().filter(|entry| entry.place.is_some());
        self.record.halted.is_some() && places.count() == 0
    }

    async fn fees(&self) -> Result<Fees, NodesError> {
        let nodes = &self.setup.nodes;
        let market = nodes.market().await?;
        let bid = Bid::first(&market, self.setup.limits.tip_wei_min);
        // Beyond all numbers is beyond every limit.
        let bid = bid.unwrap_or(Bid { max_fee: u128::MAX, tip: u128::MAX });
        let attempts = self.record.window.iter().filter_map(|entry| entry.sending.as_ref());
        let signed = attempts.filter_map(|sending| sending.attempts.last()).next_back();
        let like_a_commit = signed.map_or_else(noise, |attempt| attempt.raw.to_vec());
        Ok(Fees { bid, l1_fee: nodes.l1_fee(&like_a_commit).await? })
    }

    /// Whether the blocks in which entries stand are still served under their numbers.
    async fn look_for_places(&self, seen: &mut Seen, alarms: &mut Vec<Alarm>) {
        let last_final = seen.last_final.as_ref().map_or(0, |at| at.block.number);
        let places = self.record.window.iter().filter_map(|entry| entry.place.as_ref());
        let places: BTreeMap<u64, Word> =
            places.map(|place| (place.block.number, place.block.hash)).collect();
        // To be confirmed, with what else is final.
        let final_places = places.iter().filter(|(number, _)| **number <= last_final);
        seen.canonical.extend(final_places);
        let newest = places.keys().rev().take_while(|number| **number > last_final);
        for number in newest.take(PLACES_MAX) {
            let block = self.setup.nodes.block(*number).await;
            let block = noted("comparing a block", block, alarms).flatten();
            seen.canonical.extend(block.map(|block| (*number, Word(block.hash.0))));
        }
    }

    /// A block that is final counts only if all nodes that answer serve the same one under its number.
    async fn confirm_final(&self, seen: &mut Seen, alarms: &mut Vec<Alarm>) {
        let last_final = seen.last_final.as_ref().map_or(0, |at| at.block.number);
        let numbers: Vec<u64> =
            seen.canonical.range(..=last_final).map(|(number, _)| *number).collect();
        for number in numbers {
            seen.canonical.remove(&number);
            let block = self.setup.nodes.final_block(number).await;
            let block = noted("comparing a final block", block, alarms).flatten();
            seen.canonical.extend(block.map(|block| (number, Word(block.hash.0))));
        }
    }

    /// What became of attempts whose nonce is used: any of them may be the one that was mined.
    async fn look_for_receipts(&self, latest: &At, seen: &mut Seen, alarms: &mut Vec<Alarm>) {
        let waiting = self.record.window.iter().filter(|entry| entry.place.is_none());
        let used = waiting.filter_map(|entry| entry.sending.as_ref());
        let used = used.filter(|sending| sending.nonce < latest.nonce);
        for attempt in used.flat_map(|sending| &sending.attempts) {
            self.look_for_receipt(attempt.hash, seen, alarms).await;
        }
    }

    async fn look_for_receipt(&self, hash: Word, seen: &mut Seen, alarms: &mut Vec<Alarm>) {
        let nodes = &self.setup.nodes;
        let found = nodes.receipt(hash.0.into()).await;
        let Some(found) = noted("looking for a receipt", found, alarms) else { return };
        let Some(found) = found else {
            seen.receipts.insert(hash, None);
            return;
        };
        let block = nodes.block(found.block_number).await;
        let block = noted("looking at a block", block, alarms).flatten();
        // Between two answers the chain may have changed: then it is looked at again next time.
        if let Some(block) = block.filter(|block| block.hash == found.block_hash) {
            let block = block_of(&block);
            seen.canonical.insert(block.number, block.hash);
            let receipt = receipt_of(&found, block, nodes.contract());
            seen.receipts.insert(hash, Some(receipt));
        }
    }

    /// The contract's events of entries that are on the chain and in none of our receipts.
    async fn look_for_events(
        &self,
        latest: &At,
        seen: &mut Seen,
        alarms: &mut Vec<Alarm>,
    ) -> Result<(), WorkerError> {
        let first =
            self.record.first_unmined().map_or(self.record.next_sequence(), |it| it.sequence);
        let is_found = |seen: &Seen, sequence: u64| {
            let entry = self.record.entry(sequence);
            let attempts = entry.and_then(|it| it.sending.as_ref()).map(|it| &it.attempts);
            let mut receipts =
                attempts.into_iter().flatten().filter_map(|it| seen.receipts.get(&it.hash));
            let holds = entry.map(|it| (it.sequence, it.value));
            receipts.any(|it| {
                it.as_ref().is_some_and(|it| it.anchored.is_some() && it.anchored == holds)
            })
        };
        let last = latest.size.min(first.saturating_add(EVENTS_MAX));
        for sequence in first..last {
            if is_found(seen, sequence) {
                continue;
            }
            let from = search_from(self.record, self.setup.first_block);
            let found = self.setup.nodes.anchored(sequence, from..=latest.block.number).await;
            let Some(event) = noted("looking for an event", found, alarms).flatten() else {
                return Ok(());
            };
            let hash = Word(event.tx.0);
            self.look_for_receipt(hash, seen, alarms).await;
            let Some(Some(receipt)) = seen.receipts.get(&hash) else { return Ok(()) };
            if receipt.block.hash == Word(event.block_hash.0) {
                let (value, block, index) = (event.rollup, receipt.block, receipt.index);
                let rollup = self.rollup_of(value).await?;
                let transaction = hash;
                seen.anchored
                    .insert(sequence, Anchored { value, rollup, transaction, index, block });
            }
        }
        Ok(())
    }

    async fn rollup_of(&self, value: Hash) -> Result<Option<u64>, WorkerError> {
        read(&self.setup.journal, move |journal| journal.rollup_of(&value)).await
    }
}

/// The block from which events of entries are looked for that are not found yet: they lie above what was found last.
pub(super) fn search_from(record: &Record, first_block: u64) -> u64 {
    let place = |entry: &Entry| entry.place.as_ref().map(|place| place.block.number);
    let placed = record.window.iter().filter_map(place).max();
    let known = placed.or(record.newest_final.map(|block| block.number));
    known.unwrap_or(0).max(first_block)
}

async fn latest(nodes: &Nodes, account: Address) -> Result<Option<At>, NodesError> {
    let block = nodes.latest().await?;
    state_at(nodes, account, block_of(&block)).await
}

async fn last_final(
    nodes: &Nodes,
    account: Address,
    first_block: u64,
) -> Result<Option<At>, NodesError> {
    let last = nodes.finalized().await?;
    // Too early: the contract itself is not final.
    if last.number < first_block {
        return Ok(None);
    }
    let block = Block { number: last.number, hash: Word(last.hash.0), time: last.time };
    state_at(nodes, account, block).await
}

/// The contract and the account at a block; `None` if it was displaced while they were read.
async fn state_at(nodes: &Nodes, account: Address, block: Block) -> Result<Option<At>, NodesError> {
    let at = rpc::At::Number(block.number);
    let state = nodes.state(at).await?;
    let nonce = nodes.transaction_count(account, at).await?;
    let balance = nodes.balance(account, at).await?;
    let after = nodes.block(block.number).await?.map(|block| Word(block.hash.0));
    Ok((after == Some(block.hash)).then(|| At {
        block,
        size: state.size,
        root: state.root,
        committer: state.committer,
        successor: state.successor.unwrap_or_default(),
        nonce,
        balance: balance.saturating_to(),
    }))
}

fn block_of(block: &rpc::Block) -> Block {
    Block { number: block.number, hash: Word(block.hash.0), time: block.time }
}

fn receipt_of(receipt: &rpc::Receipt, block: Block, contract: Address) -> Receipt {
    let entries = receipt.logs.iter().filter_map(|log| contract::entry(log, contract));
    let anchored = entries.map(|entry| (entry.sequence, entry.rollup)).next();
    let anchored = anchored.filter(|_| receipt.is_good);
    let cost = receipt.cost().unwrap_or(u128::MAX);
    Receipt { block, index: receipt.tx_index, anchored, cost }
}

/// Bytes that do not shrink when they are packed, as a signed commit hardly does.
fn noise() -> Vec<u8> {
    let parts = (0_u8..).flat_map(|part| *Hash::of(&[part]).as_bytes());
    parts.take(COMMIT_BYTES).collect()
}

fn noted<T>(what: &'static str, seen: Result<T, NodesError>, alarms: &mut Vec<Alarm>) -> Option<T> {
    seen.map_err(|error| alarms.push(failed(what, &error))).ok()
}
