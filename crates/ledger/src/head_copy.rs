//! A copy of each log's newest published checkpoint, kept apart from the store: a store that is behind it
//! is a restored backup, and must not go on writing (it would fork the log).

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use witness_core::{checkpoint::Checkpoint, note::Note};

use crate::log::Published;

/// Where the copy of one log lies.
#[derive(Debug, Clone)]
pub(crate) struct HeadCopy {
    path: PathBuf,
}

impl HeadCopy {
    pub(crate) fn new(folder: &Path, log: &str) -> Self {
        Self { path: folder.join(format!("{log}.checkpoint")) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The checkpoint that was copied last; `None` if there never was one.
    pub(crate) fn read(&self) -> io::Result<Option<Checkpoint>> {
        let bytes = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let note = Note::parse(&bytes).map_err(io::Error::other)?;
        Checkpoint::parse(note.text()).map(Some).map_err(io::Error::other)
    }

    /// Brings the copy up to what the store has published.
    pub(crate) fn catch_up(&self, published: &Published) -> io::Result<()> {
        if self.read()?.is_some_and(|copy| copy.size >= published.size) {
            return Ok(());
        }
        self.write(&Note::parse(published.note.as_bytes()).map_err(io::Error::other)?)
    }

    /// Replaces the copy: written and synced beside it, then renamed over it, then the folder synced.
    pub(crate) fn write(&self, note: &Note) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let fresh = self.path.with_extension("checkpoint.new");
        let mut file = File::create(&fresh)?;
        file.write_all(note.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        File::open(folder)?.sync_all()
    }
}
