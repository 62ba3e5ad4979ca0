//! The proof of a misdeed of the log: two checkpoints that it signed, and what shows that they do not go
//! together. Anybody can check it who has this file and the firm's keys.

use anyhow::{Context as _, Result};
use serde::Serialize;
use witness_core::{
    checkpoint::Checkpoint,
    hash::Hash,
    merkle::{NodeSource, inclusion_path, verify_inclusion},
    tlog_proof::TlogProof,
};

use super::{entries::Complaint, follow::Verified, growth::Divergence, state::StateFolder};
use crate::outcome::Failure;

pub(super) const FORMAT: &str = "witness-misdeed/v1";
const HOW_TO_CHECK: &str = "`smaller` and `larger` are C2SP signed notes (c2sp.org/signed-note) over \
    checkpoints (c2sp.org/tlog-checkpoint: origin, size, root in base64). Verify the log's signature on both \
    with its public key: then the log made both statements. The line with a time in it is a signature of the \
    firm's timestamp key.";
const HOW_TO_CHECK_PATH: &str = "`consistency_path` is an RFC 6962 consistency proof (section 2.1.2; \
    checked as in RFC 9162 section 2.1.4.2) from `prefix_root` at the size of `smaller` to the root of \
    `larger`: the larger tree began with a tree of that root. `prefix_root` is not the root that `smaller` \
    states for the same size. A log that only grows cannot have signed both.";

/// What the log did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misdeed {
    /// Two roots for one size.
    TwoRoots,
    /// The smaller tree is no prefix of the larger one.
    Fork(Divergence),
    /// What it shows now is smaller than what it showed before.
    Shrunk,
    /// A published checkpoint is not shown any more.
    Hidden,
    /// The smaller tree was published after the larger one, by the firm's own time.
    Backwards,
}

impl Misdeed {
    fn words(&self) -> &'static str {
        match self {
            Self::TwoRoots => "THE LOG HAS FORKED: two roots were signed for one size",
            Self::Fork(_) => "THE LOG HAS FORKED: the older tree is no prefix of the newer one",
            Self::Shrunk => "THE LOG HAS SHRUNK: it was set back to an older state",
            Self::Hidden => "THE LOG HIDES a checkpoint that it had published",
            Self::Backwards => {
                "THE LOG RUNS BACKWARDS: the smaller tree bears a later time than the larger one"
            }
        }
    }

    /// What the two notes show to somebody who was not there.
    fn shows(&self) -> &'static str {
        match self {
            Self::TwoRoots => {
                "Both state the same size and another root: a log has one tree of a size."
            }
            Self::Fork(_) => HOW_TO_CHECK_PATH,
            Self::Shrunk | Self::Hidden => {
                "The log signed both, and did not show the one that was seen first any more. The notes \
                 prove that both were signed; that one was missing is the word of whoever looked."
            }
            Self::Backwards => {
                "The times in the two timestamp signatures run against the sizes: a log that only grows \
                 publishes the larger tree later."
            }
        }
    }
}

/// The file, in its own words.
#[derive(Debug, Serialize)]
struct ProofFile<'a> {
    format: &'static str,
    what: &'static str,
    how_to_check: String,
    origin: &'a str,
    smaller: String,
    larger: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency_path: Option<Vec<String>>,
}

/// Keeps the proof that the log did something; gives what to tell.
pub(super) fn convict(
    folder: &StateFolder,
    misdeed: &Misdeed,
    one: &Verified,
    other: &Verified,
) -> Failure {
    let (small, large) =
        if one.checkpoint.size <= other.checkpoint.size { (one, other) } else { (other, one) };
    let (from, to) = (small.checkpoint.size, large.checkpoint.size);
    let kept = file(misdeed, small, large)
        .and_then(|bytes| folder.keep_proof(&format!("proof-{from}-{to}"), "json", &bytes));
    let step = match kept {
        Ok(path) => format!("keep {} and show it to others: the firm signed both", path.display()),
        Err(error) => format!("the proof could not be kept: {error:#}"),
    };
    Failure::refused(format!("{} (sizes {from} and {to})", misdeed.words())).next(step)
}

/// Keeps an entry that should never have been logged, and a C2SP proof that the log signed it.
pub(super) fn convict_entry(
    folder: &StateFolder,
    complaint: &Complaint,
    to: &Verified,
    nodes: &mut impl NodeSource<Error = anyhow::Error>,
) -> Failure {
    let Complaint { index, text, why } = complaint;
    let name = format!("entry-{index}");
    let kept = folder.keep_proof(&name, "txt", text).and_then(|entry| {
        let proof = tlog_proof(complaint, to, nodes)?;
        Ok((entry, folder.keep_proof(&name, "tlog-proof", proof.encode().as_bytes())?))
    });
    let step = match kept {
        Ok((entry, proof)) => format!(
            "it should never have been logged; keep {}, and {}, which proves that the log signed it, \
             and ask the firm",
            entry.display(),
            proof.display()
        ),
        Err(error) => format!("ask the firm; the proof could not be kept: {error:#}"),
    };
    let origin = &to.checkpoint.origin;
    Failure::refused(format!("entry {index} of {origin} is not good: {why}")).next(step)
}

