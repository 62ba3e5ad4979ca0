//! Letting go of what was overwritten: RocksDB keeps old values until it merges the tables that hold them, and in
//! its write-ahead log until the tables are written. Here both are made to happen, and it is looked whether they did.
//!
//! Bounds of tables stand in the manifest for as long as the process runs, and now and then in RocksDB's own log:
//! so no key may hold what can be erased. Keys are numbers and digests (`cells`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rocksdb::{BottommostLevelCompaction, CompactOptions, FlushOptions};
use witness_core::merkle::LeafIndex;

use super::{DEFAULT, Store, StoreError, Writes};
use crate::cells::{self, family};

/// Up to so many submissions are rewritten one by one, which reads little of a large log; more of them all at once.
const SPANS_MAX: usize = 64;
/// The same of keys of the index, of which an event has some ten.
const INDEX_KEYS_MAX: usize = 256;
/// How often it is looked whether old files are gone, and how long between two looks: 20 s in all.
const LOOKS_MAX: u32 = 400;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Merges that came in between can leave an old table the first time.
const ROUNDS_MAX: u32 = 3;
/// Written so that the write-ahead log in use is no longer the one that may hold what was erased.
const SETTLING_KEY: &[u8] = b"settling";

/// Most erasures of which it is remembered.
const REMEMBERED_MAX: usize = 1024;

/// Keys of the index under which each erasure has left old values. It is only remembered: stored, it would say which
/// words the erased event was found by. Where it is not, all of the index is rewritten.
#[derive(Debug, Default)]
pub(super) struct Overwritten(Mutex<BTreeMap<LeafIndex, Arc<BTreeSet<Vec<u8>>>>>);

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
    /// Remembers under which keys of the index an erasure leaves old values: those that it is about to overwrite, and
    /// others; unless there are too many.
    pub(crate) fn remember_overwritten(
        &self,
        erasure: LeafIndex,
        writes: &Writes,
        others: BTreeSet<Vec<u8>>,
    ) {
        let mut keys = others;
        keys.extend(writes.keys_of(family::AUDIT).take(INDEX_KEYS_MAX + 1).map(<[u8]>::to_vec));
        let remembered = self.overwritten.0.lock();
        let mut remembered = remembered.unwrap_or_else(PoisonError::into_inner);
        if keys.len() <= INDEX_KEYS_MAX && remembered.len() < REMEMBERED_MAX {
            remembered.insert(erasure, Arc::new(keys));
        }
    }

    /// Rewrites the files in which these erasures have overwritten bodies of these submissions, conflicts, or the index.
    /// When it returns, no text that they overwrote is in any file. (What was removed of `document` goes with ordinary
    /// merges: its keys are digests, and its values say nothing but places.) All conflicts are rewritten each time; of
    /// the index the tables over the keys that were overwritten, or all, if those are many or not remembered.
    pub(crate) fn let_go_of(
        &self,
        erasures: &BTreeSet<LeafIndex>,
        submissions: &BTreeSet<LeafIndex>,
    ) -> Result<(), StoreError> {
        let span = |index: &LeafIndex| {
            let keys = Some((cells::body_key(*index, 0), cells::body_key(*index, u16::MAX)));
            Span { family: family::BODY, keys }
        };
        let mut spans: Vec<Span> = match submissions.len() {
            0..=SPANS_MAX => submissions.iter().map(span).collect(),
            _ => vec![Span { family: family::BODY, keys: None }],
        };
        spans.push(Span { family: family::CONFLICT, keys: None });
        match self.overwritten_by(erasures) {
            Some(keys) => {
                spans.extend(keys.into_iter().map(|key| {
                    let keys = Some((key.clone(), key));
                    Span { family: family::AUDIT, keys }
                }));
            }
            None => spans.push(Span { family: family::AUDIT, keys: None }),
        }
        self.rewrite(&spans)?;
        let remembered = self.overwritten.0.lock();
        let mut remembered = remembered.unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|erasure, _| !erasures.contains(erasure));
        Ok(())
    }

    /// The keys of the index under which these erasures have left old values, if all are remembered, and are not many.
    fn overwritten_by(&self, erasures: &BTreeSet<LeafIndex>) -> Option<BTreeSet<Vec<u8>>> {
        let mut all = BTreeSet::new();
        for erasure in erasures {
            let remembered = self.overwritten.0.lock();
            let own = remembered.unwrap_or_else(PoisonError::into_inner).get(erasure).cloned()?;
            all.extend(own.iter().cloned());
            if all.len() > INDEX_KEYS_MAX {
                return None;
            }
        }
        Some(all)
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
            for span in spans {
                // Most keys lie in tables that were rewritten for another one.
                if self.old_tables(std::slice::from_ref(span), newest)? == 0 {
                    continue;
                }
                let family = self.family(span.family)?;
                let (from, to) = span.keys.as_ref().map(|(from, to)| (from, to)).unzip();
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

#[cfg(test)]
mod tests {
    use rocksdb::Cache;
    use witness_core::name::Origin;

    use super::*;

    /// Numbers of the tables of the index.
    fn tables(store: &Store) -> BTreeSet<u64> {
        let files = store.db.live_files().unwrap();
        let own = files.iter().filter(|file| file.column_family_name == family::AUDIT);
        own.map(|file| numbered(&file.name).unwrap().0).collect()
    }

    /// Writes these keys of the index, as one table.
    fn put(store: &Store, keys: &[&str], value: &[u8]) -> Writes {
        let mut writes = Writes::default();
        for key in keys {
            writes.put(family::AUDIT, key.as_bytes().to_vec(), value.to_vec());
        }
        store.write(&writes).unwrap();
        store.db.flush_cf(store.family(family::AUDIT).unwrap()).unwrap();
        writes
    }

    fn holds(store: &Store, secret: &[u8]) -> bool {
        let files = fs::read_dir(store.db.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.is_file()).any(|path| {
            let bytes = fs::read(path).unwrap();
            bytes.windows(secret.len()).any(|window| window == secret)
        })
    }

    #[test]
    fn of_the_index_only_tables_over_overwritten_keys_are_rewritten_and_all_if_they_are_not_known()
    {
        const SECRET: &[u8] = b"what is to be erased";
        let folder = tempfile::TempDir::new().unwrap();
        let origin = Origin::parse("witness.example/log1").unwrap();
        let store = Store::open(folder.path(), &origin, &Cache::new_lru_cache(1 << 20)).unwrap();
        let one = BTreeSet::from([LeafIndex(1)]);
        for is_known in [true, false] {
            // Three tables, one of them old and apart from the others.
            put(&store, &["a", "b", "c"], SECRET);
            let before = tables(&store);
            put(&store, &["x", "z"], b"stays");
            let apart: BTreeSet<u64> = tables(&store).difference(&before).copied().collect();
            let writes = put(&store, &["a", "b", "c"], b"erased");
            assert!(holds(&store, SECRET));
            if is_known {
                store.remember_overwritten(LeafIndex(1), &writes, BTreeSet::new());
            }
            store.let_go_of(&one, &BTreeSet::new()).unwrap();
            assert!(!holds(&store, SECRET), "{is_known}");
            assert_eq!(tables(&store).is_superset(&apart), is_known, "{apart:?}");
            assert!(store.overwritten_by(&one).is_none(), "it is settled");
        }
    }
}
