//! Letting go of what was overwritten: RocksDB keeps old values until it merges the tables that hold them, and in
//! its write-ahead log until the tables are written. Here both are made to happen, and it is looked whether they did.
//!
//! Bounds of tables stand in the manifest for as long as the process runs, and now and then in RocksDB's own log:
//! so no key may hold what can be erased. Keys are numbers and digests (`cells`).

use std::{collections::BTreeSet, fs, thread, time::Duration};

use rocksdb::{BottommostLevelCompaction, CompactOptions, FlushOptions};
use witness_core::merkle::LeafIndex;

use super::{DEFAULT, Store, StoreError};
use crate::cells::{self, family};

/// Up to so many submissions are rewritten one by one, which reads little of a large log; more of them all at once.
const SPANS_MAX: usize = 64;
/// How often it is looked whether old files are gone, and how long between two looks: 20 s in all.
const LOOKS_MAX: u32 = 400;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Merges that came in between can leave an old table the first time.
const ROUNDS_MAX: u32 = 3;
/// Written so that the write-ahead log in use is no longer the one that may hold what was erased.
const SETTLING_KEY: &[u8] = b"settling";

/// Keys whose old values are to go: of one family, from the first to the last, or all of them.
struct Span {
    family: &'static str,
    keys: Option<(Vec<u8>, Vec<u8>)>,
}

impl Span {
    fn touches(&self, (first, last): (Option<&[u8]>, Option<&[u8]>)) -> bool {
        let Some((from, to)) = &self.keys else { return true };
        first.is_none_or(|first| first <= to.as_slice())
            && last.is_none_or(|last| last >= from.as_slice())
    }
}

impl Store {
    /// Rewrites the files in which bodies of these submissions, conflicts or the index were overwritten. When it returns,
    /// no text that was overwritten before the call is in any file. (What was removed of `document` goes with ordinary
    /// merges: its keys are digests, and its values say nothing but places.) Takes long on a large log: all conflicts and
    /// all of the index are rewritten each time, because one event has a word in many blocks of it.
    pub(crate) fn let_go_of_bodies(&self, indexes: &BTreeSet<LeafIndex>) -> Result<(), StoreError> {
        let span = |index: &LeafIndex| {
            let keys = Some((cells::body_key(*index, 0), cells::body_key(*index, u16::MAX)));
            Span { family: family::BODY, keys }
        };
        let mut spans: Vec<Span> = match indexes.len() {
            0..=SPANS_MAX => indexes.iter().map(span).collect(),
            _ => vec![Span { family: family::BODY, keys: None }],
        };
        spans.push(Span { family: family::CONFLICT, keys: None });
        spans.push(Span { family: family::AUDIT, keys: None });
        self.rewrite(&spans)
    }

    /// Breaks off what is being rewritten, for good: the store is about to be closed.
    pub(crate) fn stop_rewriting(&self) {
        self.db.cancel_all_background_work(false);
    }

    fn rewrite(&self, spans: &[Span]) -> Result<(), StoreError> {
        let newest = self.files()?.into_iter().map(|(number, _)| number).max().unwrap_or(0);
        self.db.put(SETTLING_KEY, [])?;
        for name in family::ALL.into_iter().chain([DEFAULT]) {
            let mut options = FlushOptions::default();
            options.set_wait(true);
            self.db.flush_cf_opt(self.family(name)?, &options)?;
        }
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        options.set_exclusive_manual_compaction(false);
        for _ in 0..ROUNDS_MAX {
            // What fails here shows in what is left.
            for Span { family, keys } in spans {
                let family = self.family(family)?;
                let (from, to) = keys.as_ref().map(|(from, to)| (from, to)).unzip();
                self.db.compact_range_cf_opt(family, from, to, &options);
            }
            if self.old_tables(spans, newest)? == 0 {
                return self.wait_until_gone(newest);
            }
        }
        let files = self.old_tables(spans, newest)?;
        Err(StoreError::NotSettled { files })
    }

    /// Tables in use, no newer than `newest`, that hold keys of these spans.
    fn old_tables(&self, spans: &[Span], newest: u64) -> Result<usize, StoreError> {
        let files = self.db.live_files()?;
        let old = files.iter().filter(|file| {
            let bounds = (file.start_key.as_deref(), file.end_key.as_deref());
            let is_touched =
                |span: &Span| span.family == file.column_family_name && span.touches(bounds);
            numbered(&file.name).is_none_or(|(number, _)| number <= newest)
                && spans.iter().any(is_touched)
        });
        Ok(old.count())
    }

    /// Waits until old write-ahead logs, and old tables that are not in use any more, are deleted: that is done in
    /// the background, and not before the last reader has let go of them.
    fn wait_until_gone(&self, newest: u64) -> Result<(), StoreError> {
        let mut left = 0;
        for _ in 0..LOOKS_MAX {
            let live = self.db.live_files()?;
            let live: BTreeSet<u64> =
                live.iter().filter_map(|file| Some(numbered(&file.name)?.0)).collect();
            let files = self.files()?;
            left = files
                .iter()
                .filter(|(number, is_table)| {
                    *number <= newest && !(*is_table && live.contains(number))
                })
                .count();
            if left == 0 {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(StoreError::NotSettled { files: left })
    }

    /// Numbers of the write-ahead logs and the tables in the folder, and whether each is a table.
    fn files(&self) -> Result<Vec<(u64, bool)>, StoreError> {
        let folder = fs::read_dir(self.db.path()).map_err(StoreError::Folder)?;
        let mut files = Vec::new();
        for file in folder {
            let name = file.map_err(StoreError::Folder)?.file_name();
            files.extend(numbered(&name.to_string_lossy()));
        }
        Ok(files)
    }
}

/// The number of a write-ahead log or a table, and whether it is a table; nothing else counts.
fn numbered(name: &str) -> Option<(u64, bool)> {
    let (number, kind) = name.trim_start_matches('/').split_once('.')?;
    match kind {
        "sst" => Some((number.parse().ok()?, true)),
        "log" => Some((number.parse().ok()?, false)),
        _ => None,
    }
}
