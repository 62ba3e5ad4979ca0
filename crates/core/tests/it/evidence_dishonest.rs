//! Evidence that lacks something, of a firm or an issuer that does what it must not, or under a policy that
//! knows better: each is refused, or its verdict says less, by name.

use witness_core::{
    entry::{Entry, EntryKind},
    event::{Change, StatusClass},
    evidence::{
        Attachment, Evidence, KnownRevocations, NotProved, Reference, Verdict, verify,
        verify_remembering,
    },
    hash::Hash,
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Origin},
    note::{Note, Strict},
    policy::Policy,
    registry::{Change as RegistryBody, Recovery},
    time::Timestamp,
};

use crate::world::{
    Memo, START, World, document, issuer, issuer_key, key, registrar_key, root_key,
    second_issuer_key, signed, status,
};

static REMEMBERED: Memo = Memo::new();

pub(crate) fn judge(evidence: &Evidence, policy: &Policy) -> Result<Verdict, &'static str> {
    // What is refused must be refused again after a journey through the file.
    let again = Evidence::parse(evidence.encode().as_bytes())
        .map_err(|error| witness_core::evidence::Refusal::from(error).reason())?;
    let verdict = verify(&again, policy, &[], &Strict);
    // Nor does it pass where all that the other tests have brought is remembered.
    let remembering = verify_remembering(&again, policy, &[], &REMEMBERED, &REMEMBERED);
    assert_eq!(remembering, verdict);
    verdict.map_err(|refusal| refusal.reason())
}

fn reason(evidence: &Evidence) -> &'static str {
    judge(evidence, &World::policy()).unwrap_err()
}

pub(crate) fn plain() -> World {
    let mut world = World::founded();
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    world
}

/// Takes an entry out of the file, with all that refers to it, and counts the references anew.
pub(crate) fn without_entry(evidence: &Evidence, index: u64) -> Evidence {
    let mut evidence = evidence.clone();
    let gone = evidence.entries.iter().position(|row| row.index.0 == index).unwrap();
    evidence.entries.remove(gone);
    let renumber = |list: &mut Vec<Reference>| {
        list.retain(|reference| reference.0 != gone);
        list.iter_mut().filter(|r| r.0 > gone).for_each(|r| r.0 -= 1);
    };
    renumber(&mut evidence.firm);
    renumber(&mut evidence.registry);
    for event in evidence.items.iter_mut().flat_map(|item| &mut item.events) {
        event.entry.0 -= usize::from(event.entry.0 > gone);
    }
    evidence
}

#[test]
fn what_vouches_for_the_issuer_must_be_in_the_file() {
    let evidence = plain().evidence(&[1]);
    assert!(judge(&evidence, &World::policy()).is_ok());
    let expected = [
        "log-signature",
        "registry-note",
        "key-not-vouched",
        "stream-not-vouched",
        "claim-type-not-vouched",
    ];
    for (index, expected) in (0..).zip(expected) {
        assert_eq!(reason(&without_entry(&evidence, index)), expected, "{index}");
    }
    let mut unvouched = evidence;
    for index in [1, 2, 3, 4] {
        unvouched = without_entry(&unvouched, index);
    }
    assert_eq!(reason(&unvouched), "issuer-not-vouched");
}

#[test]
fn a_registry_with_gaps_is_said_to_have_gaps() {
    let mut world = World::founded();
    world.register(
        RegistryBody::IssuerAdded { issuer: Domain::parse("bank.example").unwrap() },
        &[],
    );
    world.open("after-the-gap");
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    let evidence = world.evidence(&[1]);
    let complete = judge(&evidence, &World::policy()).unwrap();
    assert_eq!(complete.items[0].events[0].signed.revocations, KnownRevocations::Complete);
    let verdict = judge(&without_entry(&evidence, 5), &World::policy()).unwrap();
    assert_eq!(verdict.items[0].events[0].signed.revocations, KnownRevocations::NotesInFile);
    assert!(verdict.not_proved.contains(&NotProved::Revocations));
}

