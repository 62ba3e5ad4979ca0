//! `witness audit export`: a bundle of files that can be checked offline.
//!
//! What must hold: a file under its own name is whole; an export that was cut off goes on with the same log, firm and
//! scope, or not at all; and a folder that holds something else is not touched.

mod state;
mod unfinished;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;
use tonic::{Status, Streaming};
use witness_core::{
    audit::{Bundle, BundlePath},
    name::Domain,
};
use witness_wire::v1::{ExportRequest, ExportResponse};

use self::{
    state::{State, What},
    unfinished::{Unfinished, remove},
};
use super::{LogArgs, scope_json, scope_words, search};
use crate::{
    args::domain,
    files,
    outcome::{Failure, Outcome},
    output::{Output, count_of},
    rpc,
};

/// Entries of one bundle (C2SP tlog-tiles, "Log Entries").
const BUNDLE: u64 = 256;

/// Arguments of `witness audit export`.
#[derive(Debug, Args)]
#[command(after_help = "\
The bundle holds every entry of the log, which is public, and the bodies of the streams in your
scope.
Run the same command again to go on with an export that was cut off; with a token of another scope,
or another issuer, name another folder.

Examples:
  witness audit export --server https://witness.example --token-file regulator.token --out bundle
  witness audit check bundle --policy policy.json")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    log: LogArgs,
    /// Folder of the bundle; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only the bodies of this issuer
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    issuer: Option<Domain>,
}

/// Exports.
pub(crate) async fn run(args: &ExportArgs, output: &mut Output) -> Result<Outcome> {
    let begun = state::begin(&args.out, args.log.log.as_ref())?;
    let channel = rpc::connect(&args.log.server).await?;
    let origin = begun.as_ref().map_or_else(|| args.log.origin(), |it| it.what.origin.to_string());
    let request = ExportRequest {
        origin,
        size: begun.as_ref().map_or(0, |state| state.size),
        issuer: args.issuer.as_ref().map(ToString::to_string).unwrap_or_default(),
        from_bundle: begun.as_ref().map_or(0, |state| state.next_bundle),
    };
    let pieces = rpc::answer(rpc::audit(&channel).export(request).await);
    let mut pieces = pieces.map_err(|failure| match &begun {
        Some(state) => state.refused_by(&args.out, failure),
        None => failure,
    })?;
    let bar = output.entries_bar(begun.as_ref().map_or(0, |state| state.size));
    let mut taking = match first(&mut pieces).await {
        Ok((piece, what)) => Taking::begin(&args.out, begun, (piece, what))?,
        Err(error) => {
            bar.finish_and_clear();
            return Err(error);
        }
    };
    let taken = taking.all(&mut pieces, &bar).await;
    bar.finish_and_clear();
    taken?;
    let bundle = taking.end()?;
    taking.tell(args, &bundle, output)?;
    Ok(Outcome::Done)
}

/// The first piece, and of what the export is.
async fn first(pieces: &mut Streaming<ExportResponse>) -> Result<(ExportResponse, What)> {
    let Some(piece) = pieces.message().await.map_err(|status| cut_off(&status))? else {
        return Err(not_whole().into());
    };
    let what = piece.exported.as_ref().and_then(What::read).ok_or_else(|| {
        let message = "the server does not say of what its export is";
        Failure::cannot_tell(message).next("check that address and version are those of witnessd")
    })?;
    Ok((piece, what))
}

/// An export on its way into its folder.
struct Taking<'a> {
    folder: &'a Path,
    state: State,
    /// Events of the scope that were taken before this run.
    events_before: u64,
    /// The first piece, which was looked at.
    first: Option<ExportResponse>,
    open: Option<Unfinished>,
    events: u64,
    files: u64,
    bytes: u64,
    /// Whether the last file has come.
    is_whole: bool,
}

impl<'a> Taking<'a> {
    /// Sees that it belongs to what was begun, before anything is written; and remembers what was begun, before there is
    /// any other file.
    fn begin(
        folder: &'a Path,
        begun: Option<State>,
        (first, what): (ExportResponse, What),
    ) -> Result<Self> {
        let state = if let Some(state) = begun {
            state.must_go_on_with(folder, &what, first.size)?;
            // What proves the time is sent again, and may be other files by now.
            for own in ["bundle.json", "checkpoint", "checkpoints", "rollups", "anchors"] {
                remove(&folder.join(own))?;
            }
            state
        } else {
            files::make_private_folder(folder)?;
            let state = State { what, size: first.size, next_bundle: 0, events: 0 };
            state.keep(folder)?;
            state
        };
        let events = state.events;
        Ok(Self {
            folder,
            state,
            events_before: events,
            first: Some(first),
            open: None,
            events,
            files: 0,
            bytes: 0,
            is_whole: false,
        })
    }

