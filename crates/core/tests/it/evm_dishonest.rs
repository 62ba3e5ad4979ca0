//! Blocks that a liar made up: header, trie and receipt agree with each other, and something in them is wrong.

use alloy_primitives::keccak256;
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};
use witness_core::{
    evm::{Anchor, AnchorError, Word, entry_leaf},
    hash::Hash,
    rollup::Contract,
};

use crate::chain::{list, string};

const TIME: u64 = 1_772_356_600;
const SEQUENCE: u64 = 7;
const CONTRACT: Contract = Contract { chain: 10, address: [0xc0; 20] };

fn rollup() -> Hash {
    Hash::of(b"roll-up")
}

fn integer(number: u64) -> Vec<u8> {
    alloy_rlp::encode(number)
}

fn header(receipts_root: [u8; 32], time: Vec<u8>) -> Vec<u8> {
    let hash = || string(&[1; 32]);
    list(&[
        hash(),
        hash(),
        string(&[2; 20]),
        hash(),
        hash(),
        string(&receipts_root),
        string(&[0; 256]),
        integer(0),
        integer(99),
        integer(30_000_000),
        integer(21_000),
        time,
        string(b""),
        hash(),
        string(&[0; 8]),
        integer(7),
    ])
}

fn topics() -> [[u8; 32]; 3] {
    let mut sequence = [0; 32];
    sequence[24..].copy_from_slice(&SEQUENCE.to_be_bytes());
    [keccak256("Anchored(uint48,bytes32,bytes32)").0, sequence, *rollup().as_bytes()]
}

fn log(address: &[u8], topics: &[[u8; 32]], data: &[u8]) -> Vec<u8> {
    let topics: Vec<_> = topics.iter().map(|topic| string(topic)).collect();
    list(&[string(address), list(&topics), string(data)])
}

fn good_log() -> Vec<u8> {
    log(&CONTRACT.address, &topics(), entry_leaf(SEQUENCE, TIME, &rollup()).as_bytes())
}

fn receipt(prefix: &[u8], status: Vec<u8>, logs: &[Vec<u8>], further: &[Vec<u8>]) -> Vec<u8> {
    let fields = [vec![status, integer(21_000), string(&[0; 256]), list(logs)], further.to_vec()];
    [prefix, &list(&fields.concat())].concat()
}

fn good_receipt() -> Vec<u8> {
    receipt(&[2], integer(1), &[good_log()], &[])
}

fn around(header: Vec<u8>, receipt_proof: Vec<Vec<u8>>) -> Anchor {
    let (contract, sequence) = (CONTRACT, SEQUENCE);
    Anchor { contract, header, log_index: 0, receipt_index: 0, receipt_proof, sequence }
}

/// A block with this receipt alone.
fn block(receipt: &[u8]) -> Anchor {
    let key = Nibbles::unpack(integer(0));
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::from_iter([key]));
    builder.add_leaf(key, receipt);
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    let nodes = nodes.into_iter().map(|(_, node)| node.to_vec()).collect();
    around(header(root.0, integer(TIME)), nodes)
}

fn reason(anchor: &Anchor) -> &'static str {
    anchor.verify(&rollup()).unwrap_err().reason()
}

#[test]
fn receipts_of_every_kind_are_read() {
    let two = [integer(4), integer(1)];
    for receipt in [
        good_receipt(),
        receipt(&[], integer(1), &[good_log()], &[]),
        receipt(&[0x7e], integer(1), &[good_log()], &two),
        receipt(&[0x7f], integer(1), &[good_log()], &[]),
    ] {
        let anchor = block(&receipt);
        let block = anchor.verify(&rollup()).unwrap();
        assert_eq!((block.chain, block.number, block.time), (10, 99, TIME));
        assert_eq!(block.hash, Word(keccak256(&anchor.header).0));
    }
}

#[test]
fn a_log_is_found_by_its_number_among_others() {
    let other = log(&[0xee; 20], &[], &[7; 1000]);
    let logs = [other.clone(), good_log(), other];
    let anchor = block(&receipt(&[2], integer(1), &logs, &[]));
    let at = |log_index| Anchor { log_index, ..anchor.clone() }.verify(&rollup());
    assert_eq!(at(0), Err(AnchorError::LogContract { log_index: 0 }));
    assert!(at(1).is_ok());
    assert_eq!(at(2), Err(AnchorError::LogContract { log_index: 2 }));
    assert_eq!(at(3), Err(AnchorError::Log { log_index: 3 }));
}

