//! One look at a log, at the roll-ups of its firm and at their anchors.

use anyhow::Result;
use indicatif::ProgressBar;
use witness_core::{
    hash::Hash,
    merkle::{CompactRange, NodeSource as _, TreeSize},
    tile::Tiled,
    time::Timestamp,
};

use super::{
    anchors::{Anchored, Anchors, Sight, Stop},
    entries::Entries,
    follow::{Follower, Verified},
    nodes::GivenNodes,
    proof::convict_entry,
    rollups::RollUps,
    tiles::HttpTiles,
    told::Told,
};
use crate::{outcome::Failure, output::Output};

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// How the log stands.
    Once,
    /// Only what is new.
    ForNews,
}

/// Looks at a log, at the roll-ups of its firm and at their anchors.
#[derive(Debug)]
pub(super) struct Watcher<'a> {
    follower: Follower<'a>,
    rollups: RollUps<'a>,
    anchors: Anchors<'a>,
    /// Nodes of chains that can be asked about them.
    nodes: GivenNodes<'a>,
    /// Every entry, if they are read.
    entries: Option<Entries>,
    /// How all stood when it was told last.
    told: Stand,
}

/// How far everything was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stand {
    checkpoints: u64,
    rollups: u64,
    entries: Option<TreeSize>,
    anchors: Vec<Anchored>,
}

impl<'a> Watcher<'a> {
    /// Goes on from what each of them remembers.
    pub(super) fn new(
        follower: Follower<'a>,
        (rollups, anchors, nodes): (RollUps<'a>, Anchors<'a>, GivenNodes<'a>),
        entries: Option<Entries>,
    ) -> Self {
        let told = Stand::default();
        let mut watcher = Self { follower, rollups, anchors, nodes, entries, told };
        watcher.told = watcher.stand(Vec::new());
        watcher
    }

    /// Looks at what is new since the last time.
    pub(super) fn look(
        &mut self,
        output: &mut Output,
        (asked, now): (Asked, Timestamp),
    ) -> Result<()> {
        with_bar(&output.entries_bar(0), |bar| self.follower.advance(bar))?;
        with_bar(&output.count_bar(0, "roll-ups"), |bar| {
            self.rollups.advance(&mut self.follower, bar)
        })?;
        let anchored = self.look_at_anchors(output, now)?;
        let Some(last) = self.follower.last.clone() else { return Ok(()) };
        let mut read = None;
        if let Some(entries) = &mut self.entries {
            with_bar(&output.entries_bar(last.checkpoint.size.0), |bar| {
                read_entries(&mut self.follower, entries, &last, bar)
            })?;
            read = Some((entries.size().0, entries.unknown));
        }
        let stand = self.stand(anchored);
        if stand != self.told || asked == Asked::Once {
            let taken = stand.checkpoints - self.told.checkpoints;
            let (rollups, anchors) = (&self.rollups, stand.anchors.as_slice());
            let told = Told { last: &last, taken, read, rollups, anchors };
            told.tell(output)?;
            told.warn_of_time(now, self.follower.policy.time_tolerance_s, output)?;
            self.told = stand;
        }
        self.complain_if_behind()
    }

    fn look_at_anchors(&mut self, output: &mut Output, now: Timestamp) -> Result<Vec<Anchored>> {
        let trusted = self.follower.policy.chains.as_slice();
        let chains = self.nodes.chains(trusted, |chain| {
            let named = "the policy names no contract of";
            Ok(output.note(&format!("{named} chain {chain}, so its nodes are not asked"))?)
        })?;
        let (follower, rollups) = (&mut self.follower, &mut self.rollups);
        with_bar(&output.count_bar(0, "anchors"), |bar| {
            self.anchors.advance(&mut Sight { follower, rollups, now }, chains, bar)
        })
    }

    fn stand(&self, anchors: Vec<Anchored>) -> Stand {
        Stand {
            checkpoints: self.follower.taken,
            rollups: self.rollups.values().count(),
            entries: self.entries.as_ref().map(Entries::size),
            anchors,
        }
    }

    /// All that was checked holds, and there is more.
    fn complain_if_behind(&self) -> Result<()> {
        let (read, shown) = (self.rollups.values().count(), self.rollups.shown());
        let is_behind = |anchored: &Anchored| anchored.stopped == Some(Stop::Behind);
        let message = if self.rollups.are_behind() {
            format!("{read} of the {shown} roll-ups were read, and the rest is not checked yet")
        } else if self.told.anchors.iter().any(is_behind) {
            "not all anchors were read, and the rest is not checked yet".to_owned()
        } else {
            return Ok(());
        };
        Err(Failure::cannot_tell(message).next("look again: it goes on from there").into())
    }
}

fn with_bar<T>(bar: &ProgressBar, work: impl FnOnce(&ProgressBar) -> Result<T>) -> Result<T> {
    let done = work(bar);
    bar.finish_and_clear();
    done
}

fn read_entries(
    follower: &mut Follower<'_>,
    entries: &mut Entries,
    last: &Verified,
    bar: &ProgressBar,
) -> Result<()> {
    if entries.size() == last.checkpoint.size {
        return Ok(());
    }
    let mut tiles = HttpTiles::new(follower.files, last.checkpoint.size);
    let complaint = entries.read_to(&last.checkpoint, |index| tiles.bundle(index), bar)?;
    if let Some(complaint) = complaint {
        return Err(convict_entry(follower.folder, &complaint, last, &mut Tiled(&mut tiles)).into());
    }
    let peaks = peaks(&mut tiles, last.checkpoint.size)?;
    let range = CompactRange::new(last.checkpoint.size, peaks.clone());
    if range.is_none_or(|range| range.root() != last.checkpoint.root) {
        let message = "the tiles do not make the tree that the log signed, though the entries do";
        let step = "look again; if it stays so, ask the firm: it serves damaged tiles";
        return Err(Failure::cannot_tell(message).next(step).into());
    }
    follower.state.entries = entries.state(&peaks);
    follower.folder.save(&follower.state)
}

/// Roots of the complete subtrees of a tree, the largest first.
fn peaks(tiles: &mut HttpTiles<'_>, size: TreeSize) -> Result<Vec<Hash>> {
    let mut peaks = Vec::new();
    let mut start = 0;
    for height in (0..u64::BITS).rev() {
        if size.0 >> height & 1 == 1 {
            peaks.push(Tiled(&mut *tiles).node(height, start >> height)?);
            start += 1 << height;
        }
    }
    Ok(peaks)
}
