//! The one verifier of evidence. It reads no clock and asks nobody: the file, the policy and what is known of blocks
//! are all.

use alloc::vec::Vec;

use super::{
    anchored::SeenBlock,
    anchors::{self, Beliefs},
    attachments,
    authority::{self, Leaves},
    checkpoints::{self, Trust},
    file::Evidence,
    items::Reading,
    memory::{Forgetful, Memory},
    refusal::Refusal,
    rollups, tables,
    times::Chain,
    verdict::{ItemFacts, KnownRevocations, NotProved, Verdict},
};
use crate::{note::Ed25519, policy::Policy, tlog_policy::TlogPolicy};

/// Checks everything in the file and says what it proves. What fails refuses the whole file; what the file
/// lacks is a fact that the verdict lacks, see [`Verdict::missing`]. An anchor counts if the policy names its
/// contract, and the policy or one of `seen` its block.
pub fn verify(
    evidence: &Evidence,
    policy: &Policy,
    seen: &[SeenBlock],
    ed25519: &dyn Ed25519,
) -> Result<Verdict, Refusal> {
    verify_remembering(evidence, policy, seen, ed25519, &Forgetful)
}

/// The same, for whoever verifies many files of a firm: what was read of its notes and its registry is remembered. The
/// verdict is that of [`verify`], whatever is remembered.
pub fn verify_remembering(
    evidence: &Evidence,
    policy: &Policy,
    seen: &[SeenBlock],
    ed25519: &dyn Ed25519,
    memory: &dyn Memory,
) -> Result<Verdict, Refusal> {
    tables::check_items(evidence)?;
    tables::check_references(evidence)?;
    let (origin, signed) = checkpoints::read(evidence, policy)?;
    let entries = tables::read_entries(evidence)?;
    let hashes = tables::hash_entries(evidence);
    let leaves = Leaves { evidence, entries: &entries, hashes: &hashes };
    let (firm, of_firm) = authority::read_firm(leaves, policy, (ed25519, memory))?;
    let trust = Trust { policy, firm: &firm, origin: &origin, ed25519 };
    let mut unchecked = Vec::new();
    let facts = checkpoints::verify(&signed, trust, &mut unchecked)?;
    tables::prove_entries(evidence, &hashes, &signed)?;
    tables::check_order(evidence, &entries)?;
    tables::prove_history(evidence, &signed)?;
    checkpoints::check_times((evidence, &entries), &facts, policy)?;
    let registry = authority::read_registry(leaves, trust, (of_firm, memory))?;
    let beliefs = Beliefs { policy, seen };
    let mut rollups = rollups::verify(evidence, (&signed, &facts), trust)?;
    let mut anchors = anchors::verify(evidence, &rollups, beliefs, &mut unchecked)?;
    let judge =
        attachments::Judge { evidence, entries: &entries, checkpoints: &signed, trust, beliefs };
    judge.attachments(&mut rollups, &mut anchors, &mut unchecked);
    let chain = Chain::new(rollups, anchors, policy);
    let reading = Reading {
        evidence,
        entries: &entries,
        checkpoints: &facts,
        chain: &chain,
        registry: &registry,
        trust,
    };
    let items = reading.items()?;
    Ok(Verdict {
        firm_root: policy.firm_root.clone(),
        not_proved: not_proved(&items, policy),
        items,
        origin: origin.clone(),
        unchecked,
    })
}

fn not_proved(items: &[ItemFacts], policy: &Policy) -> Vec<NotProved> {
    let borne = || items.iter().flat_map(ItemFacts::borne);
    let mut list = Vec::from([
        NotProved::Truth,
        NotProved::Occurrence,
        NotProved::Completeness,
        NotProved::FirmKeys,
        NotProved::LaterRevocation,
    ]);
    let mut signed = borne().filter_map(|it| it.signed);
    if signed.any(|signed| signed.revocations == KnownRevocations::NotesInFile) {
        list.push(NotProved::Revocations);
    }
    // `quorum none` is met by nobody, which proves nothing.
    let asks = policy.cosigners().is_some_and(TlogPolicy::asks_for_cosigners);
    if !asks || !borne().all(|it| it.cosigned.is_some_and(|it| it.quorum)) {
        list.push(NotProved::SameForAll);
    }
    if borne().any(|it| it.anchored.is_none()) {
        list.push(NotProved::Times);
    }
    if borne().any(|it| it.anchored.is_some_and(|it| it.not_before.is_none())) {
        list.push(NotProved::Earliest);
    }
    if items.iter().any(|item| !item.erased.is_empty()) {
        list.push(NotProved::ErasedDocument);
    }
    if !items.iter().all(ItemFacts::is_last_known) {
        list.push(NotProved::State);
    }
    list
}
