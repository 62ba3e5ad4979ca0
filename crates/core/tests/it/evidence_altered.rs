//! Nothing in evidence can be altered unseen: whatever is changed, the file is refused by the check that owns the
//! place, or the verdict says less and names what it did not check.

use serde_json::Value;
use witness_core::{
    evidence::{EventFacts, Evidence, NotProved, Refusal, Verdict, verify, verify_remembering},
    hash::Hash,
    note::Strict,
    policy::Policy,
};

use crate::world::{Memo, World};

/// A file that is good under a policy.
struct Good {
    text: String,
    policy: Policy,
    verdict: Verdict,
}

impl Good {
    fn of(world: &World, documents: &[u8]) -> Self {
        let (evidence, policy) = (world.evidence(documents), world.trusting());
        let verdict = verify(&evidence, &policy, &[], &Strict).unwrap();
        Self { text: evidence.encode(), policy, verdict }
    }

    /// Every kind of event; every kind of fact.
    fn all() -> [Self; 3] {
        [
            Self::of(&World::eventful(), &[1, 2, 3]),
            Self::of(&World::anchored(), &[1, 2]),
            Self::of(&World::partly_erased(), &[1, 2]),
        ]
    }

    fn judge(&self, text: &[u8], memo: &Memo) -> Result<Verdict, Refusal> {
        verify_remembering(&Evidence::parse(text)?, &self.policy, &[], memo, memo)
    }

    /// A memory in which all of the file is: what is altered must not pass for it.
    fn remembered(&self) -> Memo {
        let memo = Memo::new();
        assert_eq!(self.judge(self.text.as_bytes(), &memo).as_ref(), Ok(&self.verdict));
        assert_eq!(memo.remembered(), (1, 1));
        memo
    }

