//! Following the firm's roll-ups: each is signed, names the one before it, and covers a tree that the log of today
//! begins with.
//!
//! What must hold: a firm is convicted only of what it signed. Checkpoints that do not make the root of a roll-up
//! convict nobody.

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    firm::Role,
    hash::Hash,
    merkle::{TreeSize, leaves_root},
    name::Origin,
    note::Strict,
    rollup::{RollUp, RollUpTree},
    tile::Tiled,
};

use super::{
    follow::{Follower, Verified},
    growth::{Growth, growth},
    rolled::{Covering, SignedRollUp, split},
    rollup_proof::{Misdeed, convict},
    state::{CoveringState, RollUpsState, StateFolder},
    tiles::HttpTiles,
    values::Values,
};
use crate::{http::PublicFiles, outcome::Failure};

/// Most roll-ups of one look: some two years of one every ten minutes.
const ROLLUPS_MAX: u64 = 100_000;
const ROLLUP_BYTES_MAX: u64 = 64 * 1024;
const CHECKPOINTS_BYTES_MAX: u64 = 1024 * 1024;
/// What was verified is remembered after so many, too, and not at the end alone.
const SAVED_EVERY: u64 = 256;

/// Follows the roll-ups of the firm.
#[derive(Debug)]
pub(super) struct RollUps<'a> {
    files: &'a PublicFiles,
    values: Values,
    newest: Option<SignedRollUp>,
    /// The newest one that covers the log.
    covering: Option<Covering>,
    /// How many the firm has, by its newest one that was seen.
    shown: u64,
}

impl<'a> RollUps<'a> {
    /// Goes on from what was remembered.
    pub(super) fn new(
        files: &'a PublicFiles,
        folder: &StateFolder,
        (state, origin): (&RollUpsState, &Origin),
    ) -> Result<Self> {
        let damaged = "the state of the watcher is damaged; give another --state";
        let values = Values::load(folder, state.next_sequence)?;
        let newest = state.newest.as_ref().map(|note| SignedRollUp::read(note.as_bytes()));
        let newest = newest.transpose().context(damaged)?;
        let value = newest.as_ref().map(|newest| newest.text.value());
        anyhow::ensure!(value.as_ref() == values.newest(), damaged);
        let covering = state.covering.as_ref().map(|kept| {
            let rollup = SignedRollUp::read(kept.note.as_bytes()).ok()?;
            Covering::of(&rollup, split(&kept.checkpoints), origin.as_str())
        });
        let covering = covering.map(|covering| covering.context(damaged)).transpose()?;
        let shown = values.count();
        Ok(Self { files, values, newest, covering, shown })
    }

    /// Verifies every roll-up that was made since.
    pub(super) fn advance(&mut self, follower: &mut Follower<'_>, bar: &ProgressBar) -> Result<()> {
        let newest = self.files.get("rollup", ROLLUP_BYTES_MAX)?;
        let newest = newest.map(|bytes| verified(follower, &bytes, None)).transpose()?;
        self.check_remembered(follower)?;
        let Some(newest) = newest else { return Ok(()) };
        let (from, to) = (self.values.count(), newest.text.sequence.saturating_add(1));
        // A smaller number is an older answer, as a cache gives it, while what was seen is still there.
        self.shown = to.max(from);
        let to = to.min(from + ROLLUPS_MAX);
        bar.set_length(to.saturating_sub(from));
        let mut tiles: Option<HttpTiles<'_>> = None;
        for sequence in from..to {
            let taken = self.take(follower, (sequence, &newest), &mut tiles);
            let is_last = sequence + 1 == to || (sequence + 1) % SAVED_EVERY == 0;
            if is_last || taken.is_err() {
                self.save(follower)?;
            }
            taken?;
            bar.inc(1);
        }
        let known = self.values.get(newest.text.sequence);
        match self.newest.as_ref().filter(|_| known.is_some_and(|it| *it != newest.text.value())) {
            None => Ok(()),
            Some(seen) if seen.text.sequence == newest.text.sequence => {
                Err(convict(follower.folder, &Misdeed::Replaced(seen, &newest)).into())
            }
            Some(_) => Err(not_good("another one of its number was shown before").into()),
        }
    }

