//! Signatures that were found good are remembered: notes of the firm and the registry come again in every
//! evidence file. The rule is the core's; only its cost is saved.

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use witness_core::note::{Ed25519, Strict};

/// Signatures remembered, 32 bytes each.
const REMEMBERED: usize = 65_536;

/// Remembers good signatures, up to a bound.
pub(crate) struct Memo {
    good: Cache<[u8; 32], ()>,
}

impl Memo {
    pub(crate) fn new() -> Self {
        Self { good: Cache::new(REMEMBERED) }
    }
}

impl Ed25519 for Memo {
    fn verify(
        &self,
        key: &witness_core::note::PublicKey,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool {
        // Key and signature are of fixed length, so no two triples share their bytes.
        let triple: [u8; 32] = Sha256::new()
            .chain_update(key.as_bytes())
            .chain_update(signature)
            .chain_update(message)
            .finalize()
            .into();
        if self.good.get(&triple).is_some() {
            return true;
        }
        let good = Strict.verify(key, message, signature);
        if good {
            self.good.insert(triple, ());
        }
        good
    }
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo").field("remembered", &self.good.len()).finish_non_exhaustive()
    }
}
