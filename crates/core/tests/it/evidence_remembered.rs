//! What a verifier remembers changes no verdict: neither a signature, nor a place in the log, nor another policy is
//! taken for what was read before.

use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    event::Change,
    evidence::{Evidence, Refusal, Verdict, verify, verify_remembering},
    firm::Role,
    key::SigningKey,
    merkle::{TreeSize, leaves_root},
    note::Strict,
    policy::Policy,
    registry::Change as RegistryBody,
};

use crate::{
    evidence_dishonest::plain,
    world::{
        FIRM, Memo, START, World, issuer, issuer_key, key, log_key, registrar_key, signed,
        timestamp_key,
    },
};

fn judge(evidence: &Evidence, policy: &Policy, memo: &Memo) -> Result<Verdict, Refusal> {
    let verdict = verify_remembering(evidence, policy, &[], memo, memo);
    assert_eq!(
        verdict,
        verify(evidence, policy, &[], &Strict),
        "it is not that of a first reading"
    );
    verdict
}

#[test]
fn files_of_one_issuer_share_what_is_remembered_and_have_the_verdicts_of_a_first_reading() {
    let (world, memo) = (World::eventful(), Memo::new());
    for documents in [[1].as_slice(), &[2], &[3], &[1, 2, 3], &[1]] {
        judge(&world.evidence(documents), &World::policy(), &memo).unwrap();
        assert_eq!(memo.remembered(), (1, 1));
    }
}

/// The same text under a signature with another digit.
fn forged(text: &str) -> String {
    let at = text.rfind("\n— ").unwrap();
    let at = text[at..].rfind(' ').map(|space| at + space + 40).unwrap();
    let digit = if &text[at..=at] == "A" { "B" } else { "A" };
    format!("{}{digit}{}", &text[..at], &text[at + 1..])
}

#[test]
fn a_note_with_another_signature_is_not_taken_for_the_one_that_is_remembered() {
    let (mut world, memo) = (plain(), Memo::new());
    judge(&world.evidence(&[1]), &World::policy(), &memo).unwrap();
    let mut refused = Vec::new();
    for index in 0..world.entries.len() {
        let good = world.entries[index].clone();
        // It stands in the log as it is, and its checkpoint is signed.
        world.entries[index] = forged(&good);
        let refusal = judge(&world.evidence(&[1]), &World::policy(), &memo).unwrap_err();
        refused.push(refusal.reason());
        world.entries[index] = good;
    }
    let registry = ["registry-note"; 4];
    assert_eq!(refused, [&["firm-note"], registry.as_slice(), &["issuer-signature"]].concat());
    // The file whose submission is forged has the notes that were there before.
    assert_eq!(memo.remembered(), (1, 1), "something refused is remembered");
}

#[test]
fn the_same_notes_in_other_places_of_the_log_are_read_anew() {
    let memo = Memo::new();
    for before in 0..3 {
        let mut world = World::empty();
        world.received_us = Some(START * 1_000_000);
        world.found();
        for _ in 0..before {
            world.log_text(EntryKind::Heartbeat, "a\n".to_owned());
        }
        world.register(RegistryBody::IssuerAdded { issuer: issuer() }, &[]);
        world.add_key(&issuer_key(), false, &[]);
        world.open("main");
        world.claim_type();
        world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
        let verdict = judge(&world.evidence(&[1]), &World::policy(), &memo).unwrap();
        assert_eq!(verdict.items[0].events[0].signed.added_index.0, 2 + before);
    }
    assert_eq!(memo.remembered(), (1, 3));
}

#[test]
fn another_registry_sequence_in_an_entry_is_not_overlooked() {
    let (mut world, memo) = (plain(), Memo::new());
    judge(&world.evidence(&[1]), &World::policy(), &memo).unwrap();
    for index in 1..5 {
        let good = world.entries[index].clone();
        let mut entry = Entry::parse(good.as_bytes()).unwrap();
        entry.registry_sequence += 1;
        world.entries[index] = entry.encode();
        let refusal = judge(&world.evidence(&[1]), &World::policy(), &memo).unwrap_err();
        assert_eq!(refusal.reason(), "registry-sequence");
        world.entries[index] = good;
    }
}

#[test]
fn another_policy_judges_what_is_remembered_anew() {
    let (world, memo) = (plain(), Memo::new());
    let (evidence, policy) = (world.evidence(&[1]), World::policy());
    judge(&evidence, &policy, &memo).unwrap();
    let public = |key: SigningKey| key.verifying_key().clone();
    let mut other = policy.clone();
    other.firm_root = public(key(FIRM, 77));
    assert_eq!(judge(&evidence, &other, &memo).unwrap_err().reason(), "firm-note");
    let pinned = |key| {
        let mut pinned = policy.clone();
        pinned.registrar_keys = vec![public(key)];
        pinned
    };
    let refusal = judge(&evidence, &pinned(key(FIRM, 78)), &memo).unwrap_err();
    assert_eq!(refusal.reason(), "registrar-not-pinned");
    judge(&evidence, &pinned(registrar_key()), &memo).unwrap();
    assert_eq!(memo.remembered(), (1, 2));
}

/// An issuer with a document, registered by the registrar of all tests, in a log of a firm with these keys.
fn under(keys: &[(Role, SigningKey)]) -> World {
    let mut world = World::empty();
    world.amend_firm(keys);
    world.register(RegistryBody::IssuerAdded { issuer: issuer() }, &[]);
    world.add_key(&issuer_key(), false, &[]);
    world.open("main");
    world.claim_type();
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    world
}

fn keys_of_log() -> Vec<(Role, SigningKey)> {
    vec![(Role::Log, log_key()), (Role::Timestamp, timestamp_key())]
}

#[test]
fn a_registry_that_is_remembered_is_not_taken_under_other_keys_of_the_firm() {
    let memo = Memo::new();
    let mut named = keys_of_log();
    named.push((Role::Registrar, registrar_key()));
    let evidence = under(&named).evidence(&[1]);
    judge(&evidence, &World::policy(), &memo).unwrap();
    let unnamed = under(&keys_of_log()).evidence(&[1]);
    let texts = |evidence: &Evidence| -> Vec<String> {
        evidence.registry.iter().map(|at| evidence.entries[at.0].text.clone()).collect()
    };
    assert_eq!(texts(&unnamed), texts(&evidence));
    let refusal = judge(&unnamed, &World::policy(), &memo).unwrap_err();
    assert_eq!(refusal.reason(), "registry-note");
}

#[test]
fn a_registry_that_is_remembered_is_not_taken_for_that_of_another_log() {
    const OTHER: &str = "witness.example/log2";
    let memo = Memo::new();
    let mut keys = keys_of_log();
    keys.extend([(Role::Log, key(OTHER, 7)), (Role::Registrar, registrar_key())]);
    let world = under(&keys);
    let mut evidence = world.evidence(&[1]);
    judge(&evidence, &World::policy(), &memo).unwrap();
    let root = leaves_root(&world.leaves());
    let size = TreeSize(u64::try_from(world.entries.len()).unwrap());
    let checkpoint = Checkpoint { origin: OTHER.to_owned(), size, root }.encode();
    evidence.checkpoints = vec![signed(checkpoint, &[&key(OTHER, 7)]).to_string()];
    let refusal = judge(&evidence, &World::policy(), &memo).unwrap_err();
    assert_eq!(refusal.reason(), "registry-note");
}
