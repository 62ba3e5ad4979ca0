//! `witness watch`: follows a log over its public files alone, and checks that it only ever grows.

mod entries;
mod follow;
mod growth;
mod listing;
mod proof;
#[cfg(test)]
mod staged;
mod state;
mod tiles;

use std::{path::PathBuf, thread, time::Duration};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_core::{
    hash::Hash,
    merkle::{CompactRange, NodeSource as _, TreeSize},
    name::Origin,
    tile::Tiled,
    time::Timestamp,
};

use self::{
    entries::Entries,
    follow::{Follower, Verified},
    proof::convict_entry,
    state::StateFolder,
    tiles::HttpTiles,
};
use crate::{
    args,
    http::LogFiles,
    outcome::{Failure, Outcome},
    output::{Output, count_of},
    times, trust,
};

const EXAMPLES: &str = "\
Every published checkpoint is fetched; its signatures are verified, and that its tree is a
prefix of the newest one. With --full every entry is read too, the tree is rebuilt from them,
and signatures, order and registry are checked; a wrong one is saved with the proof that the
log signed it. What was seen is kept in DIR: a log that shows something else later is caught,
and both checkpoints are saved there with what shows that they do not go together, in a file
that says itself how it is checked.

Exit codes: 0 all is consistent (--once), 1 a check failed, 2 could not tell (--once).

Examples:
  witness watch --server http://localhost:7761 --origin witness.example/log1 \\
      --policy policy.json --state watch
  witness watch … --once --full --json";

/// Arguments of `witness watch`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    server: args::ServerArgs,
    /// Origin of the log, as in witness.example/log1
    #[arg(long, value_name = "ORIGIN", env = "WITNESS_LOG", value_parser = args::origin)]
    origin: Origin,
    /// The firm's trust policy, got elsewhere
    #[arg(long, value_name = "POLICY.json")]
    policy: PathBuf,
    /// Folder for what was seen
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Look once, and end
    #[arg(long)]
    once: bool,
    /// Time between two looks, as in 10s or 5m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = times::duration)]
    interval: Duration,
    /// Read and check every entry, too
    #[arg(long)]
    full: bool,
}

/// Follows it.
pub(crate) fn run(
    args: &WatchArgs,
    output: &mut Output,
    now: fn() -> Timestamp,
) -> Result<Outcome> {
    let policy = trust::read_policy(&args.policy)?;
    let files = LogFiles::new(&args.server.server, &args.origin)?;
    let folder = StateFolder::open(&args.state)?;
    let mut follower = Follower::new(&files, &folder, &policy, args.origin.clone())?;
    let state = &follower.state.entries;
    let mut entries =
        if args.full { Some(Entries::new(&args.origin, &policy, state)?) } else { None };
    let asked = if args.once { Asked::Once } else { Asked::ForNews };
    loop {
        let looked = look(&mut follower, entries.as_mut(), output, (asked, now()));
        match looked {
            Ok(()) if args.once => return Ok(Outcome::Done),
            Ok(()) => {}
            Err(error) if args.once || is_final(&error) => return Err(error),
            Err(error) => {
                output.conclude(Outcome::of(&error));
                output.warn(&format!("{error:#}; looking again in {:?}", args.interval))?;
            }
        }
        thread::sleep(args.interval);
    }
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// How the log stands.
    Once,
    /// Only what is new.
    ForNews,
}

/// A check that failed ends it; a server that does not answer may answer later.
fn is_final(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_none_or(|failure| failure.outcome != Outcome::CannotTell)
}

fn look(
    follower: &mut Follower<'_>,
    entries: Option<&mut Entries>,
    output: &mut Output,
    (asked, now): (Asked, Timestamp),
) -> Result<()> {
    let before = follower.last.clone();
    let read_before = entries.as_ref().map(|entries| entries.size());
    let bar = output.entries_bar(0);
    let taken = follower.advance(&bar);
    bar.finish_and_clear();
    let taken = taken?;
    let Some(last) = follower.last.clone() else { return Ok(()) };
    let mut read = None;
    if let Some(entries) = entries {
        let bar = output.entries_bar(last.checkpoint.size.0);
        let checked = read_entries(follower, entries, &last, &bar);
        bar.finish_and_clear();
        checked?;
        read = Some((entries.size().0, entries.unknown));
    }
    let is_new = before.as_ref().is_none_or(|before| before.checkpoint != last.checkpoint);
    if is_new || read_before != read.map(|(size, _)| TreeSize(size)) || asked == Asked::Once {
        tell(&last, taken, read, output)?;
        warn_of_time(&last, follower, now, output)?;
    }
    Ok(())
}

fn read_entries(
    follower: &mut Follower<'_>,
    entries: &mut Entries,
    last: &Verified,
    bar: &indicatif::ProgressBar,
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

fn tell(last: &Verified, taken: u64, read: Option<(u64, u64)>, output: &mut Output) -> Result<()> {
    let (size, root) = (last.checkpoint.size.0, last.checkpoint.root.to_base64());
    output.conclude(Outcome::Done);
    output.good(&format!(
        "{}: size {size}, consistent over {}",
        last.checkpoint.origin,
        count_of(taken, "new checkpoint")
    ))?;
    output.field("published", &last.published_at.to_string())?;
    output.field("root", &root)?;
    if let Some((entries, unknown)) = read {
        output.field(
            "entries",
            &format!("{entries} read and checked, {unknown} of kinds not known here"),
        )?;
    }
    output.json(&json!({
        "outcome": "consistent",
        "origin": last.checkpoint.origin,
        "size": size,
        "root": root,
        "published_at": last.published_at.to_string(),
        "new_checkpoints": taken,
        "entries_checked": read.map(|(entries, _)| entries),
        "entries_of_unknown_kind": read.map(|(_, unknown)| unknown),
    }))?;
    Ok(())
}

fn warn_of_time(
    last: &Verified,
    follower: &Follower<'_>,
    now: Timestamp,
    output: &mut Output,
) -> Result<()> {
    let ahead = last.published_at.seconds().saturating_sub(now.seconds());
    if ahead > follower.policy.time_tolerance_s {
        output.warn(&format!(
            "the log's time is {ahead} s ahead of this machine's: one of the two clocks is wrong"
        ))?;
    }
    Ok(())
}
