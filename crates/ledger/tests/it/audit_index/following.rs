//! What one look at a log may cost that is followed.

use witness_core::{name::Jurisdictions, scope::Scope};
use witness_ledger::{Filter, Position, Streams};

use crate::bench_firm::{Bench, Client, submit, wait};

#[test]
fn a_look_that_finds_nothing_ends_after_so_many_events_and_the_next_goes_on() {
    const EVENTS: u64 = 3_000;
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    let mut last = 0;
    for _ in 0..6 {
        last = wait(submit(&log, &client.fresh(EVENTS))).unwrap().receipt.index.0;
    }
    bench.published(&log);
    let scope = Scope::Jurisdictions(Jurisdictions::parse("INT").unwrap());
    let filter = Filter { status: witness_core::event::Status::parse("NONE"), ..Filter::default() };
    let streams = Streams::of(&log.overview().registry, &scope, &Filter::default());
    let first = log.follow((&streams, &filter), Position::BEGIN).unwrap();
    assert_eq!(first.events, []);
    // 16,384 of 18,000: within the last submission.
    assert_eq!((first.next.index.0, first.next.event), (last, 16_384 - 15_000));
    let second = log.follow((&streams, &filter), first.next).unwrap();
    assert_eq!((second.events, second.next.index), (Vec::new(), log.overview().size.next()));
    let third = log.follow((&streams, &filter), second.next).unwrap();
    assert_eq!(third.next, second.next, "at the end");
}
