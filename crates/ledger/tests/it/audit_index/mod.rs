//! The audit index: held against a plain list of all events, whatever is asked.

#![expect(clippy::indexing_slicing, reason = "a test that looks beyond its lists should stop")]

mod following;
mod held;
mod postings;
mod statistics;
mod world;

use std::{fs, path::Path};

use witness_core::{
    anomaly::Anomaly,
    event::{Status, StatusClass},
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Jurisdictions, Name},
    schema::ChangeKind,
    scope::Scope,
    time::Timestamp,
};
use witness_ledger::{Days, FieldValue, Filter, Log, PageSize, Position, Streams};

use self::world::{Dice, Plain, STREAMS, World};
use crate::bench_firm::wait;

const BEGIN: Position = Position::BEGIN;
const EVERYTHING: TreeSize = TreeSize(u64::MAX);

fn scopes() -> Vec<Scope> {
    let jurisdictions = |codes| Scope::Jurisdictions(Jurisdictions::parse(codes).unwrap());
    let issuer = |domain| Scope::Issuer(Domain::parse(domain).unwrap());
    vec![
        jurisdictions("DE,FR,GB,INT"),
        jurisdictions("GB"),
        jurisdictions("DE"),
        jurisdictions("BY,DE-BW,EU"),
        issuer("a.example"),
        issuer("nobody.example"),
    ]
}

/// Ways to narrow a filter, by what they narrow; the first of each leaves it as it is.
type Narrow = Box<dyn Fn(&mut Filter)>;

fn narrowings(plain: &[Plain]) -> Vec<Vec<Narrow>> {
    fn each<T: Clone + 'static>(values: &[T], set: fn(&mut Filter, T)) -> Vec<Narrow> {
        let mut all: Vec<Narrow> = vec![Box::new(|_| {})];
        for value in values {
            let value = value.clone();
            all.push(Box::new(move |filter| set(filter, value.clone())));
        }
        all
    }
    let middle = |n: usize| &plain[plain.len() * n / 5];
    let received: Vec<(Option<Timestamp>, Option<Timestamp>)> = vec![
        (Some(middle(1).received_at), None),
        (None, Some(middle(3).received_at)),
        (Some(middle(2).received_at), Some(middle(3).received_at)),
        (Some(middle(3).received_at), Some(middle(2).received_at)),
    ];
    let occurred: Vec<(Option<i64>, Option<i64>)> = vec![
        (Some(middle(1).event.occurred_at), None),
        (None, Some(middle(2).event.occurred_at)),
        (Some(1_699_400_000_000_000), Some(1_699_500_000_000_000)),
        (Some(0), Some(1)),
    ];
    let field =
        |value: &str| FieldValue { name: Name::parse("serial").unwrap(), value: value.to_owned() };
    let level = FieldValue { name: Name::parse("level").unwrap(), value: "high".to_owned() };
    vec![
        each(&["a.example", "b.example", "c.example"], |filter, domain| {
            filter.issuer = Domain::parse(domain);
        }),
        each(&["main", "world", "idle"], |filter, name| filter.stream = Name::parse(name)),
        each(&["DE", "DE-BY", "INT", "US"], |filter, code| {
            filter.jurisdiction = Jurisdictions::parse(code);
        }),
        each(&["skill", "none"], |filter, name| filter.claim_type = Name::parse(name)),
        each(&["issued", "deleted", "amended", "status"], |filter, word| {
            filter.change = ChangeKind::from_word(word);
        }),
        each(&["REVOKED", "revoked"], |filter, word| filter.status = Status::parse(word)),
        each(&[StatusClass::Punitive, StatusClass::Paused], |filter, class| {
            filter.class = Some(class);
        }),
        each(
            &[Anomaly::NeverIssued, Anomaly::LateReport, Anomaly::FutureOccurrence],
            |filter, it| {
                filter.anomaly = Some(it);
            },
        ),
        each(&received, |filter, span| (filter.received_from, filter.received_until) = span),
        each(&occurred, |filter, span| (filter.occurred_from, filter.occurred_until) = span),
        each(&[field("AB-7"), field("ZZ-7"), level], |filter, it| filter.field = Some(it)),
    ]
}

