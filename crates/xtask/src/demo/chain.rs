//! The public chain: a development chain that stands in for one, a contract on it, and the wait for two anchors.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::folder::Folder;
use super::narrator::{Narrator, Step};
use super::story::ISSUER;
use super::witness::Witness;
use crate::environment::Environment;
use crate::npm;
use crate::process::program;
use crate::steps::now;

/// A keystore of the development chain's first account, whose key everybody knows and which has money.
const KEYSTORE: &str = include_str!("../../../../tests/vectors/keystores/0.json");
const PASSWORD: &str = "anvil\n";
/// The second account: it owns the contract, and signs nothing here.
const OWNER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
/// A block each second, final two blocks later, at a price of gas as on a cheap chain.
const ARGUMENTS: [&str; 10] = [
    "--host=127.0.0.1",
    "--port=0",
    "--hardfork=osaka",
    "--block-time=1",
    "--slots-in-an-epoch=1",
    "--base-fee=1000000",
    "--chain-id=31337",
    "--accounts=2",
    "--order=fifo",
    "--no-cors",
];
/// What the service and whoever verifies must know of the contract.
pub(super) const CHAIN: &str = "chain.toml";
const LOG: &str = "chain.log";
/// How long an anchor may take.
const ANCHORED_WITHIN: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A running development chain; ended when dropped.
#[derive(Debug)]
pub(super) struct Chain {
    child: Child,
    /// Where its node is.
    pub(super) url: String,
}

impl Chain {
    /// Starts it, and puts the contract on it.
    pub(super) fn start(
        environment: &Environment,
        witness: &Witness<'_>,
        folder: &Folder,
        narrator: &mut Narrator,
    ) -> Result<Self> {
        narrator.step(Step::Chain);
        let anvil = npm::ensure(environment)?.anvil()?;
        let chain = Self::spawn(environment, &anvil, folder)?;
        narrator.good(&format!("a chain of its own makes a block each second at {}", chain.url));
        for (name, content) in [("committer.json", KEYSTORE), ("committer.password", PASSWORD)] {
            folder.write_private(name, content)?;
        }
        let deploy = ["anchor", "deploy", "--rpc", &chain.url, "--owner", OWNER];
        let keys = ["--keystore", "committer.json", "--password-file", "committer.password"];
        let files = ["--policy", "policy.json", "--out", CHAIN, "--add-to-policy", "policy.json"];
        let answer = witness.run(&[&deploy[..], &keys, &files].concat())?.expect(0)?;
        // In earnest there are ten minutes between two anchors, and nobody waits for them.
        let chains = String::from_utf8(folder.read(CHAIN)?)?;
        let hasty = chains.replacen("[[chains]]\n", "[[chains]]\ninterval_s = 1\npoll_s = 1\n", 1);
        folder.write_private(CHAIN, hasty)?;
        narrator.command(&answer.line);
        narrator.quote(&answer.stdout);
        narrator.remark("from here on policy.json names the contract, too");
        Ok(chain)
    }

    fn spawn(environment: &Environment, anvil: &Path, folder: &Folder) -> Result<Self> {
        let errors = File::create(folder.path(LOG)).context("the chain's log cannot be made")?;
        let mut command = program(environment, anvil, ARGUMENTS);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().context("anvil cannot be started")?;
        let stdout = child.stdout.take().context("anvil has no output")?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        let address = address.context("anvil did not start; see chain.log")?;
        // It must not be held up by what nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, url: format!("http://{address}") })
    }

    /// Waits until what was logged of a document is anchored in a block that is final.
    pub(super) fn wait_for(
        &self,
        witness: &Witness<'_>,
        text: &str,
        narrator: &Narrator,
    ) -> Result<()> {
        const FILE: &str = "waiting.evidence.json";
        let fetch = ["evidence", "--issuer", ISSUER, "--file", text, "--policy", "policy.json"];
        let fetch = [&fetch[..], &["--out", FILE, "--force"]].concat();
        let verify = ["verify", FILE, "--policy", "policy.json", "--rpc", &self.url, "--json"];
        let began = now();
        loop {
            witness.run(&fetch)?.expect(0)?;
            let verdict = witness.run(&verify)?.expect(0)?.json()?;
            let last = verdict.pointer("/verdict/items/0/events").and_then(Value::as_array);
            let last = last.and_then(|events| events.last()).context("a document has events")?;
            let anchored = &last["anchored"];
            if !anchored.is_null() {
                let (block, sequence) =
                    (text_of(anchored, "block_number")?, text_of(anchored, "sequence")?);
                narrator.good(&format!(
                    "anchored as number {sequence}, in block {block}, which is final"
                ));
                return Ok(());
            }
            if began.elapsed() > ANCHORED_WITHIN {
                bail!(
                    "nothing is anchored after {ANCHORED_WITHIN:?}; see server.log and chain.log"
                );
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn text_of<'a>(value: &'a Value, member: &str) -> Result<&'a str> {
    value[member].as_str().with_context(|| format!("the verdict has no {member}"))
}

impl Drop for Chain {
    fn drop(&mut self) {
        // Nothing is lost: it lives in memory.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
