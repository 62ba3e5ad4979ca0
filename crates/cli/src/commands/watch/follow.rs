//! Following the published checkpoints: each is signed by the firm's keys, and each tree is a prefix of the
//! newest one, and so of those between.

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    firm::{Firm, Role},
    merkle::TreeSize,
    name::Origin,
    note::{Note, NoteError, Signed, Strict},
    policy::Policy,
    tile::{TILE_WIDTH, Tiled},
    time::Timestamp,
};

use super::{
    growth::{Growth, growth},
    listing::read_sizes,
    proof::{Misdeed, convict},
    state::{State, StateFolder},
    tiles::HttpTiles,
};
use crate::{
    http::PublicFiles,
    outcome::{Failure, Outcome},
};

const CHECKPOINT_BYTES_MAX: u64 = 64 * 1024;
const PAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A checkpoint whose signatures were verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verified {
    /// What it says.
    pub(super) checkpoint: Checkpoint,
    /// The signed note.
    pub(super) note: Note,
    /// When it was published, by the firm's timestamp key.
    pub(super) published_at: Timestamp,
}

/// Follows one log.
#[derive(Debug)]
pub(super) struct Follower<'a> {
    pub(super) files: &'a PublicFiles,
    pub(super) folder: &'a StateFolder,
    pub(super) policy: &'a Policy,
    pub(super) origin: Origin,
    pub(super) firm: Firm,
    pub(super) state: State,
    /// The newest checkpoint that was verified.
    pub(super) last: Option<Verified>,
    /// Number of checkpoints that were taken.
    pub(super) taken: u64,
}

impl<'a> Follower<'a> {
    /// Goes on from what was remembered, and verifies it again.
    pub(super) fn new(
        files: &'a PublicFiles,
        folder: &'a StateFolder,
        policy: &'a Policy,
        origin: Origin,
    ) -> Result<Self> {
        let state = folder.load(origin.as_str())?;
        let mut firm = Firm::new(policy.firm_root.clone());
        for note in &state.firm_notes {
            let note = Note::parse(note.as_bytes())
                .context("the state has a firm note that does not read")?;
            firm.apply(&note, &Strict).context("the state is of another firm than the policy")?;
        }
        let mut follower =
            Self { files, folder, policy, origin, firm, state, last: None, taken: 0 };
        if let Some(text) = follower.state.checkpoint.clone() {
            follower.last = Some(follower.verify(text.as_bytes())?);
        }
        Ok(follower)
    }

    /// Takes every checkpoint that was published since.
    ///
    /// All are compared with the newest one: two prefixes of one tree are prefixes of each other.
    pub(super) fn advance(&mut self, bar: &ProgressBar) -> Result<()> {
        let newest = self.newest()?;
        let newest_size = newest.checkpoint.size;
        self.check_remembered(&newest)?;
        let mut tiles = HttpTiles::new(self.files, newest_size);
        bar.set_length(newest_size.0);
        loop {
            let from = self.last.as_ref().map_or(0, |last| last.checkpoint.size.0 + 1);
            let sizes = self.published_from(from)?;
            let in_tree: Vec<u64> =
                sizes.into_iter().filter(|size| *size <= newest_size.0).collect();
            if in_tree.is_empty() {
                break;
            }
            for size in in_tree {
                let next = self.at_size(TreeSize(size))?.ok_or_else(|| not_there(size))?;
                self.take(next, &newest, &mut tiles)?;
                bar.set_position(size);
            }
            self.folder.save(&self.state)?;
        }
        if self.last.as_ref().is_none_or(|last| last.checkpoint.size < newest_size) {
            let message =
                format!("the newest checkpoint, of size {newest_size}, is not among those listed");
            let step = "look again; if it stays so, the log does not list all that it publishes";
            return Err(Failure::cannot_tell(message).next(step).into());
        }
        self.folder.save(&self.state)
    }

    fn newest(&mut self) -> Result<Verified> {
        let bytes = self.files.need("checkpoint", CHECKPOINT_BYTES_MAX)?;
        self.verified(&bytes)
    }

