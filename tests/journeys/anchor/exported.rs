//! An audit bundle carries the anchors: who believes the block is told by which time all of it was there.

use std::fs;

use witness_anchor::alloy::B256;
use witness_tests::{Audited, Witness};

use super::{
    proofs::ALL,
    shown::finals,
    site::{Site, TICKING},
};
use crate::production::machine::SCHOOL;

#[test]
fn an_export_is_anchored_after_service_and_chain_are_gone() {
    let site = Site::new(TICKING);
    let server = site.start();
    site.machine.submit(&server, SCHOOL, "course");
    site.anchored(&server);
    let folder = tempfile::tempdir().unwrap();
    let regulator = Witness::within(folder.path()).asking(&server);
    let grant = ["access", "grant", "--name", "de", "--role", "regulator", "--jurisdictions", "DE"];
    let _granted = regulator
        .run(&[&grant[..], &["--until", "2999-01-01", "--token-file", "de.token"]].concat())
        .expect(0);
    let export = ["audit", "export", "--token-file", "de.token", "--log", SCHOOL.origin];
    let _exported = regulator.run(&[&export[..], &["--out", "bundle"]].concat()).expect(0);
    let blocks: Vec<B256> = finals(&server).iter().map(|it| it.block_hash).collect();
    let believing = site.policy("believing.json", &blocks, ALL);
    fs::copy(site.machine.path(&believing), folder.path().join("policy.json")).unwrap();
    server.stop();
    drop(site);
    let audited = Audited::of(folder.path(), &[]);
    assert_eq!(audited.said.code, Some(0), "{}", audited.said);
    for member in ["anchors", "rollups"] {
        assert_ne!(audited.summary[member], 0, "{member}: {}", audited.said);
    }
    assert_eq!(audited.summary["events"], 1, "{}", audited.said);
    let anchors = folder.path().join("bundle/anchors");
    fs::remove_dir_all(anchors).unwrap();
    let audited = Audited::of(folder.path(), &[]);
    assert_eq!(audited.said.code, Some(1), "{}", audited.said);
    assert!(audited.said.stdout.contains("anchors/"), "{}", audited.said);
}
