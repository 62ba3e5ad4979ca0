//! Reading every entry of a log: the tree is rebuilt from them, and each is checked as far as its kind is
//! known.
//!
//! What must hold: nothing about an entry is said before the tree that holds it had the signed root.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    entry::{Entry, EntryKind},
    firm::Firm,
    hash::Hash,
    key::KeyId,
    merkle::{CompactRange, LeafIndex, TreeSize},
    name::{Domain, Name, Origin},
    note::{Note, Strict},
    policy::Policy,
    registry::{Continuity, KeyStanding, Registry},
    submission::{Heartbeat, IssuerNote, Submission},
    tile::TILE_WIDTH,
    time::Timestamp,
};

use super::{
    follow::Verified,
    state::{EntriesState, LoggedNote, StreamState},
    tiles::HttpTiles,
};
use crate::outcome::Failure;

/// What the entries say, as far as they were read.
#[derive(Debug, Clone)]
pub(super) struct Entries {
    origin: Origin,
    firm: Firm,
    registry: Registry,
    range: CompactRange,
    received_at: Timestamp,
    streams: BTreeMap<(Domain, Name), (u64, Hash)>,
    notes: Vec<LoggedNote>,
    /// Number of entries of kinds that are not known here.
    pub(super) unknown: u64,
}

impl Entries {
    /// Goes on from what was remembered.
    pub(super) fn new(origin: &Origin, policy: &Policy, state: &EntriesState) -> Result<Self> {
        let damaged = "the state of the watcher is damaged; give another --state";
        let peaks: Option<Vec<Hash>> =
            state.peaks.iter().map(|peak| Hash::from_base64(peak)).collect();
        let range = peaks.and_then(|peaks| CompactRange::new(TreeSize(state.size), peaks));
        let mut entries = Self {
            origin: origin.clone(),
            firm: Firm::new(policy.firm_root.clone()),
            registry: Registry::new(origin.clone()),
            range: range.context(damaged)?,
            received_at: Timestamp::from_micros(state.received_at_us),
            streams: BTreeMap::new(),
            notes: Vec::new(),
            unknown: 0,
        };
        for logged in &state.notes {
            let kind = if logged.is_firm { EntryKind::Firm } else { EntryKind::Registry };
            entries.note(&kind, LeafIndex(logged.index), &logged.note).ok().context(damaged)?;
        }
        for stream in &state.streams {
            let key =
                Domain::parse(&stream.issuer).zip(Name::parse(&stream.stream)).context(damaged)?;
            let previous = Hash::from_base64(&stream.previous).context(damaged)?;
            entries.streams.insert(key, (stream.next_sequence, previous));
        }
        Ok(entries)
    }

    /// What to remember. The peaks are not shown by the range, so they come from the caller's tree.
    pub(super) fn state(&self, peaks: &[Hash]) -> EntriesState {
        let stream =
            |((issuer, stream), (next_sequence, previous)): (&(Domain, Name), &(u64, Hash))| {
                StreamState {
                    issuer: issuer.to_string(),
                    stream: stream.to_string(),
                    next_sequence: *next_sequence,
                    previous: previous.to_base64(),
                }
            };
        EntriesState {
            size: self.size().0,
            peaks: peaks.iter().map(|peak| peak.to_base64()).collect(),
            received_at_us: self.received_at.micros(),
            notes: self.notes.clone(),
            streams: self.streams.iter().map(stream).collect(),
        }
    }

    /// Number of entries read.
    pub(super) fn size(&self) -> TreeSize {
        self.range.size()
    }

    /// Reads all entries up to a checkpoint, and checks that they make its tree. On an error nothing of
    /// what was read counts.
    pub(super) fn read_to(
        &mut self,
        to: &Verified,
        tiles: &HttpTiles<'_>,
        bar: &ProgressBar,
    ) -> Result<()> {
        let mut next = self.clone();
        let size = to.checkpoint.size;
        while next.size() < size {
            let from = next.size().0;
            let bundle = tiles.bundle(from / TILE_WIDTH)?;
            for text in bundle.iter().skip(usize::try_from(from % TILE_WIDTH)?) {
                let index = next.size().next();
                next.range.push(Hash::leaf(text));
                let checked = next.take(index, text);
                checked.map_err(|why| {
                    Failure::refused(format!("entry {index} of {} is not good: {why}", next.origin))
                        .next("keep it, and ask the firm: it should never have been logged")
                })?;
            }
            bar.set_position(next.size().0);
        }
        if next.range.root() != to.checkpoint.root {
            let message =
                format!("the entries do not make the tree of size {size} that the log signed");
            return Err(Failure::refused(message)
                .next("the log serves other entries than it signed")
                .into());
        }
        *self = next;
        Ok(())
    }

