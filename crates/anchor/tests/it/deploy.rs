//! The contract on a real chain: deployed, written to, handed to another committer.

use witness_anchor::{
    alloy::Address,
    contract::{self, Revert},
    deploy::{DeployError, rotate},
    fees::{Bid, GAS_LIMIT},
    nodes::Nodes,
    rpc::{At, Called, Receipt, Sent},
    wallet::{Signed, Transaction, Wallet},
};
use witness_core::hash::Hash;

use crate::chain::{Anvil, CHAIN, PATIENCE, origin, wallet};

/// A signed commit of a roll-up.
pub(crate) async fn commit(nodes: &Nodes, wallet: &Wallet, sequence: u64, rollup: &Hash) -> Signed {
    let transaction = Transaction {
        chain: CHAIN,
        nonce: nodes.transaction_count(wallet.address(), At::Latest).await.unwrap(),
        gas_limit: GAS_LIMIT,
        bid: Bid::first(&nodes.market().await.unwrap(), 1).unwrap(),
        to: Some(nodes.contract()),
        data: contract::commit(sequence, rollup).unwrap(),
    };
    wallet.sign(transaction).unwrap()
}

/// Appends a roll-up.
pub(crate) async fn append(nodes: &Nodes, sequence: u64, rollup: &Hash) -> Receipt {
    let signed = commit(nodes, &wallet(2), sequence, rollup).await;
    assert_eq!(nodes.broadcast(&signed.raw).await.unwrap().outcome(), Ok(Sent::Accepted));
    for _ in 0..PATIENCE.looks {
        if let Some(receipt) = nodes.receipt(signed.hash).await.unwrap() {
            return receipt;
        }
        tokio::time::sleep(PATIENCE.pause).await;
    }
    unreachable!("the transaction is never mined")
}

#[tokio::test]
async fn a_contract_is_deployed_with_the_code_that_its_origin_foretells() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let deployed = anvil.deployed().await;
    assert_eq!(deployed.code_hash, contract::code_hash(origin()));
    assert!(deployed.receipt.cost().unwrap() > 0);
    let nodes = anvil.three(&deployed).await;
    let state = nodes.state(At::Latest).await.unwrap();
    assert_eq!((state.size, state.last_time, state.root), (0, 0, Hash::EMPTY_ROOT));
    assert_eq!((state.committer, state.successor), (wallet(2).address(), None));
    assert_eq!(nodes.owner(At::Latest).await.unwrap(), wallet(1).address());
    assert_eq!(nodes.l1_fee(b"a transaction").await, Ok(0));
}

#[tokio::test]
async fn a_rollup_is_found_again_under_its_number() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let nodes = anvil.three(&anvil.deployed().await).await;
    let rollups = [Hash::of(b"0"), Hash::of(b"1"), Hash::of(b"2")];
    let mut blocks = Vec::new();
    for (sequence, rollup) in (0..).zip(&rollups) {
        let receipt = append(&nodes, sequence, rollup).await;
        let [log] = receipt.logs.as_slice() else { panic!("{:?}", receipt.logs) };
        let entry = contract::entry(log, nodes.contract()).unwrap();
        assert_eq!((entry.sequence, entry.rollup), (sequence, *rollup));
        blocks.push((receipt.block_number, receipt.block_hash));
        // Nodes give logs of so many blocks at once.
        anvil.mine(400).await;
    }
    let latest = nodes.latest().await.unwrap();
    for (sequence, (rollup, block)) in (0..).zip(rollups.iter().zip(&blocks)) {
        let found = nodes.anchored(sequence, 0..=latest.number).await.unwrap().unwrap();
        assert_eq!((found.rollup, (found.block_number, found.block_hash)), (*rollup, *block));
    }
    assert_eq!(nodes.anchored(3, 0..=latest.number).await, Ok(None));
    assert_eq!(nodes.anchored(0, blocks[0].0 + 1..=latest.number).await, Ok(None));
    let state = nodes.state(At::Number(blocks[2].0)).await.unwrap();
    assert_eq!(state.size, 3);
    assert_eq!(nodes.state(At::Number(blocks[1].0)).await.unwrap().size, 2);
}

#[tokio::test]
async fn what_the_contract_would_refuse_is_read_before_anything_is_sent() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let nodes = anvil.three(&anvil.deployed().await).await;
    let reverts = async |from: Address, sequence| {
        let data = contract::commit(sequence, &Hash::of(b"a")).unwrap();
        match nodes.call(from, data, At::Latest).await.unwrap() {
            Called::Reverted(data) => Some(Revert::parse(&data)),
            Called::Returned(_) => None,
        }
    };
    assert_eq!(reverts(wallet(2).address(), 0).await, None);
    assert_eq!(reverts(wallet(2).address(), 1).await, Some(Revert::Stale { size: 0 }));
    assert_eq!(reverts(wallet(0).address(), 0).await, Some(Revert::NotCommitter));
}

#[tokio::test]
async fn the_owner_names_another_committer_and_nobody_else_can() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let nodes = anvil.three(&anvil.deployed().await).await;
    let new = Address::repeat_byte(9);
    let refused = rotate(&nodes, &wallet(0), new, &PATIENCE, &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, DeployError::Refused(Revert::NotOwner)), "{refused}");
    let owner = wallet(1);
    let same = rotate(&nodes, &owner, owner.address(), &PATIENCE, &mut |_| {}).await.unwrap_err();
    assert!(matches!(same, DeployError::SameKey(_)), "{same}");
    rotate(&nodes, &owner, new, &PATIENCE, &mut |_| {}).await.unwrap();
    assert_eq!(nodes.state(At::Latest).await.unwrap().committer, new);
}

#[tokio::test]
async fn a_transaction_that_is_sent_twice_is_one_and_others_are_told_apart() {
    let Some(anvil) = Anvil::start(CHAIN) else { return };
    let nodes = anvil.three(&anvil.deployed().await).await;
    let said =
        async |signed: &Signed| nodes.broadcast(&signed.raw).await.unwrap().outcome().unwrap();
    anvil.tell("evm_setAutomine", serde_json::json!([false])).await;
    let rollup = Hash::of(b"a");
    let signed = commit(&nodes, &wallet(2), 0, &rollup).await;
    assert_eq!(said(&signed).await, Sent::Accepted);
    assert_eq!(said(&signed).await, Sent::Accepted, "already known");
    assert_eq!(nodes.receipt(signed.hash).await, Ok(None));
    let cheap = Transaction {
        chain: CHAIN,
        nonce: nodes.transaction_count(wallet(2).address(), At::Latest).await.unwrap(),
        gas_limit: GAS_LIMIT,
        bid: Bid { max_fee: 2_000_000_000, tip: 0 },
        to: None,
        data: contract::commit(0, &rollup).unwrap(),
    };
    assert_eq!(said(&wallet(2).sign(cheap.clone()).unwrap()).await, Sent::Underpriced);
    anvil.mine(1).await;
    assert_eq!(said(&signed).await, Sent::NonceTooLow, "it is mined");
    let dear = Bid { max_fee: u128::MAX / 1_000_000, tip: 1 };
    let dear = Transaction { bid: dear, nonce: cheap.nonce + 1, ..cheap };
    assert_eq!(said(&wallet(2).sign(dear).unwrap()).await, Sent::InsufficientFunds);
}