#[test]
fn a_left_out_revocation_is_not_hidden_from_the_verdict() {
    let mut world = World::founded();
    let change = RegistryBody::KeyRevoked {
        issuer: issuer(),
        key: issuer_key().verifying_key().id(),
        as_of: Timestamp::from_seconds(START),
    };
    world.register(change, &[]);
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    let evidence = world.evidence(&[1]);
    assert_eq!(reason(&evidence), "key-revoked");
    let verdict = judge(&without_entry(&evidence, 5), &World::policy()).unwrap();
    assert_eq!(verdict.items[0].events[0].signed.revocations, KnownRevocations::NotesInFile);
}

#[test]
fn whether_a_key_counted_goes_by_log_order() {
    let mut world = World::founded();
    world.submit("main", &[(1, Change::Issued, None)], &second_issuer_key());
    world.add_key(&second_issuer_key(), false, &[&issuer_key()]);
    assert_eq!(reason(&world.evidence(&[1])), "key-not-yet-added");
    for (as_of, suspect) in [(START, true), (START + 1000, false)] {
        let mut world = plain();
        let key = issuer_key().verifying_key().id();
        let as_of = Timestamp::from_seconds(as_of);
        world.register(RegistryBody::KeyRevoked { issuer: issuer(), key, as_of }, &[]);
        let verdict = judge(&world.evidence(&[1]), &World::policy()).unwrap();
        let signed = &verdict.items[0].events[0].signed;
        assert_eq!(signed.revoked.map(|revoked| revoked.suspect), Some(suspect));
    }
}

#[test]
fn what_was_logged_before_its_issuer_was_offboarded_counts_and_nothing_after() {
    let offboard = |world: &mut World| {
        world.register(RegistryBody::IssuerOffboarded { issuer: issuer() }, &[]);
    };
    let mut world = plain();
    for change in [
        "retention skill-module 7\n",
        "legal-hold case-1 school.example main 0 1\n",
        "legal-hold-lifted case-1\n",
    ] {
        world.register(RegistryBody::parse(change).unwrap(), &[]);
    }
    let before = judge(&world.evidence(&[1]), &World::policy()).unwrap();
    assert!(before.items[0].offboarded.is_none() && !before.to_json().contains("offboarded"));
    let index = LeafIndex(u64::try_from(world.entries.len()).unwrap());
    offboard(&mut world);
    let verdict = judge(&world.evidence(&[1]), &World::policy()).unwrap();
    let offboarded = verdict.items[0].offboarded.unwrap();
    assert_eq!(offboarded.index, index);
    assert!(offboarded.received_at > verdict.items[0].events[0].logged.received_at);
    let said =
        format!("was offboarded later, at index {index}, received at {}", offboarded.received_at);
    assert!(verdict.lines().iter().any(|line| line.contains(&said)), "{:?}", verdict.lines());
    world.submit("main", &[(2, Change::Issued, None)], &issuer_key());
    assert_eq!(reason(&world.evidence(&[2])), "issuer-offboarded");
    // They are the registrar's, for whoever pins one.
    let mut policy = World::policy();
    policy.registrar_keys = vec![registrar_key().verifying_key().clone()];
    assert!(judge(&world.evidence(&[1]), &policy).is_ok());
}

#[test]
fn a_recovery_is_said_to_be_one() {
    let mut world = World::founded();
    world.add_key(&second_issuer_key(), true, &[]);
    world.submit("main", &[(1, Change::Issued, None)], &second_issuer_key());
    let verdict = judge(&world.evidence(&[1]), &World::policy()).unwrap();
    assert_eq!(verdict.items[0].events[0].signed.recovery, Recovery::Yes);
    assert!(verdict.lines().iter().any(|line| line.contains("was added as a recovery")));
    // The mark counts as well where the first key's note is left out.
    let verdict = judge(&without_entry(&world.evidence(&[1]), 2), &World::policy()).unwrap();
    assert_eq!(verdict.items[0].events[0].signed.recovery, Recovery::Yes);
}

