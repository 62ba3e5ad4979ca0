//! `witness audit export`: a bundle of files that can be checked offline.
//!
//! What must hold: a file under its own name is whole; an export that was cut off goes on, and a folder that
//! holds something else is not touched.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
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
The bundle holds every entry of the log, which is public, and the bodies of the streams in your scope.
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
    fs::create_dir_all(&args.out)
        .with_context(|| format!("{} cannot be made", args.out.display()))?;
    let issuer = args.issuer.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut state =
        begin(&args.out, State { origin: args.log.origin(), issuer, size: 0, next_bundle: 0 })?;
    let channel = rpc::connect(&args.log.server).await?;
    let request = ExportRequest {
        origin: state.origin.clone(),
        size: state.size,
        issuer: state.issuer.clone(),
        from_bundle: state.next_bundle,
    };
    let mut pieces = rpc::answer(rpc::audit(&channel).export(request).await)?;
    let bar = output.entries_bar(state.size);
    let mut open: Option<Unfinished> = None;
    let (mut written, mut bytes) = (0_u64, 0_u64);
    while let Some(piece) = pieces.message().await.map_err(|status| cut_off(&status))? {
        bytes += u64::try_from(piece.piece.len())?;
        let mut file = match open.take() {
            Some(file) if file.path == piece.path => file,
            Some(file) => {
                let message = format!("the server left {} unfinished", file.path);
                return Err(Failure::cannot_tell(message)
                    .next("run the same command again")
                    .into());
            }
            None => Unfinished::create(&args.out, &piece.path)?,
        };
        file.file
            .write_all(&piece.piece)
            .with_context(|| format!("{} cannot be written", piece.path))?;
        if piece.complete {
            file.finish()?;
            written += 1;
            remember(&args.out, &mut state, &piece)?;
            bar.set_length(piece.size);
            bar.set_position(piece.entries_sent);
        } else {
            open = Some(file);
        }
    }
    bar.finish_and_clear();
    if open.is_some() || !args.out.join("bundle.json").is_file() {
        let message = "the export ended before it was whole";
        return Err(Failure::cannot_tell(message).next("run the same command again").into());
    }
    drop(fs::remove_file(args.out.join(STATE)));
    let shown = args.out.display();
    let entries = match state.size {
        1 => "1 entry".to_owned(),
        size => format!("{size} entries"),
    };
    output.good(&format!("exported: {entries} in {}, to {shown}", count_of(written, "file")))?;
    output.note(&format!("check it offline: witness audit check {shown} --policy policy.json"))?;
    output.json(&json!({
        "outcome": "done",
        "size": state.size,
        "files": written,
        "bytes": bytes,
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
    let mut inside =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    if inside.next().is_some() {
        let message = format!("{} is not empty", folder.display());
        return Err(Failure::cannot_tell(message).next("name a new folder with --out").into());
    }
    Ok(wanted)
}

/// Remembers how far it came. What is remembered was written before.
fn remember(folder: &Path, state: &mut State, piece: &ExportResponse) -> Result<()> {
    let next_bundle = piece.entries_sent / BUNDLE;
    if state.size == piece.size && state.next_bundle == next_bundle {
        return Ok(());
    }
    *state = State { size: piece.size, next_bundle, ..state.clone() };
    files::replace(&folder.join(STATE), &serde_json::to_vec(state)?)
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
        let parent = whole.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .with_context(|| format!("{} cannot be made", parent.display()))?;
        let file =
            File::create(&part).with_context(|| format!("{} cannot be made", part.display()))?;
        Ok(Self { path: path.to_owned(), part, whole, file })
    }

    fn finish(self) -> Result<()> {
        let failed = || format!("{} cannot be written", self.whole.display());
        self.file.sync_all().with_context(failed)?;
        fs::rename(&self.part, &self.whole).with_context(failed)
    }
}

fn cut_off(status: &tonic::Status) -> Failure {
    Failure::from_status(status).next("run the same command again: it goes on where it stopped")
}
