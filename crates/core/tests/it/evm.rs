//! Anchors of recorded blocks, and of blocks that a liar made up: `evm/` holds what a real node (anvil) mined with
//! the contract of `deploy/contracts`, and anchors that another implementation of the trie made of it.
//!
//! What the hash of a block does not tell offline, nobody has to refuse: a header with another state root is
//! another block, which then nobody believes.

use serde::Deserialize;
use witness_core::{
    evm::{
        ANCHOR_BYTES_MAX, Anchor, AnchorError, AnchoredBlock, HEADER_BYTES_MAX,
        INNER_NODE_BYTES_MAX, LAST_NODE_BYTES_MAX, NODES_MAX, Word, entry_leaf,
    },
    hash::Hash,
    rollup::Contract,
};

const ANCHORS: &str = include_str!("evm/anchors.json");

/// An anchor that was made when its block was recorded.
#[derive(Deserialize)]
struct Recorded {
    anchor: String,
    block: String,
    hash: Word,
    number: String,
    rollup: String,
    time: String,
}

impl Recorded {
    fn anchor(&self) -> Anchor {
        Anchor::parse(&self.anchor).unwrap()
    }

    fn rollup(&self) -> Hash {
        Hash::from_hex(&self.rollup).unwrap()
    }

    fn said(&self) -> AnchoredBlock {
        let number = |text: &str| text.parse().unwrap();
        let (time, block) = (number(&self.time), number(&self.number));
        AnchoredBlock { chain: 31337, hash: self.hash, number: block, time }
    }
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(ANCHORS).unwrap()
}

/// The one in which a proof has all kinds of nodes: receipt 256 of 300.
fn longest() -> Recorded {
    let is_longest = |recorded: &Recorded| recorded.anchor().receipt_index == 256;
    recorded().into_iter().find(is_longest).unwrap()
}

#[test]
fn anchors_of_recorded_blocks_verify_at_every_size_of_key() {
    let mut indices = Vec::new();
    for recorded in recorded() {
        let anchor = recorded.anchor();
        assert_eq!(anchor.encode(), recorded.anchor);
        assert_eq!(anchor.verify(&recorded.rollup()), Ok(recorded.said()), "{}", recorded.block);
        indices.push(anchor.receipt_index);
    }
    for index in [0, 1, 15, 16, 127, 128, 255, 256, 299] {
        assert!(indices.contains(&index), "{index}");
    }
}

#[test]
fn an_entry_has_the_leaf_hash_that_the_contract_computes() {
    let rollup = |n: u8| Hash::of(format!("roll-up {n}").as_bytes());
    let leaf = entry_leaf(0, 1_772_356_600, &rollup(0)).to_hex();
    assert_eq!(leaf, "cd26743b9c63edfec4574e7b6876bd477b85452fa01435c79642e648c874f63b");
    let leaf = entry_leaf(17, 1_772_358_400, &rollup(17)).to_hex();
    assert_eq!(leaf, "f247c83204b723d03c77e7e035b3055e1b6d051a63fcfd8152941ed5dfa9b3a9");
}

#[test]
fn a_byte_flipped_in_a_proof_is_refused() {
    for recorded in [longest(), recorded().remove(0)] {
        let anchor = recorded.anchor();
        for (number, node) in anchor.receipt_proof.iter().enumerate() {
            for position in 0..node.len() {
                for bits in [0x01, 0x80, 0xff] {
                    let mut anchor = anchor.clone();
                    anchor.receipt_proof[number][position] ^= bits;
                    let refused = anchor.verify(&recorded.rollup());
                    assert_eq!(refused, Err(AnchorError::ReceiptProof), "{number} {position}");
                }
            }
        }
    }
}

#[test]
fn a_byte_flipped_in_a_header_is_refused_or_gives_another_block() {
    let recorded = longest();
    let anchor = recorded.anchor();
    let mut refused = 0;
    for position in 0..anchor.header.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut anchor = anchor.clone();
            anchor.header[position] ^= bits;
            match anchor.verify(&recorded.rollup()) {
                Ok(block) => assert_ne!(block.hash, recorded.hash, "{position}"),
                Err(AnchorError::Header | AnchorError::ReceiptProof | AnchorError::Entry) => {
                    refused += 1;
                }
                Err(other) => panic!("{position}: {other}"),
            }
        }
    }
    // At least those in the root of receipts and in the time of the block.
    assert!(refused >= 3 * (32 + 4), "{refused}");
}

