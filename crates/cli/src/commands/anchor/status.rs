//! `witness anchor status`: how roll-ups stand on their chains, as the firm says, and as the contracts say.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_anchor::{contract::State, nodes::Expected, rpc::At};
use witness_core::rollup::Contract;

use super::standing::{Standing, time};
use crate::{
    args::{self, ServerArgs},
    chain::{self, ByChain, RpcArgs},
    credentials::CallerArgs,
    http::PublicFiles,
    outcome::{Failure, Outcome},
    output::Output,
};

const ANSWER_BYTES_MAX: u64 = 1 << 20;

const EXAMPLES: &str = "\
With --server the firm is asked how its worker stands, with --rpc the contracts themselves.

Exit codes: 0 all is well; 1 a worker has halted and waits for its operator, or a contract and
the firm contradict each other; 2 could not tell, or a worker waits for something and says what.

Examples:
  witness anchor status --server http://localhost:7761
  witness anchor status --server http://localhost:7761 --rpc https://a.example/KEY
  witness anchor status --contract eip155:8453:0x5f…aa --rpc https://a.example/KEY";

/// Arguments of `witness anchor status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArgs {
    /// Address of the server, https://host:port; within this machine http://localhost:port
    #[arg(long, value_name = "URL", env = "WITNESS_SERVER", required_unless_present = "contracts")]
    server: Option<String>,
    #[command(flatten)]
    caller: CallerArgs,
    /// A contract to ask about, whatever a server says; can be given several times
    #[arg(long = "contract", value_name = "CAIP10", requires = "rpc", value_parser = args::contract)]
    contracts: Vec<Contract>,
    #[command(flatten)]
    nodes: RpcArgs,
}

/// One contract, as far as it was asked about.
#[derive(Debug)]
struct Shown {
    contract: Contract,
    /// How its worker stands, if the firm was asked.
    worker: Option<Standing>,
    /// How it stands itself, or why that is not known; nothing if no node was given.
    chain: Option<Result<State, String>>,
}

impl Shown {
    /// What does not go together, or waits for a person.
    fn fault(&self) -> Option<String> {
        let worker = self.worker.as_ref();
        if let Some(halted) = worker.filter(|worker| worker.is_halted()) {
            return Some(format!("its worker has halted: {}", halted.reason));
        }
        let Some(Ok(state)) = &self.chain else { return None };
        let last = worker.and_then(|worker| worker.last_sequence);
        last.filter(|last| *last >= state.size).map(|last| {
            let size = state.size;
            format!("the firm says that entry {last} is there, and the contract has {size} entries")
        })
    }

    fn outcome(&self) -> Outcome {
        if self.fault().is_some() {
            return Outcome::Refused;
        }
        // A worker that waits says why where there is something to be looked at.
        let is_waiting = self.worker.as_ref().is_some_and(|worker| !worker.reason.is_empty());
        let is_unsure = is_waiting || matches!(self.chain, Some(Err(_)));
        if is_unsure { Outcome::CannotTell } else { Outcome::Done }
    }

    fn show(&self, output: &mut Output) -> Result<()> {
        let contract = self.contract;
        match (self.fault(), self.outcome()) {
            (Some(fault), _) => output.bad(&format!("{contract}: {fault}"))?,
            (None, Outcome::CannotTell) => output.unsure(&contract.to_string())?,
            (None, Outcome::Done | Outcome::Refused) => output.good(&contract.to_string())?,
        }
        if let Some(worker) = &self.worker {
            worker.show(output)?;
        }
        match &self.chain {
            None => {}
            Some(Err(why)) => output.field("contract", &format!("unknown: {why}"))?,
            Some(Ok(state)) => show_state(state, output)?,
        }
        Ok(())
    }

    fn json(&self) -> serde_json::Value {
        let (state, error) = match &self.chain {
            None => (None, None),
            Some(Ok(state)) => (Some(state), None),
            Some(Err(why)) => (None, Some(why)),
        };
        json!({
            "contract": self.contract.to_string(),
            "fault": self.fault(),
            "worker": self.worker.as_ref().map(Standing::json),
            "chain": state.map(|state| json!({
                "size": state.size,
                "last_time": (state.size > 0).then(|| time(state.last_time)),
                "root": state.root.to_base64(),
                "committer": state.committer.to_string(),
                "successor": state.successor.map(|successor| successor.to_string()),
            })),
            "chain_error": error,
        })
    }
}

