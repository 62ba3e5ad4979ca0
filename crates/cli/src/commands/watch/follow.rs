//! Following the published checkpoints: each is signed by the firm's keys, and each tree is a prefix of the
//! next.

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    firm::{Firm, Role},
    merkle::{TreeSize, consistency_path, verify_consistency},
    name::Origin,
    note::{Note, NoteError, Signed, Strict},
    policy::Policy,
    text::decimal,
    tile::{TILE_WIDTH, Tiled},
    time::Timestamp,
};

use super::{
    state::{State, StateFolder},
    tiles::HttpTiles,
};
use crate::{http::LogFiles, outcome::Failure};

const CHECKPOINT_BYTES_MAX: u64 = 64 * 1024;
const PAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const TWO_ROOTS: &str = "THE LOG HAS FORKED: two roots were signed for one size";
const NO_PREFIX: &str = "THE LOG HAS FORKED: the older tree is no prefix of the newer one";

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
    pub(super) files: &'a LogFiles,
    pub(super) folder: &'a StateFolder,
    pub(super) policy: &'a Policy,
    pub(super) origin: Origin,
    pub(super) firm: Firm,
    pub(super) state: State,
    /// The newest checkpoint that was verified.
    pub(super) last: Option<Verified>,
}

impl<'a> Follower<'a> {
    /// Goes on from what was remembered, and verifies it again.
    pub(super) fn new(
        files: &'a LogFiles,
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
        let mut follower = Self { files, folder, policy, origin, firm, state, last: None };
        if let Some(text) = follower.state.checkpoint.clone() {
            follower.last = Some(follower.verify(text.as_bytes())?);
        }
        Ok(follower)
    }

    /// Takes every checkpoint that was published since; gives how many.
    pub(super) fn advance(&mut self, bar: &ProgressBar) -> Result<u64> {
        let newest = self.newest()?;
        let mut tiles = HttpTiles::new(self.files, newest.checkpoint.size);
        self.check_remembered(&newest, &mut tiles)?;
        bar.set_length(newest.checkpoint.size.0);
        let mut taken = 0;
        loop {
            let from = self.last.as_ref().map_or(0, |last| last.checkpoint.size.0 + 1);
            let sizes = self.published_from(from)?;
            let in_tree: Vec<u64> =
                sizes.into_iter().filter(|size| *size <= newest.checkpoint.size.0).collect();
            if in_tree.is_empty() {
                break;
            }
            for size in in_tree {
                let next = self.at_size(TreeSize(size))?;
                self.take(next, &mut tiles)?;
                taken += 1;
                bar.set_position(size);
            }
            self.folder.save(&self.state)?;
        }
        // The newest must be among those that are listed.
        self.take(newest, &mut tiles)?;
        self.folder.save(&self.state)?;
        Ok(taken)
    }

    fn newest(&mut self) -> Result<Verified> {
        let bytes = self.files.need("checkpoint", CHECKPOINT_BYTES_MAX)?;
        self.verified(&bytes)
    }

    /// The published checkpoint of a size; its text must say that size.
    fn at_size(&mut self, size: TreeSize) -> Result<Verified> {
        let bytes = self.files.need(&format!("checkpoint/{size}"), CHECKPOINT_BYTES_MAX)?;
        let verified = self.verified(&bytes)?;
        if verified.checkpoint.size != size {
            let message = format!("checkpoint/{size} is of the size {}", verified.checkpoint.size);
            return Err(Failure::refused(message)
                .next("the log does not serve what it says")
                .into());
        }
        Ok(verified)
    }

