//! What a policy adds: pinned keys, required facts, tolerated times, a quorum of cosigners.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use witness_core::{
    event::Change::Issued,
    evidence::{FactKind, NotProved, verify},
    firm::Role,
    key::SigningKey,
    name::Domain,
    note::{Ed25519, PublicKey, Strict},
    policy::Policy,
    registry::Change,
    time::Timestamp,
};

use crate::{
    evidence_dishonest::{judge, plain},
    world::{
        FIRM, ORIGIN, START, World, issuer, issuer_key, key, log_key, registrar_key, timed_key,
        timestamp_key,
    },
};

#[test]
fn pinned_keys_must_match_as_well() {
    let evidence = plain().evidence(&[1]);
    let other = |name: &str| vec![key(name, 77).verifying_key().clone()];
    let pin = |set: &dyn Fn(&mut Policy)| {
        let mut policy = World::policy();
        set(&mut policy);
        judge(&evidence, &policy).map(|_| ())
    };
    assert_eq!(pin(&|policy| policy.log_keys = other(ORIGIN)), Err("log-key-not-pinned"));
    assert_eq!(
        pin(&|policy| policy.registrar_keys = other("witness.example")),
        Err("registrar-not-pinned")
    );
    assert_eq!(
        pin(&|policy| policy.issuer_keys = other("school.example")),
        Err("issuer-key-not-pinned")
    );
    assert_eq!(pin(&|policy| policy.issuer_keys = other("bank.example")), Ok(()));
    assert_eq!(
        pin(&|policy| policy.firm_root = other("witness.example").remove(0)),
        Err("firm-note")
    );
    assert_eq!(
        pin(&|policy| policy.firm_root = other("rival.example").remove(0)),
        Err("checkpoint-origin")
    );
    let right = |key: SigningKey| vec![key.verifying_key().clone()];
    let all = pin(&|policy| {
        policy.log_keys = right(log_key());
        policy.registrar_keys = right(registrar_key());
        policy.issuer_keys = right(issuer_key());
    });
    assert_eq!(all, Ok(()));
    let listed = |seed| format!("log {}\nquorum none\n", key(ORIGIN, seed).verifying_key());
    let with = |seed| {
        judge(&evidence, &World::policy().with_cosigners(&listed(seed)).unwrap()).map(|_| ())
    };
    assert_eq!((with(2), with(9)), (Ok(()), Err("log-key-not-pinned")));
}

#[test]
fn the_pinned_registrar_key_itself_must_have_signed() {
    let (first, second) = (registrar_key(), key(FIRM, 44));
    let bank = || Change::IssuerAdded { issuer: Domain::parse("bank.example").unwrap() };
    let cases: [(&[&SigningKey], _); 2] =
        [(&[&second], Err("registrar-not-pinned")), (&[&second, &first], Ok(()))];
    for (signers, expected) in cases {
        let mut world = World::founded();
        world.amend_firm(&[(Role::Registrar, key(FIRM, 44))]);
        world.register_signed(bank(), signers);
        world.submit("main", &[(1, Issued, None)], &issuer_key());
        let mut policy = World::policy();
        assert!(judge(&world.evidence(&[1]), &policy).is_ok());
        policy.registrar_keys = vec![first.verifying_key().clone()];
        assert_eq!(judge(&world.evidence(&[1]), &policy).map(|_| ()), expected);
    }
}

/// Says that one key never signed, to whoever asks after its first so many answers.
#[derive(Debug)]
struct Turncoat(PublicKey, AtomicUsize);

impl Ed25519 for Turncoat {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
        let is_turned = *key == self.0
            && self.1.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err();
        !is_turned && Strict.verify(key, message, signature)
    }
}

#[test]
fn a_pin_is_a_key_that_verifies_and_not_a_name_with_an_id() {
    let evidence = plain().evidence(&[1]);
    let registrar = registrar_key().verifying_key().clone();
    let public = PublicKey::from_bytes(registrar.public_key()).unwrap();
    let mut policy = World::policy();
    let judge = |policy: &Policy, answers| {
        let judge = Turncoat(public, AtomicUsize::new(answers));
        verify(&evidence, policy, &[], &judge).map(|_| ()).map_err(|refusal| refusal.reason())
    };
    // The registry itself asks twice about its first note; what is asked after that asks for the pin.
    policy.registrar_keys = vec![registrar];
    assert_eq!(judge(&policy, 2), Err("registrar-not-pinned"));
    assert_eq!(judge(&policy, usize::MAX), Ok(()));
}

