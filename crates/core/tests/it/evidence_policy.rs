//! What a policy adds: pinned keys, required facts, tolerated times, a quorum of cosigners.

use witness_core::{evidence::FactKind, policy::Policy};

use crate::{
    evidence_dishonest::{judge, plain},
    world::{
        ORIGIN, START, World, issuer_key, key, log_key, registrar_key, timed_key, timestamp_key,
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
    let right = |key: witness_core::key::SigningKey| vec![key.verifying_key().clone()];
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
