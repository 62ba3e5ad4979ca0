//! Evidence of documents of which something was erased: what it still proves, what it does not, and how each part of it
//! is refused that is not as it should be.

use witness_core::{
    entry::EntryKind,
    erasure::{Erasure, Range, Reason},
    event::{Change, StatusClass},
    evidence::{Evidence, ItemFacts, NotProved, Reference, Verdict, verify},
    hash::Hash,
    merkle::LeafIndex,
    name::{Domain, Name, Origin},
    note::Strict,
    registry::Change as RegistryBody,
};

use crate::{
    chain::BASE,
    evidence_dishonest::judge,
    world::{ISSUER, ORIGIN, START, World, document, issuer, issuer_key, key, status},
};

impl World {
    /// Logs that events of a stream were erased.
    pub(crate) fn erase(&mut self, stream: &str, first_sequence: u64, events: u64) -> u64 {
        let erasure = erasure(stream, first_sequence, events);
        let index = self.log_text(EntryKind::Erasure, erasure.encode());
        let sequences = first_sequence..first_sequence + events;
        self.erased.extend(sequences.map(|sequence| ((stream.to_owned(), sequence), index)));
        index
    }

    /// Two documents, each with an event that was erased: the first one's in the middle, the second one's at the end.
    pub(crate) fn partly_erased() -> Self {
        let mut world = Self::eventful_of_two();
        world.erase("main", 2, 2);
        world
    }

    fn eventful_of_two() -> Self {
        let mut world = Self::founded();
        let issued = [(1, Change::Issued, None), (2, Change::Issued, None)];
        world.submit("main", &issued, &issuer_key());
        let revoked = || status(StatusClass::Punitive, "REVOKED");
        world.submit("main", &[(1, revoked(), None), (2, revoked(), None)], &issuer_key());
        world.submit("main", &[(1, Change::Deleted, None)], &issuer_key());
        world
    }
}

fn erasure(stream: &str, first_sequence: u64, events: u64) -> Erasure {
    Erasure {
        origin: Origin::parse(ORIGIN).unwrap(),
        issuer: issuer(),
        reason: Reason::Request,
        ranges: vec![Range { stream: Name::parse(stream).unwrap(), first_sequence, events }],
    }
}

fn facts(verdict: &Verdict, number: u8) -> &ItemFacts {
    verdict.items.iter().find(|item| item.document == document(number)).unwrap()
}

fn is_in(list: &[NotProved], one: NotProved) -> bool {
    list.contains(&one)
}

