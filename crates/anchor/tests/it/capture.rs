//! Anchors from recorded blocks: what anvil mined, with the anchors that another implementation of the trie made of
//! it, in the core's tests. `block-op` begins with a deposit, as each block of an OP chain does. In the two longest
//! blocks, receipts hold no more than the trie does, and an empty bloom filter is written `0x`.

use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, Bloom, Bytes, Log, hex, keccak256};
use alloy_trie::root::ordered_trie_root_encoded;
use op_alloy_consensus::{OpDepositReceipt, OpReceiptEnvelope};
use serde_json::{Value, json};
use witness_anchor::capture::{
    CaptureError, Captured, Mined, Sought, capture, header_matches, receipts_root_matches,
};
use witness_core::{
    evm::{Anchor, AnchorError, Word},
    hash::Hash,
    rollup::Contract,
};

const BLOCKS: [(&str, &str); 5] = [
    ("block-1", include_str!("../../../core/tests/it/evm/block-1.json")),
    ("block-3", include_str!("../../../core/tests/it/evm/block-3.json")),
    ("block-130", include_str!("../../../core/tests/it/evm/block-130.json")),
    ("block-300", include_str!("../../../core/tests/it/evm/block-300.json")),
    ("block-op", include_str!("../../../core/tests/it/evm/block-op.json")),
];
const ANCHORS: &str = include_str!("../../../core/tests/it/evm/anchors.json");

/// A block with its receipts, as a node gives them.
#[derive(Clone)]
struct Block {
    block: Value,
    receipts: Value,
}

impl Block {
    fn recorded(name: &str) -> Self {
        let (_, text) = BLOCKS.iter().find(|(it, _)| *it == name).unwrap();
        let mut recorded: Value = serde_json::from_str(text).unwrap();
        let mut receipts = recorded["receipts"].take();
        for receipt in receipts.as_array_mut().unwrap() {
            if receipt["logsBloom"] == "0x" {
                receipt["logsBloom"] = json!(Bloom::ZERO);
            }
        }
        Self { block: recorded["block"].take(), receipts }
    }

    fn mined(&self) -> Mined<'_> {
        Mined { block: &self.block, raw_header: None, receipts: &self.receipts }
    }

    fn capture(&self, sought: &Sought) -> Result<Captured, CaptureError> {
        capture(&self.mined(), sought)
    }

    fn refusal(&self, sought: &Sought) -> CaptureError {
        self.capture(sought).unwrap_err()
    }
}

/// What was recorded of an anchor.
struct Recorded {
    block: String,
    hash: Word,
    anchor: Anchor,
    sought: Sought,
}

fn recorded() -> Vec<Recorded> {
    let list: Vec<Value> = serde_json::from_str(ANCHORS).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list.iter()
        .map(|recorded| {
            let anchor = Anchor::parse(&text(&recorded["anchor"])).unwrap();
            let sought = Sought {
                contract: anchor.contract,
                sequence: anchor.sequence,
                rollup: Hash::from_hex(&text(&recorded["rollup"])).unwrap(),
                transaction_index: anchor.receipt_index,
            };
            let hash = Word::parse(&text(&recorded["hash"])).unwrap();
            Recorded { block: text(&recorded["block"]), hash, anchor, sought }
        })
        .collect()
}

/// The first entry of a recorded block.
fn first(name: &str) -> (Block, Sought) {
    let recorded = recorded().into_iter().find(|it| it.block == name).unwrap();
    (Block::recorded(name), recorded.sought)
}

/// A receipt of this kind, with the fields that its chain adds.
fn encoded(kind: u8, receipt: Receipt) -> Vec<u8> {
    let inner = receipt.with_bloom();
    match TxType::try_from(kind) {
        Ok(kind) => ReceiptEnvelope::from_typed(kind, inner).encoded_2718(),
        Err(_) => OpReceiptEnvelope::Deposit(ReceiptWithBloom::new(
            OpDepositReceipt {
                inner: inner.receipt,
                deposit_nonce: Some(7),
                deposit_receipt_version: Some(1),
            },
            inner.logs_bloom,
        ))
        .encoded_2718(),
    }
}

/// A receipt as the JSON of a node.
fn as_json(index: usize, kind: u8, receipt: &Receipt) -> Value {
    json!({
        "type": format!("0x{kind:x}"),
        "status": if receipt.status.coerce_status() { "0x1" } else { "0x0" },
        "cumulativeGasUsed": format!("0x{:x}", receipt.cumulative_gas_used),
        "logsBloom": receipt.bloom_slow(),
        "logs": receipt.logs,
        "transactionIndex": format!("0x{index:x}"),
        "depositNonce": "0x7",
        "depositReceiptVersion": "0x1",
        "l1Fee": "0x0",
    })
}

