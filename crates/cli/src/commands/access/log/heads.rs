//! Heads of the access log, as they stand in the logs of the firm.
//!
//! What must hold: a head counts only if its entry is in the tree that the log signed, under the firm's keys.

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    firm::{Firm, Role},
    hash::Hash,
    key::VerifyingKey,
    merkle::{CompactRange, LeafIndex},
    name::Origin,
    note::{Note, Strict},
    observation::{Observation, Seen},
    policy::Policy,
    tile::TILE_WIDTH,
    time::Timestamp,
};
use witness_wire::v1::ListLogsRequest;

use crate::{
    args::ServerArgs, commands::watch::HttpTiles, http::PublicFiles, outcome::Failure,
    output::Output, rpc,
};

const CHECKPOINT_BYTES_MAX: u64 = 64 * 1024;

/// A head of the access log that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The log.
    pub(super) origin: Origin,
    /// Index of its entry there.
    pub(super) index: u64,
    /// When it was logged.
    pub(super) at: Timestamp,
    /// How many records there were.
    pub(super) records: u64,
    /// SHA-256 of the newest of them.
    pub(super) hash: Hash,
}

/// All heads in all logs of a server.
pub(super) async fn read(
    server: &ServerArgs,
    policy: Option<&Policy>,
    output: &mut Output,
) -> Result<Vec<Head>> {
    let channel = rpc::connect(server).await?;
    let logs = rpc::answer(rpc::ledger(&channel).list_logs(rpc::timed(ListLogsRequest {})).await)?;
    let root = if let Some(policy) = policy {
        policy.firm_root.clone()
    } else {
        let shown = &logs.root_vkey;
        output.warn(&format!(
            "no --policy was given, so the firm's root key is believed because this server shows it:\n  {shown}"
        ))?;
        VerifyingKey::parse(shown).context("the server shows no root key")?
    };
    let mut heads = Vec::new();
    for log in &logs.logs {
        let origin = Origin::parse(&log.origin).context("the server names a log that is none")?;
        let files = PublicFiles::of_log(server, &origin)?;
        let bar = output.entries_bar(log.published_size);
        let found = of_log(&files, (&origin, &root, policy), &bar);
        bar.finish_and_clear();
        heads.extend(found?);
    }
    Ok(heads)
}

/// Reads every entry of a log: its tree must be the one that the newest checkpoint signs.
fn of_log(
    files: &PublicFiles,
    (origin, root, policy): (&Origin, &VerifyingKey, Option<&Policy>),
    bar: &ProgressBar,
) -> Result<Vec<Head>> {
    let refused = |why: String| {
        Failure::refused(format!("the log {origin} is not good: {why}"))
            .next("check that the policy is this firm's; then see `witness watch --full`")
    };
    let note = files.need("checkpoint", CHECKPOINT_BYTES_MAX)?;
    let note = Note::parse(&note).map_err(|error| refused(error.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| refused(error.to_string()))?;
    if checkpoint.origin != origin.as_str() {
        return Err(refused("it shows a checkpoint of another log".to_owned()).into());
    }
    let mut entries = Entries::new(root.clone());
    bar.set_length(checkpoint.size.0);
    let tiles = HttpTiles::new(files, checkpoint.size);
    for bundle in 0..checkpoint.size.0.div_ceil(TILE_WIDTH) {
        for text in tiles.bundle(bundle)? {
            entries.take(origin, &text).map_err(refused)?;
        }
        bar.set_position(entries.range.size().0);
    }
    if entries.range.root() != checkpoint.root {
        let message = format!("the entries of {origin} do not make the tree that it signed");
        let step = "try again; if it stays so, see `witness watch --full`";
        return Err(Failure::cannot_tell(message).next(step).into());
    }
    let role = (Role::Log, origin.as_str(), checkpoint.size.0);
    let signed = entries.firm.verify(&note, role, &Strict);
    signed.map_err(|error| refused(error.to_string()))?;
    let mut pinned = policy.into_iter().flat_map(Policy::pinned_log_keys).peekable();
    if pinned.peek().is_some() && !pinned.any(|key| note.verify(key, &Strict).is_ok()) {
        let why = "none of the log keys that the policy pins has signed it";
        return Err(refused(why.to_owned()).into());
    }
    Ok(entries.heads)
}

/// What was read of the entries of a log.
#[derive(Debug)]
struct Entries {
    range: CompactRange,
    firm: Firm,
    heads: Vec<Head>,
}

impl Entries {
    fn new(root: VerifyingKey) -> Self {
        Self { range: CompactRange::default(), firm: Firm::new(root), heads: Vec::new() }
    }

    /// Takes the next entry. What is wrong with one of another kind is not for here.
    fn take(&mut self, origin: &Origin, text: &[u8]) -> Result<(), String> {
        let index: LeafIndex = self.range.size().next();
        self.range.push(Hash::leaf(text));
        let Ok(entry) = Entry::parse(text) else { return Ok(()) };
        if entry.kind == EntryKind::Firm {
            let note = Note::parse(entry.body.as_bytes()).map_err(|error| error.to_string())?;
            self.firm.apply(&note, &Strict).map_err(|error| error.to_string())?;
        }
        if entry.kind != EntryKind::Observation {
            return Ok(());
        }
        match Observation::parse(&entry.body) {
            Ok(Observation { origin: bound, .. }) if bound != *origin => {
                Err(format!("entry {index} is bound to the log {bound}"))
            }
            Ok(Observation { seen: Seen::AccessLog { records, head: hash }, .. }) => {
                let (origin, index, at) = (origin.clone(), index.0, entry.received_at);
                self.heads.push(Head { origin, index, at, records, hash });
                Ok(())
            }
            Ok(Observation { seen: Seen::Domain { .. }, .. }) => Ok(()),
            // A later version saw something else.
            Err(error) if error.may_be_later() => Ok(()),
            Err(error) => Err(format!("entry {index}: {error}")),
        }
    }
}