    /// Whether the firm has more than were read so far.
    pub(super) fn are_behind(&self) -> bool {
        self.values.count() < self.shown
    }

    /// How many the firm has.
    pub(super) fn shown(&self) -> u64 {
        self.shown
    }

    /// The values of those that were verified.
    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// The newest one that was verified.
    pub(super) fn newest(&self) -> Option<&RollUp> {
        self.newest.as_ref().map(|newest| &newest.text)
    }

    /// The number of the newest one that covers the log, and of how many entries.
    pub(super) fn covering(&self) -> Option<(u64, TreeSize)> {
        let covering = self.covering.as_ref()?;
        Some((covering.rollup.text.sequence, covering.own.size))
    }

    /// What was seen before must still be there, the same.
    fn check_remembered(&self, follower: &mut Follower<'_>) -> Result<()> {
        let Some(seen) = &self.newest else { return Ok(()) };
        let misdeed = match self.at(follower, seen.text.sequence)? {
            Some(now) if now.text == seen.text => return Ok(()),
            Some(now) => convict(follower.folder, &Misdeed::Replaced(seen, &now)),
            None => convict(follower.folder, &Misdeed::Hidden(seen)),
        };
        Err(misdeed.into())
    }

    /// The roll-up of a number, if it is there.
    fn at(&self, follower: &mut Follower<'_>, sequence: u64) -> Result<Option<SignedRollUp>> {
        let bytes = self.files.get(&format!("rollup/{sequence}"), ROLLUP_BYTES_MAX)?;
        bytes.map(|bytes| verified(follower, &bytes, Some(sequence))).transpose()
    }

    /// Takes the next roll-up, if it goes on from the one before and covers a part of the log as it is.
    fn take<'f>(
        &mut self,
        follower: &mut Follower<'f>,
        (sequence, newest): (u64, &SignedRollUp),
        tiles: &mut Option<HttpTiles<'f>>,
    ) -> Result<()> {
        let folder = follower.folder;
        let guilty = |misdeed: &Misdeed<'_>| Err(convict(folder, misdeed).into());
        let Some(rollup) = self.at(follower, sequence)? else {
            return guilty(&Misdeed::Skipped(sequence, newest));
        };
        if rollup.text.previous != self.values.newest().copied().unwrap_or(Hash::ZERO) {
            return guilty(&Misdeed::Unchained(self.newest.as_ref(), &rollup));
        }
        let bodies = self.bodies(&rollup.text)?;
        if RollUpTree::new(bodies.iter().map(String::as_str)).is_err() {
            return guilty(&Misdeed::Disordered(&rollup, &bodies));
        }
        if let Some(covering) = Covering::of(&rollup, bodies, follower.origin.as_str()) {
            let before = self.covering.as_ref();
            if let Some(before) = before.filter(|before| before.own.size > covering.own.size) {
                return guilty(&Misdeed::Less(before, &covering));
            }
            // The same checkpoint again was a prefix of an older tree, which is one of the newest.
            if before.is_none_or(|before| before.own != covering.own) {
                check_prefix(follower, &covering, tiles)?;
            }
            self.covering = Some(covering);
        }
        self.values.push(rollup.text.value());
        self.newest = Some(rollup);
        Ok(())
    }

    /// The checkpoints under a roll-up, in order: what its root is signed over.
    fn bodies(&self, rollup: &RollUp) -> Result<Vec<String>> {
        let path = format!("rollup/{}/checkpoints", rollup.sequence);
        let text = self.files.need(&path, CHECKPOINTS_BYTES_MAX)?;
        let bodies = str::from_utf8(&text).map(split).unwrap_or_default();
        let leaves: Vec<Hash> = bodies.iter().map(|body| Hash::leaf(body.as_bytes())).collect();
        let is_as_many = u64::try_from(leaves.len()) == Ok(rollup.logs);
        if is_as_many && leaves_root(&leaves) == rollup.root {
            return Ok(bodies);
        }
        let message = format!(
            "what is served under {path} does not make the root of roll-up {}",
            rollup.sequence
        );
        let step =
            "look again; if it stays so, nobody can tell what the firm has rolled up there: ask it";
        Err(Failure::cannot_tell(message).next(step).into())
    }

    /// Remembers what was verified.
    fn save(&mut self, follower: &mut Follower<'_>) -> Result<()> {
        self.values.save()?;
        follower.state.rollups = RollUpsState {
            next_sequence: self.values.count(),
            newest: self.newest.as_ref().map(|newest| newest.note.to_string()),
            covering: self.covering.as_ref().map(|covering| CoveringState {
                note: covering.rollup.note.to_string(),
                checkpoints: covering.bodies.concat(),
            }),
        };
        follower.folder.save(&follower.state)
    }
}