#[test]
fn what_is_cut_off_or_added_is_refused() {
    let recorded = longest();
    let refusal = |change: &dyn Fn(&mut Anchor)| {
        let mut anchor = recorded.anchor();
        change(&mut anchor);
        anchor.verify(&recorded.rollup()).unwrap_err().reason()
    };
    let header = recorded.anchor().header;
    for length in 0..header.len() {
        assert_eq!(refusal(&|anchor| anchor.header.truncate(length)), "anchor-header");
    }
    assert_eq!(refusal(&|anchor| anchor.header.push(0)), "anchor-header");
    assert_eq!(
        refusal(&|anchor| anchor.header.resize(HEADER_BYTES_MAX + 1, 0)),
        "anchor-header-size"
    );
    let nodes = recorded.anchor().receipt_proof;
    for (number, node) in nodes.iter().enumerate() {
        for length in 0..node.len() {
            let cut = |anchor: &mut Anchor| anchor.receipt_proof[number].truncate(length);
            assert_eq!(refusal(&cut), "anchor-receipt-proof", "{number} {length}");
        }
        assert_eq!(
            refusal(&|anchor| anchor.receipt_proof[number].push(0)),
            match number {
                4 => "anchor-proof-size", // a full branch is as long as a node can be
                _ => "anchor-receipt-proof",
            }
        );
        let removed = |anchor: &mut Anchor| drop(anchor.receipt_proof.remove(number));
        assert_eq!(refusal(&removed), "anchor-receipt-proof");
        let twice = |anchor: &mut Anchor| {
            let node = anchor.receipt_proof[number].clone();
            anchor.receipt_proof.insert(number, node);
        };
        assert_eq!(refusal(&twice), "anchor-receipt-proof");
        let empty = |anchor: &mut Anchor| anchor.receipt_proof.insert(number, Vec::new());
        assert_eq!(refusal(&empty), "anchor-receipt-proof");
    }
    assert_eq!(refusal(&|anchor| anchor.receipt_proof.push(vec![0x80])), "anchor-receipt-proof");
    assert_eq!(refusal(&|anchor| anchor.receipt_proof.swap(0, 1)), "anchor-receipt-proof");
    assert_eq!(refusal(&|anchor| anchor.receipt_proof.clear()), "anchor-proof-size");
    let many = |anchor: &mut Anchor| anchor.receipt_proof = vec![vec![0x80]; NODES_MAX + 1];
    assert_eq!(refusal(&many), "anchor-proof-size");
    let long = |anchor: &mut Anchor| anchor.receipt_proof[0] = vec![0; INNER_NODE_BYTES_MAX + 1];
    assert_eq!(refusal(&long), "anchor-proof-size");
    let long = |anchor: &mut Anchor| anchor.receipt_proof[5] = vec![0; LAST_NODE_BYTES_MAX + 1];
    assert_eq!(refusal(&long), "anchor-proof-size");
}

#[test]
fn every_member_that_is_changed_is_refused_by_name() {
    let recorded = longest();
    let refusal = |change: &dyn Fn(&mut Anchor)| {
        let mut anchor = recorded.anchor();
        change(&mut anchor);
        anchor.verify(&recorded.rollup()).unwrap_err().reason()
    };
    assert_eq!(refusal(&|anchor| anchor.contract.address[19] ^= 1), "anchor-contract");
    for log_index in [1, 2, u64::MAX] {
        assert_eq!(refusal(&|anchor| anchor.log_index = log_index), "anchor-log");
    }
    for index in [0, 1, 255, 257, 65_536, u64::MAX] {
        assert_eq!(refusal(&|anchor| anchor.receipt_index = index), "anchor-receipt-proof");
    }
    for sequence in [0, u64::MAX] {
        assert_eq!(refusal(&|anchor| anchor.sequence = sequence), "anchor-sequence");
    }
    let other = Hash::of(b"another roll-up");
    assert_eq!(recorded.anchor().verify(&other), Err(AnchorError::LogRollup));
    // Of another chain it would be another block's: the hash is believed for a chain.
    let elsewhere = Contract { chain: 1, ..recorded.anchor().contract };
    let anchor = Anchor { contract: elsewhere, ..recorded.anchor() };
    assert_eq!(anchor.verify(&recorded.rollup()).unwrap().chain, 1);
}

#[test]
fn the_proof_of_one_receipt_is_none_for_another_entry() {
    for (one, other) in recorded().iter().zip(recorded().iter().skip(1)) {
        let swapped = Anchor {
            receipt_proof: other.anchor().receipt_proof,
            receipt_index: other.anchor().receipt_index,
            ..one.anchor()
        };
        let refusal = swapped.verify(&one.rollup()).unwrap_err();
        let expected = if one.block == other.block {
            [AnchorError::LogSequence, AnchorError::LogContract { log_index: 0 }]
        } else {
            [AnchorError::ReceiptProof, AnchorError::ReceiptProof]
        };
        assert!(expected.contains(&refusal), "{refusal}");
    }
}