/// All filters that narrow at most two things, and some that narrow more.
fn filters(plain: &[Plain], dice: &mut Dice) -> Vec<Filter> {
    let ways = narrowings(plain);
    let mut filters = Vec::new();
    for (n, first) in ways.iter().enumerate() {
        for second in &ways[n + 1..] {
            for (one, other) in first.iter().flat_map(|one| second.iter().map(move |it| (one, it)))
            {
                let mut filter = Filter::default();
                one(&mut filter);
                other(&mut filter);
                filters.push(filter);
            }
        }
    }
    for _ in 0..800 {
        let mut filter = Filter::default();
        for narrow in &ways {
            if dice.below(3) == 0 {
                let way =
                    usize::try_from(dice.below(u64::try_from(narrow.len()).unwrap())).unwrap();
                narrow[way](&mut filter);
            }
        }
        filters.push(filter);
    }
    filters
}

/// Pages of so many events, which may cost what they need.
fn of(events: usize) -> PageSize {
    PageSize { events, micros: u64::MAX }
}

/// All pages of a search, one after the other.
fn pages(
    log: &Log,
    asked: (&Scope, &Filter),
    end: TreeSize,
    size: PageSize,
) -> Vec<witness_ledger::AuditEvent> {
    let streams = Streams::of(&log.overview().registry, asked.0, asked.1);
    let (mut events, mut from) = (Vec::new(), Some(BEGIN));
    while let Some(position) = from {
        let page = log.search((&streams, asked.1), (position, end), size).unwrap();
        assert!(page.events.len() <= size.events);
        assert!(page.next.is_none_or(|next| next > position), "it does not get on");
        events.extend(page.events);
        from = page.next;
    }
    events
}

fn check(
    found: &[witness_ledger::AuditEvent],
    plain: &[Plain],
    (scope, filter): (&Scope, &Filter),
) {
    let expected: Vec<&Plain> = plain.iter().filter(|event| event.matches(scope, filter)).collect();
    let places = |found: &[witness_ledger::AuditEvent]| {
        found.iter().map(|event| (event.index.0, event.event)).collect::<Vec<_>>()
    };
    let expected_places: Vec<_> = expected.iter().map(|event| event.place).collect();
    assert_eq!(places(found), expected_places, "{scope:?} {filter:?}");
    assert!(expected.iter().zip(found).all(|(plain, event)| plain.is(event)), "{filter:?}");
}

#[test]
fn every_search_finds_what_a_look_at_each_event_finds() {
    for seed in [1, 20_261_126] {
        let mut world = World::new(seed);
        world.fill(150);
        world.settle();
        let filters = filters(&world.plain, &mut world.dice);
        let mut matched = 0;
        for scope in scopes() {
            for filter in filters.iter().step_by(4) {
                let found = pages(&world.log, (&scope, filter), EVERYTHING, of(1000));
                check(&found, &world.plain, (&scope, filter));
                matched += usize::from(!found.is_empty());
            }
        }
        assert!(matched > 300, "only {matched} searches found anything");
    }
}

#[test]
fn pages_of_every_size_give_the_same_while_the_log_grows() {
    let mut world = World::new(5);
    world.fill(120);
    world.settle();
    let end = world.log.indexed_to();
    let filters = filters(&world.plain, &mut world.dice);
    let before = world.plain.clone();
    world.fill(40);
    world.settle();
    let scope = &scopes()[0];
    for filter in filters.iter().step_by(23).chain([&Filter::default()]) {
        for size in [1, 2, 3, 7, 100].map(of) {
            check(&pages(&world.log, (scope, filter), end, size), &before, (scope, filter));
        }
        // However little one may cost, and so goes on with.
        for micros in [0, 10, 100] {
            let size = PageSize { events: 100, micros };
            check(&pages(&world.log, (scope, filter), end, size), &before, (scope, filter));
        }
    }
}

#[test]
fn a_tail_tells_the_same_as_a_search_from_every_place_on() {
    let mut world = World::new(6);
    world.fill(60);
    world.submit(0, 3600);
    world.fill(10);
    world.settle();
    let filters = filters(&world.plain, &mut world.dice);
    for scope in scopes() {
        for filter in filters.iter().step_by(37).chain([&Filter::default()]) {
            let streams = Streams::of(&world.log.overview().registry, &scope, filter);
            let (mut told, mut from) = (Vec::new(), BEGIN);
            while from.index.0 < world.log.overview().size.0 {
                let next = world.log.follow((&streams, filter), from).unwrap();
                assert!(next.next > from, "it does not get on");
                told.extend(next.events);
                from = next.next;
            }
            check(&told, &world.plain, (&scope, filter));
        }
    }
    let (filter, scope) = (Filter::default(), &scopes()[0]);
    let streams = Streams::of(&world.log.overview().registry, scope, &filter);
    for plain in world.plain.iter().step_by(97) {
        let from = Position { index: LeafIndex(plain.place.0), event: plain.place.1 };
        let told = world.log.follow((&streams, &filter), from).unwrap().events;
        assert!(plain.is(&told[0]));
    }
}

