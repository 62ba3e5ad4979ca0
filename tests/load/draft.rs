//! Drafting as cheaply as can be: the client shares two cores with the server, and what is to be measured is
//! the server. The texts are those of any issuer's client; only their salts are not secret, and they are
//! written from templates.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context as _, Result};
use witness_core::{
    details::Details,
    drafting::Position,
    encoding,
    event::Event,
    hash::{DocumentHash, Hash},
    key::SigningKey,
    merkle,
    name::{Domain, Name, Origin},
    note::Note,
    submission::Submission,
    time::Timestamp,
};
use witness_wire::{Bytes, v1::SubmitRequest};

/// Bytes of base64 of a salt.
const SALT_TEXT: usize = 24;

/// The hash of the n-th document of all runs: whoever knows how many there are can ask for any of them.
pub(crate) fn document(n: u64) -> DocumentHash {
    DocumentHash(Hash::of(format!("doc {n}").as_bytes()))
}

/// Gives out documents, each once, to all streams of a run.
#[derive(Debug, Clone)]
pub(crate) struct Documents(Arc<AtomicU64>);

impl Documents {
    pub(crate) fn from(first: u64) -> Self {
        Self(Arc::new(AtomicU64::new(first)))
    }

    /// How many are given out.
    pub(crate) fn given(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Gives out some.
    pub(crate) fn some(&self, count: u64) -> std::ops::Range<u64> {
        let first = self.take(count);
        first..first + count
    }

    fn take(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Ordering::Relaxed)
    }
}

/// A submission ready to be sent.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) note: Note,
    pub(crate) request: SubmitRequest,
}

/// Drafts the submissions of one stream, one after the other.
#[derive(Debug)]
pub(crate) struct Drafter {
    pub(crate) origin: Origin,
    pub(crate) stream: Name,
    pub(crate) position: Position,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) documents: Documents,
    /// Events of one submission.
    pub(crate) events: u64,
    /// When all of it happened, by the issuer's word: microseconds since the epoch.
    pub(crate) occurred_at: i64,
}

impl Drafter {
    /// The next submission of the stream, signed.
    pub(crate) fn next(&mut self) -> Result<Draft> {
        let first = self.documents.take(self.events);
        let size = usize::try_from(self.events)?;
        let (mut leaves, mut events, mut details) =
            (Vec::with_capacity(size), Vec::with_capacity(size), Vec::with_capacity(size));
        for n in first..first + self.events {
            let (event, its_details) = texts(n, self.occurred_at);
            leaves.push(Hash::leaf(event.as_bytes()));
            events.push(Bytes::from(event));
            details.push(Bytes::from(its_details));
        }
        let submission = Submission {
            origin: self.origin.clone(),
            issuer: Domain::parse(self.key.verifying_key().name()).context("the issuer's name")?,
            stream: self.stream.clone(),
            first_sequence: self.position.next_sequence,
            events: self.events,
            root: merkle::leaves_root(&leaves),
            previous: self.position.previous,
        };
        let text = submission.encode();
        let next_sequence = submission.next_sequence();
        self.position = Position { next_sequence, previous: Hash::of(text.as_bytes()) };
        let signature = self.key.sign(&text, Timestamp::EPOCH);
        let note = Note::new(text, vec![signature]);
        let submission = note.to_string().into();
        Ok(Draft { note, request: SubmitRequest { submission, events, details } })
    }
}

/// The texts are what they should be: those of one document are read back by the core.
pub(crate) fn check_texts(occurred_at: i64) -> Result<()> {
    let (event, details) = texts(0, occurred_at);
    let event = Event::parse(event.as_bytes()).context("an event as this program writes it")?;
    let read = Details::parse(details.as_bytes()).context("details as this program writes them")?;
    anyhow::ensure!(event.document == document(0), "the event is of another document");
    anyhow::ensure!(event.details == Some(Hash::new(read.hash())), "the event has other details");
    anyhow::ensure!(read.fields().len() == 3, "there are not three details");
    Ok(())
}

/// Texts of the event and of the details of the n-th document.
fn texts(n: u64, occurred_at: i64) -> (String, String) {
    let document = document(n);
    // A salt for each of the two, out of one hash.
    let salts = encoding::base64(Hash::of(document.0.as_bytes()).as_bytes());
    let event_salt = salt(&salts, 0);
    let details_salt = salt(&salts, SALT_TEXT - 4);
    let level = n % 8 + 1;
    let module = n % 1000;
    let mut details = String::with_capacity(160);
    let mut event = String::with_capacity(256);
    // Writing to a string cannot fail.
    write!(
        details,
        "witness-details/v1\n{details_salt}\nawarded=2026-03-15\neqf-level={level}\nmodule=CLD-{module:03}\n"
    )
    .ok();
    event.push_str("witness-event/v1\n");
    event.push_str(&event_salt);
    event.push_str("\nsha256 ");
    push_hex(&mut event, document.0.as_bytes());
    writeln!(event, "\nissued\nskill-module\n{occurred_at}").ok();
    event.push_str(&Hash::of(details.as_bytes()).to_base64());
    event.push('\n');
    (event, details)
}

/// Base64 of sixteen bytes: 21 characters as they come, one whose lower four bits are zero, and padding.
fn salt(characters: &str, from: usize) -> String {
    let mut salt = String::with_capacity(SALT_TEXT);
    salt.extend(characters.chars().skip(from).take(SALT_TEXT - 3));
    salt.push_str("A==");
    salt
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_read_back() {
        for n in [0, 1, 999, u64::MAX] {
            let (event, details) = texts(n, 0);
            assert_eq!(Event::parse(event.as_bytes()).unwrap().document, document(n));
            Details::parse(details.as_bytes()).unwrap();
        }
        check_texts(1).unwrap();
    }
}