/// The entry was read under the signed root, but the tiles for its path are not, so the path is checked.
fn tlog_proof(
    complaint: &Complaint,
    to: &Verified,
    nodes: &mut impl NodeSource<Error = anyhow::Error>,
) -> Result<TlogProof> {
    let (index, Checkpoint { size, root, .. }) = (complaint.index, &to.checkpoint);
    let path = inclusion_path(nodes, index, *size)?;
    verify_inclusion(&Hash::leaf(&complaint.text), index, *size, &path, root)
        .context("the tiles do not lead to the signed root")?;
    Ok(TlogProof { extra: None, index, path, checkpoint: to.note.clone() })
}

fn file(misdeed: &Misdeed, small: &Verified, large: &Verified) -> Result<Vec<u8>> {
    let shown = match misdeed {
        Misdeed::Fork(shown) => Some(shown),
        Misdeed::TwoRoots | Misdeed::Shrunk | Misdeed::Hidden | Misdeed::Backwards => None,
    };
    let file = ProofFile {
        format: FORMAT,
        what: misdeed.words(),
        how_to_check: format!("{HOW_TO_CHECK} {}", misdeed.shows()),
        origin: &large.checkpoint.origin,
        smaller: small.note.to_string(),
        larger: large.note.to_string(),
        prefix_root: shown.map(|shown| shown.prefix_root.to_base64()),
        consistency_path: shown
            .map(|shown| shown.path.iter().map(|hash| hash.to_base64()).collect()),
    };
    let mut bytes = serde_json::to_vec_pretty(&file)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use witness_core::{
        key::{SignatureType, SigningKey},
        merkle::{LeafIndex, verify_consistency},
        note::Note,
        time::Timestamp,
    };

    use super::{
        super::growth::{Growth, growth, tests::Leaves},
        *,
    };
    use crate::outcome::Outcome;

    fn signed(checkpoint: Checkpoint) -> Verified {
        let key = SigningKey::from_seed(&checkpoint.origin, SignatureType::Ed25519, &[3; 32]);
        let text = checkpoint.encode();
        let signature = key.unwrap().sign(&text, Timestamp::EPOCH);
        let note = Note::new(text, vec![signature]);
        Verified { checkpoint, note, published_at: Timestamp::EPOCH }
    }

    #[test]
    fn the_file_alone_shows_that_the_log_forked() {
        let mut leaves = Leaves::new(&["a", "b", "c", "d", "e"]);
        let small = signed(Leaves::new(&["a", "X", "c"]).checkpoint(3));
        let large = signed(leaves.checkpoint(5));
        let grew = growth(&small.checkpoint, &large.checkpoint, &mut leaves).unwrap();
        let Growth::Fork(shown) = grew else { panic!("{grew:?}") };
        let text = file(&Misdeed::Fork(shown), &small, &large).unwrap();

        let text: Value = serde_json::from_slice(&text).unwrap();
        let checkpoint = |member: &str| {
            let note = Note::parse(text[member].as_str().unwrap().as_bytes()).unwrap();
            Checkpoint::parse(note.text()).unwrap()
        };
        let hash = |value: &Value| Hash::from_base64(value.as_str().unwrap()).unwrap();
        let (smaller, larger) = (checkpoint("smaller"), checkpoint("larger"));
        let prefix_root = hash(&text["prefix_root"]);
        let path: Vec<Hash> =
            text["consistency_path"].as_array().unwrap().iter().map(hash).collect();
        assert_ne!(prefix_root, smaller.root);
        let (old, new) = ((smaller.size, &prefix_root), (larger.size, &larger.root));
        assert_eq!(verify_consistency(old, new, &path), Ok(()));
    }

    #[test]
    fn a_wrong_entry_is_kept_with_a_proof_that_the_log_signed_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let mut leaves = Leaves::new(&["a", "b", "c"]);
        let to = signed(leaves.checkpoint(3));
        let (index, why) = (LeafIndex(1), "it is odd".to_owned());
        let complaint = Complaint { index, text: b"b".to_vec(), why };
        let failure = convict_entry(&state, &complaint, &to, &mut leaves);
        assert_eq!(failure.outcome, Outcome::Refused);
        let kept = std::fs::read(folder.path().join("entry-1-1.tlog-proof")).unwrap();
        let proof = TlogProof::parse(&kept).unwrap();
        let entry = std::fs::read(folder.path().join("entry-1-1.txt")).unwrap();
        let Checkpoint { size, root, .. } = &to.checkpoint;
        let checked = verify_inclusion(&Hash::leaf(&entry), proof.index, *size, &proof.path, root);
        assert_eq!(checked, Ok(()));
    }

    #[test]
    fn no_proof_is_overwritten_and_the_same_one_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let one = signed(Leaves::new(&["a", "b"]).checkpoint(2));
        let others = ["X", "Y", "X"].map(|text| signed(Leaves::new(&["a", text]).checkpoint(2)));
        for other in &others {
            let failure = convict(&state, &Misdeed::TwoRoots, &one, other);
            assert_eq!(failure.outcome, Outcome::Refused);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
