//! The `.tlog-proof` file: that an entry is in a log, as any C2SP client understands it (C2SP tlog-proof).

use alloc::{format, string::String, vec::Vec};

use crate::{
    encoding,
    evidence::{Evidence, Place},
    hash::Hash,
    merkle::{self, LeafIndex, PATH_HASHES_MAX, ProofError},
    note::{Ed25519, Note, NoteError},
    text::{Lines, Malformed, decimal},
    tlog_policy::{Accepted, TlogPolicy, TlogRefusal},
};

const FORMAT: &str = "c2sp.org/tlog-proof@v1";
/// Longest file: a note of the greatest length, 63 hashes, and as much again for the extra bytes.
pub const TLOG_PROOF_BYTES_MAX: usize = 2_000_000;

/// Why a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// The lines before the checkpoint are not what they should be.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// The checkpoint is no signed note.
    #[error("checkpoint: {0}")]
    Note(#[from] NoteError),
    /// The policy does not accept the checkpoint.
    #[error("checkpoint: {0}")]
    Policy(#[from] TlogRefusal),
    /// The path does not lead from the leaf to the checkpoint's root.
    #[error("inclusion: {0}")]
    Inclusion(#[from] ProofError),
}

/// A proof that a leaf is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Whatever the application added: unauthenticated, never to be trusted by itself.
    pub extra: Option<Vec<u8>>,
    /// Index of the leaf.
    pub index: LeafIndex,
    /// Inclusion path, from the leaf up.
    pub path: Vec<Hash>,
    /// The checkpoint for which the path was computed, with its signatures.
    pub checkpoint: Note,
}

impl TlogProof {
    /// Parses a file; what would be written otherwise is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        let mut lines = Lines::open(FORMAT, bytes, TLOG_PROOF_BYTES_MAX)?;
        let mut extra = None;
        let index = loop {
            let expected = "extra <base64>, at most once, or index <decimal>";
            let may_be_extra = extra.is_none();
            let line = lines.parse(expected, |line| match line.split_once(' ')? {
                ("extra", base64) if may_be_extra => encoding::from_base64(base64).map(Line::Extra),
                ("index", index) => decimal(index).map(|index| Line::Index(LeafIndex(index))),
                _ => None,
            })?;
            match line {
                Line::Extra(bytes) => extra = Some(bytes),
                Line::Index(index) => break index,
            }
        };
        let mut path = Vec::new();
        loop {
            let is_full = path.len() >= PATH_HASHES_MAX;
            let expected = "a hash of the path in base64, at most 63 of them, or an empty line";
            let line = lines.parse(expected, |line| match line {
                "" => Some(None),
                _ if is_full => None,
                _ => Hash::from_base64(line).map(Some),
            })?;
            match line {
                Some(hash) => path.push(hash),
                None => break,
            }
        }
        let checkpoint = Note::parse(lines.rest().as_bytes())?;
        Ok(Self { extra, index, path, checkpoint })
    }

    /// The file.
    #[must_use]
    pub fn encode(&self) -> String {
        let extra = self.extra.as_ref();
        let extra = extra.map(|bytes| format!("extra {}\n", encoding::base64(bytes)));
        let path: String = self.path.iter().map(|hash| hash.to_base64() + "\n").collect();
        let (extra, index) = (extra.unwrap_or_default(), self.index);
        format!("{FORMAT}\n{extra}index {index}\n{path}\n{}", self.checkpoint)
    }

    /// Checks that the leaf with hash `leaf`, which the application computes, is in a log whose checkpoint
    /// the policy accepts.
    pub fn verify<'a>(
        &self,
        leaf: &Hash,
        policy: &'a TlogPolicy,
        ed25519: &dyn Ed25519,
    ) -> Result<Accepted<'a>, TlogProofError> {
        let accepted = policy.verify(&self.checkpoint, ed25519)?;
        let tree = &accepted.checkpoint;
        merkle::verify_inclusion(leaf, self.index, tree.size, &self.path, &tree.root)?;
        Ok(accepted)
    }
}

impl Evidence {
    /// The log part of an event's proof, as a `.tlog-proof`: its leaf is the text of the event's entry.
    /// `None` if there is no such event, or the file is not in order.
    #[must_use]
    pub fn tlog_proof(&self, place: Place) -> Option<TlogProof> {
        let event = self.items.get(place.item)?.events.get(place.event)?;
        let entry = self.entries.get(event.entry.0)?;
        let checkpoint = self.checkpoints.get(entry.checkpoint.0)?;
        let checkpoint = Note::parse(checkpoint.as_bytes()).ok()?;
        Some(TlogProof { extra: None, index: entry.index, path: entry.path.clone(), checkpoint })
    }
}

