//! Who calls, and what they may: callers by their role, each with a scope, and the log of what they asked.

mod bodies;
mod caller;
mod callers;
mod credentials;
mod gate;
pub(crate) mod heads;
mod limits;
mod log;
mod policy;
mod record;

pub(crate) use self::{
    caller::{Caller, Role},
    callers::{Callers, CallersError, Grant},
    gate::{Gate, admit, no_method, permit, speaks_grpc},
    limits::Limits,
    log::AccessLog,
    policy::Policy,
    record::{Asked, record},
};
