//! A watcher before a firm whose anchors misbehave, with and without a chain that can be asked. The anchors were
//! recorded on a real one; their values stand for roll-ups that were verified before.

use anyhow::Result;
use witness_core::{
    evm::Word, hash::Hash, policy::TrustedChain, rollup::Contract, time::Timestamp,
};

use super::{
    anchors::{Anchored, Stop},
    on_chain::Chains,
    played::{CONTRACT, Played, Shown, recorded},
    stage::{Stage, origin},
    staged_rollups::bodies,
    state::{CoveringState, RollUpsState},
    values::Values,
};
use crate::outcome::Outcome;

/// Ten minutes after the newest recorded block.
const NOW_S: u64 = 1_772_359_000;
/// The delay that the policy allows, and the difference of clocks.
const DELAY_S: u64 = 86_400 + 300;

struct Firm {
    stage: Stage,
    blocks: Vec<Word>,
}

impl Firm {
    /// A watcher that has verified the roll-ups that the anchors are of, and one more.
    fn new() -> Self {
        let stage = Stage::new();
        let tree = stage.tree("b");
        stage.show(&tree, &[(1, 10), (5, 12)]);
        stage.look().unwrap();
        let folder = stage.state_folder();
        let mut values = Values::load(&folder, 0).unwrap();
        for shown in recorded() {
            values.push(shown.value);
        }
        let bodies = bodies(&tree, 5);
        let newest = stage.roll_up(values.count(), *values.newest().unwrap(), &bodies);
        values.push(newest.value());
        values.save().unwrap();
        let note = String::from_utf8(stage.served("rollup")).unwrap();
        let mut remembered = folder.load(origin().as_str()).unwrap();
        let covering = CoveringState { note: note.clone(), checkpoints: bodies.concat() };
        let (newest, covering) = (Some(note), Some(covering));
        remembered.rollups = RollUpsState { next_sequence: values.count(), newest, covering };
        folder.save(&remembered).unwrap();
        Self { stage, blocks: Vec::new() }
    }

    fn show(&self, anchors: &[Shown]) {
        for from in 0..20 {
            let listed = anchors.iter().filter(|shown| shown.listed().sequence >= from);
            let page: String = listed.map(|shown| shown.line.clone() + "\n").collect();
            self.stage.set(&format!("anchors/{CONTRACT}?from={from}"), Some(page.into_bytes()));
        }
        for shown in anchors {
            let path = format!("anchors/{CONTRACT}/{}", shown.listed().sequence);
            self.stage.set(&path, Some(shown.json.clone().into_bytes()));
        }
    }

    /// Looks; at the chain, too, if there is one.
    fn look_at(&self, chain: Option<&Played>, now_s: u64) -> Result<Anchored> {
        let contract = Contract::parse_caip10(CONTRACT).unwrap();
        let (code_hash, blocks) = (Word([0; 32]), self.blocks.clone());
        let trusted = TrustedChain { contract, code_hash, blocks };
        let mut chains = Chains::new();
        if let Some(chain) = chain {
            chains.insert(contract, Box::new(chain.clone()));
        }
        let now = Timestamp::from_seconds(now_s);
        let (_, mut anchored) = self.stage.look_at_anchors(&[trusted], &chains, now)?;
        Ok(anchored.remove(0))
    }

    fn look(&self) -> Result<Anchored> {
        self.look_at(None, NOW_S)
    }

    fn refuses(&self, chain: Option<&Played>, now_s: u64, words: &str) -> Outcome {
        let error = self.look_at(chain, now_s).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        Outcome::of(&error)
    }
}

#[test]
fn anchors_are_followed_over_several_looks_and_nobody_is_asked() {
    let (firm, all) = (Firm::new(), recorded());
    assert_eq!(firm.look().unwrap().state.newest, None);
    for count in [1, 5, 5, all.len()] {
        firm.show(&all[..count]);
        let anchored = firm.look().unwrap();
        assert_eq!(anchored.state.newest, Some(all[count - 1].listed()));
        assert_eq!((anchored.state.on_chain, anchored.unshown), (None, None));
    }
}

#[test]
fn a_block_that_the_policy_names_is_found_also_once_it_names_it_later() {
    let (mut firm, all) = (Firm::new(), recorded());
    firm.show(&all);
    assert_eq!(firm.look().unwrap().state.in_policy, None);
    firm.blocks.push(all[2].listed().hash);
    let in_policy = firm.look().unwrap().state.in_policy.unwrap();
    assert_eq!((in_policy.block, in_policy.sequence), (5, 6));
}

#[test]
fn every_block_is_asked_for_once_a_chain_can_be_asked() {
    let (firm, all) = (Firm::new(), recorded());
    firm.show(&all);
    firm.look().unwrap();
    let anchored = firm.look_at(Some(&Played::new()), NOW_S).unwrap();
    assert_eq!(anchored.state.on_chain, Some(all[17].listed()));
    assert_eq!((anchored.unshown, anchored.stopped), (Some(0), None));
    // Also those that were verified before.
    let (firm, mut other) = (Firm::new(), Played::new());
    firm.show(&all);
    firm.look().unwrap();
    other.entries[1].1.hash = Word([9; 32]);
    let outcome = firm.refuses(Some(&other), NOW_S, "anchor 1 on eip155:31337:0x8464135c8f25da09e49bc8782676a84730c318bc is not good: the chain has another block 4");
    assert_eq!(outcome, Outcome::Refused);
}

