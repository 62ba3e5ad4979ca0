//! What the registry says of whole issuers and of what lies beside the log: offboarding, retention, legal holds.

use witness_core::{
    admission,
    hash::Hash,
    key::SigningKey,
    merkle::LeafIndex,
    name::{Domain, Name, Origin},
    note::{NoteError, Strict},
    registry::{Change, Registry, RegistryError},
    submission::{Heartbeat, Submission},
    time::Timestamp,
};

use crate::{
    notes::{apply, read},
    world::{ISSUER, ORIGIN, World, issuer, issuer_key, registrar_key, second_issuer_key, signed},
};

/// The registry after these changes, or why the last of them was refused; the first is logged at index 5.
fn after(changes: &[&str]) -> Result<Registry, RegistryError> {
    let (firm, mut registry) = read(&World::founded(), 5);
    let (last, before) = changes.split_last().unwrap();
    let mut log = |change: &str, index| {
        let change = Change::parse(&format!("{change}\n")).unwrap();
        let mut signers = vec![registrar_key()];
        signers.extend(matches!(change, Change::KeyAdded { .. }).then(issuer_key));
        signers.extend(matches!(change, Change::KeyAdded { .. }).then(second_issuer_key));
        let signers: Vec<&SigningKey> = signers.iter().collect();
        let note = signed(registry.draft(change).encode(), &signers);
        apply(&mut registry, &note, index, (&firm, &Strict))
    };
    for (change, index) in before.iter().zip(5..) {
        log(change, index).unwrap();
    }
    log(last, 5 + u64::try_from(before.len()).unwrap())?;
    Ok(registry)
}

#[test]
fn nothing_more_is_registered_of_an_offboarded_issuer_but_what_protects_others_from_it() {
    let offboarded = format!("issuer-offboarded {ISSUER}");
    let record = |registry: &Registry| registry.issuer(&issuer()).unwrap().clone();
    let registry = after(&[&offboarded]).unwrap();
    assert_eq!(record(&registry).offboarded.map(|logged| logged.index), Some(LeafIndex(5)));
    assert_eq!(record(&registry).living_keys().count(), 1, "what was registered stays");
    let key = format!("key-added {ISSUER} {}", second_issuer_key().verifying_key());
    let stream = format!("stream-opened {ISSUER} other DE live");
    for change in [&format!("issuer-added {ISSUER}"), &offboarded, &key, &stream] {
        let expected = RegistryError::IssuerOffboarded { issuer: issuer() };
        assert_eq!(after(&[&offboarded, change]), Err(expected), "{change}");
    }
    let revoked = format!("key-revoked {ISSUER} {} 0", issuer_key().verifying_key().id());
    assert_eq!(record(&after(&[&offboarded, &revoked]).unwrap()).living_keys().count(), 0);
    assert!(after(&[&offboarded, &format!("legal-hold case-1 {ISSUER}")]).is_ok());
    let unknown = RegistryError::IssuerUnknown { issuer: Domain::parse("bank.example").unwrap() };
    assert_eq!(after(&["issuer-offboarded bank.example"]), Err(unknown));
}

#[test]
fn the_last_retention_of_a_claim_type_counts_and_another_schema_leaves_it() {
    let days = |changes: &[&str]| {
        let registry = after(changes).unwrap();
        let record = registry.claim_type(&Name::parse("skill-module").unwrap()).unwrap();
        record.retention.map(|retention| (retention.days, retention.logged.index.0))
    };
    let (long, short, none) =
        ("retention skill-module 3650", "retention skill-module 30", "retention skill-module -");
    assert_eq!(days(&[none]), None);
    assert_eq!(days(&[long]), Some((3650, 5)));
    assert_eq!(days(&[long, short]), Some((30, 6)));
    assert_eq!(days(&[long, short, none]), None);
    assert_eq!(days(&[long, "claim-type skill-module"]), Some((3650, 5)));
    let claim_type = Name::parse("oath").unwrap();
    let unknown = RegistryError::ClaimTypeUnknown { claim_type };
    assert_eq!(after(&["retention oath 7"]), Err(unknown));
}

