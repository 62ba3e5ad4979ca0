//! Random numbers that can be had again: xorshift64* (Vigna 2016) from a printed seed.

use std::fmt;

/// A generator that is fully given by its seed.
#[derive(Debug, Clone)]
pub struct Rng {
    seed: u64,
    state: u64,
}

impl Rng {
    /// From `WITNESS_TEST_SEED`, else from the system's randomness.
    #[must_use]
    pub fn from_environment() -> Self {
        let given = crate::variable("WITNESS_TEST_SEED");
        let seed = given.map(|seed| seed.parse().expect("WITNESS_TEST_SEED must be a decimal"));
        Self::new(seed.unwrap_or_else(|| getrandom::u64().unwrap()))
    }

    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // The state must not be zero; the odd constant parts seeds that are close to each other.
        Self { seed, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + (self.bits() >> 16) % (high - low + 1)
    }

    /// A generator of its own, for a task of its own.
    #[must_use]
    pub fn part(&mut self) -> Self {
        Self::new(self.bits())
    }
}

/// What to set to have the same numbers again.
impl fmt::Display for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WITNESS_TEST_SEED={}", self.seed)
    }
}