#[test]
fn a_receipt_that_is_none_or_failed_is_refused() {
    let logs = &[good_log()];
    for (status, expected) in [
        (integer(0), "anchor-receipt-status"),
        (integer(2), "anchor-receipt-status"),
        (integer(257), "anchor-receipt-status"),
        (string(&[1; 32]), "anchor-receipt-status"), // a state root, before EIP-658
        (list(&[integer(1)]), "anchor-receipt"),
    ] {
        assert_eq!(reason(&block(&receipt(&[2], status, logs, &[]))), expected);
    }
    let body = receipt(&[], integer(1), logs, &[]);
    let cases = [
        [&[0x00], &body[..]].concat(),
        [&[0x80], &body[..]].concat(),
        [&[0xbf], &body[..]].concat(),
        [&[2, 2], &body[..]].concat(),
        [&body[..], &[0]].concat(),
        receipt(&[2], integer(1), logs, &[vec![0xb8]]),
        list(&[integer(1), integer(1), string(&[0; 255]), list(logs)]),
        list(&[integer(1), integer(1), string(&[0; 256])]),
        list(&[integer(1), integer(1), string(&[0; 256]), string(&[7; 99])]),
        vec![2; 40],
        string(&[1; 99]),
    ];
    for receipt in cases {
        assert_eq!(reason(&block(&receipt)), "anchor-receipt", "{receipt:?}");
    }
}

#[test]
fn a_log_that_says_something_else_is_refused_by_name() {
    let ours = CONTRACT.address;
    let entry = *entry_leaf(SEQUENCE, TIME, &rollup()).as_bytes();
    let [event, sequence, value] = topics();
    let later = *entry_leaf(SEQUENCE, TIME + 1, &rollup()).as_bytes();
    let mut wide = sequence;
    wide[0] = 1;
    let cases = [
        (log(&[0xee; 20], &topics(), &entry), "anchor-contract"),
        (log(&ours, &[[9; 32], sequence, value], &entry), "anchor-event"),
        (log(&ours, &[event, sequence], &entry), "anchor-event"),
        (log(&ours, &[event, sequence, value, value], &entry), "anchor-event"),
        (log(&ours, &[], &entry), "anchor-event"),
        (log(&ours, &[event, value, sequence], &entry), "anchor-sequence"),
        (log(&ours, &[event, wide, value], &entry), "anchor-sequence"),
        (log(&ours, &[event, sequence, [9; 32]], &entry), "anchor-rollup"),
        (log(&ours, &topics(), &later), "anchor-entry"),
        (log(&ours, &topics(), &[&entry[..], &[0]].concat()), "anchor-entry"),
        (log(&ours, &topics(), &entry[..31]), "anchor-entry"),
        (log(&ours, &topics(), b""), "anchor-entry"),
        (log(&ours[..19], &topics(), &entry), "anchor-log"),
        (list(&[string(&ours), string(&[1; 96]), string(&entry)]), "anchor-log"),
        (list(&[string(&ours), list(&[]), list(&[])]), "anchor-log"),
        (list(&[string(&ours), list(&[]), string(b""), string(b"")]), "anchor-log"),
        (string(&ours), "anchor-log"),
        (vec![0xc1], "anchor-log"),
    ];
    for (log, expected) in cases {
        assert_eq!(reason(&block(&receipt(&[2], integer(1), &[log], &[]))), expected);
    }
    assert_eq!(reason(&block(&receipt(&[2], integer(1), &[], &[]))), "anchor-log");
}

#[test]
fn a_header_that_is_none_is_refused() {
    let good = block(&good_receipt());
    let refused = |header: Vec<u8>| reason(&Anchor { header, ..good.clone() });
    let root = keccak256(&good.receipt_proof[0]).0;
    assert!(
        Anchor { header: header(root, integer(TIME)), ..good.clone() }.verify(&rollup()).is_ok()
    );
    for time in [vec![0x00], vec![0x82, 0, 1], string(&[1; 9]), list(&[]), vec![0x81, 0x01]] {
        assert_eq!(refused(header(root, time)), "anchor-header");
    }
    assert_eq!(refused(header(root, integer(TIME + 1))), "anchor-entry");
    assert_eq!(refused(header([1; 32], integer(TIME))), "anchor-receipt-proof");
    assert_eq!(refused(list(&[string(&root), integer(TIME)])), "anchor-header");
    assert_eq!(refused(good.receipt_proof[0].clone()), "anchor-header");
    assert_eq!(refused(string(&header(root, integer(TIME)))), "anchor-header");
}