#[test]
fn the_head_of_an_entry_must_fit_its_place() {
    let cases = [
        (5, "submission 1770000005000000 4", "submission 1770000005000000 3", "registry-sequence"),
        (5, "submission 1770000005000000 4", "submission 1770000005000000 5", "registry-sequence"),
        (5, "submission 1770000005000000", "submission 1770000003000000", "received-backwards"),
        (5, "submission ", "state ", "entry-kind-unknown"),
        (5, "submission ", "erasure ", "entry-kind"),
        (5, "submission ", "heartbeat ", "entry-kind"),
        (5, "main\n0 1\n", "main\n0 2\n", "issuer-signature"),
        (5, "witness-submission/v1", "witness-submission/v2", "submission-note"),
        (3, "registry ", "firm ", "entry-kind"),
        (4, "registry 1770000004000000 3", "registry 1770000004000000 2", "registry-sequence"),
        (4, "witness-registry/v1", "witness-registry/v2", "registry-note"),
        (4, "\n3\n", "\n2\n", "registry-note"),
    ];
    for (index, from, to, expected) in cases {
        let world = plain();
        let mut evidence = world.evidence(&[1]);
        // The log itself does it: its tree and its checkpoint cover what it says.
        let mut lying = plain();
        lying.entries[index] = world.entries[index].replacen(from, to, 1);
        assert_ne!(lying.entries[index], world.entries[index], "{from}");
        evidence.checkpoints = vec![lying.checkpoint().to_string()];
        for (number, row) in (0..).zip(&mut evidence.entries) {
            let proved = lying.proved(number);
            (row.text, row.path) = (proved.text, proved.path);
        }
        assert_eq!(reason(&evidence), expected, "{to}");
    }
}

#[test]
fn a_submission_is_for_this_log_and_in_an_open_stream() {
    let mut world = World::founded();
    world.origin = Origin::parse("witness.example/log2").unwrap();
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    assert_eq!(reason(&world.evidence(&[1])), "submission-origin");
    let mut world = World::founded();
    world.submit("late", &[(1, Change::Issued, None)], &issuer_key());
    assert_eq!(reason(&world.evidence(&[1])), "stream-not-vouched");
    world.open("late");
    assert_eq!(reason(&world.evidence(&[1])), "stream-not-vouched");
    world.submit("late", &[(2, Change::Issued, None)], &issuer_key());
    assert!(judge(&world.evidence(&[2]), &World::policy()).is_ok());
}

#[test]
fn a_claim_type_is_registered_before_it_is_used() {
    let mut world = World::empty();
    world.found();
    world.register(RegistryBody::IssuerAdded { issuer: issuer() }, &[]);
    world.add_key(&issuer_key(), false, &[]);
    world.open("main");
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    assert_eq!(reason(&world.evidence(&[1])), "claim-type-not-vouched");
    world.claim_type();
    assert_eq!(reason(&world.evidence(&[1])), "claim-type-not-vouched");
    world.submit("main", &[(2, Change::Issued, None)], &issuer_key());
    world.claim_type();
    assert!(judge(&world.evidence(&[2]), &World::policy()).is_ok());
}

#[test]
fn no_signature_stands_in_a_note_without_being_called_for() {
    let mut world = World::founded();
    let stranger = key("stranger.example", 30);
    let issuer_added = RegistryBody::IssuerAdded { issuer: Domain::parse("bank.example").unwrap() };
    world.register(issuer_added, &[&stranger]);
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    assert_eq!(reason(&world.evidence(&[1])), "stray-signature");
    let mut world = plain();
    let body = world.entries[0].clone();
    let text = body.split_once("\n\n").unwrap().0.to_owned() + "\n";
    let text = text.split_once("firm 1770000000000000 0\n").unwrap().1.to_owned();
    let note = signed(text, &[&root_key(), &stranger]);
    world.entries[0] = format!("witness-entry/v1\nfirm 1770000000000000 0\n{note}");
    assert_eq!(reason(&world.evidence(&[1])), "stray-signature");
}

#[test]
fn a_signature_that_is_repeated_or_wrong_is_refused_though_another_would_do() {
    let registrar = registrar_key();
    let mut world = World::founded();
    let issuer_added = RegistryBody::IssuerAdded { issuer: Domain::parse("bank.example").unwrap() };
    world.register(issuer_added, &[&registrar]);
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    assert_eq!(reason(&world.evidence(&[1])), "stray-signature");

    // An issuer revokes its own key; the registrar's signature beside its own is not needed, and wrong.
    let mut world = plain();
    let (key, as_of) = (issuer_key().verifying_key().id(), Timestamp::from_seconds(START));
    let change = RegistryBody::KeyRevoked { issuer: issuer(), key, as_of };
    world.register_signed(change, &[&issuer_key(), &registrar]);
    assert!(judge(&world.evidence(&[1]), &World::policy()).is_ok());
    let entry = Entry::parse(world.entries[6].as_bytes()).unwrap();
    let note = Note::parse(entry.body.as_bytes()).unwrap();
    let mut lines = note.signatures().to_vec();
    lines[1].signature[0] ^= 1;
    let body = Note::new(note.text().to_owned(), lines).to_string();
    world.entries[6] = Entry { body, ..entry }.encode();
    assert_eq!(reason(&world.evidence(&[1])), "registry-note");
}

