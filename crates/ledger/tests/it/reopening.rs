//! Opening again: what was acknowledged is there, and what is damaged or behind is not written to.

use std::{fs, path::Path};

use rocksdb::{DB, Options};
use witness_core::admission::Refusal;
use witness_ledger::{OpenError, StoreError};

use crate::bench_firm::{Bench, Client, submit, wait};

#[test]
fn a_log_goes_on_where_it_stopped_at_every_size() {
    let bench = Bench::new();
    drop(bench.open_registered(&["main"]));
    let mut client = Client::new("main");
    let mut answers = Vec::new();
    for _ in 0..40 {
        let log = bench.open();
        for _ in 0..9 {
            let draft = client.fresh(1);
            answers.push((wait(submit(&log, &draft)).unwrap(), draft));
        }
    }
    let log = bench.open();
    assert_eq!(log.overview().size.0, 5 + u64::try_from(answers.len()).unwrap());
    for (answer, draft) in &answers {
        assert_eq!(&wait(submit(&log, draft)).unwrap(), answer);
    }
}

#[test]
fn the_same_folder_cannot_be_opened_twice() {
    let bench = Bench::new();
    let _first = bench.open();
    assert!(matches!(bench.try_open_at(&bench.store()), Err(OpenError::Store(_))));
}

#[test]
fn a_log_in_another_layout_is_refused_in_plain_words_and_left_as_it_is() {
    let bench = Bench::new();
    drop(bench.open());
    let put = |layout: &str| {
        let families = DB::list_cf(&Options::default(), bench.store()).unwrap();
        let db = DB::open_cf(&Options::default(), bench.store(), families).unwrap();
        db.put(b"layout", layout).unwrap();
    };
    put("witness-log-store/3");
    let refused = bench.try_open_at(&bench.store()).unwrap_err();
    assert!(
        matches!(&refused, OpenError::Store(StoreError::OtherLayout { found }) if found == "witness-log-store/3"),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("open it with the version that made it"), "{refused}");
    put("witness-log-store/4");
    drop(bench.open());
}

#[test]
fn an_older_copy_of_the_data_takes_no_writes() {
    let bench = Bench::new();
    let mut client = Client::new("main");
    let log = bench.open_registered(&["main"]);
    wait(submit(&log, &client.fresh(1))).unwrap();
    drop(log);
    let copy = bench.folder.path().join("copy");
    copy_folder(&bench.store(), &copy);
    bench.advance(2_000_000);
    let log = bench.open();
    let missed = client.fresh(1);
    wait(submit(&log, &missed)).unwrap();
    drop(log);
    let restored = bench.try_open_at(&copy).unwrap();
    assert!(restored.overview().read_only.is_some());
    let refused = wait(submit(&restored, &missed)).unwrap_err();
    assert!(matches!(refused, Refusal::ReadOnly { .. }), "{refused}");
    assert!(restored.root(restored.overview().published.as_ref().unwrap().size).is_ok());
}

#[test]
fn a_clock_below_the_last_entry_gives_no_receipt() {
    let bench = Bench::new();
    let mut client = Client::new("main");
    let log = bench.open_registered(&["main"]);
    wait(submit(&log, &client.fresh(1))).unwrap();
    let late = client.fresh(1);
    let now = bench.clock.0.load(std::sync::atomic::Ordering::SeqCst);
    bench.clock.0.store(now - 1_100_000, std::sync::atomic::Ordering::SeqCst);
    let refused = wait(submit(&log, &late)).unwrap_err();
    assert!(matches!(refused, Refusal::ClockSuspect { .. }), "{refused}");
    bench.clock.0.store(now - 900_000, std::sync::atomic::Ordering::SeqCst);
    let receipt = wait(submit(&log, &late)).unwrap().receipt;
    assert_eq!(receipt.received_at, log.overview().received_at, "time of receipt stands still");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn nothing_is_logged_that_no_key_may_sign_and_what_was_logged_opens_again() {
    let bench = Bench::new();
    let log = bench.open_until(8);
    Bench::register(&log, &["main"]);
    let mut client = Client::new("main");
    let mut refused = None;
    let mut logged = Vec::new();
    for _ in 0..6 {
        let draft = client.fresh(1);
        match wait(submit(&log, &draft)) {
            Ok(submitted) => logged.push((draft, submitted)),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    let why = refused.unwrap().to_string();
    assert!(why.contains("range of the log key has ended before size 8"), "{why}");
    assert_eq!(bench.published(&log).0, 7);
    log.close();
    drop(log);
    // The range that ends with the next size is found at opening.
    let error = bench.try_open_until(8).unwrap_err().to_string();
    assert!(error.contains("the log key is not the one"), "{error}");
    assert_eq!(logged.len(), 2);
}

#[test]
fn a_log_can_be_founded_whose_keys_a_later_firm_note_names() {
    let bench = Bench::new();
    let log = bench.open_second();
    assert_eq!(log.overview().size.0, 2);
    Bench::register(&log, &["main"]);
    wait(submit(&log, &Client::new("main").fresh(1))).unwrap();
    drop(log);
    assert_eq!(bench.open_second().overview().size.0, 7);
}

#[test]
fn the_same_text_sent_twice_at_once_gets_one_receipt_twice() {
    let bench = Bench::new();
    let log = bench.open_registered(&["main"]);
    let mut client = Client::new("main");
    for _ in 0..60 {
        let draft = client.fresh(40);
        let answers = std::thread::scope(|scope| {
            let send = || wait(submit(&log, &draft));
            let others: Vec<_> = (0..3).map(|_| scope.spawn(send)).collect();
            others.into_iter().map(|other| other.join().unwrap()).collect::<Vec<_>>()
        });
        let first = answers.first().unwrap();
        assert!(first.is_ok(), "{first:?}");
        assert!(answers.iter().all(|answer| answer == first), "{answers:?}");
    }
}
