//! What a verdict says of roll-ups and anchors, who is believed about blocks, and how a file with both is put together.

use serde_json::Value;
use witness_core::{
    evidence::{
        AnchorBlock, Anchored, Belief, EventFacts, Evidence, EvidenceBuilder, FactKind, NotProved,
        RolledUp, SeenBlock, Verdict, verify,
    },
    evm::Word,
    hash::Hash,
    merkle::TreeSize,
    note::Strict,
    policy::Policy,
    time::Timestamp,
};

use crate::{
    chain::{BASE, ETHEREUM, block_of},
    world::{START, World},
    world_anchored::value_of,
};

fn judge(world: &World, policy: &Policy, seen: &[SeenBlock]) -> Verdict {
    let evidence = world.evidence(&[1, 2]);
    let again = Evidence::parse(evidence.encode().as_bytes()).unwrap();
    assert_eq!(again, evidence);
    verify(&again, policy, seen, &Strict).unwrap()
}

/// The facts of the events of documents 1 and 2.
fn facts(verdict: &Verdict) -> [EventFacts; 2] {
    let mut events: Vec<EventFacts> =
        verdict.items.iter().flat_map(|item| item.events.clone()).collect();
    events.sort_by_key(|event| event.logged.index);
    events.try_into().unwrap()
}

/// The policy of [`World::trusting`], which names the contracts and no block.
fn without_blocks(world: &World) -> Policy {
    let mut policy = world.trusting();
    policy.chains.iter_mut().for_each(|chain| chain.blocks.clear());
    policy
}

#[test]
fn an_event_is_rolled_up_and_anchored_by_the_first_that_covers_it() {
    let world = World::anchored();
    let verdict = judge(&world, &world.trusting(), &[]);
    let [first, second] = facts(&verdict);
    let value = |at: usize| value_of(&world.rollups[at].note);
    assert_eq!(first.rolled_up, Some(RolledUp { sequence: 1, size: TreeSize(6), value: value(1) }));
    assert_eq!(
        second.rolled_up,
        Some(RolledUp { sequence: 2, size: TreeSize(7), value: value(2) })
    );
    let seconds = |seconds| Timestamp::from_seconds(START + seconds);
    let anchored = Anchored {
        at: seconds(1270),
        believed_by: Belief::Policy,
        block_hash: block_of(&world.anchors[2].1),
        block_number: 1018,
        contract: BASE,
        late: false,
        not_after: seconds(1570),
        not_before: Some(Timestamp::from_seconds(START + 60 - 300)),
        rollup: 2,
        sequence: 18,
        size: TreeSize(7),
    };
    // Nothing covers the first one alone, so the anchor over both is the first for it too.
    assert_eq!((first.anchored, second.anchored), (Some(anchored), Some(anchored)));
    assert!(first.has(FactKind::Anchored) && first.has(FactKind::RolledUp));
    let mut policy = world.trusting();
    policy.require = FactKind::ALL.to_vec();
    let missing: Vec<FactKind> = verdict.missing(&policy).iter().map(|it| it.fact).collect();
    assert_eq!(missing, [FactKind::Cosigned, FactKind::Cosigned]);
    assert_eq!(verdict.unchecked, []);
    let chain = [NotProved::Times, NotProved::Earliest];
    assert!(chain.iter().all(|it| !verdict.not_proved.contains(it)));
}

#[test]
fn an_event_that_nothing_covers_yet_lacks_both_facts() {
    let mut world = World::anchored();
    world.rollups.truncate(1);
    world.anchors.truncate(2);
    let verdict = judge(&world, &world.trusting(), &[]);
    for event in facts(&verdict) {
        assert_eq!((event.rolled_up, event.anchored), (None, None));
        assert!(!event.has(FactKind::Anchored) && !event.has(FactKind::RolledUp));
    }
    let lines = verdict.lines().join("\n");
    assert!(lines.contains("  not rolled up\n") && lines.contains("  not anchored\n"), "{lines}");
    assert!(verdict.not_proved.contains(&NotProved::Times));
}

#[test]
fn what_is_not_proved_of_one_event_is_not_proved() {
    let mut world = World::anchored();
    world.anchors.pop();
    world.anchor(1, BASE, START + 670);
    let verdict = judge(&world, &world.trusting(), &[]);
    let [first, second] = facts(&verdict);
    assert!(first.anchored.is_some() && second.anchored.is_none());
    assert!(verdict.not_proved.contains(&NotProved::Times));
    assert!(!verdict.not_proved.contains(&NotProved::Earliest));
}

