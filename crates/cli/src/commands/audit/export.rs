//! `witness audit export`: a bundle of files that can be checked offline.
//!
//! What must hold: a file under its own name is whole; an export that was cut off goes on, and a folder that
//! holds something else is not touched.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tonic::{Status, Streaming};
use witness_core::{audit::BundlePath, name::Domain};
use witness_wire::v1::{ExportRequest, ExportResponse};

use super::LogArgs;
use crate::{
    args::domain,
    files,
    outcome::{Failure, Outcome},
    output::{Output, count_of},
    rpc,
};

/// How far an export came; gone when it is whole.
const STATE: &str = "export.state.json";
const STATE_BYTES_MAX: u64 = 4096;
/// Entries of one bundle (C2SP tlog-tiles, "Log Entries").
const BUNDLE: u64 = 256;

/// Arguments of `witness audit export`.
#[derive(Debug, Args)]
#[command(after_help = "\
The bundle holds every entry of the log, which is public, and the bodies of the streams in your
scope.
Run the same command again to go on with an export that was cut off.

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

/// What was begun, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    origin: String,
    issuer: String,
    size: u64,
    next_bundle: u64,
}

/// Exports.
pub(crate) async fn run(args: &ExportArgs, output: &mut Output) -> Result<Outcome> {
    let issuer = args.issuer.as_ref().map(ToString::to_string).unwrap_or_default();
    let wanted = State { origin: args.log.origin(), issuer, size: 0, next_bundle: 0 };
    let state = begin(&args.out, wanted)?;
    let channel = rpc::connect(&args.log.server).await?;
    let request = ExportRequest {
        origin: state.origin.clone(),
        size: state.size,
        issuer: state.issuer.clone(),
        from_bundle: state.next_bundle,
    };
    let mut pieces = rpc::answer(rpc::audit(&channel).export(request).await)?;
    let bar = output.entries_bar(state.size);
    let mut taking = Taking::new(&args.out, state);
    let taken = taking.all(&mut pieces, &bar).await;
    bar.finish_and_clear();
    taken?;
    taking.end()?;
    let (size, shown) = (taking.state.size, args.out.display());
    let entries = match size {
        1 => "1 entry".to_owned(),
        size => format!("{size} entries"),
    };
    let files = count_of(taking.files, "file");
    output.good(&format!("exported: {entries} in {files}, to {shown}"))?;
    output.note(&format!("check it offline: witness audit check {shown} --policy policy.json"))?;
    output.json(&json!({
        "outcome": "done",
        "size": size,
        "files": taking.files,
        "bytes": taking.bytes,
        "bundle": args.out,
    }))?;
    Ok(Outcome::Done)
}

/// What is left to do of an export into this folder.
fn begin(folder: &Path, wanted: State) -> Result<State> {
    let path = folder.join(STATE);
    if path.exists() {
        let state: Option<State> =
            serde_json::from_slice(&files::read(&path, STATE_BYTES_MAX)?).ok();
        let fits = |state: &State| {
            state.issuer == wanted.issuer
                && (wanted.origin.is_empty() || wanted.origin == state.origin)
        };
        return state.filter(fits).ok_or_else(|| {
            let message = format!("{} holds the begin of another export", folder.display());
            Failure::cannot_tell(message).next("name another folder with --out").into()
        });
    }
    if !folder.exists() {
        return Ok(wanted);
    }
    let inside =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    // A run that ended while it wrote its first state has left that behind, and nothing else.
    let unfinished = format!("{STATE}.new");
    for file in inside {
        if file?.file_name() != *unfinished {
            let message = format!("{} is not empty", folder.display());
            return Err(Failure::cannot_tell(message).next("name a new folder with --out").into());
        }
    }
    Ok(wanted)
}

/// An export on its way into its folder.
struct Taking<'a> {
    folder: &'a Path,
    state: State,
    open: Option<Unfinished>,
    files: u64,
    bytes: u64,
    /// Whether the last file has come.
    is_whole: bool,
}

