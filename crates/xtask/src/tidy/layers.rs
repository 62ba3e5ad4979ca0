//! Who may depend on whom: the picture in `crates/README.md`, as rules over `cargo metadata` and `cargo tree`.
//!
//! A new dependency of the core, or a new arrow between our crates, changes this file in the same commit.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Finding;
use crate::environment::Environment;
use crate::process::{cargo, output};

/// Everything that the core is made of: each reviewed, `no_std`, without input and output.
const CORE_IS_MADE_OF: &[&str] = &[
    "alloy-primitives",
    "alloy-rlp",
    "alloy-trie",
    "base64",
    "ed25519-dalek",
    "hmac",
    "regress",
    "rs_merkle",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "zeroize",
];

/// Who alone may name a crate in its manifest.
const OWNERS: &[(&str, &[&str])] = &[
    // The journeys read its files one by one, to see what an erasure leaves in them.
    ("rocksdb", &["witness-ledger", TESTS]),
    ("librocksdb-sys", &["witness-ledger"]),
    ("witness-ledger", &["witnessd", TESTS]),
    ("witness-anchor", &["witness", "witnessd", TESTS]),
    ("witness-domain", &["witnessd"]),
];

/// The member in `tests`, whatever it is called.
const TESTS: &str = "(tests)";

/// What must not be reached from a member, over any number of normal dependencies, and why.
const UNREACHABLE: &[(&str, &[&str], &str)] = &[
    (
        "witness-core",
        &[
            "async-std",
            "axum",
            "chrono",
            "getrandom",
            "hyper",
            "librocksdb-sys",
            "mio",
            "prost",
            "rand",
            "rand_core",
            "reqwest",
            "rocksdb",
            "rustls",
            "socket2",
            "tempfile",
            "time",
            "tokio",
            "tonic",
            "witness-ledger",
            "witness-wire",
        ],
        "the core has no input or output, no clock, no randomness, and no protobuf",
    ),
    (
        "witness-wire",
        &["librocksdb-sys", "rocksdb", "witness-core", "witness-ledger"],
        "the schema does not know what its bytes mean",
    ),
    (
        "witness-ledger",
        &["prost", "tonic", "witness-wire"],
        "the ledger does not know how calls travel; the server converts",
    ),
    (
        "witness-anchor",
        &["prost", "rocksdb", "tonic", "witness-ledger", "witness-wire"],
        "the anchor speaks to a chain, and to nothing else",
    ),
    (
        "witness-domain",
        &["prost", "rocksdb", "tonic", "witness-anchor", "witness-ledger", "witness-wire"],
        "it asks the web and the DNS about a domain, and knows nothing else",
    ),
    (
        "witness",
        &["librocksdb-sys", "rocksdb", "witness-domain", "witness-ledger"],
        "the command line asks the server, or verifies with the core",
    ),
];

/// A member of the workspace, as its manifest says.
#[derive(Debug)]
struct Member {
    name: String,
    /// Its manifest, from the workspace's folder.
    manifest: String,
    is_library: bool,
    /// What it names under `[dependencies]` and `[build-dependencies]`.
    normal: BTreeSet<String>,
    /// What it names under `[dev-dependencies]`.
    dev: BTreeSet<String>,
}

