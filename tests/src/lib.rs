//! What the journeys share: real `witnessd` and `witness` processes on folders of their own, clients of all
//! their faces, and issuers that draft with the core. No journey talks to a server but through these.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a journey that cannot go on should stop"
)]

mod anvil;
mod auditor;
mod bundle;
mod clients;
mod committer;
mod holders;
mod http;
mod issuer;
mod process;
mod proxy;
mod remains;
mod rng;
mod server;
mod sluice;
mod trust;
mod waiting;
mod witness;

pub use anvil::{Anvil, Block, Logged, Mined, Mining};
pub use auditor::Auditor;
pub use bundle::{Audited, MadeBundle, MadeEvent, Stray};
pub use clients::{Clients, ask, pushed_back, reason, refusal};
pub use committer::Committer;
pub use holders::{Holders, Page};
pub use http::{Answer, rollup};
pub use issuer::{
    Issuer, Sheet, Stream, amends, document, issued, now_us, occurred, request, status,
};
pub use process::{Running, Said};
pub use proxy::{CONTROL, Calls, Fault, LISTENING, Proxy, Rule, Traffic};
pub use remains::Remains;
pub use rng::Rng;
pub use server::{Data, Server, copy_folder, witnessd, witnessd_says};
pub use sluice::Sluice;
pub use trust::Trust;
pub use waiting::{awaited, until};
pub use witness::Witness;

use std::io::Write as _;

/// Says something that is seen in passing runs, too: the test harness keeps back what `eprintln!` says.
pub fn tell(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// Whether more rounds and larger sizes are asked for, with `WITNESS_TEST_LONG=1`.
#[must_use]
pub fn is_long() -> bool {
    variable("WITNESS_TEST_LONG").is_some_and(|value| value == "1")
}

/// The short size, or the long one where that is asked for.
#[must_use]
pub fn scaled(short: u64, long: u64) -> u64 {
    if is_long() { long } else { short }
}

/// An environment variable.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where journeys are configured")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
