//! What an operator should know now: each alarm says what is so, and what to do next.

use alloy_primitives::Address;
use witness_core::time::Timestamp;

use super::{halt::Halt, spend::Budget};

/// Something that does not mend itself, or not soon enough. Money is in wei.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// The worker has halted.
    #[error("halted: {0}")]
    Halted(Halt),
    /// Another account may append.
    #[error(
        "stopped: the contract's committer is {committer} and not our account: give the worker that key, or set the \
         committer with the cold key"
    )]
    NotCommitter {
        /// Who may append; zero if nobody.
        committer: Address,
    },
    /// The contract has ended.
    #[error(
        "stopped: the contract is retired, {successor} goes on after it: configure that contract"
    )]
    Retired {
        /// The contract that goes on.
        successor: Address,
    },
    /// Nodes do not agree, or do not answer.
    #[error(
        "too few nodes agree on the newest block: nothing is sent until they do; look at the nodes"
    )]
    NoSight,
    /// Nodes do not agree on the newest final block.
    #[error(
        "too few nodes agree on the newest final block: nothing becomes evidence until they do; look at the nodes"
    )]
    NoFinalSight,
    /// The newest final block lies below one that was final before.
    #[error(
        "the newest final block, {seen}, lies below {known}, which was final before: nodes lag; look at them"
    )]
    FinalWentBack {
        /// Number of the newest final block.
        seen: u64,
        /// Number of the one before.
        known: u64,
    },
    /// An anchor is mined for long and not final.
    #[error(
        "entry {sequence} is on the chain since {since} and not final: the chain's finality stalls, or nodes do; \
         anchors wait, there is nothing to do but look"
    )]
    FinalityStalls {
        /// The oldest such entry.
        sequence: u64,
        /// When it was first seen on the chain.
        since: Timestamp,
    },
    /// The contract says that an entry exists, and no event or receipt shows it.
    #[error(
        "entry {sequence} is on the chain and nodes do not show its event: look at the nodes, or use others"
    )]
    EventMissing {
        /// The entry.
        sequence: u64,
    },
    /// An entry is final, and its proof could not be captured.
    #[error(
        "entry {sequence} is final and its proof is not captured: nodes must serve all receipts of its block"
    )]
    NotProved {
        /// The entry.
        sequence: u64,
    },
    /// The account's nonce is above what was signed.
    #[error(
        "the account's nonce is {chain} where {ours} was expected: somebody else may use our key; the worker halts \
         if this becomes final"
    )]
    NonceTaken {
        /// The nonce that the journal expects.
        ours: u64,
        /// The nonce of the account.
        chain: u64,
    },
    /// The account's nonce is not known well enough to sign.
    #[error(
        "the account's nonce is {chain} at the newest block and {last} at the final one: waiting until both agree"
    )]
    NonceUnsettled {
        /// At the newest block.
        chain: u64,
        /// At the newest final block, or what the journal knows.
        last: u64,
    },
    /// Fees are not known.
    #[error("too few nodes agree on fees: nothing is signed until they do; look at the nodes")]
    NoFees,
    /// Anchoring now would break a limit on money.
    #[error("{} would cost {need} wei and may cost {limit}: the anchor waits; raise the limit if that is wrong",
        budget_words(*budget))]
    OverBudget {
        /// Which limit.
        budget: Budget,
        /// The limit.
        limit: u128,
        /// What would be needed.
        need: u128,
    },
    /// The account has not enough money for the next transaction.
    #[error(
        "the account has {balance} wei and the next transaction may need {need}: send it money"
    )]
    BalanceEmpty {
        /// What it has.
        balance: u128,
        /// What it may need.
        need: u128,
    },
    /// The account has money for few days.
    #[error("the account has money for {days} days: send it some")]
    BalanceLow {
        /// Days that it lasts.
        days: u64,
    },
    /// Fees were raised as often as they may.
    #[error(
        "entry {sequence} is not mined after {attempts} attempts: fees are not raised any more; look at the chain's \
         fees and at the limits"
    )]
    BumpsExhausted {
        /// The entry.
        sequence: u64,
        /// How many attempts there are.
        attempts: usize,
    },
    /// Too many entries wait for evidence.
    #[error(
        "{0} entries wait for finality, as many as can: no more are anchored until some are final"
    )]
    WindowFull(usize),
    /// The key was changed while entries were under way.
    #[error(
        "entries signed with the key before are under way: waiting until the change of the committer is final"
    )]
    KeyChanges,
    /// A part of the work that is outside of the machine failed; it is tried again.
    #[error("{what} failed: {why}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why it failed, and what to do.
        why: String,
    },
}

fn budget_words(budget: Budget) -> &'static str {
    match budget {
        Budget::Anchor => "this anchor",
        Budget::Day => "this day with the next anchor",
        Budget::Month => "these thirty days with the next anchor",
    }
}
