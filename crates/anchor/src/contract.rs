//! The contract `WitnessAnchorLog`: its calls, events and errors, from the ABI and bytecode that are committed
//! in `deploy/contracts` and that a check compiles afresh.

use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::SolConstructor as _;
use witness_core::{hash::Hash, key::VerifyingKey};

pub use self::abi::WitnessAnchorLog;

mod abi {
    alloy_sol_types::sol!(
        #[derive(Debug, PartialEq, Eq)]
        WitnessAnchorLog,
        "../../deploy/contracts/WitnessAnchorLog.json"
    );
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
