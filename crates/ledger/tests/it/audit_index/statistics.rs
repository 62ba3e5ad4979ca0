//! How much statistics look at.

use witness_core::{name::Domain, time::Timestamp};
use witness_ledger::{Filter, Streams};

use super::{
    scopes,
    world::{STREAMS, World},
};

#[test]
fn more_days_of_streams_than_one_answer_takes_are_refused_before_any_is_counted() {
    const DAY_US: u64 = 24 * 3_600_000_000;
    let mut world = World::new(13);
    world.fill(30);
    let begun = world.plain[0].received_at;
    world.bench.advance(2_000 * DAY_US);
    world.fill(1);
    world.settle();
    let (scope, filter) = (&scopes()[0], Filter::default());
    let registry = world.log.overview().registry.clone();
    let streams = Streams::of(&registry, scope, &filter);
    let before = world.log.reads();
    // Five streams, on each of 2,001 days.
    assert_eq!(world.log.statistics(&streams, (None, None)).unwrap(), None);
    let refused = world.log.reads() - before;
    assert!(refused <= 6, "{refused} reads");
    // A day fewer, at either end, is what one answer takes; what lies beyond both ends is no day.
    let second_day = Timestamp::from_micros(begun.micros() + DAY_US);
    let at_end = Timestamp::from_micros(begun.micros() + 1_999 * DAY_US);
    let fits = [
        (Some(second_day), None),
        (None, Some(at_end)),
        (Some(second_day), Some(Timestamp::from_micros(u64::MAX))),
        (Some(at_end), Some(begun)),
    ];
    for span in fits {
        let counted = world.log.statistics(&streams, span).unwrap().unwrap();
        assert_eq!(counted.len(), STREAMS.len(), "{span:?}");
    }
    let one = Filter { issuer: Domain::parse("a.example"), ..Filter::default() };
    let streams = Streams::of(&registry, scope, &one);
    assert_eq!(world.log.statistics(&streams, (None, None)).unwrap().unwrap().len(), 2);
}
