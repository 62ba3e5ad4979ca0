//! Limits on money, raises, and when an anchor is due.

use core::time::Duration;

use witness_core::{hash::Hash, time::Timestamp};

use super::{
    chain::value,
    world::{Crash, FEES, Sight, World, record},
};
use crate::{
    fees::Bid,
    worker::{
        Action, Alarm, Budget, Cost, DAY, Fees, Limits, MONTH, Now, Record, State, runway_days,
        step,
    },
};

/// What the model's bid costs at most.
const MOST: u128 = 130_000 * 100 + 5;

/// Sets a limit.
type Set = fn(&mut Limits, u128);

fn over(world: &World) -> Option<Budget> {
    world.alarms.iter().find_map(|alarm| {
        if let Alarm::OverBudget { budget, .. } = alarm { Some(*budget) } else { None }
    })
}

#[test]
fn each_limit_holds_an_anchor_back_exactly_and_lets_it_go_when_raised() {
    let set: [(Budget, Set); 3] = [
        (Budget::Anchor, |limits, most| limits.anchor_wei_max = most),
        (Budget::Day, |limits, most| limits.day_wei_max = most),
        (Budget::Month, |limits, most| limits.month_wei_max = most),
    ];
    for (budget, set) in set {
        let mut world = World::new();
        set(&mut world.limits, MOST - 1);
        world.tick_well();
        assert_eq!((over(&world), world.states()), (Some(budget), vec![]));
        assert!(world.chain.sent.is_empty());
        set(&mut world.limits, MOST);
        world.tick_well();
        assert_eq!((over(&world), world.states()), (None, vec![State::Sent]));
    }
}

#[test]
fn a_day_counts_what_is_reserved_until_it_is_settled_and_forgets_after_a_day() {
    let mut world = World::new();
    // An anchor settles at 1,000 in the model: one more fits beside it, and none beside a reservation.
    world.limits.day_wei_max = MOST + 1_000;
    world.tick_well();
    assert_eq!(world.written.spent(Timestamp::from_seconds(world.now), DAY, None), MOST);
    world.mine();
    world.tick_well();
    assert_eq!(world.states(), [State::Mined, State::Sent]);
    assert_eq!(world.written.spent(Timestamp::from_seconds(world.now), DAY, None), MOST + 1_000);
    world.mine();
    world.chain.finalize();
    world.tick_well();
    world.tick_well();
    assert_eq!((over(&world), world.states()), (Some(Budget::Day), vec![]));
    let spent =
        |world: &World, span| world.written.spent(Timestamp::from_seconds(world.now), span, None);
    assert_eq!((spent(&world, DAY), spent(&world, MONTH)), (2_000, 2_000));
    // An hour counts until all of it is a day ago.
    world.now += 25 * 3600;
    world.tick_well();
    assert_eq!(over(&world), None);
    assert_eq!(spent(&world, MONTH), MOST + 2_000);
    world.now += 31 * 24 * 3600;
    assert_eq!(spent(&world, MONTH), 0);
}

#[test]
fn a_displaced_anchor_is_reserved_at_its_highest_again() {
    let mut world = World::with_mined(1);
    world.chain.take_back();
    world.chain.mine(vec![]);
    world.tick(Sight::Clear, Crash::Never);
    assert_eq!(world.written.window[0].cost.as_ref().map(Cost::wei), Some(MOST));
}

#[test]
fn an_empty_account_sends_nothing_alarms_and_goes_on_when_it_has_money() {
    let mut world = World::new();
    world.balance = MOST - 1;
    world.tick_well();
    assert!(world.alarms.contains(&Alarm::BalanceEmpty { balance: MOST - 1, need: MOST }));
    assert!(world.chain.sent.is_empty());
    world.balance = MOST;
    world.tick_well();
    assert_eq!(world.states(), [State::Sent]);
    // Not even a raise is signed that cannot be paid.
    world.chain.mine(vec![]);
    world.tick_well();
    assert_eq!(world.written.window[0].sending.as_ref().unwrap().attempts.len(), 1);
    assert!(world.alarms.iter().any(|it| matches!(it, Alarm::BalanceEmpty { .. })));
}

#[test]
fn fees_are_raised_after_time_and_blocks_eight_times_and_then_held() {
    let mut world = World::new();
    world.limits.bump_after_blocks = 3;
    world.tick_well();
    let attempts = |world: &World| world.written.window[0].sending.clone().unwrap().attempts;
    world.now += 600;
    world.tick(Sight::Clear, Crash::Never);
    assert_eq!(attempts(&world).len(), 1, "no blocks passed");
    for _ in 0..3 {
        world.chain.mine(vec![]);
    }
    world.tick(Sight::Clear, Crash::Never);
    assert_eq!(attempts(&world).len(), 2);
    for _ in 0..3 {
        world.chain.mine(vec![]);
    }
    world.now += 59;
    world.tick(Sight::Clear, Crash::Never);
    assert_eq!(attempts(&world).len(), 2, "too soon");
    for _ in 0..20 {
        for _ in 0..3 {
            world.chain.mine(vec![]);
        }
        world.tick_well();
    }
    let attempts = attempts(&world);
    assert_eq!(attempts.len(), 9);
    assert!(world.alarms.contains(&Alarm::BumpsExhausted { sequence: 0, attempts: 9 }));
    let strict = |pair: &[crate::worker::Attempt]| {
        let (one, next) = (pair[0].bid, pair[1].bid);
        next.max_fee * 10 > one.max_fee * 11 && next.tip * 10 > one.tip * 11
    };
    assert!(attempts.windows(2).all(strict), "{attempts:?}");
    assert!(world.chain.sent.iter().all(|it| it.commit == Some((0, value(0))) && it.nonce == 0));
}

