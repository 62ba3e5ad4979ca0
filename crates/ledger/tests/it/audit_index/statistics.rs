//! How much statistics tell and read.

use witness_core::time::Timestamp;
use witness_ledger::{Days, Filter, Streams};

use super::{
    postings, scopes,
    world::{STREAMS, World},
};

/// Days on which something happened in each stream, long before all else.
const DAYS: u32 = 20_001;

#[test]
fn days_are_told_and_summed_up_to_a_bound_over_all_streams() {
    let mut world = World::new(13);
    world.fill(30);
    world.settle();
    let (bench, registry) = (world.bench, world.log.overview().registry.clone());
    drop(world.log);
    let streams = Streams::of(&registry, &scopes()[0], &Filter::default());
    postings::put_days(&bench.store(), u32::try_from(STREAMS.len()).unwrap(), DAYS);
    let log = bench.open();
    let until = |day: u64| Some(Timestamp::from_micros(day * 24 * 3_600_000_000));
    let counted = |day, days| log.statistics(&streams, ((None, until(day)), days)).unwrap();
    // Five streams: 10,000 days of all, and 10,005; 100,000, and 100,005.
    let told = counted(1_999, Days::Told).unwrap();
    assert!(told.len() == STREAMS.len() && told.iter().all(|stream| stream.days.len() == 2_000));
    assert_eq!(counted(2_000, Days::Told), None);
    let summed = counted(19_999, Days::Summed).unwrap();
    assert!(summed.len() == STREAMS.len() && summed.iter().all(|stream| stream.days.is_empty()));
    assert!(summed.iter().all(|stream| stream.total.events == 20_000));
    assert_eq!(counted(20_000, Days::Summed), None);
}