#[test]
fn nothing_in_scope_costs_no_read_and_is_answered_like_nothing_there() {
    let mut world = World::new(7);
    world.fill(20);
    world.settle();
    let registry = world.log.overview().registry.clone();
    let gb = &scopes()[1];
    let filter = |issuer: &str, stream: &str| Filter {
        issuer: Domain::parse(issuer),
        stream: Name::parse(stream),
        ..Filter::default()
    };
    let asked = [
        filter("b.example", "world"), // there, and not GB's
        filter("b.example", "nothing"),
        filter("nobody.example", "world"),
        Filter { jurisdiction: Jurisdictions::parse("INT"), ..Filter::default() },
    ];
    for filter in asked {
        let before = world.log.reads();
        let streams = Streams::of(&registry, gb, &filter);
        let found = world.log.search((&streams, &filter), (BEGIN, EVERYTHING), of(100)).unwrap();
        assert_eq!((found.events.len(), found.next), (0, None));
        let told = world.log.follow((&streams, &filter), BEGIN).unwrap();
        assert_eq!((told.events.len(), told.next.index.0), (0, world.log.overview().size.0));
        assert!(
            world.log.statistics(&streams, ((None, None), Days::Told)).unwrap().unwrap().is_empty()
        );
        assert_eq!(world.log.reads(), before, "{filter:?}");
    }
}

#[test]
fn statistics_count_what_a_look_at_each_event_counts() {
    let mut world = World::new(8);
    world.fill(50);
    world.bench.advance(2 * 24 * 3_600_000_000);
    world.fill(50);
    world.settle();
    let (scope, filter) = (&scopes()[0], Filter::default());
    let streams = Streams::of(&world.log.overview().registry, scope, &filter);
    let all = world.log.statistics(&streams, ((None, None), Days::Told)).unwrap().unwrap();
    assert_eq!(all.len(), STREAMS.len());
    for stream in all {
        let own =
            |plain: &&Plain| (&plain.issuer, &plain.stream) == (&stream.issuer, &stream.stream);
        let events: Vec<&Plain> = world.plain.iter().filter(own).collect();
        assert_eq!(stream.last_heard, events.last().map(|event| event.received_at));
        let mut before = None;
        for (day, counts) in &stream.days {
            let until = Timestamp::from_micros(day.micros() + 24 * 3_600_000_000);
            let on_day: Vec<&&Plain> = events
                .iter()
                .filter(|event| *day <= event.received_at && event.received_at < until)
                .collect();
            let of = |kind| {
                let is = |event: &&&&Plain| event.event.change.kind() == kind;
                u64::try_from(on_day.iter().filter(is).count()).unwrap()
            };
            assert_eq!(counts.issued, of(ChangeKind::Issued));
            assert_eq!(counts.deleted, of(ChangeKind::Deleted));
            assert_eq!(counts.amended, of(ChangeKind::Amended));
            assert_eq!(counts.replaced, counts.amended);
            assert_eq!(counts.statuses.iter().sum::<u64>(), of(ChangeKind::Status));
            assert_eq!(counts.events, u64::try_from(on_day.len()).unwrap());
            let mut submissions: Vec<u64> = on_day.iter().map(|event| event.place.0).collect();
            submissions.dedup();
            assert_eq!(counts.submissions, u64::try_from(submissions.len()).unwrap());
            for (bit, anomaly) in Anomaly::ALL.into_iter().enumerate() {
                let odd = on_day.iter().filter(|event| event.anomalies.to_vec().contains(&anomaly));
                assert_eq!(counts.anomalies[bit], u64::try_from(odd.count()).unwrap());
            }
            let mut back_dated = 0;
            for event in &on_day {
                let occurred_at = event.event.occurred_at;
                back_dated += u64::from(before.is_some_and(|before| occurred_at < before));
                before = Some(occurred_at);
            }
            assert_eq!(counts.back_dated, back_dated);
        }
        let counted: u64 = stream.days.iter().map(|(_, counts)| counts.events).sum();
        assert_eq!(counted, u64::try_from(events.len()).unwrap());
        assert!(stream.days.len() <= 2);
    }
    let second_day = world.plain.last().unwrap().received_at;
    let some =
        world.log.statistics(&streams, ((Some(second_day), None), Days::Told)).unwrap().unwrap();
    assert!(some.iter().all(|stream| {
        stream.days.iter().all(|(day, _)| day.micros() > second_day.micros() - 24 * 3_600_000_000)
    }));
}

