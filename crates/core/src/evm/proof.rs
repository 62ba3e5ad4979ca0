//! The way from a receipt to the root of the trie of receipts (Ethereum Yellow Paper, appendix D).
//!
//! A trie of receipts is simpler than others, and anything else is refused before the proof is checked. Its keys
//! are RLP integers, of which none begins another one, so no branch holds a value. Each value is longer than 32
//! bytes, since a receipt holds a bloom filter of 256, so every child is a hash.

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes};
use alloy_trie::{Nibbles, proof::verify_proof};

use super::{error::AnchorError, rlp::Items};

/// Most nodes of a proof. The longest key is RLP of 2^64-1: 9 bytes, 18 nibbles. Each node but the last one takes
/// at least one nibble.
pub const NODES_MAX: usize = 19;

/// Longest node but the last one, in bytes: a branch of 16 hashes, 16 * 33 + 1 and 3 for the list.
pub const INNER_NODE_BYTES_MAX: usize = 532;

/// Longest last node, which holds the receipt, in bytes. A commit alone has 434; this leaves room for three hundred
/// logs beside it, should a wallet contract send it among other things.
pub const LAST_NODE_BYTES_MAX: usize = 64 * 1024;

/// One node of a proof: how many nibbles of the key it takes, and the value if it is the last one.
struct Node<'a> {
    nibbles: usize,
    value: Option<&'a [u8]>,
}

/// The receipt that stands under this index below this root.
pub(super) fn receipt<'a>(
    root: &[u8; 32],
    index: u64,
    nodes: &'a [Vec<u8>],
) -> Result<&'a [u8], AnchorError> {
    let (last, inner) = nodes.split_last().ok_or(AnchorError::ProofSize)?;
    if nodes.len() > NODES_MAX
        || last.len() > LAST_NODE_BYTES_MAX
        || inner.iter().any(|node| node.len() > INNER_NODE_BYTES_MAX)
    {
        return Err(AnchorError::ProofSize);
    }
    let key = Nibbles::unpack(alloy_rlp::encode_fixed_size(&index));
    let value = last_value(inner, last, key.len()).ok_or(AnchorError::ReceiptProof)?;
    let nodes: Vec<Bytes> = nodes.iter().map(|node| Bytes::copy_from_slice(node)).collect();
    verify_proof(B256::from(*root), key, Some(value.to_vec()), &nodes)
        .or(Err(AnchorError::ReceiptProof))?;
    Ok(value)
}

/// The value of the last node, if all nodes together take exactly as many nibbles as the key has. The verifier
/// relies on that: it would panic over paths of more than 64 nibbles.
fn last_value<'a>(inner: &[Vec<u8>], last: &'a [u8], key_nibbles: usize) -> Option<&'a [u8]> {
    let mut taken = 0;
    for node in inner {
        let node = read_node(node).filter(|node| node.value.is_none() && node.nibbles > 0)?;
        taken += node.nibbles;
    }
    let last = read_node(last)?;
    (taken + last.nibbles == key_nibbles).then_some(last.value)?
}

fn read_node(bytes: &[u8]) -> Option<Node<'_>> {
    let list = Items::of(bytes)?;
    let mut items = list;
    let (first, second) = (items.next()?, items.next()?);
    if !items.is_at_end() {
        return is_branch(list).then_some(Node { nibbles: 1, value: None });
    }
    let path = first.string()?;
    let flags = *path.first()?;
    let nibbles = (path.len() - 1) * 2 + usize::from(flags >> 4 & 1);
    match flags >> 4 {
        0 | 1 => second.array::<32>().map(|_| Node { nibbles, value: None }),
        2 | 3 => second.string().map(|value| Node { nibbles, value: Some(value) }),
        _ => None,
    }
}

/// Sixteen children, each a hash or nothing, and no value.
fn is_branch(mut items: Items<'_>) -> bool {
    let mut string = || items.next().and_then(|item| Some(item.string()?.len()));
    let are_children = (0..16).all(|_| matches!(string(), Some(0 | 32)));
    are_children && string() == Some(0) && items.is_at_end()
}