#[test]
fn a_raise_follows_the_market_and_stays_below_the_limits() {
    let mut world = World::new();
    world.tick_well();
    world.chain.mine(vec![]);
    world.fees = Some(Fees { bid: Bid { max_fee: 500, tip: 1 }, l1_fee: 0 });
    world.limits.anchor_wei_max = 130_000 * 499;
    world.tick_well();
    assert_eq!(over(&world), Some(Budget::Anchor));
    assert_eq!(world.written.window[0].sending.as_ref().unwrap().attempts.len(), 1);
    world.limits.anchor_wei_max = 130_000 * 500;
    world.tick_well();
    let last = world.written.window[0].sending.clone().unwrap().attempts.pop().unwrap();
    assert_eq!(last.bid, Bid { max_fee: 500, tip: 12 });
    assert_eq!(world.written.window[0].cost.as_ref().map(Cost::wei), Some(130_000 * 500));
}

#[test]
fn absurd_fees_are_beyond_every_limit() {
    let mut world = World::new();
    world.fees = Some(Fees { bid: Bid { max_fee: u128::MAX, tip: 1 }, l1_fee: u128::MAX });
    world.limits.anchor_wei_max = u128::MAX - 1;
    world.tick_well();
    assert_eq!(over(&world), Some(Budget::Anchor));
}

/// What is planned at a time, by a record that has planned before or not.
fn planned(record: &Record, newest: u64, at: u64, jitter: u64) -> Option<Record> {
    let mut seen = World::new().see(Sight::Clear);
    seen.newest = Some((newest, value(newest)));
    let limits = Limits {
        interval: Duration::from_mins(10),
        heartbeat: Duration::from_hours(24),
        ..super::world::limits()
    };
    let now = Now { at: Timestamp::from_seconds(at), jitter: Duration::from_secs(jitter) };
    let step = step(record, &seen, now, &limits);
    step.actions.iter().any(|it| matches!(it, Action::Sign(_))).then_some(step.record)
}

#[test]
fn an_anchor_is_due_after_interval_and_jitter_if_there_is_something_new_and_once_a_day_anyway() {
    let first = planned(&record(), 0, 1_000, 77).unwrap();
    assert_eq!(first.cadence.next_at, Some(Timestamp::from_seconds(1_000 + 600 + 77)));
    let mut idle = first.clone();
    idle.window.clear();
    assert!(planned(&idle, 1, 1_676, 0).is_none(), "not yet");
    assert!(planned(&idle, 1, 1_677, 0).is_some());
    assert!(planned(&idle, 0, 1_677, 0).is_none(), "nothing new");
    assert!(planned(&idle, 0, 1_000 + 86_399, 0).is_none());
    let again = planned(&idle, 0, 1_000 + 86_400, 0).unwrap();
    assert_eq!(again.window[0].value, value(0), "that the firm lives is evidence too");
}

#[test]
fn money_is_reckoned_in_days() {
    let mut world = World::new();
    world.limits.interval = Duration::from_hours(16);
    let days = |world: &World| {
        let seen = world.see(Sight::Clear);
        runway_days(&world.written, &seen, Timestamp::from_seconds(world.now), &world.limits)
    };
    // One anchor a day with jitter, each at its highest.
    world.balance = MOST * 13;
    assert_eq!(days(&world), Some(13));
    world.tick_well();
    assert!(world.alarms.contains(&Alarm::BalanceLow { days: 13 }));
    // Once it is known, what an anchor does cost.
    world.mine();
    world.tick_well();
    assert_eq!(days(&world), u64::try_from(MOST * 13 / 1_000).ok());
    world.fees = None;
    world.written = record();
    assert_eq!(days(&world), None);
}

#[test]
fn a_record_comes_out_of_its_text_as_it_went_in_and_a_contradiction_is_refused() {
    let mut world = World::with_mined(2);
    world.chain.finalize();
    world.tick_well();
    world.chain.mine(vec![]);
    world.tick_well();
    world.written.halted = Some(crate::worker::Halt::RootDiffers {
        size: 1,
        theirs: Hash::ZERO,
        ours: Hash::EMPTY_ROOT,
    });
    let text = world.written.encode().unwrap();
    assert_eq!(Record::parse(&text).unwrap(), world.written);
    assert_eq!(Record::parse(&text).unwrap().encode().unwrap(), text);
    assert!(text.contains(r#""format":"witness-anchor-record/v1""#), "{text}");
    assert_eq!(world.written.window[0].sending.as_ref().unwrap().attempts.len(), 2);
    let wrong = [
        ("record/v1", "record/v2"),
        (r#""window""#, r#""windows""#),
        (r#""sequence":2"#, r#""sequence":3"#),
        (r#""nonce":2"#, r#""nonce":3"#),
        (r#""max_fee":"113""#, r#""max_fee":"99""#),
        (r#""max_fee":"113""#, r#""max_fee":"0113""#),
        (r#""halted":{"#, r#""halted":{"more":1,"#),
        ("0x0a0a", "0x0A0a"),
    ];
    for (from, to) in wrong {
        let altered = text.replacen(from, to, 1);
        assert_ne!(altered, text, "{from}");
        assert!(Record::parse(&altered).is_err(), "{from} -> {to}");
    }
    assert!(Record::parse(&" ".repeat(9 << 20)).is_err());
    // A proof that nobody checked does not come back.
    let unproved = World::with_mined(1).written.encode().unwrap();
    assert!(matches!(Record::parse(&unproved), Err(crate::worker::RecordFault::Proof(_))));
    assert_eq!(FEES.l1_fee, 5);
}
