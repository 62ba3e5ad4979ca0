//! Opening a log: what the store says is verified before anything is served. There is no other recovery:
//! a commit is atomic, so the store always stands at the end of some batch.

use std::{collections::BTreeMap, io, sync::Arc};

use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    firm::{Firm, Role},
    hash::Hash,
    key::VerifyingKey,
    merkle::{self, LeafIndex, TreeSize},
    name::Origin,
    note::{Note, Strict},
    registry::{Continuity, Registry},
    tile::{Edge, TILE_WIDTH, Tile, TileId, hashes_at},
};

use crate::{
    cells::{self, Head, Reader, StreamHead, family},
    conflicts,
    head_copy::HeadCopy,
    plan::State,
    reader::LogReader,
    store::{DEFAULT, Store, StoreError},
};

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store failed, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored does not verify.
    #[error("the stored log does not verify: {what}; restore it from a copy that does")]
    Unverified {
        /// What was checked.
        what: String,
    },
    /// The keys are not those that the firm's notes name.
    #[error(
        "the {role} key is not the one that the firm's notes name for {origin} now; add it with a new firm note"
    )]
    UnnamedKey {
        /// Role of the key.
        role: &'static str,
        /// The log.
        origin: Origin,
    },
    /// A firm note given by the operator was refused.
    #[error("the firm note was refused: {why}")]
    FirmNote {
        /// Why.
        why: String,
    },
    /// A thread or a file could not be made.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the writer's state from the store, and verifies the right edge, the firm's notes and the registry.
pub(crate) fn load(
    store: &Store,
    origin: &Origin,
    root: &VerifyingKey,
) -> Result<State, OpenError> {
    let head = store.head()?;
    let edge = load_edge(store, &head)?;
    verify_entries_at_edge(store, &head)?;
    let mut firm = Firm::new(root.clone());
    for (_index, note) in logged_notes(store, cells::firm_key, &EntryKind::Firm)? {
        firm.apply(&note, &Strict).map_err(|error| unverified(format!("firm note: {error}")))?;
    }
    let mut registry = Registry::new(origin.clone());
    for (index, note) in logged_notes(store, cells::registry_key, &EntryKind::Registry)? {
        registry
            .apply(&note, index, Continuity::Complete, (&firm, &Strict))
            .map_err(|error| unverified(format!("registry change at index {index}: {error}")))?;
    }
    if head.size.0 > 0 {
        verify_receipt(store, &head, (&firm, origin))?;
        verify_registry_end(store, &head, &registry)?;
    }
    let streams = load_streams(store, &registry)?;
    Ok(State { head, edge, registry: Arc::new(registry), firm: Arc::new(firm), streams })
}

/// The newest entry says how many registry changes there are: one that lost its key would not be missed.
fn verify_registry_end(store: &Store, head: &Head, registry: &Registry) -> Result<(), OpenError> {
    let last = cells::index_key(LeafIndex(head.size.0 - 1));
    let entry = store.get(family::ENTRY, &last)?.and_then(|text| Entry::parse(&text).ok());
    let entry = entry.ok_or(StoreError::Damaged { what: "newest entry" })?;
    let changes = entry.registry_sequence + u64::from(entry.kind == EntryKind::Registry);
    if changes == registry.next_sequence() {
        return Ok(());
    }
    let found = registry.next_sequence();
    Err(unverified(format!("{changes} registry changes were logged and {found} are there")))
}

/// Where each stream stands, which must be the end of its last submission.
fn load_streams(
    store: &Store,
    registry: &Registry,
) -> Result<BTreeMap<u32, StreamHead>, OpenError> {
    let damaged = || StoreError::Damaged { what: "stream head" };
    let mut streams = BTreeMap::new();
    for record in registry.issuers().flat_map(|(_, issuer)| issuer.streams.values()) {
        let head = match store.get(DEFAULT, &StreamHead::key(record.ordinal))? {
            Some(bytes) => StreamHead::decode(&bytes).ok_or_else(damaged)?,
            None => StreamHead::EMPTY,
        };
        let last = conflicts::last_submission(store, record.ordinal)?;
        let end = last.map_or((0, Hash::ZERO), |(first, cell)| {
            (first + u64::from(cell.events), cell.text_hash)
        });
        if (head.next_sequence, head.previous) != end {
            return Err(damaged().into());
        }
        streams.insert(record.ordinal, head);
    }
    Ok(streams)
}

