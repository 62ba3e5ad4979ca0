//! What evidence has in common is remembered: signatures that were found good, the firm's keys, and the registry as the
//! notes of a file gave it. The rules are the core's; only their cost is saved.

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest, Sha256};
use witness_core::{
    evidence::Memory,
    firm::Firm,
    hash::Hash,
    note::{Ed25519, Strict},
    registry::Registry,
};

/// Signatures remembered, 32 bytes each.
const REMEMBERED: usize = 65_536;
/// What notes are remembered weighs so many bytes at most: their texts, each list of notes at least the other number.
const NOTES_WEIGHT_MAX: u64 = 4 << 20;
const NOTES_WEIGHT_MIN: u64 = 16 << 10;
/// About so many lists of notes are expected.
const NOTES_EXPECTED: usize = 256;

/// Remembers good signatures and notes, up to a bound.
pub(crate) struct Memo {
    good: Cache<[u8; 32], ()>,
    firms: Cache<Hash, Weighed<Firm>, Weight>,
    registries: Cache<Hash, Weighed<Registry>, Weight>,
}

/// What was read from notes, with the size of their texts.
type Weighed<T> = (Arc<T>, usize);

#[derive(Clone)]
struct Weight;

impl<T> Weighter<Hash, Weighed<T>> for Weight {
    fn weight(&self, _digest: &Hash, (_, size): &Weighed<T>) -> u64 {
        u64::try_from(*size).unwrap_or(u64::MAX).max(NOTES_WEIGHT_MIN)
    }
}

impl Memo {
    pub(crate) fn new() -> Self {
        Self {
            good: Cache::new(REMEMBERED),
            firms: Cache::with_weighter(NOTES_EXPECTED, NOTES_WEIGHT_MAX, Weight),
            registries: Cache::with_weighter(NOTES_EXPECTED, NOTES_WEIGHT_MAX, Weight),
        }
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

impl Memory for Memo {
    fn firm(&self, digest: &Hash) -> Option<Arc<Firm>> {
        self.firms.get(digest).map(|(firm, _)| firm)
    }

    fn keep_firm(&self, digest: Hash, firm: &Arc<Firm>, size: usize) {
        self.firms.insert(digest, (Arc::clone(firm), size));
    }

    fn registry(&self, digest: &Hash) -> Option<Arc<Registry>> {
        self.registries.get(digest).map(|(registry, _)| registry)
    }

    fn keep_registry(&self, digest: Hash, registry: &Arc<Registry>, size: usize) {
        self.registries.insert(digest, (Arc::clone(registry), size));
    }
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo").field("remembered", &self.good.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use witness_core::{
        key::{SignatureType, SigningKey},
        name::{Domain, Origin},
        note::Note,
        time::Timestamp,
    };

    #[test]
    fn a_good_signature_is_remembered_for_its_key_and_text_alone_and_a_wrong_one_never() {
        let key = |seed| SigningKey::from_seed("a", SignatureType::Ed25519, &[seed; 32]).unwrap();
        let (memo, key, other) = (Memo::new(), key(1), key(2));
        let line = key.sign("one\n", Timestamp::EPOCH);
        let verifies = |text: &str, line: &witness_core::note::SignatureLine, key: &SigningKey| {
            let note = Note::new(text.to_owned(), vec![line.clone()]);
            note.verify(key.verifying_key(), &memo).is_ok()
        };
        let mut forged = line.clone();
        *forged.signature.last_mut().unwrap() ^= 1;
        let mut of_other = line.clone();
        of_other.id = other.verifying_key().id();
        // Twice each: the second time, what the first one left is there.
        for _ in 0..2 {
            assert!(!verifies("one\n", &forged, &key), "the signature is another");
            assert!(verifies("one\n", &line, &key));
            assert!(!verifies("two\n", &line, &key), "the text is another");
            assert!(!verifies("one\n", &of_other, &other), "the key is another");
        }
        assert_eq!(memo.good.len(), 1);
    }

    #[test]
    fn registries_are_found_under_their_own_digests_and_their_memory_is_bounded() {
        let memo = Memo::new();
        let digest = |number: u64| Hash::of(&number.to_be_bytes());
        let firm = Domain::parse("witness.example").unwrap();
        let registry = |number: u64| {
            let log = witness_core::name::Name::parse(&format!("log{number}")).unwrap();
            Arc::new(Registry::new(Origin::of(&firm, &log).unwrap()))
        };
        for number in 0..2000 {
            memo.keep_registry(digest(number), &registry(number), 3000);
            assert!(memo.registries.weight() <= NOTES_WEIGHT_MAX);
            assert!(memo.registries.len() <= NOTES_EXPECTED);
        }
        let found = (0..2000).filter_map(|number| Some((number, memo.registry(&digest(number))?)));
        let found: Vec<(u64, Arc<Registry>)> = found.collect();
        assert!(!found.is_empty());
        assert!(found.iter().all(|(number, known)| *known == registry(*number)));
        assert_eq!(memo.registry(&digest(2000)), None);
        // One that outweighs all that may be remembered is not.
        memo.keep_registry(digest(7000), &registry(7), 5 << 20);
        assert_eq!(memo.registry(&digest(7000)), None);
        assert!(memo.registries.weight() <= NOTES_WEIGHT_MAX);
    }
}