#[test]
fn an_erased_event_is_a_fact_of_its_place_and_of_its_erasure_alone() {
    let world = World::partly_erased();
    let verdict = judge(&world.evidence(&[1, 2]), &World::policy()).unwrap();
    let first = facts(&verdict, 1);
    assert_eq!((first.events.len(), first.erased.len()), (2, 1));
    let erased = &first.erased[0];
    assert_eq!((erased.stream.as_str(), erased.sequence, erased.logged.index.0), ("main", 2, 6));
    assert_eq!(erased.signed.key, *issuer_key().verifying_key());
    let logged = &erased.erasure.logged;
    assert_eq!((logged.index.0, logged.received_at.seconds()), (8, START + 8));
    assert_eq!(erased.erasure.reason, Reason::Request);
    let second = facts(&verdict, 2);
    assert_eq!(second.erased.iter().map(|it| it.sequence).collect::<Vec<_>>(), [3]);

    let lines = verdict.lines().join("\n");
    for part in [
        "2: erased\n  an event was signed by school.example+",
        "in stream main as number 2",
        "logged in witness.example/log1 at index 6, received at 2026-02-02T02:40:06Z",
        "its text was erased, as the firm logged at index 8, received at 2026-02-02T02:40:08Z, for this reason: request",
        "that it was of this document is the firm's word",
        "not proved: that what was erased was of the document",
    ] {
        assert!(lines.contains(part), "{part}\n{lines}");
    }
    assert!(!lines.contains("REVOKED"), "what was erased is not known");
    let json = verdict.to_json();
    assert!(json.contains(r#""reason":"request"},"logged":{"index":"6","#), "{json}");
}

#[test]
fn how_a_document_stands_is_not_known_beyond_an_erased_event() {
    let world = World::partly_erased();
    let of = |documents: &[u8]| judge(&world.evidence(documents), &World::policy()).unwrap();
    let (first, second) = (of(&[1]), of(&[2]));
    let beyond = "so how the document stands beyond that is not known";
    for (verdict, number, is_known) in [(&first, 1, true), (&second, 2, false)] {
        let (item, lines) = (facts(verdict, number), verdict.lines());
        assert_eq!(item.is_last_known(), is_known);
        assert_eq!(lines[0].ends_with(beyond), !is_known, "{}", lines[0]);
        assert_eq!(is_in(&verdict.not_proved, NotProved::State), !is_known);
        assert!(is_in(&verdict.not_proved, NotProved::ErasedDocument));
    }
    assert_eq!(facts(&first, 1).last().map(|event| event.change.clone()), Some(Change::Deleted));
    assert_eq!(facts(&second, 2).last().map(|event| event.change.clone()), Some(Change::Issued));
    assert!(
        second.lines()[0].contains("issued, its one event in this file; a later one was erased")
    );
    // In one submission, the later event is the one of the higher number.
    let mut world = World::founded();
    let both = [(1, Change::Issued, None), (1, Change::Deleted, None)];
    world.submit("main", &both, &issuer_key());
    let (mut earlier, mut later) = (World::founded(), World::founded());
    for (world, sequence) in [(&mut earlier, 0), (&mut later, 1)] {
        world.submit("main", &both, &issuer_key());
        world.erase("main", sequence, 1);
    }
    let is_known = |world: &World| {
        judge(&world.evidence(&[1]), &World::policy()).unwrap().items[0].is_last_known()
    };
    assert_eq!([is_known(&earlier), is_known(&later)], [true, false]);
}

#[test]
fn a_file_without_erased_events_says_nothing_of_them() {
    let evidence = World::eventful().evidence(&[1]);
    let verdict = judge(&evidence, &World::policy()).unwrap();
    assert!(!evidence.encode().contains("erased") && !verdict.to_json().contains("erased"));
    assert!(!is_in(&verdict.not_proved, NotProved::ErasedDocument));
    let empty = evidence.encode().replacen("\"events\"", "\"erased\":[],\"events\"", 1);
    let refusal = Evidence::parse(empty.as_bytes()).unwrap_err();
    assert_eq!(witness_core::evidence::Refusal::from(refusal).reason(), "file-not-canonical");
}

fn reason(evidence: &Evidence) -> &'static str {
    judge(evidence, &World::policy()).unwrap_err()
}

#[test]
fn each_part_of_an_erased_event_is_refused_by_name_if_it_is_altered() {
    let world = World::partly_erased();
    let good = world.evidence(&[1, 2]);
    let altered = |alter: &dyn Fn(&mut Evidence)| {
        let mut evidence = good.clone();
        alter(&mut evidence);
        reason(&evidence)
    };
    let of_one = good.items.iter().position(|item| item.document == document(1)).unwrap();
    let two = 1 - of_one;
    let erased = |item: usize| good.items[item].erased[0].clone();
    assert_eq!(altered(&|e| e.items[of_one].erased[0].leaf = Hash::ZERO), "erased-proof");
    assert_eq!(altered(&|e| e.items[of_one].erased[0].leaf = erased(two).leaf), "erased-proof");
    assert_eq!(altered(&|e| e.items[two].erased[0].index = LeafIndex(9)), "erased-proof");
    assert_eq!(altered(&|e| e.items[of_one].erased[0].path.clear()), "erased-proof");
    assert_eq!(altered(&|e| e.items[of_one].erased[0].path[0] = Hash::ZERO), "erased-proof");
    assert_eq!(altered(&|e| e.items[of_one].erased.push(erased(of_one))), "erased-order");
    assert_eq!(altered(&|e| e.items[0].erased.push(erased(1))), {
        // The one of the higher number comes last: then it is the repetition that is wrong.
        if erased(1).index > erased(0).index { "erased-repeated" } else { "erased-order" }
    });
    assert_eq!(altered(&|e| e.items[of_one].erased[0].erasure = Reference(0)), "entry-kind");
    assert_eq!(altered(&|e| e.items[of_one].erased[0].entry = Reference(8)), "entry-kind");
    let beyond = "reference-out-of-range";
    assert_eq!(altered(&|e| e.items[of_one].erased[0].entry = Reference(9)), beyond);
    assert_eq!(altered(&|e| e.items[of_one].erased[0].erasure = Reference(9)), beyond);
    assert_eq!(altered(&|e| e.items.iter_mut().for_each(|it| it.erased.clear())), "unreferenced");
    assert_eq!(altered(&|e| e.items[of_one].events.clear()), "no-events");
}

#[test]
fn an_event_whose_text_is_in_the_file_is_none_that_was_erased() {
    let mut world = World::eventful_of_two();
    let known = world.evidence(&[1, 2]);
    world.erase("main", 2, 2);
    let mut both = world.evidence(&[1, 2]);
    for (item, known) in both.items.iter_mut().zip(known.items) {
        item.events = known.events;
    }
    assert_eq!(reason(&both), "erased-repeated");
}

/// Judges the evidence of the second document after an erasure that is logged as it stands here.
fn with_erasure(erasure: &str) -> Result<Verdict, &'static str> {
    let mut world = World::eventful_of_two();
    let index = world.log_text(EntryKind::Erasure, erasure.to_owned());
    world.erased.insert(("main".to_owned(), 3), index);
    judge(&world.evidence(&[2]), &World::policy())
}

