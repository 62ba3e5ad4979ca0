//! Files of a bundle on their way onto the disk.
//!
//! What must hold: a file under its own name is whole, after a power cut too; none lies outside of the folder.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use witness_core::audit::BundlePath;

use crate::{files, outcome::Failure};

/// A file whose end has not come.
pub(super) struct Unfinished {
    path: String,
    part: PathBuf,
    whole: PathBuf,
    file: File,
}

impl Unfinished {
    pub(super) fn create(folder: &Path, path: &str) -> Result<Self> {
        // No path that parses leads out of the folder.
        if BundlePath::parse(path).is_none() {
            let message = "the server named a file that does not belong into a bundle";
            return Err(Failure::refused(message).next("do not trust this server").into());
        }
        let whole = folder.join(path);
        let part = whole.with_extension("part");
        make_folders(whole.parent().unwrap_or(folder))?;
        let file =
            File::create(&part).with_context(|| format!("{} cannot be made", part.display()))?;
        Ok(Self { path: path.to_owned(), part, whole, file })
    }

    /// Its path in the bundle.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> Result<()> {
        let written = self.file.write_all(piece);
        written.with_context(|| format!("{} cannot be written", self.path))
    }

    /// Gives it its name: it is there after a power cut, too.
    pub(super) fn finish(self) -> Result<()> {
        let failed = || format!("{} cannot be written", self.whole.display());
        self.file.sync_all().with_context(failed)?;
        fs::rename(&self.part, &self.whole).with_context(failed)?;
        files::sync_folder_of(&self.whole)
    }
}

fn make_folders(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    folder.parent().map(make_folders).transpose()?;
    fs::create_dir(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    files::sync_folder_of(folder)
}

/// Removes a file, or a folder with all that is in it, if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
