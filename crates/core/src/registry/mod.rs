//! The registry: who the issuers are, with which keys, streams and claim types. It is entries of the log,
//! each a note signed by the registrar; this is what they say, in log order.

mod change;
mod record;
mod state;

pub use change::{Change, RegistryChange};
pub use record::{
    ClaimTypeRecord, IssuerRecord, KeyRecord, KeyStanding, Logged, Recovery, Revocation,
    StreamRecord,
};
pub use state::{Continuity, Registry, RegistryError};