impl<'a> Taking<'a> {
    fn new(folder: &'a Path, state: State) -> Self {
        Self { folder, state, open: None, files: 0, bytes: 0, is_whole: false }
    }

    async fn all(
        &mut self,
        pieces: &mut Streaming<ExportResponse>,
        bar: &ProgressBar,
    ) -> Result<()> {
        let mut is_begun = false;
        while let Some(piece) = pieces.message().await.map_err(|status| cut_off(&status))? {
            if !is_begun {
                self.begin(piece.size)?;
                bar.set_length(piece.size);
                is_begun = true;
            }
            self.take(&piece)?;
            bar.set_position(piece.entries_sent);
        }
        Ok(())
    }

    /// Remembers what was begun, before there is any other file.
    fn begin(&mut self, size: u64) -> Result<()> {
        files::make_private_folder(self.folder)?;
        if self.state.size != 0 {
            // What proves the time is sent again, and may be other files by now.
            for own in ["bundle.json", "checkpoint", "checkpoints", "rollups", "anchors"] {
                remove(&self.folder.join(own))?;
            }
            return Ok(());
        }
        self.state.size = size;
        self.remember()
    }

    fn take(&mut self, piece: &ExportResponse) -> Result<()> {
        if piece.size != self.state.size {
            let message = "the server sends a log of another size than was asked for";
            return Err(Failure::cannot_tell(message).next("export into another folder").into());
        }
        self.bytes += u64::try_from(piece.piece.len())?;
        let mut file = match self.open.take() {
            Some(file) if file.path == piece.path => file,
            Some(file) => {
                let message = format!("the server left {} unfinished", file.path);
                let step = "run the same command again";
                return Err(Failure::cannot_tell(message).next(step).into());
            }
            None => Unfinished::create(self.folder, &piece.path)?,
        };
        let written = file.file.write_all(&piece.piece);
        written.with_context(|| format!("{} cannot be written", piece.path))?;
        if !piece.complete {
            self.open = Some(file);
            return Ok(());
        }
        self.is_whole = file.path == BundlePath::Bundle.encode();
        file.finish()?;
        self.files += 1;
        // What is remembered was written before.
        let next_bundle = piece.entries_sent / BUNDLE;
        if self.state.next_bundle == next_bundle {
            return Ok(());
        }
        self.state.next_bundle = next_bundle;
        self.remember()
    }

    fn remember(&self) -> Result<()> {
        files::replace(&self.folder.join(STATE), &serde_json::to_vec(&self.state)?)
    }

    fn end(&self) -> Result<()> {
        if !self.is_whole || self.open.is_some() {
            let message = "the export ended before it was whole";
            let step = "run the same command again: it goes on where it stopped";
            return Err(Failure::cannot_tell(message).next(step).into());
        }
        remove(&self.folder.join(STATE))
    }
}

/// Removes a file, or a folder with all that is in it, if it is there.
fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A file whose end has not come.
struct Unfinished {
    path: String,
    part: PathBuf,
    whole: PathBuf,
    file: File,
}

impl Unfinished {
    fn create(folder: &Path, path: &str) -> Result<Self> {
        // No path that parses leads out of the folder.
        if BundlePath::parse(path).is_none() {
            let message = "the server named a file that does not belong into a bundle";
            return Err(Failure::refused(message).next("do not trust this server").into());
        }
        let whole = folder.join(path);
        let part = whole.with_extension("part");
        make_folders(whole.parent().unwrap_or(folder))?;
        let file =
            File::create(&part).with_context(|| format!("{} cannot be made", part.display()))?;
        Ok(Self { path: path.to_owned(), part, whole, file })
    }

    /// Gives it its name: it is there after a power cut, too.
    fn finish(self) -> Result<()> {
        let failed = || format!("{} cannot be written", self.whole.display());
        self.file.sync_all().with_context(failed)?;
        fs::rename(&self.part, &self.whole).with_context(failed)?;
        files::sync_folder_of(&self.whole)
    }
}

fn make_folders(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    folder.parent().map(make_folders).transpose()?;
    fs::create_dir(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    files::sync_folder_of(folder)
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
