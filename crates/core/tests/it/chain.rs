//! Blocks without a chain: header, trie of receipts and event as a contract's entry would stand in them. Which of
//! them are believed is up to each test.

use alloy_primitives::keccak256;
use alloy_rlp::Header;
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};
use witness_core::{
    evm::{Anchor, Word, entry_leaf},
    hash::Hash,
    rollup::Contract,
};

/// A contract on a chain that makes blocks often.
pub(crate) const BASE: Contract = Contract { chain: 8453, address: [0xba; 20] };
/// A contract on a chain that makes them seldom.
pub(crate) const ETHEREUM: Contract = Contract { chain: 1, address: [0xe7; 20] };

pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    alloy_rlp::encode(bytes)
}

pub(crate) fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut bytes = Vec::new();
    Header { list: true, payload_length: payload.len() }.encode(&mut bytes);
    bytes.extend(payload);
    bytes
}

fn receipt(logs: &[Vec<u8>]) -> Vec<u8> {
    let fields =
        [alloy_rlp::encode(1_u8), alloy_rlp::encode(21_000_u64), string(&[0; 256]), list(logs)];
    [vec![2], list(&fields)].concat()
}

fn event(contract: Contract, sequence: u64, value: &Hash, time: u64) -> Vec<u8> {
    let mut number = [0; 32];
    number[24..].copy_from_slice(&sequence.to_be_bytes());
    let topics = [keccak256("Anchored(uint48,bytes32,bytes32)").0, number, *value.as_bytes()]
        .map(|topic| string(&topic));
    let leaf = entry_leaf(sequence, time, value);
    list(&[string(&contract.address), list(&topics), string(leaf.as_bytes())])
}

fn header(receipts_root: [u8; 32], (number, time): (u64, u64)) -> Vec<u8> {
    let hash = || string(&[1; 32]);
    list(&[
        hash(),
        hash(),
        string(&[2; 20]),
        hash(),
        hash(),
        string(&receipts_root),
        string(&[0; 256]),
        alloy_rlp::encode(0_u8),
        alloy_rlp::encode(number),
        alloy_rlp::encode(30_000_000_u64),
        alloy_rlp::encode(21_000_u64),
        alloy_rlp::encode(time),
        string(b""),
        hash(),
        string(&[0; 8]),
        alloy_rlp::encode(7_u64),
    ])
}

/// An entry of a contract, in the second of three receipts of a block with this number and time.
pub(crate) fn anchor(
    contract: Contract,
    sequence: u64,
    value: &Hash,
    (number, time): (u64, u64),
) -> Anchor {
    let ours = receipt(&[event(contract, sequence, value, time)]);
    let receipts = [receipt(&[]), ours, receipt(&[])];
    let key = |index: usize| Nibbles::unpack(alloy_rlp::encode(index));
    let mut leaves: Vec<_> = receipts.iter().enumerate().map(|(n, it)| (key(n), it)).collect();
    leaves.sort_unstable();
    let retainer = ProofRetainer::from_iter([key(1)]);
    let mut builder = HashBuilder::default().with_proof_retainer(retainer);
    for (key, receipt) in leaves {
        builder.add_leaf(key, receipt);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    Anchor {
        contract,
        header: header(root.0, (number, time)),
        log_index: 0,
        receipt_index: 1,
        receipt_proof: nodes.into_iter().map(|(_, node)| node.to_vec()).collect(),
        sequence,
    }
}

/// Hash of the block in which an anchor stands.
pub(crate) fn block_of(anchor: &Anchor) -> Word {
    Word(keccak256(&anchor.header).0)
}
