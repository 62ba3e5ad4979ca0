//! Where the demonstration lies: a folder of its own under `target`, and an empty one for whoever verifies.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context as _, Result, bail};

/// What says that a folder was made here, and may be removed.
const MARKER: &str = ".made-by-xtask-demo";

/// Where the firm's operator registers; whoever runs the program is the operator here.
pub(super) const ADMIN_SOCKET: &str = "data/admin.sock";

/// The folder of the demonstration.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// An empty one; what an earlier demonstration left is removed.
    pub(super) fn fresh(root: &Path) -> Result<Self> {
        let path = root.join("target").join("demo");
        if path.exists() {
            if !path.join(MARKER).is_file() {
                bail!(
                    "{} was not made by this demonstration, for there is no {MARKER} in it: move it away",
                    path.display()
                );
            }
            let socket = path.join(ADMIN_SOCKET);
            if UnixStream::connect(&socket).is_ok() {
                bail!("a witnessd still answers at {}: end it first", socket.display());
            }
            fs::remove_dir_all(&path)
                .with_context(|| format!("{} cannot be removed", path.display()))?;
        }
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        let folder = Self { path };
        folder.write(MARKER, "`cargo xtask demo` made this folder, and removes it next time.\n")?;
        Ok(folder)
    }

    /// A place in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file, and the folder around it.
    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.path(name);
        let folder = path.parent().context("a file lies in a folder")?;
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Writes a file that only its user can read.
    pub(super) fn write_private(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        self.write(name, content)?;
        let path = self.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("{} cannot be made private", path.display()))
    }

    /// Reads a file.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path(name);
        fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
    }
}

/// An empty folder outside of the workspace; gone when it is dropped.
#[derive(Debug)]
pub(super) struct EmptyFolder {
    pub(super) path: PathBuf,
}

impl EmptyFolder {
    /// Makes it. One that is there already is somebody else's, and an error.
    pub(super) fn new(temporary: &Path, name: &str) -> Result<Self> {
        let path = temporary.join(format!("witness-demo-{}-{name}", process::id()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self { path })
    }

    /// Writes a file.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))
    }
}

impl Drop for EmptyFolder {
    fn drop(&mut self) {
        // What stays behind is a copy.
        fs::remove_dir_all(&self.path).ok();
    }
}