#[test]
fn a_registry_note_has_the_number_that_its_entry_says() {
    let mut world = World::founded();
    world.log(EntryKind::Heartbeat, &signed("x\n".to_owned(), &[&issuer_key()]));
    world.register(
        RegistryBody::IssuerAdded { issuer: Domain::parse("bank.example").unwrap() },
        &[],
    );
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    assert!(judge(&world.evidence(&[1]), &World::policy()).is_ok());
    // As if a change stood in the place that the file does not show.
    for (index, from, to) in [(6, " 4\n", " 5\n"), (7, " 5\n", " 6\n")] {
        world.entries[index] = world.entries[index].replacen(from, to, 1);
    }
    assert_eq!(reason(&world.evidence(&[1])), "registry-sequence");
}

#[test]
fn two_histories_are_refused() {
    let world = plain();
    let mut evidence = world.evidence(&[1]);
    evidence.checkpoints.push(world.checkpoint_over(&Hash::ZERO).to_string());
    evidence.entries[0].checkpoint = Reference(1);
    assert_eq!(reason(&evidence), "checkpoint-fork");
    evidence.checkpoints[1] = evidence.checkpoints[0].clone();
    assert_eq!(reason(&evidence), "table-order");

    // Another entry at the same place, under a later checkpoint.
    let (first, mut second) = (plain(), plain());
    second.entries[5] = second.entries[5].replacen("1770000005000000", "1770000005000001", 1);
    second.log(EntryKind::Heartbeat, &signed("x\n".to_owned(), &[&issuer_key()]));
    let mut evidence = first.evidence(&[1]);
    evidence.checkpoints.push(second.checkpoint().to_string());
    let mut row = second.evidence(&[1]).entries[5].clone();
    row.checkpoint = Reference(1);
    evidence.entries.push(row);
    let mut event = evidence.items[0].events[0].clone();
    event.entry = Reference(6);
    evidence.items[0].events.push(event);
    assert_eq!(reason(&evidence), "entry-fork");
}

#[test]
fn entries_can_be_proved_in_two_checkpoints_that_are_one_history() {
    let mut world = plain();
    let early = world.evidence(&[1]);
    world.submit("main", &[(1, status(StatusClass::Affirming, "VERIFIED"), None)], &issuer_key());
    let mut evidence = world.evidence(&[1]);
    evidence.checkpoints.insert(0, early.checkpoints[0].clone());
    let proved_late = evidence.entries.split_off(6);
    evidence.entries = early.entries;
    evidence.entries.extend(proved_late);
    evidence.entries[6].checkpoint = Reference(1);
    assert_eq!(reason(&evidence), "consistency-count");
    evidence.consistency = vec![world.history(TreeSize(6), TreeSize(7))];
    let verdict = judge(&evidence, &World::policy()).unwrap();
    let sizes: Vec<u64> = verdict.items[0].events.iter().map(|event| event.logged.size.0).collect();
    assert_eq!(sizes, [6, 7]);
    evidence.consistency.push(Vec::new());
    assert_eq!(reason(&evidence), "consistency-count");
    // Another history of the same length before, of which nothing but the checkpoint is in the file.
    evidence.consistency.pop();
    evidence.entries.iter_mut().for_each(|row| row.checkpoint = Reference(1));
    evidence.entries[0].checkpoint = Reference(0);
    let mut other = plain();
    other.entries[5] = other.entries[5].replacen("1770000005000000", "1770000005000001", 1);
    evidence.checkpoints[0] = other.checkpoint().to_string();
    for (number, row) in (0..).zip(&mut evidence.entries) {
        row.path = if number == 0 { other.proved(0).path } else { world.proved(number).path };
    }
    assert_eq!(reason(&evidence), "consistency-proof");
}

