//! The chain of records: what the next one must name, and where it breaks.

use alloc::string::String;

use super::{Access, AccessRecord};
use crate::{hash::Hash, text::Malformed, time::Timestamp};

/// Why a record does not go on from those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It does not read.
    #[error("the record where number {number} should stand does not read: {why}")]
    Text {
        /// The number that it should have.
        number: u64,
        /// What is wrong.
        why: Malformed,
    },
    /// Another one stands in its place: one or more were taken out or put in.
    #[error("number {expected} should follow, and number {found} does")]
    Number {
        /// The number that it should have.
        expected: u64,
        /// The number that it has.
        found: u64,
    },
    /// It was written after another one than the one before it.
    #[error("record {number} names another record before it than the one that is there")]
    Previous {
        /// Its number.
        number: u64,
    },
    /// It is older than the one before it.
    #[error("record {number} is older than the one before it")]
    Time {
        /// Its number.
        number: u64,
    },
}

/// The end of a chain of records: writes the next one, and checks what is said to be it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    records: u64,
    head: Hash,
    at: Timestamp,
}

impl Default for Chain {
    fn default() -> Self {
        Self { records: 0, head: Hash::ZERO, at: Timestamp::EPOCH }
    }
}

impl Chain {
    /// Before the first record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on after a record, by its text; what that one names as the one before it is taken as it stands.
    pub fn after(text: &[u8]) -> Result<Self, Malformed> {
        let record = AccessRecord::parse(text)?;
        let (records, at) = (record.number + 1, record.access.at);
        Ok(Self { records, head: Hash::of(text), at })
    }

    /// Number of records, up to and with the newest.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// SHA-256 of the newest; zero if there is none.
    #[must_use]
    pub fn head(&self) -> Hash {
        self.head
    }

    /// The next record's text, and the chain behind it. Its time is lifted to that of the one before.
    pub fn append(&mut self, access: Access) -> String {
        let at = access.at.max(self.at);
        let (number, previous, access) = (self.records, self.head, Access { at, ..access });
        let text = AccessRecord { number, previous, access }.encode();
        *self = Self { records: self.records + 1, head: Hash::of(text.as_bytes()), at };
        text
    }

    /// Takes the next record, if it goes on from those before it.
    pub fn follow(&mut self, text: &[u8]) -> Result<AccessRecord, ChainError> {
        let number = self.records;
        let record = AccessRecord::parse(text).map_err(|why| ChainError::Text { number, why })?;
        if record.number != number {
            return Err(ChainError::Number { expected: number, found: record.number });
        }
        if record.previous != self.head {
            return Err(ChainError::Previous { number });
        }
        if record.access.at < self.at {
            return Err(ChainError::Time { number });
        }
        let (records, at) = (number + 1, record.access.at);
        *self = Self { records, head: Hash::of(text), at };
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{
        super::{Filter, Printable, Role},
        *,
    };

    fn access(micros: u64) -> Access {
        Access {
            at: Timestamp::from_micros(micros),
            caller: Printable::parse("operator").unwrap(),
            role: Role::Operator,
            method: Printable::parse("AdminService.GetRegistry").unwrap(),
            results: Some(micros),
            filter: Filter::default(),
        }
    }

    fn written(times: &[u64]) -> Vec<String> {
        let mut chain = Chain::new();
        times.iter().map(|at| chain.append(access(*at))).collect()
    }

    /// Where the chain breaks, if it does.
    fn read(mut chain: Chain, texts: &[String]) -> Result<u64, ChainError> {
        for text in texts {
            chain.follow(text.as_bytes())?;
        }
        Ok(chain.records())
    }

    #[test]
    fn what_was_written_is_read_and_time_never_runs_backwards() {
        let texts = written(&[5, 3, 9]);
        assert_eq!(read(Chain::new(), &texts), Ok(3));
        let second = AccessRecord::parse(texts[1].as_bytes()).unwrap();
        assert_eq!(second.access.at.micros(), 5);
        let mut goes_on = Chain::after(texts[2].as_bytes()).unwrap();
        let next = goes_on.append(access(10));
        assert_eq!(read(Chain::new(), &[texts, [next].to_vec()].concat()), Ok(4));
    }

    #[test]
    fn a_record_that_was_changed_taken_out_put_in_or_moved_breaks_the_chain_there() {
        let texts = written(&[1, 2, 3, 4]);
        let mut changed = texts.clone();
        changed[1] = changed[1].replace("GetRegistry 2", "GetRegistry 0");
        assert_eq!(read(Chain::new(), &changed), Err(ChainError::Previous { number: 2 }));
        let mut taken = texts.clone();
        taken.remove(1);
        let wrong = ChainError::Number { expected: 1, found: 2 };
        assert_eq!(read(Chain::new(), &taken), Err(wrong));
        let mut put_in = texts.clone();
        put_in.insert(2, texts[1].clone());
        let wrong = ChainError::Number { expected: 2, found: 1 };
        assert_eq!(read(Chain::new(), &put_in), Err(wrong));
        // Numbered anew, the rest does not name what is before it.
        let renumbered = texts[2].replace("v1\n2 ", "v1\n1 ");
        let moved = [texts[0].clone(), renumbered];
        assert_eq!(read(Chain::new(), &moved), Err(ChainError::Previous { number: 1 }));
        let mut torn = texts.clone();
        torn[3].pop();
        assert!(matches!(read(Chain::new(), &torn), Err(ChainError::Text { number: 3, .. })));
    }

    #[test]
    fn a_record_that_is_older_than_the_one_before_it_is_told() {
        let texts = written(&[5, 6]);
        let mut chain = Chain::new();
        chain.follow(texts[0].as_bytes()).unwrap();
        let older = texts[1].replace("v1\n1 6\n", "v1\n1 4\n");
        assert_ne!(older, texts[1]);
        let wrong = chain.follow(older.as_bytes());
        assert_eq!(wrong, Err(ChainError::Time { number: 1 }));
    }

    #[test]
    fn a_chain_that_is_joined_in_the_middle_checks_what_follows() {
        let texts = written(&[1, 2, 3, 4]);
        let joined = |number: usize| Chain::after(texts[number].as_bytes()).unwrap();
        assert_eq!(read(joined(1), &texts[2..]), Ok(4));
        let wrong = ChainError::Number { expected: 1, found: 2 };
        assert_eq!(read(joined(0), &texts[2..]), Err(wrong));
    }
}