/// Applies every rule of this file.
pub(super) fn check(environment: &Environment) -> Result<Vec<Finding>> {
    let metadata =
        output(&mut cargo(environment, ["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let members = members(&metadata).context("cargo metadata is not as expected")?;

    let mut findings = Vec::new();
    for member in &members {
        let manifest = fs::read_to_string(environment.root.join(&member.manifest))
            .with_context(|| format!("{} cannot be read", member.manifest))?;
        findings.extend(lints_of_the_workspace(member, &manifest));
        findings.extend(exact_errors(member));
        findings.extend(owned_crates(member));
        findings.extend(core_is_made_of(member));
    }
    for (name, forbidden, why) in UNREACHABLE {
        if let Some(member) = members.iter().find(|member| member.name == *name) {
            findings.extend(unreachable(member, &reached(environment, name)?, forbidden, why));
        } else {
            let message = format!("no member is called `{name}`: rename it in tidy/layers.rs too");
            findings.push(Finding::error("Cargo.toml", message));
        }
    }
    findings.extend(core_without_std(environment));
    Ok(findings)
}

/// Each manifest takes the lints of the workspace.
fn lints_of_the_workspace(member: &Member, manifest: &str) -> Option<Finding> {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    let takes_them = lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .any(|line| line.replace(' ', "") == "workspace=true");
    (!takes_them).then(|| Finding::error(&member.manifest, "add `[lints]` and `workspace = true`"))
}

/// A library's errors are enums: their caller must be able to tell them apart.
fn exact_errors(member: &Member) -> Option<Finding> {
    (member.is_library && member.normal.contains("anyhow")).then(|| {
        Finding::error(&member.manifest, "a library has error enums: `anyhow` is for programs")
    })
}

/// Crates that one member keeps from the others.
fn owned_crates(member: &Member) -> Vec<Finding> {
    let role = if member.manifest.starts_with("tests/") { TESTS } else { &member.name };
    OWNERS
        .iter()
        .filter(|(name, _)| member.normal.contains(*name) || member.dev.contains(*name))
        .filter(|(_, owners)| !owners.contains(&role))
        .map(|(name, owners)| {
            let message = format!("only {} may depend on `{name}`", owners.join(" and "));
            Finding::error(&member.manifest, message)
        })
        .collect()
}

/// The core's own dependencies are those of the list, no more and no fewer.
fn core_is_made_of(member: &Member) -> Vec<Finding> {
    if member.name != "witness-core" {
        return Vec::new();
    }
    let listed: BTreeSet<_> = CORE_IS_MADE_OF.iter().map(|name| (*name).to_owned()).collect();
    let surplus = member.normal.difference(&listed).map(|name| {
        format!(
            "`{name}` is new in the core: do without it, or list it in tidy/layers.rs and say why"
        )
    });
    let gone = listed
        .difference(&member.normal)
        .map(|name| format!("`{name}` has left the core: take it off the list in tidy/layers.rs"));
    surplus.chain(gone).map(|message| Finding::error(&member.manifest, message)).collect()
}

/// What must not be reached.
fn unreachable(
    member: &Member,
    reached: &BTreeSet<String>,
    forbidden: &[&str],
    why: &str,
) -> Vec<Finding> {
    let found = forbidden.iter().filter(|name| reached.contains(**name));
    found
        .map(|name| {
            let message = format!(
                "reaches `{name}`, but {why}; see: cargo tree -p {} -i {name}",
                member.name
            );
            Finding::error(&member.manifest, message)
        })
        .collect()
}

/// The compiler, not review, keeps clocks, sockets and files out of the core.
fn core_without_std(environment: &Environment) -> Option<Finding> {
    const ROOT: &str = "crates/core/src/lib.rs";
    let text = fs::read_to_string(environment.root.join(ROOT)).unwrap_or_default();
    let is_without = text.lines().any(|line| line == "#![no_std]");
    (!is_without).then(|| Finding::error(ROOT, "say `#![no_std]`, without conditions"))
}

/// Names of all packages that a member is linked with.
fn reached(environment: &Environment, name: &str) -> Result<BTreeSet<String>> {
    const TREE: &[&str] =
        &["tree", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}", "--package"];
    let tree = output(cargo(environment, TREE).arg(name))?;
    Ok(tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn members(metadata: &Value) -> Option<Vec<Member>> {
    let root = metadata["workspace_root"].as_str()?;
    metadata["packages"].as_array()?.iter().map(|package| member(package, root)).collect()
}

fn member(package: &Value, root: &str) -> Option<Member> {
    let dependencies = package["dependencies"].as_array()?;
    let named = |is_wanted: fn(&Value) -> bool| {
        let wanted = dependencies.iter().filter(|dependency| is_wanted(&dependency["kind"]));
        wanted.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect()
    };
    let has_target = |kind: &str| {
        let mut kinds = package["targets"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|target| target.pointer("/kind/0"));
        kinds.any(|found| found.is_some_and(|found| found == kind))
    };
    let manifest = package["manifest_path"].as_str()?.strip_prefix(root)?;
    Some(Member {
        name: package["name"].as_str()?.to_owned(),
        manifest: manifest.trim_start_matches(['/', '\\']).replace('\\', "/"),
        is_library: has_target("lib") && !has_target("bin"),
        normal: named(|kind| kind != "dev"),
        dev: named(|kind| kind == "dev"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, normal: &[&str]) -> Member {
        Member {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            is_library: true,
            normal: normal.iter().map(|name| (*name).to_owned()).collect(),
            dev: BTreeSet::new(),
        }
    }

    #[test]
    fn a_manifest_takes_the_lints_of_the_workspace() {
        let member = library("a", &[]);
        for good in ["[lints]\nworkspace = true\n", "[lints]\n# all\nworkspace=true\n[features]\n"]
        {
            assert_eq!(lints_of_the_workspace(&member, good), None, "{good}");
        }
        for bad in
            ["", "[lints]\n[dependencies.x]\nworkspace = true\n", "[package]\nworkspace = true\n"]
        {
            assert!(lints_of_the_workspace(&member, bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn only_the_owner_names_an_owned_crate() {
        assert_eq!(owned_crates(&library("witness-ledger", &["rocksdb"])), []);
        assert_eq!(owned_crates(&library("witness-anchor", &["rocksdb"])).len(), 1);
        let mut tests = library("journeys", &["witness-ledger"]);
        assert_eq!(owned_crates(&tests).len(), 1);
        tests.manifest = "tests/Cargo.toml".to_owned();
        assert_eq!(owned_crates(&tests), []);
    }

    #[test]
    fn a_library_has_exact_errors() {
        assert!(exact_errors(&library("a", &["anyhow"])).is_some());
        let program = Member { is_library: false, ..library("a", &["anyhow"]) };
        assert_eq!(exact_errors(&program), None);
    }

    #[test]
    fn the_core_is_made_of_its_list() {
        assert_eq!(core_is_made_of(&library("witness-core", CORE_IS_MADE_OF)), []);
        let findings = core_is_made_of(&library("witness-core", &["tokio"]));
        assert_eq!(findings.len(), 1 + CORE_IS_MADE_OF.len());
    }

    #[test]
    fn what_is_reached_over_others_counts() {
        let reached = ["a", "tokio"].map(str::to_owned).into();
        let findings = unreachable(&library("a", &[]), &reached, &["rocksdb", "tokio"], "it waits");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.starts_with("reaches `tokio`, but it waits"));
    }
}
