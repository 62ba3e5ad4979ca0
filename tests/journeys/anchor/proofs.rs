//! What whoever holds evidence of a firm's machine does with it: verifies, under policies of their own.

use std::fs;

use serde_json::{Value, json};
use witness_anchor::alloy::B256;
use witness_core::policy::Policy;
use witness_tests::Said;

use super::site::Site;
use crate::production::machine::Machine;

/// All facts up to the chain, as a policy requires them.
pub(super) const ALL: &[&str] = &["anchored", "logged", "published", "rolled-up", "signed"];
/// All but the chain.
pub(super) const ROLLED_UP: &[&str] = &["logged", "published", "rolled-up", "signed"];

/// Files of evidence that lie on a machine.
pub(super) struct Proofs<'a> {
    pub(super) machine: &'a Machine,
}

impl Proofs<'_> {
    /// Verifies a file about a document, offline.
    pub(super) fn verify(&self, name: &str, file: &str, policy: &str) -> Said {
        self.run(name, file, &["--policy", policy])
    }

    /// Verifies it, and asks a node about the blocks.
    pub(super) fn verify_asking(
        &self,
        name: &str,
        file: &str,
        (policy, url): (&str, &str),
    ) -> Said {
        self.run(name, file, &["--policy", policy, "--rpc", url])
    }

    fn run(&self, name: &str, file: &str, options: &[&str]) -> Said {
        let document = format!("{name}.txt");
        let verify = ["verify", "--json", file, "--document", &document];
        self.machine.witness().run(&[verify.as_slice(), options].concat())
    }
}

/// A fact about the last event of the only document; null if it is not proved.
pub(super) fn fact<'a>(said: &'a Value, name: &str) -> &'a Value {
    let events = said["verdict"]["items"][0]["events"].as_array();
    let last = events.and_then(|events| events.last());
    &last.unwrap_or_else(|| panic!("no verdict: {said}"))[name]
}

impl Site {
    /// A policy that believes these blocks of the chain and requires these facts; its name.
    pub(super) fn policy(&self, name: &str, blocks: &[B256], require: &[&str]) -> String {
        let mut blocks: Vec<String> = blocks.iter().map(ToString::to_string).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let (code_hash, contract) = (self.code_hash(), self.caip10());
        let chains = json!([{ "blocks": blocks, "code_hash": code_hash, "contract": contract }]);
        let text = fs::read_to_string(self.machine.path("firm/policy.json")).unwrap();
        let chained = text.replacen("\"chains\":[]", &format!("\"chains\":{chains}"), 1);
        assert_ne!(chained, text);
        write_policy(&self.machine, name, &requiring(&chained, require))
    }
}

/// The policy that requires these facts, sorted, instead of those that it did.
pub(super) fn requiring(policy: &str, facts: &[&str]) -> String {
    let (before, rest) = policy.split_once("\"require\":[").unwrap();
    let (_, after) = rest.split_once(']').unwrap();
    let facts: Vec<String> = facts.iter().map(|fact| format!("\"{fact}\"")).collect();
    format!("{before}\"require\":[{}]{after}", facts.join(","))
}

pub(super) fn write_policy(machine: &Machine, name: &str, text: &str) -> String {
    let _canonical = Policy::parse(text.as_bytes()).unwrap();
    fs::write(machine.path(name), text).unwrap();
    name.to_owned()
}
