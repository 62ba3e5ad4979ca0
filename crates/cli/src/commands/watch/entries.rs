//! Reading every entry of a log: the tree is rebuilt from them, and each is checked as far as its kind is
//! known.
//!
//! What must hold: nothing about an entry is said before the tree that holds it had the signed root.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    erasure::Erasure,
    firm::Firm,
    hash::Hash,
    key::KeyId,
    merkle::{CompactRange, LeafIndex, TreeSize},
    name::{Domain, Name, Origin},
    note::{Note, Strict},
    observation::Observation,
    policy::Policy,
    registry::{Continuity, KeyStanding, Registry},
    submission::{Heartbeat, IssuerNote, Submission},
    tile::TILE_WIDTH,
    time::Timestamp,
};

use super::state::{EntriesState, LoggedNote, StreamState};
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

/// An entry that the log signed and that is not good.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) index: LeafIndex,
    /// The entry, byte for byte.
    pub(super) text: Vec<u8>,
    /// What is wrong with it.
    pub(super) why: String,
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

    /// Reads all entries up to a checkpoint, and checks that they make its tree; `bundle` gives the entries
    /// of a bundle. Gives the first that is not good, if there is one. Then, and on an error, nothing of
    /// what was read counts.
    pub(super) fn read_to(
        &mut self,
        to: &Checkpoint,
        bundle: impl Fn(u64) -> Result<Vec<Vec<u8>>>,
        bar: &ProgressBar,
    ) -> Result<Option<Complaint>> {
        let mut next = self.clone();
        let mut complaint = None;
        while next.size() < to.size {
            let from = next.size().0;
            let bundle = bundle(from / TILE_WIDTH)?;
            for text in bundle.iter().skip(usize::try_from(from % TILE_WIDTH)?) {
                let index = next.size().next();
                next.range.push(Hash::leaf(text));
                // What comes after a wrong entry rests on it, and is read for the root alone.
                if complaint.is_none()
                    && let Err(why) = next.take(index, text)
                {
                    complaint = Some(Complaint { index, text: text.clone(), why });
                }
            }
            bar.set_position(next.size().0);
        }
        if next.range.root() != to.root {
            let message =
                format!("other entries are served than were signed, up to size {}", to.size);
            let step = "look again; if it stays so, the log serves damaged entries, and what is wrong \
                        with them says nothing about what it signed: ask the firm";
            return Err(Failure::cannot_tell(message).next(step).into());
        }
        if complaint.is_none() {
            *self = next;
        }
        Ok(complaint)
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
            EntryKind::Erasure => {
                let erasure = Erasure::parse(&entry.body).map_err(|error| error.to_string())?;
                self.of_this_log(&erasure.origin)
            }
            EntryKind::Observation => match Observation::parse(&entry.body) {
                Ok(observation) => self.of_this_log(&observation.origin),
                Err(error) if error.may_be_later() => {
                    self.unknown += 1;
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            },
            EntryKind::Unknown(_) => {
                self.unknown += 1;
                Ok(())
            }
        }
    }

    /// What the firm says of itself is bound to its log.
    fn of_this_log(&self, origin: &Origin) -> Result<(), String> {
        if origin == self.registry.origin() {
            return Ok(());
        }
        Err(format!("it is bound to the log {origin}"))
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
        if record.offboarded.is_some() {
            return Err("its issuer had been offboarded".to_owned());
        }
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

#[cfg(test)]
mod tests {
    use witness_core::key::{SignatureType, SigningKey};

    use super::{super::growth::tests::Leaves, *};
    use crate::outcome::Outcome;

    #[test]
    fn an_entry_is_complained_of_only_under_the_root_that_was_signed() {
        let root = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[4; 32]);
        let policy = Policy::for_firm(root.unwrap().verifying_key().clone());
        let origin = Origin::parse("witness.example/log1").unwrap();
        let mut entries = Entries::new(&origin, &policy, &EntriesState::default()).unwrap();
        let served = |_: u64| Ok(vec![b"no entry".to_vec(), b"neither".to_vec()]);
        let signed = Leaves::new(&["no entry", "neither"]).checkpoint(2);
        let complaint = entries.read_to(&signed, served, &ProgressBar::hidden()).unwrap().unwrap();
        assert_eq!((complaint.index, complaint.text), (LeafIndex(0), b"no entry".to_vec()));

        let signed = Leaves::new(&["no entry", "another one"]).checkpoint(2);
        let error = entries.read_to(&signed, served, &ProgressBar::hidden()).unwrap_err();
        assert_eq!(Outcome::of(&error), Outcome::CannotTell);
        assert_eq!(entries.size(), TreeSize(0));
    }
}
