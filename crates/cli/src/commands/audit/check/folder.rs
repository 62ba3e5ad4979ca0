//! The folder of a bundle.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use witness_core::{audit::BundlePath, merkle::TreeSize, tile::TilePath};

use crate::outcome::Failure;

/// A bundle has up to 256 entries of up to 65,535 bytes, each behind a length of two bytes.
const ENTRIES_BYTES_MAX: u64 = 256 * (65_535 + 2);
const TILE_BYTES_MAX: u64 = 256 * 32;

/// The folder of a bundle.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Whether it is a folder at all; a misspelt path is no broken bundle.
    pub(super) fn must_be_there(&self) -> Result<(), Failure> {
        if self.root.is_dir() {
            return Ok(());
        }
        let shown = self.root.display();
        let message = if self.root.exists() {
            format!("{shown} is no folder, and a bundle is one")
        } else {
            format!("there is no folder {shown}")
        };
        Err(Failure::cannot_tell(message)
            .next("check the path; a bundle is made with: witness audit export --out DIR"))
    }

    fn at(&self, path: BundlePath) -> PathBuf {
        self.root.join(path.encode())
    }

    /// Reads a file; nothing if it is not there. One that is too long is cut where it is too long.
    pub(super) fn read(&self, path: BundlePath, limit: usize) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let limit = u64::try_from(limit)?.saturating_add(1);
        let read = file.take(limit).read_to_end(&mut bytes);
        read.with_context(|| format!("cannot read {path} of the bundle"))?;
        Ok(Some(bytes))
    }

    /// Opens a file; nothing if it is not there. What is no plain file is not opened: a pipe would never end.
    pub(super) fn open(&self, path: BundlePath) -> Result<Option<File>> {
        let at = self.at(path);
        let opened = match fs::metadata(&at) {
            Ok(found) if !found.is_file() => return Ok(None),
            Ok(_) => File::open(&at),
            Err(error) => Err(error),
        };
        match opened {
            Err(error) if is_absent(&error) => Ok(None),
            other => other.map(Some).with_context(|| format!("cannot open {path} of the bundle")),
        }
    }

    /// The entries of an entry bundle, as far as the tree has them: the file's bytes.
    pub(super) fn entries(&self, number: u64, width: u16) -> Result<Option<Vec<u8>>> {
        let path = BundlePath::Tile(TilePath::Entries { index: number, width });
        self.read(path, usize::try_from(ENTRIES_BYTES_MAX)?)
    }

    /// A tile: the file's bytes.
    pub(super) fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>> {
        self.read(BundlePath::Tile(path), usize::try_from(TILE_BYTES_MAX)?)
    }

    /// Gives every file that is not called for.
    pub(super) fn strange(
        &self,
        is_called_for: &dyn Fn(BundlePath) -> bool,
        find: &mut dyn FnMut(String) -> Result<()>,
    ) -> Result<()> {
        walk((&self.root, ""), is_called_for, find)
    }
}

fn walk(
    (folder, prefix): (&Path, &str),
    is_called_for: &dyn Fn(BundlePath) -> bool,
    find: &mut dyn FnMut(String) -> Result<()>,
) -> Result<()> {
    let cannot = || format!("cannot list {}", folder.display().to_string().escape_debug());
    let mut names = Vec::new();
    for file in fs::read_dir(folder).with_context(cannot)? {
        let file = file.with_context(cannot)?;
        let is_folder = file.file_type().with_context(cannot)?.is_dir();
        names.push((file.file_name(), is_folder));
    }
    names.sort_unstable();
    for (name, is_folder) in names {
        // No path of a bundle has what is replaced here.
        let path = format!("{prefix}{}", name.to_string_lossy());
        if is_folder {
            walk((&folder.join(&name), &format!("{path}/")), is_called_for, find)?;
        } else if !BundlePath::parse(&path).is_some_and(is_called_for) {
            find(path)?;
        }
    }
    Ok(())
}

/// A folder in its place, or a file above it, is no such file, too.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// How many entries an entry bundle has in a tree of a size.
pub(super) fn width(number: u64, size: TreeSize) -> u16 {
    let left = size.0.saturating_sub(number.saturating_mul(256));
    u16::try_from(left.min(256)).unwrap_or(256)
}

#[cfg(all(test, unix))]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, process::Command};

    use super::*;

    #[test]
    fn what_is_no_plain_file_is_not_opened_and_names_of_any_bytes_are_listed() {
        let temp = tempfile::tempdir().unwrap();
        let bodies = temp.path().join("bodies");
        fs::create_dir_all(bodies.join("000")).unwrap();
        let made = Command::new("mkfifo").arg(bodies.join("001")).status().unwrap();
        assert!(made.success());
        let odd = temp.path().join(OsStr::from_bytes(b"odd\xff"));
        fs::create_dir(&odd).unwrap();
        fs::write(odd.join("file"), "x").unwrap();
        let folder = Folder::new(temp.path());
        for number in [0, 1, 2] {
            assert!(folder.open(BundlePath::Bodies(number)).unwrap().is_none(), "{number}");
        }
        let mut found = Vec::new();
        let mut find = |path| {
            found.push(path);
            Ok(())
        };
        folder.strange(&|_| false, &mut find).unwrap();
        assert_eq!(found, ["bodies/001", "odd\u{fffd}/file"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_from_one_that_is_no_whole_bundle() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "x").unwrap();
        let said = |path: &Path| Folder::new(path).must_be_there().map_err(|it| it.message);
        assert_eq!(said(temp.path()), Ok(()));
        assert!(said(&file).unwrap_err().contains("is no folder"));
        assert!(said(&temp.path().join("none")).unwrap_err().starts_with("there is no folder "));
    }
}