#[test]
fn an_issuer_may_revoke_its_own_key_under_a_pinned_registrar() {
    let mut world = plain();
    let (key, as_of) = (issuer_key().verifying_key().id(), Timestamp::from_seconds(START));
    let change = Change::KeyRevoked { issuer: issuer(), key, as_of };
    world.register_signed(change, &[&issuer_key()]);
    let mut policy = World::policy();
    policy.registrar_keys = vec![registrar_key().verifying_key().clone()];
    assert!(judge(&world.evidence(&[1]), &policy).is_ok());
}

#[test]
fn a_quorum_of_none_does_not_prove_that_the_log_shows_everybody_the_same() {
    let evidence = World::short().evidence(&[1]);
    let same_for_all = |quorum: &str| {
        let cosigner = timed_key("a.example", 20);
        let text = format!("witness a {}\nquorum {quorum}\n", cosigner.verifying_key());
        let verdict = judge(&evidence, &World::policy().with_cosigners(&text).unwrap()).unwrap();
        !verdict.not_proved.contains(&NotProved::SameForAll)
    };
    assert_eq!(["a", "none"].map(same_for_all), [true, false]);
}

#[test]
fn without_the_firms_time_nothing_is_published() {
    let mut world = plain();
    world.is_published = false;
    let verdict = judge(&world.evidence(&[1]), &World::policy()).unwrap();
    let missing = verdict.missing(&World::policy());
    assert_eq!(
        missing.iter().map(|it| (it.item, it.event, it.fact)).collect::<Vec<_>>(),
        [(0, 0, FactKind::Published)]
    );
    let mut policy = World::policy();
    policy.require =
        vec![FactKind::Anchored, FactKind::Cosigned, FactKind::Logged, FactKind::RolledUp];
    let facts: Vec<FactKind> = verdict.missing(&policy).iter().map(|it| it.fact).collect();
    assert_eq!(facts, [FactKind::Anchored, FactKind::Cosigned, FactKind::RolledUp]);
}

#[test]
fn a_time_of_publication_before_that_of_receipt_is_refused() {
    let mut policy = World::policy();
    let mut world = plain();
    let late = (START + 400) * 1_000_000;
    world.entries[5] = world.entries[5].replacen("1770000005000000", &late.to_string(), 1);
    assert_eq!(judge(&world.evidence(&[1]), &policy).map(|_| ()), Err("published-before-received"));
    policy.time_tolerance_s = 340;
    assert!(judge(&world.evidence(&[1]), &policy).is_ok());
}

#[test]
fn a_quorum_is_met_by_cosigners_and_never_by_the_firm_itself() {
    let cosigned = |keys, policy: &Policy| {
        let mut world = plain();
        world.cosigners = keys;
        let verdict = judge(&world.evidence(&[1]), policy).unwrap();
        verdict.items[0].events[0].cosigned.clone()
    };
    let policy = World::policy();
    assert_eq!(cosigned(vec![], &policy), None);
    let one = cosigned(vec![timed_key("c.example", 22)], &policy).unwrap();
    assert_eq!((one.by, one.of, one.quorum), (vec!["c".to_owned()], 3, false));
    let two =
        cosigned(vec![timed_key("c.example", 22), timed_key("a.example", 20)], &policy).unwrap();
    assert_eq!((two.by, two.quorum), (vec!["a".to_owned(), "c".to_owned()], true));
    let repeated =
        cosigned(vec![timed_key("c.example", 22), timed_key("c.example", 22)], &policy).unwrap();
    assert_eq!((repeated.by.len(), repeated.quorum), (1, false));
    let mut world = plain();
    world.cosigners = vec![timed_key("c.example", 22), timed_key("c.example", 22)];
    let verdict = judge(&world.evidence(&[1]), &policy).unwrap();
    assert_eq!(verdict.unchecked.len(), 1, "the second of two equal lines is named");
    let log_key_again = timed_key("own.example", 2);
    let own = format!("witness own {}\nquorum own\n", log_key_again.verifying_key());
    let own = policy.clone().with_cosigners(&own).unwrap();
    assert_eq!(cosigned(vec![log_key_again], &own), None);
    let own = format!("witness own {}\nquorum own\n", timestamp_key().verifying_key());
    assert_eq!(cosigned(vec![], &policy.with_cosigners(&own).unwrap()), None);
}