#[test]
fn a_legal_hold_stands_on_its_events_until_it_is_lifted_and_its_name_is_used_once() {
    let (main, other) = (Name::parse("main").unwrap(), Name::parse("other").unwrap());
    let whole = format!("legal-hold whole {ISSUER}");
    let part = format!("legal-hold part {ISSUER} main 3 2");
    let holding = |changes: &[&str]| {
        let registry = after(changes).unwrap();
        let on = |stream, sequence| {
            registry.hold_on(&issuer(), stream, sequence).map(ToString::to_string)
        };
        [on(&main, 2), on(&main, 3), on(&main, 4), on(&main, 5), on(&other, 3)]
            .map(Option::unwrap_or_default)
    };
    assert_eq!(holding(&[&part]), ["", "part", "part", "", ""]);
    assert_eq!(holding(&[&whole]), ["whole"; 5]);
    assert_eq!(holding(&[&whole, &part, "legal-hold-lifted whole"]), ["", "part", "part", "", ""]);
    assert_eq!(holding(&[&part, "legal-hold-lifted part"]), [""; 5]);

    let registry = after(&[&part, "legal-hold-lifted part"]).unwrap();
    let hold = registry.hold(&Name::parse("part").unwrap()).unwrap();
    let lifted = hold.lifted.map(|logged| logged.index.0);
    assert_eq!((hold.placed.index.0, lifted, hold.stands()), (5, Some(6), false));
    let bank = Domain::parse("bank.example").unwrap();
    assert_eq!(after(&[&whole]).unwrap().hold_on(&bank, &main, 3), None);

    let name = |text: &str| Name::parse(text).unwrap();
    let again = Err(RegistryError::HoldExists { name: name("part") });
    assert_eq!(after(&[&part, &part]), again);
    assert_eq!(after(&[&part, "legal-hold-lifted part", &part]), again);
    let unknown = Err(RegistryError::HoldUnknown { name: name("part") });
    assert_eq!(after(&["legal-hold-lifted part"]), unknown);
    assert_eq!(after(&[&part, "legal-hold-lifted part", "legal-hold-lifted part"]), unknown);
    let no_stream = Err(RegistryError::StreamUnknown { stream: name("other") });
    assert_eq!(after(&[&format!("legal-hold part {ISSUER} other 0 1")]), no_stream);
    let no_issuer = Err(RegistryError::IssuerUnknown { issuer: bank });
    assert_eq!(after(&["legal-hold part bank.example"]), no_issuer);
}

#[test]
fn only_the_registrar_offboards_keeps_and_holds() {
    let (firm, before) = read(&World::founded(), 5);
    for change in [
        "issuer-offboarded school.example\n",
        "retention skill-module 7\n",
        "legal-hold case-1 school.example\n",
    ] {
        let text = before.draft(Change::parse(change).unwrap()).encode();
        let judge = |signers: &[&SigningKey]| {
            apply(&mut before.clone(), &signed(text.clone(), signers), 5, (&firm, &Strict))
        };
        assert_eq!(judge(&[&registrar_key()]), Ok(()));
        let refused = judge(&[&issuer_key()]);
        assert!(
            matches!(refused, Err(RegistryError::Note(NoteError::Unsigned { .. }))),
            "{change}"
        );
    }
}

#[test]
fn nothing_is_admitted_of_an_offboarded_issuer_and_what_it_sent_before_is_still_known() {
    let before = read(&World::founded(), 5).1;
    let offboarded = after(&[&format!("issuer-offboarded {ISSUER}")]).unwrap();
    let (origin, stream) = (Origin::parse(ORIGIN).unwrap(), Name::parse("main").unwrap());
    let event = "witness-event/v1\nAAAAAAAAAAAAAAAAAAAAAA==\nsha256 ".to_owned()
        + &Hash::of(b"document").to_hex()
        + "\ndeleted\nskill-module\n0\n-\n";
    let root = Hash::leaf(event.as_bytes());
    let (first_sequence, previous) = (0, Hash::ZERO);
    let submission = Submission {
        origin: origin.clone(),
        issuer: issuer(),
        stream: stream.clone(),
        first_sequence,
        events: 1,
        root,
        previous,
    };
    let submission = signed(submission.encode(), &[&issuer_key()]).to_string();
    let at = Timestamp::from_seconds(5);
    let heartbeat = Heartbeat { origin, issuer: issuer(), stream, next_sequence: 0, at };
    let heartbeat = signed(heartbeat.encode(), &[&issuer_key()]).to_string();
    let judge = |registry: &Registry| {
        let submit = |note: &str| {
            // Whether it is logged already is asked in between: it must be readable.
            let note = admission::read(note.as_bytes(), registry).unwrap();
            admission::admit(note, &[&event], &[""], (registry, &Strict)).map(drop)
        };
        let beat =
            |note: &str| admission::admit_heartbeat(note.as_bytes(), (registry, &Strict)).map(drop);
        [submit(&submission), beat(&heartbeat)]
    };
    assert_eq!(judge(&before), [Ok(()), Ok(())]);
    for refused in judge(&offboarded) {
        let refusal = refused.unwrap_err();
        assert_eq!(
            (refusal.reason(), refusal.blame()),
            ("ISSUER_OFFBOARDED", admission::Blame::State)
        );
        assert_eq!(refusal.metadata(), [("issuer", ISSUER.to_owned())]);
    }
}
