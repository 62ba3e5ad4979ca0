//! What the server says of a stream's past, compared with what the journal can prove.
//!
//! What must hold: each submission affirms the one before it, so nothing is signed over a past that
//! contradicts the journal.

use anyhow::{Context as _, Result};
use witness_core::{drafting::Position, hash::Hash, name::Origin, note::Note};

use super::journal::{SignedRecord, State};
use crate::outcome::Failure;

/// The journal is one log's; sequence numbers of another mean nothing to it.
pub(super) fn refuse_other_log(state: &State, origin: &Origin) -> Result<(), Failure> {
    let Some(input) = state.inputs.iter().find(|input| input.record.origin != origin.as_str())
    else {
        return Ok(());
    };
    let known = &input.record.origin;
    let message = format!("the journal is of the log {known}, and the server's is {origin}");
    Err(Failure::refused(message).next(
        "check the address of the server; to submit to another log, give a --journal of its own",
    ))
}

/// Refuses a position that contradicts a receipt, or what was signed.
pub(super) fn refuse_other_past(state: &State, position: &Position) -> Result<()> {
    let next = position.next_sequence;
    let acknowledged = state.acknowledged_to().unwrap_or(0);
    if next < acknowledged {
        let message = format!(
            "the log goes on at sequence {next}, but the journal has verified receipts up to \
             {acknowledged}: the log has lost what it acknowledged"
        );
        let step = "submit nothing more; keep the journal, its receipts prove it, and ask the firm";
        return Err(Failure::refused(message).next(step).into());
    }
    let Some(expected) = text_hash_at(state, next)? else { return Ok(()) };
    if expected == position.previous {
        return Ok(());
    }
    let message = format!(
        "at sequence {next} the log names another submission as the last one than the journal has"
    );
    let step = "sign nothing over a past that is not yours; keep the journal, ask the firm for the \
                submission that it names, and find out who else has the key";
    Err(Failure::refused(message).next(step).into())
}

/// Hash of the submission that the journal has right before a sequence number, if it has one that ends
/// there: the last with a receipt, or one on its way, which may have been logged.
fn text_hash_at(state: &State, next: u64) -> Result<Option<Hash>> {
    if next == 0 {
        return Ok(Some(Hash::ZERO));
    }
    let mut known = state.acknowledged.iter().chain(&state.pending);
    known.find(|signed| signed.next_sequence() == next).map(text_hash).transpose()
}

fn text_hash(signed: &SignedRecord) -> Result<Hash> {
    let note = Note::parse(signed.note.as_bytes());
    let note = note.context("the journal has a note that does not read")?;
    Ok(Hash::of(note.text().as_bytes()))
}

#[cfg(test)]
mod tests {
    use witness_core::{
        key::{SignatureType, SigningKey},
        time::Timestamp,
    };

    use super::{super::journal::InputRecord, super::journal::InputState, super::rows::Format, *};

    /// Five events from a sequence number on; the text stands for those of a real submission.
    fn signed(first: u64) -> SignedRecord {
        let key = SigningKey::from_seed("aws.training", SignatureType::Ed25519, &[2; 32]).unwrap();
        let text = format!("submission at {first}\n");
        let note = Note::new(text.clone(), vec![key.sign(&text, Timestamp::EPOCH)]);
        SignedRecord {
            input: 0,
            first,
            events: 5,
            rows_from: 0,
            rows_to: 5,
            bytes_to: 0,
            chain: Hash::ZERO.to_base64(),
            note: note.to_string(),
        }
    }

    fn state(acknowledged: Option<u64>, pending: &[u64]) -> State {
        let record = InputRecord {
            input: 0,
            path: "rows.csv".into(),
            format: Format::Csv,
            origin: "witness.example/log1".to_owned(),
        };
        State {
            inputs: vec![InputState { record, acknowledged: None, done: false }],
            pending: pending.iter().copied().map(signed).collect(),
            acknowledged: acknowledged.map(signed),
        }
    }

    fn refusal(state: &State, next_sequence: u64, previous: Hash) -> Option<String> {
        let position = Position { next_sequence, previous };
        refuse_other_past(state, &position).err().map(|error| error.to_string())
    }

    fn hash_of(first: u64) -> Hash {
        Hash::of(format!("submission at {first}\n").as_bytes())
    }

    #[test]
    fn a_past_that_the_journal_knows_otherwise_is_not_signed_over() {
        let other = Hash::of(b"a submission of somebody else's");
        let journal = state(Some(0), &[5, 10]);
        for (next, last) in [(5, 0), (10, 5), (15, 10)] {
            assert_eq!(refusal(&journal, next, hash_of(last)), None);
            assert!(refusal(&journal, next, other).unwrap().contains("another submission"));
        }
        assert!(refusal(&journal, 3, other).unwrap().contains("has lost"));
        assert_eq!(refusal(&state(None, &[]), 0, Hash::ZERO), None);
        assert!(refusal(&state(None, &[]), 0, other).unwrap().contains("another submission"));
        // What others submitted with a journal of theirs is not known here.
        assert_eq!(refusal(&journal, 20, other), None);
    }

    #[test]
    fn a_journal_is_used_for_one_log_only() {
        let origin = |text| Origin::parse(text).unwrap();
        assert_eq!(refuse_other_log(&state(None, &[]), &origin("witness.example/log1")), Ok(()));
        assert!(refuse_other_log(&state(None, &[]), &origin("witness.example/log2")).is_err());
        assert_eq!(refuse_other_log(&State::default(), &origin("witness.example/log2")), Ok(()));
    }
}