    fn file(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// Every string of the file with the way to it, as `/entries/3/text`.
    fn ways(&self) -> Vec<String> {
        let mut ways = Vec::new();
        strings(&self.file(), String::new(), &mut ways);
        assert!(ways.len() > 80, "{}", ways.len());
        ways
    }
}

/// What of a verdict is lost alone, with a signature line or a block, taken away.
fn without_lines(verdict: &Verdict) -> Verdict {
    let mut verdict = verdict.clone();
    verdict.unchecked.clear();
    verdict.not_proved.clear();
    for event in verdict.items.iter_mut().flat_map(|item| &mut item.events) {
        event.published = None;
        event.cosigned = None;
        event.anchored = None;
    }
    for erased in verdict.items.iter_mut().flat_map(|item| &mut item.erased) {
        (erased.cosigned, erased.anchored) = (None, None);
        (erased.erasure.cosigned, erased.erasure.anchored) = (None, None);
    }
    verdict
}

fn events(verdict: &Verdict) -> impl Iterator<Item = &EventFacts> {
    verdict.items.iter().flat_map(|item| &item.events)
}

/// Whether an event's anchor says no more than before: it is gone, or a later block; or its lower bound is gone.
fn is_anchored_less(before: &EventFacts, after: &EventFacts) -> bool {
    let (before, after) = match (before.anchored, after.anchored) {
        (_, None) => return true,
        (None, Some(_)) => return false,
        (Some(before), Some(after)) => (before, after),
    };
    before.not_after <= after.not_after
        && (after.not_before.is_none() || before.not_before == after.not_before)
}

/// Refused, or a verdict that says no more, and names one thing more, or another one, that was not checked.
fn is_noticed(altered: &Result<Verdict, Refusal>, good: &Verdict) -> bool {
    let verdict = match altered {
        Err(refusal) => return !refusal.reason().is_empty(),
        Ok(verdict) => verdict,
    };
    let cosigners = |facts: &EventFacts| facts.cosigned.as_ref().map_or(0, |it| it.by.len());
    let is_less = |(before, after): (&EventFacts, &EventFacts)| {
        (after.published.is_none() || before.published == after.published)
            && cosigners(after) <= cosigners(before)
            && is_anchored_less(before, after)
    };
    // What is not anchored any more has no bounds at all.
    let is_said = |it: NotProved| {
        let is_said = |it| verdict.not_proved.contains(&it);
        is_said(it) || (it == NotProved::Earliest && is_said(NotProved::Times))
    };
    let grown = verdict.unchecked.len().checked_sub(good.unchecked.len());
    let is_lost = events(good).ne(events(verdict));
    // One of two anchors that say the same can be lost without a fact.
    let is_anchored = events(good).any(|event| event.anchored.is_some());
    without_lines(verdict) == without_lines(good)
        && events(good).zip(events(verdict)).all(is_less)
        && good.not_proved.iter().all(|it| is_said(*it))
        // A fact that is lost was carried by something that is now named.
        && match grown {
            Some(0) => !is_lost && verdict.unchecked != good.unchecked,
            Some(1) => is_lost || is_anchored,
            _ => false,
        }
}

/// Whether a byte stands amid a long run of zeros: one of them is enough. Blooms are mostly zeros.
fn is_among_zeros(text: &[u8], at: usize) -> bool {
    let around = text.get(at.saturating_sub(32)..at + 32);
    around.is_some_and(|around| around.iter().all(|byte| *byte == b'0'))
}

/// Flips every bit of these bytes. How many were accepted, and cost a fact.
fn flip(good: &Good, bytes: std::ops::Range<usize>) -> usize {
    let workers: usize = 4;
    let flip_from = |first| {
        let memo = good.remembered();
        let mut accepted = 0;
        let bits = (bytes.start * 8 + first..bytes.end * 8).step_by(workers);
        for bit in bits.filter(|bit| !is_among_zeros(good.text.as_bytes(), bit / 8)) {
            let mut bytes = good.text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let altered = good.judge(&bytes, &memo);
            accepted += usize::from(altered.is_ok());
            assert!(is_noticed(&altered, &good.verdict), "bit {bit}: {altered:?}");
        }
        accepted
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..workers).map(|first| scope.spawn(move || flip_from(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn every_flipped_bit_is_refused_or_costs_the_fact_that_it_hit() {
    let good = Good::of(&World::short(), &[1]);
    let accepted = flip(&good, 0..good.text.len());
    assert!(accepted > 0, "a signature line of an unknown key can change, and shows");
}

#[test]
fn every_flipped_bit_of_history_rollups_and_anchors_is_refused_or_costs_the_fact_that_it_hit() {
    // No more than one anchor, so that it does not take minutes.
    let mut world = World::anchored();
    world.anchors.retain(|(rollup, _)| *rollup == 2);
    world.rollups.remove(1);
    let good = Good::of(&world, &[2]);
    let at = |member: &str| good.text.find(&format!("\"{member}\":")).unwrap();
    assert!(flip(&good, 0..at("entries")) > 0, "a header can change, and shows");
    assert_eq!(flip(&good, at("rollups")..good.text.len()), 0);
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
        [_, "format"] | [_, "anchors", _, "anchor", "kind"] => &["file-shape", "file-version"],
        [_, "checkpoints", _] => &[
            "table-order",
            "checkpoint-note",
            "checkpoint-text",
            "checkpoint-fork",
            "checkpoint-origin",
            "log-signature",
            "timestamp-signature",
            "cosignature",
        ],
        [_, "consistency", _, _] => &["file-shape", "consistency-proof"],
        [_, "rollups", _, "checkpoint"] => {
            &["file-shape", "reference-out-of-range", "unreferenced", "rollup-proof"]
        }
        [_, "rollups", _, "index"] | [_, "rollups", _, "path", _] => {
            &["file-shape", "rollup-proof"]
        }
        [_, "rollups", _, "note"] => {
            &["rollup-note", "rollup-signature", "stray-signature", "rollup-text", "rollup-proof"]
        }
        [_, "anchors", _, "rollup"] => &["file-shape", "reference-out-of-range", "anchor-rollup"],
        [_, "anchors", _, "anchor", "contract"] => {
            &["file-shape", "table-order", "rollup-contract", "anchor-contract"]
        }
        [_, "anchors", _, "anchor", "header"] => {
            &["file-shape", "anchor-header", "anchor-receipt-proof", "anchor-entry"]
        }
        [_, "anchors", _, "anchor", "sequence"] => {
            &["file-shape", "table-order", "anchor-sequence"]
        }
        [_, "anchors", _, "anchor", "log_index"] => &["file-shape", "anchor-log"],
        [_, "anchors", _, "anchor", "receipt_index"] => &["file-shape", "anchor-receipt-proof"],
        [_, "anchors", _, "anchor", "receipt_proof", _] => {
            &["file-shape", "anchor-receipt-proof", "anchor-proof-size"]
        }
        [_, "entries", _, "checkpoint"] => &["file-shape", "reference-out-of-range", "entry-proof"],
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
        [_, "items", _, member @ ..] => owners_in_item(member),
        _ => panic!("nobody owns {way}"),
    }
}

/// The checks that own a value of an item.
fn owners_in_item(way: &[&str]) -> &'static [&'static str] {
    match way {
        ["document"] => &["file-shape", "event-document"],
        ["issuer"] => &["file-shape", "event-issuer"],
        ["events", _, "details"] => &["event-details"],
        ["events", _, "entry"] => &[
            "file-shape",
            "reference-out-of-range",
            "unreferenced",
            "entry-kind",
            "event-order",
            "event-proof",
        ],
        ["events", _, "index"] => &["file-shape", "event-order", "event-proof"],
        ["events", _, "path", _] => &["file-shape", "event-proof"],
        ["events", _, "text"] => &["event-text", "event-proof"],
        ["erased", _, "entry"] => &[
            "file-shape",
            "reference-out-of-range",
            "unreferenced",
            "entry-kind",
            "erased-order",
            "erased-repeated",
            "erased-proof",
        ],
        ["erased", _, "erasure"] => {
            &["file-shape", "reference-out-of-range", "unreferenced", "entry-kind", "erasure-range"]
        }
        ["erased", _, "index"] => {
            &["file-shape", "erased-order", "erased-repeated", "erased-proof"]
        }
        ["erased", _, "leaf"] | ["erased", _, "path", _] => &["file-shape", "erased-proof"],
        _ => panic!("nobody owns {way:?}"),
    }
}

fn check_owner(way: &str, file: &Value, good: &Good, memo: &Memo) {
    let altered = good.judge(serde_json::to_string(file).unwrap().as_bytes(), memo);
    assert!(is_noticed(&altered, &good.verdict), "{way}: {altered:?}");
    if let Err(refusal) = altered {
        assert!(owners(way).contains(&refusal.reason()), "{way}: {} ({refusal})", refusal.reason());
    }
}

#[test]
fn every_altered_value_is_named_by_the_check_that_owns_it() {
    Good::all().iter().for_each(alter_values);
}

fn alter_values(good: &Good) {
    let (file, ways, memo) = (good.file(), good.ways(), good.remembered());
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
            check_owner(way, &altered, good, &memo);
        }
    }
}

#[test]
fn every_altered_line_of_a_text_is_named_by_the_check_that_owns_it() {
    Good::all().iter().for_each(alter_lines);
}

fn alter_lines(good: &Good) {
    let (file, memo) = (good.file(), good.remembered());
    for way in good.ways() {
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
                let text = serde_json::to_string(&altered).unwrap();
                let verdict = good.judge(text.as_bytes(), &memo);
                // Signature lines may be swapped, dropped or written twice: each key's fact stands for itself.
                match verdict {
                    Ok(verdict) if way.starts_with("/checkpoints/") => {
                        let (after, before) =
                            (without_lines(&verdict), without_lines(&good.verdict));
                        assert_eq!(after, before, "{way}, line {at}");
                    }
                    _ => check_owner(&way, &altered, good, &memo),
                }
            }
        }
    }
}

