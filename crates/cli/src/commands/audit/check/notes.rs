//! The notes of issuers among the entries of an entry bundle: every signature, and which bodies there must be.

use anyhow::{Context as _, Result};
use witness_core::{
    audit::findings::{AuditedStreams, Finding, Found, Place, Rule},
    entry::{Entry, EntryKind},
    key::KeyId,
    merkle::LeafIndex,
    name::{Domain, Name},
    note::Strict,
    policy::Policy,
    registry::{KeyStanding, Registry},
    submission::{Heartbeat, IssuerNote, Submission},
    tile::read_bundle,
    time::Timestamp,
};

use super::{log::bad_signature, tree::broken};

/// By what notes are judged: what all entries together have said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Register<'a> {
    pub(super) registry: &'a Registry,
    pub(super) streams: &'a AuditedStreams,
    pub(super) policy: &'a Policy,
}

/// A submission whose bodies must be there.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) index: LeafIndex,
    pub(super) stream: u32,
    pub(super) received_at: Timestamp,
    pub(super) submission: Submission,
}

impl Wanted {
    pub(super) fn place(&self) -> Place {
        let (stream, sequence) = (self.stream, self.submission.first_sequence);
        Place::Submission { stream, sequence, index: self.index }
    }
}

/// Looks at the notes of the entries from an index on. What the playing has found fault with is passed over.
pub(super) fn look(
    register: Register<'_>,
    (first, bytes): (u64, &[u8]),
    findings: &mut Vec<Finding>,
) -> Result<Vec<Wanted>> {
    let entries = read_bundle(bytes).context("an entry bundle has changed meanwhile")?;
    let mut wanted = Vec::new();
    for (index, text) in (first..).map(LeafIndex).zip(entries) {
        let Ok(entry) = Entry::parse(text) else { continue };
        let body = entry.body.as_bytes();
        let received_at = entry.received_at;
        match entry.kind {
            EntryKind::Submission | EntryKind::Conflict => {
                let Ok(note) = IssuerNote::<Submission>::parse(body) else { continue };
                let Submission { issuer, stream, first_sequence, .. } = &note.body;
                let place = (issuer, stream, *first_sequence, index);
                let Some(stream) = check(register, &note, (place, received_at), findings) else {
                    continue;
                };
                if entry.kind == EntryKind::Submission {
                    wanted.push(Wanted { index, stream, received_at, submission: note.body });
                }
            }
            EntryKind::Heartbeat => {
                let Ok(note) = IssuerNote::<Heartbeat>::parse(body) else { continue };
                let Heartbeat { issuer, stream, next_sequence, .. } = &note.body;
                let place = (issuer, stream, *next_sequence, index);
                check(register, &note, (place, received_at), findings);
            }
            EntryKind::Registry
            | EntryKind::Firm
            | EntryKind::Erasure
            | EntryKind::Observation
            | EntryKind::Unknown(_) => {}
        }
    }
    Ok(wanted)
}

type NotePlace<'a> = (&'a Domain, &'a Name, u64, LeafIndex);

/// Checks a note of an issuer's. Gives the number of its stream, if that is in the scope.
fn check<T>(
    register: Register<'_>,
    note: &IssuerNote<T>,
    ((issuer, stream, sequence, index), received_at): (NotePlace<'_>, Timestamp),
    findings: &mut Vec<Finding>,
) -> Option<u32> {
    let record = register.registry.issuer(issuer)?;
    let stream = record.streams.get(stream)?.ordinal;
    let place = Place::Submission { stream, sequence, index };
    let in_scope = register.streams.get(stream).is_some_and(|stream| stream.in_scope);
    let in_scope = in_scope.then_some(stream);
    let id: KeyId = note.key_id();
    let Some(key) = record.key(id) else { return in_scope };
    let standing = key.standing(index, received_at);
    if matches!(standing, KeyStanding::NotYetAdded | KeyStanding::Revoked) {
        return in_scope;
    }
    if note.verify(&key.key, &Strict).is_err() {
        findings.push(bad_signature(place));
        return in_scope;
    }
    if !register.policy.takes_issuer_key(&key.key) {
        let why = format!("its key {id} is not one of those that the policy pins for {issuer}");
        findings.push(broken(Rule::Signature, place, why));
        return in_scope;
    }
    let revoked = key.revoked.filter(|_| standing == KeyStanding::Suspect && in_scope.is_some());
    if let Some(revoked) = revoked {
        let found = Found::SuspectKey { key: id, as_of: revoked.as_of, received_at };
        findings.push(Finding { place, found });
    }
    in_scope
}
