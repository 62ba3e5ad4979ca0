//! Bundles that were altered: every byte of every file counts, and every file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use witness_core::{key::SignatureType, key::SigningKey, policy::Policy};
use witness_tests::{Audited, scaled, tell};

use super::golden;

const THREADS: usize = 2;

/// All files of a bundle, by their paths in it.
fn files(bundle: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for file in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = format!("{prefix}{}", file.file_name().to_str().unwrap());
            if file.file_type().unwrap().is_dir() {
                walk(&file.path(), &format!("{path}/"), found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(bundle, "", &mut found);
    found.sort_unstable();
    found
}

/// Where the exporter says when it made the bundle: the only bytes that nothing is held against.
fn exporters_word(path: &str, bytes: &[u8]) -> std::ops::Range<usize> {
    if path != "bundle.json" {
        return 0..0;
    }
    let name = "\"exported_at\":\"";
    let start = str::from_utf8(bytes).unwrap().find(name).unwrap() + name.len();
    start..start + 16
}

#[test]
fn every_altered_byte_of_every_file_is_found() {
    let stride = usize::try_from(scaled(11, 1)).unwrap();
    let template = golden();
    let mut cases: Vec<(String, usize)> = Vec::new();
    for path in files(&template.path().join("bundle")) {
        let bytes = fs::read(template.path().join("bundle").join(&path)).unwrap();
        let word = exporters_word(&path, &bytes);
        let places = (0..bytes.len()).step_by(stride).filter(|at| !word.contains(at));
        cases.extend(places.map(|at| (path.clone(), at)));
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let folder = golden();
        while let Some((path, at)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let file: PathBuf = folder.path().join("bundle").join(path);
            let good = fs::read(&file).unwrap();
            let mut bad = good.clone();
            bad[*at] ^= 1;
            fs::write(&file, bad).unwrap();
            let audited = Audited::of(folder.path(), &[]);
            // The header of a block is refuted by nobody: it is that of a block which nobody knows.
            let counts_for_nothing = path.starts_with("anchors/")
                && audited.summary["anchors"] == 0
                && audited.summary["anchors_not_believed"] == 1;
            let is_found = audited.said.code != Some(0) || counts_for_nothing;
            assert!(is_found, "{path}, byte {at}: {}", audited.said);
            fs::write(&file, good).unwrap();
        }
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        for one in all {
            one.join().unwrap();
        }
    });
    tell(&format!("audit check: {} altered bytes, each found", cases.len()));
}

#[test]
fn every_file_that_is_missing_is_named() {
    let folder = golden();
    let bundle = folder.path().join("bundle");
    for path in files(&bundle) {
        let good = fs::read(bundle.join(&path)).unwrap();
        fs::remove_file(bundle.join(&path)).unwrap();
        let audited = Audited::of(folder.path(), &[]);
        let expected = if path == "bundle.json" { 2 } else { 1 };
        assert_eq!(audited.said.code, Some(expected), "{path}: {}", audited.said);
        let is_named = audited.findings.iter().any(|it| it["place"]["file"] == path);
        assert!(is_named || expected == 2, "{path}: {}", audited.said);
        fs::write(bundle.join(&path), good).unwrap();
    }
    assert_eq!(Audited::of(folder.path(), &[]).said.code, Some(0));
}

#[test]
fn another_firms_key_and_a_strange_file_are_found() {
    let folder = golden();
    fs::write(folder.path().join("bundle/notes.txt"), "hello").unwrap();
    let audited = Audited::of(folder.path(), &[]);
    assert_eq!(audited.said.code, Some(0));
    assert!(audited.rules().contains("strange-file"));
    assert_eq!(Audited::of(folder.path(), &["--strict"]).said.code, Some(1));

    for name in ["witness.example", "other.example"] {
        let root = SigningKey::from_seed(name, SignatureType::Ed25519, &[99; 32]).unwrap();
        let policy = Policy::for_firm(root.verifying_key().clone());
        fs::write(folder.path().join("policy.json"), policy.encode()).unwrap();
        let audited = Audited::of(folder.path(), &[]);
        assert_eq!(audited.said.code, Some(1), "{}", audited.said);
    }
}
