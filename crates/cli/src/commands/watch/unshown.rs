//! Entries that a contract holds and the firm does not show: the anchors of roll-ups of its own that are final only
//! just now, or what it hides.

use anyhow::Result;
use witness_core::{rollup::Contract, time::Timestamp};

use super::{
    anchors::Sight,
    listing::Listed,
    on_chain::{Head, OnChain},
};
use crate::outcome::Failure;

/// Most entries of one look.
const ENTRIES_MAX: u64 = 100;
/// Blocks that are looked through for an entry: on a chain with a block every two seconds more than four days.
const BLOCKS_MAX: u64 = 200_000;

/// Counts the entries of the contract after the newest one that the firm shows: each must be a roll-up of the firm,
/// and none older than an anchor may be late.
pub(super) fn count_unshown(
    on_chain: &dyn OnChain,
    sight: &mut Sight<'_, '_>,
    contract: &Contract,
    newest: Option<Listed>,
) -> Result<u64> {
    let shown = newest.map_or(0, |newest| newest.sequence + 1);
    let head = on_chain.head()?;
    if head.entries < shown {
        let message = format!(
            "{contract} is said to have {} entries, though {shown} were seen in blocks that are final",
            head.entries
        );
        return Err(Failure::cannot_tell(message)
            .next("ask other nodes: these are wrong, or lie")
            .into());
    }
    let first_block = newest.map_or(0, |newest| newest.block);
    let first_block = first_block.max(head.block.saturating_sub(BLOCKS_MAX));
    for sequence in shown..head.entries.min(shown + ENTRIES_MAX) {
        let place = Place { contract, shown, sequence, first_block };
        place.check(on_chain, sight, &head)?;
    }
    Ok(head.entries - shown)
}

/// An entry that is not shown, and where it may be.
struct Place<'a> {
    contract: &'a Contract,
    shown: u64,
    sequence: u64,
    first_block: u64,
}

impl Place<'_> {
    fn check(&self, on_chain: &dyn OnChain, sight: &mut Sight<'_, '_>, head: &Head) -> Result<()> {
        let Self { contract, sequence, .. } = self;
        let Some(entry) = on_chain.entry(*sequence, self.first_block..=head.block)? else {
            return Err(self.not_found(sight, head).into());
        };
        let rollup = sight.ask_rollups(|rollups| rollups.values().sequence_of(&entry.value))?;
        let block = entry.block;
        let Some(rollup) = rollup else {
            if sight.rollups.are_behind() {
                let message =
                    format!("whose value entry {sequence} of {contract} is, is not known yet");
                return Err(Failure::cannot_tell(message).next("look again: it goes on").into());
            }
            let message = format!(
                "the chain holds an entry that is no roll-up of this firm: the firm hides one or has rewritten its \
                 roll-ups, or somebody else has its committer key (entry {sequence} of {contract}, in block {block})"
            );
            return Err(Failure::refused(message)
                .next("show it to others, and ask the firm which roll-up that is")
                .into());
        };
        let Some(final_block) = on_chain.final_block(block)? else {
            let message = format!("block {block} was final, and is not any more");
            return Err(Failure::cannot_tell(message).next("ask other nodes").into());
        };
        if sight.is_overdue(final_block.time) {
            let time = Timestamp::from_seconds(final_block.time);
            let message = format!(
                "THE FIRM HIDES AN ANCHOR: entry {sequence} of {contract} holds its roll-up {rollup} since {time}, in \
                 block {block}, and is not shown"
            );
            return Err(Failure::refused(message)
                .next("ask the firm why it does not show it")
                .into());
        }
        Ok(())
    }

    fn not_found(&self, sight: &Sight<'_, '_>, head: &Head) -> Failure {
        let Self { contract, shown, sequence, first_block } = self;
        let time = Timestamp::from_seconds(head.last_time);
        if sight.is_overdue(head.last_time) {
            let entries = head.entries;
            let message = format!(
                "THE FIRM HIDES ANCHORS: {contract} holds {entries} entries, the newest since {time}, and the firm shows \
                 {shown}"
            );
            return Failure::refused(message).next("ask the firm why it does not show them");
        }
        let message = format!(
            "entry {sequence} of {contract} is not shown, and not found from block {first_block} on"
        );
        Failure::cannot_tell(message).next("give nodes that keep older events, or look again later")
    }
}
