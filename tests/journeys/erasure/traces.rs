//! What an event leaves in files: what must be found of it before it is erased, and nowhere after.

use witness_core::{
    drafting::{Draft, Occurrence},
    encoding::base64,
    event::{Event, Salt},
};
use witness_tests::{Remains, document, issued};

/// A document that was issued, with details of its own.
pub(super) fn issued_with(name: &str, module: &str) -> Occurrence {
    let mut occurrence = issued(document(name));
    for (field, value) in &mut occurrence.details {
        if field == "module" {
            module.clone_into(value);
        }
    }
    occurrence
}

/// What must be found of an event before it is erased, as it is stored, and nowhere after.
pub(super) struct Traces {
    pub(super) stored: Vec<(&'static str, Vec<u8>)>,
    other: Vec<(&'static str, Vec<u8>)>,
}

impl Traces {
    /// Of the event of a draft. Its document hash is among them if nothing else of the document stays.
    pub(super) fn of(draft: &Draft, event: usize, module: &str) -> Self {
        let text = Event::parse(draft.events[event].as_bytes()).unwrap();
        // The second line of details is their salt.
        let details_salt = draft.details[event].lines().nth(1).unwrap();
        let details_salt = Salt::parse(details_salt).unwrap().0;
        let (salt, details_hash) = (text.salt.0, text.details.unwrap());
        let (hex, hash) = (text.document.0.to_hex(), text.document.0);
        Self {
            stored: vec![
                ("salt in base64", base64(&salt).into_bytes()),
                ("document hash in hex", hex.into_bytes()),
                ("details hash in base64", details_hash.to_base64().into_bytes()),
                ("salt of the details in base64", base64(&details_salt).into_bytes()),
                ("value of the details", module.as_bytes().to_vec()),
            ],
            other: vec![
                ("salt", salt.to_vec()),
                ("document hash", hash.as_bytes().to_vec()),
                ("document hash in base64", hash.to_base64().into_bytes()),
                ("details hash", details_hash.as_bytes().to_vec()),
                ("salt of the details", details_salt.to_vec()),
            ],
        }
    }

    /// The document lives on: its hash is no trace of the event.
    pub(super) fn without_document(mut self) -> Self {
        self.stored.retain(|(what, _)| !what.starts_with("document"));
        self.other.retain(|(what, _)| !what.starts_with("document"));
        self
    }

    /// Each that is stored is found in some table, decompressed.
    pub(super) fn assert_in_tables(&self, remains: &Remains) {
        for (what, bytes) in &self.stored {
            let found = remains.holding(bytes);
            assert!(found.iter().any(|name| name.ends_with(", decompressed")), "{what}: {found:?}");
        }
    }

    pub(super) fn assert_nowhere(&self, remains: &Remains) {
        for (what, bytes) in self.stored.iter().chain(&self.other) {
            assert_eq!(remains.holding(bytes), Vec::<&str>::new(), "{what} is still there");
        }
    }
}