#[test]
fn items_are_there_once_and_in_log_order() {
    let mut world = plain();
    world.submit("main", &[(1, Change::Deleted, None), (2, Change::Issued, None)], &issuer_key());
    let good = world.evidence(&[1, 2]);
    assert!(judge(&good, &World::policy()).is_ok());
    let altered = |alter: &dyn Fn(&mut Evidence)| {
        let mut evidence = good.clone();
        alter(&mut evidence);
        reason(&evidence)
    };
    let of_one = good.items.iter().position(|item| item.events.len() == 2).unwrap();
    assert_eq!(altered(&|e| e.items.clear()), "no-items");
    assert_eq!(altered(&|e| e.items[0].events.clear()), "no-events");
    assert_eq!(altered(&|e| e.items.push(good.items[0].clone())), "item-repeated");
    assert_eq!(altered(&|e| e.items[of_one].events.reverse()), "event-order");
    let again = good.items[of_one].events[1].clone();
    assert_eq!(altered(&|e| e.items[of_one].events.push(again.clone())), "event-order");
    assert_eq!(
        altered(&|e| e.items[0].issuer = Domain::parse("bank.example").unwrap()),
        "event-issuer"
    );
    assert_eq!(
        altered(&|e| e.items[0].events[0].details = Some("any".to_owned())),
        "event-details"
    );
    assert_eq!(altered(&|e| e.items[0].document = good.items[1].document), "item-repeated");
    assert_eq!(altered(&|e| e.items[0].document = document(9)), "event-document");
    assert_eq!(altered(&|e| e.firm.clear()), "unreferenced");
    assert_eq!(altered(&|e| e.registry.swap(0, 1)), "table-order");
    assert_eq!(altered(&|e| e.firm.push(Reference(99))), "reference-out-of-range");
}

#[test]
fn attachments_are_named_unchecked_and_never_counted() {
    let mut evidence = plain().evidence(&[1]);
    let before = judge(&evidence, &World::policy()).unwrap();
    let attach = |body: &str| Attachment { body: body.to_owned(), kind: "token".to_owned() };
    evidence.attachments.push(attach("a"));
    let with_a = judge(&evidence, &World::policy()).unwrap();
    evidence.attachments = vec![attach("b")];
    let with_b = judge(&evidence, &World::policy()).unwrap();
    assert_eq!(with_a.items, before.items);
    assert_eq!((before.unchecked.len(), with_a.unchecked.len()), (0, 1));
    assert_ne!(with_a.unchecked, with_b.unchecked);
    let digest = Hash::of(br#"{"body":"b","kind":"token"}"#);
    assert_eq!(with_b.unchecked[0].digest, digest);
    let attached = [("a\nb", "c"), ("a", "b\nc")].map(|(kind, body)| {
        let mut evidence = plain().evidence(&[1]);
        evidence.attachments.push(Attachment { body: body.to_owned(), kind: kind.to_owned() });
        judge(&evidence, &World::policy()).unwrap().unchecked
    });
    assert_ne!(attached[0], attached[1]);
}

#[test]
fn no_refusal_repeats_a_document_hash() {
    let evidence = plain().evidence(&[1]);
    let hash = evidence.items[0].document.0.to_hex();
    let text = evidence.encode();
    for altered in [
        text.replace(&format!("\"{hash}\""), &format!("[\"{hash}\"]")),
        text.replace(&format!("\"document\":\"{hash}\""), &format!("\"{hash}\":\"\"")),
        text.replace("\"firm\":[\"0\"]", &format!("\"firm\":[\"{hash}\"]")),
        text.replace("\"anchors\":[]", &format!("\"anchors\":\"{hash}\"")),
        text.replace(&format!("sha256 {hash}"), &format!("sha512 {hash}")),
    ] {
        assert_ne!(altered, text);
        let refusal = match Evidence::parse(altered.as_bytes()) {
            Ok(evidence) => verify(&evidence, &World::policy(), &[], &Strict).unwrap_err(),
            Err(error) => error.into(),
        };
        assert!(
            !refusal.to_string().contains(&hash) && !format!("{refusal:?}").contains(&hash),
            "{refusal}"
        );
    }
    assert!(!format!("{evidence:?}").contains(&hash));
}
