//! Whether the firm's data is older than its last anchor, asked at start: a restored backup must not go on as if
//! nothing had been said since.

use std::sync::Arc;

use super::{WorkerError, contract_of, read, sight};
use crate::{
    nodes::Nodes,
    rpc::At,
    worker::{journal::Journal, record::Record},
};

/// What the chain says about our data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The newest anchor is a roll-up that we have.
    Same,
    /// The newest anchor is none that we have: the data is older than it, or somebody else anchors.
    Behind {
        /// Entries of the contract.
        chain_size: u64,
        /// Entries that we know of.
        known: u64,
    },
    /// The chain cannot be asked now; ask again.
    Unknown(String),
}

/// Compares the newest anchor on the chain with what the journal knows. `first_block` is as in [`super::Setup`].
pub async fn compare<J: Journal + 'static>(
    journal: &Arc<J>,
    nodes: &Nodes,
    first_block: u64,
) -> Result<Comparison, WorkerError> {
    let expected = contract_of(nodes);
    let record = read(journal, J::record).await?;
    let record = record.map(|text| Record::parse(&text)).transpose()?;
    let record = record.filter(|record| record.contract == expected);
    // What was planned and is not on the chain, as far as this data knows, is not known to be ours there.
    let known = record.as_ref().map_or(0, |record| {
        record.first_unmined().map_or(record.next_sequence(), |entry| entry.sequence)
    });
    let asked = async {
        nodes.connect().await?;
        let latest = nodes.latest().await?;
        let state = nodes.state(At::Number(latest.number)).await?;
        let Some(newest) = state.size.checked_sub(1).filter(|newest| *newest >= known) else {
            return Ok(Ok((state.size, None)));
        };
        let from = record.as_ref().map_or(first_block, |it| sight::search_from(it, first_block));
        let event = nodes.anchored(newest, from..=latest.number).await?;
        let event = event.ok_or("the nodes do not show the newest entry of the contract");
        Ok(event.map(|event| (state.size, Some(event.rollup))))
    };
    let (chain_size, value) = match asked.await {
        Ok(Ok(said)) => said,
        Ok(Err(reason)) => return Ok(Comparison::Unknown(reason.to_owned())),
        Err(crate::nodes::NodesError::AllRefused { answers }) => {
            return Err(WorkerError::Nodes(crate::nodes::NodesError::AllRefused { answers }));
        }
        Err(error) => return Ok(Comparison::Unknown(error.to_string())),
    };
    let Some(value) = value else { return Ok(Comparison::Same) };
    let ours = read(journal, move |journal| journal.rollup_of(&value)).await?;
    Ok(ours.map_or(Comparison::Behind { chain_size, known }, |_| Comparison::Same))
}
