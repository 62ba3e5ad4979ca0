//! The audit bundle: a folder with all entries of a log up to a published size, and with the bodies of the streams
//! that are in the scope of whoever asked for it. All of it can be checked without anybody's help.
//!
//! What must hold: nothing in a bundle is believed because it is there. Entries count by the signed root, bodies
//! by the roots that issuers signed, the list of files and streams by the registry that the entries make.

mod bodies;
mod bundle;
mod fault;
pub mod findings;
mod members;
mod path;
mod published;
mod replay;

pub use bodies::{
    BODIES_FORMAT, BodiesError, BodiesReader, ITEM_BYTES_MAX, Item, Step, write_erased,
    write_event, write_head, write_submission,
};
pub use bundle::{AnchorFile, BUNDLE_BYTES_MAX, Bundle, BundleError, BundleScope, BundleStream};
pub use fault::Fault;
pub use path::BundlePath;
pub use published::{CheckedAnchor, CheckedRollUp, ProvedCheckpoint, PublishedError, Publisher};
pub use replay::{Played, Replay, Replayed};