#[test]
fn the_verdict_says_so_in_plain_sentences_and_as_canonical_json() {
    let world = World::anchored();
    let verdict = judge(&world, &world.trusting(), &[]);
    let lines = verdict.lines().join("\n");
    let block = block_of(&world.anchors[2].1);
    for part in [
        "rolled up as number 1, under the checkpoint of size 6",
        "rolled up as number 2, under the checkpoint of size 7",
        &format!(
            "anchored as number 18 of {BASE} in block 1018 ({block}) of 2026-02-02T03:01:10Z, \
             believed because the policy names the block"
        ),
        "the time of receipt is borne out by the chain: between 2026-02-02T02:36:00Z and 2026-02-02T03:06:10Z",
    ] {
        assert!(lines.contains(part), "{part}\n{lines}");
    }
    let json: Value = serde_json::from_str(&verdict.to_json()).unwrap();
    assert_eq!(serde_json::to_string(&json).unwrap(), verdict.to_json(), "sorted");
    let anchored = &json["items"][0]["events"][0]["anchored"];
    assert_eq!(anchored["block_hash"], block.to_string());
    assert_eq!((&anchored["late"], &anchored["sequence"]), (&Value::Bool(false), &"18".into()));
    assert_eq!(anchored["not_before"], format!("{}", (START - 240) * 1_000_000));
    for (by, sentence) in
        [(Belief::Rpc, "a node of the chain shows the block"), (Belief::Reader, "gave the block")]
    {
        let seen = [SeenBlock { chain: BASE.chain, hash: block, by }];
        let said = judge(&world, &without_blocks(&world), &seen);
        assert!(said.lines().join("\n").contains(sentence), "{by:?}");
        let json: Value = serde_json::from_str(&said.to_json()).unwrap();
        let event = &json["items"][0]["events"][0];
        let expected = if by == Belief::Rpc { "rpc" } else { "reader" };
        assert_eq!(event["anchored"]["believed_by"], expected);
        assert_eq!(event["anchored"]["not_before"], Value::Null);
    }
}

#[test]
fn a_block_counts_only_if_somebody_knows_it_and_the_first_who_does_is_named() {
    let mut world = World::anchored();
    world.anchors.retain(|(rollup, _)| *rollup == 2);
    let block = block_of(&world.anchors[0].1);
    let seen = |chain, hash, by| SeenBlock { chain, hash, by };
    let by = |policy: &Policy, seen: &[SeenBlock]| {
        let verdict = judge(&world, policy, seen);
        let by = facts(&verdict)[0].anchored.map(|anchored| anchored.believed_by);
        assert_eq!(verdict.unchecked.len(), usize::from(by.is_none()));
        by
    };
    let policy = without_blocks(&world);
    assert_eq!(by(&policy, &[]), None);
    assert_eq!(by(&policy, &[seen(1, block, Belief::Rpc)]), None);
    assert_eq!(by(&policy, &[seen(BASE.chain, Word([7; 32]), Belief::Rpc)]), None);
    let reader = seen(BASE.chain, block, Belief::Reader);
    let rpc = seen(BASE.chain, block, Belief::Rpc);
    assert_eq!(by(&policy, &[reader]), Some(Belief::Reader));
    assert_eq!(by(&policy, &[reader, rpc]), Some(Belief::Rpc));
    assert_eq!(by(&world.trusting(), &[reader, rpc]), Some(Belief::Policy));
    // A block of the policy is one of its chain, whichever contract of that chain it is listed under.
    let mut beside = world.trusting();
    beside.chains[1].contract.address = [0xbb; 20];
    beside.chains.push(without_blocks(&world).chains[1].clone());
    beside.chains.swap(1, 2);
    assert_eq!(by(&beside, &[]), Some(Belief::Policy));
    // Without its contract in the policy, an anchor proves nothing, whoever knows the block.
    beside.chains.remove(1);
    assert_eq!(by(&beside, &[reader, rpc]), None);
    let mut other_chain = world.trusting();
    other_chain.chains[0].blocks = std::mem::take(&mut other_chain.chains[1].blocks);
    assert_eq!(by(&other_chain, &[]), None);
}

#[test]
fn an_anchor_that_does_not_count_is_named_with_what_to_do() {
    let mut world = World::anchored();
    world.anchors.retain(|(rollup, _)| *rollup == 2);
    let (anchor, block) = (&world.anchors[0].1, block_of(&world.anchors[0].1));
    let unchecked = |policy: &Policy| {
        let verdict = judge(&world, policy, &[]);
        let [unchecked] = verdict.unchecked.as_slice() else { panic!("one is not checked") };
        assert_eq!(unchecked.digest, Hash::of(anchor.encode().as_bytes()));
        assert!(verdict.not_proved.contains(&NotProved::Times));
        unchecked.what.clone()
    };
    let told = unchecked(&without_blocks(&world));
    let flag = format!("--block eip155:8453:{block}");
    assert!(told.starts_with(&format!("anchors[0], number 18 of {BASE}: ")), "{told}");
    assert!(told.contains("--rpc") && told.contains(&flag), "{told}");
    let told = unchecked(&World::policy());
    assert!(told.contains("the policy does not name this contract"), "{told}");
    assert!(told.contains("name it in the policy"), "{told}");
}

