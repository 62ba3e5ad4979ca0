//! Playing all entries of a log, in order: who the firm and the issuers are comes out of them, and each is judged
//! by what stood there before it.
//!
//! What must hold: the entries are those of a signed tree, which the caller has checked or checks yet. After a
//! fault the playing goes on, so that one fault is not found again in all that follows where that can be helped.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::Range;

use super::fault::Fault;
use crate::{
    drafting::Position,
    entry::{Entry, EntryKind},
    erasure::Erasure,
    evidence::authority,
    firm::Firm,
    hash::Hash,
    key::VerifyingKey,
    merkle::LeafIndex,
    name::{Domain, Name, Origin},
    note::{Ed25519, Note, Strict},
    observation::Observation,
    policy::Policy,
    registry::{Continuity, KeyRecord, KeyStanding, Registry, RegistryChange, StreamRecord},
    submission::{Heartbeat, IssuerNote, Submission},
    time::Timestamp,
};

/// What an entry turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// Keys of the firm.
    Firm(Note),
    /// A change of the registry.
    Registry(Note),
    /// A submission, which goes on where its stream stood.
    Submission(IssuerNote<Submission>),
    /// An issuer's sign of life.
    Heartbeat(IssuerNote<Heartbeat>),
    /// A submission that contradicts a logged one.
    Conflict(IssuerNote<Submission>),
    /// That bodies were erased.
    Erasure(Erasure),
    /// What the firm saw.
    Observation(Observation),
    /// Of a kind, or about something, that this version does not know.
    Unknown,
}

/// An entry with what it turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Its index.
    pub index: LeafIndex,
    /// When it was received.
    pub received_at: Timestamp,
    /// What it is.
    pub what: Replayed,
}

/// What the entries say, as far as they were played.
#[derive(Debug, Clone)]
pub struct Replay {
    firm: Firm,
    registry: Registry,
    next: u64,
    received_at: Timestamp,
    /// Where each stream stands, by its number in the registry.
    positions: BTreeMap<u32, Position>,
}

impl Replay {
    /// Begins before the first entry of a log, knowing the firm's root alone.
    #[must_use]
    pub fn new(origin: Origin, root: VerifyingKey) -> Self {
        Self {
            firm: Firm::new(root),
            registry: Registry::new(origin),
            next: 0,
            received_at: Timestamp::EPOCH,
            positions: BTreeMap::new(),
        }
    }

    /// The firm, by the notes that were played.
    #[must_use]
    pub fn firm(&self) -> &Firm {
        &self.firm
    }

    /// The registry, by the notes that were played.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Time of receipt of the newest entry.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// Where every stream stands that has a submission.
    pub fn positions(&self) -> impl Iterator<Item = (&Domain, &Name, &Position)> {
        let streams = self.registry.issuers().flat_map(|(issuer, record)| {
            record.streams.iter().map(move |(name, stream)| (issuer, name, stream.ordinal))
        });
        streams.filter_map(|(issuer, name, ordinal)| {
            Some((issuer, name, self.positions.get(&ordinal)?))
        })
    }

    /// Goes on from what was played before: its notes were given to [`Replay::note`].
    pub fn go_on(&mut self, size: u64, received_at: Timestamp) {
        self.next = size;
        self.received_at = received_at;
    }

    /// Says where a stream stood when it was played before. False if there is no such stream.
    #[must_use]
    pub fn stand(&mut self, issuer: &Domain, stream: &Name, position: Position) -> bool {
        let record = self.registry.issuer(issuer).and_then(|issuer| issuer.streams.get(stream));
        let ordinal = record.map(|record| record.ordinal);
        ordinal.map(|ordinal| self.positions.insert(ordinal, position)).is_some()
    }