    /// The published checkpoint of a size, if it is there; its text must say that size.
    pub(super) fn at_size(&mut self, size: TreeSize) -> Result<Option<Verified>> {
        let path = format!("checkpoint/{size}");
        let Some(bytes) = self.files.get(&path, CHECKPOINT_BYTES_MAX)? else { return Ok(None) };
        let verified = self.verified(&bytes)?;
        if verified.checkpoint.size != size {
            let message = format!("{path} is of the size {}", verified.checkpoint.size);
            return Err(Failure::refused(message)
                .next("the log does not serve what it says")
                .into());
        }
        Ok(Some(verified))
    }

    /// Verifies a checkpoint.
    fn verified(&mut self, bytes: &[u8]) -> Result<Verified> {
        // Firm notes prove themselves under the root, so an unverified size may say how far to look.
        let note = Note::parse(bytes).ok();
        let checkpoint = note.and_then(|note| Checkpoint::parse(note.text()).ok());
        let size = checkpoint.map_or(TreeSize(0), |checkpoint| checkpoint.size);
        self.under_firm_keys(size, |follower| follower.verify(bytes))
    }

    /// Checks what a key of the firm has signed; if it does not hold, then with the firm notes that come later,
    /// as far as a tree of this size has them.
    pub(super) fn under_firm_keys<T>(
        &mut self,
        size: TreeSize,
        check: impl Fn(&Self) -> Result<T>,
    ) -> Result<T> {
        loop {
            let checked = check(self);
            let is_read = self.state.firm_notes_to >= size.0;
            if is_read || (self.firm.next_sequence() > 0 && checked.is_ok()) {
                return checked;
            }
            self.read_firm_notes(size)?;
        }
    }

    fn verify(&self, bytes: &[u8]) -> Result<Verified> {
        let refused = |why: &str| {
            Failure::refused(format!("a checkpoint of {} is not good: {why}", self.origin))
                .next("check that the policy is this firm's; if it is, the log shows what its firm did not sign")
        };
        let note = Note::parse(bytes).map_err(|error| refused(&error.to_string()))?;
        let checkpoint =
            Checkpoint::parse(note.text()).map_err(|error| refused(&error.to_string()))?;
        if checkpoint.origin != self.origin.as_str() {
            return Err(refused("it is of another log").into());
        }
        let size = checkpoint.size.0;
        let signed = |role| self.firm.verify(&note, (role, self.origin.as_str(), size), &Strict);
        let bad = |error: NoteError| refused(&error.to_string());
        signed(Role::Log).map_err(bad)?;
        let published_at = match signed(Role::Timestamp).map_err(bad)? {
            (_, Signed::At(at)) => at,
            (_, Signed::Plain) => return Err(refused("it bears no time").into()),
        };
        let mut pinned = self.policy.pinned_log_keys().peekable();
        if pinned.peek().is_some() && !pinned.any(|key| note.verify(key, &Strict).is_ok()) {
            return Err(refused("none of the log keys that the policy pins has signed it").into());
        }
        Ok(Verified { checkpoint, note, published_at })
    }

    /// Looks through entries for firm notes that were not seen yet. The first entry is always one.
    fn read_firm_notes(&mut self, size: TreeSize) -> Result<()> {
        let tiles = HttpTiles::new(self.files, size);
        while self.state.firm_notes_to < size.0 {
            let from = self.state.firm_notes_to;
            let entries = tiles.bundle(from / TILE_WIDTH)?;
            for text in entries.iter().skip(usize::try_from(from % TILE_WIDTH)?) {
                let entry = Entry::parse(text).ok().filter(|entry| entry.kind == EntryKind::Firm);
                if let Some(entry) = entry {
                    self.take_firm_note(&entry.body)?;
                }
                self.state.firm_notes_to += 1;
            }
            if from == 0 && self.firm.next_sequence() > 0 {
                // Most logs have one firm note, and looking through all of a log is slow.
                return Ok(());
            }
        }
        Ok(())
    }

