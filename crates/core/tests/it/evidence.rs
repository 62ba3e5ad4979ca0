//! Evidence of an honest firm: what it proves, and that nothing in it can be altered unseen.

use serde_json::Value;
use witness_core::{
    evidence::{Evidence, FactKind, KnownRevocations, NotProved, Place, Refusal, Verdict, verify},
    hash::Hash,
    note::Strict,
    registry::Recovery,
    tlog_policy::TlogPolicy,
};

use crate::world::{Memo, START, World, issuer_key, log_key, root_key};

fn good() -> (String, Verdict) {
    let evidence = World::eventful().evidence(&[1, 2, 3]);
    let verdict = verify(&evidence, &World::policy(), &Strict).unwrap();
    (evidence.encode(), verdict)
}

fn judge(text: &[u8], memo: &Memo) -> Result<Verdict, Refusal> {
    verify(&Evidence::parse(text)?, &World::policy(), memo)
}

#[test]
fn a_verdict_is_a_set_of_facts() {
    let (_, verdict) = good();
    assert_eq!(verdict.missing(&World::policy()), []);
    let [first, second, third] = verdict.items.as_slice() else { panic!("three documents") };
    assert_eq!(
        [first.events.len(), second.events.len(), third.events.len()].iter().sum::<usize>(),
        6
    );
    let deleted =
        verdict.items.iter().flat_map(|item| &item.events).max_by_key(|e| e.logged.index).unwrap();
    assert_eq!(deleted.change.kind().word(), "deleted");
    assert_eq!((deleted.sequence, deleted.logged.index.0, deleted.logged.size.0), (5, 10, 11));
    assert_eq!(deleted.logged.received_at.seconds(), START + 10);
    assert_eq!(deleted.published.unwrap().at.seconds(), START + 60);
    assert_eq!(deleted.signed.key, *issuer_key().verifying_key());
    assert_eq!((deleted.signed.added_sequence, deleted.signed.added_index.0), (1, 2));
    assert_eq!(deleted.signed.revocations, KnownRevocations::Complete);
    assert!(deleted.signed.recovery == Recovery::No && deleted.signed.revoked.is_none());
    let cosigned = deleted.cosigned.as_ref().unwrap();
    assert_eq!((cosigned.by.join(" ").as_str(), cosigned.of, cosigned.quorum), ("a b", 3, true));
    assert!(deleted.has(FactKind::Cosigned) && !deleted.has(FactKind::Anchored));
    assert_eq!(verdict.unchecked.len(), 1);
    let not_proved = [
        NotProved::Truth,
        NotProved::Occurrence,
        NotProved::Completeness,
        NotProved::FirmKeys,
        NotProved::LaterRevocation,
        NotProved::Times,
    ];
    assert_eq!(verdict.not_proved, not_proved);
    let suspect = verdict
        .items
        .iter()
        .flat_map(|item| &item.events)
        .filter(|e| e.signed.revoked.is_some_and(|revoked| revoked.suspect));
    assert_eq!(suspect.count(), 3);
}

#[test]
fn a_verdict_reads_as_plain_sentences_and_as_json() {
    let (text, verdict) = good();
    let lines = verdict.lines().join("\n");
    for part in [
        "school.example: deleted, the last of its 3 events in this file",
        "school.example: amended, its one event in this file",
        "2: status REVOKED (punitive), as skill-module",
        "index 10, received at 2026-02-02T02:40:10Z",
        "signature is suspect",
        "every registry change before it, by the log's own count, is in this file",
        "cosigned by 2 of 3 (a, b), from 2026-02-02T02:41:00Z to 2026-02-02T02:41:00Z: the quorum is met",
        "published under the checkpoint of size 11 at 2026-02-02T02:41:00Z",
        "its details are in this file",
        "not proved: that these are all events of the document",
        "not proved: that no later note of the firm had ended these keys",
        "not checked: checkpoints[0], signature line 5",
    ] {
        assert!(lines.contains(part), "{part}\n{lines}");
    }
    for line in text.split("\\n").filter_map(|line| line.strip_prefix("sha256 ")) {
        assert!(!lines.contains(line), "no sentence repeats a document hash");
    }
    let json: Value = serde_json::from_str(&verdict.to_json()).unwrap();
    assert_eq!(serde_json::to_string(&json).unwrap(), verdict.to_json(), "sorted");
    assert!(!has_number(&json), "integers are strings");
}