/// Verifies a roll-up, of this number if one is given.
fn verified(
    follower: &mut Follower<'_>,
    bytes: &[u8],
    sequence: Option<u64>,
) -> Result<SignedRollUp> {
    let rollup = SignedRollUp::read(bytes).map_err(|why| not_good(&why.to_string()))?;
    if rollup.text.firm.as_str() != follower.firm.name() {
        return Err(not_good("it is of another firm").into());
    }
    if sequence.is_some_and(|sequence| sequence != rollup.text.sequence) {
        return Err(not_good("another one is served under its number").into());
    }
    let check = |follower: &Follower<'_>| {
        let place = (Role::RollUp, follower.firm.name(), rollup.text.sequence);
        follower.firm.verify(&rollup.note, place, &Strict)
    };
    if check(follower).is_err() {
        // Its key may be one that the firm has named only meanwhile.
        follower.advance(&ProgressBar::hidden())?;
        let size = newest_checkpoint(follower)?.checkpoint.size;
        follower.under_firm_keys(size, |follower| {
            check(follower).map_err(|why| not_good(&why.to_string()).into())
        })?;
    }
    Ok(rollup)
}

fn not_good(why: &str) -> Failure {
    Failure::refused(format!("a roll-up of the firm is not good: {why}")).next(
        "check that the policy is this firm's; if it is, the server shows what its firm did not sign",
    )
}

fn newest_checkpoint(follower: &Follower<'_>) -> Result<Verified> {
    follower.last.clone().context("no checkpoint of the log was seen before its roll-ups")
}

/// Checks that the newest tree of the log begins with the one under a roll-up.
fn check_prefix<'f>(
    follower: &mut Follower<'f>,
    covering: &Covering,
    tiles: &mut Option<HttpTiles<'f>>,
) -> Result<()> {
    let (own, sequence) = (&covering.own, covering.rollup.text.sequence);
    if newest_checkpoint(follower)?.checkpoint.size < own.size {
        // It may have been published meanwhile.
        follower.advance(&ProgressBar::hidden())?;
    }
    let newest = newest_checkpoint(follower)?;
    let size = newest.checkpoint.size;
    if size < own.size {
        if follower.at_size(own.size)?.is_none() {
            return Err(convict(follower.folder, &Misdeed::More(covering, &newest)).into());
        }
        let message = format!(
            "an older checkpoint is shown as the newest one than roll-up {sequence} covers"
        );
        let step = "look again; if it stays so, the log does not show its newest checkpoint";
        return Err(Failure::cannot_tell(message).next(step).into());
    }
    let kept = tiles.take().filter(|tiles| tiles.size() == size);
    let tiles = tiles.insert(kept.unwrap_or_else(|| HttpTiles::new(follower.files, size)));
    let shown = match growth(own, &newest.checkpoint, &mut Tiled(tiles))? {
        Growth::Prefix => return Ok(()),
        Growth::TwoRoots => None,
        Growth::Fork(shown) => Some(shown),
    };
    Err(convict(follower.folder, &Misdeed::OtherTree(covering, &newest, shown)).into())
}