    fn take_firm_note(&mut self, body: &str) -> Result<()> {
        let applied = Note::parse(body.as_bytes())
            .map_err(|error| error.to_string())
            .and_then(|note| self.firm.apply(&note, &Strict).map_err(|error| error.to_string()));
        if let Err(why) = applied {
            let message = format!("a firm note of {} is not good: {why}", self.origin);
            return Err(Failure::refused(message)
                .next("check that the policy is this firm's")
                .into());
        }
        self.state.firm_notes.push(body.to_owned());
        Ok(())
    }

    /// What was seen before must still be there, the same, and go together with the newest.
    fn check_remembered(&mut self, newest: &Verified) -> Result<()> {
        let Some(last) = self.last.clone() else { return Ok(()) };
        let again = self.at_size(last.checkpoint.size)?;
        if let Some(again) = &again
            && again.checkpoint != last.checkpoint
        {
            return Err(self.convict(&Misdeed::TwoRoots, &last, again));
        }
        let is_smaller = newest.checkpoint.size < last.checkpoint.size;
        let (small, large) = if is_smaller { (newest, &last) } else { (&last, newest) };
        let mut tiles = HttpTiles::new(self.files, large.checkpoint.size);
        let compared = self.compare(small, large, &mut tiles);
        let proves_more =
            compared.as_ref().is_err_and(|error| Outcome::of(error) == Outcome::Refused);
        if again.is_none() && is_smaller && !proves_more {
            // Set back, it may not have the tiles of the larger tree any more.
            return Err(self.convict(&Misdeed::Shrunk, &last, newest));
        }
        compared?;
        if again.is_none() {
            return Err(self.convict(&Misdeed::Hidden, &last, newest));
        }
        // A smaller one that goes together with what was seen is an older answer, as a cache gives it.
        Ok(())
    }

    fn published_from(&self, from: u64) -> Result<Vec<u64>> {
        let page = self.files.need(&format!("checkpoints?from={from}"), PAGE_BYTES_MAX)?;
        let sizes = read_sizes(&page, from);
        sizes.ok_or_else(|| {
            Failure::cannot_tell("the list of published checkpoints does not read")
                .next("use the version of this program that goes with the server")
                .into()
        })
    }

    /// Takes the next checkpoint, if its tree is a prefix of the newest one's.
    fn take(&mut self, next: Verified, newest: &Verified, tiles: &mut HttpTiles<'_>) -> Result<()> {
        self.compare(&next, newest, tiles)?;
        if let Some(last) = &self.last
            && next.published_at < last.published_at
        {
            return Err(self.convict(&Misdeed::Backwards, last, &next));
        }
        self.state.checkpoint = Some(next.note.to_string());
        self.last = Some(next);
        self.taken += 1;
        Ok(())
    }

    /// Checks that a tree is a prefix of a larger one, and was not published after it.
    fn compare(&self, small: &Verified, large: &Verified, tiles: &mut HttpTiles<'_>) -> Result<()> {
        let misdeed = match growth(&small.checkpoint, &large.checkpoint, &mut Tiled(tiles))? {
            Growth::TwoRoots => Misdeed::TwoRoots,
            Growth::Fork(shown) => Misdeed::Fork(shown),
            Growth::Prefix
                if small.checkpoint.size < large.checkpoint.size
                    && small.published_at > large.published_at =>
            {
                Misdeed::Backwards
            }
            Growth::Prefix => return Ok(()),
        };
        Err(self.convict(&misdeed, small, large))
    }

    fn convict(&self, misdeed: &Misdeed, one: &Verified, other: &Verified) -> anyhow::Error {
        convict(self.folder, misdeed, one, other).into()
    }
}

fn not_there(size: u64) -> Failure {
    Failure::cannot_tell(format!("the checkpoint of size {size} is listed and is not there"))
        .next("look again; if it stays so, the log does not serve what it lists")
}