enum Line {
    Extra(Vec<u8>),
    Index(LeafIndex),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checkpoint::Checkpoint,
        key::{SignatureType, SigningKey},
        merkle::{TreeSize, leaves_path, leaves_root},
        note::Strict,
        time::Timestamp,
    };
    use alloc::{borrow::ToOwned, vec};

    const ORIGIN: &str = "witness.example/log1";

    fn leaves() -> Vec<Hash> {
        (0..7).map(|n| Hash::leaf(format!("leaf {n}").as_bytes())).collect()
    }

    fn key() -> SigningKey {
        SigningKey::from_seed(ORIGIN, SignatureType::Ed25519, &[2; 32]).unwrap()
    }

    fn policy() -> TlogPolicy {
        let text = format!("log {}\nquorum none\n", key().verifying_key());
        TlogPolicy::parse(text.as_bytes()).unwrap()
    }

    fn proof(index: u64) -> TlogProof {
        let root = leaves_root(&leaves());
        let text = Checkpoint { origin: ORIGIN.into(), size: TreeSize(7), root }.encode();
        let signature = key().sign(&text, Timestamp::EPOCH);
        TlogProof {
            extra: None,
            index: LeafIndex(index),
            path: leaves_path(&leaves(), LeafIndex(index)).unwrap(),
            checkpoint: Note::new(text, vec![signature]),
        }
    }

    #[test]
    fn a_proof_is_written_as_the_specification_says() {
        let plain = proof(6);
        let expected = format!(
            "c2sp.org/tlog-proof@v1\nindex 6\ndauSgmjIb0TaXUJBGI7XHkqrLU131tUBF9rZSoQu3gM=\n\
             T2MQhKFXxU9U/Psj/164ZQxLoWDClbsTqYMrEJ1SZ34=\n\n{}",
            plain.checkpoint
        );
        assert_eq!(plain.encode(), expected);
        let with_extra = TlogProof { extra: Some(vec![1]), ..plain.clone() };
        assert!(with_extra.encode().contains("@v1\nextra AQ==\nindex 6\n"));
        for proof in [plain, with_extra] {
            assert_eq!(TlogProof::parse(proof.encode().as_bytes()), Ok(proof));
        }
    }

    #[test]
    fn each_leaf_is_proved_and_no_other() {
        let policy = policy();
        for (index, leaf) in (0..).zip(leaves()) {
            let accepted = proof(index).verify(&leaf, &policy, &Strict).unwrap();
            assert_eq!(accepted.checkpoint.size, TreeSize(7));
            let refusal = proof((index + 1) % 7).verify(&leaf, &policy, &Strict).unwrap_err();
            assert!(matches!(refusal, TlogProofError::Inclusion(_)), "{refusal}");
        }
        let other = SigningKey::from_seed(ORIGIN, SignatureType::Ed25519, &[3; 32]).unwrap();
        let other = format!("log {}\nquorum none\n", other.verifying_key());
        let other = TlogPolicy::parse(other.as_bytes()).unwrap();
        let refusal = proof(0).verify(&leaves()[0], &other, &Strict).unwrap_err();
        assert_eq!(refusal, TlogProofError::Policy(TlogRefusal::LogUnknown));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let text = proof(6).encode();
        for bit in 0..text.len() * 8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verdict = TlogProof::parse(&bytes)
                .and_then(|proof| proof.verify(&leaves()[6], &policy(), &Strict).map(|_| ()));
            assert!(verdict.is_err(), "bit {bit} was not missed");
        }
    }

    #[test]
    fn a_file_or_path_that_is_longer_or_shorter_is_refused() {
        let (good, policy, leaf) = (proof(6), policy(), leaves()[6]);
        let text = good.encode();
        let judge =
            |text: &[u8]| TlogProof::parse(text)?.verify(&leaf, &policy, &Strict).map(|_| ());
        assert_eq!(judge(text.as_bytes()), Ok(()));
        for end in 0..text.len() {
            assert!(judge(&text.as_bytes()[..end]).is_err(), "cut after {end}");
            assert!(end == 0 || judge(&text.as_bytes()[end..]).is_err(), "cut before {end}");
        }
        for more in ["\n", " ", "a", "a\n", "\u{0}", text.as_str()] {
            assert!(judge((text.clone() + more).as_bytes()).is_err(), "{more} behind");
            assert!(judge((more.to_owned() + &text).as_bytes()).is_err(), "{more} before");
        }
        let length = |path: Vec<Hash>| {
            TlogProof { path, ..good.clone() }.verify(&leaf, &policy, &Strict).map(|_| ())
        };
        let paths = [Vec::new(), good.path[..1].to_vec(), [good.path.as_slice(), &[leaf]].concat()];
        for path in paths {
            let refused = length(path);
            let is_named =
                matches!(refused, Err(TlogProofError::Inclusion(ProofError::Length { .. })));
            assert!(is_named, "{refused:?}");
        }
    }

    #[test]
    fn a_malformed_file_is_refused() {
        let good = proof(6).encode();
        let hash = "dauSgmjIb0TaXUJBGI7XHkqrLU131tUBF9rZSoQu3gM=\n";
        let cases = [
            good.replace("@v1", "@v2"),
            good.replace("index 6", "index 06"),
            good.replace("index 6\n", "extra AQ==\nextra AQ==\nindex 6\n"),
            good.replace("index 6\n", "index 6\nextra AQ==\n"),
            good.replace("index 6\n", "extra AR==\nindex 6\n"),
            good.replace(hash, &hash.repeat(63)),
            good.replace(hash, "AA==\n"),
            good.replace("\n\nwitness", "\nwitness"),
            good.trim_end().into(),
            good + "\n",
        ];
        for text in cases {
            assert!(TlogProof::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
