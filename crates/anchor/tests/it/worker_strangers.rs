//! The worker on a real chain where somebody else has the key, the contract changes hands, or nodes lie.

use serde_json::{Value, json};
use witness_anchor::{
    alloy::{Address, B256},
    contract,
    deploy::rotate,
    nodes::{Nodes, Quorum},
    worker::{Alarm, Comparison, Halt, Phase, State, WorkerError, compare},
};
use witness_core::hash::Hash;

use crate::{
    chain::{PATIENCE, endpoint, expected, limits, nodes_of, wallet},
    foreign::{Foreign, Reply, nobody},
    worker_firm::{Firm, attempts, has, states, status},
};

#[tokio::test]
async fn two_workers_with_one_key_make_one_entry_and_lose_nothing() {
    let Some(mut firm) = Firm::start().await else { return };
    let mut first = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut first).await;
    let ours = attempts(&first, 0);
    // The other one has a journal of its own, and pays more.
    let journal = std::mem::take(&mut firm.journal);
    firm.journal.roll_up("one");
    firm.limits.tip_wei_min = 3_000_000_000;
    let mut second = firm.worker().await;
    firm.tick(&mut second).await;
    assert_ne!(attempts(&second, 0)[0].hash, ours[0].hash);
    firm.mined(&mut second).await;
    firm.tick(&mut first).await;
    assert_eq!(states(&first), [State::Mined]);
    assert!(!first.record().window[0].is_sent_by_us(), "it is adopted");
    firm.made_final(&mut first).await;
    assert_eq!(journal.evidenced().len(), 1);
    firm.finish(&mut second).await;
    assert_eq!(firm.journal.evidenced(), journal.evidenced());
}

#[tokio::test]
async fn a_commit_that_is_not_ours_halts_until_told_and_after_a_restart() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    let stranger = contract::commit(0, &Hash::of(b"not ours")).unwrap();
    firm.send(wallet(2).address(), &stranger).await;
    firm.tick(&mut worker).await;
    let halt = worker.record().halted.clone();
    assert!(matches!(halt, Some(Halt::ForeignCommit { sequence: 0, .. })), "{halt:?}");
    assert_eq!(status(&worker).phase, Phase::Halted);
    let mut worker = firm.worker().await;
    firm.tick(&mut worker).await;
    assert_eq!((worker.record().halted.clone(), states(&worker)), (halt.clone(), vec![]));
    worker.resume().await.unwrap();
    firm.tick(&mut worker).await;
    assert_eq!(worker.record().halted, halt, "it is still so");
}

#[tokio::test]
async fn a_nonce_that_is_not_ours_halts_once_it_is_final_and_goes_on_when_told() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    firm.forget(&attempts(&worker, 0)[0]).await;
    // A call of the contract that changes nothing uses the nonce.
    let root = witness_anchor::alloy::hex::decode("ebf0c717").unwrap();
    firm.send(wallet(2).address(), &root).await;
    firm.tick(&mut worker).await;
    assert!(has(&worker, |it| matches!(it, Alarm::NonceTaken { ours: 0, chain: 1 })));
    assert_eq!(worker.record().halted, None);
    firm.made_final(&mut worker).await;
    assert_eq!(worker.record().halted, Some(Halt::ForeignNonce { ours: 0, chain: 1 }));
    worker.resume().await.unwrap();
    firm.finish(&mut worker).await;
    assert_eq!(firm.journal.evidenced().len(), 1);
}

#[tokio::test]
async fn another_committer_stops_the_worker_and_its_key_takes_over() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    firm.mined(&mut worker).await;
    firm.journal.roll_up("two");
    firm.tick(&mut worker).await;
    assert_eq!(states(&worker), [State::Mined, State::Sent]);
    firm.forget(&attempts(&worker, 1)[0]).await;
    firm.anvil.tell("evm_setAutomine", json!([true])).await;
    let nodes = firm.anvil.three(&firm.deployed).await;
    let next = wallet(0);
    rotate(&nodes, &wallet(1), next.address(), &PATIENCE, &mut |_| {}).await.unwrap();
    firm.anvil.tell("evm_setAutomine", json!([false])).await;
    firm.tick(&mut worker).await;
    assert_eq!(status(&worker).phase, Phase::Stopped);
    assert!(has(&worker, |it| matches!(it, Alarm::NotCommitter { .. })));
    assert!(!firm.knows(&attempts(&worker, 1)[0]).await, "it is sent no more");
    let nodes = firm.anvil.three(&firm.deployed).await;
    let mut worker = firm.worker_with(nodes, next).await.unwrap();
    firm.finish(&mut worker).await;
    assert_eq!(firm.journal.evidenced().len(), 2);
    assert_eq!(worker.record().account, wallet(0).address());
}

#[tokio::test]
async fn a_retired_contract_stops_and_gives_the_evidence_of_what_it_holds() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    firm.mined(&mut worker).await;
    firm.journal.roll_up("two");
    let mut retire = witness_anchor::alloy::keccak256(b"retire(address)")[..4].to_vec();
    retire.extend(B256::left_padding_from(Address::repeat_byte(9).as_slice()));
    firm.send(wallet(1).address(), &retire).await;
    firm.finish(&mut worker).await;
    let is_retired = |it: &Alarm| matches!(it, Alarm::Retired { .. });
    assert!(has(&worker, is_retired), "{:?}", status(&worker));
    assert_eq!(firm.journal.evidenced().len(), 1);
}