fn some_receipt(index: u64) -> Receipt {
    let log = Log::new([7; 20].into(), vec![keccak256([1])], Bytes::from_static(b"data")).unwrap();
    let logs = vec![log; usize::try_from(index % 3).unwrap()];
    let status = Eip658Value::Eip658(!index.is_multiple_of(4));
    Receipt { status, cumulative_gas_used: 21_000 * (index + 1), logs }
}

/// A block that nobody mined: only its receipts root is right.
fn with_root_over(receipts: &[Vec<u8>]) -> Value {
    json!({ "receiptsRoot": ordered_trie_root_encoded(receipts), "hash": Word([0; 32]) })
}

#[test]
fn recorded_blocks_give_the_anchors_that_were_recorded_with_them() {
    for (name, _) in BLOCKS {
        let block = Block::recorded(name);
        assert_eq!(receipts_root_matches(&block.block, &block.receipts), Ok(()), "{name}");
        assert_eq!(header_matches(&block.block, None), Ok(()), "{name}");
        let mut captured = 0;
        for recorded in recorded().into_iter().filter(|it| it.block == name) {
            let Captured { anchor, block } = block.capture(&recorded.sought).unwrap();
            assert_eq!((anchor, block.hash), (recorded.anchor, recorded.hash), "{name}");
            captured += 1;
        }
        assert!(captured > 0, "{name}");
    }
}

#[test]
fn raw_headers_and_receipts_do_as_well() {
    for name in ["block-3", "block-op"] {
        let block = Block::recorded(name);
        let recorded = recorded().into_iter().find(|it| it.block == name).unwrap();
        let header = json!(hex::encode_prefixed(&recorded.anchor.header));
        let raw: Vec<Value> = (0..)
            .zip(block.receipts.as_array().unwrap())
            .map(|(index, _)| {
                let sought = Sought { transaction_index: index, ..recorded.sought };
                json!(hex::encode_prefixed(receipt_of(&block, &sought)))
            })
            .collect();
        let raw = Value::Array(raw);
        let mined = Mined { block: &block.block, raw_header: Some(&header), receipts: &raw };
        assert_eq!(capture(&mined, &recorded.sought).unwrap().anchor, recorded.anchor);
        assert_eq!(header_matches(&block.block, Some(&header)), Ok(()));
    }
}

/// A receipt of a recorded block, encoded by alloy.
fn receipt_of(block: &Block, sought: &Sought) -> Vec<u8> {
    let index = usize::try_from(sought.transaction_index).unwrap();
    let receipt = &block.receipts[index];
    if receipt["type"] == "0x7E" {
        let inner: ReceiptWithBloom<Receipt> = serde_json::from_value(receipt.clone()).unwrap();
        let integer = |member| receipt[member].as_str().unwrap()[2..].parse().unwrap();
        let deposit = OpDepositReceipt {
            inner: inner.receipt,
            deposit_nonce: Some(integer("depositNonce")),
            deposit_receipt_version: Some(integer("depositReceiptVersion")),
        };
        OpReceiptEnvelope::Deposit(deposit.with_bloom()).encoded_2718()
    } else {
        let receipt: ReceiptEnvelope = serde_json::from_value(receipt.clone()).unwrap();
        receipt.encoded_2718()
    }
}

#[test]
fn receipts_of_every_kind_are_encoded_as_alloy_does() {
    for count in [1_u64, 2, 7, 127, 128, 129, 255, 256, 257] {
        let kinds = [0_u8, 1, 2, 3, 4, 0x7e];
        let receipts: Vec<(u8, Receipt)> = (0..count)
            .zip(kinds.into_iter().cycle())
            .map(|(n, it)| (it, some_receipt(n)))
            .collect();
        let all: Vec<_> = receipts.iter().map(|(kind, it)| encoded(*kind, it.clone())).collect();
        let json = receipts.iter().enumerate().map(|(n, (kind, it))| as_json(n, *kind, it));
        let json = Value::Array(json.collect());
        assert_eq!(receipts_root_matches(&with_root_over(&all), &json), Ok(()), "{count}");
    }
    let none = with_root_over(&[]);
    assert_eq!(receipts_root_matches(&none, &json!([])), Ok(()));
}