    /// Plays the next entry. `ed25519` looks at what issuers signed; whoever gives one that only takes down what
    /// there is to verify must verify it before anything counts.
    pub fn play(&mut self, text: &[u8], ed25519: &dyn Ed25519) -> Result<Played, Fault> {
        let index = LeafIndex(self.next);
        self.next += 1;
        let entry = Entry::parse(text)?;
        let before = self.received_at;
        self.received_at = before.max(entry.received_at);
        let in_force = self.registry.next_sequence();
        let what = self.read(&entry, index, ed25519)?;
        if entry.received_at < before {
            return Err(Fault::ReceivedBackwards);
        }
        if entry.registry_sequence != in_force {
            return Err(Fault::RegistrySequence { expected: in_force });
        }
        Ok(Played { index, received_at: entry.received_at, what })
    }

    fn read(
        &mut self,
        entry: &Entry,
        index: LeafIndex,
        ed25519: &dyn Ed25519,
    ) -> Result<Replayed, Fault> {
        let body = entry.body.as_bytes();
        match &entry.kind {
            EntryKind::Firm | EntryKind::Registry => {
                let note = self.note(&entry.kind, index, &entry.body)?;
                let is_firm = entry.kind == EntryKind::Firm;
                Ok(if is_firm { Replayed::Firm(note) } else { Replayed::Registry(note) })
            }
            EntryKind::Submission => {
                let note = IssuerNote::<Submission>::parse(body)?;
                self.of_this_log(&note.body.origin)?;
                let ordinal = self.stream(&note.body.issuer, &note.body.stream)?.ordinal;
                // A stream goes on from what is logged, whatever is wrong with it.
                let stood = self.move_on(ordinal, &note);
                self.signed(&note, &note.body.issuer, (index, entry.received_at), ed25519)?;
                stood.follows(&note.body)?;
                Ok(Replayed::Submission(note))
            }
            EntryKind::Heartbeat => {
                let note = IssuerNote::<Heartbeat>::parse(body)?;
                self.of_this_log(&note.body.origin)?;
                self.stream(&note.body.issuer, &note.body.stream)?;
                self.signed(&note, &note.body.issuer, (index, entry.received_at), ed25519)?;
                Ok(Replayed::Heartbeat(note))
            }
            // A conflict does not move its stream.
            EntryKind::Conflict => {
                let note = IssuerNote::<Submission>::parse(body)?;
                self.of_this_log(&note.body.origin)?;
                let ordinal = self.stream(&note.body.issuer, &note.body.stream)?.ordinal;
                self.signed(&note, &note.body.issuer, (index, entry.received_at), ed25519)?;
                let stood = self.positions.get(&ordinal);
                let may_contradict = |stood: &Position| {
                    note.body.first_sequence < stood.next_sequence
                        && note.text_hash != stood.previous
                };
                if !stood.is_some_and(may_contradict) {
                    return Err(Fault::NoConflict);
                }
                Ok(Replayed::Conflict(note))
            }
            EntryKind::Erasure => {
                let erasure = Erasure::parse(&entry.body)?;
                self.of_this_log(&erasure.origin)?;
                self.may_erase(&erasure)?;
                Ok(Replayed::Erasure(erasure))
            }
            EntryKind::Observation => match Observation::parse(&entry.body) {
                Ok(observation) => {
                    self.of_this_log(&observation.origin)?;
                    Ok(Replayed::Observation(observation))
                }
                Err(error) if error.may_be_later() => Ok(Replayed::Unknown),
                Err(error) => Err(error.into()),
            },
            EntryKind::Unknown(_) => Ok(Replayed::Unknown),
        }
    }

    /// Takes a note of the firm or of the registry, logged at `index`. On a fault nothing has changed.
    pub fn note(&mut self, kind: &EntryKind, index: LeafIndex, body: &str) -> Result<Note, Fault> {
        let note = Note::parse(body.as_bytes())?;
        if *kind == EntryKind::Firm {
            self.firm.apply(&note, &Strict)?;
        } else {
            let complete = Continuity::Complete;
            self.registry.apply(&note, index, complete, (&self.firm, &Strict))?;
        }
        Ok(note)
    }

    /// Whether a change of the registry that was just played bears the signature of a pinned registrar, where the
    /// policy pins any.
    #[must_use]
    pub fn is_pinned(&self, note: &Note, policy: &Policy) -> bool {
        let change = RegistryChange::parse(note.text());
        let pinned = |change: RegistryChange| {
            authority::is_pinned(note, &change.change, &self.registry, (policy, &Strict))
        };
        change.is_ok_and(pinned)
    }