#[test]
fn an_erasure_is_of_this_log_of_its_issuer_and_of_these_events() {
    let good = erasure("main", 3, 1);
    assert!(with_erasure(&good.encode()).is_ok());
    let origin = Origin::parse("witness.example/log2").unwrap();
    let elsewhere = Erasure { origin, ..good.clone() };
    assert_eq!(with_erasure(&elsewhere.encode()), Err("erasure-origin"));
    let other = Erasure { issuer: Domain::parse("bank.example").unwrap(), ..good.clone() };
    assert_eq!(with_erasure(&other.encode()), Err("erasure-issuer"));
    for (stream, first, events) in [("main", 2, 1), ("main", 4, 7), ("other", 3, 1), ("main", 0, 3)]
    {
        let other = erasure(stream, first, events);
        assert_eq!(
            with_erasure(&other.encode()),
            Err("erasure-range"),
            "{stream} {first} {events}"
        );
    }
    assert_eq!(with_erasure("witness-erasure/v1\n"), Err("erasure-text"));
    let later = good.encode().replacen("/v1", "/v2", 1);
    assert_eq!(with_erasure(&later), Err("erasure-text"));
    let mut world = World::eventful_of_two();
    let index = world.log_text(EntryKind::Erasure, later);
    world.erased.insert(("main".to_owned(), 3), index);
    let refusal = verify(&world.evidence(&[2]), &World::policy(), &[], &Strict).unwrap_err();
    assert_eq!(refusal.class(), witness_core::evidence::RefusalClass::CannotTell);
}

#[test]
fn an_erasure_stands_in_the_log_after_what_it_erases() {
    let mut world = World::founded();
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    let index = world.log_text(EntryKind::Erasure, erasure("main", 1, 1).encode());
    world.submit("main", &[(1, Change::Deleted, None)], &issuer_key());
    world.erased.insert(("main".to_owned(), 1), index);
    assert_eq!(reason(&world.evidence(&[1])), "erasure-early");
}

