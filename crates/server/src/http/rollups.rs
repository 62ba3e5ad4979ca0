//! The public face of roll-ups and anchors: what was signed over all logs, and where it stands on a chain.

use axum::{
    extract::{Path, Query, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use witness_core::rollup::Contract;
use witness_ledger::{RollUpCell, StoreError};

use super::{
    FOR_EVER, FRESH, From, PAGE, Route, Shared, TEXT, answer, not_found, route, store_failed,
};
use crate::{access::Policy, anchoring::line, firm::Firm};

const JSON: &str = "application/json";

/// Resources of roll-ups and anchors.
pub(super) fn routes() -> [Route; 6] {
    use Policy::Anybody;
    [
        route("/rollup", Anybody, get(newest)),
        route("/rollup/{sequence}", Anybody, get(of_sequence)),
        route("/rollup/{sequence}/checkpoints", Anybody, get(checkpoints)),
        route("/anchors", Anybody, get(statuses)),
        route("/anchors/{contract}", Anybody, get(anchors)),
        route("/anchors/{contract}/{sequence}", Anybody, get(anchor)),
    ]
}

/// The newest roll-up: the signed note.
async fn newest(State(firm): Shared) -> Response {
    match firm.store.newest_rollup() {
        Ok(Some((_, cell))) => answer(StatusCode::OK, TEXT, FRESH, cell.note),
        Ok(None) => not_found("nothing is rolled up yet"),
        Err(error) => store_failed(&error),
    }
}

async fn of_sequence(State(firm): Shared, Path(sequence): Path<String>) -> Response {
    rolled_up(&firm, &sequence, |cell| cell.note)
}

/// The checkpoints under a roll-up, in order: three lines for each log.
async fn checkpoints(State(firm): Shared, Path(sequence): Path<String>) -> Response {
    rolled_up(&firm, &sequence, |cell| cell.checkpoints.concat())
}

fn rolled_up(firm: &Firm, sequence: &str, show: fn(RollUpCell) -> String) -> Response {
    let Some(sequence) = witness_core::text::decimal(sequence) else {
        return not_found("no sequence of a roll-up");
    };
    match firm.store.rollup(sequence) {
        Ok(Some(cell)) => answer(StatusCode::OK, TEXT, FOR_EVER, show(cell)),
        Ok(None) => not_found("no roll-up of this sequence"),
        Err(error) => store_failed(&error),
    }
}

/// How each contract stands, one line for each.
async fn statuses(State(firm): Shared) -> Response {
    let lines = firm.anchoring.standings().map(|(contract, standing)| line(contract, &standing));
    answer(StatusCode::OK, TEXT, FRESH, lines.collect::<String>())
}

/// What is said where a name is not that of a contract (CAIP-10). Past contracts of ours are served, too.
const NO_CONTRACT: &str = "a contract is named eip155:<chain>:0x<address in lower case>";

/// The anchors on a contract, ascending from `?from=`, at most 1,000; the next page begins after the last:
/// `<sequence> <block time, s> <roll-up> <block number> <block hash>`.
async fn anchors(
    State(firm): Shared,
    Path(name): Path<String>,
    Query(query): Query<From>,
) -> Response {
    let Some(contract) = Contract::parse_caip10(&name) else { return not_found(NO_CONTRACT) };
    let Some(from) = query.number() else { return not_found("no sequence of an anchor") };
    // A page of them is some megabytes.
    let read = move || firm.store.anchors_of(contract).from(from, PAGE);
    let Ok(page) = tokio::task::spawn_blocking(read).await else { return not_found("no answer") };
    match page {
        Ok(cells) => {
            let lines = cells.iter().map(|cell| {
                let hash = witness_core::evm::Word(cell.block_hash);
                format!("{} {} {} {} {hash}\n", cell.sequence, cell.time, cell.rollup, cell.block)
            });
            answer(StatusCode::OK, TEXT, FRESH, lines.collect::<String>())
        }
        Err(error) => store_failed(&error),
    }
}

/// One anchor with its proof up to a block header.
async fn anchor(State(firm): Shared, Path((name, sequence)): Path<(String, String)>) -> Response {
    let Some(contract) = Contract::parse_caip10(&name) else { return not_found(NO_CONTRACT) };
    let Some(sequence) = witness_core::text::decimal(&sequence) else {
        return not_found("no sequence of an anchor");
    };
    let found: Result<_, StoreError> = firm.store.anchors_of(contract).get(sequence);
    match found {
        Ok(Some(cell)) => answer(StatusCode::OK, JSON, FOR_EVER, cell.anchor),
        Ok(None) => not_found("no anchor of this sequence, or it is not final yet"),
        Err(error) => store_failed(&error),
    }
}
