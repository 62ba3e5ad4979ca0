//! `cargo xtask codegen`: the Rust code of the gRPC schema, written from `proto` without protoc.
//!
//! The code is committed, so that no build needs this; `--check` is how a forgotten run shows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use protox::Compiler;

use crate::environment::Environment;
use crate::process::{program, run};

const SCHEMA: &str = "proto";
const GENERATED: &str = "crates/wire/src/generated";
const DESCRIPTOR: &str = "witness.v1.binpb";

/// File names and what should stand in them.
type Files = BTreeMap<String, Vec<u8>>;

/// Writes the generated files that differ, and removes those that are no longer generated.
pub(crate) fn write(environment: &Environment) -> Result<()> {
    let folder = environment.root.join(GENERATED);
    fs::create_dir_all(&folder).with_context(|| format!("{GENERATED} cannot be made"))?;
    let wanted = generate(environment)?;
    let stale = stale(&wanted, &read(&folder)?);
    for name in &stale {
        let file = folder.join(name);
        let (done, result) = match wanted.get(name) {
            Some(bytes) => ("wrote", fs::write(&file, bytes)),
            None => ("removed", fs::remove_file(&file)),
        };
        result.with_context(|| format!("{GENERATED}/{name} cannot be changed"))?;
        println!("{done} {GENERATED}/{name}");
    }
    if stale.is_empty() {
        println!("{GENERATED} is up to date");
    }
    Ok(())
}

/// Fails if the committed files are not what would be generated.
pub(crate) fn check(environment: &Environment) -> Result<()> {
    let committed = read(&environment.root.join(GENERATED))?;
    match stale(&generate(environment)?, &committed).as_slice() {
        [] => Ok(()),
        names => {
            let files: Vec<_> = names.iter().map(|name| format!("{GENERATED}/{name}")).collect();
            bail!("stale, {SCHEMA} has changed: {}; run: cargo xtask codegen", files.join(", "))
        }
    }
}

/// Names of the files that are missing, differ, or should not be there.
fn stale(wanted: &Files, found: &Files) -> Vec<String> {
    let names: BTreeMap<_, _> = wanted.iter().chain(found).collect();
    names.into_keys().filter(|name| wanted.get(*name) != found.get(*name)).cloned().collect()
}

/// Everything that should stand in `generated`.
fn generate(environment: &Environment) -> Result<Files> {
    let includes = environment.root.join(SCHEMA);
    let schemas = schemas(&includes)?;
    if schemas.is_empty() {
        bail!("no .proto file is under {SCHEMA}");
    }
    let mut compiler = Compiler::new([&includes]).context("the schema cannot be read")?;
    compiler.include_imports(true);
    // With its comments for the code, and without for reflection.
    compiler.include_source_info(true).open_files(&schemas)?;
    let commented = compiler.file_descriptor_set();
    let mut compiler = Compiler::new([&includes]).context("the schema cannot be read")?;
    compiler.include_imports(true).include_source_info(false).open_files(&schemas)?;

    let folder = Scratch::new(&environment.root)?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .codec_path("crate::codec::BoundedCodec")
        .emit_rerun_if_changed(false)
        .out_dir(&folder.0)
        .compile_fds(commented)
        .context("the code cannot be generated")?;
    for name in read(&folder.0)?.keys() {
        let options = [environment.root.join(".rustfmt.toml"), folder.0.join(name)];
        run(program(environment, "rustfmt", ["--edition=2024", "--config-path"]).args(options))?;
    }
    let mut files = read(&folder.0)?;
    files.insert(DESCRIPTOR.to_owned(), compiler.encode_file_descriptor_set());
    Ok(files)
}

/// All `.proto` files under a folder, in an order that does not depend on the machine.
fn schemas(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut schemas = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                schemas.push(path);
            }
        }
    }
    schemas.sort();
    Ok(schemas)
}

/// The files straight in a folder; none where there is no folder.
fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let entry = entry?;
        let bytes =
            fs::read(entry.path()).with_context(|| format!("{}", entry.path().display()))?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
    }
    Ok(files)
}

/// A folder of our own under `target`, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(root: &Path) -> Result<Self> {
        let folder = root.join("target").join(format!("codegen-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0); // what stays behind goes with `cargo clean`
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_differing_and_surplus_files_are_stale() {
        let files = |names: &[(&str, &str)]| -> Files {
            names
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
                .collect()
        };
        let wanted = files(&[("missing", "a"), ("same", "b"), ("differs", "c")]);
        let found = files(&[("same", "b"), ("differs", "d"), ("surplus", "e")]);
        assert_eq!(stale(&wanted, &found), ["differs", "missing", "surplus"]);
        assert_eq!(stale(&wanted, &wanted), Vec::<String>::new());
    }
}
