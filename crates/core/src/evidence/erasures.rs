//! The erased events of the file: each at a place of a submission of the item's issuer, and named by an erasure that
//! stands later in the log.

use alloc::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::{
    anchored::Anchored,
    erased::{ErasedFacts, ErasureFacts},
    file::Reference,
    items::{Reading, Vouched},
    place::{ErasedPlace, Referrer},
    refusal::Refusal,
    rows::{ErasedEvent, Item},
    times::Received,
    verdict::{Cosigned, Logged},
};
use crate::{
    erasure::Erasure,
    merkle::{self, LeafIndex, TreeSize},
};

/// An erasure of this log, and what bears it out.
pub(super) struct Stated {
    erasure: Erasure,
    anchored: Option<Anchored>,
    cosigned: Option<Cosigned>,
    logged: Logged,
}

/// Events that the file names, each by its entry and its index in the submission.
pub(super) type Named = BTreeSet<(Reference, LeafIndex)>;

impl Reading<'_> {
    /// The events whose texts are in the file: none of them can be one that was erased.
    pub(super) fn named(self) -> Named {
        let events = self.evidence.items.iter().flat_map(|item| &item.events);
        events.map(|event| (event.entry, event.index)).collect()
    }

    /// Erased events stand in log order, and an event is named once in all of the file: it is of one document.
    pub(super) fn check_named(
        item: &Item,
        place: ErasedPlace,
        named: &mut Named,
    ) -> Result<(), Refusal> {
        let of = |erased: &ErasedEvent| (erased.entry, erased.index);
        let this = item.erased.get(place.erased).map(of);
        let before = place.erased.checked_sub(1).and_then(|before| item.erased.get(before));
        if before.map(of) >= this {
            return Err(Refusal::ErasedOrder { place });
        }
        let is_new = this.is_some_and(|this| named.insert(this));
        if is_new { Ok(()) } else { Err(Refusal::ErasedRepeated { place }) }
    }

    /// One erased event: its leaf in a submission of the item's issuer, and in the ranges of an erasure from later.
    pub(super) fn erased(
        self,
        (item, proof): (&Item, &ErasedEvent),
        place: ErasedPlace,
        (vouched, stated): (&Vouched, &Stated),
    ) -> Result<ErasedFacts, Refusal> {
        let Vouched { submission, signed, logged, anchored, .. } = vouched;
        let events = TreeSize(submission.events);
        merkle::verify_inclusion(&proof.leaf, proof.index, events, &proof.path, &submission.root)
            .map_err(|source| Refusal::ErasedProof { place, source })?;
        if submission.issuer != item.issuer {
            return Err(Refusal::ErasedIssuer { place });
        }
        let erasure = &stated.erasure;
        if erasure.issuer != submission.issuer {
            return Err(Refusal::ErasureIssuer { place });
        }
        let sequence = submission.first_sequence + proof.index.0;
        if !erasure.covers(&submission.stream, sequence) {
            return Err(Refusal::ErasureRange { place });
        }
        if stated.logged.index <= logged.index {
            return Err(Refusal::ErasureEarly { place });
        }
        Ok(ErasedFacts {
            anchored: *anchored,
            cosigned: self.cosigned(logged),
            erasure: ErasureFacts {
                anchored: stated.anchored,
                cosigned: stated.cosigned.clone(),
                logged: stated.logged.clone(),
                reason: erasure.reason,
            },
            logged: logged.clone(),
            sequence,
            signed: signed.clone(),
            stream: submission.stream.clone(),
        })
    }

    /// The erasure of an entry, which many events can have in common.
    pub(super) fn stated(
        self,
        reference: Reference,
        place: ErasedPlace,
        known: &mut BTreeMap<Reference, Stated>,
    ) -> Result<&Stated, Refusal> {
        match known.entry(reference) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(first) => Ok(first.insert(self.read_erasure(reference, place)?)),
        }
    }

    fn read_erasure(self, reference: Reference, place: ErasedPlace) -> Result<Stated, Refusal> {
        let entry = reference.0;
        let (row, leaf, checkpoint) = self.found(reference, Referrer::Erased(place))?;
        let erasure =
            Erasure::parse(&leaf.body).map_err(|source| Refusal::ErasureText { entry, source })?;
        if erasure.origin != *self.trust.origin {
            return Err(Refusal::ErasureOrigin { entry });
        }
        let logged =
            Logged { index: row.index, received_at: leaf.received_at, size: checkpoint.size };
        let received = Received { entry, index: row.index, at: leaf.received_at };
        let anchored = self.chain.anchored(received)?;
        let cosigned = checkpoint.cosigned.clone();
        Ok(Stated { erasure, anchored, cosigned, logged })
    }
}
