//! What the surroundings say, read once: the one file that looks at environment variables.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// What the surroundings say.
#[derive(Debug)]
pub(crate) struct Environment {
    /// The folder of the workspace.
    pub(crate) root: PathBuf,
    /// Where things are kept that outlive a `cargo clean`.
    pub(crate) cache: PathBuf,
    /// The search path for programs.
    pub(crate) path: OsString,
    /// Whether something may be installed: we are root, and nobody is there to be asked.
    pub(crate) may_install: bool,
    /// Whether standard output is a terminal that shows colours.
    pub(crate) is_coloured: bool,
    /// Where files may lie for a moment.
    pub(crate) temporary: PathBuf,
    /// A RocksDB library that the user keeps elsewhere.
    pub(crate) rocksdb_lib_dir: Option<PathBuf>,
    /// Where the user says libclang is.
    pub(crate) libclang_path: Option<PathBuf>,
    /// The C++ compiler of the user's choice, with its arguments.
    pub(crate) cxx: Option<String>,
    /// Variables that the cargo which runs us has set for us, and no child cargo should see.
    pub(crate) not_for_children: Vec<OsString>,
}

impl Environment {
    /// Reads the surroundings.
    pub(crate) fn read() -> Result<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let noninteractive = set("DEBIAN_FRONTEND").is_some_and(|value| value == "noninteractive");
        Ok(Self {
            root: workspace_root(set("CARGO_MANIFEST_DIR"))?,
            cache: cache(set("WITNESS_CACHE"), set("XDG_CACHE_HOME"), set("HOME"))?,
            path: set("PATH").unwrap_or_default(),
            may_install: is_root() && (noninteractive || !io::stdin().is_terminal()),
            is_coloured: io::stdout().is_terminal()
                && set("NO_COLOR").is_none()
                && set("TERM").is_some_and(|terminal| terminal != "dumb"),
            temporary: env::temp_dir(),
            rocksdb_lib_dir: set("ROCKSDB_LIB_DIR").map(PathBuf::from),
            libclang_path: set("LIBCLANG_PATH").map(PathBuf::from),
            cxx: set("CXX").map(|words| words.to_string_lossy().into_owned()),
            not_for_children: env::vars_os()
                .map(|(name, _)| name)
                .filter(|name| name.to_str().is_some_and(is_of_our_own_run))
                .collect(),
        })
    }

    /// Where a program is found, if it is.
    pub(crate) fn find_program(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path).map(|folder| folder.join(name)).find(|file| file.is_file())
    }
}

/// Whether `cargo run` or rustup sets this variable for the program that it runs.
fn is_of_our_own_run(name: &str) -> bool {
    const PREFIXES: &[&str] = &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
    const NAMES: &[&str] = &[
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
        "RUSTUP_TOOLCHAIN",
        "RUSTUP_TOOLCHAIN_SOURCE",
        "RUST_RECURSION_COUNT",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The workspace above this crate's folder (`cargo xtask`), or above the current one (run by hand).
fn workspace_root(manifest_dir: Option<OsString>) -> Result<PathBuf> {
    let start = match manifest_dir {
        Some(folder) => PathBuf::from(folder),
        None => env::current_dir().context("the current folder cannot be read")?,
    };
    start
        .ancestors()
        .find(|folder| is_workspace(folder))
        .map(Path::to_owned)
        .with_context(|| format!("no workspace contains {}", start.display()))
}

fn is_workspace(folder: &Path) -> bool {
    fs::read_to_string(folder.join("Cargo.toml"))
        .is_ok_and(|manifest| manifest.lines().any(|line| line == "[workspace]"))
}

fn cache(
    own: Option<OsString>,
    shared: Option<OsString>,
    home: Option<OsString>,
) -> Result<PathBuf> {
    let folder = own
        .or(shared)
        .map(PathBuf::from)
        .or_else(|| home.map(|home| Path::new(&home).join(".cache")))
        .context("no place for the cache: set WITNESS_CACHE, XDG_CACHE_HOME or HOME")?;
    Ok(folder.join("witness-ledger"))
}

/// Whether this process runs as root: its entry in `/proc` belongs to its effective user.
#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;

    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_most_particular_variable_says() {
        let place = |own: Option<&str>, shared: Option<&str>, home: Option<&str>| {
            cache(own.map(Into::into), shared.map(Into::into), home.map(Into::into)).ok()
        };
        assert_eq!(place(Some("/a"), Some("/b"), Some("/c")), Some("/a/witness-ledger".into()));
        assert_eq!(place(None, Some("/b"), Some("/c")), Some("/b/witness-ledger".into()));
        assert_eq!(place(None, None, Some("/c")), Some("/c/.cache/witness-ledger".into()));
        assert_eq!(place(None, None, None), None);
    }

    #[test]
    fn settings_of_the_user_reach_the_children() {
        for name in
            ["CARGO_TARGET_DIR", "CARGO_HOME", "CARGO_NET_OFFLINE", "RUSTUP_HOME", "RUSTFLAGS"]
        {
            assert!(!is_of_our_own_run(name), "{name}");
        }
        for name in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "RUSTUP_TOOLCHAIN"] {
            assert!(is_of_our_own_run(name), "{name}");
        }
    }
}
