//! Who is let in: by tokens and by client certificates, over TLS, and how much each may take.

mod certificates;
mod idle;
mod limits;
mod reload;
pub(crate) mod site;
mod stalled;
mod tokens;
mod untaken;
