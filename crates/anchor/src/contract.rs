//! The contract `WitnessAnchorLog`: its calls, events and errors, from the ABI and bytecode that are committed
//! in `deploy/contracts` and that a check compiles afresh.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, U256, address, aliases::U48, keccak256};
use alloy_sol_types::{SolCall, SolConstructor as _, SolEvent as _, SolInterface as _};
use witness_core::{hash::Hash, key::VerifyingKey};

use crate::rpc::{At, Call, Called, Log, Node, NodeError};

pub use self::abi::WitnessAnchorLog;

mod abi {
    alloy_sol_types::sol!(
        #[derive(Debug, PartialEq, Eq)]
        WitnessAnchorLog,
        "../../deploy/contracts/WitnessAnchorLog.json"
    );
}

alloy_sol_types::sol! {
    /// Part of a chain of the OP Stack: what transactions pay for their bytes on the chain below.
    interface GasPriceOracle {
        function getL1Fee(bytes transaction) external view returns (uint256);
    }
}

/// Where every chain of the OP Stack has its `GasPriceOracle`.
const GAS_PRICE_ORACLE: Address = address!("0x420000000000000000000000000000000000000F");
/// Entries of a contract have numbers of 48 bits.
const SEQUENCE_MAX: u64 = (1 << 48) - 1;
const CALL: &str = "eth_call";

/// How a contract stands at some block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Number of entries, which is the number of the next one.
    pub size: u64,
    /// Time of the newest entry, in seconds since the epoch; zero if there is none.
    pub last_time: u64,
    /// Root over all entries.
    pub root: Hash,
    /// Who may append; zero if nobody.
    pub committer: Address,
    /// The contract that goes on after this one, if it is retired.
    pub successor: Option<Address>,
}

/// An entry of a contract, as its event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchored {
    /// Its number.
    pub sequence: u64,
    /// The roll-up: SHA-256 of its text.
    pub rollup: Hash,
    /// Leaf hash of the entry.
    pub leaf: Hash,
    /// The transaction.
    pub tx: B256,
    /// Number of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
}

/// Why the contract refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revert {
    /// Only the committer may do this.
    NotCommitter,
    /// Only the owner may do this.
    NotOwner,
    /// It has ended.
    IsRetired,
    /// The number is not the next one, which is this.
    Stale {
        /// The next number.
        size: u64,
    },
    /// A zero where something must be named.
    Zero,
    /// Something that the contract does not say.
    Unknown {
        /// The first of its bytes.
        data: Bytes,
    },
}

impl Revert {
    /// Reads what a call reverted with.
    #[must_use]
    pub fn parse(data: &[u8]) -> Self {
        use WitnessAnchorLog::WitnessAnchorLogErrors as Errors;
        const DATA_BYTES_MAX: usize = 68;
        match Errors::abi_decode(data) {
            Ok(Errors::NotCommitter(_)) => Self::NotCommitter,
            Ok(Errors::NotOwner(_)) => Self::NotOwner,
            Ok(Errors::IsRetired(_)) => Self::IsRetired,
            Ok(Errors::Stale(stale)) => Self::Stale { size: stale.size.to() },
            Ok(Errors::Zero(_)) => Self::Zero,
            Err(_) => {
                let data = data.get(..DATA_BYTES_MAX).unwrap_or(data);
                Self::Unknown { data: Bytes::copy_from_slice(data) }
            }
        }
    }
}

impl fmt::Display for Revert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCommitter => formatter.write_str("only the committer may do this"),
            Self::NotOwner => formatter.write_str("only the owner may do this"),
            Self::IsRetired => formatter.write_str("the contract is retired"),
            Self::Stale { size } => write!(formatter, "the next number is {size}"),
            Self::Zero => formatter.write_str("a zero where something must be named"),
            Self::Unknown { data } => write!(formatter, "it reverts with {data}"),
        }
    }
}

/// Whose anchor log a contract is: SHA-256 of the firm's root vkey and a newline. Online keys can rotate under
/// it.
#[must_use]
pub fn origin(root: &VerifyingKey) -> B256 {
    B256::from(*Hash::of(format!("{root}\n").as_bytes()).as_bytes())
}