/// Asks, and shows it.
pub(super) async fn run(args: &StatusArgs, output: &mut Output) -> Result<Outcome> {
    let standings = match &args.server {
        Some(server) => {
            ask_firm(&ServerArgs { server: server.clone(), caller: args.caller.clone() })?
        }
        None => Vec::new(),
    };
    let own = args.contracts.iter().map(|contract| (*contract, None));
    let asked =
        standings.into_iter().map(|standing| (standing.contract, Some(standing))).chain(own);
    let endpoints = args.nodes.endpoints()?;
    let nodes = chain::by_chain(&endpoints).await;
    let mut all = Vec::new();
    for (contract, worker) in asked {
        let chain = if endpoints.is_empty() { None } else { Some(ask(contract, &nodes).await) };
        all.push(Shown { contract, worker, chain });
    }
    let outcomes: Vec<Outcome> = all.iter().map(Shown::outcome).collect();
    let outcome =
        [Outcome::Refused, Outcome::CannotTell].into_iter().find(|it| outcomes.contains(it));
    let outcome = outcome.unwrap_or(Outcome::Done);
    output.conclude(outcome);
    for why in &nodes.silent {
        output.warn(why)?;
    }
    if all.is_empty() {
        output.line("this firm anchors on no chain")?;
    }
    for shown in &all {
        shown.show(output)?;
    }
    let contracts: Vec<_> = all.iter().map(Shown::json).collect();
    output.json(&json!({ "outcome": outcome.word(), "contracts": contracts }))?;
    Ok(outcome)
}

fn ask_firm(args: &ServerArgs) -> Result<Vec<Standing>> {
    let (files, server) = (PublicFiles::of_firm(args)?, &args.server);
    let bytes = files.get("anchors", ANSWER_BYTES_MAX)?.ok_or_else(|| {
        Failure::cannot_tell(format!("{server} does not say how its anchors stand"))
            .next("check that address and version are those of witnessd")
    })?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let standings: Option<Vec<Standing>> = text.lines().map(Standing::parse).collect();
    standings.ok_or_else(|| {
        Failure::cannot_tell(format!("{server}/anchors says what this version does not understand"))
            .next("check that address and version are those of witnessd")
            .into()
    })
}

async fn ask(contract: Contract, nodes: &ByChain) -> Result<State, String> {
    let Some(endpoints) = nodes.chains.get(&contract.chain) else {
        return Err(format!("no node of chain {} answers", contract.chain));
    };
    let expected = Expected { contract, code_hash: None };
    let nodes = chain::connect(endpoints, expected).await.map_err(|error| error.to_string())?;
    nodes.state(At::Latest).await.map_err(|error| error.to_string())
}

fn show_state(state: &State, output: &mut Output) -> Result<()> {
    output.field("entries", &state.size.to_string())?;
    if state.size > 0 {
        output.field("newest", &time(state.last_time))?;
    }
    output.field("root", &state.root.to_base64())?;
    match (state.successor, state.committer.is_zero()) {
        (Some(successor), _) => output.field("retired", &format!("it goes on in {successor}"))?,
        (None, true) => output.field("committer", "nobody: nothing can be appended")?,
        (None, false) => output.field("committer", &state.committer.to_string())?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use witness_anchor::alloy::Address;
    use witness_core::hash::Hash;

    fn line(rest: &str) -> String {
        format!("eip155:8453:0x{} {rest}", "ab".repeat(20))
    }

    #[test]
    fn a_halt_and_a_contradiction_are_faults() {
        let shown = |text: &str, size: u64| {
            let worker = Standing::parse(&line(text)).unwrap();
            let state = State {
                size,
                last_time: 0,
                root: Hash::EMPTY_ROOT,
                committer: Address::ZERO,
                successor: None,
            };
            Shown { contract: worker.contract, worker: Some(worker), chain: Some(Ok(state)) }
        };
        assert_eq!(shown("anchored 17 1 - - - -", 18).outcome(), Outcome::Done);
        assert_eq!(shown("anchored 17 1 - - - -", 17).outcome(), Outcome::Refused);
        assert_eq!(
            shown("halted 17 1 - - - - - the key is used elsewhere", 18).outcome(),
            Outcome::Refused
        );
        let mut unknown = shown("waiting - - - - - -", 0);
        unknown.chain = Some(Err("no answer".to_owned()));
        assert_eq!(unknown.outcome(), Outcome::CannotTell);
    }
}