#[test]
fn a_deposit_before_canyon_has_no_nonce_in_the_trie() {
    let receipt = some_receipt(1);
    let mut json = as_json(0, 0x7e, &receipt);
    json.as_object_mut().unwrap().remove("depositReceiptVersion");
    let bare = OpDepositReceipt { inner: receipt, ..OpDepositReceipt::default() };
    let all = [OpReceiptEnvelope::Deposit(bare.with_bloom()).encoded_2718()];
    assert_eq!(receipts_root_matches(&with_root_over(&all), &json!([json])), Ok(()));
}

#[test]
fn kinds_of_other_chains_are_tried_and_refused_by_name_where_they_differ() {
    let receipt = some_receipt(1);
    let like_others = [&[0x68][..], &encoded(1, receipt.clone())[1..]].concat();
    let json = json!([as_json(0, 0x68, &receipt), as_json(1, 2, &receipt)]);
    let all = [like_others, encoded(2, receipt.clone())];
    assert_eq!(receipts_root_matches(&with_root_over(&all), &json), Ok(()));
    let odd = [[&[0x68, 0xc1, 0x01][..]].concat(), encoded(2, receipt.clone())];
    let refusal = receipts_root_matches(&with_root_over(&odd), &json).unwrap_err().to_string();
    let start = "this chain's receipts root cannot be rebuilt: type 0x68; a node must offer";
    assert!(refusal.starts_with(start), "{refusal}");
    // As raw bytes, they are what they are.
    let raw: Vec<_> = odd.iter().map(hex::encode_prefixed).collect();
    assert_eq!(receipts_root_matches(&with_root_over(&odd), &json!(raw)), Ok(()));
    let all = json!([as_json(0, 0, &receipt), as_json(1, 2, &receipt)]);
    let refusal = receipts_root_matches(&with_root_over(&odd), &all).unwrap_err();
    assert_eq!(refusal, CaptureError::ReceiptsRoot { kinds: "0x00, 0x02".to_owned() });
    let refusal = receipts_root_matches(&with_root_over(&odd), &json!([])).unwrap_err();
    assert_eq!(refusal, CaptureError::ReceiptsRoot { kinds: "none at all".to_owned() });
    let mut beyond = all;
    beyond[1]["type"] = json!("0x80");
    let refusal = receipts_root_matches(&with_root_over(&odd), &beyond).unwrap_err();
    assert_eq!(refusal, CaptureError::ReceiptType { index: 1 });
}

#[test]
fn a_receipt_that_a_node_changes_is_noticed() {
    let (good, sought) = first("block-3");
    let changed = |member: &str, value: Value| {
        let mut block = good.clone();
        block.receipts[2][member] = value;
        block.refusal(&sought)
    };
    let root = CaptureError::ReceiptsRoot { kinds: "0x00, 0x01, 0x02".to_owned() };
    assert_eq!(changed("status", json!("0x1")), root);
    assert_eq!(changed("cumulativeGasUsed", json!("0x1")), root);
    assert_eq!(changed("logsBloom", json!(Bloom::repeat_byte(1))), root);
    assert_eq!(changed("logs", good.receipts[0]["logs"].clone()), root);
    let other = CaptureError::ReceiptsRoot { kinds: "0x00, 0x01, 0x04".to_owned() };
    assert_eq!(changed("type", json!("0x4")), other);
    let malformed = CaptureError::Receipt { index: 2 };
    let words = vec![json!(Word([0; 32])); 5];
    for (member, value) in [
        ("status", json!("0x2")),
        ("status", Value::Null),
        ("cumulativeGasUsed", json!("0x1ffffffffffffffff")),
        ("logsBloom", json!("0x")),
        ("logs", json!({})),
        ("logs", json!([{ "address": "0x", "topics": [], "data": "0x" }])),
        ("logs", json!([{ "address": Word([0; 32]), "topics": [], "data": "0x" }])),
        ("logs", json!([{ "address": Address::ZERO, "topics": words, "data": "0x" }])),
    ] {
        assert_eq!(changed(member, value), malformed, "{member}");
    }
    assert_eq!(changed("transactionIndex", json!("0x1")), CaptureError::ReceiptOrder { index: 2 });
    for receipt in [json!(null), json!(7), json!("0x"), json!("02"), json!("0x0"), json!([])] {
        let mut block = good.clone();
        block.receipts[2] = receipt;
        assert_eq!(block.refusal(&sought), malformed);
    }
}

