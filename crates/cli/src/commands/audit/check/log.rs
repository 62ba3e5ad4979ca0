//! The log of the bundle: all entries, played in order.

use std::{collections::BTreeMap, num::NonZero};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use witness_core::{
    audit::{BundleScope, Fault},
    audit::{
        Played, Replay, Replayed,
        findings::{Erased, Finding, Found, Place, Rule, Silences, Thresholds},
    },
    entry::{Entry, EntryKind},
    erasure::Erasure,
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Name},
    note::{Ed25519, PublicKey},
    policy::Policy,
    registry::Registry,
    submission::{Heartbeat, IssuerNote, Submission},
    tile::{TILE_WIDTH, read_bundle},
    time::Timestamp,
};

use super::{
    conflicts::Conflicts,
    folder::Folder,
    pipeline::{Worker, in_order},
    report::{Report, StreamName},
    tree::EntriesRead,
};
use crate::outcome::Failure;

/// Takes every signature of an issuer's for good: all of them are verified together with the bodies, on all cores.
#[derive(Debug)]
struct VerifiedLater;

impl Ed25519 for VerifiedLater {
    fn verify(&self, _key: &PublicKey, _message: &[u8], _signature: &[u8; 64]) -> bool {
        true
    }
}

/// What the entries say.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) replay: Replay,
    pub(super) erased: Erased,
    pub(super) conflicts: Conflicts,
    /// Number of entries of kinds that are not known here.
    pub(super) unknown: u64,
    /// When the last entry was received that stands below a size that was asked for.
    pub(super) received: BTreeMap<TreeSize, Timestamp>,
    silences: Silences,
}

/// Reads entry bundles.
struct Reader<'a> {
    folder: &'a Folder,
    size: TreeSize,
    read: &'a EntriesRead,
}

impl Worker for Reader<'_> {
    type Done = Vec<u8>;

    fn work(&mut self, number: u64) -> Result<Vec<u8>> {
        self.read.again(self.folder, number, self.size)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

/// By what the log is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) policy: &'a Policy,
    pub(super) scope: &'a BundleScope,
    pub(super) thresholds: &'a Thresholds,
}