#[test]
fn an_anchor_that_is_left_out_or_changed_is_hidden() {
    let (firm, all) = (Firm::new(), recorded());
    firm.show(&[&all[..3], &all[4..]].concat());
    assert_eq!(firm.refuses(None, NOW_S, "where number 3"), Outcome::Refused);
    firm.show(&all[..6]);
    firm.look().unwrap();
    firm.show(&all[..5]);
    assert_eq!(firm.refuses(None, NOW_S, "number 5 on eip155:"), Outcome::Refused);
    let mut changed = all;
    changed[5].line = changed[5].line.replace("5 1772357800", "5 1772357801");
    firm.show(&changed);
    assert_eq!(firm.refuses(None, NOW_S, "HIDES AN ANCHOR: number 5"), Outcome::Refused);
}

#[test]
fn what_an_anchor_is_listed_as_must_be_what_it_proves() {
    let cases = [
        // Of another roll-up than it holds, of an older one, of one that nobody has seen.
        ("3 1772357800 3 ", "3 1772357800 4 ", "must hold the value"),
        ("3 1772357800 3 ", "3 1772357800 1 ", "older than that of the anchor before"),
        ("3 1772357800 3 ", "3 1772357800 19 ", "roll-up 19, which the firm does not show"),
        // In another block.
        ("3 1772357800 3 5", "3 1772357800 3 6", "another block than it is listed with"),
        ("3 1772357800", "3 1772357801", "another block than it is listed with"),
        ("0xe2b264", "0xe2b265", "another block than it is listed with"),
    ];
    for (from, to, words) in cases {
        let (firm, mut all) = (Firm::new(), recorded());
        let line = all[3].line.replacen(from, to, 1);
        assert_ne!(line, all[3].line);
        all[3].line = line;
        firm.show(&all);
        assert_eq!(firm.refuses(None, NOW_S, words), Outcome::Refused);
        assert_eq!(firm.refuses(None, NOW_S, "anchor 3 on"), Outcome::Refused, "{to}");
    }
    let (firm, mut all) = (Firm::new(), recorded());
    let good = all[3].json.clone();
    all[3].json = all[4].json.clone();
    firm.show(&all);
    assert_eq!(firm.refuses(None, NOW_S, "served under its number"), Outcome::Refused);
    all[3].json = good.replace("evm-anchor-log/v1", "evm-anchor-log/v2");
    firm.show(&all);
    assert_eq!(firm.refuses(None, NOW_S, "a later version"), Outcome::CannotTell);
}

#[test]
fn a_block_that_does_not_become_final_is_waited_for_as_long_as_an_anchor_may_take() {
    let (firm, all) = (Firm::new(), recorded());
    firm.show(&all);
    let chain = Played { final_to: 5, ..Played::new() };
    let anchored = firm.look_at(Some(&chain), NOW_S).unwrap();
    assert_eq!(anchored.stopped, Some(Stop::NotFinal));
    assert_eq!(anchored.state.newest, Some(all[6].listed()));
    let time = all[7].listed().time;
    firm.look_at(Some(&chain), time + DELAY_S).unwrap();
    for now in [time + DELAY_S + 1, time - 301] {
        assert_eq!(
            firm.refuses(Some(&chain), now, "6 of 2026-03-01T09:46:40Z is not final"),
            Outcome::Refused
        );
    }
}

#[test]
fn an_entry_that_the_firm_does_not_show_must_be_a_rollup_of_its_own_and_not_old() {
    let (firm, all) = (Firm::new(), recorded());
    firm.show(&all);
    let foreign = Played::with(Hash::of(b"foreign"), NOW_S);
    let words = "the chain holds an entry that is no roll-up of this firm";
    assert_eq!(firm.refuses(Some(&foreign), NOW_S, words), Outcome::Refused);
    let own = Played::with(all[17].value, NOW_S);
    assert_eq!(firm.look_at(Some(&own), NOW_S).unwrap().unshown, Some(1));
    assert_eq!(firm.look_at(Some(&own), NOW_S + DELAY_S).unwrap().unshown, Some(1));
    let words = "HIDES AN ANCHOR: entry 18";
    assert_eq!(firm.refuses(Some(&own), NOW_S + DELAY_S + 1, words), Outcome::Refused);
    let pruned = Played { events_from: 99, ..own };
    assert_eq!(firm.refuses(Some(&pruned), NOW_S, "not found from block 6"), Outcome::CannotTell);
    let words = "holds 19 entries";
    assert_eq!(firm.refuses(Some(&pruned), NOW_S + DELAY_S + 1, words), Outcome::Refused);
}

#[test]
fn a_contract_with_fewer_entries_than_were_seen_is_not_believed() {
    let (firm, all) = (Firm::new(), recorded());
    firm.show(&all);
    firm.look_at(Some(&Played::new()), NOW_S).unwrap();
    let mut behind = Played::new();
    behind.entries.pop();
    let words = "17 entries, though 18 were seen";
    assert_eq!(firm.refuses(Some(&behind), NOW_S, words), Outcome::CannotTell);
}