#[test]
fn lists_of_receipts_that_are_none_or_not_all_are_refused() {
    let (good, sought) = first("block-3");
    for receipts in [json!(null), json!({}), json!("0x"), json!(vec![json!("0x01"); 65_537])] {
        let block = Block { receipts, ..good.clone() };
        assert_eq!(block.refusal(&sought), CaptureError::Receipts);
    }
    let mut block = good.clone();
    block.receipts.as_array_mut().unwrap().pop();
    let counts = CaptureError::ReceiptCount { receipts: 2, transactions: 3 };
    assert_eq!(block.refusal(&sought), counts);
    block.block["transactions"] = json!(null);
    assert!(matches!(block.refusal(&sought), CaptureError::ReceiptsRoot { .. }));
    // So short that nodes of the trie stand in each other.
    let short = Block { receipts: json!(vec!["0x01"; 3]), ..good.clone() };
    assert_eq!(short.refusal(&sought), CaptureError::ReceiptsRoot { kinds: "0x01".to_owned() });
    for transaction_index in [3, u64::MAX] {
        let nowhere = Sought { transaction_index, ..sought };
        assert_eq!(good.refusal(&nowhere), CaptureError::NoReceipt { receipts: 3 });
    }
}

#[test]
fn a_header_that_cannot_be_rebuilt_is_asked_for_as_bytes() {
    let (good, sought) = first("block-op");
    let anchor = good.capture(&sought).unwrap().anchor;
    let raw = |header: &[u8]| json!(hex::encode_prefixed(header));
    let right = raw(&anchor.header);
    let mut other = anchor.header.clone();
    other[40] ^= 1;
    for (member, value) in [
        ("stateRoot", json!(Word([1; 32]))),
        ("requestsHash", json!(null)),
        ("nonce", json!("0x")),
        ("timestamp", json!("0x1")),
    ] {
        let mut block = good.clone();
        block.block[member] = value;
        assert_eq!(block.refusal(&sought), CaptureError::Header, "{member}");
        assert_eq!(header_matches(&block.block, None), Err(CaptureError::Header));
        let with =
            |raw: &Value| capture(&Mined { raw_header: Some(raw), ..block.mined() }, &sought);
        assert_eq!(with(&right).unwrap().anchor, anchor);
        for wrong in [raw(&other), json!(null), json!("0x"), json!("0xzz"), raw(&vec![0; 40_000])] {
            assert_eq!(with(&wrong), Err(CaptureError::RawHeader));
        }
    }
    for value in [json!(null), json!("0x00"), json!(7), json!("00".repeat(32))] {
        let mut block = good.clone();
        block.block["receiptsRoot"] = value.clone();
        let refusal = receipts_root_matches(&block.block, &block.receipts);
        assert_eq!(refusal, Err(CaptureError::Block { member: "receiptsRoot" }));
        block.block["hash"] = value;
        assert_eq!(block.refusal(&sought), CaptureError::Block { member: "hash" });
    }
}

#[test]
fn the_log_is_found_in_its_receipt_or_the_entry_is_not_there() {
    let (good, sought) = first("block-3");
    let none = CaptureError::NoEntry { transaction_index: 0 };
    let elsewhere = Contract { address: [9; 20], ..sought.contract };
    assert_eq!(good.refusal(&Sought { sequence: sought.sequence + 1, ..sought }), none);
    assert_eq!(good.refusal(&Sought { rollup: Hash::of(b"other"), ..sought }), none);
    assert_eq!(good.refusal(&Sought { contract: elsewhere, ..sought }), none);
    // The second transaction is another contract's, and the third one failed.
    let of = |transaction_index| good.refusal(&Sought { transaction_index, ..sought });
    assert_eq!(of(1), CaptureError::NoEntry { transaction_index: 1 });
    assert_eq!(of(2), CaptureError::Anchor(AnchorError::ReceiptStatus));
}

/// A wallet contract sends the commit among other things: the log is not the first one.
#[test]
fn a_log_among_others_is_found() {
    let (recorded, sought) = first("block-1");
    let mut logs = recorded.receipts[0]["logs"].as_array().unwrap().clone();
    let other = json!({ "address": Word([7; 32]).to_string()[..42], "topics": [], "data": "0x01" });
    logs.splice(0..0, [other.clone(), other]);
    let mut block = recorded;
    block.receipts[0]["logs"] = json!(logs);
    let all = [receipt_of(&block, &sought)];
    block.block["receiptsRoot"] = json!(ordered_trie_root_encoded(&all));
    let header: alloy_consensus::Header = serde_json::from_value(block.block.clone()).unwrap();
    block.block["hash"] = json!(header.hash_slow());
    let captured = block.capture(&sought).unwrap();
    assert_eq!(captured.anchor.log_index, 2);
    assert_eq!(captured.anchor.verify(&sought.rollup), Ok(captured.block));
}