/// Why a log with this store may be read and not written: it is behind what was shown before.
pub(crate) fn read_only_reason(
    (reader, origin): (&LogReader, &Origin),
    head: &Head,
    copy: &HeadCopy,
) -> Result<Option<String>, OpenError> {
    let path = copy.path().display();
    let Some(shown) = copy.read()? else {
        let published = newest_published(&reader.store)?;
        return Ok(published.map(|(size, _)| {
            format!(
                "size {size} was published, and its copy {path} is not there: this may be an older copy of the \
                 data. Bring the copy back; if it is lost for good, put the checkpoint that this log serves in its \
                 place, once you know that nobody has seen a newer one"
            )
        }));
    };
    if shown.origin != origin.as_str() {
        let found = &shown.origin;
        return Ok(Some(format!(
            "{path} is of the log {found}: give each firm a folder of its own"
        )));
    }
    if shown.size > head.size {
        return Ok(Some(format!(
            "its data ends at size {}, but size {} was published (copy in {path}): this is an older copy of the data. \
             Restore the newest one; nothing is lost by reading meanwhile",
            head.size, shown.size
        )));
    }
    if reader.root(shown.size)? != shown.root {
        return Ok(Some(format!(
            "its data has another root at size {} than was published (copy in {path}): this is another history. \
             Keep both, and restore the published one",
            shown.size
        )));
    }
    Ok(None)
}

/// Why a log with this store may be read and not written: it stands behind what the firm has rolled up, or has
/// another past.
pub(crate) fn behind_rollup(
    reader: &LogReader,
    head: &Head,
    (sequence, rolled_up): &(u64, Checkpoint),
) -> Result<Option<String>, OpenError> {
    let size = rolled_up.size;
    let why = if size > head.size {
        format!("its data ends at size {}, but size {size} is under", head.size)
    } else if reader.root(size)? == rolled_up.root {
        return Ok(None);
    } else {
        format!("its data has another root at size {size} than")
    };
    Ok(Some(format!(
        "{why} roll-up {sequence} of this firm: this is not the newest copy of the data. Restore that one, or go on under \
         a new origin; nothing is lost by reading meanwhile"
    )))
}

fn load_edge(store: &Store, head: &Head) -> Result<Edge, OpenError> {
    let damaged = || OpenError::Store(StoreError::Damaged { what: "tile at the right edge" });
    let mut open = Vec::new();
    let mut below: Option<Hash> = None;
    for level in 0.. {
        let hashes = hashes_at(level, head.size);
        if hashes == 0 {
            break;
        }
        let last_full = (hashes / TILE_WIDTH).checked_sub(1);
        let tile =
            read_tile(store, TileId { level, index: hashes / TILE_WIDTH }, hashes % TILE_WIDTH)?;
        let full = match last_full {
            Some(index) => Some(read_tile(store, TileId { level, index }, TILE_WIDTH)?),
            None => None,
        };
        // The newest hash of this level must be the root of the newest full tile below it.
        let newest =
            tile.hashes().last().or_else(|| full.as_ref().and_then(|full| full.hashes().last()));
        if below.is_some_and(|root| newest != Some(&root)) {
            return Err(unverified(format!(
                "level {level} of its tiles does not follow from the level below"
            )));
        }
        below = full.and_then(|full| full.node(8, 0));
        open.push(tile);
    }
    let edge = Edge::new(head.size, open).ok_or_else(damaged)?;
    let mut touched = witness_core::tile::TouchedTiles::new();
    edge.close(&mut touched);
    // Complete subtrees left of the edge are in its partial tiles, or are the full tile itself.
    let root = match merkle::root(&mut witness_core::tile::Tiled(&mut touched), head.size) {
        Ok(root) => root,
        Err(_tile) => return Err(damaged()),
    };
    if root == head.root { Ok(edge) } else { Err(unverified("the root of its tiles".to_owned())) }
}