#[tokio::test]
async fn a_commit_that_the_contract_would_refuse_is_not_signed() {
    let Some(firm) = Firm::start().await else { return };
    let refusing = |_: &str| {
        Foreign::start(Some(&firm.anvil.address), |method, params, _| {
            let is_trial = method == "eth_call" && params[0].get("from").is_some();
            if is_trial { Reply::Error(3, "execution reverted".to_owned()) } else { Reply::Honest }
        })
    };
    let refusing = ["a", "b"].map(refusing);
    let own = firm.anvil.url(1);
    let endpoints = [(&refusing[0].url, "a"), (&refusing[1].url, "b"), (&own, "c")];
    let endpoints = endpoints.map(|(url, operator)| endpoint(url, operator));
    let nodes = nodes_of(endpoints.to_vec(), &firm.deployed);
    let mut worker = firm.worker_with(nodes, wallet(2)).await.unwrap();
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    assert_eq!(states(&worker), [State::Planned]);
    assert!(has(&worker, |it| matches!(it, Alarm::Failed { what: "the trial of a commit", .. })));
    let mut worker = firm.worker().await;
    firm.finish(&mut worker).await;
}

#[tokio::test]
async fn nodes_that_name_different_final_blocks_make_no_evidence() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    firm.mined(&mut worker).await;
    firm.anvil.mine(2).await;
    let mined = worker.record().window[0].place.as_ref().unwrap().block.number;
    let other_hash = move |method: &str, params: &Value, honest: &Value| {
        if method != "eth_getBlockByNumber" || params[0] != format!("{mined:#x}") {
            return Reply::Honest;
        }
        let mut block = honest["result"].clone();
        block["hash"] = json!(B256::repeat_byte(0xee));
        Reply::Result(block)
    };
    let liar = Foreign::start(Some(&firm.anvil.address), other_hash);
    let (one, two) = (firm.anvil.url(1), firm.anvil.url(2));
    let endpoints = [(&one, "a"), (&liar.url, "b"), (&two, "c")];
    let endpoints = endpoints.map(|(url, operator)| endpoint(url, operator));
    let nodes = nodes_of(endpoints.to_vec(), &firm.deployed);
    let mut worker = firm.worker_with(nodes, wallet(2)).await.unwrap();
    firm.tick(&mut worker).await;
    assert_eq!(states(&worker), [State::Mined]);
    assert!(has(&worker, |it| matches!(it, Alarm::Failed { .. })));
    let mut worker = firm.worker().await;
    firm.finish(&mut worker).await;
}

#[tokio::test]
async fn a_chain_whose_blocks_cannot_be_rebuilt_is_refused_before_anything_is_sent() {
    let Some(firm) = Firm::start().await else { return };
    let strange = Foreign::start(Some(&firm.anvil.address), |method, _, honest| {
        if method != "eth_getBlockByNumber" {
            return Reply::Honest;
        }
        let mut block = honest["result"].clone();
        block["receiptsRoot"] = json!(B256::repeat_byte(0xee));
        Reply::Result(block)
    });
    let expected = expected(firm.contract());
    let endpoints = vec![endpoint(&strange.url, "a")];
    let nodes = Nodes::new(endpoints, Quorum::Single, expected, &limits()).unwrap();
    let mut worker = firm.worker_with(nodes, wallet(2)).await.unwrap();
    firm.journal.roll_up("one");
    let error = worker.tick().await.unwrap_err();
    assert!(matches!(error, WorkerError::NotProvable(_)), "{error}");
    assert_eq!(firm.journal.text(), None);
}

#[tokio::test]
async fn data_that_is_older_than_the_last_anchor_is_told_from_data_that_is_not() {
    let Some(firm) = Firm::start().await else { return };
    let nodes = firm.anvil.three(&firm.deployed).await;
    let said = async |firm: &Firm| compare(&firm.journal, &nodes, 0).await.unwrap();
    assert_eq!(said(&firm).await, Comparison::Same);
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    firm.mined(&mut worker).await;
    firm.finish(&mut worker).await;
    assert_eq!(said(&firm).await, Comparison::Same);
    let backup = firm.journal.text().unwrap();
    firm.journal.roll_up("two");
    firm.finish(&mut worker).await;
    assert_eq!(said(&firm).await, Comparison::Same);
    // A record that is older, beside roll-ups that are not: as after a crash of the anchoring alone.
    firm.journal.write_again(&backup);
    assert_eq!(said(&firm).await, Comparison::Same);
    firm.journal.forget_rollups(1);
    let behind = Comparison::Behind { chain_size: 2, known: 1 };
    assert_eq!(said(&firm).await, behind);
    // And nothing is anchored by such data.
    let mut worker = firm.worker().await;
    firm.tick(&mut worker).await;
    assert!(matches!(worker.record().halted, Some(Halt::ForeignCommit { sequence: 1, .. })));
    let endpoints = ["a", "b", "c"].map(|operator| endpoint(&nobody(), operator));
    let away = nodes_of(endpoints.to_vec(), &firm.deployed);
    let unknown = compare(&firm.journal, &away, 0).await.unwrap();
    assert!(matches!(unknown, Comparison::Unknown(_)), "{unknown:?}");
}