/// What a transaction that deploys the contract carries: its code, then the owner, the committer and the
/// origin.
#[must_use]
pub fn deployment(owner: Address, committer: Address, origin: B256) -> Bytes {
    let arguments =
        WitnessAnchorLog::constructorCall { owner_: owner, committer_: committer, origin };
    [WitnessAnchorLog::BYTECODE.as_ref(), &arguments.abi_encode()].concat().into()
}

/// keccak-256 of the code of a contract with this origin: the origin is all of it that differs from one contract to
/// another.
#[must_use]
pub fn code_hash(origin: B256) -> B256 {
    let code = WitnessAnchorLog::DEPLOYED_BYTECODE.as_ref();
    let (before, rest) = code.split_at(origin_in(code).unwrap_or_default());
    let after = rest.get(size_of::<B256>()..).unwrap_or_default();
    keccak256([before, origin.as_slice(), after].concat())
}

/// Where the origin stands in the code: the compiler leaves an immutable out, as zeros after PUSH32.
fn origin_in(code: &[u8]) -> Option<usize> {
    const PUSH32: u8 = 0x7f;
    let pushed = code.windows(1 + size_of::<B256>()).position(|window| {
        window.split_first().is_some_and(|(first, rest)| *first == PUSH32 && rest == B256::ZERO)
    });
    pushed.map(|instruction| instruction + 1)
}

/// What a transaction that appends a roll-up carries; `None` if no contract has so many entries.
#[must_use]
pub fn commit(sequence: u64, rollup: &Hash) -> Option<Bytes> {
    let (seq, rollup) = (number(sequence)?, B256::from(*rollup.as_bytes()));
    Some(WitnessAnchorLog::commitCall { seq, rollup }.abi_encode().into())
}

/// What a transaction of the owner's carries that lets another key append.
#[must_use]
pub fn set_committer(to: Address) -> Bytes {
    WitnessAnchorLog::setCommitterCall { to }.abi_encode().into()
}

/// The entry that a log is, if it is one of this contract's.
#[must_use]
pub fn entry(log: &Log, contract: Address) -> Option<Anchored> {
    let topics = log.topics.iter().copied();
    let event = WitnessAnchorLog::Anchored::decode_raw_log_validate(topics, &log.data).ok()?;
    // The decoder takes what is longer.
    let is_one = log.address == contract && log.data.len() == size_of::<B256>();
    is_one.then(|| Anchored {
        sequence: event.seq.to(),
        rollup: Hash::new(event.rollup.0),
        leaf: Hash::new(event.leafHash.0),
        tx: log.tx,
        block_number: log.block_number,
        block_hash: log.block_hash,
    })
}

/// How a contract stands, as one node says.
pub(crate) async fn state(node: &Node, contract: Address, at: At) -> Result<State, NodeError> {
    let head = ask(node, contract, WitnessAnchorLog::headCall {}, at).await?;
    let committer = ask(node, contract, WitnessAnchorLog::committerCall {}, at).await?;
    let successor = ask(node, contract, WitnessAnchorLog::successorCall {}, at).await?;
    Ok(State {
        size: head.size.to(),
        last_time: head.lastTime.to(),
        root: Hash::new(head.root_.0),
        committer,
        successor: (!successor.is_zero()).then_some(successor),
    })
}

/// Who owns a contract, as one node says.
pub(crate) async fn owner(node: &Node, contract: Address, at: At) -> Result<Address, NodeError> {
    ask(node, contract, WitnessAnchorLog::ownerCall {}, at).await
}

/// What a chain of the OP Stack takes besides for the bytes of a transaction, as one node says; zero where there is
/// no such fee.
pub(crate) async fn l1_fee(node: &Node, raw: Bytes) -> Result<u128, NodeError> {
    let data = GasPriceOracle::getL1FeeCall { transaction: raw }.abi_encode().into();
    let call = Call { from: None, to: GAS_PRICE_ORACLE, data };
    match node.call(&call, At::Latest).await? {
        Called::Returned(nothing) if nothing.is_empty() => Ok(0),
        Called::Returned(returned) => {
            let fee = GasPriceOracle::getL1FeeCall::abi_decode_returns_validate(&returned);
            fee.ok().and_then(|fee| u128::try_from(fee).ok()).ok_or_else(|| node.malformed(CALL))
        }
        Called::Reverted(_) => Err(node.malformed(CALL)),
    }
}

