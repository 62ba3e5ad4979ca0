//! What the driver's work adds to the record: a signature, a proof, and an operator's word.

use witness_core::time::Timestamp;

use super::{Attempt, Proof, Record, Sending};
use crate::worker::{halt::Halt, machine::Sign, spend::Cost};

/// Why something cannot be added to the record: it is a fault of the program, so stop and report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// No such entry waits for a signature.
    #[error("entry {0} takes no signature: it is on the chain, or was never planned")]
    NotExpected(u64),
    /// Another payload or nonce than what was signed before.
    #[error("entry {0} was signed with another nonce or payload, which must never change")]
    Frozen(u64),
    /// Fees that are not above those of the attempt before.
    #[error("entry {0} was signed with fees as high")]
    NotHigher(u64),
}

impl Record {
    /// Notes a signed transaction. It must be written before the first byte of it leaves the process.
    pub fn add_attempt(
        &mut self,
        sign: &Sign,
        attempt: Attempt,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let used = self.holds_nonce(sign.nonce);
        let sequence = sign.sequence;
        let entry = self.entry_mut(sequence).filter(|entry| entry.place.is_none());
        let entry = entry.ok_or(RecordError::NotExpected(sequence))?;
        if entry.value != sign.value {
            return Err(RecordError::Frozen(sequence));
        }
        let (waits_since, waits_since_block) = (now, sign.block);
        match &mut entry.sending {
            None if used => return Err(RecordError::Frozen(sequence)),
            None => {
                let (nonce, attempts, first_sent_at) = (sign.nonce, vec![attempt], None);
                let sending =
                    Sending { nonce, attempts, first_sent_at, waits_since, waits_since_block };
                entry.sending = Some(sending);
            }
            Some(sending) => {
                if sending.nonce != sign.nonce {
                    return Err(RecordError::Frozen(sequence));
                }
                if sending.attempts.iter().any(|before| before.bid.max_fee >= attempt.bid.max_fee) {
                    return Err(RecordError::NotHigher(sequence));
                }
                sending.attempts.push(attempt);
                *sending = Sending { waits_since, waits_since_block, ..sending.clone() };
            }
        }
        entry.cost = Some(Cost { at: now, reserved: sign.cost, settled: None });
        self.nonces.next = self.nonces.next.max(sign.nonce + 1);
        Ok(())
    }

    /// Notes a proof, if it leads to the block in which the entry stands now.
    pub fn add_proof(&mut self, sequence: u64, proof: Proof) {
        let place = self.entry_mut(sequence).and_then(|entry| entry.place.as_mut());
        if let Some(place) = place.filter(|place| place.block == *proof.block()) {
            place.proof = Some(proof);
        }
    }

    /// An operator's word that what halted the worker was looked into. What is still so halts it again; an entry
    /// whose transaction failed, or whose nonce somebody else used, is signed anew.
    pub fn resume(&mut self) {
        let Some(halt) = self.halted.take() else { return };
        let lost: Vec<u64> = match &halt {
            Halt::Reverted { sequence, .. } => vec![*sequence],
            Halt::ForeignNonce { chain, .. } => {
                self.nonces.adrift = true;
                let unmined = self.window.iter().filter(|entry| entry.place.is_none());
                let used = unmined.filter(|entry| {
                    entry.sending.as_ref().is_some_and(|sending| sending.nonce < *chain)
                });
                used.map(|entry| entry.sequence).collect()
            }
            Halt::ForeignCommit { .. }
            | Halt::FinalChanged { .. }
            | Halt::Shrunk { .. }
            | Halt::RootDiffers { .. } => Vec::new(),
        };
        for sequence in lost {
            let Some(entry) = self.entry_mut(sequence) else { continue };
            let cost = entry.cost.take();
            entry.unsign();
            // A transaction that fails is paid for.
            if let Some(cost) = cost.filter(|_| matches!(halt, Halt::Reverted { .. })) {
                self.spent.book(&cost, cost.at);
            }
        }
    }
}
