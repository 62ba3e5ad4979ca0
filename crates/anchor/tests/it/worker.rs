//! The worker on a real chain: from a roll-up to evidence, whatever the chain does in between.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use witness_anchor::worker::{Alarm, Phase, State, Worker};

use crate::{
    chain::{Anvil, wallet},
    worker_firm::{Firm, Half, Memory, attempts, has, raw, states, status},
};

#[tokio::test]
async fn a_roll_up_is_sent_mined_final_and_proved() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    assert_eq!(status(&worker).phase, Phase::Starting);
    firm.tick(&mut worker).await;
    assert_eq!(states(&worker), [], "there is no roll-up yet");
    assert_eq!(status(&worker).alarms, [], "though the contract is not final yet");
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    assert_eq!(states(&worker), [State::Sent]);
    firm.mined(&mut worker).await;
    assert_eq!(states(&worker), [State::Mined]);
    // The proof is in the record, and verifies when that is read again.
    let text = firm.journal.text().unwrap();
    assert!(text.contains("receipt_proof"), "{text}");
    let mut worker = firm.worker().await;
    firm.made_final(&mut worker).await;
    assert_eq!(states(&worker), []);
    let evidenced = firm.journal.evidenced();
    assert_eq!((evidenced[0].rollup, evidenced[0].sequence), (0, 0));
    firm.check(&worker).await;
    let status = status(&worker);
    assert_eq!((status.phase, status.alarms.as_slice()), (Phase::Working, &[][..]));
    assert_eq!(status.newest_evidenced.unwrap().block.number, evidenced[0].block.number);
    assert_eq!(status.newest_evidenced, status.newest_mined);
    assert!(status.spent_day > 0 && status.spent_day == status.spent_month);
    assert!(status.balance.unwrap() > 0 && status.runway_days.unwrap() > 14);
    // Nothing new, so nothing more.
    firm.mined(&mut worker).await;
    assert_eq!(states(&worker), []);
}

#[tokio::test]
async fn several_anchors_wait_for_finality_in_order() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    for word in ["one", "two", "three"] {
        firm.journal.roll_up(word);
        firm.tick(&mut worker).await;
        firm.mined(&mut worker).await;
    }
    assert_eq!(states(&worker), [State::Mined, State::Mined]);
    assert_eq!(firm.journal.evidenced().len(), 1);
    firm.finish(&mut worker).await;
    assert_eq!(firm.journal.evidenced().len(), 3);
}

#[tokio::test]
async fn what_the_pool_forgets_is_sent_again_byte_for_byte() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    let sent = attempts(&worker, 0);
    firm.forget(&sent[0]).await;
    assert!(!firm.knows(&sent[0]).await);
    firm.tick(&mut worker).await;
    assert!(firm.knows(&sent[0]).await);
    assert_eq!(attempts(&worker, 0), sent);
    firm.finish(&mut worker).await;
}

#[tokio::test]
async fn a_rollback_between_two_looks_is_never_final_and_proved_anew() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    for word in ["one", "two"] {
        firm.journal.roll_up(word);
        firm.tick(&mut worker).await;
        firm.mined(&mut worker).await;
    }
    assert_eq!(states(&worker), [State::Mined, State::Mined]);
    let before = worker.record().window.clone();
    // Both go, the chain passes their heights, and calls final what stands there now.
    firm.roll_back(2).await;
    firm.anvil.tell("anvil_dropAllTransactions", json!([])).await;
    firm.anvil.mine(6).await;
    firm.tick(&mut worker).await;
    assert_eq!(states(&worker), [State::Sent, State::Sent]);
    assert!(firm.journal.evidenced().is_empty());
    firm.mined(&mut worker).await;
    assert_eq!(states(&worker), [State::Mined, State::Mined]);
    firm.finish(&mut worker).await;
    let evidenced = firm.journal.evidenced();
    for (before, after) in before.iter().zip(&evidenced) {
        assert_ne!(before.place.as_ref().unwrap().block.hash, after.block.hash);
    }
    assert_eq!(evidenced.len(), 2);
}

#[tokio::test]
async fn a_rollback_that_nothing_follows_is_sent_into_again() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    firm.mined(&mut worker).await;
    firm.roll_back(1).await;
    firm.anvil.tell("anvil_dropAllTransactions", json!([])).await;
    firm.tick(&mut worker).await;
    assert!(firm.knows(&attempts(&worker, 0)[0]).await);
    firm.finish(&mut worker).await;
}

/// A base fee that no attempt so far pays.
async fn make_dear(firm: &Firm, worker: &Worker<Memory>) {
    let dear = attempts(worker, 0).last().unwrap().bid.max_fee + 1;
    firm.anvil.tell("anvil_setNextBlockBaseFeePerGas", json!([format!("{dear:#x}")])).await;
    firm.anvil.mine(1).await;
}