    /// Verifies a checkpoint; if its key is not known, looks for it in later firm notes.
    fn verified(&mut self, bytes: &[u8]) -> Result<Verified> {
        if self.firm.next_sequence() > 0
            && let Ok(verified) = self.verify(bytes)
        {
            return Ok(verified);
        }
        // Firm notes prove themselves under the root, so an unverified size may say how far to look.
        if let Ok(note) = Note::parse(bytes)
            && let Ok(checkpoint) = Checkpoint::parse(note.text())
        {
            self.read_firm_notes(checkpoint.size)?;
        }
        self.verify(bytes)
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

    /// What was seen before must still be there, the same.
    fn check_remembered(&mut self, newest: &Verified, tiles: &mut HttpTiles<'_>) -> Result<()> {
        let Some(last) = self.last.clone() else { return Ok(()) };
        let size = last.checkpoint.size;
        let path = format!("checkpoint/{size}");
        if let Some(bytes) = self.files.get(&path, CHECKPOINT_BYTES_MAX)? {
            let again = self.verified(&bytes)?;
            if again.checkpoint == last.checkpoint {
                return Ok(());
            }
            return Err(self.broken(&last, &again, TWO_ROOTS).into());
        }
        if newest.checkpoint.size < size {
            return Err(self
                .broken(&last, newest, "THE LOG HAS SHRUNK: it was set back to an older state")
                .into());
        }
        if !is_prefix(&last.checkpoint, &newest.checkpoint, tiles)? {
            return Err(self.broken(&last, newest, NO_PREFIX).into());
        }
        Err(self.broken(&last, newest, "THE LOG HIDES a checkpoint that it had published").into())
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

    /// Takes the next checkpoint, if the tree before it is a prefix of its tree.
    fn take(&mut self, next: Verified, tiles: &mut HttpTiles<'_>) -> Result<()> {
        if let Some(last) = &self.last {
            let (old, new) = (&last.checkpoint, &next.checkpoint);
            if old.size == new.size && old.root != new.root {
                return Err(self.broken(last, &next, TWO_ROOTS).into());
            }
            if old.size > new.size || new.size > tiles.size() {
                // An older answer than the last one, as a cache may give it: listed sizes only grow.
                return Ok(());
            }
            if !is_prefix(old, new, tiles)? {
                return Err(self.broken(last, &next, NO_PREFIX).into());
            }
            if next.published_at < last.published_at {
                let message = format!(
                    "the log runs backwards: size {} was published at {}, and size {} at {}",
                    old.size, last.published_at, new.size, next.published_at
                );
                return Err(Failure::refused(message)
                    .next("keep both checkpoints, and ask the firm")
                    .into());
            }
        }
        self.state.checkpoint = Some(next.note.to_string());
        self.last = Some(next);
        Ok(())
    }

    /// Keeps both checkpoints: signed by the same log, they convict it.
    fn broken(&self, one: &Verified, other: &Verified, what: &str) -> Failure {
        let mut kept = Vec::new();
        for (letter, verified) in [('a', one), ('b', other)] {
            let name = format!("proof-{}-{letter}.checkpoint", verified.checkpoint.size);
            match self.folder.keep_proof(&name, verified.note.to_string().as_bytes()) {
                Ok(path) => kept.push(path.display().to_string()),
                Err(error) => kept.push(format!("(not kept: {error:#})")),
            }
        }
        let (one, other) = (one.checkpoint.size, other.checkpoint.size);
        Failure::refused(format!("{what} (sizes {one} and {other})")).next(format!(
            "keep {} and show them to others: the firm signed both",
            kept.join(" and ")
        ))
    }
}

/// Whether the tree of one checkpoint is a prefix of the tree of another, by the log's own tiles.
fn is_prefix(old: &Checkpoint, new: &Checkpoint, tiles: &mut HttpTiles<'_>) -> Result<bool> {
    let path = consistency_path(&mut Tiled(tiles), old.size, new.size)?;
    Ok(verify_consistency((old.size, &old.root), (new.size, &new.root), &path).is_ok())
}

/// Sizes, one on each line: a decimal, or a JSON object with the member `size`. Ascending, none below `from`.
fn read_sizes(page: &[u8], from: u64) -> Option<Vec<u64>> {
    let text = str::from_utf8(page).ok()?;
    let read = |line: &str| {
        if !line.starts_with('{') {
            return decimal(line);
        }
        let object: serde_json::Value = serde_json::from_str(line).ok()?;
        let size = object.get("size")?;
        size.as_u64().or_else(|| decimal(size.as_str()?))
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let sizes: Vec<u64> = lines.map(read).collect::<Option<_>>()?;
    let ascending =
        sizes.is_sorted_by(|a, b| a < b) && sizes.first().is_none_or(|first| *first >= from);
    ascending.then_some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_as_lines_or_objects_and_only_upwards() {
        assert_eq!(read_sizes(b"1\n5\n9\n", 1), Some(vec![1, 5, 9]));
        assert_eq!(read_sizes(b"{\"size\":\"7\",\"at\":1}\n{\"size\":8}\n", 3), Some(vec![7, 8]));
        assert_eq!(read_sizes(b"", 3), Some(vec![]));
        for bad in ["5\n5\n", "9\n5\n", "2\n", "x\n", "{}\n", "[1]\n"] {
            assert_eq!(read_sizes(bad.as_bytes(), 3), None, "{bad}");
        }
    }
}