/// A store as it lies on disk while it is in use is one that lost its process: what was only in memory is gone.
#[test]
fn an_index_that_lost_its_process_anywhere_goes_on_and_is_the_same() {
    let mut world = World::new(9);
    world.fill(40);
    world.settle();
    let never_written = crash(&world, "never-written");
    // Everything indexed so far is written down, what comes next is not.
    world.log.compact().unwrap();
    world.fill(40);
    world.settle();
    let half_written = crash(&world, "half-written");
    let filters = filters(&world.plain, &mut world.dice);
    let plain = world.plain.clone();
    let scope = &scopes()[0];
    let World { bench, log, .. } = world;
    let size = log.overview().size;
    let expected = log.statistics(&every_stream(&log), ((None, None), Days::Told)).unwrap();
    drop(log);
    for (store, indexed_at_least) in
        [(never_written, 0), (half_written, 20), (bench.store(), size.0)]
    {
        let log = bench.try_open_at(&store).unwrap();
        assert!(log.indexed_to().0 >= indexed_at_least, "{}", store.display());
        let whole = log.overview().size == size;
        assert!(wait(log.indexed(log.overview().size)));
        let plain: Vec<Plain> =
            plain.iter().filter(|it| it.place.0 < log.overview().size.0).cloned().collect();
        for filter in filters.iter().step_by(11) {
            check(&pages(&log, (scope, filter), EVERYTHING, of(1000)), &plain, (scope, filter));
        }
        if whole {
            assert_eq!(
                log.statistics(&every_stream(&log), ((None, None), Days::Told)).unwrap(),
                expected
            );
        }
    }
}

/// Erasures come while the index is at work, right behind it and far behind it.
#[test]
fn what_is_erased_is_found_by_its_entry_alone_and_leaves_nothing_in_the_index() {
    let mut world = World::new(10);
    world.fill(20);
    world.settle();
    for _ in 0..150 {
        world.fill(1);
        let events = u64::try_from(world.plain.len()).unwrap();
        let newest = world.dice.below(2) == 0;
        let back = if newest { 1 + world.dice.below(5) } else { 1 + world.dice.below(events) };
        world.erase(usize::try_from(events - back).unwrap());
    }
    world.settle();
    let filters = filters(&world.plain, &mut world.dice);
    let erased = world.plain.iter().filter(|event| event.erased_at.is_some()).count();
    assert!(erased > 150, "{erased}");
    for scope in scopes() {
        for filter in filters.iter().step_by(31).chain([&Filter::default()]) {
            let asked = (&scope, filter);
            check(&pages(&world.log, asked, EVERYTHING, of(100)), &world.plain, asked);
        }
    }
    let World { bench, log, .. } = world;
    let counted = log.statistics(&every_stream(&log), ((None, None), Days::Told)).unwrap().unwrap();
    let days = counted.iter().flat_map(|stream| &stream.days);
    let counted: u64 = days.map(|(_, counts)| counts.erased).sum();
    assert_eq!(counted, u64::try_from(erased).unwrap());
    drop(log);
    let indexed = postings::all(&bench.store());
    let times = postings::times(&bench.store());
    assert!(indexed.len() > 1000 && times.len() > 10);
    // Made anew, the index has never seen what is erased.
    postings::delete(&bench.store());
    let log = bench.open();
    assert!(wait(log.indexed(log.overview().size)));
    drop(log);
    assert!(postings::all(&bench.store()) == indexed, "the index remembers, or has lost something");
    assert!(
        postings::times(&bench.store()) == times,
        "the index remembers when something occurred"
    );
}

fn every_stream(log: &Log) -> Streams {
    Streams::of(&log.overview().registry, &scopes()[0], &Filter::default())
}

fn crash(world: &World, name: &str) -> std::path::PathBuf {
    let copy = world.bench.folder.path().join(name);
    copy_folder(&world.bench.store(), &copy);
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