#[test]
fn a_block_that_somebody_names_has_one_form() {
    let block = SeenBlock { chain: 8453, hash: Word([0xab; 32]), by: Belief::Reader };
    let text = format!("eip155:8453:{}", block.hash);
    assert_eq!(SeenBlock::parse(&text, Belief::Reader), Some(block));
    for wrong in [
        text.replace("8453", "08453"),
        text.replace("8453", ""),
        text.replace("0xab", "0xAB"),
        text.replace("0xab", "ab"),
        text.replace("eip155:", ""),
        text.clone() + "ab",
        format!("eip155:8453:0x{}", "ab".repeat(20)),
        String::new(),
    ] {
        assert_eq!(SeenBlock::parse(&wrong, Belief::Reader), None, "{wrong}");
    }
}

#[test]
fn the_blocks_of_a_file_are_those_of_its_anchors_that_are_borne_out() {
    let world = World::anchored();
    let mut evidence = world.evidence(&[1]);
    let block = |at: usize, number| {
        let anchor = &world.anchors[at].1;
        AnchorBlock { contract: anchor.contract, number, hash: block_of(anchor) }
    };
    let all = [block(0, 1017), block(1, 1017), block(2, 1018)];
    assert_eq!(evidence.blocks(), all.into());
    evidence.anchors[0].anchor.sequence += 1;
    evidence.anchors[1].rollup.0 = 9;
    assert_eq!(evidence.blocks(), [block(2, 1018)].into());
    evidence.anchors.clear();
    evidence.attach(world.later(7, &world.anchors[2]).attachment());
    assert_eq!(evidence.blocks(), [block(2, 1018)].into());
    evidence.attachments[0].kind = "another".to_owned();
    assert_eq!(evidence.blocks(), [].into());
    assert_eq!(World::short().evidence(&[1]).blocks(), [].into());
}

#[test]
fn a_file_is_the_same_in_whatever_order_it_is_put_together() {
    let world = World::anchored();
    let add = |builder: &mut EvidenceBuilder, world: &World| {
        world.anchors.iter().for_each(|(at, anchor)| builder.anchor(*at, anchor.clone()));
        world.rollups.iter().for_each(|rollup| builder.rollup(rollup.clone()));
        for (from, to) in [(5, 6), (6, 7)] {
            let (from, to) = (TreeSize(from), TreeSize(to));
            builder.consistency(from, world.history(from, to));
        }
    };
    let mut forwards = world.builder();
    add(&mut forwards, &world);
    let mut backwards = World::anchored();
    backwards.anchors.reverse();
    backwards.rollups.reverse();
    let mut twice = world.builder();
    add(&mut twice, &backwards);
    add(&mut twice, &world);
    assert_eq!(twice.sizes(), [5, 6, 7].map(TreeSize));
    let (forwards, twice) = (forwards.build(), twice.build());
    assert_eq!(forwards.encode(), twice.encode());
    assert_eq!(forwards.checkpoints.len(), 3);
    assert_eq!((forwards.rollups.len(), forwards.anchors.len()), (3, 3));
    let contracts: Vec<_> = forwards.anchors.iter().map(|row| row.anchor.contract).collect();
    assert_eq!(contracts, [ETHEREUM, BASE, BASE]);
    assert!(forwards.entries.iter().all(|row| row.checkpoint.0 == 2), "the newest one");
}

#[test]
fn what_a_builder_lacks_the_verifier_names() {
    let world = World::anchored();
    let reason = |alter: &dyn Fn(&mut Evidence)| {
        let mut evidence = world.evidence(&[1]);
        alter(&mut evidence);
        verify(&evidence, &world.trusting(), &[], &Strict).unwrap_err().reason()
    };
    let built = |add: &dyn Fn(&mut EvidenceBuilder)| {
        let mut builder = world.builder();
        add(&mut builder);
        let built = builder.build();
        reason(&|evidence| {
            let (items, entries) = (evidence.items.clone(), evidence.entries.clone());
            *evidence = built.clone();
            (evidence.items, evidence.entries) = (items, entries);
            let newest = evidence.checkpoints.len() - 1;
            evidence.entries.iter_mut().for_each(|row| row.checkpoint.0 = newest);
        })
    };
    assert_eq!(built(&|builder| builder.rollup(world.rollups[0].clone())), "consistency-proof");
    let orphan = |builder: &mut EvidenceBuilder| builder.anchor(2, world.anchors[2].1.clone());
    assert_eq!(built(&orphan), "reference-out-of-range");
}
