//! What is kept of each event until all are read, outside of memory: 256 files of records, parted by the hash of
//! their documents, so that all records of a document are in one of them. A file that nothing belongs into is not made.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use witness_core::audit::findings::{RECORD_BYTES, Record};

/// Number of files.
pub(super) const PARTS: u64 = 256;
const PARTS_OPEN: usize = 256;
/// What a thread gathers for a file before it writes.
const GATHERED_BYTES_MAX: usize = 8 * 1024;

/// The files, which are gone when this is dropped.
#[derive(Debug)]
pub(super) struct Spill {
    folder: TempDir,
    files: Vec<Mutex<Option<File>>>,
}

impl Spill {
    /// Begins in a folder of its own, which nobody else can enter, under this one or the system's.
    pub(super) fn new(under: Option<&Path>) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("witness-audit-");
        let made = under.map_or_else(|| builder.tempdir(), |folder| builder.tempdir_in(folder));
        let folder =
            made.context("cannot make a temporary folder; give another one with --temp")?;
        let files = (0..PARTS).map(|_| Mutex::default()).collect();
        Ok(Self { folder, files })
    }

    /// A pen of a thread's own.
    pub(super) fn pen(&self) -> Pen<'_> {
        Pen { spill: self, gathered: vec![Vec::new(); PARTS_OPEN] }
    }

    /// All records of a part.
    pub(super) fn read(&self, part: u64) -> Result<Vec<Record>> {
        let bytes = match fs::read(self.path(part)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.context("cannot read a temporary file")?,
        };
        let (chunks, rest) = bytes.as_chunks::<RECORD_BYTES>();
        let records = chunks.iter().map(Record::from_bytes).collect::<Option<Vec<_>>>();
        records.filter(|_| rest.is_empty()).context("a temporary file has been changed")
    }

    fn path(&self, part: u64) -> PathBuf {
        self.folder.path().join(format!("{part:03}"))
    }
}

/// Writes records.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    spill: &'a Spill,
    gathered: Vec<Vec<u8>>,
}

impl Pen<'_> {
    pub(super) fn write(&mut self, record: Record) -> Result<()> {
        let [part, ..] = record.key;
        let part = usize::from(part);
        let Some(gathered) = self.gathered.get_mut(part) else { return Ok(()) };
        gathered.extend_from_slice(&record.to_bytes());
        if gathered.len() + RECORD_BYTES > GATHERED_BYTES_MAX { self.flush(part) } else { Ok(()) }
    }

    fn flush(&mut self, part: usize) -> Result<()> {
        let gathered = self.gathered.get_mut(part).filter(|gathered| !gathered.is_empty());
        let Some((gathered, file)) = gathered.zip(self.spill.files.get(part)) else {
            return Ok(());
        };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match file.take() {
            Some(opened) => opened,
            None => File::create_new(self.spill.path(u64::try_from(part)?))
                .context("cannot make a temporary file; give another --temp")?,
        };
        let full = "cannot write a temporary file; give a --temp with more room";
        file.insert(opened).write_all(gathered).context(full)?;
        gathered.clear();
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn end(mut self) -> Result<()> {
        (0..PARTS_OPEN).try_for_each(|part| self.flush(part))
    }
}