    async fn all(
        &mut self,
        pieces: &mut Streaming<ExportResponse>,
        bar: &ProgressBar,
    ) -> Result<()> {
        bar.set_length(self.state.size);
        let mut next = self.first.take();
        while let Some(piece) = next {
            self.take(&piece)?;
            bar.set_position(piece.entries_sent);
            next = pieces.message().await.map_err(|status| cut_off(&status))?;
        }
        Ok(())
    }

    fn take(&mut self, piece: &ExportResponse) -> Result<()> {
        if piece.size != self.state.size {
            let message = "the server sends a log of another size than was asked for";
            return Err(Failure::cannot_tell(message).next("export into another folder").into());
        }
        self.bytes += u64::try_from(piece.piece.len())?;
        let mut file = match self.open.take() {
            Some(file) if file.path() == piece.path => file,
            Some(file) => {
                let message = format!("the server left {} unfinished", file.path());
                let step = "run the same command again";
                return Err(Failure::cannot_tell(message).next(step).into());
            }
            None => Unfinished::create(self.folder, &piece.path)?,
        };
        file.write(&piece.piece)?;
        if !piece.complete {
            self.open = Some(file);
            return Ok(());
        }
        self.is_whole = file.path() == BundlePath::Bundle.encode();
        file.finish()?;
        self.files += 1;
        self.events = self.events_before + piece.events_sent;
        // What is remembered was written before.
        let next_bundle = piece.entries_sent / BUNDLE;
        if self.state.next_bundle == next_bundle {
            return Ok(());
        }
        (self.state.next_bundle, self.state.events) = (next_bundle, self.events);
        self.state.keep(self.folder)
    }

    /// What the bundle says of itself, now that it is whole.
    fn end(&self) -> Result<Bundle> {
        if !self.is_whole || self.open.is_some() {
            return Err(not_whole().into());
        }
        let bundle = state::read_whole(self.folder)?;
        let is_same = |it: &Bundle| What::of(it) == self.state.what && it.size.0 == self.state.size;
        let bundle = bundle.filter(is_same).ok_or_else(|| {
            let message = "the server's bundle.json is not of what it said that it exports";
            Failure::refused(message).next("do not rely on this folder; export into a new one")
        })?;
        state::forget(self.folder)?;
        Ok(bundle)
    }

    /// Says what was exported.
    fn tell(&self, args: &ExportArgs, bundle: &Bundle, output: &mut Output) -> Result<()> {
        let (size, shown, scope) = (self.state.size, self.folder.display(), &bundle.scope);
        let streams = u64::try_from(bundle.streams.len())?;
        let given = args.issuer.as_ref().map(|issuer| format!("--issuer {issuer}"));
        let given: Vec<String> = given.into_iter().collect();
        let next_step = search::unmatched(streams, &given);
        let entries = if size == 1 { "1 entry".to_owned() } else { format!("{size} entries") };
        let exported =
            format!("exported: {entries} in {}, to {shown}", count_of(self.files, "file"));
        output.conclude(Outcome::Done);
        if streams == 0 {
            output.unsure(&format!("{exported}; and no stream: none is in the scope"))?;
        } else {
            output.good(&exported)?;
        }
        output.field("log", bundle.origin.as_str())?;
        output.field("scope", &scope_words(scope))?;
        let (of, events) = (count_of(streams, "stream"), count_of(self.events, "event"));
        output.field("bodies", &format!("{of}, {events}"))?;
        if let Some(step) = &next_step {
            output.note(step)?;
        }
        output
            .note(&format!("check it offline: witness audit check {shown} --policy policy.json"))?;
        output.json(&json!({
            "outcome": Outcome::Done.word(),
            "origin": bundle.origin.as_str(),
            "scope": scope_json(scope),
            "streams": streams,
            "events": self.events,
            "size": size,
            "files": self.files,
            "bytes": self.bytes,
            "bundle": args.out,
            "next_step": next_step,
        }))?;
        Ok(())
    }
}

fn not_whole() -> Failure {
    Failure::cannot_tell("the export ended before it was whole")
        .next("run the same command again: it goes on where it stopped")
}

fn cut_off(status: &Status) -> Failure {
    let failure = Failure::from_status(status);
    match failure.reason.as_deref() {
        Some("OVERTAKEN") => failure.next("name a new folder with --out"),
        Some("SHUT_OUT") => failure.next(
            "ask the firm's operator to let you in again, and then run the same command: it goes on where it stopped",
        ),
        Some(_) | None => failure.next("run the same command again: it goes on where it stopped"),
    }
}
