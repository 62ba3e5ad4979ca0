//! `witness watch`: follows a log and the roll-ups of its firm over their public files alone, and checks that they
//! only ever grow.

mod anchors;
mod entries;
mod follow;
mod growth;
mod listing;
mod look;
mod nodes;
mod on_chain;
#[cfg(test)]
mod played;
mod proof;
mod rolled;
mod rollup_proof;
mod rollups;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod staged;
#[cfg(test)]
mod staged_anchors;
#[cfg(test)]
mod staged_chain;
#[cfg(test)]
mod staged_rollups;
mod state;
mod tiles;
mod told;
mod unshown;
mod values;

pub(crate) use self::{
    listing::{Listed, read_anchors},
    rolled::{Covering, SignedRollUp, split},
    tiles::HttpTiles,
};

use std::{path::PathBuf, thread, time::Duration};

use anyhow::Result;
use clap::Args;
use witness_core::{name::Origin, time::Timestamp};

use self::{
    anchors::Anchors,
    entries::Entries,
    follow::Follower,
    look::{Asked, Watcher},
    nodes::GivenNodes,
    rollups::RollUps,
    state::StateFolder,
};
use crate::{
    args,
    http::PublicFiles,
    outcome::{Failure, Outcome},
    output::Output,
    times, trust,
};

const EXAMPLES: &str = "\
Every published checkpoint is fetched; its signatures are verified, and that its tree is a
prefix of the newest one. With --full every entry is read too, the tree is rebuilt from them,
and signatures, order and registry are checked; a wrong one is saved with the proof that the
log signed it. What was seen is kept in DIR: a log that shows something else later is caught,
and both checkpoints are saved there with what shows that they do not go together, in a file
that says itself how it is checked.

The firm's roll-ups are followed, too: each must be signed, name the one before it, and cover a
tree that the log begins with. So are their anchors on the contracts that the policy names: each
must prove that the contract holds the value of a roll-up that was verified. Whether its block is
on the chain is asked of --rpc; then the contract's newest final state is asked for, too, and an
entry that is no roll-up of this firm, or that it long should have shown, is told. Without --rpc
only the blocks that the policy names are known from outside the firm.

Exit codes: 0 all is consistent (--once), 1 a check failed, 2 could not tell (--once).

Examples:
  witness watch --server http://localhost:7761 --origin witness.example/log1 \\
      --policy policy.json --state watch
  witness watch … --once --full --json
  witness watch … --interval 5m --rpc https://a.example/KEY --rpc https://b.example/KEY";

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
    #[command(flatten)]
    nodes: crate::chain::RpcArgs,
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
    let files = PublicFiles::of_log(&args.server, &args.origin)?;
    let files_of_firm = PublicFiles::of_firm(&args.server)?;
    let folder = StateFolder::open(&args.state)?;
    let follower = Follower::new(&files, &folder, &policy, args.origin.clone())?;
    let state = &follower.state;
    let rollups = RollUps::new(&files_of_firm, &folder, (&state.rollups, &args.origin))?;
    let entries =
        if args.full { Some(Entries::new(&args.origin, &policy, &state.entries)?) } else { None };
    let anchors = Anchors::new(&files_of_firm, &policy.chains);
    let endpoints = args.nodes.endpoints()?;
    let nodes = GivenNodes::new(&endpoints)?;
    let mut watcher = Watcher::new(follower, (rollups, anchors, nodes), entries);
    let asked = if args.once { Asked::Once } else { Asked::ForNews };
    loop {
        match watcher.look(output, (asked, now())) {
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

/// A check that failed ends it; a server that does not answer may answer later.
fn is_final(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_none_or(|failure| failure.outcome != Outcome::CannotTell)
}
