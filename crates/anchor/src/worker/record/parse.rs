//! The record as text: what parses comes out as it went in, is bounded, and is in order.

use super::{Entry, FORMAT, Record, WINDOW_MAX, entry::ProofFault};

/// Longest record, in bytes: a full window with proofs of some 20 KB each, and what lies around it.
pub const RECORD_BYTES_MAX: usize = 8 << 20;
/// Most bytes of a signed transaction; ours has some 180.
const RAW_BYTES_MAX: usize = 1024;
/// Most attempts of one entry.
const ATTEMPTS_MAX: usize = 64;

/// Why a record is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    /// It is longer than a record can be.
    #[error("the anchor record has {0} bytes, more than it can have: restore the firm's store")]
    TooLong(usize),
    /// It is not JSON of the right shape.
    #[error(
        "the anchor record is not {FORMAT} ({0}): was it written by a newer program? else restore the firm's store"
    )]
    Shape(#[from] serde_json::Error),
    /// It parses, and says what cannot be.
    #[error("the anchor record contradicts itself ({0}): restore the firm's store")]
    Contradiction(&'static str),
    /// A proof in it does not verify.
    #[error("a proof in the anchor record fails ({0}): restore the firm's store")]
    Proof(#[from] ProofFault),
}

impl Record {
    /// Reads a record, and checks the proofs in it.
    pub fn parse(text: &str) -> Result<Self, RecordFault> {
        if text.len() > RECORD_BYTES_MAX {
            return Err(RecordFault::TooLong(text.len()));
        }
        let record: Self = serde_json::from_str(text)?;
        record.check_order()?;
        for entry in &record.window {
            if let Some(proof) = entry.place.as_ref().and_then(|place| place.proof.as_ref()) {
                proof.check_again(&record.contract, (entry.sequence, &entry.value))?;
            }
        }
        Ok(record)
    }

    /// The record as text.
    pub fn encode(&self) -> Result<String, RecordFault> {
        let text = serde_json::to_string(self)?;
        if text.len() > RECORD_BYTES_MAX { Err(RecordFault::TooLong(text.len())) } else { Ok(text) }
    }

    fn check_order(&self) -> Result<(), RecordFault> {
        let sequences = self.window.iter().map(|entry| entry.sequence);
        let mined = self.window.iter().take_while(|entry| entry.place.is_some()).count();
        let places = self.window.iter().filter_map(|entry| entry.place.as_ref());
        let nonces = self.window.iter().filter_map(|entry| entry.sending.as_ref());
        let mut nonces: Vec<u64> = nonces.map(|sending| sending.nonce).collect();
        nonces.sort_unstable();
        let checks = [
            (self.window.len() <= WINDOW_MAX, "too many entries"),
            (sequences.eq((self.mirror.size()..).take(self.window.len())), "a gap in the sequence"),
            (places.count() == mined, "an entry that is mined follows one that is not"),
            (nonces.is_sorted_by(|one, next| one < next), "a nonce is used twice"),
            (nonces.last().is_none_or(|last| *last < self.nonces.next), "the next nonce is used"),
            (self.window.iter().all(is_sound), "attempts of an entry"),
            (self.spent.is_sound(), "what was spent"),
        ];
        let wrong = checks.into_iter().find(|(holds, _)| !holds);
        wrong.map_or(Ok(()), |(_, what)| Err(RecordFault::Contradiction(what)))
    }
}

fn is_sound(entry: &Entry) -> bool {
    entry.sending.as_ref().is_none_or(|sending| {
        let attempts = &sending.attempts;
        let rises = attempts.is_sorted_by(|one, next| one.bid.max_fee < next.bid.max_fee);
        let short = attempts.iter().all(|attempt| attempt.raw.len() <= RAW_BYTES_MAX);
        !attempts.is_empty() && attempts.len() <= ATTEMPTS_MAX && rises && short
    })
}
