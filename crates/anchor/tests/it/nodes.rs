//! Several nodes: one that lies, lags, is of another chain or away changes nothing, and more than that is said.

use serde_json::{Value, json};
use witness_anchor::{
    alloy::{Address, B256},
    nodes::{Nodes, NodesError, Quorum, Standing},
    rpc::At,
};
use witness_core::hash::Hash;

use crate::{
    chain::{Anvil, CHAIN, endpoint, expected, limits, nodes_of},
    deploy::append,
    foreign::{Foreign, Reply, nobody},
};

/// What becomes of a true answer.
type Lie = fn(Value) -> Value;

/// A node of the real chain that answers one method otherwise.
fn liar(anvil: &Anvil, about: &'static str, lie: Lie) -> Foreign {
    Foreign::start(Some(&anvil.address), move |method, _, honest| {
        if method == about { Reply::Result(lie(honest["result"].clone())) } else { Reply::Honest }
    })
}

fn other_hash(mut block: Value) -> Value {
    block["hash"] = json!(B256::repeat_byte(0xee));
    block
}

#[test]
fn nodes_are_enough_and_of_more_than_one_operator() {
    let new = |operators: &[&str], quorum| {
        let endpoints = (1..).zip(operators);
        let url = |which: i32| format!("http://127.0.0.1:{which}");
        let endpoints = endpoints.map(|(which, it)| endpoint(&url(which), it)).collect();
        Nodes::new(endpoints, quorum, expected(Address::ZERO), &limits()).map(drop)
    };
    assert_eq!(new(&["a", "a", "b"], Quorum::TwoOperators), Ok(()));
    assert_eq!(new(&["a"], Quorum::Single), Ok(()));
    for few in [&["a", "b"][..], &["a", "a", "a"], &[]] {
        let refused = new(few, Quorum::TwoOperators);
        assert!(matches!(refused, Err(NodesError::TooFew { .. })), "{refused:?}");
    }
    assert!(matches!(new(&[], Quorum::Single), Err(NodesError::TooFew { .. })));
    let twice =
        ["a", "a", "b"].map(|operator| endpoint("http://127.0.0.1:1/secret-secret", operator));
    let twice =
        Nodes::new(twice.to_vec(), Quorum::TwoOperators, expected(Address::ZERO), &limits());
    let twice = twice.unwrap_err();
    assert!(matches!(twice, NodesError::Twice { .. }), "{twice}");
    assert!(!twice.to_string().contains("secret-secret"));
}

#[tokio::test]
async fn a_node_of_another_chain_or_with_other_code_is_taken_out_and_one_that_is_away_is_missed() {
    let (Some(anvil), Some(other)) = (Anvil::start(CHAIN), Anvil::start(1)) else { return };
    let deployed = anvil.deployed().await;
    let imposter = liar(&anvil, "eth_getCode", |_| json!("0x6000"));
    let lagging = liar(&anvil, "eth_getCode", |_| json!("0x"));
    let endpoints = vec![
        endpoint(&anvil.url(1), "a"),
        endpoint(&anvil.url(2), "a"),
        endpoint(&anvil.url(3), "b"),
        endpoint(&anvil.url(4), "b"),
        endpoint(&other.url(1), "c"),
        endpoint(&imposter.url, "d"),
        endpoint(&nobody(), "e"),
    ];
    let nodes = nodes_of(endpoints, &deployed);
    let statuses = nodes.connect().await.unwrap();
    let standings: Vec<&Standing> = statuses.iter().map(|status| &status.standing).collect();
    assert!(standings[..4].iter().all(|standing| **standing == Standing::Good), "{statuses:?}");
    assert_eq!(*standings[4], Standing::WrongChain { expected: CHAIN, found: 1 });
    assert!(matches!(standings[5], Standing::WrongCode { .. }), "{statuses:?}");
    assert!(matches!(standings[6], Standing::Away { .. }), "{statuses:?}");
    assert_eq!(
        statuses[4].to_string(),
        format!("http://{} of c is out: expected chain {CHAIN}, came 1", other.address)
    );
    // Four of seven.
    assert_eq!(nodes.state(At::Latest).await.unwrap().size, 0);
    let asked = imposter.calls();
    nodes.connect().await.unwrap();
    assert_eq!(imposter.calls(), asked, "it is out for good");

    let endpoints = [&other.url(1), &other.url(2), &imposter.url];
    let wrong = endpoints.map(|url| endpoint(url, if *url == imposter.url { "b" } else { "a" }));
    let error = nodes_of(wrong.to_vec(), &deployed).connect().await.unwrap_err();
    assert!(matches!(error, NodesError::AllRefused { .. }), "{error}");

    let endpoints = [(other.url(1), "a"), (lagging.url.clone(), "b"), (nobody(), "c")];
    let away = endpoints.map(|(url, operator)| endpoint(&url, operator));
    let error = nodes_of(away.to_vec(), &deployed).connect().await.unwrap_err();
    assert!(matches!(error, NodesError::NoneReachable { .. }), "{error}");
}

