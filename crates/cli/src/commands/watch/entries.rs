//! Reading every entry of a log: the tree is rebuilt from them, and each is checked as far as its kind is
//! known.
//!
//! What must hold: nothing about an entry is said before the tree that holds it had the signed root.

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    audit::{Fault, Replay, Replayed},
    checkpoint::Checkpoint,
    drafting::Position,
    entry::EntryKind,
    hash::Hash,
    merkle::{CompactRange, LeafIndex, TreeSize},
    name::{Domain, Name, Origin},
    note::Strict,
    policy::Policy,
    tile::TILE_WIDTH,
    time::Timestamp,
};

use super::state::{EntriesState, LoggedNote, StreamState};
use crate::outcome::Failure;

/// What the entries say, as far as they were read.
#[derive(Debug, Clone)]
pub(super) struct Entries {
    replay: Replay,
    range: CompactRange,
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
        let range = range.context(damaged)?;
        let mut replay = Replay::new(origin.clone(), policy.firm_root.clone());
        for logged in &state.notes {
            let kind = if logged.is_firm { EntryKind::Firm } else { EntryKind::Registry };
            replay.note(&kind, LeafIndex(logged.index), &logged.note).ok().context(damaged)?;
        }
        for stream in &state.streams {
            let (issuer, name) =
                Domain::parse(&stream.issuer).zip(Name::parse(&stream.stream)).context(damaged)?;
            let previous = Hash::from_base64(&stream.previous).context(damaged)?;
            let position = Position { next_sequence: stream.next_sequence, previous };
            anyhow::ensure!(replay.stand(&issuer, &name, position), damaged);
        }
        replay.go_on(state.size, Timestamp::from_micros(state.received_at_us));
        Ok(Self { replay, range, notes: state.notes.clone(), unknown: 0 })
    }

    /// What to remember. The peaks are not shown by the range, so they come from the caller's tree.
    pub(super) fn state(&self, peaks: &[Hash]) -> EntriesState {
        let stream = |(issuer, stream, position): (&Domain, &Name, &Position)| StreamState {
            issuer: issuer.to_string(),
            stream: stream.to_string(),
            next_sequence: position.next_sequence,
            previous: position.previous.to_base64(),
        };
        EntriesState {
            size: self.size().0,
            peaks: peaks.iter().map(|peak| peak.to_base64()).collect(),
            received_at_us: self.replay.received_at().micros(),
            notes: self.notes.clone(),
            streams: self.replay.positions().map(stream).collect(),
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
                    && let Err(fault) = next.take(text)
                {
                    let why = fault.to_string();
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

    fn take(&mut self, text: &[u8]) -> Result<(), Fault> {
        let played = self.replay.play(text, &Strict)?;
        let index = played.index.0;
        match played.what {
            Replayed::Firm(note) => {
                self.notes.push(LoggedNote { index, note: note.to_string(), is_firm: true });
            }
            Replayed::Registry(note) => {
                self.notes.push(LoggedNote { index, note: note.to_string(), is_firm: false });
            }
            Replayed::Unknown => self.unknown += 1,
            Replayed::Submission(_)
            | Replayed::Heartbeat(_)
            | Replayed::Conflict(_)
            | Replayed::Erasure(_)
            | Replayed::Observation(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use witness_core::{
        entry::Entry,
        firm_keys::plan_keys,
        key::{SignatureType, SigningKey},
        note::Note,
        registry::Change,
        submission::Submission,
    };

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

    #[test]
    fn what_is_logged_of_an_issuer_after_it_was_offboarded_is_complained_of() {
        let (mut seed, log) = (0, Name::parse("log1").unwrap());
        let keys = plan_keys(&Domain::parse("witness.example").unwrap(), &[log], || {
            seed += 1;
            [seed; 32]
        });
        let keys = keys.unwrap();
        let registrar = &keys.files.iter().find(|(file, _)| file == "registrar.skey").unwrap().1;
        let key =
            SigningKey::from_seed("school.example", SignatureType::Ed25519, &[9; 32]).unwrap();
        let policy = Policy::for_firm(keys.root.verifying_key().clone());
        let origin = Origin::parse("witness.example/log1").unwrap();
        let mut entries = Entries::new(&origin, &policy, &EntriesState::default()).unwrap();
        let take = |entries: &mut Entries, kind, text: String, signers: &[&SigningKey]| {
            let (received_at, registry_sequence) =
                (Timestamp::EPOCH, entries.replay.registry().next_sequence());
            let lines = signers.iter().map(|key| key.sign(&text, Timestamp::EPOCH)).collect();
            let body = Note::new(text, lines).to_string();
            let entry = Entry { kind, received_at, registry_sequence, body };
            entries.take(entry.encode().as_bytes())
        };
        let firm = keys.note.text().to_owned();
        take(&mut entries, EntryKind::Firm, firm, &[&keys.root]).unwrap();
        let register = |entries: &mut Entries, change: &str, signers: &[&SigningKey]| {
            let change = Change::parse(change).unwrap();
            let text = entries.replay.registry().draft(change).encode();
            take(entries, EntryKind::Registry, text, signers).unwrap();
        };
        register(&mut entries, "issuer-added school.example\n", &[registrar]);
        let added = format!("key-added school.example {}\n", key.verifying_key());
        register(&mut entries, &added, &[registrar, &key]);
        register(&mut entries, "stream-opened school.example main DE live\n", &[registrar]);
        let mut gone = entries.clone();
        register(&mut gone, "issuer-offboarded school.example\n", &[registrar]);
        let submission = Submission {
            origin,
            issuer: Domain::parse("school.example").unwrap(),
            stream: Name::parse("main").unwrap(),
            first_sequence: 0,
            events: 1,
            root: Hash::ZERO,
            previous: Hash::ZERO,
        };
        let submit = |entries: &mut Entries| {
            take(entries, EntryKind::Submission, submission.encode(), &[&key])
        };
        assert_eq!(submit(&mut entries), Ok(()));
        assert_eq!(submit(&mut gone), Err(Fault::IssuerOffboarded));
    }
}
