//! The registry: who the issuers are, with which keys, streams and claim types, and how long what lies beside the log
//! is kept. It is entries of the log, each a note signed by the registrar; this is what they say, in log order.

mod change;
mod enact;
mod error;
mod record;
mod state;

pub use change::{Change, RETENTION_DAYS_MAX, RegistryChange};
pub use error::RegistryError;
pub use record::{
    ClaimTypeRecord, HoldRecord, IssuerRecord, KeyRecord, KeyStanding, Logged, Recovery, Retention,
    Revocation, StreamRecord,
};
pub use state::{Continuity, Registry};
