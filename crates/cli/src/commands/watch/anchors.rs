//! Following the anchors of the firm's roll-ups: each proves that its contract holds the value of a roll-up that was
//! verified, and nothing is on the chain that the firm does not show.
//!
//! What must hold: an anchor counts as seen on the chain only if somebody outside the firm knows its block.

use anyhow::Result;
use indicatif::ProgressBar;
use witness_core::{
    evm::{ANCHOR_BYTES_MAX, Anchor, AnchorError},
    hash::Hash,
    policy::{Policy, TrustedChain},
    rollup::Contract,
    time::Timestamp,
};

use super::{
    follow::Follower,
    listing::{Listed, read_anchors},
    on_chain::{Chains, OnChain},
    rollups::RollUps,
    state::AnchorsState,
    unshown::count_unshown,
};
use crate::{
    http::PublicFiles,
    outcome::{Failure, Outcome},
};

/// Most anchors on one contract in one look.
const ANCHORS_MAX: u64 = 100_000;
const PAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Follows the anchors of a firm.
#[derive(Debug)]
pub(super) struct Anchors<'a> {
    files: &'a PublicFiles,
    /// The contracts that the policy names.
    trusted: &'a [TrustedChain],
}

/// What a look needs of the rest.
#[derive(Debug)]
pub(super) struct Sight<'l, 'a> {
    pub(super) follower: &'l mut Follower<'a>,
    pub(super) rollups: &'l mut RollUps<'a>,
    pub(super) now: Timestamp,
}

/// How the anchors on a contract stand, as far as they were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchored {
    /// The contract.
    pub(super) contract: Contract,
    /// Which anchors were verified.
    pub(super) state: AnchorsState,
    /// Entries that the chain holds and the firm does not show yet; not known if no node was asked.
    pub(super) unshown: Option<u64>,
    /// Why anchors that are listed were not taken yet.
    pub(super) stopped: Option<Stop>,
}

/// Why anchors that are listed are not taken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// There are too many for one look, or their roll-ups were not read yet.
    Behind,
    /// The nodes that are asked do not call the block final yet.
    NotFinal,
}

/// A contract that is being followed.
struct Followed<'a> {
    trusted: &'a TrustedChain,
    name: String,
    on_chain: Option<&'a dyn OnChain>,
}

impl<'a> Anchors<'a> {
    /// Those on the contracts that are trusted.
    pub(super) fn new(files: &'a PublicFiles, trusted: &'a [TrustedChain]) -> Self {
        Self { files, trusted }
    }

    /// Verifies every anchor that is new, and asks the chains that can be asked.
    pub(super) fn advance(
        &self,
        sight: &mut Sight<'_, '_>,
        chains: &Chains,
        bar: &ProgressBar,
    ) -> Result<Vec<Anchored>> {
        let follow = |trusted: &TrustedChain| {
            let on_chain = chains.get(&trusted.contract).map(Box::as_ref);
            let name = trusted.contract.to_string();
            self.follow(&Followed { trusted, name, on_chain }, sight, bar)
        };
        self.trusted.iter().map(follow).collect()
    }

    fn follow(
        &self,
        followed: &Followed<'_>,
        sight: &mut Sight<'_, '_>,
        bar: &ProgressBar,
    ) -> Result<Anchored> {
        let before = sight.follower.state.anchors.get(&followed.name).cloned().unwrap_or_default();
        self.check_remembered(followed, &before)?;
        let mut state = before.clone();
        let read = self.read_new(followed, sight, &mut state, bar);
        if state != before {
            sight.follower.state.anchors.insert(followed.name.clone(), state.clone());
            sight.follower.folder.save(&sight.follower.state)?;
        }
        let stopped = read?;
        // What is listed and not taken yet is shown all the same.
        let unshown = match followed.on_chain.filter(|_| stopped.is_none()) {
            Some(on_chain) => {
                Some(count_unshown(on_chain, sight, &followed.trusted.contract, state.newest)?)
            }
            None => None,
        };
        Ok(Anchored { contract: followed.trusted.contract, state, unshown, stopped })
    }

    /// What was seen before must still be listed, the same.
    fn check_remembered(&self, followed: &Followed<'_>, state: &AnchorsState) -> Result<()> {
        let mut seen: Vec<Listed> =
            [state.newest, state.on_chain, state.in_policy].into_iter().flatten().collect();
        seen.dedup();
        for seen in seen {
            let page = self.page(followed, seen.sequence)?;
            if page.first() != Some(&seen) {
                let message = format!(
                    "THE FIRM HIDES AN ANCHOR: number {} on {} was listed as \"{seen}\", and is not any more",
                    seen.sequence, followed.name
                );
                let step = "keep the state of this watcher, and ask the firm: what is final on a chain never changes";
                return Err(Failure::refused(message).next(step).into());
            }
        }
        Ok(())
    }

    /// Anchors as they are listed, without a gap.
    fn page(&self, followed: &Followed<'_>, from: u64) -> Result<Vec<Listed>> {
        let path = format!("anchors/{}?from={from}", followed.name);
        let page = self.files.get(&path, PAGE_BYTES_MAX)?.unwrap_or_default();
        let page = read_anchors(&page).ok_or_else(|| {
            Failure::cannot_tell(format!("the list of anchors on {} does not read", followed.name))
                .next("use the version of this program that goes with the server")
        })?;
        let gap = (from..).zip(&page).find(|(expected, listed)| listed.sequence != *expected);
        if let Some((expected, listed)) = gap {
            let message = format!(
                "THE FIRM HIDES AN ANCHOR: where number {expected} on {} should be listed, there is number {}",
                followed.name, listed.sequence
            );
            return Err(Failure::refused(message)
                .next("ask the firm for the one that is missing")
                .into());
        }
        Ok(page)
    }