#[test]
fn an_erased_event_is_of_the_items_issuer() {
    let bank = Domain::parse("bank.example").unwrap();
    let bank_key = key("bank.example", 40);
    let mut world = World::founded();
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    world.register(RegistryBody::IssuerAdded { issuer: bank.clone() }, &[]);
    let added = format!("key-added bank.example {}\n", bank_key.verifying_key());
    world.register(RegistryBody::parse(&added).unwrap(), &[&bank_key]);
    let opened = RegistryBody::parse("stream-opened bank.example live DE live\n").unwrap();
    world.register(opened, &[]);
    // The bank's event is erased, and comes up as one of the school's document.
    world.submit("live", &[(1, Change::Deleted, None)], &bank_key);
    let erasure = Erasure { issuer: bank, ..erasure("live", 0, 1) };
    let index = world.log_text(EntryKind::Erasure, erasure.encode());
    world.erased.insert(("live".to_owned(), 0), index);
    let evidence = world.evidence(&[1]);
    assert_eq!((evidence.items[0].issuer.as_str(), evidence.items[0].erased.len()), (ISSUER, 1));
    assert_eq!(reason(&evidence), "erased-issuer");
}

#[test]
fn what_vouches_for_an_erased_event_must_be_in_the_file_too() {
    let mut world = World::founded();
    world.submit("main", &[(1, Change::Issued, None)], &issuer_key());
    world.open("other");
    world.submit("other", &[(1, Change::Deleted, None)], &issuer_key());
    world.erase("other", 0, 1);
    let evidence = world.evidence(&[1]);
    assert!(judge(&evidence, &World::policy()).is_ok());
    let mut unvouched = world.evidence(&[1]);
    let gone = unvouched.entries.iter().position(|row| row.text.contains(" other DE")).unwrap();
    unvouched.entries.remove(gone);
    unvouched.registry.retain(|reference| reference.0 != gone);
    for erased in &mut unvouched.items[0].erased {
        (erased.entry.0, erased.erasure.0) = (erased.entry.0 - 1, erased.erasure.0 - 1);
    }
    assert_eq!(reason(&unvouched), "stream-not-vouched");
}

#[test]
fn the_time_of_an_erasure_is_the_firms_word_until_a_chain_bears_it_out() {
    let mut world = World::founded();
    let before = world.roll_up();
    world.anchor(before, BASE, START + 70);
    world.received_us = Some((START + 600) * 1_000_000);
    world.signed_at = START + 660;
    world.submit("main", &[(1, Change::Issued, None), (1, Change::Deleted, None)], &issuer_key());
    let rollup = world.roll_up();
    world.anchor(rollup, BASE, START + 670);
    world.erase("main", 1, 1);
    let judge = |world: &World| judge(&world.evidence(&[1]), &world.trusting()).unwrap();
    let verdict = judge(&world);
    let erased = &verdict.items[0].erased[0];
    assert!(erased.anchored.is_some() && erased.erasure.anchored.is_none());
    assert!(verdict.items[0].events[0].anchored.is_some());
    assert!(is_in(&verdict.not_proved, NotProved::Times));

    let rollup = world.roll_up();
    world.anchor(rollup, BASE, START + 680);
    let verdict = judge(&world);
    assert!(verdict.items[0].erased[0].erasure.anchored.is_some());
    assert!(!is_in(&verdict.not_proved, NotProved::Times));
    assert!(!is_in(&verdict.not_proved, NotProved::Earliest));
}

#[test]
fn an_erasure_that_is_dated_back_is_refused() {
    let mut world = World::founded();
    world.submit("main", &[(1, Change::Issued, None), (1, Change::Deleted, None)], &issuer_key());
    world.signed_at = START + 7200;
    let rollup = world.roll_up();
    world.anchor(rollup, BASE, START + 7210);
    world.received_us = Some((START + 600) * 1_000_000);
    world.erase("main", 1, 1);
    let refused = judge(&world.evidence(&[1]), &world.trusting());
    assert_eq!(refused, Err("back-dated"));
}