#[tokio::test]
async fn one_node_of_three_that_lies_lags_or_falls_silent_is_outvoted() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let deployed = anvil.deployed().await;
    append(&anvil.three(&deployed).await, 0, &Hash::of(b"a")).await;
    let latest = anvil.three(&deployed).await.latest().await.unwrap();
    let lies: [(&str, Lie); 5] = [
        ("eth_call", |_| json!(format!("0x{}", "00".repeat(96)))),
        ("eth_getLogs", |_| json!([])),
        ("eth_getTransactionCount", |_| json!("0x64")),
        ("eth_getTransactionReceipt", |_| json!(null)),
        ("eth_getBlockByNumber", other_hash),
    ];
    for (about, lie) in lies {
        let liar = liar(&anvil, about, lie);
        let (one, two) = (anvil.url(1), anvil.url(2));
        let nodes = [(&one, "a"), (&liar.url, "b"), (&two, "c")];
        let nodes = nodes.map(|(url, operator)| endpoint(url, operator));
        let nodes = nodes_of(nodes.to_vec(), &deployed);
        nodes.connect().await.unwrap();
        assert_eq!(nodes.state(At::Latest).await.unwrap().size, 1, "{about}");
        let entry = nodes.anchored(0, 0..=latest.number).await.unwrap().unwrap();
        assert_eq!(entry.rollup, Hash::of(b"a"), "{about}");
        assert_eq!(nodes.latest().await.unwrap(), latest, "{about}");
        assert!(nodes.receipt(entry.tx).await.unwrap().is_some(), "{about}");
        let account = Address::repeat_byte(1);
        assert_eq!(nodes.transaction_count(account, At::Latest).await, Ok(0), "{about}");
    }
}

#[tokio::test]
async fn without_a_majority_nothing_is_said() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let deployed = anvil.deployed().await;
    let liar = liar(&anvil, "eth_getTransactionCount", |_| json!("0x64"));
    let endpoints = [(anvil.url(1), "a"), (liar.url.clone(), "b"), (nobody(), "c")];
    let endpoints = endpoints.map(|(url, operator)| endpoint(&url, operator));
    let nodes = nodes_of(endpoints.to_vec(), &deployed);
    nodes.connect().await.unwrap();
    let error = nodes.transaction_count(Address::ZERO, At::Latest).await.unwrap_err();
    let NodesError::NoQuorum { what: "a nonce", answers } = &error else { panic!("{error}") };
    assert_eq!(answers.0.len(), 2, "{error}");
    assert!(error.to_string().contains("says 100"), "{error}");
    assert!(!error.to_string().contains("some-secret-key"), "{error}");
}

#[tokio::test]
async fn a_receipt_of_a_block_that_is_only_promised_is_not_mined() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let deployed = anvil.deployed().await;
    let promise = |mut receipt: Value| {
        receipt["blockHash"] = json!(B256::repeat_byte(0xee));
        receipt
    };
    let promising = ["a", "b"].map(|_| liar(&anvil, "eth_getTransactionReceipt", promise));
    let endpoints = [(&promising[0].url, "a"), (&promising[1].url, "b"), (&anvil.url(1), "c")];
    let endpoints = endpoints.map(|(url, operator)| endpoint(url, operator));
    let nodes = nodes_of(endpoints.to_vec(), &deployed);
    nodes.connect().await.unwrap();
    assert_eq!(nodes.receipt(deployed.receipt.tx).await, Ok(None));
}

#[tokio::test]
async fn final_is_what_all_say_and_two_operators_at_least() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let deployed = anvil.deployed().await;
    let nodes = anvil.three(&deployed).await;
    let mined = deployed.receipt.block_number;
    assert_eq!(nodes.final_block(mined).await, Ok(None), "nothing lies upon it yet");
    anvil.mine(2).await;
    let block = nodes.final_block(mined).await.unwrap().unwrap();
    assert_eq!((block.number, block.hash), (mined, deployed.receipt.block_hash));
    assert_eq!(block.observers, ["a", "b"]);
    assert_eq!(nodes.finalized().await.unwrap().number, mined);

    let liar = liar(&anvil, "eth_getBlockByNumber", other_hash);
    let with = |third: &str| {
        let endpoints = [(&*anvil.url(1), "a"), (&*anvil.url(2), "a"), (third, "b")];
        nodes_of(endpoints.map(|(url, operator)| endpoint(url, operator)).to_vec(), &deployed)
    };
    let nodes = with(&liar.url);
    nodes.connect().await.unwrap();
    let error = nodes.final_block(mined).await.unwrap_err();
    assert!(matches!(error, NodesError::Discord { .. }), "{error}");

    let nodes = with(&nobody());
    nodes.connect().await.unwrap();
    let error = nodes.final_block(mined).await.unwrap_err();
    assert!(matches!(error, NodesError::TooFewOperators { operators: 1, .. }), "{error}");
}

#[tokio::test]
async fn finality_is_no_farther_than_two_operators_say() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let deployed = anvil.deployed().await;
    let mined = deployed.receipt.block_number;
    let stalled = Foreign::start(Some(&anvil.address), |_, params, honest| {
        if params[0] != "finalized" {
            return Reply::Honest;
        }
        let mut block = honest["result"].clone();
        block["number"] = json!("0x0");
        Reply::Result(block)
    });
    anvil.mine(2).await;
    let endpoints = [(&*anvil.url(1), "a"), (&*anvil.url(2), "a"), (&*stalled.url, "b")];
    let endpoints = endpoints.map(|(url, operator)| endpoint(url, operator)).to_vec();
    let nodes = nodes_of(endpoints, &deployed);
    nodes.connect().await.unwrap();
    assert_eq!(nodes.final_block(mined).await, Ok(None));
    assert_eq!(nodes.finalized().await.unwrap().number, 0);
}
