//! The documents of the file: each event in a submission of its issuer's, and what is proved of it.

use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    vec::Vec,
};

use super::{
    anchored::{Anchored, RolledUp},
    checkpoints::{CheckpointFacts, Trust},
    erasures::{Named, Stated},
    file::{Evidence, Reference},
    place::{ErasedPlace, Place, Referrer, Table},
    refusal::Refusal,
    rows::{EvidenceEntry, EvidenceEvent, Item},
    times::{Chain, Received},
    verdict::{
        Cosigned, Details, EventFacts, ItemFacts, KnownRevocations, Logged, Offboarded, Revoked,
        SignedBy,
    },
};
use crate::{
    entry::Entry as Leaf,
    event::Event,
    hash::Hash,
    merkle::{self, LeafIndex, TreeSize},
    name::Domain,
    registry::{KeyRecord, KeyStanding, Registry},
    submission::{IssuerNote, Submission},
};

/// All that the items are judged by.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) entries: &'a [Leaf],
    pub(super) checkpoints: &'a [CheckpointFacts],
    pub(super) chain: &'a Chain,
    pub(super) registry: &'a Registry,
    pub(super) trust: Trust<'a>,
}

/// A submission whose issuer's signature was found good, under a key that counted, and whose time fits the chain.
pub(super) struct Vouched {
    pub(super) submission: Submission,
    pub(super) signed: SignedBy,
    pub(super) logged: Logged,
    rolled_up: Option<RolledUp>,
    pub(super) anchored: Option<Anchored>,
}

/// What was read for an item, and serves the next ones: events have entries in common.
struct Known {
    submissions: BTreeMap<Reference, Vouched>,
    erasures: BTreeMap<Reference, Stated>,
    named: Named,
}

impl<'a> Reading<'a> {
    /// What is proved of every document.
    pub(super) fn items(self) -> Result<Vec<ItemFacts>, Refusal> {
        let (submissions, erasures) = (BTreeMap::new(), BTreeMap::new());
        let mut known = Known { submissions, erasures, named: self.named() };
        let facts = |(position, item)| self.item(position, item, &mut known);
        self.evidence.items.iter().enumerate().map(facts).collect()
    }

    fn item(self, position: usize, item: &Item, known: &mut Known) -> Result<ItemFacts, Refusal> {
        let mut events = Vec::with_capacity(item.events.len());
        let mut last: Option<(Reference, LeafIndex)> = None;
        for (number, proof) in item.events.iter().enumerate() {
            let place = Place { item: position, event: number };
            // Entries stand in log order, so their positions order the events.
            if last.is_some_and(|last| (proof.entry, proof.index) <= last) {
                return Err(Refusal::EventOrder { place });
            }
            last = Some((proof.entry, proof.index));
            let from = Referrer::Event(place);
            let vouched = self.vouched(proof.entry, from, &mut known.submissions)?;
            events.push(self.event((item, proof), place, vouched)?);
        }
        let mut erased = Vec::with_capacity(item.erased.len());
        for (number, proof) in item.erased.iter().enumerate() {
            let place = ErasedPlace { item: position, erased: number };
            Self::check_named(item, place, &mut known.named)?;
            let from = Referrer::Erased(place);
            let vouched = self.vouched(proof.entry, from, &mut known.submissions)?;
            let stated = self.stated(proof.erasure, place, &mut known.erasures)?;
            erased.push(self.erased((item, proof), place, (vouched, stated))?);
        }
        let (document, issuer) = (item.document, item.issuer.clone());
        let offboarded = self.offboarded(&issuer);
        Ok(ItemFacts { document, erased, events, issuer, offboarded })
    }

    /// Where the file has it that an issuer was offboarded. What it has of the registry was judged before.
    fn offboarded(self, issuer: &Domain) -> Option<Offboarded> {
        let index = self.registry.issuer(issuer)?.offboarded?.index;
        let mut rows = self.evidence.entries.iter().zip(self.entries);
        let (_, leaf) = rows.find(|(row, _)| row.index == index)?;
        Some(Offboarded { index, received_at: leaf.received_at })
    }

    /// An entry, as the file and its text have it, and the checkpoint in which it is proved.
    pub(super) fn found(
        self,
        reference: Reference,
        from: Referrer,
    ) -> Result<(&'a EvidenceEntry, &'a Leaf, &'a CheckpointFacts), Refusal> {
        let beyond = |table| Refusal::ReferenceOutOfRange { from, table };
        let row = self.evidence.entries.get(reference.0).ok_or(beyond(Table::Entries))?;
        let leaf = self.entries.get(reference.0).ok_or(beyond(Table::Entries))?;
        let checkpoint = self.checkpoints.get(row.checkpoint.0);
        Ok((row, leaf, checkpoint.ok_or(beyond(Table::Checkpoints))?))
    }

