//! Who calls, and what they may: callers by their role, each with a scope, and the log of what they asked.

mod caller;
mod record;

pub(crate) use self::{
    caller::{Caller, Role},
    record::{Asked, record},
};
