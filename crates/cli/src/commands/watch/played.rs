//! Anchors that were recorded on a real chain, and that chain, played.

use std::ops::RangeInclusive;

use anyhow::Result;
use serde::Deserialize;
use witness_core::{evm::Word, hash::Hash};

use super::{
    listing::Listed,
    on_chain::{ChainEntry, FinalBlock, Head, OnChain},
};

const RECORDED: &str = include_str!("../../../../core/tests/it/evm/anchors.json");
pub(super) const CONTRACT: &str = "eip155:31337:0x8464135c8f25da09e49bc8782676a84730c318bc";
/// A block of another chain.
const OP: &str = "block-op";
#[derive(Deserialize)]
struct Recorded {
    anchor: String,
    block: String,
    hash: Word,
    number: String,
    rollup: String,
    time: String,
}

/// An anchor as it is listed and served, and the value that it holds.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) line: String,
    pub(super) json: String,
    pub(super) value: Hash,
}

impl Shown {
    pub(super) fn listed(&self) -> Listed {
        Listed::try_from(self.line.clone()).unwrap()
    }
}

/// All entries of one contract from the first on, each of the roll-up of its own number.
pub(super) fn recorded() -> Vec<Shown> {
    let all: Vec<Recorded> = serde_json::from_str(RECORDED).unwrap();
    let of_contract = all.into_iter().filter(|it| it.anchor.contains(CONTRACT) && it.block != OP);
    let shown = |(number, recorded): (u64, Recorded)| {
        let Recorded { anchor, hash, number: block, rollup, time, .. } = recorded;
        let line = format!("{number} {time} {number} {block} {hash}");
        Shown { line, json: anchor, value: Hash::from_hex(&rollup).unwrap() }
    };
    (0..).zip(of_contract).map(shown).collect()
}

/// A chain that is played: entries with their blocks.
#[derive(Debug, Clone)]
pub(super) struct Played {
    pub(super) entries: Vec<(Hash, Listed)>,
    /// Numbers of entries whose events it gives.
    pub(super) events_from: u64,
    pub(super) final_to: u64,
}

impl Played {
    /// As it was recorded, up to its block 6.
    pub(super) fn new() -> Self {
        let entries = recorded().iter().map(|shown| (shown.value, shown.listed())).collect();
        Self { entries, events_from: 0, final_to: 6 }
    }

    /// One more entry, in a block 7.
    pub(super) fn with(value: Hash, time: u64) -> Self {
        let mut chain = Self::new();
        let listed = chain.entries.last().unwrap().1;
        let sequence = listed.sequence + 1;
        let block = Listed { sequence, time, block: 7, hash: Word([7; 32]), ..listed };
        chain.entries.push((value, block));
        Self { final_to: 7, ..chain }
    }
}

impl OnChain for Played {
    fn final_block(&self, number: u64) -> Result<Option<FinalBlock>> {
        let mut blocks = self.entries.iter().filter(|_| number <= self.final_to);
        let found = blocks.find(|(_, listed)| listed.block == number);
        Ok(found.map(|(_, Listed { hash, time, .. })| FinalBlock { hash: *hash, time: *time }))
    }

    fn head(&self) -> Result<Head> {
        let is_final = |(_, listed): &&(Hash, Listed)| listed.block <= self.final_to;
        let entries = u64::try_from(self.entries.iter().filter(is_final).count()).unwrap();
        let last_time = self.entries.last().map_or(0, |(_, listed)| listed.time);
        Ok(Head { entries, last_time, block: self.final_to })
    }

    fn entry(&self, sequence: u64, blocks: RangeInclusive<u64>) -> Result<Option<ChainEntry>> {
        let found = self.entries.iter().find(|(_, listed)| {
            listed.sequence == sequence
                && sequence >= self.events_from
                && blocks.contains(&listed.block)
        });
        Ok(found.map(|(value, listed)| ChainEntry { value: *value, block: listed.block }))
    }
}