#[test]
fn every_longer_or_shorter_proof_is_refused() {
    Good::all().iter().for_each(alter_proofs);
}

/// The ways to all proofs of a file, each with the check that owns it.
fn proofs(file: &Value) -> Vec<(String, &'static str)> {
    let rows = |table: &str| file[table].as_array().unwrap().len();
    let mut ways = Vec::new();
    ways.extend(
        (0..rows("consistency")).map(|n| (format!("/consistency/{n}"), "consistency-proof")),
    );
    ways.extend((0..rows("entries")).map(|n| (format!("/entries/{n}/path"), "entry-proof")));
    ways.extend((0..rows("rollups")).map(|n| (format!("/rollups/{n}/path"), "rollup-proof")));
    let receipts = (0..rows("anchors")).map(|n| format!("/anchors/{n}/anchor/receipt_proof"));
    ways.extend(receipts.map(|way| (way, "anchor-receipt-proof")));
    for (item, value) in file["items"].as_array().unwrap().iter().enumerate() {
        let events = value["events"].as_array().unwrap().len();
        let paths = (0..events).map(|event| format!("/items/{item}/events/{event}/path"));
        ways.extend(paths.map(|way| (way, "event-proof")));
        let erased = value.get("erased").map_or(0, |erased| erased.as_array().unwrap().len());
        let paths = (0..erased).map(|event| format!("/items/{item}/erased/{event}/path"));
        ways.extend(paths.map(|way| (way, "erased-proof")));
    }
    ways
}

