//! The receipt of a transaction, and the event in it (EIP-2718; Ethereum Yellow Paper, section 4.4.1).

use alloy_primitives::keccak256;

use super::{error::AnchorError, rlp::Items};
use crate::{hash::Hash, rollup::Contract};

/// The event of the contract.
const EVENT: &str = "Anchored(uint48,bytes32,bytes32)";

/// What the event must say.
pub(super) struct Expected<'a> {
    pub(super) contract: &'a Contract,
    pub(super) sequence: u64,
    pub(super) rollup: &'a Hash,
    pub(super) entry: Hash,
}

/// A log of a receipt.
struct Log<'a> {
    address: &'a [u8; 20],
    topics: Items<'a>,
    data: &'a [u8],
}

/// Checks that the transaction succeeded and that its log of this number says what it must.
pub(super) fn check(
    receipt: &[u8],
    log_index: u64,
    expected: &Expected<'_>,
) -> Result<(), AnchorError> {
    let (status, logs) = read(receipt).ok_or(AnchorError::Receipt)?;
    if status != [1] {
        return Err(AnchorError::ReceiptStatus);
    }
    let log = log(logs, log_index).ok_or(AnchorError::Log { log_index })?;
    if log.address != &expected.contract.address {
        return Err(AnchorError::LogContract { log_index });
    }
    let [event, sequence, rollup] =
        topics(log.topics).ok_or(AnchorError::LogEvent { log_index })?;
    if event != keccak256(EVENT).0 {
        return Err(AnchorError::LogEvent { log_index });
    }
    if sequence != word(expected.sequence) {
        return Err(AnchorError::LogSequence);
    }
    if &rollup != expected.rollup.as_bytes() {
        return Err(AnchorError::LogRollup);
    }
    if log.data != expected.entry.as_bytes() {
        return Err(AnchorError::Entry);
    }
    Ok(())
}

/// Status and logs. A type byte comes before all but the oldest kind (EIP-2718); what a kind adds at the end, like
/// the nonce of a deposit on an OP chain, is stepped over.
fn read(receipt: &[u8]) -> Option<(&[u8], Items<'_>)> {
    let list = match receipt.split_first()? {
        (0x01..=0x7f, list) => list,
        _ => receipt,
    };
    let mut items = Items::of(list)?;
    let status = items.next()?.string()?;
    let _cumulative_gas = items.next()?.integer()?;
    let _bloom = items.next()?.array::<256>()?;
    let logs = items.next()?.list()?;
    while !items.is_at_end() {
        items.next()?;
    }
    Some((status, logs))
}

fn log(mut logs: Items<'_>, index: u64) -> Option<Log<'_>> {
    for _ in 0..index {
        logs.next()?;
    }
    let mut log = logs.next()?.list()?;
    let (address, topics) = (log.next()?.array()?, log.next()?.list()?);
    let data = log.next()?.string()?;
    log.is_at_end().then_some(Log { address, topics, data })
}

/// Exactly three words.
fn topics(mut topics: Items<'_>) -> Option<[[u8; 32]; 3]> {
    let mut topic = || topics.next()?.array().copied();
    let three = [topic()?, topic()?, topic()?];
    topics.is_at_end().then_some(three)
}

/// An integer as a topic.
fn word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    if let Some(low) = word.last_chunk_mut() {
        *low = number.to_be_bytes();
    }
    word
}