fn has_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(list) => list.iter().any(has_number),
        Value::Object(members) => members.values().any(has_number),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// What of the verdict a signature line of a checkpoint carries alone, taken away.
fn without_lines(verdict: &Verdict) -> Verdict {
    let mut verdict = verdict.clone();
    verdict.unchecked.clear();
    verdict.not_proved.clear();
    for event in verdict.items.iter_mut().flat_map(|item| &mut item.events) {
        event.published = None;
        event.cosigned = None;
    }
    verdict
}

/// Refused, or a verdict that lacks exactly what one line of a checkpoint's signatures said.
fn is_noticed(altered: &Result<Verdict, Refusal>, good: &Verdict) -> bool {
    let verdict = match altered {
        Err(refusal) => return !refusal.reason().is_empty(),
        Ok(verdict) => verdict,
    };
    if without_lines(verdict) != without_lines(good) {
        return false;
    }
    let (before, after) = (&good.items[0].events[0], &verdict.items[0].events[0]);
    let names = |facts: &witness_core::evidence::EventFacts| {
        facts.cosigned.as_ref().map_or(0, |cosigned| cosigned.by.len())
    };
    let unpublished = before.published.is_some() && after.published.is_none();
    let uncosigned = names(after) + 1 == names(before);
    let renamed =
        verdict.unchecked.len() == good.unchecked.len() && verdict.unchecked != good.unchecked;
    let gained = verdict.unchecked.len() == good.unchecked.len() + 1;
    (unpublished != uncosigned && gained) || (!unpublished && !uncosigned && renamed)
}

