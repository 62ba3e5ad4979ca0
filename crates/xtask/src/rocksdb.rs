//! RocksDB's C++, compiled once for this machine and linked everywhere.
//!
//! `librocksdb-sys` compiles 343 C++ files, anew for every profile. One release build of it is kept, under
//! the version and the features that the workspace's lock names; every later build links that. The kept file
//! appears whole or not at all, and of two calls at once one builds while the other waits.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::environment::Environment;
use crate::prerequisites;
use crate::process::{cargo, output};

const PACKAGE: &str = "librocksdb-sys";
const ARCHIVE: &str = "librocksdb.a";

/// The kept library: proof that its file is there.
#[derive(Debug)]
pub(crate) struct Library {
    folder: PathBuf,
}

impl Library {
    /// A child `cargo` that links the kept library.
    pub(crate) fn cargo(&self, environment: &Environment, arguments: &[&str]) -> Command {
        let mut command = cargo(environment, arguments);
        command.env("ROCKSDB_LIB_DIR", &self.folder).env("ROCKSDB_STATIC", "1");
        command
    }
}

/// Prints the variables with which a plain cargo links the kept library too.
pub(crate) fn print(environment: &Environment) -> Result<()> {
    let library = ensure(environment)?;
    println!("export ROCKSDB_LIB_DIR='{}' ROCKSDB_STATIC=1", library.folder.display());
    Ok(())
}

/// The kept library, built first where there is none.
pub(crate) fn ensure(environment: &Environment) -> Result<Library> {
    prerequisites::ensure_native(environment)?;
    if let Some(folder) = &environment.rocksdb_lib_dir {
        if !folder.join(ARCHIVE).is_file() {
            bail!("ROCKSDB_LIB_DIR names {}, where no {ARCHIVE} is", folder.display());
        }
        return Ok(Library { folder: folder.clone() });
    }
    let folder = environment.cache.join(locked_name(environment)?);
    if !folder.join(ARCHIVE).is_file() {
        build(environment, &folder)?;
    }
    Ok(Library { folder })
}

/// Name of the folder for what the workspace's lock asks for.
fn locked_name(environment: &Environment) -> Result<String> {
    let metadata = output(&mut cargo(environment, ["metadata", "--format-version=1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    name(&metadata).with_context(|| format!("no member of the workspace uses {PACKAGE}"))
}

fn name(metadata: &Value) -> Option<String> {
    let package =
        metadata["packages"].as_array()?.iter().find(|package| package["name"] == PACKAGE)?;
    let node = metadata
        .pointer("/resolve/nodes")?
        .as_array()?
        .iter()
        .find(|node| node["id"] == package["id"])?;
    let features: BTreeSet<_> = node["features"]
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .filter(|feature| reaches_the_archive(feature))
        .collect();
    let mut name = format!("rocksdb-{}", package["version"].as_str()?);
    for feature in features {
        name = name + "-" + feature;
    }
    Some(name)
}

/// Whether a feature of `librocksdb-sys` changes the C++; the others are about the bindings, or name
/// the optional dependency behind a feature of their own.
fn reaches_the_archive(feature: &str) -> bool {
    !(feature.starts_with("bindgen-")
        || feature.ends_with("-sys")
        || feature == "static"
        || feature == "default")
}

/// Builds the library and keeps it in `folder`.
fn build(environment: &Environment, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let _lock = lock(&environment.cache.join("rocksdb.lock"))?;
    let archive = folder.join(ARCHIVE);
    if archive.is_file() {
        return Ok(()); // another call built it while this one waited
    }
    eprintln!("building RocksDB, once for this machine: 8 to 20 minutes on two cores");
    let target = environment.cache.join("rocksdb-target");
    let built = compile(environment, &target)?;

    // The file gets its name only once it is whole and on the disk.
    let staged = folder.join(format!("{ARCHIVE}.{}", process::id()));
    fs::copy(&built, &staged)
        .and_then(|_size| File::open(&staged)?.sync_all())
        .and_then(|()| fs::rename(&staged, &archive))
        .with_context(|| format!("{} cannot be kept as {}", built.display(), archive.display()))?;
    fs::remove_dir_all(&target)
        .with_context(|| format!("{} cannot be removed", target.display()))?;
    eprintln!("kept {}", archive.display());
    Ok(())
}

/// Waits for any other build, and holds off the next one until the file is dropped.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
    let result = match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            eprintln!("another build of RocksDB is under way; waiting for it");
            file.lock()
        }
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(()),
    };
    result.with_context(|| format!("{} cannot be locked", path.display()))?;
    Ok(file)
}

/// The archive, fresh from the compiler.
fn compile(environment: &Environment, target: &Path) -> Result<PathBuf> {
    const BUILD: &[&str] =
        &["build", "--release", "--package", PACKAGE, "--message-format=json-render-diagnostics"];
    let mut build = cargo(environment, BUILD);
    build.arg("--target-dir").arg(target).env_remove("ROCKSDB_LIB_DIR");
    let archive = output_folder(&output(&mut build)?)
        .with_context(|| format!("cargo built {PACKAGE} but did not say where"))?
        .join(ARCHIVE);
    if !archive.is_file() {
        bail!("{PACKAGE} was built, but not {}", archive.display());
    }
    Ok(archive)
}

/// Where the build script of `librocksdb-sys` put what it made, according to cargo's messages.
fn output_folder(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "build-script-executed")
        .filter(|message| message["package_id"].as_str().is_some_and(|id| id.contains(PACKAGE)))
        .find_map(|message| message.get("out_dir")?.as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_folder_is_named_by_version_and_what_changes_the_library() {
        let metadata = json!({
            "packages": [
                { "name": "rocksdb", "id": "a", "version": "0.25.0" },
                { "name": PACKAGE, "id": "b", "version": "0.19.0+11.8.1" },
            ],
            "resolve": { "nodes": [
                { "id": "a", "features": ["lz4"] },
                { "id": "b", "features": ["zstd", "bindgen-runtime", "lz4", "lz4-sys", "static"] },
            ] },
        });
        assert_eq!(name(&metadata).as_deref(), Some("rocksdb-0.19.0+11.8.1-lz4-zstd"));
        assert_eq!(name(&json!({ "packages": [] })), None);
    }

    #[test]
    fn the_archive_is_where_the_message_about_its_own_package_says() {
        let messages = concat!(
            "{\"reason\":\"build-script-executed\",\"package_id\":\"r#lz4-sys@1\",\"out_dir\":\"/a\"}\n",
            "not json\n",
            "{\"reason\":\"build-script-executed\",\"package_id\":\"r#librocksdb-sys@1\",\"out_dir\":\"/b\"}\n",
        );
        assert_eq!(output_folder(messages), Some("/b".into()));
    }
}