fn alter_proofs(good: &Good) {
    let (file, memo) = (good.file(), good.remembered());
    for (way, expected) in proofs(&file) {
        let old = file.pointer(&way).unwrap().as_array().unwrap().clone();
        let is_receipt = way.ends_with("receipt_proof");
        let zero = if is_receipt { "0xc0".to_owned() } else { Hash::ZERO.to_base64() };
        let zero = Value::String(zero);
        let longer = [old.as_slice(), std::slice::from_ref(&zero)].concat();
        let front = [std::slice::from_ref(&zero), old.as_slice()].concat();
        let mut all = vec![longer, front, [old.as_slice(), old.as_slice()].concat(), Vec::new()];
        all.extend((0..old.len()).map(|at| [&old[..at], &old[at + 1..]].concat()));
        let reversed: Vec<Value> = old.iter().rev().cloned().collect();
        all.push(reversed);
        for new in all.into_iter().filter(|new| *new != old) {
            let (mut altered, is_empty) = (file.clone(), new.is_empty());
            *altered.pointer_mut(&way).unwrap() = Value::Array(new);
            let text = serde_json::to_string(&altered).unwrap();
            let reason = good.judge(text.as_bytes(), &memo).unwrap_err().reason();
            let expected = if is_receipt && is_empty { "anchor-proof-size" } else { expected };
            assert_eq!(reason, expected, "{way}");
        }
    }
    assert_eq!(good.judge(good.text.as_bytes(), &memo).as_ref(), Ok(&good.verdict));
}

#[test]
fn a_row_that_is_dropped_or_repeated_is_noticed() {
    Good::all().iter().for_each(alter_tables);
}

fn alter_tables(good: &Good) {
    let (file, memo) = (good.file(), good.remembered());
    let tables = [
        "/anchors",
        "/checkpoints",
        "/consistency",
        "/entries",
        "/firm",
        "/registry",
        "/items",
        "/items/0/events",
        "/items/0/erased",
        "/items/1/erased",
        "/rollups",
    ];
    for way in tables {
        // A member without anything in it may be left out.
        let Some(old) = file.pointer(way) else { continue };
        let old = old.as_array().unwrap().clone();
        for at in 0..old.len() {
            let dropped = [&old[..at], &old[at + 1..]].concat();
            let repeated = [&old[..=at], &old[at..]].concat();
            for new in [dropped, repeated] {
                let mut altered = file.clone();
                *altered.pointer_mut(way).unwrap() = Value::Array(new);
                let text = serde_json::to_string(&altered).unwrap();
                let verdict = good.judge(text.as_bytes(), &memo);
                // A document, an event or an anchor can be left out if nothing else goes with it: it proves less,
                // if no other anchor proves as much.
                let may_be_left_out = way.starts_with("/items") || way == "/anchors";
                let is_less = verdict.is_err() || may_be_left_out;
                assert!(way == "/anchors" || verdict.as_ref() != Ok(&good.verdict), "{way}/{at}");
                assert!(is_less, "{way}/{at}: {verdict:?}");
            }
        }
    }
}