    fn read_new(
        &self,
        followed: &Followed<'_>,
        sight: &mut Sight<'_, '_>,
        state: &mut AnchorsState,
        bar: &ProgressBar,
    ) -> Result<Option<Stop>> {
        let blocks = &followed.trusted.blocks;
        let policy_blocks: Vec<u8> = blocks.iter().flat_map(|block| block.0).collect();
        let policy_blocks = Hash::of(&policy_blocks).to_base64();
        let mut before = if followed.on_chain.is_some() { state.on_chain } else { state.newest };
        // A policy that names other blocks now may name that of an older anchor.
        before = before.filter(|_| state.policy_blocks == policy_blocks);
        let mut taken = 0;
        loop {
            let page = self.page(followed, before.map_or(0, |before| before.sequence + 1))?;
            if page.is_empty() || taken >= ANCHORS_MAX {
                state.policy_blocks = policy_blocks;
                return Ok((!page.is_empty()).then_some(Stop::Behind));
            }
            bar.inc_length(u64::try_from(page.len())?);
            for listed in page {
                if let Some(stop) = self.take(followed, sight, (before, listed))? {
                    return Ok(Some(stop));
                }
                state.saw(listed, followed.on_chain.is_some(), blocks.contains(&listed.hash));
                before = Some(listed);
                taken += 1;
                bar.inc(1);
            }
        }
    }

    /// Verifies the next anchor, and asks the chain for its block, if it can be asked.
    fn take(
        &self,
        followed: &Followed<'_>,
        sight: &mut Sight<'_, '_>,
        (before, listed): (Option<Listed>, Listed),
    ) -> Result<Option<Stop>> {
        let not_good = |why: &str| {
            let Listed { sequence, .. } = listed;
            let name = &followed.name;
            Failure::refused(format!("anchor {sequence} on {name} is not good: {why}"))
                .next("ask the firm; what it shows does not prove that the chain holds its roll-up")
        };
        if before.is_some_and(|before| listed.rollup < before.rollup) {
            return Err(not_good("its roll-up is older than that of the anchor before it").into());
        }
        let Some(value) =
            sight.ask_rollups(|rollups| rollups.values().get(listed.rollup).copied())?
        else {
            if sight.rollups.are_behind() {
                return Ok(Some(Stop::Behind));
            }
            let why = format!("it is of roll-up {}, which the firm does not show", listed.rollup);
            return Err(not_good(&why).into());
        };
        let path = format!("anchors/{}/{}", followed.name, listed.sequence);
        let json = self.files.need(&path, u64::try_from(ANCHOR_BYTES_MAX)?)?;
        check(&json, &followed.trusted.contract, &listed, &value)
            .map_err(|(outcome, why)| Failure { outcome, ..not_good(&why) })?;
        let Some(on_chain) = followed.on_chain else { return Ok(None) };
        match on_chain.final_block(listed.block)? {
            Some(block) if (block.hash, block.time) == (listed.hash, listed.time) => Ok(None),
            Some(block) => {
                let why = format!("the chain has another block {}, {}", listed.block, block.hash);
                Err(not_good(&why).into())
            }
            None if sight.is_overdue(listed.time) || sight.is_ahead(listed.time) => {
                let time = Timestamp::from_seconds(listed.time);
                let why = format!("its block {} of {time} is not final", listed.block);
                Err(not_good(&why).into())
            }
            None => Ok(Some(Stop::NotFinal)),
        }
    }
}

impl Sight<'_, '_> {
    /// Asks the roll-ups that were read; if that gives nothing, those that were made meanwhile, too.
    pub(super) fn ask_rollups<T>(
        &mut self,
        ask: impl Fn(&RollUps<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        let found = ask(self.rollups);
        if found.is_some() || self.rollups.are_behind() {
            return Ok(found);
        }
        self.rollups.advance(self.follower, &ProgressBar::hidden())?;
        Ok(ask(self.rollups))
    }

    /// Whether the firm should long have shown what is in a block of this time.
    pub(super) fn is_overdue(&self, time: u64) -> bool {
        let Policy { max_anchor_delay_s, time_tolerance_s, .. } = self.follower.policy;
        let age_s = self.now.seconds().saturating_sub(time);
        age_s > max_anchor_delay_s.saturating_add(*time_tolerance_s)
    }

    fn is_ahead(&self, time: u64) -> bool {
        time.saturating_sub(self.now.seconds()) > self.follower.policy.time_tolerance_s
    }
}

/// Checks that an anchor proves what it is listed as; one of a later kind cannot be told.
fn check(
    json: &[u8],
    contract: &Contract,
    listed: &Listed,
    value: &Hash,
) -> Result<(), (Outcome, String)> {
    let bad = |why: &str| Err((Outcome::Refused, why.to_owned()));
    let wrong = |error: AnchorError| {
        let is_later = error == AnchorError::Kind;
        let outcome = if is_later { Outcome::CannotTell } else { Outcome::Refused };
        (outcome, error.to_string())
    };
    let Ok(json) = str::from_utf8(json) else { return bad("it is no text") };
    let anchor = Anchor::parse(json).map_err(wrong)?;
    if anchor.contract != *contract || anchor.sequence != listed.sequence {
        return bad("another one is served under its number");
    }
    let block = anchor.verify(value).map_err(wrong)?;
    if (block.number, block.hash, block.time) != (listed.block, listed.hash, listed.time) {
        return bad("it is of another block than it is listed with");
    }
    Ok(())
}