    fn take(&mut self, index: LeafIndex, text: &[u8]) -> Result<(), String> {
        let entry = Entry::parse(text).map_err(|error| error.to_string())?;
        if entry.received_at < self.received_at {
            return Err("it was received before the entry before it".to_owned());
        }
        if entry.registry_sequence != self.registry.next_sequence() {
            return Err("it names another registry sequence than the one in force".to_owned());
        }
        self.received_at = entry.received_at;
        match &entry.kind {
            EntryKind::Firm | EntryKind::Registry => self.note(&entry.kind, index, &entry.body),
            EntryKind::Submission => {
                let note =
                    self.issuer_note(index, &entry, IssuerNote::<Submission>::parse, |it| {
                        &it.issuer
                    })?;
                self.submission(&note)
            }
            EntryKind::Heartbeat => {
                self.issuer_note(index, &entry, IssuerNote::<Heartbeat>::parse, |it| &it.issuer)?;
                Ok(())
            }
            // A conflict does not move its stream.
            EntryKind::Conflict => {
                self.issuer_note(index, &entry, IssuerNote::<Submission>::parse, |it| &it.issuer)?;
                Ok(())
            }
            EntryKind::Unknown(_) => {
                self.unknown += 1;
                Ok(())
            }
        }
    }

    fn note(&mut self, kind: &EntryKind, index: LeafIndex, body: &str) -> Result<(), String> {
        let note = Note::parse(body.as_bytes()).map_err(|error| error.to_string())?;
        let is_firm = *kind == EntryKind::Firm;
        if is_firm {
            self.firm.apply(&note, &Strict).map_err(|error| error.to_string())?;
        } else {
            let applied =
                self.registry.apply(&note, index, Continuity::Complete, (&self.firm, &Strict));
            applied.map_err(|error| error.to_string())?;
        }
        self.notes.push(LoggedNote { index: index.0, note: body.to_owned(), is_firm });
        Ok(())
    }

    /// A note of an issuer's, under a key of its that counted.
    fn issuer_note<T, E: std::fmt::Display>(
        &self,
        index: LeafIndex,
        entry: &Entry,
        parse: impl Fn(&[u8]) -> Result<IssuerNote<T>, E>,
        issuer: impl Fn(&T) -> &Domain,
    ) -> Result<IssuerNote<T>, String> {
        let note = parse(entry.body.as_bytes()).map_err(|error| error.to_string())?;
        let issuer = issuer(&note.body);
        let record = self.registry.issuer(issuer).ok_or("its issuer is not registered")?;
        let id: KeyId = note.key_id();
        let key = record.key(id).ok_or("its key is not registered")?;
        match key.standing(index, entry.received_at) {
            KeyStanding::Counted | KeyStanding::Suspect => {}
            KeyStanding::NotYetAdded => return Err("its key was added only later".to_owned()),
            KeyStanding::Revoked => return Err("its key had been revoked".to_owned()),
        }
        note.verify(&key.key, &Strict).map_err(|error| error.to_string())?;
        Ok(note)
    }

    /// Streams have no gaps, and each submission names the one before it.
    fn submission(&mut self, note: &IssuerNote<Submission>) -> Result<(), String> {
        let submission = &note.body;
        if submission.origin != self.origin {
            return Err("it is for another log".to_owned());
        }
        let record = self.registry.issuer(&submission.issuer);
        if record.is_none_or(|record| !record.streams.contains_key(&submission.stream)) {
            return Err("its stream is not open".to_owned());
        }
        let key = (submission.issuer.clone(), submission.stream.clone());
        let (expected, previous) = self.streams.get(&key).copied().unwrap_or((0, Hash::ZERO));
        if submission.first_sequence != expected {
            return Err(format!("its stream goes on at sequence {expected}"));
        }
        if submission.previous != previous {
            return Err("it does not name the submission before it".to_owned());
        }
        self.streams.insert(key, (submission.next_sequence(), note.text_hash));
        Ok(())
    }
}
