//! The worker: gets roll-ups onto the chain, and learns when they can be given up no more.
//!
//! A pure machine ([`step`]) looks at what is remembered ([`Record`]) and what a quorum of nodes agreed on
//! ([`Seen`]), and says what is to be written and done; a thin driver ([`Worker`]) looks, writes and does. What must
//! hold:
//! - nothing is sent that was not written down before, and the payload of a nonce never changes;
//! - one transaction is under way at a time;
//! - evidence is what the chain itself calls final, proved down to a block's hash, and nothing else;
//! - money has limits that no event breaks;
//! - what looks as if somebody else had the key, or as if the nodes lied, stops the worker until an operator has
//!   looked.

mod alarm;
mod driver;
mod halt;
mod journal;
mod limits;
mod machine;
mod range;
mod record;
mod seen;
mod spend;
mod time;

#[cfg(test)]
mod tests;

pub use self::{
    alarm::Alarm,
    driver::{Clock, Comparison, Phase, Setup, Status, Worker, WorkerError, compare},
    halt::Halt,
    journal::{Evidenced, Journal},
    limits::Limits,
    machine::{Action, Capture, Now, Sign, Step, runway_days, step},
    range::Mirror,
    record::{
        Attempt, Block, Cadence, Entry, Nonces, Place, Proof, ProofFault, RECORD_BYTES_MAX, Record,
        RecordError, RecordFault, Sending, Stand, State, WINDOW_MAX,
    },
    seen::{Anchored, At, Fees, Receipt, Seen},
    spend::{Budget, Cost, DAY, MONTH, Spent},
};