#[tokio::test]
async fn fees_follow_the_market_and_whichever_attempt_is_mined_is_found() {
    for is_older in [false, true] {
        let Some(firm) = Firm::start().await else { return };
        let mut worker = firm.worker().await;
        firm.journal.roll_up("one");
        firm.tick(&mut worker).await;
        make_dear(&firm, &worker).await;
        firm.tick(&mut worker).await;
        let tried = attempts(&worker, 0);
        assert_eq!(tried.len(), 2);
        assert!(tried[1].bid.max_fee * 10 > tried[0].bid.max_fee * 11);
        assert!(firm.knows(&tried[1]).await);
        if is_older {
            // The pool forgets the newer one, and a miner has kept the older one.
            firm.anvil.tell("anvil_setNextBlockBaseFeePerGas", json!(["0x1"])).await;
            firm.forget(&tried[1]).await;
            let nodes = firm.anvil.three(&firm.deployed).await;
            nodes.broadcast(&raw(&tried[0])).await.unwrap().outcome().unwrap();
        }
        firm.mined(&mut worker).await;
        let place = worker.record().window[0].place.clone().unwrap();
        assert_eq!(place.transaction, tried[usize::from(!is_older)].hash);
        firm.finish(&mut worker).await;
    }
}

#[tokio::test]
async fn a_limit_holds_an_anchor_back_until_it_is_raised() {
    let Some(mut firm) = Firm::start().await else { return };
    firm.limits.anchor_wei_max = 1;
    let mut worker = firm.worker().await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    assert!(has(&worker, |it| matches!(it, Alarm::OverBudget { .. })));
    assert_eq!(states(&worker), []);
    firm.limits.anchor_wei_max = u128::MAX;
    let mut worker = firm.worker().await;
    firm.finish(&mut worker).await;
    assert_eq!(firm.journal.evidenced().len(), 1);
}

#[tokio::test]
async fn an_empty_account_sends_nothing_and_goes_on_when_it_has_money() {
    let Some(firm) = Firm::start().await else { return };
    let mut worker = firm.worker().await;
    let account = wallet(2).address();
    firm.anvil.tell("anvil_setBalance", json!([account, "0x0"])).await;
    firm.anvil.mine(1).await;
    firm.journal.roll_up("one");
    firm.tick(&mut worker).await;
    assert!(has(&worker, |it| matches!(it, Alarm::BalanceEmpty { balance: 0, .. })));
    assert_eq!(states(&worker), []);
    firm.anvil.tell("anvil_setBalance", json!([account, "0xde0b6b3a7640000"])).await;
    firm.anvil.mine(1).await;
    firm.finish(&mut worker).await;
    assert_eq!(firm.journal.evidenced().len(), 1);
}

#[tokio::test]
async fn a_write_that_fails_in_either_half_ends_the_worker_and_costs_no_nonce() {
    let Some(firm) = Firm::start().await else { return };
    let mut anchors = 0;
    for half in [Half::Refused, Half::DoneThoughReportedRefused] {
        for writes in 0..6 {
            firm.journal.roll_up(&format!("{half:?} {writes}"));
            firm.journal.refuse(Some((writes, half)));
            let mut worker = firm.worker().await;
            for _ in 0..5 {
                firm.wait(1);
                if worker.tick().await.is_err() {
                    break;
                }
                firm.anvil.mine(3).await;
            }
            firm.journal.refuse(None);
            let mut worker = firm.worker().await;
            firm.finish(&mut worker).await;
            anchors += 1;
            assert_eq!(worker.record().mirror.size(), anchors, "{half:?} {writes}");
            assert_eq!(worker.record().nonces.next, anchors, "{half:?} {writes}");
            assert_eq!(worker.record().halted, None);
        }
    }
}

#[tokio::test]
async fn it_works_by_itself_until_it_is_stopped() {
    let Some(firm) = Firm::start().await else { return };
    firm.anvil.tell("evm_setAutomine", json!([true])).await;
    firm.journal.roll_up("one");
    let worker = firm.worker().await;
    let mut status = worker.status();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let work = tokio::spawn(worker.run(Duration::from_millis(5), async move {
        stopped.await.ok();
    }));
    while status.borrow_and_update().newest_mined.is_none() {
        status.changed().await.unwrap();
    }
    firm.anvil.mine(2).await;
    while status.borrow_and_update().newest_evidenced.is_none() {
        status.changed().await.unwrap();
    }
    stop.send(()).unwrap();
    work.await.unwrap().unwrap();
    assert_eq!(firm.journal.evidenced().len(), 1);
    assert_eq!(Arc::strong_count(&firm.journal), 1);
}

#[tokio::test]
async fn a_chain_that_is_down_stops_nothing_for_good() {
    let Some(firm) = Firm::start().await else { return };
    let endpoints = ["a", "b", "c"].map(|it| crate::chain::endpoint(&crate::foreign::nobody(), it));
    let nodes = crate::chain::nodes_of(endpoints.to_vec(), &firm.deployed);
    firm.journal.roll_up("one");
    let mut worker = firm.worker_with(nodes, wallet(2)).await.unwrap();
    firm.tick(&mut worker).await;
    assert!(has(&worker, |it| matches!(it, Alarm::NoSight)));
    assert_eq!(firm.journal.text(), None);
    let mut worker = firm.worker().await;
    firm.finish(&mut worker).await;
}

#[tokio::test]
async fn nodes_of_another_chain_are_refused_by_name() {
    let (Some(firm), Some(other)) = (Firm::start().await, Anvil::start(1)) else { return };
    let endpoints = [(1, "a"), (2, "a"), (3, "b")];
    let endpoints = endpoints.map(|(which, it)| crate::chain::endpoint(&other.url(which), it));
    let nodes = crate::chain::nodes_of(endpoints.to_vec(), &firm.deployed);
    let mut worker = firm.worker_with(nodes, wallet(2)).await.unwrap();
    let error = worker.tick().await.unwrap_err().to_string();
    assert!(error.contains("another chain"), "{error}");
}
