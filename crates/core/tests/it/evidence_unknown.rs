//! What a file, or this version, cannot tell: it is said to be so, and is neither proved nor refuted.

use witness_core::{
    event::Change,
    evidence::{Evidence, RefusalClass, verify},
    name::Domain,
    note::Strict,
    registry::{Change as RegistryBody, Recovery},
};

use crate::{
    evidence_dishonest::{judge, plain, without_entry},
    world::{World, issuer, issuer_key, root_key, second_issuer_key, signed},
};

#[test]
fn whether_a_key_is_a_recovery_is_unknown_where_it_looks_like_the_first_in_a_file_with_gaps() {
    let bank = || RegistryBody::IssuerAdded { issuer: Domain::parse("bank.example").unwrap() };
    let mut world = World::empty();
    world.found();
    world.register(bank(), &[]);
    world.register(RegistryBody::IssuerAdded { issuer: issuer() }, &[]);
    world.add_key(&issuer_key(), false, &[]);
    world.open("main");
    world.claim_type();
    world.add_key(&second_issuer_key(), false, &[&issuer_key()]);
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    world.submit("main", &[(2, Change::Issued, None)], &second_issuer_key());
    let recovery = |evidence: &Evidence| {
        let verdict = judge(evidence, &World::policy()).unwrap();
        let said = verdict.lines().iter().any(|line| line.contains("may have been added as"));
        let recovery = verdict.items[0].events[0].signed.recovery;
        assert_eq!(said, recovery == Recovery::Unknown);
        recovery
    };
    let (first, second) = (world.evidence(&[1]), world.evidence(&[2]));
    assert_eq!([recovery(&first), recovery(&second)], [Recovery::No; 2]);
    // Without the note of another issuer, the first key is the first by the file alone; the second has
    // the signature of one that lives there.
    let (first, second) = (without_entry(&first, 1), without_entry(&second, 1));
    assert_eq!([recovery(&first), recovery(&second)], [Recovery::Unknown, Recovery::No]);
}

#[test]
fn an_unknown_kind_or_version_means_that_it_cannot_tell() {
    let text = World::anchored().evidence(&[1]).encode();
    let later = text.replacen("evm-anchor-log/v1", "evm-anchor-log/v2", 1);
    let refusal = Evidence::parse(later.as_bytes()).map_err(witness_core::evidence::Refusal::from);
    let refusal = refusal.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (RefusalClass::CannotTell, "file-version"));
    let mut world = plain();
    world.entries[5] = world.entries[5].replacen("submission", "state", 1);
    let refusal = verify(&world.evidence(&[1]), &World::policy(), &[], &Strict).unwrap_err();
    assert_eq!(
        (refusal.class(), refusal.reason()),
        (RefusalClass::CannotTell, "entry-kind-unknown")
    );
    let later = plain().evidence(&[1]).encode().replace("evidence/v1", "evidence/v2");
    let refusal = Evidence::parse(later.as_bytes()).map_err(witness_core::evidence::Refusal::from);
    assert_eq!(refusal.unwrap_err().class(), RefusalClass::CannotTell);
}

#[test]
fn a_text_of_a_later_version_or_with_a_later_word_means_that_it_cannot_tell() {
    let root = root_key();
    let cases = [
        ("witness-firm/v1", "witness-firm/v2", "firm-note", RefusalClass::CannotTell),
        ("key registrar", "key auditor", "firm-note", RefusalClass::CannotTell),
        ("key registrar", "kay registrar", "firm-note", RefusalClass::Refuted),
        ("witness-registry/v1", "witness-registry/v9", "registry-note", RefusalClass::CannotTell),
        ("issuer-added ", "issuer-renamed ", "registry-note", RefusalClass::CannotTell),
        ("issuer-added ", "issuer_added ", "registry-note", RefusalClass::Refuted),
        (
            "witness-submission/v1",
            "witness-submission/v2",
            "submission-note",
            RefusalClass::CannotTell,
        ),
        (
            "witness-submission/v1",
            "witness-submission/w2",
            "submission-note",
            RefusalClass::Refuted,
        ),
        ("witness-entry/v1", "witness-entry/v2", "entry-text", RefusalClass::CannotTell),
    ];
    for (from, to, reason, class) in cases {
        let mut world = plain();
        let at = world.entries.iter().position(|text| text.contains(from)).unwrap();
        let text = world.entries[at].replacen(from, to, 1);
        world.entries[at] = match text.split_once(" 0\nwitness-firm") {
            // What the root signs is read only once its signature was found good.
            Some((head, rest)) => {
                let body = rest.split_once("\n\n").unwrap().0;
                let note = signed(format!("witness-firm{body}\n"), &[&root]);
                format!("{head} 0\n{note}")
            }
            None => text,
        };
        let mut evidence = plain().evidence(&[1]);
        evidence.checkpoints = vec![world.checkpoint().to_string()];
        for (number, row) in (0..).zip(&mut evidence.entries) {
            let proved = world.proved(number);
            (row.text, row.path) = (proved.text, proved.path);
        }
        let refusal = verify(&evidence, &World::policy(), &[], &Strict).unwrap_err();
        assert_eq!((refusal.reason(), refusal.class()), (reason, class), "{to}");
    }
}

#[test]
fn an_event_altered_to_be_of_a_later_version_is_refuted_since_the_issuer_did_not_sign_it() {
    let mut evidence = plain().evidence(&[1]);
    let text = &mut evidence.items[0].events[0].text;
    *text = text.replacen("event/v1", "event/v2", 1);
    let refusal = verify(&evidence, &World::policy(), &[], &Strict).unwrap_err();
    assert_eq!((refusal.reason(), refusal.class()), ("event-proof", RefusalClass::Refuted));
}