impl Log {
    /// Plays all entries, which must be those of a signed tree.
    pub(super) fn play(
        (folder, size, threads): (&Folder, TreeSize, NonZero<usize>),
        (read, wanted): (&EntriesRead, &[TreeSize]),
        (replay, judge): (Replay, Judge<'_>),
        (report, bar): (&mut Report<'_>, &ProgressBar),
    ) -> Result<Self> {
        let silences = Silences::default();
        let received = BTreeMap::new();
        let mut log = Self {
            replay,
            erased: Erased::default(),
            conflicts: Conflicts::default(),
            unknown: 0,
            received,
            silences,
        };
        let reader = || Reader { folder, size, read };
        in_order((size.0.div_ceil(TILE_WIDTH), threads), reader, |number, bytes| {
            let entries = read_bundle(&bytes).context("an entry bundle has changed meanwhile")?;
            let mut next = number * TILE_WIDTH;
            for text in entries {
                log.take(LeafIndex(next), text, (judge, report))?;
                next += 1;
                if wanted.binary_search(&TreeSize(next)).is_ok() {
                    log.received.insert(TreeSize(next), log.replay.received_at());
                }
            }
            bar.set_position(next);
            Ok(())
        })?;
        Ok(log)
    }

    fn take(
        &mut self,
        index: LeafIndex,
        text: &[u8],
        (judge, report): (Judge<'_>, &mut Report<'_>),
    ) -> Result<()> {
        let Played { received_at, what, .. } = match self.replay.play(text, &VerifiedLater) {
            Ok(played) => played,
            Err(fault) if fault.may_be_later() => return Err(later(index, &fault).into()),
            Err(fault) => {
                self.erase_in_spite_of(&fault, text);
                let (place, name) = self.place(index, text, &fault);
                return report.find(Finding { place, found: Found::Fault(fault) }, name);
            }
        };
        match what {
            Replayed::Submission(note) => {
                let place = (&note.body.issuer, &note.body.stream);
                self.hear(place, received_at, (judge, report))
            }
            Replayed::Heartbeat(note) => {
                let place = (&note.body.issuer, &note.body.stream);
                self.hear(place, received_at, (judge, report))
            }
            Replayed::Conflict(note) => {
                let place = (&note.body.issuer, &note.body.stream);
                if let Some((stream, _)) = self.audited(place, judge.scope) {
                    self.conflicts.take(stream, index, &note);
                }
                Ok(())
            }
            Replayed::Registry(note) => {
                if self.replay.is_pinned(&note, judge.policy) {
                    return Ok(());
                }
                let why =
                    "no registrar that the policy pins has signed this change of the registry";
                report.broken(Rule::Entry, Place::Entry(index), why)
            }
            Replayed::Erasure(erasure) => {
                self.erase(&erasure);
                Ok(())
            }
            Replayed::Unknown => {
                self.unknown += 1;
                Ok(())
            }
            Replayed::Firm(_) | Replayed::Observation(_) => Ok(()),
        }
    }

    /// What was logged before its erasure may be missing.
    fn erase(&mut self, erasure: &Erasure) {
        for (stream, events) in self.replay.logged_of(erasure) {
            self.erased.take(stream, events);
        }
    }

    /// What is wrong with an erasure is said once, and not again of each event.
    fn erase_in_spite_of(&mut self, fault: &Fault, text: &[u8]) {
        if !matches!(fault, Fault::ErasureEarly { .. } | Fault::ErasureHeld { .. }) {
            return;
        }
        let entry = Entry::parse(text).ok();
        if let Some(erasure) = entry.and_then(|entry| Erasure::parse(&entry.body).ok()) {
            self.erase(&erasure);
        }
    }

    /// A stream says something.
    fn hear(
        &mut self,
        place: (&Domain, &Name),
        at: Timestamp,
        (judge, report): (Judge<'_>, &mut Report<'_>),
    ) -> Result<()> {
        let Some((ordinal, back_fill)) = self.audited(place, judge.scope) else { return Ok(()) };
        if back_fill {
            return Ok(());
        }
        match self.silences.take(ordinal, at, judge.thresholds) {
            Some(finding) => report.find(finding, Some((place.0.clone(), place.1.clone()))),
            None => Ok(()),
        }
    }

    /// The number of a stream that is in the scope, and whether it brings in the past.
    fn audited(
        &self,
        (issuer, stream): (&Domain, &Name),
        scope: &BundleScope,
    ) -> Option<(u32, bool)> {
        let record = self.replay.registry().issuer(issuer)?.streams.get(stream)?;
        scope.has(issuer, record).then_some((record.ordinal, record.back_fill))
    }

    /// Ends at the time of the checkpoint.
    pub(super) fn end(
        &mut self,
        at: Timestamp,
        thresholds: &Thresholds,
        report: &mut Report<'_>,
    ) -> Result<()> {
        let gone = self.replay.registry().issuers().filter(|(_, it)| it.offboarded.is_some());
        for stream in gone.flat_map(|(_, issuer)| issuer.streams.values()) {
            self.silences.close(stream.ordinal);
        }
        let mut findings = Vec::new();
        std::mem::take(&mut self.silences).end(at, thresholds, |finding| findings.push(finding));
        findings.into_iter().try_for_each(|finding| report.find(finding, None))
    }

    /// Where an entry stands that is not good, as far as it can be told.
    fn place(&self, index: LeafIndex, text: &[u8], fault: &Fault) -> (Place, Option<StreamName>) {
        let registry = self.replay.registry();
        erased(registry, index, (text, fault))
            .or_else(|| named(registry, index, text))
            .map_or((Place::Entry(index), None), |(place, name)| (place, Some(name)))
    }
}

/// The event that must not be erased.
fn erased(
    registry: &Registry,
    index: LeafIndex,
    (text, fault): (&[u8], &Fault),
) -> Option<(Place, StreamName)> {
    let (Fault::ErasureEarly { stream, sequence } | Fault::ErasureHeld { stream, sequence, .. }) =
        fault
    else {
        return None;
    };
    let issuer = Erasure::parse(&Entry::parse(text).ok()?.body).ok()?.issuer;
    let ordinal = registry.issuer(&issuer)?.streams.get(stream)?.ordinal;
    let place = Place::Event { stream: ordinal, sequence: *sequence, index };
    Some((place, (issuer, stream.clone())))
}

fn named(registry: &Registry, index: LeafIndex, text: &[u8]) -> Option<(Place, StreamName)> {
    let entry = Entry::parse(text).ok()?;
    let body = entry.body.as_bytes();
    let (issuer, stream, sequence) = if entry.kind == EntryKind::Heartbeat {
        let heartbeat = IssuerNote::<Heartbeat>::parse(body).ok()?.body;
        (heartbeat.issuer, heartbeat.stream, heartbeat.next_sequence)
    } else {
        let submission = IssuerNote::<Submission>::parse(body).ok()?.body;
        (submission.issuer, submission.stream, submission.first_sequence)
    };
    let ordinal = registry.issuer(&issuer)?.streams.get(&stream)?.ordinal;
    Some((Place::Submission { stream: ordinal, sequence, index }, (issuer, stream)))
}

/// What comes after an entry of a later version rests on it.
fn later(index: LeafIndex, fault: &Fault) -> Failure {
    Failure::cannot_tell(format!("entry {index} is of a later version: {fault}"))
        .next("use a newer version of this program")
}

/// That a signature which was taken for good is not.
pub(super) fn bad_signature(place: Place) -> Finding {
    Finding { place, found: Found::Fault(Fault::Signature) }
}
