//! What a watcher remembers from one run to the next: the newest checkpoint that it has verified, how far it
//! has read the entries, and which roll-ups and anchors it has seen.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::listing::Listed;
use crate::files;

const FORMAT: &str = "witness-watch/v1";
const STATE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most proofs under one name.
const PROOFS_MAX: u32 = 1000;
const PROOF_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The state of a watcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    format: String,
    /// The log.
    pub(super) origin: String,
    /// The newest checkpoint that was verified, a signed note.
    pub(super) checkpoint: Option<String>,
    /// Firm notes that were read, in order.
    pub(super) firm_notes: Vec<String>,
    /// Number of entries that were looked through for firm notes.
    pub(super) firm_notes_to: u64,
    /// How far the entries were checked, with --full.
    pub(super) entries: EntriesState,
    /// Which roll-ups of the firm were verified.
    #[serde(default)]
    pub(super) rollups: RollUpsState,
    /// Which of their anchors were verified, by contract.
    #[serde(default)]
    pub(super) anchors: BTreeMap<String, AnchorsState>,
}

/// Which roll-ups were verified: all from the first on. Their values are in a file of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RollUpsState {
    /// Number of the next one.
    pub(super) next_sequence: u64,
    /// The newest one, a signed note.
    pub(super) newest: Option<String>,
    /// The newest one that covers this log.
    pub(super) covering: Option<CoveringState>,
}

/// A roll-up and what is under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CoveringState {
    /// The roll-up, a signed note.
    pub(super) note: String,
    /// Its checkpoints, in order, three lines each.
    pub(super) checkpoints: String,
}

/// Which anchors on one contract were verified: all from the first on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AnchorsState {
    /// The newest one.
    pub(super) newest: Option<Listed>,
    /// The newest one whose block, with those of all before it, nodes of the chain call final.
    pub(super) on_chain: Option<Listed>,
    /// The newest one whose block the policy names.
    pub(super) in_policy: Option<Listed>,
    /// SHA-256 of the blocks that the policy named then, base64.
    pub(super) policy_blocks: String,
}

impl AnchorsState {
    /// Takes an anchor that was verified: whether its block was seen on the chain, and whether the policy names it.
    pub(super) fn saw(&mut self, listed: Listed, is_on_chain: bool, is_in_policy: bool) {
        let raise = |newest: &mut Option<Listed>| {
            if newest.is_none_or(|newest| newest.sequence < listed.sequence) {
                *newest = Some(listed);
            }
        };
        raise(&mut self.newest);
        if is_on_chain {
            raise(&mut self.on_chain);
        }
        if is_in_policy {
            raise(&mut self.in_policy);
        }
    }
}

/// How far the entries were checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EntriesState {
    /// Number of entries.
    pub(super) size: u64,
    /// Roots of the complete subtrees that make up the tree of that size, base64.
    pub(super) peaks: Vec<String>,
    /// Time of receipt of the last entry, microseconds.
    pub(super) received_at_us: u64,
    /// Registry and firm notes with the index of their entry.
    pub(super) notes: Vec<LoggedNote>,
    /// Where each stream stands.
    pub(super) streams: Vec<StreamState>,
}

/// A note that the meaning of later entries rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LoggedNote {
    /// Index of its entry.
    pub(super) index: u64,
    /// The note.
    pub(super) note: String,
    /// Whether it is one of the firm's keys, and not of the registry.
    pub(super) is_firm: bool,
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamState {
    /// Its issuer.
    pub(super) issuer: String,
    /// Its name.
    pub(super) stream: String,
    /// Sequence number of its next event.
    pub(super) next_sequence: u64,
    /// SHA-256 of the text of its last submission, base64.
    pub(super) previous: String,
}

/// The folder of a watcher.
#[derive(Debug)]
pub(super) struct StateFolder {
    folder: PathBuf,
}

impl StateFolder {
    /// Opens or makes it.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        files::make_private_folder(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// What was remembered of a log; a beginning if nothing was.
    pub(super) fn load(&self, origin: &str) -> Result<State> {
        let path = self.path();
        if !path.exists() {
            return Ok(State {
                format: FORMAT.to_owned(),
                origin: origin.to_owned(),
                checkpoint: None,
                firm_notes: Vec::new(),
                firm_notes_to: 0,
                entries: EntriesState::default(),
                rollups: RollUpsState::default(),
                anchors: BTreeMap::new(),
            });
        }
        let bytes = files::read(&path, STATE_BYTES_MAX)?;
        let state: State = serde_json::from_slice(&bytes).with_context(|| {
            format!("{} is no state of a watcher; give another --state", path.display())
        })?;
        if state.format != FORMAT || state.origin != origin {
            anyhow::bail!("{} is of another log or version; give another --state", path.display());
        }
        Ok(state)
    }

    /// Remembers it.
    pub(super) fn save(&self, state: &State) -> Result<()> {
        files::replace(&self.path(), &serde_json::to_vec(state)?)
    }

    /// Keeps something that proves a misdeed, under a name of its own: an earlier proof is never
    /// overwritten. The same one again is kept once.
    pub(super) fn keep_proof(&self, name: &str, extension: &str, bytes: &[u8]) -> Result<PathBuf> {
        for number in 1..=PROOFS_MAX {
            let path = self.folder.join(format!("{name}-{number}.{extension}"));
            if !path.exists() {
                files::write_new(&path, bytes, 0o600)?;
                return Ok(path);
            }
            if files::read(&path, PROOF_BYTES_MAX).is_ok_and(|kept| kept == bytes) {
                return Ok(path);
            }
        }
        anyhow::bail!("{} holds too many proofs named {name}", self.folder.display())
    }

    /// A further file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn path(&self) -> PathBuf {
        self.file("state.json")
    }
}