/// Tries of a shape that no trie of receipts has. Some of them would make the verifier behind panic.
#[test]
fn nodes_that_no_trie_of_receipts_has_are_refused() {
    let good = good_receipt();
    let path = |flag: u8, bytes: usize| string(&[&[flag][..], &vec![0x80; bytes]].concat());
    let leaf = |path: Vec<u8>| list(&[path, string(&good)]);
    let hash_of = |node: &[u8]| string(keccak256(node).as_slice());
    let extension = |path: Vec<u8>, child: &[u8]| list(&[path, hash_of(child)]);
    let branch = |children: &[(usize, Vec<u8>)], value: Vec<u8>| {
        let mut items = vec![string(b""); 16];
        for (nibble, child) in children {
            items[*nibble] = child.clone();
        }
        items.push(value);
        list(&items)
    };
    let here = leaf(path(0x20, 0));
    let whole = leaf(path(0x20, 1));
    let zero = leaf(vec![0x30]);
    let inline = list(&[path(0x20, 0), string(b"ab")]);
    let cases: Vec<Vec<Vec<u8>>> = vec![
        // Two paths of together more than 64 nibbles.
        vec![extension(path(0, 32), &here), here.clone()],
        vec![extension(path(0, 32), &whole), whole.clone()],
        vec![extension(path(0, 33), &here), here.clone()],
        vec![leaf(path(0x20, 33))],
        // A path that is too long or too short for the key, or another key.
        vec![leaf(path(0x20, 2))],
        vec![here.clone()],
        vec![leaf(string(&[0x20, 0x81]))],
        // An extension without a path, or in place, or with a leaf that takes nothing.
        vec![extension(path(0, 0), &whole), whole.clone()],
        vec![list(&[path(0, 1), inline.clone()])],
        vec![list(&[path(0, 1), string(b"ab")])],
        // Branches with children in place, with a value, or with a child at another nibble.
        vec![branch(&[(8, inline.clone())], string(b""))],
        vec![branch(&[(8, hash_of(&zero)), (9, inline)], string(b"")), zero.clone()],
        vec![branch(&[(8, hash_of(&zero))], string(b"ab")), zero.clone()],
        vec![branch(&[(7, hash_of(&zero))], string(b"")), zero.clone()],
        vec![branch(&[(8, string(&[1; 31]))], string(b"")), zero.clone()],
        // Flags that mean nothing; no path at all; other numbers of items.
        vec![leaf(path(0x40, 1))],
        vec![leaf(string(b""))],
        vec![leaf(list(&[]))],
        vec![list(&[path(0x20, 1)])],
        vec![list(&[path(0x20, 1), string(&good), string(b"")])],
        vec![list(&[])],
        vec![string(&good)],
        vec![vec![0x80]],
        vec![Vec::new()],
        vec![extension(path(0, 1), &here)],
    ];
    for (number, nodes) in cases.into_iter().enumerate() {
        let root = keccak256(&nodes[0]).0;
        let anchor = around(header(root, integer(TIME)), nodes);
        assert_eq!(reason(&anchor), "anchor-receipt-proof", "case {number}");
    }
    // Shapes that a trie can have, to show that the cases above are refused for what they say.
    for nodes in [
        vec![whole],
        vec![extension(path(0, 1), &here), here],
        vec![branch(&[(8, hash_of(&zero))], string(b"")), zero],
    ] {
        let root = keccak256(&nodes[0]).0;
        assert!(around(header(root, integer(TIME)), nodes).verify(&rollup()).is_ok());
    }
}

/// The root of no receipts at all, under which nothing can be proved.
#[test]
fn nothing_stands_in_an_empty_block() {
    let root = keccak256([0x80]).0;
    let anchor = |nodes| around(header(root, integer(TIME)), nodes);
    assert_eq!(reason(&anchor(vec![vec![0x80]])), "anchor-receipt-proof");
    assert_eq!(reason(&anchor(Vec::new())), "anchor-proof-size");
}

/// Any bytes in any place: whatever they are, they are answered.
#[test]
fn rubbish_is_refused_without_a_panic() {
    let good = block(&good_receipt());
    let mut state = 1_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..20_000 {
        let mut anchor = good.clone();
        let place =
            if random() % 2 == 0 { &mut anchor.header } else { &mut anchor.receipt_proof[0] };
        for _ in 0..=random() % 3 {
            let position = usize::try_from(random()).unwrap() % place.len();
            place[position] = random().to_le_bytes()[0];
        }
        let length = place.len() - usize::try_from(random() % 4).unwrap();
        place.truncate(length);
        // The trie is made to fit, so that what stands in it is reached.
        let root = keccak256(&anchor.receipt_proof[0]);
        if let Some(at) = anchor.header.windows(33).position(|at| at[0] == 0xa0 && at[1] > 2) {
            anchor.header[at + 1..at + 33].copy_from_slice(root.as_slice());
        }
        if let Err(refusal) = anchor.verify(&rollup()) {
            assert!(refusal.reason().starts_with("anchor-"));
        }
    }
}
