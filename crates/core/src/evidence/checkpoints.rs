//! The checkpoints of the file: whose signatures they bear, and when they were published.

use alloc::{collections::BTreeSet, format, string::ToString, vec::Vec};

use super::{
    file::Evidence,
    place::{Spot, Table},
    refusal::Refusal,
    verdict::{Cosigned, Published, Unchecked},
};
use crate::{
    checkpoint::Checkpoint,
    entry::Entry,
    firm::{Firm, Role},
    hash::Hash,
    key::{KeyId, VerifyingKey},
    merkle::TreeSize,
    name::Origin,
    note::{Ed25519, Note, NoteError, Signed},
    policy::Policy,
    time::Timestamp,
};

/// A checkpoint that was read.
pub(crate) struct SignedCheckpoint {
    pub(crate) note: Note,
    pub(crate) checkpoint: Checkpoint,
}

/// What the signatures of a checkpoint say.
pub(crate) struct CheckpointFacts {
    pub(crate) size: TreeSize,
    pub(crate) published: Option<Published>,
    pub(crate) cosigned: Option<Cosigned>,
}

/// What everything is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Trust<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) firm: &'a Firm,
    pub(crate) origin: &'a Origin,
    pub(crate) ed25519: &'a dyn Ed25519,
}

/// Reads the checkpoints: all of one log of the policy's firm, by ascending size.
pub(crate) fn read(
    evidence: &Evidence,
    policy: &Policy,
) -> Result<(Origin, Vec<SignedCheckpoint>), Refusal> {
    let mut read: Vec<SignedCheckpoint> = Vec::with_capacity(evidence.checkpoints.len());
    let mut common = None;
    for (position, text) in evidence.checkpoints.iter().enumerate() {
        let spot = Spot::Row(Table::Checkpoints, position);
        let (origin, signed) = read_one(spot, text, policy, common.as_ref())?;
        common = Some(origin);
        let last = read.last().map(|last| &last.checkpoint);
        if last.is_some_and(|last| is_fork(last, &signed.checkpoint)) {
            return Err(Refusal::CheckpointFork { checkpoint: spot });
        }
        if last.is_some_and(|last| last.size >= signed.checkpoint.size) {
            return Err(Refusal::TableOrder { table: Table::Checkpoints, position });
        }
        read.push(signed);
    }
    common.map(|origin| (origin, read)).ok_or(Refusal::NoItems {})
}

/// Reads a checkpoint: of a log of the policy's firm, and of this log, if it is known.
pub(crate) fn read_one(
    spot: Spot,
    text: &str,
    policy: &Policy,
    common: Option<&Origin>,
) -> Result<(Origin, SignedCheckpoint), Refusal> {
    let note = Note::parse(text.as_bytes())
        .map_err(|source| Refusal::CheckpointNote { checkpoint: spot, source })?;
    let checkpoint = Checkpoint::parse(note.text())
        .map_err(|source| Refusal::CheckpointText { checkpoint: spot, source })?;
    let origin = Origin::parse(&checkpoint.origin)
        .filter(|origin| origin.firm() == policy.firm_root.name())
        .filter(|origin| common.is_none_or(|common| common == origin))
        .ok_or(Refusal::CheckpointOrigin { checkpoint: spot })?;
    Ok((origin, SignedCheckpoint { note, checkpoint }))
}

/// Whether two checkpoints of one log have two roots for one size.
pub(crate) fn is_fork(one: &Checkpoint, other: &Checkpoint) -> bool {
    one.size == other.size && one.root != other.root
}

/// Judges every signature line of every checkpoint. Lines of unknown keys are named in `unchecked`.
pub(crate) fn verify(
    checkpoints: &[SignedCheckpoint],
    trust: Trust<'_>,
    unchecked: &mut Vec<Unchecked>,
) -> Result<Vec<CheckpointFacts>, Refusal> {
    let judge = |(position, signed)| {
        verify_one(Spot::Row(Table::Checkpoints, position), signed, trust, unchecked)
    };
    checkpoints.iter().enumerate().map(judge).collect()
}