#[test]
fn every_flipped_bit_is_refused_or_costs_the_fact_that_it_hit() {
    let evidence = World::short().evidence(&[1]);
    let good = &verify(&evidence, &World::policy(), &Strict).unwrap();
    let text = &evidence.encode();
    let workers: usize = 4;
    let flip_from = |first| {
        let memo = Memo::default();
        let mut accepted = 0;
        for bit in (first..text.len() * 8).step_by(workers) {
            let mut bytes = text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let altered = judge(&bytes, &memo);
            accepted += usize::from(altered.is_ok());
            assert!(is_noticed(&altered, good), "bit {bit}: {altered:?}");
        }
        accepted
    };
    let accepted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..workers).map(|first| scope.spawn(move || flip_from(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(accepted > 0, "a signature line of an unknown key can change, and shows");
}

/// Every string of the file with the way to it, as `/entries/3/text`.
fn strings(value: &Value, way: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(way),
        Value::Array(list) => {
            for (n, value) in list.iter().enumerate() {
                strings(value, format!("{way}/{n}"), found);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                strings(value, format!("{way}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => panic!("{way} must be a string"),
    }
}

fn flipped(text: &str, at: usize) -> String {
    let flip = |(n, c)| if n == at { if c == 'A' { 'B' } else { 'A' } } else { c };
    text.chars().enumerate().map(flip).collect()
}

/// A string, altered in every plain way: flipped, cut, made longer, and if it is a number, off by one.
fn alterations(text: &str) -> Vec<String> {
    let count = text.chars().count();
    let mut all = vec![String::new(), format!("{text}A"), format!("{text}\n"), format!(" {text}")];
    all.extend([0, count / 2, count.saturating_sub(1)].map(|at| flipped(text, at)));
    all.extend(['0', '1'].map(|digit| format!("{digit}{}", text.get(1..).unwrap_or_default())));
    all.push(text.chars().take(count.saturating_sub(1)).collect());
    all.push(text.chars().skip(1).collect());
    if let Ok(number) = text.parse::<u64>() {
        all.extend([(number + 1).to_string(), number.saturating_sub(1).to_string()]);
        all.extend([(number + 64).to_string(), format!("0{number}"), u64::MAX.to_string()]);
    }
    all.retain(|altered| altered != text);
    all
}

/// The checks that own a value, by the way to it.
fn owners(way: &str) -> &'static [&'static str] {
    let parts: Vec<&str> = way.split('/').collect();
    match parts.as_slice() {
        [_, "format"] => &["file-shape", "file-version"],
        [_, "checkpoints", _] => &[
            "checkpoint-note",
            "checkpoint-text",
            "checkpoint-origin",
            "log-signature",
            "timestamp-signature",
            "cosignature",
        ],
        [_, "entries", _, "checkpoint"] => &["file-shape", "reference-out-of-range"],
        [_, "entries", _, "index" | "path"] | [_, "entries", _, "path", _] => {
            &["file-shape", "entry-proof"]
        }
        [_, "entries", _, "text"] => &[
            "entry-text",
            "entry-kind",
            "entry-kind-unknown",
            "firm-note",
            "stray-signature",
            "entry-proof",
        ],
        [_, "firm" | "registry", _] => {
            &["file-shape", "reference-out-of-range", "unreferenced", "table-order", "entry-kind"]
        }
        [_, "items", _, "document"] => &["file-shape", "event-document"],
        [_, "items", _, "issuer"] => &["file-shape", "event-issuer"],
        [_, "items", _, "events", _, "details"] => &["event-details"],
        [_, "items", _, "events", _, "entry"] => &[
            "file-shape",
            "reference-out-of-range",
            "unreferenced",
            "entry-kind",
            "event-order",
            "event-proof",
        ],
        [_, "items", _, "events", _, "index"] => &["file-shape", "event-order", "event-proof"],
        [_, "items", _, "events", _, "path", _] => &["file-shape", "event-proof"],
        [_, "items", _, "events", _, "text"] => &["event-text", "event-proof"],
        _ => panic!("nobody owns {way}"),
    }
}

fn check_owner(way: &str, file: &Value, good: &Verdict, memo: &Memo) {
    let altered = judge(serde_json::to_string(file).unwrap().as_bytes(), memo);
    assert!(is_noticed(&altered, good), "{way}: {altered:?}");
    if let Err(refusal) = altered {
        assert!(owners(way).contains(&refusal.reason()), "{way}: {} ({refusal})", refusal.reason());
    }
}

#[test]
fn every_altered_value_is_named_by_the_check_that_owns_it() {
    let (text, good) = good();
    let file: Value = serde_json::from_str(&text).unwrap();
    let memo = Memo::default();
    let mut ways = Vec::new();
    strings(&file, String::new(), &mut ways);
    assert!(ways.len() > 100, "{}", ways.len());
    for way in &ways {
        let old = file.pointer(way).unwrap().as_str().unwrap();
        // Any other string of the same table can stand in its place, too.
        let (table, _) = way.rsplit_once('/').unwrap();
        let neighbours = ways.iter().filter(|other| other.rsplit_once('/').unwrap().0 == table);
        let swaps =
            neighbours.map(|other| file.pointer(other).unwrap().as_str().unwrap().to_owned());
        for new in alterations(old).into_iter().chain(swaps).filter(|new| new != old) {
            let mut altered = file.clone();
            *altered.pointer_mut(way).unwrap() = Value::String(new);
            check_owner(way, &altered, &good, &memo);
        }
    }
}

#[test]
fn every_altered_line_of_a_text_is_named_by_the_check_that_owns_it() {
    let (text, good) = good();
    let file: Value = serde_json::from_str(&text).unwrap();
    let memo = Memo::default();
    let mut ways = Vec::new();
    strings(&file, String::new(), &mut ways);
    for way in ways {
        let old = file.pointer(&way).unwrap().as_str().unwrap();
        let lines: Vec<&str> = old.split('\n').collect();
        for at in 0..if lines.len() > 1 { lines.len() } else { 0 } {
            let put = |line: &str| {
                let mut lines = lines.clone();
                lines[at] = line;
                lines.join("\n")
            };
            let mut all: Vec<String> =
                alterations(lines[at]).iter().map(|line| put(line)).collect();
            all.push([&lines[..at], &lines[at + 1..]].concat().join("\n"));
            all.push([&lines[..=at], &lines[at..]].concat().join("\n"));
            if at + 1 < lines.len() {
                let mut swapped = lines.clone();
                swapped.swap(at, at + 1);
                all.push(swapped.join("\n"));
            }
            for new in all.into_iter().filter(|new| new != old) {
                let mut altered = file.clone();
                *altered.pointer_mut(&way).unwrap() = Value::String(new);
                let verdict = judge(serde_json::to_string(&altered).unwrap().as_bytes(), &memo);
                // Signature lines may be swapped, dropped or written twice: each key's fact stands for itself.
                match verdict {
                    Ok(verdict) if way.starts_with("/checkpoints/") => {
                        let (after, before) = (without_lines(&verdict), without_lines(&good));
                        assert_eq!(after, before, "{way}, line {at}");
                    }
                    _ => check_owner(&way, &altered, &good, &memo),
                }
            }
        }
    }
}

#[test]
fn every_longer_or_shorter_proof_is_refused() {
    let (text, good) = good();
    let file: Value = serde_json::from_str(&text).unwrap();
    let memo = Memo::default();
    let entries = file["entries"].as_array().unwrap().len();
    let mut ways: Vec<String> = (0..entries).map(|n| format!("/entries/{n}/path")).collect();
    for (item, value) in file["items"].as_array().unwrap().iter().enumerate() {
        let events = value["events"].as_array().unwrap().len();
        ways.extend((0..events).map(|event| format!("/items/{item}/events/{event}/path")));
    }
    for way in ways {
        let old = file.pointer(&way).unwrap().as_array().unwrap().clone();
        let zero = Value::String(Hash::ZERO.to_base64());
        let longer = [old.as_slice(), std::slice::from_ref(&zero)].concat();
        let front = [std::slice::from_ref(&zero), old.as_slice()].concat();
        let mut all = vec![longer, front, [old.as_slice(), old.as_slice()].concat(), Vec::new()];
        all.extend((0..old.len()).map(|at| [&old[..at], &old[at + 1..]].concat()));
        let reversed: Vec<Value> = old.iter().rev().cloned().collect();
        all.push(reversed);
        for new in all.into_iter().filter(|new| *new != old) {
            let mut altered = file.clone();
            *altered.pointer_mut(&way).unwrap() = Value::Array(new);
            let verdict = judge(serde_json::to_string(&altered).unwrap().as_bytes(), &memo);
            let expected = if way.starts_with("/entries") { "entry-proof" } else { "event-proof" };
            assert_eq!(verdict.unwrap_err().reason(), expected, "{way}");
        }
    }
    assert_eq!(judge(text.as_bytes(), &memo), Ok(good));
}

#[test]
fn a_row_that_is_dropped_or_repeated_is_noticed() {
    let (text, good) = good();
    let file: Value = serde_json::from_str(&text).unwrap();
    let memo = Memo::default();
    let tables = ["/checkpoints", "/entries", "/firm", "/registry", "/items", "/items/0/events"];
    for way in tables {
        let old = file.pointer(way).unwrap().as_array().unwrap().clone();
        for at in 0..old.len() {
            let dropped = [&old[..at], &old[at + 1..]].concat();
            let repeated = [&old[..=at], &old[at..]].concat();
            for new in [dropped, repeated] {
                let mut altered = file.clone();
                *altered.pointer_mut(way).unwrap() = Value::Array(new);
                let verdict = judge(serde_json::to_string(&altered).unwrap().as_bytes(), &memo);
                // A document or an event can be left out if nothing else goes with it: it proves less.
                assert_ne!(verdict.as_ref(), Ok(&good), "{way}/{at}");
                let is_less = verdict.is_err() || way.starts_with("/items");
                assert!(is_less, "{way}/{at}: {verdict:?}");
            }
        }
    }
}

#[test]
fn the_log_part_of_an_event_is_a_tlog_proof() {
    let evidence = World::eventful().evidence(&[1]);
    let proof = evidence.tlog_proof(Place { item: 0, event: 2 }).unwrap();
    let leaf = Hash::leaf(evidence.entries[evidence.items[0].events[2].entry.0].text.as_bytes());
    let policy = format!("log {}\nquorum none\n", log_key().verifying_key());
    let policy = TlogPolicy::parse(policy.as_bytes()).unwrap();
    let again = witness_core::tlog_proof::TlogProof::parse(proof.encode().as_bytes()).unwrap();
    assert_eq!(again, proof);
    assert_eq!(again.verify(&leaf, &policy, &Strict).unwrap().checkpoint.size.0, 11);
    assert_eq!(evidence.tlog_proof(Place { item: 0, event: 3 }), None);
}

#[test]
fn the_file_and_the_verdict_say_nothing_of_the_order_in_which_it_was_built() {
    let world = World::eventful();
    assert_eq!(world.evidence(&[3, 2, 1, 1]).encode(), world.evidence(&[1, 2, 3]).encode());
    let verdict = verify(&world.evidence(&[3]), &World::policy(), &Strict).unwrap();
    assert_eq!(verdict.firm_root, *root_key().verifying_key());
}
