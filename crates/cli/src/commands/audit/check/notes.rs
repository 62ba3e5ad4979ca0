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

use super::{bodies::Checked, conflicts::Conflicts, log::bad_signature, tree::broken};

/// By what notes are judged: what all entries together have said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Register<'a> {
    pub(super) registry: &'a Registry,
    pub(super) streams: &'a AuditedStreams,
    pub(super) policy: &'a Policy,
    pub(super) conflicts: &'a Conflicts,
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
    checked: &mut Checked,
) -> Result<Vec<Wanted>> {
    let entries = read_bundle(bytes).context("an entry bundle has changed meanwhile")?;
    let Checked { findings, compared, .. } = checked;
    let mut wanted = Vec::new();
    for (index, text) in (first..).map(LeafIndex).zip(entries) {
        let Ok(entry) = Entry::parse(text) else { continue };
        let body = entry.body.as_bytes();
        let received_at = entry.received_at;
        match entry.kind {
            EntryKind::Submission => {
                let Ok(note) = IssuerNote::<Submission>::parse(body) else { continue };
                let Some(looked) = submission(register, &note, (index, received_at), findings)
                else {
                    continue;
                };
                let (stream, text_hash) = (looked.stream, note.text_hash);
                let submission = Wanted { index, stream, received_at, submission: note.body };
                if looked.is_signed {
                    register.conflicts.compare(&submission, &text_hash, compared);
                }
                wanted.push(submission);
            }
            EntryKind::Conflict => {
                let Ok(note) = IssuerNote::<Submission>::parse(body) else { continue };
                let looked = submission(register, &note, (index, received_at), findings);
                if looked.is_some_and(|looked| looked.is_signed) {
                    compared.signed.insert(index);
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

/// A note of a stream in the scope.
#[derive(Debug, Clone, Copy)]
struct Looked {
    stream: u32,
    /// Whether a key of its issuer's has signed it, and the policy takes that key.
    is_signed: bool,
}

fn submission(
    register: Register<'_>,
    note: &IssuerNote<Submission>,
    (index, received_at): (LeafIndex, Timestamp),
    findings: &mut Vec<Finding>,
) -> Option<Looked> {
    let Submission { issuer, stream, first_sequence, .. } = &note.body;
    let place = (issuer, stream, *first_sequence, index);
    check(register, note, (place, received_at), findings)
}

type NotePlace<'a> = (&'a Domain, &'a Name, u64, LeafIndex);

/// Checks a note of an issuer's. Says nothing of one of a stream out of the scope, but what is wrong with it.
fn check<T>(
    register: Register<'_>,
    note: &IssuerNote<T>,
    ((issuer, stream, sequence, index), received_at): (NotePlace<'_>, Timestamp),
    findings: &mut Vec<Finding>,
) -> Option<Looked> {
    let record = register.registry.issuer(issuer)?;
    let stream = record.streams.get(stream)?.ordinal;
    let place = Place::Submission { stream, sequence, index };
    let in_scope = register.streams.get(stream).is_some_and(|stream| stream.in_scope);
    let looked = |is_signed| in_scope.then_some(Looked { stream, is_signed });
    let id: KeyId = note.key_id();
    let Some(key) = record.key(id) else { return looked(false) };
    let standing = key.standing(index, received_at);
    if matches!(standing, KeyStanding::NotYetAdded | KeyStanding::Revoked) {
        return looked(false);
    }
    if note.verify(&key.key, &Strict).is_err() {
        findings.push(bad_signature(place));
        return looked(false);
    }
    if !register.policy.takes_issuer_key(&key.key) {
        let why = format!("its key {id} is not one of those that the policy pins for {issuer}");
        findings.push(broken(Rule::Signature, place, why));
        return looked(false);
    }
    let revoked = key.revoked.filter(|_| standing == KeyStanding::Suspect && in_scope);
    if let Some(revoked) = revoked {
        let found = Found::SuspectKey { key: id, as_of: revoked.as_of, received_at };
        findings.push(Finding { place, found });
    }
    looked(true)
}