/// Judges every signature line of a checkpoint.
pub(crate) fn verify_one(
    checkpoint: Spot,
    signed: &SignedCheckpoint,
    trust: Trust<'_>,
    unchecked: &mut Vec<Unchecked>,
) -> Result<CheckpointFacts, Refusal> {
    let (note, size) = (&signed.note, signed.checkpoint.size);
    let origin = trust.origin.as_str();
    let mut log_signers: Vec<&VerifyingKey> = Vec::new();
    let mut published: Option<Published> = None;
    let mut cosigners = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in (1..).zip(note.signatures()) {
        let named = |key: &&VerifyingKey| key.name() == line.name && key.id() == line.id;
        let of_role = |role| trust.firm.keys_for(role, origin, size.0).find(named);
        // A repeated signature counts once, as in Go's `sumdb/note`.
        let is_first = seen.insert((line.name.as_str(), line.id));
        if let Some(key) = of_role(Role::Log).filter(|_| is_first) {
            note.verify(key, trust.ed25519)
                .map_err(|source| Refusal::LogSignature { checkpoint, source })?;
            log_signers.push(key);
        } else if let Some(key) = of_role(Role::Timestamp).filter(|_| is_first) {
            let at = time(note.verify(key, trust.ed25519))
                .map_err(|source| Refusal::TimestampSignature { checkpoint, source })?;
            // While a key is being replaced there can be two: the earlier time is that of publication.
            published = published.filter(|other| other.at <= at).or(Some(Published { at, size }));
        } else if let Some((name, key)) = cosigner(trust, line).filter(|_| is_first) {
            let at = time(note.verify(key, trust.ed25519))
                .map_err(|source| Refusal::Cosignature { checkpoint, source })?;
            cosigners.push((name, at));
        } else {
            unchecked.push(Unchecked {
                digest: Hash::of(line.to_string().as_bytes()),
                what: format!("{checkpoint}, signature line {number}"),
            });
        }
    }
    check_log_keys(checkpoint, &log_signers, trust)?;
    Ok(CheckpointFacts { size, published, cosigned: cosigned(&cosigners, trust.policy) })
}

fn time(signed: Result<Signed, NoteError>) -> Result<Timestamp, NoteError> {
    signed.map(|signed| match signed {
        Signed::At(at) => at,
        Signed::Plain => Timestamp::EPOCH,
    })
}

/// The cosigner of a line. A key of the firm's own never counts towards a quorum.
fn cosigner<'a>(
    trust: Trust<'a>,
    line: &crate::note::SignatureLine,
) -> Option<(&'a [u8], &'a VerifyingKey)> {
    let cosigner = trust.policy.cosigners()?.cosigner_of(line)?;
    let is_own = |key: &VerifyingKey| key.public_key() == cosigner.key.public_key();
    let own = trust.firm.keys().iter().any(|role| is_own(&role.key)) || is_own(trust.firm.root());
    (!own).then_some((cosigner.name.as_slice(), &cosigner.key))
}

fn check_log_keys(
    checkpoint: Spot,
    signers: &[&VerifyingKey],
    trust: Trust<'_>,
) -> Result<(), Refusal> {
    if signers.is_empty() {
        let source = NoteError::Unsigned { name: trust.origin.to_string(), id: KeyId([0; 4]) };
        return Err(Refusal::LogSignature { checkpoint, source });
    }
    let mut pinned = trust.policy.pinned_log_keys().peekable();
    let is_any_pinned = pinned.peek().is_some();
    if is_any_pinned && !pinned.any(|key| signers.contains(&key)) {
        return Err(Refusal::LogKeyNotPinned { checkpoint });
    }
    Ok(())
}

fn cosigned(cosigners: &[(&[u8], Timestamp)], policy: &Policy) -> Option<Cosigned> {
    let known = policy.cosigners()?;
    let verified: BTreeSet<&[u8]> = cosigners.iter().map(|(name, _)| *name).collect();
    let shown = known.cosigners().iter().filter(|c| verified.contains(c.name.as_slice()));
    Some(Cosigned {
        by: shown.map(crate::tlog_policy::Cosigner::shown_name).collect(),
        newest: cosigners.iter().map(|(_, at)| *at).max()?,
        of: known.cosigners().len(),
        oldest: cosigners.iter().map(|(_, at)| *at).min()?,
        quorum: known.is_met(&verified),
    })
}

/// No checkpoint was published before what it covers was received.
pub(crate) fn check_times(
    log: (&Evidence, &[Entry]),
    facts: &[CheckpointFacts],
    policy: &Policy,
) -> Result<(), Refusal> {
    for (position, checkpoint) in facts.iter().enumerate() {
        check_time(Spot::Row(Table::Checkpoints, position), checkpoint, log, policy)?;
    }
    Ok(())
}

/// The checkpoint was not published before what it covers was received, give or take the policy's tolerance.
/// It is of one history with the entries, so it covers every entry below its size.
pub(crate) fn check_time(
    spot: Spot,
    checkpoint: &CheckpointFacts,
    (evidence, entries): (&Evidence, &[Entry]),
    policy: &Policy,
) -> Result<(), Refusal> {
    let tolerance = Timestamp::from_seconds(policy.time_tolerance_s).micros();
    // Entries ascend, and so do their times: the last one says enough.
    let covered = evidence.entries.partition_point(|row| row.index.0 < checkpoint.size.0);
    let last = covered.checked_sub(1).and_then(|last| entries.get(last));
    let is_early =
        |(p, last): (Published, &Entry)| p.at.micros() + tolerance < last.received_at.micros();
    if checkpoint.published.zip(last).is_some_and(is_early) {
        return Err(Refusal::PublishedBeforeReceived { checkpoint: spot });
    }
    Ok(())
}