#[test]
fn the_same_event_of_another_contract_does_not_count() {
    // Both contracts logged this roll-up in this block, each as its entry.
    let both: Vec<Recorded> =
        recorded().into_iter().filter(|anchor| anchor.block == "block-3").collect();
    let [ours, theirs] = &both[..] else { panic!("two contracts in one block") };
    assert_eq!(ours.rollup, theirs.rollup);
    let mut pretended = theirs.anchor();
    pretended.contract = ours.anchor().contract;
    let refusal = pretended.verify(&ours.rollup());
    assert_eq!(refusal, Err(AnchorError::LogContract { log_index: 0 }));
}

#[test]
fn an_anchor_is_written_in_one_way_only() {
    let json = recorded().remove(0).anchor;
    let expected = [
        ("{\"contract\"", "{ \"contract\"", "anchor-not-canonical"),
        ("evm-anchor-log/v1", "evm-anchor-log/v\\u0031", "anchor-not-canonical"),
        ("evm-anchor-log/v1", "evm-anchor-log/v2", "anchor-kind"),
        ("\"contract\"", "\"contracts\"", "anchor-shape"),
        ("\"log_index\":\"0\"", "\"log_index\":\"00\"", "anchor-shape"),
        ("\"log_index\":\"0\"", "\"log_index\":0", "anchor-shape"),
        ("\"log_index\":\"0\"", "\"log_index\":\"9223372036854775808\"", "anchor-shape"),
        ("\"log_index\":\"0\",", "", "anchor-shape"),
        ("\"log_index\":\"0\",", "\"log_index\":\"0\",\"log_index\":\"0\",", "anchor-shape"),
        ("eip155:31337", "eip155:031337", "anchor-shape"),
        ("\"header\":\"0x", "\"header\":\"", "anchor-shape"),
        ("\"header\":\"0x", "\"header\":\"0xF", "anchor-shape"),
        ("\"header\":\"0x", "\"header\":\"0xf", "anchor-shape"),
        ("\"header\":\"0x", "\"header\":\"0x\u{fc}", "anchor-shape"),
        ("\"receipt_proof\":[", "\"receipt_proof\":[null,", "anchor-shape"),
        ("\"receipt_proof\":[", "\"receipt_proof\":[[", "anchor-shape"),
        ("}", "}\n", "anchor-not-canonical"),
        ("}", "}}", "anchor-shape"),
        ("}", "", "anchor-shape"),
    ];
    for (from, to, reason) in expected {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json, "{from}");
        let refusal = Anchor::parse(&changed).unwrap_err();
        assert_eq!(refusal.reason(), reason, "{to}: {refusal}");
    }
    let unsorted =
        json.replace(",\"sequence\":\"0\"}", "}").replacen('{', "{\"sequence\":\"0\",", 1);
    assert_eq!(Anchor::parse(&unsorted), Err(AnchorError::NotCanonical));
}

#[test]
fn what_is_too_long_is_refused_unread_and_never_repeated() {
    let json = recorded().remove(0).anchor;
    let too_long = " ".repeat(ANCHOR_BYTES_MAX + 1);
    let size = too_long.len();
    assert_eq!(Anchor::parse(&too_long), Err(AnchorError::TooLong { size }));
    let long = Anchor { header: vec![0; HEADER_BYTES_MAX + 1], ..Anchor::parse(&json).unwrap() };
    assert_eq!(Anchor::parse(&long.encode()).unwrap_err().reason(), "anchor-shape");
    let nodes = |count: usize| vec![Vec::new(); count];
    let most = Anchor { receipt_proof: nodes(NODES_MAX), ..Anchor::parse(&json).unwrap() };
    assert_eq!(Anchor::parse(&most.encode()).as_ref(), Ok(&most));
    let many = Anchor { receipt_proof: nodes(NODES_MAX + 1), ..most };
    let refusal = Anchor::parse(&many.encode()).unwrap_err().to_string();
    assert!(refusal.contains(&format!("at most {NODES_MAX} nodes")), "{refusal}");
    for secret in ["\"contract\":\"secret", "\"secret\":\"", "\"kind\":\"secret\",\"contract\":\""]
    {
        let refusal = Anchor::parse(&json.replacen("\"contract\":\"", secret, 1)).unwrap_err();
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }
}

#[test]
fn the_longest_anchor_that_verifies_can_be_parsed() {
    let longest = Anchor {
        contract: Contract { chain: u64::MAX >> 1, address: [0xff; 20] },
        header: vec![0xff; HEADER_BYTES_MAX],
        log_index: u64::MAX >> 1,
        receipt_index: u64::MAX >> 1,
        receipt_proof: [
            vec![vec![0xff; INNER_NODE_BYTES_MAX]; NODES_MAX - 1],
            vec![vec![0xff; LAST_NODE_BYTES_MAX]],
        ]
        .concat(),
        sequence: u64::MAX >> 1,
    };
    assert_eq!(Anchor::parse(&longest.encode()), Ok(longest));
}