fn read_tile(store: &Store, tile: TileId, width: u64) -> Result<Tile, StoreError> {
    if width == 0 {
        return Ok(Tile::default());
    }
    let damaged = StoreError::Damaged { what: "tile at the right edge" };
    let bytes = store.get(family::TILE, &cells::tile_key(tile))?;
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    let prefix = bytes.as_deref().and_then(|bytes| bytes.get(..width.saturating_mul(32)));
    prefix.and_then(Tile::from_bytes).ok_or(damaged)
}

/// The entries of the newest level-0 tile must hash to it.
fn verify_entries_at_edge(store: &Store, head: &Head) -> Result<(), OpenError> {
    let Some(last) = head.size.0.checked_sub(1) else { return Ok(()) };
    let index = last / TILE_WIDTH;
    let width = head.size.0 - index * TILE_WIDTH;
    let tile = read_tile(store, TileId { level: 0, index }, width)?;
    for (index, hash) in (index * TILE_WIDTH..).zip(tile.hashes()) {
        let entry = store.get(family::ENTRY, &cells::index_key(LeafIndex(index)))?;
        if entry.is_none_or(|entry| Hash::leaf(&entry) != *hash) {
            return Err(unverified(format!("the entry at index {index}")));
        }
    }
    Ok(())
}

fn verify_receipt(
    store: &Store,
    head: &Head,
    (firm, origin): (&Firm, &Origin),
) -> Result<(), OpenError> {
    let wrong = |why: String| unverified(format!("the checkpoint of size {}: {why}", head.size));
    let bytes = store.get(family::CHECKPOINT, &cells::receipt_key(head.size))?;
    let bytes = bytes.ok_or(StoreError::Damaged { what: "receipt checkpoint" })?;
    let note = Note::parse(&bytes).map_err(|error| wrong(error.to_string()))?;
    let expected = Checkpoint { origin: origin.to_string(), size: head.size, root: head.root };
    if note.text() != expected.encode() {
        return Err(wrong("its text is not that of the stored head".to_owned()));
    }
    let role = (Role::Log, origin.as_str(), head.size.0);
    firm.verify(&note, role, &Strict).map_err(|error| wrong(error.to_string()))?;
    Ok(())
}

/// Notes of a numbered kind, in order, with the indexes of their entries.
pub(crate) fn logged_notes(
    store: &Store,
    key: impl Fn(u64) -> Vec<u8>,
    kind: &EntryKind,
) -> Result<Vec<(LeafIndex, Note)>, OpenError> {
    let mut notes = Vec::new();
    for number in 0.. {
        let Some(index) = store.get(DEFAULT, &key(number))? else { break };
        let index = Reader(&index).u64().ok_or(StoreError::Damaged { what: "index" })?;
        let text = store.get(family::ENTRY, &cells::index_key(LeafIndex(index)))?;
        let entry = text.as_deref().and_then(|text| Entry::parse(text).ok());
        let entry = entry.filter(|entry| entry.kind == *kind);
        let note = entry.and_then(|entry| Note::parse(entry.body.as_bytes()).ok());
        notes.push((
            LeafIndex(index),
            note.ok_or(StoreError::Damaged { what: "note in an entry" })?,
        ));
    }
    Ok(notes)
}

fn unverified(what: String) -> OpenError {
    OpenError::Unverified { what }
}

/// The newest published checkpoint in the store.
pub(crate) fn newest_published(store: &Store) -> Result<Option<(TreeSize, Vec<u8>)>, StoreError> {
    let last = store.last_at(family::CHECKPOINT, &cells::published_key(TreeSize(u64::MAX)))?;
    Ok(last.filter(|(key, _)| key.starts_with(b"p")).and_then(|(key, note)| {
        let size = key.get(1..).and_then(|number| Reader(number).u64())?;
        Some((TreeSize(size), note))
    }))
}