    fn of_this_log(&self, origin: &Origin) -> Result<(), Fault> {
        if origin == self.registry.origin() {
            return Ok(());
        }
        Err(Fault::OtherLog { origin: origin.clone() })
    }

    fn stream(&self, issuer: &Domain, stream: &Name) -> Result<&StreamRecord, Fault> {
        let record = self.registry.issuer(issuer).ok_or(Fault::IssuerUnknown)?;
        record.streams.get(stream).ok_or(Fault::StreamNotOpen)
    }

    /// Those events of an erasure that are logged: streams by their numbers, and sequence numbers.
    #[must_use]
    pub fn logged_of(&self, erasure: &Erasure) -> Vec<(u32, Range<u64>)> {
        let logged = erasure.ranges.iter().filter_map(|range| {
            let ordinal = self.stream(&erasure.issuer, &range.stream).ok()?.ordinal;
            let events = range.first_sequence..range.end().min(self.next_sequence(ordinal));
            (!events.is_empty()).then_some((ordinal, events))
        });
        logged.collect()
    }

    /// Checks that what is erased was logged before, and that no legal hold stood on it.
    fn may_erase(&self, erasure: &Erasure) -> Result<(), Fault> {
        for range in &erasure.ranges {
            let stream = range.stream.clone();
            let next = self.next_sequence(self.stream(&erasure.issuer, &stream)?.ordinal);
            if range.end() > next {
                let sequence = range.first_sequence.max(next);
                return Err(Fault::ErasureEarly { stream, sequence });
            }
            if let Some(hold) = self.registry.hold_over(&erasure.issuer, range) {
                let events = self.registry.hold(hold).and_then(|record| record.range.as_ref());
                let first = events.map_or(0, |events| events.first_sequence);
                let (sequence, hold) = (range.first_sequence.max(first), hold.clone());
                return Err(Fault::ErasureHeld { stream, sequence, hold });
            }
        }
        Ok(())
    }

    fn next_sequence(&self, ordinal: u32) -> u64 {
        self.positions.get(&ordinal).map_or(0, |position| position.next_sequence)
    }

    /// Where the stream stood before the submission.
    fn move_on(&mut self, ordinal: u32, note: &IssuerNote<Submission>) -> Stood {
        let next_sequence = note.body.next_sequence();
        let position = Position { next_sequence, previous: note.text_hash };
        Stood(self.positions.insert(ordinal, position))
    }

    /// Checks that a key of the issuer's signed that counted.
    fn signed<T>(
        &self,
        note: &IssuerNote<T>,
        issuer: &Domain,
        (index, received_at): (LeafIndex, Timestamp),
        ed25519: &dyn Ed25519,
    ) -> Result<(), Fault> {
        let record = self.registry.issuer(issuer).ok_or(Fault::IssuerUnknown)?;
        if record.offboarded.is_some() {
            return Err(Fault::IssuerOffboarded);
        }
        let key: &KeyRecord = record.key(note.key_id()).ok_or(Fault::KeyUnknown)?;
        match key.standing(index, received_at) {
            KeyStanding::Counted | KeyStanding::Suspect => {}
            KeyStanding::NotYetAdded => return Err(Fault::KeyNotYetAdded),
            KeyStanding::Revoked => return Err(Fault::KeyRevoked { key: note.key_id() }),
        }
        note.verify(&key.key, ed25519).or(Err(Fault::Signature))
    }
}

/// Where a stream stood.
struct Stood(Option<Position>);

impl Stood {
    /// Streams have no gaps, and each submission names the one before it.
    fn follows(&self, submission: &Submission) -> Result<(), Fault> {
        let start = Position { next_sequence: 0, previous: Hash::ZERO };
        let stood = self.0.as_ref().unwrap_or(&start);
        if submission.first_sequence != stood.next_sequence {
            return Err(Fault::Gap { expected: stood.next_sequence });
        }
        if submission.previous != stood.previous {
            return Err(Fault::Previous);
        }
        Ok(())
    }
}