/// The entry of a number, if it was made in these blocks, as one node says.
pub(crate) async fn anchored(
    node: &Node,
    contract: Address,
    sequence: u64,
    blocks: (u64, u64),
) -> Result<Option<Anchored>, NodeError> {
    let Some(seq) = number(sequence) else { return Ok(None) };
    let topics = [WitnessAnchorLog::Anchored::SIGNATURE_HASH, B256::from(U256::from(seq))];
    let logs = node.logs(contract, topics, blocks).await?;
    // A contract has one entry under each number.
    match logs.as_slice() {
        [] => Ok(None),
        [log] => entry(log, contract).map(Some).ok_or_else(|| node.malformed("eth_getLogs")),
        _ => Err(node.malformed("eth_getLogs")),
    }
}

async fn ask<C: SolCall>(
    node: &Node,
    contract: Address,
    call: C,
    at: At,
) -> Result<C::Return, NodeError> {
    let call = Call { from: None, to: contract, data: call.abi_encode().into() };
    let returned = match node.call(&call, at).await? {
        Called::Returned(returned) => C::abi_decode_returns_validate(&returned).ok(),
        // No view of the contract reverts.
        Called::Reverted(_) => None,
    };
    returned.ok_or_else(|| node.malformed(CALL))
}

fn number(sequence: u64) -> Option<U48> {
    (sequence <= SEQUENCE_MAX).then(|| U48::from(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_sol_types::SolError as _;

    #[test]
    fn an_entry_is_a_log_of_the_contract_and_of_no_other() {
        let contract = Address::repeat_byte(7);
        let event = WitnessAnchorLog::Anchored {
            seq: U48::from(5),
            rollup: B256::repeat_byte(1),
            leafHash: B256::repeat_byte(2),
        };
        let event = event.encode_log_data();
        let log = Log {
            address: contract,
            topics: event.topics().to_vec(),
            data: event.data.clone(),
            tx: B256::repeat_byte(3),
            block_number: 9,
            block_hash: B256::repeat_byte(4),
            index_in_block: 0,
        };
        let found = entry(&log, contract).unwrap();
        assert_eq!((found.sequence, found.rollup), (5, Hash::new([1; 32])));
        assert_eq!(entry(&log, Address::ZERO), None);
        let mut other = log.clone();
        other.topics[0] = B256::ZERO;
        assert_eq!(entry(&other, contract), None);
        let longer = Log { data: [event.data.as_ref(), &[0; 32]].concat().into(), ..log };
        assert_eq!(entry(&longer, contract), None);
    }

    #[test]
    fn a_refusal_of_the_contract_is_read_back() {
        let stale = WitnessAnchorLog::Stale { size: U48::from(12) }.abi_encode();
        assert_eq!(Revert::parse(&stale), Revert::Stale { size: 12 });
        let unknown = Revert::parse(&[9; 1000]);
        assert!(matches!(&unknown, Revert::Unknown { data } if data.len() == 68), "{unknown}");
    }

    #[test]
    fn the_origin_stands_in_one_place_of_the_code() {
        let code = WitnessAnchorLog::DEPLOYED_BYTECODE.as_ref();
        let first = origin_in(code).unwrap();
        assert_eq!(origin_in(&code[first..]), None);
        assert_ne!(code_hash(B256::repeat_byte(1)), code_hash(B256::repeat_byte(2)));
        assert_eq!(code_hash(B256::ZERO), keccak256(code));
    }

    #[test]
    fn a_contract_has_no_more_than_2_to_the_48_entries() {
        assert!(commit(SEQUENCE_MAX, &Hash::new([1; 32])).is_some());
        assert_eq!(commit(SEQUENCE_MAX + 1, &Hash::new([1; 32])), None);
    }
}
