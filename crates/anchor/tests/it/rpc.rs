//! One node: what is taken from it, and what is not.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::json;
use witness_anchor::{
    alloy::B256,
    rpc::{At, Limits, Node, NodeError, Sent},
};

use crate::{
    chain::{Anvil, CHAIN, limits},
    foreign::{Foreign, Reply, nobody},
};

fn node(foreign: &Foreign) -> Node {
    Node::new(&foreign.url, limits()).unwrap()
}

fn name(foreign: &Foreign) -> String {
    foreign.url.trim_end_matches("/some-secret-key").to_owned()
}

#[tokio::test]
async fn a_node_that_is_not_there_or_says_nothing_is_unreachable_and_its_key_is_not_shown() {
    let away = Node::new(&format!("{}/some-secret-key", nobody()), limits()).unwrap();
    let error = away.chain_id().await.unwrap_err();
    assert!(matches!(error, NodeError::Unreachable { .. }), "{error}");
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
    assert!(!format!("{error} {error:?}").contains("some-secret-key"), "{error}");

    let silent = Foreign::start(None, |_, _, _| Reply::Silence);
    let hasty = Limits { answer_within: Duration::from_millis(100), tries: 2, ..limits() };
    let silent_node = Node::new(&silent.url, hasty).unwrap();
    let error = silent_node.chain_id().await.unwrap_err();
    let reason = "nothing within 0.1 s".to_owned();
    assert_eq!(error, NodeError::Unreachable { node: name(&silent), reason });
    assert_eq!(silent.calls(), 2);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let endless = Foreign::start(None, |_, _, _| Reply::Endless);
    let limits = Limits { answer_bytes_max: 100_000, ..limits() };
    let error = Node::new(&endless.url, limits).unwrap().chain_id().await.unwrap_err();
    let (node, method) = (name(&endless), "eth_chainId");
    assert_eq!(error, NodeError::TooLong { node, method, limit: 100_000 });
}

#[tokio::test]
async fn what_is_no_answer_is_refused_by_name() {
    let method = "eth_chainId";
    let wrong = [json!(1), json!("1"), json!("0x10000000000000000"), json!(null), json!([])];
    for value in wrong {
        let foreign = Foreign::start(None, move |_, _, _| Reply::Result(value.clone()));
        let error = node(&foreign).chain_id().await.unwrap_err();
        assert_eq!(error, NodeError::Malformed { node: name(&foreign), method });
    }
    for text in ["", "{}", "[]", "ok", r#"{"jsonrpc":"2.0","id":999,"result":"0x1"}"#] {
        let foreign = Foreign::start(None, move |_, _, _| Reply::Http("200 OK", text.to_owned()));
        let error = node(&foreign).chain_id().await.unwrap_err();
        assert_eq!(error, NodeError::Malformed { node: name(&foreign), method }, "{text}");
    }
    for (status, code) in [("403 Forbidden", 403), ("302 Found", 302)] {
        let foreign = Foreign::start(None, move |_, _, _| Reply::Http(status, String::new()));
        let error = node(&foreign).chain_id().await.unwrap_err();
        assert_eq!(error, NodeError::Status { node: name(&foreign), method, status: code });
        assert_eq!(foreign.calls(), 1);
    }
}

#[tokio::test]
async fn another_block_than_the_one_that_was_asked_for_is_refused() {
    let block = |number: &str| {
        let hash = B256::repeat_byte(1);
        json!({ "number": number, "hash": hash, "parentHash": hash, "timestamp": "0x1" })
    };
    let other = Foreign::start(None, move |_, _, _| Reply::Result(block("0x8")));
    assert_eq!(node(&other).block(At::Number(8)).await.unwrap().unwrap().number, 8);
    let error = node(&other).block(At::Number(7)).await.unwrap_err();
    assert!(matches!(error, NodeError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_strangers_words_are_bounded_and_do_not_repeat_the_key() {
    let message = format!("some-secret-key\u{1b}[2J{}", "x".repeat(10_000));
    let foreign = Foreign::start(None, move |_, _, _| Reply::Error(-32000, message.clone()));
    let error = node(&foreign).chain_id().await.unwrap_err();
    let NodeError::Answered { message, code: -32000, .. } = &error else { panic!("{error}") };
    assert_eq!(message.chars().count(), 200);
    assert!(message.starts_with("… [2Jxxx"), "{message}");
}

#[tokio::test]
async fn a_read_is_tried_again_and_a_send_never_is() {
    let before = AtomicUsize::new(0);
    let busy = Foreign::start(None, move |_, _, _| match before.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Http("503 Service Unavailable", String::new()),
        1 => Reply::Error(-32005, "limit exceeded".to_owned()),
        _ => Reply::Result(json!("0x7a69")),
    });
    assert_eq!(node(&busy).chain_id().await, Ok(CHAIN));
    assert_eq!(busy.calls(), 3);

    let busy =
        Foreign::start(None, |_, _, _| Reply::Http("503 Service Unavailable", String::new()));
    assert!(node(&busy).send_raw(b"anything").await.is_err());
    assert_eq!(busy.calls(), 1);
}

#[tokio::test]
async fn a_node_that_names_another_hash_for_what_it_was_sent_is_not_believed() {
    let foreign = Foreign::start(None, |_, _, _| Reply::Result(json!(B256::repeat_byte(1))));
    let error = node(&foreign).send_raw(b"anything").await.unwrap_err();
    assert!(matches!(error, NodeError::Malformed { .. }), "{error}");
    let known = Foreign::start(None, |_, _, _| Reply::Error(-32000, "already known".to_owned()));
    assert_eq!(node(&known).send_raw(b"anything").await, Ok(Sent::Accepted));
}

#[tokio::test]
async fn receipts_of_a_block_come_one_by_one_where_a_provider_refuses_them_together() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let deployed = anvil.deployed().await;
    let refusing = Foreign::start(Some(&anvil.address), |method, _, _| match method {
        "eth_getBlockReceipts" => Reply::Http("403 Forbidden", "not on this plan".to_owned()),
        "debug_getRawHeader" => Reply::Error(-32601, "the method is not there".to_owned()),
        _ => Reply::Honest,
    });
    let honest = Node::new(&anvil.url(0), limits()).unwrap();
    let refusing = node(&refusing);
    let block = honest.block(At::Number(deployed.receipt.block_number)).await.unwrap().unwrap();
    let receipts = refusing.block_receipts(&block).await.unwrap().unwrap();
    assert_eq!(receipts, honest.block_receipts(&block).await.unwrap().unwrap());
    assert_eq!(receipts.as_array().unwrap().len(), 1);
    assert_eq!(refusing.raw_header(1).await, Ok(None));
}
