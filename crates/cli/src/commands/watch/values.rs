//! The values of the roll-ups that were verified, kept in a file: what an anchor, or an entry of a contract, is
//! held against.
//!
//! What must hold: a value is there before the state counts it. Values beyond that count are those of a run that
//! was cut off, and are read anew.

use std::{
    fs::OpenOptions,
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use witness_core::hash::Hash;

use super::state::StateFolder;
use crate::files;

const FILE: &str = "rollups.txt";
const FILE_BYTES_MAX: u64 = 1 << 30;
/// A hash in base64, and a newline.
const LINE_BYTES: usize = 45;

/// SHA-256 of the text of each roll-up, from the first on.
#[derive(Debug)]
pub(super) struct Values {
    path: PathBuf,
    all: Vec<Hash>,
    /// How many are in the file.
    saved: usize,
}

impl Values {
    /// Those that the state counts.
    pub(super) fn load(folder: &StateFolder, count: u64) -> Result<Self> {
        let (path, count) = (folder.file(FILE), usize::try_from(count)?);
        let all = if count == 0 {
            Vec::new()
        } else {
            let damaged = || format!("{} is damaged or gone; give another --state", path.display());
            let bytes = files::read(&path, FILE_BYTES_MAX).with_context(damaged)?;
            let line =
                |line: &[u8]| Hash::from_base64(str::from_utf8(line).ok()?.strip_suffix('\n')?);
            let values: Option<Vec<Hash>> =
                bytes.chunks(LINE_BYTES).take(count).map(line).collect();
            values.filter(|values| values.len() == count).with_context(damaged)?
        };
        Ok(Self { path, all, saved: count })
    }

    /// Number of roll-ups, which is the number of the next one.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.all.len()).unwrap_or(u64::MAX)
    }

    /// The value of the roll-up of this number.
    pub(super) fn get(&self, sequence: u64) -> Option<&Hash> {
        self.all.get(usize::try_from(sequence).ok()?)
    }

    /// The value of the newest one.
    pub(super) fn newest(&self) -> Option<&Hash> {
        self.all.last()
    }

    /// The number of the roll-up with this value.
    pub(super) fn sequence_of(&self, value: &Hash) -> Option<u64> {
        let position = self.all.iter().rposition(|own| own == value)?;
        u64::try_from(position).ok()
    }

    /// Adds that of the next one.
    pub(super) fn push(&mut self, value: Hash) {
        self.all.push(value);
    }

    /// Brings them to the disk.
    pub(super) fn save(&mut self) -> Result<()> {
        let new = self.all.get(self.saved..).unwrap_or_default();
        if new.is_empty() {
            return Ok(());
        }
        let lines: String = new.iter().map(|value| value.to_base64() + "\n").collect();
        let end = u64::try_from(self.saved * LINE_BYTES)?;
        let append = || -> std::io::Result<()> {
            let mut options = OpenOptions::new();
            let options = options.write(true).create(true).truncate(false).mode(0o600);
            let mut file = options.open(&self.path)?;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            file.write_all(lines.as_bytes())?;
            file.sync_all()
        };
        append().with_context(|| format!("cannot write {}", self.path.display()))?;
        if self.saved == 0 {
            files::sync_folder_of(&self.path)?;
        }
        self.saved = self.all.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_state_counts_is_read_back_and_the_rest_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let value = |n: u8| Hash::new([n; 32]);
        let mut values = Values::load(&state, 0).unwrap();
        for n in 0..3 {
            values.push(value(n));
            values.save().unwrap();
        }
        // The state was not saved after the last one.
        let mut values = Values::load(&state, 2).unwrap();
        assert_eq!((values.count(), values.newest()), (2, Some(&value(1))));
        values.push(value(7));
        values.save().unwrap();
        let values = Values::load(&state, 3).unwrap();
        assert_eq!(values.get(2), Some(&value(7)));
        assert_eq!((values.sequence_of(&value(7)), values.sequence_of(&value(2))), (Some(2), None));
        let error = Values::load(&state, 4).unwrap_err().to_string();
        assert!(error.contains("--state"), "{error}");
    }
}
