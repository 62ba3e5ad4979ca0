//! What a machine needs beside Rust: found, or named with the command that brings it.
//!
//! RocksDB is C++, and its Rust bindings are made by libclang at build time, with a kept library too.
//! Nothing is installed while somebody is there to be asked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::environment::Environment;
use crate::process::{line, output, program, run, succeeds};

/// What the core is compiled to for the page in the browser.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Something that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missing {
    what: &'static str,
    why: &'static str,
    /// The package of Debian and Ubuntu that brings it.
    package: &'static str,
}

const CXX: Missing = Missing {
    what: "a C++ compiler",
    why: "RocksDB is written in C++",
    package: "build-essential",
};

const LIBCLANG: Missing = Missing {
    what: "libclang",
    why: "the bindings to RocksDB are made with it, whenever it is compiled or linked",
    package: "libclang-dev",
};

const STRACE: Missing = Missing {
    what: "strace",
    why: "a test watches the server's system calls with it",
    package: "strace",
};

const NPM: Missing = Missing {
    what: "npm",
    why: "the contract's compiler and the development chain that it is tested on come from there",
    package: "npm",
};

/// Everything that the commands here need.
pub(crate) fn ensure(environment: &Environment) -> Result<()> {
    ensure_all(environment, missing)?;
    ensure_wasm_target(environment)?;
    println!("nothing is missing: C++ compiler, libclang, strace, npm and {WASM_TARGET} are there");
    Ok(())
}

/// What RocksDB needs.
pub(crate) fn ensure_native(environment: &Environment) -> Result<()> {
    ensure_all(environment, missing_native)
}

fn ensure_all(
    environment: &Environment,
    missing_of: fn(&Environment) -> Vec<Missing>,
) -> Result<()> {
    let missing = missing_of(environment);
    if missing.is_empty() {
        return Ok(());
    }
    for Missing { what, why, .. } in &missing {
        eprintln!("missing: {what} ({why})");
    }
    let packages: Vec<_> = missing.iter().map(|missing| missing.package).collect();
    if environment.find_program("apt-get").is_none() {
        bail!("install what the packages {} bring on Debian or Ubuntu", packages.join(" and "));
    }
    if !environment.may_install {
        bail!("run: apt-get install {}", packages.join(" "));
    }
    install(environment, &packages)?;
    match missing_of(environment).first() {
        Some(Missing { what, package, .. }) => bail!("{package} is installed, but not {what}"),
        None => Ok(()),
    }
}

/// The standard library for WebAssembly. rustup brings it with the toolchain, as `rust-toolchain.toml`
/// says, unless the toolchain was there before that line.
pub(crate) fn ensure_wasm_target(environment: &Environment) -> Result<()> {
    if has_wasm_target(environment) {
        return Ok(());
    }
    let mut add = program(environment, "rustup", ["target", "add", WASM_TARGET]);
    eprintln!(
        "missing: the target {WASM_TARGET} (the core is checked for the browser): {}",
        line(&add)
    );
    run(&mut add)
}

fn has_wasm_target(environment: &Environment) -> bool {
    let question = ["--print=target-libdir", "--target", WASM_TARGET];
    output(&mut program(environment, "rustc", question))
        .is_ok_and(|folder| !file_names(Path::new(folder.trim())).is_empty())
}

fn missing(environment: &Environment) -> Vec<Missing> {
    let mut missing = missing_native(environment);
    for (program, brought) in [("strace", STRACE), ("npm", NPM)] {
        if environment.find_program(program).is_none() {
            missing.push(brought);
        }
    }
    missing
}

fn missing_native(environment: &Environment) -> Vec<Missing> {
    let mut missing = Vec::new();
    // As for `cc`, the variable may hold a launcher and arguments: `ccache g++`.
    let mut words = environment.cxx.as_deref().unwrap_or("c++").split_whitespace();
    let compiler = words.next().unwrap_or("c++");
    if !succeeds(&mut program(environment, compiler, words.chain(["--version"]))) {
        missing.push(CXX);
    }
    if !has_libclang(environment) {
        missing.push(LIBCLANG);
    }
    missing
}

fn install(environment: &Environment, packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut command = program(environment, "apt-get", arguments);
        eprintln!("nobody is there to be asked, so: {}", line(&command));
        // Standard output is kept for what was asked for.
        run(command.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr()))
    };
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// Whether libclang stands where bindgen (clang-sys) will look for it. Its unversioned or
/// major-versioned name comes only with the development package, as do the headers that bindgen needs.
fn has_libclang(environment: &Environment) -> bool {
    libclang_folders(environment)
        .iter()
        .any(|folder| file_names(folder).iter().any(|name| is_libclang(name)))
}

fn libclang_folders(environment: &Environment) -> Vec<PathBuf> {
    let mut folders: Vec<_> = environment.libclang_path.iter().cloned().collect();
    for place in [
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib64",
        "/usr/local/lib",
        "/opt/homebrew/opt/llvm/lib",
    ] {
        folders.push(place.into());
    }
    for base in ["/usr/lib", "/usr/local"] {
        for name in file_names(Path::new(base)) {
            let folder = Path::new(base).join(&name);
            if name.starts_with("llvm") {
                folders.push(folder.join("lib"));
            } else if name.contains("-linux-gnu") {
                folders.push(folder);
            }
        }
    }
    folders
}

fn is_libclang(name: &str) -> bool {
    let stem = name.strip_suffix(".so").or_else(|| name.strip_suffix(".dylib"));
    let version = stem.and_then(|stem| stem.strip_prefix("libclang"));
    version.is_some_and(|version| {
        version.is_empty()
            || version.strip_prefix('-').is_some_and(|number| {
                number.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
            })
    })
}

fn file_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_development_names_count_as_libclang() {
        for name in ["libclang.so", "libclang-14.so", "libclang-14.0.6.so", "libclang.dylib"] {
            assert!(is_libclang(name), "{name}");
        }
        for name in ["libclang.so.1", "libclang-14.so.1", "libclang-cpp.so", "libclang.a"] {
            assert!(!is_libclang(name), "{name}");
        }
    }
}
