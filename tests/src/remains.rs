//! What is left in a data folder: every byte of every file as it lies there, and what RocksDB's files hold once
//! they are decompressed and put together.
//!
//! Tables are compressed, so that looking through their bytes proves nothing: each is repaired into a store of its
//! own, by RocksDB itself, which then gives all that this one table holds, also what a newer table hides. Records of a
//! write-ahead log are cut by headers, which are taken out.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rocksdb::{DB, IteratorMode, Options};

/// Size of the blocks of a write-ahead log, and of the header of each piece of a record in them.
const LOG_BLOCK: usize = 32 * 1024;
const LOG_HEADER: usize = 7;

/// All that a folder holds.
#[derive(Debug)]
pub struct Remains {
    /// Where it lies, and the bytes.
    parts: Vec<(String, Vec<u8>)>,
}

impl Remains {
    /// Reads a folder with all that is in it. A server may be running on it: a file that goes away meanwhile is not
    /// there.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let mut parts = Vec::new();
        for path in files(folder) {
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // The operator's socket.
                Err(error) if error.raw_os_error() == Some(6) => continue,
                Err(error) => panic!("{}: {error}", path.display()),
            };
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            match path.extension().and_then(|kind| kind.to_str()) {
                Some("sst") => parts.push((format!("{name}, decompressed"), table(&bytes))),
                Some("log") => parts.push((format!("{name}, put together"), records(&bytes))),
                _ => {}
            }
            parts.push((name, bytes));
        }
        Self { parts }
    }

    /// Where these bytes occur.
    #[must_use]
    pub fn holding(&self, bytes: &[u8]) -> Vec<&str> {
        let holds = |part: &[u8]| part.windows(bytes.len()).any(|window| window == bytes);
        let found = self.parts.iter().filter(|(_, part)| holds(part));
        found.map(|(name, _)| name.as_str()).collect()
    }

    /// How many tables there are.
    #[must_use]
    pub fn tables(&self) -> usize {
        self.parts.iter().filter(|(name, _)| name.ends_with(", decompressed")).count()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_dir() {
            found.extend(files(&file.path()));
        } else {
            found.push(file.path());
        }
    }
    found
}

/// Keys and values of one table.
fn table(bytes: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("000007.sst"), bytes).unwrap();
    let options = Options::default();
    DB::repair(&options, folder.path()).unwrap();
    let families = DB::list_cf(&options, folder.path()).unwrap();
    let db = DB::open_cf_for_read_only(&options, folder.path(), &families, false).unwrap();
    let mut content = Vec::new();
    for family in families {
        let pairs = db.iterator_cf(db.cf_handle(&family).unwrap(), IteratorMode::Start);
        for pair in pairs {
            let (key, value) = pair.unwrap();
            content.extend_from_slice(&key);
            content.extend_from_slice(&value);
        }
    }
    content
}

/// The records of a write-ahead log, without the headers that cut them.
fn records(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    for mut block in bytes.chunks(LOG_BLOCK) {
        while let Some((header, rest)) = block.split_at_checked(LOG_HEADER) {
            let &[_, _, _, _, low, high, kind] = header else { break };
            let Some((record, rest)) =
                rest.split_at_checked(usize::from(u16::from_le_bytes([low, high])))
            else {
                break;
            };
            // What was reserved and never written to is zero.
            if kind == 0 {
                break;
            }
            content.extend_from_slice(record);
            block = rest;
        }
    }
    content
}
