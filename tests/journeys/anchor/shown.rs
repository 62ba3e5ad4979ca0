//! What the service shows of roll-ups and anchors to anybody, over plain HTTP.

use std::collections::BTreeMap;

use witness_anchor::alloy::B256;
use witness_core::{checkpoint::Checkpoint, note::Note, rollup::RollUp};
use witness_tests::Server;

/// An anchor that the service shows as final: a line of `/anchors/<contract>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Final {
    pub(super) sequence: u64,
    pub(super) time: u64,
    pub(super) rollup: u64,
    pub(super) block: u64,
    pub(super) block_hash: B256,
}

/// All anchors that the service shows as final, over all pages.
pub(super) fn finals(server: &Server) -> Vec<Final> {
    let mut finals: Vec<Final> = Vec::new();
    let statuses = server.found("/anchors");
    let Some((contract, _)) = statuses.text().split_once(' ') else { return finals };
    loop {
        let from = finals.last().map_or(0, |last| last.sequence + 1);
        let page = server.found(&format!("/anchors/{contract}?from={from}"));
        if page.body.is_empty() {
            return finals;
        }
        finals.extend(page.text().lines().map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [sequence, time, rollup, block, hash] = words.try_into().unwrap();
            let [sequence, time, rollup, block] =
                [sequence, time, rollup, block].map(|word: &str| word.parse().unwrap());
            Final { sequence, time, rollup, block, block_hash: hash.parse().unwrap() }
        }));
    }
}

/// The size of each log, if all of it is published; nothing while it is not.
pub(super) fn published(server: &Server) -> Option<BTreeMap<String, u64>> {
    let metrics = server.found("/metrics");
    let sizes = |metric: &str| -> BTreeMap<String, u64> {
        let lines = metrics.text().lines();
        let labelled = lines.filter_map(|line| line.strip_prefix(metric)?.strip_prefix("{log=\""));
        let sizes = labelled.map(|line| {
            let (log, size) = line.split_once("\"} ").unwrap();
            (format!("witness.example/{log}"), size.parse().unwrap())
        });
        sizes.collect()
    };
    let durable = sizes("witness_log_size");
    (sizes("witness_log_published_size") == durable).then_some(durable)
}

/// The checkpoints of a roll-up, as they are served: three lines each.
pub(super) fn bodies(server: &Server, rollup: u64) -> Vec<String> {
    let answer = server.found(&format!("/rollup/{rollup}/checkpoints"));
    let lines: Vec<&str> = answer.text().split_inclusive('\n').collect();
    lines.chunks(3).map(<[&str]>::concat).collect()
}

/// The size of each log in a roll-up.
pub(super) fn covered(server: &Server, rollup: u64) -> BTreeMap<String, u64> {
    let sizes = bodies(server, rollup).into_iter().map(|body| {
        let checkpoint = Checkpoint::parse(&body).unwrap();
        (checkpoint.origin, checkpoint.size.0)
    });
    sizes.collect()
}

/// The newest roll-up; none if there is none yet.
pub(super) fn newest_rollup(server: &Server) -> Option<RollUp> {
    let answer = server.get("/rollup");
    (answer.status == 200).then(|| {
        let note = Note::parse(&answer.body).unwrap();
        RollUp::parse(note.text()).unwrap()
    })
}

/// All roll-ups, by their numbers.
pub(super) fn rollups(server: &Server) -> Vec<RollUp> {
    let size = newest_rollup(server).map_or(0, |newest| newest.sequence + 1);
    let rollup = |sequence: u64| {
        let note = server.found(&format!("/rollup/{sequence}")).body;
        let rollup = RollUp::parse(Note::parse(&note).unwrap().text()).unwrap();
        assert_eq!(rollup.sequence, sequence);
        rollup
    };
    (0..size).map(rollup).collect()
}