    fn vouched(
        self,
        reference: Reference,
        from: Referrer,
        known: &mut BTreeMap<Reference, Vouched>,
    ) -> Result<&Vouched, Refusal> {
        match known.entry(reference) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(first) => Ok(first.insert(self.submission(reference, from)?)),
        }
    }

    /// The submission of an entry: to this log, in an open stream of a registered issuer, signed by it.
    fn submission(self, reference: Reference, from: Referrer) -> Result<Vouched, Refusal> {
        let entry = reference.0;
        let (row, leaf, checkpoint) = self.found(reference, from)?;
        let note = IssuerNote::<Submission>::parse(leaf.body.as_bytes())
            .map_err(|source| Refusal::SubmissionNote { entry, source })?;
        if note.body.origin != *self.trust.origin {
            return Err(Refusal::SubmissionOrigin { entry });
        }
        let issuer = self.registry.issuer(&note.body.issuer);
        let issuer = issuer.ok_or(Refusal::IssuerNotVouched { entry })?;
        if issuer.offboarded.is_some_and(|offboarded| offboarded.index < row.index) {
            return Err(Refusal::IssuerOffboarded { entry });
        }
        let stream = issuer.streams.get(&note.body.stream);
        if stream.is_none_or(|stream| stream.opened.index >= row.index) {
            return Err(Refusal::StreamNotVouched { entry });
        }
        let key = issuer.key(note.key_id()).ok_or(Refusal::KeyNotVouched { entry })?;
        let signed = self.signed_by(entry, row.index, leaf, key)?;
        note.verify(&key.key, self.trust.ed25519)
            .map_err(|source| Refusal::IssuerSignature { entry, source })?;
        let logged =
            Logged { index: row.index, received_at: leaf.received_at, size: checkpoint.size };
        let received = Received { entry, index: row.index, at: leaf.received_at };
        let anchored = self.chain.anchored(received)?;
        let rolled_up = self.chain.rolled_up(row.index);
        Ok(Vouched { submission: note.body, signed, logged, rolled_up, anchored })
    }

    /// Whether the key counted is decided by log order, never by clocks.
    fn signed_by(
        self,
        entry: usize,
        index: LeafIndex,
        leaf: &Leaf,
        key: &KeyRecord,
    ) -> Result<SignedBy, Refusal> {
        let suspect = match key.standing(index, leaf.received_at) {
            KeyStanding::Counted => false,
            KeyStanding::Suspect => true,
            KeyStanding::NotYetAdded => return Err(Refusal::KeyNotYetAdded { entry }),
            KeyStanding::Revoked => return Err(Refusal::KeyRevoked { entry }),
        };
        if !self.trust.policy.takes_issuer_key(&key.key) {
            return Err(Refusal::IssuerKeyNotPinned { entry });
        }
        let saw_all =
            self.registry.is_complete() && self.registry.next_sequence() >= leaf.registry_sequence;
        let revoked = key.revoked.map(|revocation| Revoked {
            as_of: revocation.as_of,
            index: revocation.logged.index,
            suspect,
        });
        Ok(SignedBy {
            added_index: key.added.index,
            added_sequence: key.added.sequence,
            key: key.key.clone(),
            recovery: key.recovery,
            revocations: if saw_all {
                KnownRevocations::Complete
            } else {
                KnownRevocations::NotesInFile
            },
            revoked,
        })
    }

    /// One event: in its submission, of the item's document and issuer, with the details it commits to.
    fn event(
        self,
        (item, proof): (&Item, &EvidenceEvent),
        place: Place,
        vouched: &Vouched,
    ) -> Result<EventFacts, Refusal> {
        let Vouched { submission, signed, logged, rolled_up, anchored } = vouched;
        let (leaf, events) = (Hash::leaf(proof.text.as_bytes()), TreeSize(submission.events));
        merkle::verify_inclusion(&leaf, proof.index, events, &proof.path, &submission.root)
            .map_err(|source| Refusal::EventProof { place, source })?;
        // Only what is proved to be the issuer's text can be one of a later version.
        let event = Event::parse(proof.text.as_bytes())
            .map_err(|source| Refusal::EventText { place, source })?;
        if event.document != item.document {
            return Err(Refusal::EventDocument { place });
        }
        if submission.issuer != item.issuer {
            return Err(Refusal::EventIssuer { place });
        }
        let claim_type = self.registry.claim_type(&event.claim_type);
        let registered = claim_type.and_then(|record| record.registered.first());
        if registered.is_none_or(|first| first.index >= logged.index) {
            return Err(Refusal::ClaimTypeNotVouched { place });
        }
        let details = match (&proof.details, event.details) {
            (None, None) => Details::None,
            (None, Some(_)) => Details::Withheld,
            (Some(text), Some(hash)) if Hash::of(text.as_bytes()) == hash => Details::Proved,
            (Some(_), _) => return Err(Refusal::EventDetails { place }),
        };
        Ok(EventFacts {
            anchored: *anchored,
            change: event.change,
            claim_type: event.claim_type,
            cosigned: self.cosigned(logged),
            details,
            logged: logged.clone(),
            occurred_at: event.occurred_at,
            published: self.checkpoint(logged).and_then(|checkpoint| checkpoint.published),
            rolled_up: *rolled_up,
            sequence: submission.first_sequence + proof.index.0,
            signed: signed.clone(),
            stream: submission.stream.clone(),
        })
    }

    fn checkpoint(self, logged: &Logged) -> Option<&'a CheckpointFacts> {
        self.checkpoints.iter().find(|checkpoint| checkpoint.size == logged.size)
    }

    pub(super) fn cosigned(self, logged: &Logged) -> Option<Cosigned> {
        self.checkpoint(logged).and_then(|checkpoint| checkpoint.cosigned.clone())
    }
}
